//! Why a crew cannot go on.
//!
//! Part of [`crew`](super). The end of a bot is never one of these.

use std::{error, fmt, io};

use gamekeeper_bot::fleet::DriverError;

use super::pipe::PipeError;

/// Why a crew cannot go on.
#[derive(Debug)]
pub enum CrewError {
    /// A fleet in this process cannot go on.
    Driver(DriverError),
    /// A process of bots cannot be started.
    Start(io::Error),
    /// The processes of bots cannot be waited for.
    Wait(io::Error),
    /// A process of bots is gone, or cannot be spoken with.
    Lost {
        /// Which one, from 0.
        worker: usize,
        /// What was seen of it.
        error: PipeError,
        /// How it ended.
        status: String,
        /// The last lines that it wrote to stderr.
        stderr: String,
    },
    /// A process of bots does not answer.
    Silent {
        /// Which one, from 0.
        worker: usize,
    },
}

impl fmt::Display for CrewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => error.fmt(f),
            Self::Start(error) => write!(f, "cannot start a process of bots: {error}"),
            Self::Wait(error) => write!(f, "cannot wait for the processes of bots: {error}"),
            Self::Lost { worker, error, status, stderr } => {
                write!(f, "process {worker} of bots is lost: {error}; it ended with {status}")?;
                if stderr.is_empty() { Ok(()) } else { write!(f, "\n{stderr}") }
            }
            Self::Silent { worker } => {
                write!(f, "process {worker} of bots does not answer; is the machine overloaded?")
            }
        }
    }
}

impl error::Error for CrewError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Driver(error) => Some(error),
            Self::Start(error) | Self::Wait(error) => Some(error),
            Self::Lost { error, .. } => Some(error),
            Self::Silent { .. } => None,
        }
    }
}
