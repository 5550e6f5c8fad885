//! What the built-in games put into [`Input`](crate::ClientMessage::Input),
//! [`Snapshot`](crate::ServerMessage::Snapshot) and [`Event`](crate::ServerMessage::Event) bodies.
//!
//! A game of your own keeps such types in a crate that its server and its client share; these are
//! here because the server's built-in games and the bots share this crate and nothing else. They
//! hold values only: the rules are in the server, the decisions in the bots.

pub mod arena;
pub mod benchmark;
pub mod noughts;
