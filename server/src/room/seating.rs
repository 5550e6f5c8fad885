//! Who has which seat: coming, losing the connection, coming back, going.
//!
//! Part of [`Room`]. Lobby -> **seats** -> the next tick, which tells the game and the others. Only
//! here does a seat change hands, and only from the connection that has it: what an older
//! connection of the same player says late finds nothing to change.

use gamekeeper_protocol::{Departed, LeaveCause, PlayerId};

use super::{
    Room,
    seat::{Link, Seat},
    ticket::{Fit, SeatKeys, Secret},
};
use crate::{ids::ConnectionId, time::Time};

/// What became of a seat whose connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It is held for the player.
    Held,
    /// It is free: the player had not been told of it yet.
    Gone,
    /// Nothing: another connection has the seat, or nobody.
    NotTheirs,
}

/// How a seat was taken before its player took it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// By this connection, which the server still believed in.
    Connected(ConnectionId),
    /// By nobody; it was held until then.
    Away {
        /// The deadline.
        until: Time,
    },
}

impl Room {
    /// Gives a player a seat from the next tick on. Ids must come in rising order.
    pub fn join(&mut self, player: PlayerId, name: &str, connection: ConnectionId, keys: SeatKeys) {
        assert!(self.has_free_seat(), "the lobby fills only rooms with a free seat");
        debug_assert!(self.members.iter().chain(&self.arrivals).all(|seat| seat.player < player));
        self.arrivals.push(Seat::new(player, name, connection, keys));
    }

    /// A player's connection is gone, and its seat is to be held until a deadline.
    pub fn lose(
        &mut self,
        player: PlayerId,
        connection: ConnectionId,
        cause: LeaveCause,
        until: Time,
    ) -> Lost {
        if let Some(seat) = self.member_mut(player) {
            if seat.connection() != Some(connection) {
                return Lost::NotTheirs;
            }
            seat.link = Link::Away { cause, until };
            seat.stalled = false;
            self.restless = true;
            return Lost::Held;
        }
        // It has no ticket yet, so it could not come back.
        if self.withdraw(player, connection) { Lost::Gone } else { Lost::NotTheirs }
    }

    /// What a secret is to a player's seat; `None` if the player has no seat here.
    pub fn fit(&self, player: PlayerId, secret: &Secret) -> Option<Fit> {
        let index = self.members.binary_search_by_key(&player, |seat| seat.player).ok()?;
        Some(self.members[index].keys.fit(secret))
    }

    /// A player takes its seat again over another connection, with a secret that fits.
    pub fn take_again(
        &mut self,
        player: PlayerId,
        connection: ConnectionId,
        events_seen: u32,
        used: Secret,
        next: Secret,
    ) -> Before {
        let seat = self.member_mut(player).expect("its secret fits, so it has a seat");
        let before = match seat.link {
            Link::Away { until, .. } => Before::Away { until },
            Link::New(other) | Link::On(other) | Link::Back { connection: other, .. } => {
                Before::Connected(other)
            }
        };
        seat.link = Link::Back { connection, events_seen };
        seat.stalled = false;
        seat.keys.renew(used, next);
        self.restless = true;
        before
    }

    /// Something was heard from a player that came back. Whether it is known to have been welcomed
    /// before that, and its former ticket is spent.
    pub fn heard_again(&mut self, player: PlayerId, connection: ConnectionId) -> bool {
        let seat = self.member_mut(player).filter(|seat| seat.link == Link::On(connection));
        seat.map(|seat| seat.keys.spend()).is_some()
    }

    /// A player is silent although it was asked, or is heard again.
    pub fn set_stalled(&mut self, player: PlayerId, connection: ConnectionId, stalled: bool) {
        let seat = self.member_mut(player).filter(|seat| seat.connection() == Some(connection));
        if let Some(seat) = seat {
            seat.stalled = stalled;
            self.restless = true;
        }
    }

    /// Takes a player's seat away, now, if `connection` has it; the game and the others hear of it
    /// at the next tick. Whether it was so.
    ///
    /// A player that leaves before its first tick was never there.
    pub fn leave(&mut self, player: PlayerId, connection: ConnectionId, cause: LeaveCause) -> bool {
        let theirs = |seat: &Seat| seat.player == player && seat.connection() == Some(connection);
        if let Some(index) = self.members.iter().position(theirs) {
            self.members.remove(index);
            self.departures.push(Departed { player, cause });
            return true;
        }
        self.withdraw(player, connection)
    }

    /// Takes the seat of a player away that is not connected; with `why`, or because it did not
    /// come back. Returns until when the seat was to be held, if there was such a seat.
    pub fn give_up(&mut self, player: PlayerId, why: Option<LeaveCause>) -> Option<Time> {
        let index = self.members.binary_search_by_key(&player, |seat| seat.player).ok()?;
        let Link::Away { cause, until } = self.members[index].link else { return None };
        self.members.remove(index);
        self.departures.push(Departed { player, cause: why.unwrap_or(cause) });
        Some(until)
    }

    /// Changes the deadline of a seat whose player is away.
    pub fn hold_until(&mut self, player: PlayerId, deadline: Time) {
        if let Some(Seat { link: Link::Away { until, .. }, .. }) = self.member_mut(player) {
            *until = deadline;
        }
    }

    /// The players that the game has removed while they were away, once.
    pub fn dismissed(&mut self) -> Vec<PlayerId> {
        std::mem::take(&mut self.dismissed)
    }

    fn member_mut(&mut self, player: PlayerId) -> Option<&mut Seat> {
        let index = self.members.binary_search_by_key(&player, |seat| seat.player).ok()?;
        Some(&mut self.members[index])
    }

    /// Forgets a player that has not had its first tick.
    fn withdraw(&mut self, player: PlayerId, connection: ConnectionId) -> bool {
        let before = self.arrivals.len();
        self.arrivals.retain(|seat| seat.player != player || seat.connection() != Some(connection));
        let withdrawn = self.arrivals.len() < before;
        if withdrawn {
            self.session.forget(player);
        }
        withdrawn
    }
}
