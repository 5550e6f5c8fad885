//! A game server that misbehaves on purpose, for people who want to test their clients.
//!
//! ```text
//!   --mode, --seed ── choice ──> mode ──> conversation (script, room, wrong) <── bytes ── socket
//!                                                      └─────> bytes, fate ──> socket
//! ```
//!
//! A client meets a server like this one on the worst day of its life and never in its tests. Each
//! mode of the catalogue is one fault, with what a good client makes of it; see [`Mode`].
//!
//! What is said and done is a pure state machine, [`Conversation`]: `now`, the seed and the bytes
//! of the client are its arguments. [`Server`] is the shell around it: one thread, nonblocking
//! sockets, and a bounded number of connections.
//!
//! Nothing here is shared with the server that is tested by the rest of this crate, and it is no
//! server to play on: a seat belongs to whoever asks for it.
//!
//! Modules in the order of the data: [`mode`], [`choice`], `wrong`, `room`, `outbox`, `script`,
//! [`conversation`], `peer`, `journal`, [`server`].

pub mod choice;
pub mod conversation;
mod journal;
pub mod mode;
mod outbox;
mod peer;
mod room;
mod script;
pub mod server;
mod wrong;

pub use choice::Choice;
pub use conversation::{Conversation, Fate, Over, Terms};
pub use mode::Mode;
pub use server::{FaultyOptions, Server, Tally};
