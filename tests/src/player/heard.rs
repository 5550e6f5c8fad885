//! What a player has heard, as values that a test can compare.
//!
//! Data flow: message of the server -> **`Heard`** -> test. It decides nothing.

use gamekeeper_protocol::{Departed, GoodbyeReason, PlayerId, PresenceChange, ServerMessage};

/// A message of the server, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// You are in; these are here.
    Welcome(Vec<PlayerId>),
    /// The state at a tick, encoded.
    Snapshot(u32, Vec<u8>),
    /// Something that happened, encoded.
    Event(Vec<u8>),
    /// Who came and who went.
    Members(Vec<PlayerId>, Vec<Departed>),
    /// Who can, or cannot, be reached.
    Presences(Vec<PresenceChange>),
    /// A ping with its nonce.
    Ping(u32),
    /// A pong with its nonce.
    Pong(u32),
    /// The last word.
    Goodbye(GoodbyeReason, String),
}

/// What a message says, in one or two parts.
pub(super) fn owned(message: ServerMessage<'_>) -> Vec<Heard> {
    vec![match message {
        ServerMessage::Welcome(welcome) => {
            Heard::Welcome(welcome.members.iter().map(|member| member.player).collect())
        }
        ServerMessage::Snapshot { tick, body } => Heard::Snapshot(tick.0, body.0.to_vec()),
        ServerMessage::Event { body, .. } => Heard::Event(body.0.to_vec()),
        ServerMessage::Members { joined, left, changed, .. } => {
            let mut heard = Vec::new();
            if !(joined.is_empty() && left.is_empty()) {
                let joined = joined.iter().map(|member| member.player).collect();
                heard.push(Heard::Members(joined, left));
            }
            if !changed.is_empty() {
                heard.push(Heard::Presences(changed));
            }
            return heard;
        }
        ServerMessage::Ping { nonce } => Heard::Ping(nonce),
        ServerMessage::Pong { nonce } => Heard::Pong(nonce),
        ServerMessage::Goodbye { reason, text } => Heard::Goodbye(reason, text.to_owned()),
    }]
}
