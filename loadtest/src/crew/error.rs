//! Why a crew cannot go on.
//!
//! Part of [`crew`](super). The end of a bot is never one of these.

use std::{error, fmt};

use gamekeeper_bot::fleet::DriverError;

/// Why a crew cannot go on.
#[derive(Debug)]
pub enum CrewError {
    /// A fleet in this process cannot go on.
    Driver(DriverError),
}

impl fmt::Display for CrewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => error.fmt(f),
        }
    }
}

impl error::Error for CrewError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Driver(error) => Some(error),
        }
    }
}
