//! The ways to leave, as values.
//!
//! A departure says what a bot does to its connection. What the server should make of it depends on
//! where the bot stands then, its [`PlayerState`]: which of the server's leave reasons are right,
//! and by when it must have noticed; that is in `expectation`. A departure does nothing itself: the
//! fleet carries it out, and the load test compares.

mod expectation;
mod state;

pub use state::{PlayerState, UnknownState};

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::privilege::Privilege;

/// A way to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Departure {
    /// Says goodbye, then closes: the polite way.
    Goodbye,
    /// Closes without a word: the end of the stream comes first and is clean.
    Close,
    /// Resets the connection (SO_LINGER of zero): what a crash looks like.
    Reset,
    /// Ends its own direction and keeps reading. On the wire the same as [`Departure::Close`].
    HalfClose,
    /// Stops reading and closes as soon as something is unread, which its kernel answers with a
    /// reset: what a crash of a player that the server streams to looks like.
    UnreadClose,
    /// Sends some inputs and resets right behind them.
    LastWords,
    /// Keeps sending inputs and stops reading.
    Stall,
    /// Neither reads nor writes any more; the socket stays open.
    Freeze,
    /// Its network is gone: nothing reaches it any more, not even an acknowledgement is sent.
    Vanish,
    /// Its machine is gone without a word, and another one that knows nothing has its address: the
    /// next thing that the server sends is answered with a reset.
    PowerCut,
    /// Sends a header and half of a body, then nothing; still reads.
    HalfFrame,
    /// Sends a frame a byte at a time, so slowly that it is not complete in time; still reads.
    Trickle,
    /// Sends a well-framed message that is none, or that is not allowed.
    Garbage,
    /// Announces a frame of four gibibytes.
    Oversize,
    /// Sends well-formed messages as fast as the socket takes them, for a while.
    Flood,
    /// Closes its WebSocket and then its socket, without a goodbye: what leaving a page looks like.
    WsClose,
}

impl Departure {
    /// Every departure, in the order in which reports list them.
    pub const ALL: [Self; 16] = [
        Self::Goodbye,
        Self::Close,
        Self::Reset,
        Self::HalfClose,
        Self::UnreadClose,
        Self::LastWords,
        Self::Stall,
        Self::Freeze,
        Self::Vanish,
        Self::PowerCut,
        Self::HalfFrame,
        Self::Trickle,
        Self::Garbage,
        Self::Oversize,
        Self::Flood,
        Self::WsClose,
    ];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Goodbye => "goodbye",
            Self::Close => "close",
            Self::Reset => "reset",
            Self::HalfClose => "half-close",
            Self::UnreadClose => "unread-close",
            Self::LastWords => "last-words",
            Self::Stall => "stall",
            Self::Freeze => "freeze",
            Self::Vanish => "vanish",
            Self::PowerCut => "power-cut",
            Self::HalfFrame => "half-frame",
            Self::Trickle => "trickle",
            Self::Garbage => "garbage",
            Self::Oversize => "oversize",
            Self::Flood => "flood",
            Self::WsClose => "ws-close",
        }
    }

    /// What it does on the wire, in a line for a catalogue.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Goodbye => "says goodbye, then FIN",
            Self::Close => "FIN without a word",
            Self::Reset => "RST",
            Self::HalfClose => "FIN, and reads on",
            Self::UnreadClose => "stops reading, then closes with bytes unread: RST",
            Self::LastWords => "a few inputs, and RST right behind them",
            Self::Stall => "goes on speaking and stops reading: its window closes",
            Self::Freeze => "says and reads nothing more; its kernel goes on acknowledging",
            Self::Vanish => "nothing reaches it any more, so nothing is acknowledged",
            Self::PowerCut => "gone without FIN or RST; whatever is sent to it gets an RST",
            Self::HalfFrame => "the header and half of the body of a frame, then nothing",
            Self::Trickle => "a frame, one byte at a time, too slowly",
            Self::Garbage => "a frame that is no message, or none that is allowed",
            Self::Oversize => "the header of a frame of four gibibytes",
            Self::Flood => "well-formed messages as fast as the socket takes them",
            Self::WsClose => "a close frame that says that the page is left, then FIN",
        }
    }

    /// What this process must be allowed to do for it, if that is anything special.
    pub fn needs(self) -> Option<Privilege> {
        matches!(self, Self::Vanish | Self::PowerCut).then_some(Privilege::NetAdmin)
    }

    /// Whether the socket stays open until the server closes it: time in which the bot can come
    /// back while the server still believes in the old connection.
    pub fn stays_connected(self) -> bool {
        matches!(self, Self::Stall | Self::Freeze | Self::HalfFrame | Self::Trickle)
    }

    /// Whether the bot must know of it before it connects: the receive buffer of a socket can be
    /// made small only then.
    pub fn needs_small_receive_buffer(self) -> bool {
        self == Self::Stall
    }
}

/// What carries the bytes: it decides which ways of leaving can be told apart.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// A TCP connection.
    #[default]
    Tcp,
    /// A Unix-domain stream socket.
    Unix,
    /// A WebSocket over a TCP connection.
    Ws,
}

impl Transport {
    /// What carries the bytes of a bot that speaks WebSocket, or does not, to a server that native
    /// clients reach over this. Over a Unix socket nobody speaks WebSocket.
    pub fn spoken(self, websocket: bool) -> Self {
        match self {
            Self::Tcp if websocket => Self::Ws,
            transport => transport,
        }
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Departure {
    type Err = UnknownDeparture;

    fn from_str(name: &str) -> Result<Self, UnknownDeparture> {
        Self::ALL
            .into_iter()
            .find(|departure| departure.name() == name)
            .ok_or_else(|| UnknownDeparture(name.to_owned()))
    }
}

/// A name that is not the name of a departure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDeparture(pub String);

impl fmt::Display for UnknownDeparture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no departure named \"{}\"; the departures are", self.0)?;
        for (index, departure) in Departure::ALL.into_iter().enumerate() {
            write!(f, "{} {departure}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownDeparture {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for departure in Departure::ALL {
            assert_eq!(departure.name().parse(), Ok(departure));
            let json = serde_json::to_string(&departure).expect("a name");
            assert_eq!(json, format!("\"{departure}\""), "one name, whoever reads it");
            assert!(departure.summary().len() < 70, "a line: {}", departure.summary());
        }
        let error = "melt".parse::<Departure>().expect_err("no such departure");
        assert!(error.to_string().contains("half-close"), "{error}");
    }
}
