//! One player's seat in a room: who it is, over which connection, and what it has been told.
//!
//! Data flow: lobby (joins, losses, returns) -> **`Seat`** -> room.
//!
//! A seat outlives its connection for a while. It keeps the last events of its player, so that
//! whoever comes back is told what it missed. That a held seat is given up in time is the business
//! of `lobby`.

use std::collections::VecDeque;

use gamekeeper_protocol::{LeaveCause, Member, PlayerId, Presence};

use super::ticket::SeatKeys;
use crate::{
    frames::{Framing, SharedFrame},
    ids::ConnectionId,
    limits::Limits,
    time::Time,
};

/// How long seats are held, and what is kept for those who come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeTerms {
    /// How long, in milliseconds; 0 if a lost connection is a leave at once.
    pub window_ms: u64,
    /// Seats that are held at the same time.
    pub seats_max: usize,
    /// Events that are kept for each player.
    pub events_max: usize,
    /// Bytes that these events may have.
    pub events_bytes: usize,
}

impl ResumeTerms {
    /// What the server's limits say.
    pub fn of(limits: &Limits) -> Self {
        let usize = |limit: u64| usize::try_from(limit).expect("64-bit system");
        Self {
            window_ms: limits.resume_window_ms,
            seats_max: usize(limits.seats_held_max),
            events_max: usize(limits.resume_events_max),
            events_bytes: usize(limits.resume_events_bytes),
        }
    }
}

/// A player in a room.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) player: PlayerId,
    pub(super) name: Box<str>,
    pub(super) link: Link,
    /// Whether the player is silent although it was asked.
    pub(super) stalled: bool,
    /// What the game and the others believe.
    pub(super) announced: Presence,
    pub(super) events: EventLog,
    pub(super) keys: SeatKeys,
}

/// How a seat's player is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Over this connection, which is welcomed at the next tick.
    New(ConnectionId),
    /// Over this connection.
    On(ConnectionId),
    /// Again, over this connection, which is welcomed at the next tick.
    Back {
        connection: ConnectionId,
        /// How many events the client says that it has received.
        events_seen: u32,
    },
    /// Not at all.
    Away {
        /// Why not.
        cause: LeaveCause,
        /// When the seat is given up.
        until: Time,
    },
}

impl Seat {
    pub(super) fn new(
        player: PlayerId,
        name: &str,
        connection: ConnectionId,
        keys: SeatKeys,
    ) -> Self {
        Self {
            player,
            name: name.into(),
            link: Link::New(connection),
            stalled: false,
            announced: Presence::Here,
            events: EventLog::default(),
            keys,
        }
    }

    pub(super) fn member(&self) -> Member<'_> {
        Member { player: self.player, name: &self.name, presence: self.announced }
    }

    /// The connection that the seat is taken by.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self.link {
            Link::New(connection) | Link::On(connection) | Link::Back { connection, .. } => {
                Some(connection)
            }
            Link::Away { .. } => None,
        }
    }

    /// Whether the player can be reached, now.
    pub(super) fn presence(&self) -> Presence {
        match self.link {
            Link::Away { .. } => Presence::Away,
            _ if self.stalled => Presence::Stalled,
            _ => Presence::Here,
        }
    }
}

/// The last events of one player.
///
/// Invariant: `kept` are the last ones of the `count`, in order, and `kept_bytes` their bytes.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    /// Events that there have been for this player.
    count: u32,
    kept: VecDeque<SharedFrame>,
    kept_bytes: usize,
}

impl EventLog {
    /// Notes an event; forgets the oldest ones that are beyond the terms.
    pub(super) fn push(&mut self, frame: &SharedFrame, terms: &ResumeTerms) {
        self.count = self.count.saturating_add(1);
        if terms.window_ms == 0 {
            return;
        }
        self.kept.push_back(SharedFrame::clone(frame));
        self.kept_bytes += frame.wire_bytes(Framing::Native);
        while self.kept.len() > terms.events_max || self.kept_bytes > terms.events_bytes {
            let oldest = self.kept.pop_front().expect("something is beyond the terms");
            self.kept_bytes -= oldest.wire_bytes(Framing::Native);
        }
    }

    /// What a player has missed that has seen so many events: how many events came before those
    /// that are still there, and these.
    pub(super) fn missed(&self, seen: u32) -> (u32, impl Iterator<Item = &SharedFrame>) {
        // Whoever claims to have seen more than there was is taken to have seen everything.
        let missing = self.count.saturating_sub(seen) as usize;
        let skipped = self.kept.len().saturating_sub(missing);
        let sent = u32::try_from(self.kept.len() - skipped).expect("bounded by the terms");
        (self.count - sent, self.kept.range(skipped..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for four events, and for twelve bytes of two, besides four bytes in front of each.
    const TERMS: ResumeTerms =
        ResumeTerms { window_ms: 1, seats_max: 1, events_max: 4, events_bytes: 20 };

    fn log(sizes: &[usize]) -> EventLog {
        let mut log = EventLog::default();
        for (number, size) in (1..).zip(sizes) {
            log.push(&SharedFrame::plain(&vec![number; *size]), &TERMS);
        }
        log
    }

    /// The events that are sent again to whoever has seen so many, and how many came before them.
    fn missed(log: &EventLog, seen: u32) -> (u32, Vec<u8>) {
        let (before, frames) = log.missed(seen);
        (before, frames.map(|frame| frame.message()[0]).collect())
    }

    #[test]
    fn who_comes_back_gets_exactly_what_it_has_not_seen() {
        let log = log(&[1, 1, 1]);
        assert_eq!(missed(&log, 3), (3, vec![]));
        assert_eq!(missed(&log, 2), (2, vec![3]));
        assert_eq!(missed(&log, 0), (0, vec![1, 2, 3]));
    }

    #[test]
    fn what_is_too_old_is_known_to_be_lost() {
        assert_eq!(missed(&log(&[1; 6]), 1), (2, vec![3, 4, 5, 6]), "the second one is lost");
        assert_eq!(missed(&log(&[6; 3]), 0), (1, vec![2, 3]), "by bytes as well");
        assert_eq!(missed(&log(&[17]), 0), (1, vec![]), "one that is larger than all there is");
    }

    #[test]
    fn who_claims_to_have_seen_the_future_gets_nothing() {
        assert_eq!(missed(&log(&[1, 1]), 3), (2, vec![]));
        assert_eq!(missed(&log(&[1, 1]), u32::MAX), (2, vec![]));
    }
}
