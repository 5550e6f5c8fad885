//! Which connections a request asks for.
//!
//! Data flow: query -> **`Selection`** -> the page of connections. Whatever cannot be meant is a
//! fault with a sentence that says what is accepted.

use std::net::{IpAddr, SocketAddr};

use super::query;
use crate::ids::{ConnectionId, PeerAddr};

/// Entries in an answer that does not say how many it wants.
const SHOWN_DEFAULT: usize = 100;
/// Entries in an answer, at most.
const SHOWN_MAX: usize = 1_000;
/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// One connection, with its history.
    One(ConnectionId),
    /// Those behind a slot, in the order of the slots.
    Many {
        /// The first slot that is looked at.
        from_slot: u32,
        /// How many are shown, of the connections and of the departures.
        limit: usize,
        /// Only those from there.
        address: Option<Address>,
    },
}

/// Where connections come from that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// Any port of a machine.
    Ip(IpAddr),
    /// One far end.
    Socket(SocketAddr),
    /// Unix sockets.
    Unix,
}

impl Selection {
    /// Reads it from a query.
    ///
    /// # Errors
    ///
    /// What is wrong with the query, as a sentence.
    pub(super) fn of(query: &str) -> Result<Self, String> {
        let pairs = query::parse(query)?;
        let (mut from_slot, mut limit, mut address, mut one) = (0, SHOWN_DEFAULT, None, None);
        for (name, value) in &pairs {
            match name.as_str() {
                "after" => from_slot = slot_after(value)?,
                "limit" => limit = shown(value)?,
                "address" => address = Some(Address::of(value)?),
                "id" => one = Some(connection_id(value)?),
                other => return Err(format!("there is no parameter {other:?}")),
            }
        }
        match one {
            Some(_) if pairs.len() > 1 => Err("id stands alone".to_owned()),
            Some(id) => Ok(Self::One(id)),
            None => Ok(Self::Many { from_slot, limit, address }),
        }
    }
}

/// Which departures a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LedgerPage {
    /// Only those behind this number.
    pub(super) after: u64,
    /// How many are shown.
    pub(super) limit: usize,
}

impl LedgerPage {
    /// Reads it from a query.
    ///
    /// # Errors
    ///
    /// What is wrong with the query, as a sentence.
    pub(super) fn of(query: &str) -> Result<Self, String> {
        let mut page = Self { after: 0, limit: SHOWN_DEFAULT };
        for (name, value) in &query::parse(query)? {
            match name.as_str() {
                "after" => page.after = departure_number(name, value)?,
                "limit" => page.limit = shown(value)?,
                other => return Err(format!("there is no parameter {other:?}")),
            }
        }
        Ok(page)
    }
}

/// The number of something that is numbered from 1, of which there may be one more.
pub(super) fn departure_number(name: &str, value: &str) -> Result<u64, String> {
    let fault = || format!("{name} is {value:?}, but must be the number of a departure");
    // Numbers count connections; nobody gets near the end.
    value.parse().ok().filter(|number| *number < u64::MAX / 2).ok_or_else(fault)
}

fn slot_after(value: &str) -> Result<u32, String> {
    let slot = value.split_once('.').map_or(value, |(slot, _)| slot);
    let fault = || format!("after is {value:?}, but must be an id such as 12.3, or its slot, 12");
    slot.parse::<u32>().ok().and_then(|slot| slot.checked_add(1)).ok_or_else(fault)
}

fn shown(value: &str) -> Result<usize, String> {
    let fault = || format!("limit is {value:?}, but must be a whole number, 1 to {SHOWN_MAX}");
    let limit = value.parse().ok().filter(|limit| (1..=SHOWN_MAX).contains(limit));
    limit.ok_or_else(fault)
}

fn connection_id(value: &str) -> Result<ConnectionId, String> {
    let parse = |(slot, generation): (&str, &str)| {
        Some(ConnectionId { slot: slot.parse().ok()?, generation: generation.parse().ok()? })
    };
    let fault = || format!("id is {value:?}, but must be a slot and a generation, such as 12.3");
    value.split_once('.').and_then(parse).ok_or_else(fault)
}

impl Address {
    fn of(value: &str) -> Result<Self, String> {
        if value == "unix" {
            return Ok(Self::Unix);
        }
        if let Ok(ip) = value.parse::<IpAddr>() {
            return Ok(Self::Ip(ip.to_canonical()));
        }
        value.parse().map(Self::Socket).map_err(|_| {
            format!(
                "address is {value:?}, but must be an IP address, one with a port, or `unix`; an \
                 IPv6 address with a port is in brackets"
            )
        })
    }

    /// Whether a connection comes from there.
    pub(super) fn is_of(self, peer: &PeerAddr) -> bool {
        match (self, peer) {
            (Self::Unix, PeerAddr::Unix) => true,
            (Self::Ip(ip), PeerAddr::Tcp(address)) => address.ip().to_canonical() == ip,
            (Self::Socket(socket), PeerAddr::Tcp(address)) => {
                let same_ip = address.ip().to_canonical() == socket.ip().to_canonical();
                same_ip && address.port() == socket.port()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_has_its_meaning() {
        let many = |from_slot, limit, address| Selection::Many { from_slot, limit, address };
        let local = IpAddr::from([127, 0, 0, 1]);
        let meant = [
            ("", many(0, 100, None)),
            ("limit=1000&after=12.3", many(13, 1_000, None)),
            ("after=12", many(13, 100, None)),
            ("address=127.0.0.1", many(0, 100, Some(Address::Ip(local)))),
            ("address=::ffff:127.0.0.1", many(0, 100, Some(Address::Ip(local)))),
            ("address=127.0.0.1%3A7", many(0, 100, Some(Address::Socket((local, 7).into())))),
            ("address=unix", many(0, 100, Some(Address::Unix))),
            ("id=12.3", Selection::One(ConnectionId { slot: 12, generation: 3 })),
        ];
        for (query, selection) in meant {
            assert_eq!(Selection::of(query), Ok(selection), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_can() {
        let faults = [
            ("limit=0", "1 to 1000"),
            ("limit=1001", "1 to 1000"),
            ("limit=-1", "1 to 1000"),
            ("limit", "1 to 1000"),
            ("limit=1&limit=2", "twice"),
            ("after=x", "such as 12.3"),
            ("after=4294967295", "such as 12.3"),
            ("address=localhost", "an IP address"),
            ("address=fe80::1%25eth0", "an IP address"),
            ("id=12", "such as 12.3"),
            ("id=1.2&limit=5", "alone"),
            ("adress=unix", "\"adress\""),
        ];
        for (query, words) in faults {
            let fault = Selection::of(query).expect_err(query);
            assert!(fault.contains(words), "{query}: {fault}");
        }
    }

    #[test]
    fn an_address_is_one_however_it_is_written() {
        let peer = PeerAddr::Tcp(([127, 0, 0, 1], 7).into());
        let is_of = |address: &str| Address::of(address).expect("well-formed").is_of(&peer);
        assert!(["127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1:7"].into_iter().all(is_of));
        assert!(!["127.0.0.2", "127.0.0.1:8", "::1", "unix"].into_iter().any(is_of));
        assert!(Address::Unix.is_of(&PeerAddr::Unix));
    }
}
