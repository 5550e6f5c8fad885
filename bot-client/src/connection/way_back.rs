//! The way back to a seat whose connection was lost.
//!
//! Data flow: welcome, events, inputs -> **`WayBack`** -> hello of the next connection.
//!
//! A value that outlives its connection. It does not know whether the seat is still held: only the
//! server does, and says so when it is asked.

use std::time::Duration;

use gamekeeper_protocol::{InputSequence, PlayerId, Resume, ResumeOffer, RoomId, Ticket, Welcome};

/// What a client has to remember to take its seat again.
///
/// It is worth the player's seat. `Debug` does not show the ticket; do not show it either, and do
/// not send it to any other server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// Who we are.
    pub player: PlayerId,
    /// Where our seat is.
    pub room: RoomId,
    /// What proves it: the ticket of the last welcome.
    pub ticket: Ticket,
    /// For how long the seat is held, from when the server has noticed the loss.
    pub window: Duration,
    /// How many events there have been for our seat, as far as we have heard.
    pub events_seen: u32,
    /// Our number for the last input. The inputs of the next connection go on from here.
    pub last_input: InputSequence,
}

/// How we came to our seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is a new one.
    New,
    /// We have had it before.
    Back {
        /// Events that happened meanwhile and were too old to be kept. All others follow now.
        events_lost: u32,
    },
}

impl WayBack {
    /// The way that a welcome offers, if the server holds seats.
    pub(super) fn offered(welcome: &Welcome<'_>, last_input: InputSequence) -> Option<Self> {
        let ResumeOffer { ticket, window_ms } = welcome.resume?;
        Some(Self {
            player: welcome.player,
            room: welcome.room,
            ticket,
            window: Duration::from_millis(u64::from(window_ms)),
            events_seen: welcome.events_before,
            last_input,
        })
    }

    /// What to say to go it.
    pub(super) fn resume(&self) -> Resume {
        Resume { ticket: self.ticket, events_seen: self.events_seen }
    }
}
