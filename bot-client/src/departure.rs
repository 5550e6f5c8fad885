//! The ways to leave, as values.
//!
//! A departure says what a bot does to its connection, which of the server's leave reasons are
//! right for it, and by when the server must have noticed. It does nothing itself: the fleet
//! carries it out, and the load test compares.
//!
//! The reason and path names are those of the server's statistics. They are repeated here as text
//! on purpose: a client that shared the server's types could not notice when they change.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// The server's patience with a connection that makes no progress, with a frame that is not
/// finished, and (one second more) with silence.
const SERVER_PATIENCE: Duration = Duration::from_secs(5);

/// How often the server asks a client that speaks whether it also reads, and the part of its
/// patience after which it looks again at what was acknowledged: both come on top of the patience
/// before a reader that has stopped is found.
const SERVER_LOOKS_EVERY: Duration = Duration::from_millis(2_000 + 1_250);

/// What is allowed on top of the server's own deadline: a tick, its timer, and a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// A way to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Departure {
    /// Says goodbye, then closes: the polite way.
    Goodbye,
    /// Closes without a word: the end of the stream comes first and is clean.
    Close,
    /// Resets the connection (SO_LINGER of zero): what a crash looks like.
    Reset,
    /// Ends its own direction and keeps reading. On the wire the same as [`Departure::Close`].
    HalfClose,
    /// Keeps sending inputs and stops reading.
    Stall,
    /// Neither reads nor writes any more; the socket stays open.
    Freeze,
    /// Sends a header and half of a body, then nothing; still reads.
    HalfFrame,
    /// Sends a well-formed frame whose body is nonsense.
    Garbage,
    /// Announces a frame of four gibibytes.
    Oversize,
}

impl Departure {
    /// Every departure, in the order in which reports list them.
    pub const ALL: [Self; 9] = [
        Self::Goodbye,
        Self::Close,
        Self::Reset,
        Self::HalfClose,
        Self::Stall,
        Self::Freeze,
        Self::HalfFrame,
        Self::Garbage,
        Self::Oversize,
    ];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Goodbye => "goodbye",
            Self::Close => "close",
            Self::Reset => "reset",
            Self::HalfClose => "half-close",
            Self::Stall => "stall",
            Self::Freeze => "freeze",
            Self::HalfFrame => "half-frame",
            Self::Garbage => "garbage",
            Self::Oversize => "oversize",
        }
    }

    /// The server's leave reasons that are right for it, the most likely one first.
    pub fn expected_reasons(self, transport: Transport) -> &'static [&'static str] {
        match self {
            Self::Goodbye => &["goodbye"],
            // A Unix socket knows no reset. What its other end is told depends on whether anything
            // was unread, which is a matter of luck.
            Self::Close | Self::HalfClose | Self::Reset if transport == Transport::Unix => {
                &["fin", "reset"]
            }
            Self::Close | Self::HalfClose => &["fin"],
            Self::Reset => &["reset"],
            Self::Stall => &["slow_consumer_time", "slow_consumer_bytes"],
            // A frozen client neither speaks nor reads: whichever is noticed first is right.
            Self::Freeze => &["heartbeat", "slow_consumer_time", "slow_consumer_bytes"],
            Self::HalfFrame => &["frame_timeout"],
            Self::Garbage => &["protocol"],
            Self::Oversize => &["oversize"],
        }
    }

    /// How long the server may take to notice.
    pub fn noticed_within(self) -> Duration {
        match self {
            Self::Goodbye
            | Self::Close
            | Self::Reset
            | Self::HalfClose
            | Self::Garbage
            | Self::Oversize => SLACK,
            Self::HalfFrame => SERVER_PATIENCE + SLACK,
            Self::Freeze => SERVER_PATIENCE + Duration::from_secs(1) + SLACK,
            Self::Stall => SERVER_LOOKS_EVERY + SERVER_PATIENCE + SLACK,
        }
    }

    /// Whether a server that holds seats holds this one: the connection is lost, and nobody has
    /// said or done anything against the player.
    pub fn holds_seat(self) -> bool {
        match self {
            Self::Close
            | Self::Reset
            | Self::HalfClose
            | Self::Stall
            | Self::Freeze
            | Self::HalfFrame => true,
            Self::Goodbye | Self::Garbage | Self::Oversize => false,
        }
    }

    /// Whether the socket stays open until the server closes it: time in which the bot can come
    /// back while the server still believes in the old connection.
    pub fn stays_connected(self) -> bool {
        matches!(self, Self::Stall | Self::Freeze | Self::HalfFrame)
    }

    /// Whether the bot must know of it before it connects: the receive buffer of a socket can be
    /// made small only then.
    pub fn needs_small_receive_buffer(self) -> bool {
        self == Self::Stall
    }
}

/// What carries the bytes: it decides which ways of leaving can be told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A TCP connection.
    #[default]
    Tcp,
    /// A Unix-domain stream socket.
    Unix,
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
            assert!(!departure.expected_reasons(Transport::Tcp).is_empty());
            assert!(!departure.expected_reasons(Transport::Unix).is_empty());
        }
        let error = "vanish".parse::<Departure>().expect_err("no such departure");
        assert!(error.to_string().contains("half-close"), "{error}");
    }
}
