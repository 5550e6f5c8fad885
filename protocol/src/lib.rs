//! What is on the wire between a Gamekeeper server and its clients.
//!
//! ```text
//!   socket bytes ── frame.rs ──> frames ── message.rs ──> ClientMessage | ServerMessage
//! ```
//!
//! A **frame** is a `u32` little-endian length followed by that many bytes. A frame's bytes are
//! exactly one **message**, in bincode 2 (little-endian, variable-length integers). The byte
//! layout, with annotated hex dumps, is in `docs/protocol.md`.
//!
//! This crate is pure. It has no socket, no clock, no thread and no randomness, and it never
//! allocates more than the limits of [`limits`] on the word of a peer. It does not decide what a
//! message means: that is the server's and the client's business.
//!
//! Modules in the order in which bytes meet them: [`limits`], [`frame`], [`codec`], [`message`],
//! [`seat`], [`ids`], [`games`].

pub mod codec;
pub mod frame;
pub mod games;
pub mod ids;
pub mod limits;
pub mod message;
pub mod seat;

pub use codec::{DecodeError, EncodeError};
pub use frame::{FrameDecoder, FrameError};
pub use ids::{InputSequence, PlayerId, RoomId, Tick};
pub use message::{
    ClientMessage, Departed, GoodbyeReason, Hello, LeaveCause, Member, ServerMessage, Welcome,
};
pub use seat::{Presence, PresenceChange, Resume, ResumeOffer, Ticket};

/// The version of the message layout. It changes whenever a message does.
///
/// A server speaks exactly one version. A hello with another one is answered with
/// [`GoodbyeReason::VersionUnsupported`], which names the server's.
pub const PROTOCOL_VERSION: u16 = 1;
