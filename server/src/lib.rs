//! Gamekeeper hosts multiplayer game sessions and does not fall over when players vanish.
//!
//! You write the rules of your game as one [`Game`]; Gamekeeper does the sockets, the
//! rooms, the deadlines, and the many ways in which a client can leave.
//!
//! ```text
//!   socket ──> shell ──> hub ──> client (frames, messages) ──> room ──> game
//!                                                                        │
//!   socket <── shell <── hub <── client (queues) <── room (frames) <─────┘
//! ```
//!
//! Only [`shell`] does I/O, and it decides nothing about players. Everything inwards of it is
//! pure: it takes bytes and the time, and gives back bytes and what to do.
//!
//! Modules in the order of the flow: [`cli`] and [`config`] start a [`server`], whose [`shell`]
//! runs the loop around the [`hub`], which holds each [`client`] and each [`room`] with its
//! [`game`]; [`web`] is what browsers speak, [`metrics`] counts, [`admin`] shows, and
//! the [`lab`] sends in bots to look at.

pub mod admin;
pub mod cli;
pub mod client;
pub mod company;
pub mod config;
pub mod frames;
pub mod game;
pub mod guard;
pub mod hub;
pub mod ids;
pub mod lab;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod room;
pub mod server;
pub mod shell;
mod sys;
pub mod time;
pub mod web;

pub use game::{Audience, Game, Outbox, PlayerInput, Setup};
pub use gamekeeper_protocol::{InputSequence, LeaveCause, PlayerId, Tick};
pub use room::games::Games;
