//! Who connects from where: how many connections an address has, and how fast it makes new ones.
//!
//! The address is the socket's own, never one that somebody writes into a message. Connections of
//! this machine itself (and over Unix sockets) are not counted: behind a proxy on the same machine
//! everybody would look alike.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::bucket::{Rate, TokenBucket};
use crate::{ids::PeerAddr, limits::Limits, time::Time};

/// Addresses beyond which those that have nothing to remember are looked for and forgotten.
const FORGET_BEYOND: usize = 1_024;

/// The account of every address that has a connection or had one recently.
///
/// Invariant: the sum of `connections` is the number of counted connections that are open.
#[derive(Debug)]
pub struct Addresses {
    by_origin: BTreeMap<Origin, Account>,
    /// When there are more than so many, the idle ones are forgotten.
    forget_beyond: usize,
}

/// What counts as one address: for IPv6 the network of 64 bits, which one household has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(u64, u64);

#[derive(Debug)]
struct Account {
    connections: u64,
    arrivals: TokenBucket,
}

/// Why an address may not connect now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has as many connections as one address may have.
    TooMany,
    /// It makes new connections faster than one address may.
    TooFast,
}

impl Addresses {
    /// No address at all.
    pub fn new() -> Self {
        Self { by_origin: BTreeMap::new(), forget_beyond: FORGET_BEYOND }
    }

    /// A connection comes in. It is counted unless it is refused.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if its address asks too much.
    pub fn arrive(&mut self, peer: &PeerAddr, limits: &Limits, now: Time) -> Result<(), Refusal> {
        let Some(origin) = Origin::of(peer, limits) else { return Ok(()) };
        let rate = arrival_rate(limits);
        self.forget_idle(rate, now);
        let account = self
            .by_origin
            .entry(origin)
            .or_insert_with(|| Account { connections: 0, arrivals: TokenBucket::full(rate, now) });
        if account.connections >= limits.connections_per_address_max {
            return Err(Refusal::TooMany);
        }
        if !account.arrivals.take(1, rate, now) {
            return Err(Refusal::TooFast);
        }
        account.connections += 1;
        Ok(())
    }

    /// A connection that was not refused is gone.
    pub fn depart(&mut self, peer: &PeerAddr, limits: &Limits) {
        let Some(origin) = Origin::of(peer, limits) else { return };
        let account = self.by_origin.get_mut(&origin).expect("kept while it has a connection");
        account.connections -= 1;
    }

    /// How many addresses are remembered.
    pub fn len(&self) -> usize {
        self.by_origin.len()
    }

    /// Whether no address is remembered.
    pub fn is_empty(&self) -> bool {
        self.by_origin.is_empty()
    }

    /// Forgets addresses without connections whose bucket is full again, every now and then: each
    /// time their number has doubled, so that it costs little for each arrival.
    fn forget_idle(&mut self, rate: Rate, now: Time) {
        if self.by_origin.len() < self.forget_beyond {
            return;
        }
        self.by_origin
            .retain(|_, account| account.connections > 0 || !account.arrivals.is_full(rate, now));
        self.forget_beyond = FORGET_BEYOND.max(2 * self.by_origin.len());
    }
}

impl Default for Addresses {
    fn default() -> Self {
        Self::new()
    }
}

impl Origin {
    /// Where a connection comes from. All Unix sockets are one origin.
    pub fn of_peer(peer: &PeerAddr) -> Self {
        match peer {
            PeerAddr::Tcp(address) => match address.ip().to_canonical() {
                IpAddr::V4(ip) => Self(0, u64::from(u32::from(ip))),
                IpAddr::V6(ip) => Self(1, u64::try_from(u128::from(ip) >> 64).expect("64 bits")),
            },
            PeerAddr::Unix => Self(2, 0),
            PeerAddr::Unknown => Self(3, 0),
        }
    }

    /// Where a connection comes from, as far as it is counted.
    fn of(peer: &PeerAddr, limits: &Limits) -> Option<Self> {
        let PeerAddr::Tcp(address) = peer else { return None };
        let is_counted = !address.ip().to_canonical().is_loopback() || limits.guard_loopback != 0;
        is_counted.then(|| Self::of_peer(peer))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self(0, ip) => Ipv4Addr::from(u32::try_from(ip).expect("an IPv4 address")).fmt(f),
            Self(1, network) => write!(f, "{}/64", Ipv6Addr::from(u128::from(network) << 64)),
            Self(2, _) => f.write_str("unix"),
            Self(..) => f.write_str("unknown"),
        }
    }
}

fn arrival_rate(limits: &Limits) -> Rate {
    Rate {
        per_second: limits.arrivals_per_address_per_second,
        burst: limits.arrivals_per_address_burst,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connections_per_address_max: 3,
        arrivals_per_address_per_second: 10,
        arrivals_per_address_burst: 5,
        ..Limits::DEFAULT
    };

    fn peer(ip: &str) -> PeerAddr {
        PeerAddr::Tcp((ip.parse::<IpAddr>().expect("an address"), 1).into())
    }

    fn at(milliseconds: u64) -> Time {
        Time::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn an_address_has_its_share_of_connections() {
        let mut addresses = Addresses::new();
        let one = peer("192.0.2.1");
        for _ in 0..3 {
            assert_eq!(addresses.arrive(&one, &LIMITS, at(0)), Ok(()));
        }
        assert_eq!(addresses.arrive(&one, &LIMITS, at(0)), Err(Refusal::TooMany));
        assert_eq!(addresses.arrive(&peer("192.0.2.2"), &LIMITS, at(0)), Ok(()));
        addresses.depart(&one, &LIMITS);
        assert_eq!(addresses.arrive(&one, &LIMITS, at(0)), Ok(()));
    }

    #[test]
    fn an_address_that_comes_and_goes_too_fast_has_to_wait() {
        let mut addresses = Addresses::new();
        let one = peer("192.0.2.1");
        for _ in 0..5 {
            assert_eq!(addresses.arrive(&one, &LIMITS, at(0)), Ok(()));
            addresses.depart(&one, &LIMITS);
        }
        assert_eq!(addresses.arrive(&one, &LIMITS, at(0)), Err(Refusal::TooFast));
        assert_eq!(addresses.arrive(&one, &LIMITS, at(100)), Ok(()));
    }

    #[test]
    fn a_household_with_ipv6_is_one_address_and_this_machine_is_none() {
        let mut addresses = Addresses::new();
        for last in 1..=3 {
            let peer = peer(&format!("2001:db8::{last}"));
            assert_eq!(addresses.arrive(&peer, &LIMITS, at(0)), Ok(()));
        }
        let fourth = addresses.arrive(&peer("2001:db8::ffff"), &LIMITS, at(0));
        assert_eq!(fourth, Err(Refusal::TooMany));
        assert_eq!(addresses.arrive(&peer("2001:db8:0:1::1"), &LIMITS, at(0)), Ok(()));
        for ip in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            for _ in 0..100 {
                assert_eq!(addresses.arrive(&peer(ip), &LIMITS, at(0)), Ok(()));
            }
        }
        assert_eq!(addresses.arrive(&PeerAddr::Unix, &LIMITS, at(0)), Ok(()));
    }

    #[test]
    fn an_origin_is_shown_as_people_write_it() {
        let shown = |ip| Origin::of_peer(&peer(ip)).to_string();
        assert_eq!(shown("192.0.2.1"), "192.0.2.1");
        assert_eq!(shown("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(shown("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(Origin::of_peer(&PeerAddr::Unix).to_string(), "unix");
    }

    #[test]
    fn addresses_that_are_gone_are_forgotten() {
        let mut addresses = Addresses::new();
        for number in 0..20_000u32 {
            let ip = Ipv4Addr::from(0x0a00_0000 + number);
            let peer = peer(&ip.to_string());
            addresses.arrive(&peer, &LIMITS, at(u64::from(number) * 10)).expect("the first");
            addresses.depart(&peer, &LIMITS);
            assert!(addresses.len() <= 2 * FORGET_BEYOND, "{}", addresses.len());
        }
    }
}
