//! What can be asked of a hub without changing it.
//!
//! Part of [`Hub`]. For the shell, the admin pages and the tests.

use super::Hub;
use crate::{ids::ConnectionId, limits::Limits, metrics::Metrics, room::lobby::Lobby, time::Time};

/// Open connections by what they are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// Accepted, hello awaited.
    pub handshake: usize,
    /// With a place in a room.
    pub playing: usize,
    /// Counted as left; the farewell is on its way.
    pub lingering: usize,
}

impl Hub {
    /// When the hub was made.
    pub fn started_at(&self) -> Time {
        self.started_at
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The rooms.
    pub fn lobby(&self) -> &Lobby {
        &self.lobby
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The counters that the shell fills.
    pub fn metrics_mut(&mut self) -> &mut Metrics {
        &mut self.metrics
    }

    /// Whether [`Hub::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Connections that have a slot, in whatever phase.
    pub fn connections(&self) -> usize {
        self.clients.len()
    }

    /// Timers that are set: one for each connection that waits for something.
    pub fn timers(&self) -> usize {
        self.wheel.len()
    }

    /// Bytes that wait to be written to a connection.
    pub fn unsent_bytes(&self, id: ConnectionId) -> usize {
        self.clients.get(id).map_or(0, |client| client.outbound.unsent_bytes())
    }

    /// Whether there is no connection at all.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Open connections by what they are doing.
    pub fn population(&self) -> Population {
        let playing = self.lobby.players();
        let handshake = self.clients.len() - playing - self.lingering - self.dead;
        Population { handshake, playing, lingering: self.lingering }
    }

    /// Whether every connection ever accepted is either live or counted as left, exactly once.
    ///
    /// Holds whenever no connection is between its mark and [`Hub::settle`].
    pub fn ledger_balances(&self) -> bool {
        let live = self.clients.len() - self.lingering - self.dead;
        self.metrics.accepted == live as u64 + self.metrics.left()
    }
}
