//! Why a conversation ended, and whose doing it was.

use std::{borrow::Cow, fmt, io, time::Duration};

use gamekeeper_protocol::{
    DecodeError, FrameError, GoodbyeReason, PlayerId, limits::GOODBYE_TEXT_BYTES_MAX,
};
use serde::{Deserialize, Serialize};

use super::foreign::{self, DecodeErrorFields, FrameErrorFields};

/// Why a conversation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// We left on purpose.
    Left,
    /// The server ended it and said why.
    Goodbye {
        /// Why, for a machine.
        reason: GoodbyeReason,
        /// Why and what to do, for a person: no longer than the protocol allows, and without
        /// control characters, so that it can be shown.
        text: String,
    },
    /// The server closed the connection without a goodbye.
    Closed,
    /// The server closed the connection in the middle of a frame.
    ClosedMidFrame,
    /// A socket call failed.
    Failed {
        /// Which one.
        during: Operation,
        /// How, as far as the standard library has a name for it.
        #[serde(with = "foreign::error_kind")]
        kind: io::ErrorKind,
        /// How, as the kernel numbers it.
        errno: Option<i32>,
    },
    /// No whole message was received for too long, or no welcome.
    Silent {
        /// For how long.
        silence: Duration,
        /// Whether the server had let us in before; if not, it never answered at all.
        joined: bool,
    },
    /// The server does not take what we send.
    Deaf {
        /// What has piled up.
        unsent_bytes: usize,
    },
    /// The server broke the protocol.
    ServerMisbehaved(ServerFault),
}

impl Ended {
    /// A failed socket call.
    pub fn failed(during: Operation, error: &io::Error) -> Self {
        Self::Failed { during, kind: error.kind(), errno: error.raw_os_error() }
    }

    /// A goodbye. Whatever the server wrote, its text can be shown on a terminal.
    pub(super) fn goodbye(reason: GoodbyeReason, text: &str) -> Self {
        let shown = &text[..text.floor_char_boundary(GOODBYE_TEXT_BYTES_MAX)];
        let text = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self::Goodbye { reason, text }
    }

    /// A refusal by a server of another version, of which only the version can be read.
    pub(super) fn of_version(server: u16) -> Self {
        Self::goodbye(GoodbyeReason::VersionUnsupported { server }, "")
    }

    /// Whose doing it was, as far as this end of the connection can tell.
    pub fn side(&self) -> Side {
        match self {
            Self::Left => Side::Us,
            Self::Failed { during: Operation::Open, .. } => Side::Us,
            Self::Goodbye { reason, .. } => match reason {
                GoodbyeReason::VersionUnsupported { .. }
                | GoodbyeReason::UnknownGame
                | GoodbyeReason::BadName
                | GoodbyeReason::HelloTimeout
                | GoodbyeReason::FrameTimeout
                | GoodbyeReason::Oversize
                | GoodbyeReason::Flood
                | GoodbyeReason::Protocol
                // Our own player, over another connection.
                | GoodbyeReason::Replaced => Side::Us,
                // Everything else is something that the server has decided or suffered.
                _ => Side::Server,
            },
            Self::Closed | Self::ClosedMidFrame | Self::Deaf { .. } => Side::Server,
            Self::ServerMisbehaved(_) => Side::Server,
            Self::Failed { kind: io::ErrorKind::ConnectionRefused, .. } => Side::Server,
            Self::Failed { .. } | Self::Silent { .. } => Side::Network,
        }
    }

    /// Whether connecting again, of its own accord, is right for a client.
    ///
    /// It is not when the server has told us that it will never want us as we are, when our player
    /// has come back over another connection, which two clients that both insist would take from
    /// each other for ever, or when we left on purpose. What to say then is another question:
    /// [`Connection::resume`](super::Connection::resume) while there is a way back, else a hello
    /// for a new seat, also after [`GoodbyeReason::ResumeRefused`].
    pub fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Left => false,
            Self::Goodbye { reason, .. } => match reason {
                GoodbyeReason::VersionUnsupported { .. }
                | GoodbyeReason::UnknownGame
                | GoodbyeReason::BadName
                | GoodbyeReason::Oversize
                | GoodbyeReason::Protocol
                | GoodbyeReason::Kicked
                | GoodbyeReason::Flood
                | GoodbyeReason::Replaced => false,
                GoodbyeReason::Full
                | GoodbyeReason::HelloTimeout
                | GoodbyeReason::FrameTimeout
                | GoodbyeReason::Shutdown
                | GoodbyeReason::Internal
                | GoodbyeReason::RoomFailed
                | GoodbyeReason::ResumeRefused => true,
            },
            Self::Closed
            | Self::ClosedMidFrame
            | Self::Failed { .. }
            | Self::Silent { .. }
            | Self::Deaf { .. }
            | Self::ServerMisbehaved(_) => true,
        }
    }

    /// Whether the server has refused to give us a seat again.
    pub fn is_refused_resume(&self) -> bool {
        matches!(self, Self::Goodbye { reason: GoodbyeReason::ResumeRefused, .. })
    }

    /// Whether our player is back over another connection.
    pub fn is_replaced(&self) -> bool {
        matches!(self, Self::Goodbye { reason: GoodbyeReason::Replaced, .. })
    }

    /// Whether a seat that we had, or asked for again, may still be held for us. Only the server
    /// knows for how long.
    pub fn keeps_seat(&self) -> bool {
        match self {
            Self::Left => false,
            Self::Goodbye { reason, .. } => matches!(
                reason,
                // The first two say nothing against the player, and the others come before the
                // server has looked at what we asked for.
                GoodbyeReason::FrameTimeout
                    | GoodbyeReason::Internal
                    | GoodbyeReason::Full
                    | GoodbyeReason::HelloTimeout
            ),
            // Events that we have not heard are sent again: what we cannot read would be, too.
            Self::ServerMisbehaved(_) => false,
            Self::Closed
            | Self::ClosedMidFrame
            | Self::Failed { .. }
            | Self::Silent { .. }
            | Self::Deaf { .. } => true,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("we left"),
            Self::Goodbye { reason, text } if text.is_empty() => {
                write!(f, "the server said goodbye: {reason}")
            }
            Self::Goodbye { reason, text } => {
                write!(f, "the server said goodbye: {reason}: {text}")
            }
            Self::Closed => f.write_str("the server closed the connection without a goodbye"),
            Self::ClosedMidFrame => {
                f.write_str("the server closed the connection in the middle of a frame")
            }
            Self::Failed { during, kind, errno } => {
                write!(f, "{during} failed: {kind}")?;
                errno.map_or(Ok(()), |errno| write!(f, " (os error {errno})"))
            }
            Self::Silent { silence, joined: false } => {
                write!(f, "the server accepted the connection but did not answer our hello ")?;
                write!(f, "within {:.1} s; is it a game server?", silence.as_secs_f64())
            }
            Self::Silent { silence, joined: true } => {
                write!(f, "no message came from the server for {:.1} s", silence.as_secs_f64())
            }
            Self::Deaf { unsent_bytes } => {
                write!(f, "the server does not read: {unsent_bytes} bytes are unsent")
            }
            Self::ServerMisbehaved(fault) => write!(f, "the server broke the protocol: {fault}"),
        }
    }
}

/// Whose doing an end was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This client: it left, it was at fault, or its machine ran out of something.
    Us,
    /// The server.
    Server,
    /// The network, or a death of the server that the network reported.
    Network,
}

/// The socket call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Making the socket: this machine's problem.
    Open,
    /// Connecting.
    Connect,
    /// Reading.
    Read,
    /// Writing.
    Write,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "making a socket",
            Self::Connect => "connecting",
            Self::Read => "reading",
            Self::Write => "writing",
        })
    }
}

/// How a server broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerFault {
    /// Its bytes cannot be cut into frames.
    Framing(#[serde(with = "FrameErrorFields")] FrameError),
    /// A frame is not a message.
    Undecodable(#[serde(with = "DecodeErrorFields")] DecodeError),
    /// It does not speak WebSocket with us, or breaks the rules of it.
    WebSocket {
        /// What is wrong, for a person; without control characters.
        what: String,
    },
    /// A message that makes no sense before the welcome.
    BeforeWelcome {
        /// The kind of the message.
        message: Cow<'static, str>,
    },
    /// More players in our room than it has seats.
    Overcrowded {
        /// How many it has.
        seats: u16,
    },
    /// A player whose name is longer than a name may be.
    LongName {
        /// How long it is.
        bytes: usize,
    },
    /// A second welcome.
    WelcomeTwice,
    /// A welcome to another seat than the one that we asked for again.
    OtherSeat {
        /// Whose seat we asked for.
        player: PlayerId,
        /// Who we are said to be.
        given: PlayerId,
    },
    /// A welcome back that is about to tell us what we have heard before.
    EventsTwice {
        /// How many events we have heard.
        seen: u32,
        /// How many the server believes that we have.
        before: u32,
    },
}

impl fmt::Display for ServerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Framing(error) => error.fmt(f),
            Self::Undecodable(error) => error.fmt(f),
            Self::WebSocket { what } => write!(f, "as a WebSocket: {what}"),
            Self::BeforeWelcome { message } => write!(f, "{message} came before the welcome"),
            Self::Overcrowded { seats } => {
                write!(f, "there are more players in our room than its {seats} seats")
            }
            Self::LongName { bytes } => write!(f, "a player's name has {bytes} bytes"),
            Self::WelcomeTwice => f.write_str("it welcomed us twice"),
            Self::OtherSeat { player, given } => {
                write!(f, "we asked for the seat of player {player} and got that of {given}")
            }
            Self::EventsTwice { seen, before } => {
                write!(f, "we have heard {seen} events and shall hear all after {before} again")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_guilty_and_say_whether_to_retry() {
        let refused = io::Error::from_raw_os_error(111);
        let refused = Ended::failed(Operation::Connect, &refused);
        assert_eq!(refused.side(), Side::Server);
        assert!(refused.is_worth_a_retry());
        assert!(refused.to_string().contains("connecting failed: connection refused"), "{refused}");

        let unknown = Ended::Goodbye {
            reason: GoodbyeReason::UnknownGame,
            text: "there is no \"chess\" here".to_owned(),
        };
        assert_eq!(unknown.side(), Side::Us);
        assert!(!unknown.is_worth_a_retry());
        assert!(unknown.to_string().ends_with("unknown game: there is no \"chess\" here"));

        let kicked = Ended::Goodbye { reason: GoodbyeReason::Kicked, text: String::new() };
        assert_eq!(kicked.side(), Side::Server);
        assert!(!kicked.is_worth_a_retry(), "who was thrown out stays out");

        let bug = Ended::Goodbye { reason: GoodbyeReason::Protocol, text: String::new() };
        assert!(!bug.is_worth_a_retry(), "a client with a bug has it again");

        let too_many = io::Error::from_raw_os_error(24);
        assert_eq!(Ended::failed(Operation::Open, &too_many).side(), Side::Us);
    }

    #[test]
    fn the_seat_decides_what_a_new_attempt_is() {
        let goodbye = |reason| Ended::Goodbye { reason, text: String::new() };
        let replaced = goodbye(GoodbyeReason::Replaced);
        assert_eq!((replaced.is_worth_a_retry(), replaced.keeps_seat()), (false, false));
        assert_eq!(replaced.side(), Side::Us);
        let refused = goodbye(GoodbyeReason::ResumeRefused);
        assert_eq!((refused.is_worth_a_retry(), refused.keeps_seat()), (true, false));
        assert!(refused.is_refused_resume() && !replaced.is_refused_resume());
        assert!(replaced.is_replaced() && !refused.is_replaced());
        for reason in [GoodbyeReason::Kicked, GoodbyeReason::Shutdown, GoodbyeReason::RoomFailed] {
            assert!(!goodbye(reason).keeps_seat(), "{reason:?}");
        }
        for reason in [GoodbyeReason::FrameTimeout, GoodbyeReason::Internal, GoodbyeReason::Full] {
            assert!(goodbye(reason).keeps_seat(), "{reason:?}");
        }
        assert!(!Ended::Left.keeps_seat());
        assert!(!Ended::ServerMisbehaved(ServerFault::WelcomeTwice).keeps_seat());
        for lost in [Ended::Closed, Ended::Silent { silence: Duration::ZERO, joined: true }] {
            assert!(lost.keeps_seat() && lost.is_worth_a_retry());
        }
    }
}
