//! Names for what the server itself counts: connections, their peers, their players' places.
//!
//! Players, rooms and ticks are on the wire and have their ids in `gamekeeper_protocol::ids`.

use std::fmt;

use gamekeeper_protocol::{PlayerId, RoomId};

/// One accepted connection, from accept to close.
///
/// The slot is reused as soon as a connection is gone; the generation is not. Everything that was
/// said about an older connection in the same slot (a queued event, an output) fails to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId {
    /// Position in the connection table.
    pub slot: u32,
    /// How many connections this slot has had before.
    pub generation: u32,
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// Where a connection comes from, as accept told us.
///
/// Never asked of the socket again: the peer of a connection that was reset before accept has no
/// address any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAddr {
    /// A TCP connection's far end.
    Tcp(std::net::SocketAddr),
    /// A connection on a Unix socket; its far end has no address.
    Unix,
    /// The kernel did not say.
    Unknown,
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// A player's place: which player, in which room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Where.
    pub room: RoomId,
    /// Who.
    pub player: PlayerId,
}
