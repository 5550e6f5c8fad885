//! What can be asked of a hub without changing it.
//!
//! Part of [`Hub`]. For the shell, the admin pages and the tests.

use super::{Hub, departures::Departures};
use crate::{
    client::{Client, phase::Phase},
    ids::ConnectionId,
    limits::Limits,
    metrics::Metrics,
    room::lobby::Lobby,
    time::Time,
};

/// Open connections by what they are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// Accepted, hello awaited.
    pub handshake: usize,
    /// With a place in a room.
    pub playing: usize,
    /// Counted as left; the farewell is on its way.
    pub lingering: usize,
    /// Players without a connection, whose seat is held for them.
    pub away: usize,
}

impl Hub {
    /// When the hub was made.
    pub fn started_at(&self) -> Time {
        self.started_at
    }

    /// The game of a hello that names none.
    pub fn game(&self) -> &str {
        &self.default_game
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

    /// Whether [`Hub::drain`] or [`Hub::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Connections that have a slot, in whatever phase.
    pub fn connections(&self) -> usize {
        self.clients.len()
    }

    /// How many slots there are, free ones included.
    pub fn slots(&self) -> u32 {
        self.clients.slots()
    }

    /// The connection in a slot, if there is one.
    pub fn in_slot(&self, slot: u32) -> Option<(ConnectionId, &Client)> {
        let id = self.clients.id_of(slot)?;
        Some((id, self.clients.get(id)?))
    }

    /// Exactly this connection.
    pub fn client(&self, id: ConnectionId) -> Option<&Client> {
        self.clients.get(id)
    }

    /// Who left last.
    pub fn departures(&self) -> &Departures {
        &self.departures
    }

    /// Looks at every connection; panics if an invariant of [`Hub`] does not hold.
    ///
    /// For tests and simulation, between two turns: it costs time that grows with the connections.
    pub fn check_invariants(&self, now: Time) {
        let mut lingering = 0;
        for id in self.clients.ids() {
            let client = self.clients.get(id).expect("the table's own id");
            let dying = matches!(client.phase, Phase::Dying(_));
            assert_eq!(dying, self.dying.contains(&id), "{id} is in the list if it is dying");
            if let Phase::Lingering(linger) = &client.phase {
                lingering += 1;
                assert_eq!(self.lingering.find(linger.number), Some(id));
            }
            if let Some(deadline) = client.next_deadline(now, &self.limits) {
                let timer = self.wheel.deadline(id.slot);
                assert!(timer.is_some_and(|timer| timer <= deadline), "{id}: {timer:?} is late");
            }
            let unsent = !client.outbound.is_empty() && client.phase.may_write();
            let waits = client.in_flush_list || client.pulse.stall.is_some();
            assert!(!unsent || waits, "{id} has something to write and is in no list");
        }
        assert_eq!(lingering, self.lingering.len());
        assert!(
            self.suspects.is_empty(),
            "suspects are judged in the turn in which they are found"
        );
        let lingering_max = usize::try_from(self.limits.lingering_max).expect("64-bit system");
        assert!(self.telling || lingering <= lingering_max, "{lingering} linger");
        assert!(self.ledger_balances() || !self.dying.is_empty(), "{:?}", self.metrics);
    }

    /// Timers that are set: one for each connection that waits for something.
    pub fn timers(&self) -> usize {
        self.wheel.len()
    }

    /// The connection in a slot, if there is one.
    pub fn id_of(&self, slot: u32) -> Option<ConnectionId> {
        self.clients.id_of(slot)
    }

    /// Bytes that wait to be written to a connection.
    pub fn unsent_bytes(&self, id: ConnectionId) -> usize {
        self.clients.get(id).map_or(0, |client| client.outbound.unsent_bytes())
    }

    /// Whether there is no connection at all.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether nobody is there and nobody is waited for: no connection, and no seat held for one
    /// who may come back.
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty() && self.lobby.players_away() == 0
    }

    /// Open connections by what they are doing.
    pub fn population(&self) -> Population {
        let playing = self.lobby.players();
        let handshake = self.clients.len() - playing - self.lingering.len() - self.dead;
        let away = self.lobby.players_away();
        Population { handshake, playing, lingering: self.lingering.len(), away }
    }

    /// Whether every connection ever accepted is either live or counted as left, exactly once.
    ///
    /// Holds whenever no connection is between its mark and [`Hub::settle`].
    pub fn ledger_balances(&self) -> bool {
        let live = self.clients.len() - self.lingering.len() - self.dead;
        self.metrics.accepted == live as u64 + self.metrics.left()
    }
}
