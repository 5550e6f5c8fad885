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
//! - [`hearsay`]: what players are told, less what should have been said as well.

pub mod answers;
pub mod hearsay;
pub mod net;

use std::fmt;

use gamekeeper::limits::Limits;

pub use self::net::BrokenNet;

/// Longer than any run: a deadline that never comes, in milliseconds.
const NEVER_MS: u64 = 24 * 60 * 60 * 1000;

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// When the connection of one player ends, those of all others are taken for broken.
    EvictsEveryone,
    /// The descriptor of a connection that is over is shut down and never closed.
    LeaksDescriptors,
    /// Something is kept for ever of each connection that is over.
    LeaksMemory,
    /// No deadline ends the connection of a player that has fallen silent or reads nothing.
    NeverNoticesSilence,
    /// A write to a full socket waits until there is room, and everybody with it.
    StallsOnASlowReader,
    /// The end of a connection is not read, so that it is written to; and a broken pipe is a
    /// signal, which ends the process.
    DiesOfABrokenPipe,
    /// Whatever ended a connection, the operator is told that it was a clean end.
    ReportsTheWrongReason,
    /// Nobody is told that somebody else is away or has left.
    KeepsGhosts,
    /// Every tenth departure is missing in the operator's ledger.
    LiesInTheLedger,
    /// The end of a connection is noticed seconds after it came.
    NoticesLate,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 10] = [
        Self::EvictsEveryone,
        Self::LeaksDescriptors,
        Self::LeaksMemory,
        Self::NeverNoticesSilence,
        Self::StallsOnASlowReader,
        Self::DiesOfABrokenPipe,
        Self::ReportsTheWrongReason,
        Self::KeepsGhosts,
        Self::LiesInTheLedger,
        Self::NoticesLate,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::EvictsEveryone => "evicts-everyone",
            Self::LeaksDescriptors => "leaks-descriptors",
            Self::LeaksMemory => "leaks-memory",
            Self::NeverNoticesSilence => "never-notices-silence",
            Self::StallsOnASlowReader => "stalls-on-a-slow-reader",
            Self::DiesOfABrokenPipe => "dies-of-a-broken-pipe",
            Self::ReportsTheWrongReason => "reports-the-wrong-reason",
            Self::KeepsGhosts => "keeps-ghosts",
            Self::LiesInTheLedger => "lies-in-the-ledger",
            Self::NoticesLate => "notices-late",
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
                tcp_user_timeout_ms: NEVER_MS,
                ..limits
            },
            Self::EvictsEveryone
            | Self::LeaksDescriptors
            | Self::LeaksMemory
            | Self::StallsOnASlowReader
            | Self::DiesOfABrokenPipe
            | Self::ReportsTheWrongReason
            | Self::KeepsGhosts
            | Self::LiesInTheLedger
            | Self::NoticesLate => limits,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
