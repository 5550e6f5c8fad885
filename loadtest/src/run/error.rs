//! Why there is nothing to report.
//!
//! Part of [`run`](super).

use std::{error, fmt};

use gamekeeper_bot::machine::TooFewDescriptors;

use crate::{admin::AdminError, crew::CrewError, server::ServerError};

/// Why there is nothing to report.
#[derive(Debug)]
pub enum RunError {
    /// This process may not open enough files.
    Descriptors(TooFewDescriptors),
    /// There are not so many ports.
    Ports {
        /// Bots that play at any time.
        bots: u32,
        /// Ports that the kernel gives to connections.
        ports: u32,
    },
    /// There are too few bots for so many departures.
    Churn {
        /// Departures for which there is somebody.
        placed: u64,
        /// Those for which there is nobody.
        unplaced: u64,
    },
    /// The cores could not be set.
    Pin(String),
    /// There is no server of our own.
    Server(ServerError),
    /// The server cannot be asked.
    Admin(AdminError),
    /// The bots cannot go on.
    Crew(CrewError),
    /// Not a single bot got in.
    Unreachable {
        /// What the bots saw.
        why: String,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptors(error) => error.fmt(f),
            Self::Churn { placed, unplaced } => write!(
                f,
                "there are too few bots for so many departures: of {} only {placed} can happen, \
                 because a bot plays for half a second before it leaves; ask for more --bots, or \
                 for fewer departures: less --churn or, in a scenario, lower rates, smaller mass \
                 events that come less often and gentler stages",
                placed + unplaced
            ),
            Self::Ports { bots, ports } => write!(
                f,
                "{bots} connections to one address need a port each, and this machine has {ports} \
                 for them; widen net.ipv4.ip_local_port_range, use a Unix socket, or run a second \
                 load test from another address"
            ),
            Self::Pin(why) => write!(f, "--pin cannot be done here: {why}"),
            Self::Server(error) => error.fmt(f),
            Self::Admin(error) => error.fmt(f),
            Self::Crew(error) => error.fmt(f),
            Self::Unreachable { why } => write!(
                f,
                "not a single bot could join: {why}; check that a server listens at the target \
                 and hosts this game"
            ),
        }
    }
}

impl error::Error for RunError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is no --churn where there is a scenario.
    #[test]
    fn what_helps_against_too_few_bots_is_named_for_flags_and_for_scenarios() {
        let text = RunError::Churn { placed: 4, unplaced: 6 }.to_string();
        for hint in
            ["of 10 only 4", "--bots", "--churn", "in a scenario", "rates", "mass", "stages"]
        {
            assert!(text.contains(hint), "{hint}: {text}");
        }
    }
}
