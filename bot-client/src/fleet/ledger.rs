//! The fleet's side of the ledger: what it did to the server, and what it saw happen.

use std::{error, fmt, io, time::Duration};

use gamekeeper_protocol::PlayerId;

use super::BotId;
use crate::{
    clock::Moment,
    connection::{Ended, NameTooLong},
    departure::Departure,
};

/// A departure that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injection {
    /// Which bot left.
    pub bot: BotId,
    /// Which player that was.
    pub player: PlayerId,
    /// How it left.
    pub departure: Departure,
    /// When.
    pub at: Moment,
    /// By when the server must have noticed.
    pub noticed_by: Moment,
}

/// A connection that is over, as the bot saw it.
#[derive(Clone, Debug)]
pub struct End {
    /// Whose it was.
    pub bot: BotId,
    /// Which player that was, if it had joined.
    pub player: Option<PlayerId>,
    /// How the bot had been told to leave; `None` if it had not, which makes this end a finding.
    pub departure: Option<Departure>,
    /// How far the connection had come.
    pub stage: Stage,
    /// When.
    pub at: Moment,
    /// Why.
    pub ended: Ended,
    /// When the bot connects again, if it does.
    pub retry_in: Option<Duration>,
}

/// How far a connection had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The connect was not finished.
    Connecting,
    /// The hello was not answered.
    Greeting,
    /// The bot had a seat.
    Playing,
}

/// Why a bot could not be told to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepartError {
    /// There is no such bot any more.
    Gone,
    /// It has been told to leave already.
    LeavingAlready,
    /// This departure must be in the bot's plan before it connects.
    NotPlanned,
}

impl fmt::Display for DepartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the bot is gone already",
            Self::LeavingAlready => "the bot has been told to leave already",
            Self::NotPlanned => "this departure must be planned before the bot connects",
        })
    }
}

impl error::Error for DepartError {}

/// Why a fleet cannot go on at all. The end of a bot is never one of these.
#[derive(Debug)]
pub enum DriverError {
    /// The kernel's readiness queue failed.
    Poll(io::Error),
    /// The names do not fit into a hello.
    Name(NameTooLong),
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poll(error) => write!(f, "the readiness queue of this machine failed: {error}"),
            Self::Name(error) => error.fmt(f),
        }
    }
}

impl error::Error for DriverError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Poll(error) => Some(error),
            Self::Name(error) => Some(error),
        }
    }
}
