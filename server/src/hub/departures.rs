//! The last connections that left: for the operator who comes a moment too late, and for whoever
//! keeps a ledger of all that leave.
//!
//! Data flow: settled leaves -> **`Departures`** -> `/api/connections`, `/api/departures`. A ring
//! of bounded length, whose entries are numbered without a gap.

use std::{borrow::Cow, collections::VecDeque};

use crate::{
    client::{
        Client,
        flight::FlightRecorder,
        leave::{Exit, Leave},
    },
    ids::{ConnectionId, PeerAddr, Place},
    time::Time,
};

/// The newest departures.
#[derive(Debug, Default)]
pub struct Departures {
    /// The oldest first, at most `departures_kept_max`.
    kept: VecDeque<Departure>,
    /// How many there have been.
    total: u64,
}

/// A connection that left.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The how manieth departure this is, from 1.
    pub number: u64,
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
    /// How its socket is closed.
    pub exit: Exit,
    /// Whether its player's seat is held.
    pub seat_held: bool,
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
            number: 0,
            id,
            peer: client.peer,
            leave,
            detail: Cow::Borrowed(""),
            place,
            exit: leave.reason.exit(),
            seat_held: false,
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

    /// Those behind the one with this number, the oldest first.
    pub fn after(&self, number: u64) -> impl Iterator<Item = &Departure> {
        let skip = number.saturating_add(1).saturating_sub(self.first_number());
        self.kept.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }

    /// How many there have been.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many behind the one with this number are not remembered any more.
    pub fn forgotten_after(&self, number: u64) -> u64 {
        self.first_number().saturating_sub(number.saturating_add(1))
    }

    /// The number of the oldest that is kept, or of the next one.
    fn first_number(&self) -> u64 {
        self.total + 1 - self.kept.len() as u64
    }

    /// Remembers one more, and of all as many as are to be kept.
    pub(super) fn push(&mut self, departure: Departure, kept_max: u64) {
        self.total += 1;
        // First room, then the new one: a ring that is one longer for a moment takes twice the
        // memory for ever.
        while self.kept.len() as u64 >= kept_max && self.kept.pop_front().is_some() {}
        if kept_max > 0 {
            self.kept.push_back(Departure { number: self.total, ..departure });
        }
    }
}
