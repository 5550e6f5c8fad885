//! Which bots are native clients and which are browsers: all, or half of them.
//!
//! A value; what carries the bytes of one bot is its [`Transport`], and what it does to them is the
//! fleet's business.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::departure::Transport;

/// The fractional part of the golden ratio, of 2 to the 32nd.
const GOLDEN_RATIO_32: u32 = 0x9e37_79b9;

/// What the bots of a fleet speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransportMix {
    /// The native protocol, all of them: over TCP, or over a Unix socket if the server is there.
    #[default]
    Tcp,
    /// WebSocket, all of them.
    Ws,
    /// Half of them WebSocket.
    Mixed,
}

impl TransportMix {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Ws, Self::Mixed];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Ws => "ws",
            Self::Mixed => "mixed",
        }
    }

    /// Whether the bot of this number speaks WebSocket.
    pub fn is_web(self, bot: u32) -> bool {
        match self {
            Self::Tcp => false,
            Self::Ws => true,
            // Multiples of the golden ratio are spread evenly, also those of every second number or
            // every third: bots that are shared out among processes are mixed in each.
            Self::Mixed => bot.wrapping_mul(GOLDEN_RATIO_32) >> 31 == 1,
        }
    }

    /// Whether the bots can speak so to a server that is reached in this way: browsers know no Unix
    /// sockets.
    pub fn can_happen_on(self, transport: Transport) -> bool {
        self == Self::Tcp || transport != Transport::Unix
    }
}

impl fmt::Display for TransportMix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TransportMix {
    type Err = UnknownTransport;

    fn from_str(name: &str) -> Result<Self, UnknownTransport> {
        let mix = Self::ALL.into_iter().find(|mix| mix.name() == name);
        mix.ok_or_else(|| UnknownTransport(name.to_owned()))
    }
}

/// A name that is not the name of a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTransport(pub String);

impl fmt::Display for UnknownTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no transport \"{}\"; there are tcp, ws and mixed", self.0)
    }
}

impl std::error::Error for UnknownTransport {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for mix in TransportMix::ALL {
            assert_eq!(mix.name().parse(), Ok(mix));
            let json = serde_json::to_string(&mix).expect("a name");
            assert_eq!(json, format!("\"{mix}\""), "one name, whoever reads it");
        }
        let error = "udp".parse::<TransportMix>().expect_err("no such transport").to_string();
        assert!(TransportMix::ALL.iter().all(|mix| error.contains(mix.name())), "{error}");
    }

    #[test]
    fn of_a_mixed_fleet_half_of_the_bots_are_browsers() {
        let web = |mix: TransportMix| (0..1000).filter(|bot| mix.is_web(*bot)).count();
        assert_eq!(TransportMix::ALL.map(web), [0, 1000, 500]);
        for processes in 2..=8 {
            let first = (0..3000).step_by(processes);
            let web = first.clone().filter(|bot| TransportMix::Mixed.is_web(*bot)).count();
            let share = web * 100 / first.count();
            assert!((49..=51).contains(&share), "{share} % of one of {processes} processes");
        }
        assert!(!TransportMix::Mixed.can_happen_on(Transport::Unix));
        assert!(TransportMix::Tcp.can_happen_on(Transport::Unix));
    }
}
