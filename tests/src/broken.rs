//! Servers that are broken on purpose, each in one way: what the load test must fail, and why.
//!
//! Each is the real server, with the real network behind a [`BrokenNet`] that misbehaves, or with
//! limits that leave out what a server needs. So everything else about it is sound, and whatever
//! the load test says against it must be about its fault.
//!
//! Data flow: sockets -> `RealNet` -> **[`BrokenNet`]** -> the production loop. The program around
//! it is `broken-server`; what the load test makes of it is in `docs/load-test-proof.md`.
//!
//! - [`net`]: the network that misbehaves.
//! - [`answers`]: answers to the operator that are not true.
//! - [`hearsay`]: what players are told, which is not what the server has said.

pub mod answers;
pub mod hearsay;
pub mod net;

use std::fmt;

use gamekeeper::limits::Limits;

pub use self::net::BrokenNet;

/// Longer than any run: a deadline that never comes, in milliseconds.
const NEVER_MS: u64 = 24 * 60 * 60 * 1000;

/// Connections that a server takes in that turns players away.
const PLAYERS_MAX: u64 = 30;

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// When the connection of one player ends, those of all others are taken for broken.
    EvictsEveryone,
    /// The descriptor of a connection that is over is shut down and never closed.
    LeaksDescriptors,
    /// The descriptor of a connection that is over is kept as it is.
    LeavesSocketsOpen,
    /// Something is kept for ever of each connection that is over.
    LeaksMemory,
    /// No deadline ends the connection of a player that has fallen silent or reads nothing.
    NeverNoticesSilence,
    /// A write to a full socket waits until there is room, and everybody with it.
    StallsOnASlowReader,
    /// The end of a connection is not read, so that it is written to; and a broken pipe is
    /// a signal, which ends the process.
    DiesOfABrokenPipe,
    /// The end of a connection is noticed seconds after it came.
    NoticesLate,
    /// There is room for fewer players than there are.
    TurnsPlayersAway,
    /// Nothing that happened is kept for those who come back.
    ForgetsEvents,
    /// No seat is held for those who lose their connection, although they are told that it is.
    ForgetsSeats,
    /// Nobody is told that somebody else has come.
    HidesNewcomers,
    /// Nobody is told that somebody else is away or has left.
    KeepsGhosts,
    /// Everybody is told twice that somebody else is away or has left.
    RepeatsNews,
    /// Nobody is told that somebody else is back.
    ForgetsReturns,
    /// Every tenth state of a game reaches nobody.
    SkipsStates,
    /// No state of a game reaches anybody.
    WithholdsStates,
    /// Whatever ended a connection, the operator is told that it was a clean end.
    ReportsTheWrongReason,
    /// Every tenth departure is missing in the operator's ledger.
    LiesInTheLedger,
    /// Every tenth departure is in the operator's ledger twice.
    CountsTwice,
    /// No reset is counted in the operator's statistics.
    LosesCount,
    /// Only the last departure is remembered for the operator.
    ForgetsDepartures,
    /// Asked to stop, it ends well and says that it has failed.
    EndsBadly,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 23] = [
        Self::EvictsEveryone,
        Self::LeaksDescriptors,
        Self::LeavesSocketsOpen,
        Self::LeaksMemory,
        Self::NeverNoticesSilence,
        Self::StallsOnASlowReader,
        Self::DiesOfABrokenPipe,
        Self::NoticesLate,
        Self::TurnsPlayersAway,
        Self::ForgetsEvents,
        Self::ForgetsSeats,
        Self::HidesNewcomers,
        Self::KeepsGhosts,
        Self::RepeatsNews,
        Self::ForgetsReturns,
        Self::SkipsStates,
        Self::WithholdsStates,
        Self::ReportsTheWrongReason,
        Self::LiesInTheLedger,
        Self::CountsTwice,
        Self::LosesCount,
        Self::ForgetsDepartures,
        Self::EndsBadly,
    ];

    /// Its name on the command line.
    #[inline(never)]
    pub fn name(self) -> &'static str {
        match self {
            Self::EvictsEveryone => "evicts-everyone",
            Self::LeaksDescriptors => "leaks-descriptors",
            Self::LeavesSocketsOpen => "leaves-sockets-open",
            Self::LeaksMemory => "leaks-memory",
            Self::NeverNoticesSilence => "never-notices-silence",
            Self::StallsOnASlowReader => "stalls-on-a-slow-reader",
            Self::DiesOfABrokenPipe => "dies-of-a-broken-pipe",
            Self::NoticesLate => "notices-late",
            Self::TurnsPlayersAway => "turns-players-away",
            Self::ForgetsEvents => "forgets-events",
            Self::ForgetsSeats => "forgets-seats",
            Self::HidesNewcomers => "hides-newcomers",
            Self::KeepsGhosts => "keeps-ghosts",
            Self::RepeatsNews => "repeats-news",
            Self::ForgetsReturns => "forgets-returns",
            Self::SkipsStates => "skips-states",
            Self::WithholdsStates => "withholds-states",
            Self::ReportsTheWrongReason => "reports-the-wrong-reason",
            Self::LiesInTheLedger => "lies-in-the-ledger",
            Self::CountsTwice => "counts-twice",
            Self::LosesCount => "loses-count",
            Self::ForgetsDepartures => "forgets-departures",
            Self::EndsBadly => "ends-badly",
        }
    }

    /// The fault of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// The limits of a server with this fault that was asked to have `limits`.
    pub fn spoil(self, limits: Limits) -> Limits {
        match self {
            Self::NeverNoticesSilence => Limits {
                heartbeat_timeout_ms: NEVER_MS,
                frame_timeout_ms: NEVER_MS,
                out_stall_ms: NEVER_MS,
                out_soft_ms: NEVER_MS,
                tcp_user_timeout_ms: 0,
                ..limits
            },
            Self::TurnsPlayersAway => Limits { connections_max: PLAYERS_MAX, ..limits },
            Self::ForgetsSeats => Limits { seats_held_max: 0, ..limits },
            Self::ForgetsEvents => Limits { resume_events_max: 0, ..limits },
            Self::ForgetsDepartures => Limits { departures_kept_max: 1, ..limits },
            _ => limits,
        }
    }

    /// Whether operators are told what is not true.
    fn lies_to_operators(self) -> bool {
        matches!(
            self,
            Self::ReportsTheWrongReason
                | Self::LiesInTheLedger
                | Self::CountsTwice
                | Self::LosesCount
        )
    }

    /// Whether players are told less than they should be, or more.
    fn garbles_frames(self) -> bool {
        matches!(
            self,
            Self::HidesNewcomers
                | Self::KeepsGhosts
                | Self::RepeatsNews
                | Self::ForgetsReturns
                | Self::SkipsStates
                | Self::WithholdsStates
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
