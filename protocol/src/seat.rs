//! Seats on the wire: who is there, who is only away, and how to come back.
//!
//! A player's *seat* outlives its connection for a while. The others see the player's [`Presence`];
//! whoever lost a connection shows its [`Ticket`] in the hello of a new one.
//!
//! Only the shapes are here. What a ticket contains and whether it is good is the server's
//! business: to a client it is 32 bytes to keep and to show.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::PlayerId;

/// Whether a player who has a seat can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Presence {
    /// Connected, and heard of lately.
    #[default]
    Here,
    /// Connected, but silent although asked: perhaps a network that will recover.
    Stalled,
    /// Not connected. The seat is held for a while, for the player to come back.
    Away,
}

/// A player whose presence is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceChange {
    /// Who.
    pub player: PlayerId,
    /// What it is now.
    pub presence: Presence,
}

/// The right to one player's seat: opaque to the client, a secret between it and the server.
///
/// Not shown by `Debug`, so that it ends up in no log.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(pub [u8; 32]);

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

/// In a hello: the player has a seat already and wants it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The ticket of the last welcome.
    pub ticket: Ticket,
    /// How many events the client has received for this seat: the last welcome's
    /// `events_before`, and one more for each event since.
    pub events_seen: u32,
}

/// In a welcome: how to get this seat back after the connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeOffer {
    /// What to show. Each welcome has a new one.
    pub ticket: Ticket,
    /// For how long the seat is held, in milliseconds, from when the server has noticed the loss.
    pub window_ms: u32,
}
