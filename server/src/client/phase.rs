//! Where a connection stands in its life, and the only legal ways from one phase to the next.
//!
//! ```text
//!   Handshake ──> Playing ──> Dying ──> Lingering ──> Dead
//!       └───────────────────────┘└───────────────────────┘
//! ```
//!
//! No edge goes back, and none leaves `Dead`: the slot is freed and its generation goes up.

use std::borrow::Cow;

use super::leave::Leave;
use crate::{ids::Place, time::Time};

/// A connection's phase, with what is valid in it.
#[derive(Debug)]
pub enum Phase {
    /// Accepted; a hello is awaited.
    Handshake,
    /// The hello was accepted; the player has a place.
    Playing(Place),
    /// Marked: the reason stands, and nothing else happens to it until the leaves of this turn
    /// are settled.
    Dying(Ending),
    /// The player is out of its room; the farewell is on its way to the client.
    Lingering(Linger),
    /// Nothing is left to do but to close the socket and free the slot.
    Dead,
}

/// Why a connection is ending, kept from the mark until the leaves are settled.
#[derive(Debug)]
pub struct Ending {
    /// The reason and path that are counted.
    pub leave: Leave,
    /// What exactly was wrong, for the log and for the person at the other end.
    pub detail: Cow<'static, str>,
    /// The place that the player holds until then.
    pub place: Option<Place>,
    /// Whether its socket has failed since the mark: then nothing can be said any more.
    pub broken: bool,
}

/// A farewell under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linger {
    /// Which farewell this is, counted from the start of the server.
    pub number: u64,
    /// When the connection is cut, farewell or not.
    pub until: Time,
    /// How long the farewell may take in all, in milliseconds.
    pub lasts_ms: u64,
    /// Whether our half is shut down: everything is in the kernel's hands.
    pub flushed: bool,
    /// Bytes that the client sent meanwhile, read and dropped.
    pub discarded_bytes: u64,
}

impl Phase {
    /// The name in answers.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Playing(_) => "playing",
            Self::Dying(_) => "leaving",
            Self::Lingering(_) => "lingering",
            Self::Dead => "closed",
        }
    }

    /// Whether the connection takes part: it may still be marked.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Handshake | Self::Playing(_))
    }

    /// Whether bytes may be written to its socket.
    pub fn may_write(&self) -> bool {
        match self {
            Self::Handshake | Self::Playing(_) => true,
            Self::Lingering(linger) => !linger.flushed,
            Self::Dying(_) | Self::Dead => false,
        }
    }

    /// Goes on to `next`, if that is an edge.
    pub fn advance(&mut self, next: Self) {
        let legal = matches!(
            (&*self, &next),
            (Self::Handshake, Self::Playing(_) | Self::Dying(_))
                | (Self::Playing(_), Self::Dying(_))
                | (Self::Dying(_), Self::Lingering(_) | Self::Dead)
                | (Self::Lingering(_), Self::Dead)
        );
        assert!(legal, "no edge from {self:?} to {next:?}");
        *self = next;
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::{PlayerId, RoomId};

    use super::*;
    use crate::client::leave::{LeavePath, LeaveReason};

    fn phases() -> [Phase; 5] {
        let leave = Leave { reason: LeaveReason::Fin, path: LeavePath::Event };
        [
            Phase::Handshake,
            Phase::Playing(Place { room: RoomId(1), player: PlayerId(1) }),
            Phase::Dying(Ending { leave, detail: "".into(), place: None, broken: false }),
            Phase::Lingering(Linger {
                number: 0,
                until: Time::ZERO,
                lasts_ms: 0,
                flushed: false,
                discarded_bytes: 0,
            }),
            Phase::Dead,
        ]
    }

    #[test]
    fn only_the_edges_of_the_picture_are_legal() {
        let legal = [(0, 1), (0, 2), (1, 2), (2, 3), (2, 4), (3, 4)];
        for from in 0..5 {
            for to in 0..5 {
                let outcome = std::panic::catch_unwind(|| {
                    let [mut phases, mut nexts] = [phases(), phases()].map(|all| all.map(Some));
                    let mut phase = phases[from].take().expect("taken once");
                    phase.advance(nexts[to].take().expect("taken once"));
                });
                assert_eq!(outcome.is_ok(), legal.contains(&(from, to)), "{from} -> {to}");
            }
        }
    }
}
