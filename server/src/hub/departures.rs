//! The last connections that left, for the operator who comes a moment too late.
//!
//! Data flow: settled leaves -> **`Departures`** -> `/api/connections`. A ring of fixed length.

use std::{borrow::Cow, collections::VecDeque};

use crate::{
    client::{Client, flight::FlightRecorder, leave::Leave},
    ids::{ConnectionId, PeerAddr, Place},
    time::Time,
};

/// Departures that are kept.
pub const DEPARTURES_KEPT: usize = 256;

/// The newest departures.
#[derive(Debug, Default)]
pub struct Departures {
    /// The oldest first, at most [`DEPARTURES_KEPT`].
    kept: VecDeque<Departure>,
}

/// A connection that left.
#[derive(Clone, Debug)]
pub struct Departure {
    /// Which.
    pub id: ConnectionId,
    /// Where it came from.
    pub peer: PeerAddr,
    /// Why it ended, and how that was learnt.
    pub leave: Leave,
    /// What exactly happened, as a sentence; not longer than one in a goodbye.
    pub detail: Cow<'static, str>,
    /// Where its player was.
    pub place: Option<Place>,
    /// When.
    pub at: Time,
    /// What happened to it until then.
    pub flight: FlightRecorder,
    /// Bytes that were read from it.
    pub bytes_in: u64,
    /// Bytes that were written to it.
    pub bytes_out: u64,
}

impl Departure {
    /// The end of `client`, now.
    pub(super) fn of(
        id: ConnectionId,
        client: &Client,
        leave: Leave,
        place: Option<Place>,
        now: Time,
    ) -> Self {
        Self {
            id,
            peer: client.peer,
            leave,
            detail: Cow::Borrowed(""),
            place,
            at: now,
            flight: client.flight,
            bytes_in: client.bytes_in,
            bytes_out: client.bytes_out,
        }
    }
}

impl Departures {
    /// The newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Departure> {
        self.kept.iter().rev()
    }

    pub(super) fn push(&mut self, departure: Departure) {
        if self.kept.len() == DEPARTURES_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(departure);
    }
}
