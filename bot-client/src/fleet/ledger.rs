//! The fleet's side of the ledger: what it did to the server, and what it saw happen.

use std::{error, fmt, io, net::SocketAddr, time::Duration};

use gamekeeper_protocol::PlayerId;
use serde::{Deserialize, Serialize};

use super::BotId;
use crate::{
    clock::Moment,
    connection::{Ended, NameTooLong},
    departure::{Departure, PlayerState, Transport},
};

/// A departure that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// Which bot left.
    pub bot: BotId,
    /// Which player that was; `None` if it was a stranger.
    pub player: Option<PlayerId>,
    /// The bot's own end of the connection, if that is TCP: the server knows it by this address.
    pub local: Option<SocketAddr>,
    /// What carried its bytes.
    pub transport: Transport,
    /// How it left.
    pub departure: Departure,
    /// Where it stood.
    pub state: PlayerState,
    /// Whether it is to come back to its seat.
    pub returns: bool,
    /// Whether it says nothing from then on, although its way of leaving would let it: its game has
    /// nothing to say, or it was told to send no inputs. Then a stall is a freeze, for the server.
    pub silent: bool,
    /// When.
    pub at: Moment,
    /// By when the server must have noticed.
    pub noticed_by: Moment,
}

impl Injection {
    /// The server's leave reasons that are right for it, the most likely one first.
    pub fn expected_reasons(&self) -> &'static [&'static str] {
        match self.departure {
            // Half of a message is none: who had said nothing for a while was silent for longer.
            Departure::HalfFrame | Departure::Trickle
                if self.silent && self.state == PlayerState::Match =>
            {
                &["frame_timeout", "heartbeat"]
            }
            _ => self.seen_as().expected_reasons(self.state, self.transport),
        }
    }

    /// How it looks from the server.
    fn seen_as(&self) -> Departure {
        match self.departure {
            Departure::Stall if self.silent => Departure::Freeze,
            departure => departure,
        }
    }
}

/// A bot that was to come back to its seat, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Which bot.
    pub bot: BotId,
    /// Whose seat it was.
    pub player: PlayerId,
    /// How it had left.
    pub departure: Departure,
    /// Whether its old connection was still open, as far as the bot could tell.
    pub took_over: bool,
    /// When this was known.
    pub at: Moment,
    /// What became of it.
    pub outcome: ReturnOutcome,
}

/// What became of a bot that was to come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReturnOutcome {
    /// It has its seat again.
    Back(Homecoming),
    /// It has another seat, because the server had offered no way back to the old one.
    Anew,
    /// It has left again before it was told whether it has its seat, as was planned.
    LeftAgain,
    /// It has none.
    Failed(Ended),
}

/// What a player was told when it came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Homecoming {
    /// Events that were too old to be kept.
    pub events_lost: u32,
    /// Events of the time before that were told now.
    pub events_resent: u32,
    /// The bytes of their bodies.
    pub events_resent_bytes: u64,
}

/// What is wrong with a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TicketFault {
    /// The player has come back with it before and has had a newer one since.
    Replayed,
    /// It was never given out for the seat that it names.
    Forged,
    /// The seat that it was for is not held any more.
    Expired,
    /// It is from another run of the server.
    Stale,
}

impl TicketFault {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Replayed, Self::Forged, Self::Expired, Self::Stale];

    /// Its name in reports, which is also how the server should count it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::Stale => "stale",
        }
    }
}

/// A bad ticket that was shown to the server, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fraud {
    /// What was wrong with it.
    pub fault: TicketFault,
    /// How the conversation ended; nothing if the server gave the seat away.
    pub refused: Option<Ended>,
}

/// A connection that is over, as the bot saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Whose it was.
    pub bot: BotId,
    /// Which player that was, if it had joined.
    pub player: Option<PlayerId>,
    /// The bot's own end of the connection, if that is TCP and was made.
    pub local: Option<SocketAddr>,
    /// How the bot had been told to leave; `None` if it had not, which makes this end a finding.
    pub departure: Option<Departure>,
    /// How far the connection had come.
    pub stage: Stage,
    /// Whether it was to take a seat again, which is in the record of the returns then.
    pub returning: bool,
    /// When.
    pub at: Moment,
    /// Why.
    pub ended: Ended,
    /// When the bot connects again, if it does.
    pub retry_in: Option<Duration>,
}

impl End {
    /// Whether nobody had asked for it. A bot that was still trying when the time was up has lost
    /// nothing.
    pub fn is_unasked(&self) -> bool {
        self.departure.is_none() && self.ended != Ended::Left
    }
}

/// How far a connection had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Nobody can be told to leave in this way from this state, or over this transport.
    NotPossible,
    /// This process is not allowed to do that to a socket, see [`Departure::needs`].
    NotAllowed,
}

impl fmt::Display for DepartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the bot is gone already",
            Self::LeavingAlready => "the bot has been told to leave already",
            Self::NotPlanned => "this departure must be planned before the bot connects",
            Self::NotPossible => "nobody can be told to leave in this way from this state",
            Self::NotAllowed => "this departure needs a privilege that this process does not have",
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
