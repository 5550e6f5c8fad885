//! Why a connection ended: the closed set of reasons, how each was learnt, and what follows.
//!
//! Data flow: read, write, timer or game -> **`Leave`** -> log, metrics, the other players, the
//! way in which the socket is closed.
//!
//! Every connection ends with exactly one reason and one path; the first one wins. This file only
//! classifies. Marking is in `hub`, closing in `shell`.

use gamekeeper_protocol::{GoodbyeReason, LeaveCause};

use crate::web::websocket;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// The client said goodbye.
    Goodbye,
    /// The client's side was closed between two frames: the process ended, the app was closed, or
    /// only the sending half was shut (which looks the same from here).
    Fin,
    /// The client's side was closed inside a frame.
    FinMidframe,
    /// The connection was reset: the client crashed with unread data, or cut it on purpose.
    Reset,
    /// The kernel gave up: what we sent was never acknowledged.
    TimedOut,
    /// The network says that there is no way to the client.
    Unreachable,
    /// The connection was destroyed from our side of the kernel (by an administrator, say).
    Aborted,
    /// No hello came in time.
    HelloTimeout,
    /// A frame was begun and not finished in time.
    FrameTimeout,
    /// The client has been silent and did not answer the ping.
    Heartbeat,
    /// More reliable bytes waited for the client than any client may have.
    SlowConsumerBytes,
    /// The client took no bytes, or stayed over the soft limit, for too long.
    SlowConsumerTime,
    /// A frame header announced more than is accepted.
    Oversize,
    /// The client sends more than any client may.
    Flood,
    /// A frame was not a message, or not one that was allowed.
    Protocol(ProtocolFault),
    /// The hello was understood and refused.
    Rejected(Rejection),
    /// The game removed the player.
    Kicked,
    /// The player came back over another connection.
    Replaced,
    /// The server is stopping.
    Shutdown,
    /// The game in the player's room failed.
    RoomFailed,
    /// A bug of ours.
    Internal,
    /// It was a request for the page or for a part of it, and was answered.
    Served,
    /// The client closed its WebSocket: a page was left, reloaded or closed.
    WebClosed,
}

/// What was wrong with a client's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolFault {
    /// A frame of no bytes.
    EmptyFrame,
    /// The frame's bytes are not exactly one message.
    Undecodable,
    /// The first frame was not a hello.
    NotAHello,
    /// A second hello.
    SecondHello,
    /// The game cannot read the input.
    BadInput,
    /// An HTTP request that is none, or not one that is answered here.
    BadRequest,
    /// What is sent is no WebSocket.
    WebSocket(websocket::Fault),
}

/// Why a well-formed hello was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Another version of the protocol.
    Version,
    /// A game that is not hosted here.
    UnknownGame,
    /// The name is empty, too long, or has control characters.
    BadName,
    /// No free seat.
    Full,
    /// The ticket for a seat is not good.
    Ticket,
}

/// How we learnt that a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeavePath {
    /// The poll said that the peer is gone, and reading confirmed it: noticed *before* a write.
    Event,
    /// Reading said so, without a hint by the poll.
    Read,
    /// A send failed: the peer went between the last poll and the write.
    Write,
    /// A deadline passed.
    Timer,
    /// The connection was dead on arrival or could not be taken in.
    Accept,
    /// The game or the server decided it.
    App,
}

/// How the socket of a departed client is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The peer is gone: close at once, there is nothing to save.
    Plain,
    /// The peer is there and is told why: flush the farewell, shut down our half, wait (bounded).
    Linger,
    /// The peer does not listen: reset, so that the kernel frees what it still holds.
    Reset,
}

/// A reason and the way it was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// Why.
    pub reason: LeaveReason,
    /// How we know.
    pub path: LeavePath,
}

impl LeaveReason {
    /// The metric labels, in the order of [`Self::index`].
    pub const LABELS: [&'static str; 23] = [
        "goodbye",
        "fin",
        "fin_midframe",
        "reset",
        "timed_out",
        "unreachable",
        "aborted",
        "hello_timeout",
        "frame_timeout",
        "heartbeat",
        "slow_consumer_bytes",
        "slow_consumer_time",
        "oversize",
        "flood",
        "protocol",
        "rejected",
        "kicked",
        "replaced",
        "shutdown",
        "room_failed",
        "internal",
        "served",
        "ws_closed",
    ];

    /// Position in [`Self::LABELS`].
    pub fn index(self) -> usize {
        match self {
            Self::Goodbye => 0,
            Self::Fin => 1,
            Self::FinMidframe => 2,
            Self::Reset => 3,
            Self::TimedOut => 4,
            Self::Unreachable => 5,
            Self::Aborted => 6,
            Self::HelloTimeout => 7,
            Self::FrameTimeout => 8,
            Self::Heartbeat => 9,
            Self::SlowConsumerBytes => 10,
            Self::SlowConsumerTime => 11,
            Self::Oversize => 12,
            Self::Flood => 13,
            Self::Protocol(_) => 14,
            Self::Rejected(_) => 15,
            Self::Kicked => 16,
            Self::Replaced => 17,
            Self::Shutdown => 18,
            Self::RoomFailed => 19,
            Self::Internal => 20,
            Self::Served => 21,
            Self::WebClosed => 22,
        }
    }

    /// The name in logs and metrics.
    pub fn label(self) -> &'static str {
        Self::LABELS[self.index()]
    }

    /// How the socket is closed.
    ///
    /// Peers that are gone are closed plainly, peers that do not read are reset, and everybody
    /// else is told why: a reset would throw away the very frame that explains it.
    pub fn exit(self) -> Exit {
        match self {
            Self::Goodbye
            | Self::Fin
            | Self::FinMidframe
            | Self::Reset
            | Self::TimedOut
            | Self::Unreachable
            | Self::Aborted => Exit::Plain,
            Self::HelloTimeout
            | Self::FrameTimeout
            | Self::Oversize
            | Self::Flood
            | Self::Protocol(_)
            | Self::Rejected(_)
            | Self::Kicked
            | Self::Replaced
            | Self::Shutdown
            | Self::RoomFailed
            | Self::Internal
            | Self::Served
            | Self::WebClosed => Exit::Linger,
            Self::Heartbeat | Self::SlowConsumerBytes | Self::SlowConsumerTime => Exit::Reset,
        }
    }

    /// What the other players and the game are told.
    pub fn cause(self) -> LeaveCause {
        match self {
            Self::Goodbye => LeaveCause::Goodbye,
            Self::Fin
            | Self::FinMidframe
            | Self::Reset
            | Self::Unreachable
            | Self::Aborted
            | Self::WebClosed => LeaveCause::Disconnected,
            Self::TimedOut | Self::HelloTimeout | Self::Heartbeat => LeaveCause::TimedOut,
            Self::SlowConsumerBytes | Self::SlowConsumerTime => LeaveCause::TooSlow,
            Self::FrameTimeout
            | Self::Oversize
            | Self::Flood
            | Self::Protocol(_)
            | Self::Rejected(_) => LeaveCause::Misbehaved,
            Self::Kicked => LeaveCause::Kicked,
            Self::Shutdown | Self::RoomFailed | Self::Internal | Self::Served => LeaveCause::Closed,
            // The player stays; its old connection has nobody to tell anything about.
            Self::Replaced => LeaveCause::Disconnected,
        }
    }

    /// Whether the player's seat is held: the connection is lost, and nobody wanted that.
    ///
    /// Whoever says goodbye, is removed or breaks the rules has no seat to come back to.
    pub fn holds_seat(self) -> bool {
        match self {
            Self::Fin
            | Self::FinMidframe
            | Self::Reset
            | Self::TimedOut
            | Self::Unreachable
            | Self::Aborted
            | Self::FrameTimeout
            | Self::Heartbeat
            | Self::SlowConsumerBytes
            | Self::SlowConsumerTime
            | Self::Internal
            | Self::WebClosed => true,
            Self::Goodbye
            | Self::HelloTimeout
            | Self::Oversize
            | Self::Flood
            | Self::Protocol(_)
            | Self::Rejected(_)
            | Self::Kicked
            | Self::Replaced
            | Self::Shutdown
            | Self::RoomFailed
            | Self::Served => false,
        }
    }

    /// What the client itself is told in its last frame; `None` where it cannot hear us.
    pub fn farewell(self) -> Option<GoodbyeReason> {
        match self {
            Self::HelloTimeout => Some(GoodbyeReason::HelloTimeout),
            Self::FrameTimeout => Some(GoodbyeReason::FrameTimeout),
            Self::Oversize => Some(GoodbyeReason::Oversize),
            Self::Flood => Some(GoodbyeReason::Flood),
            Self::Protocol(_) => Some(GoodbyeReason::Protocol),
            Self::Rejected(Rejection::Version) => Some(GoodbyeReason::VersionUnsupported {
                server: gamekeeper_protocol::PROTOCOL_VERSION,
            }),
            Self::Rejected(Rejection::UnknownGame) => Some(GoodbyeReason::UnknownGame),
            Self::Rejected(Rejection::BadName) => Some(GoodbyeReason::BadName),
            Self::Rejected(Rejection::Full) => Some(GoodbyeReason::Full),
            Self::Rejected(Rejection::Ticket) => Some(GoodbyeReason::ResumeRefused),
            Self::Kicked => Some(GoodbyeReason::Kicked),
            Self::Replaced => Some(GoodbyeReason::Replaced),
            Self::Shutdown => Some(GoodbyeReason::Shutdown),
            Self::RoomFailed => Some(GoodbyeReason::RoomFailed),
            Self::Internal => Some(GoodbyeReason::Internal),
            _ => None,
        }
    }

    /// Whether the log line of this leave deserves the level `info` rather than `debug`.
    ///
    /// Players that come and go are not news; a client that breaks rules or a kick is.
    pub fn is_notable(self) -> bool {
        !matches!(self.exit(), Exit::Plain)
            && !matches!(self, Self::Shutdown | Self::Replaced | Self::Served | Self::WebClosed)
    }
}

impl LeavePath {
    /// The metric labels, in the order of [`Self::index`].
    pub const LABELS: [&'static str; 6] = ["event", "read", "write", "timer", "accept", "app"];

    /// Position in [`Self::LABELS`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The name in logs and metrics.
    pub fn label(self) -> &'static str {
        Self::LABELS[self.index()]
    }
}

#[cfg(test)]
impl LeaveReason {
    /// One of each label, in their order.
    pub(crate) const ONE_OF_EACH: [Self; 23] = [
        Self::Goodbye,
        Self::Fin,
        Self::FinMidframe,
        Self::Reset,
        Self::TimedOut,
        Self::Unreachable,
        Self::Aborted,
        Self::HelloTimeout,
        Self::FrameTimeout,
        Self::Heartbeat,
        Self::SlowConsumerBytes,
        Self::SlowConsumerTime,
        Self::Oversize,
        Self::Flood,
        Self::Protocol(ProtocolFault::Undecodable),
        Self::Rejected(Rejection::Full),
        Self::Kicked,
        Self::Replaced,
        Self::Shutdown,
        Self::RoomFailed,
        Self::Internal,
        Self::Served,
        Self::WebClosed,
    ];
}

#[cfg(test)]
impl LeavePath {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Event, Self::Read, Self::Write, Self::Timer, Self::Accept, Self::App];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_indices_agree() {
        assert_eq!(LeaveReason::Goodbye.label(), "goodbye");
        assert_eq!(LeaveReason::Protocol(ProtocolFault::BadInput).label(), "protocol");
        assert_eq!(LeaveReason::Internal.label(), "internal");
        assert_eq!(LeavePath::App.label(), "app");
        assert_eq!(LeavePath::Event.label(), "event");
    }

    #[test]
    fn who_lingers_is_told_why_and_nobody_else_is() {
        let reasons = LeaveReason::ONE_OF_EACH;
        // These are told in the words of HTTP and of WebSocket.
        let in_other_words = [LeaveReason::Served, LeaveReason::WebClosed];
        assert_eq!(reasons.len(), LeaveReason::LABELS.len());
        for (index, reason) in reasons.into_iter().enumerate() {
            assert_eq!(reason.index(), index);
            let lingers = reason.exit() == Exit::Linger && !in_other_words.contains(&reason);
            assert_eq!(reason.farewell().is_some(), lingers, "{reason:?}");
        }
    }
}
