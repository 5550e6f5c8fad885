//! How a bot behaves that is to survive: ugly and legal.
//!
//! Each manner is a control: a server that throws such a player out is too strict, or mistakes one
//! thing for another. A manner does nothing itself; the fleet behaves so.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{departure::Transport, privilege::Privilege};

/// How a bot behaves while it plays.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// As a good client does.
    #[default]
    Plain,
    /// Writes one byte at a time.
    Slicer,
    /// Says nothing until the server's patience with silence is nearly over, and then answers.
    LatePong,
    /// Reads nothing for half a second, every two seconds.
    PauseReading,
    /// Reads less than the game sends, so that states are skipped, but never stops.
    SlowReader,
    /// Sends no inputs and only answers.
    Idle,
    /// Sends an urgent byte now and then.
    Urgent,
    /// Its network is gone for a second now and then.
    Blip,
    /// One in five of the packets that are sent to it is lost.
    Loss,
}

impl Manner {
    /// Every manner, in the order in which reports list them.
    pub const ALL: [Self; 9] = [
        Self::Plain,
        Self::Slicer,
        Self::LatePong,
        Self::PauseReading,
        Self::SlowReader,
        Self::Idle,
        Self::Urgent,
        Self::Blip,
        Self::Loss,
    ];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Slicer => "slicer",
            Self::LatePong => "late-pong",
            Self::PauseReading => "pause-reading",
            Self::SlowReader => "slow-reader",
            Self::Idle => "idle",
            Self::Urgent => "urgent",
            Self::Blip => "blip",
            Self::Loss => "loss",
        }
    }

    /// What it is on the wire, in a line for a catalogue.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Plain => "inputs, answers and reads as a good client does",
            Self::Slicer => "every byte is a segment of its own",
            Self::LatePong => "speaks only when nine tenths of the patience with silence are over",
            Self::PauseReading => "reads nothing for 500 ms, every 2 s",
            Self::SlowReader => "reads less than is sent, through a small window, and never stops",
            Self::Idle => "no inputs, only answers to pings",
            Self::Urgent => "a byte of urgent data (MSG_OOB) every second",
            Self::Blip => "nothing reaches it for 1 s, every 10 s",
            Self::Loss => "loses 20 % of the packets that are sent to it",
        }
    }

    /// What this process must be allowed to do for it, if that is anything special.
    pub fn needs(self) -> Option<Privilege> {
        matches!(self, Self::Blip | Self::Loss).then_some(Privilege::NetAdmin)
    }

    /// Whether a bot can behave so: a Unix socket has no packets that could be lost, and its urgent
    /// bytes are another matter.
    pub fn can_happen_on(self, transport: Transport) -> bool {
        transport != Transport::Unix || !matches!(self, Self::Urgent | Self::Blip | Self::Loss)
    }

    /// Whether the bot is late to hear what the server says, and believes for longer than others in
    /// players that have gone.
    pub fn hears_late(self) -> bool {
        matches!(self, Self::PauseReading | Self::SlowReader | Self::Blip | Self::Loss)
    }

    /// Whether the bot must know of it before it connects: the receive buffer of a socket can be
    /// made small only then.
    pub fn needs_small_receive_buffer(self) -> bool {
        self == Self::SlowReader
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Manner {
    type Err = UnknownManner;

    fn from_str(name: &str) -> Result<Self, UnknownManner> {
        let manner = Self::ALL.into_iter().find(|manner| manner.name() == name);
        manner.ok_or_else(|| UnknownManner(name.to_owned()))
    }
}

/// A name that is not the name of a manner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownManner(pub String);

impl fmt::Display for UnknownManner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no manner named \"{}\"; the manners are", self.0)?;
        for (index, manner) in Manner::ALL.into_iter().enumerate() {
            write!(f, "{} {manner}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownManner {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for manner in Manner::ALL {
            assert_eq!(manner.name().parse(), Ok(manner));
            let json = serde_json::to_string(&manner).expect("a name");
            assert_eq!(json, format!("\"{manner}\""), "one name, whoever reads it");
            assert!(manner.summary().len() < 70, "a line: {}", manner.summary());
            assert!(manner.can_happen_on(Transport::Tcp) && manner.can_happen_on(Transport::Ws));
            assert!(manner.needs().is_none() || !manner.can_happen_on(Transport::Unix));
        }
        let error = "rude".parse::<Manner>().expect_err("no such manner");
        assert!(error.to_string().contains("late-pong"), "{error}");
    }
}
