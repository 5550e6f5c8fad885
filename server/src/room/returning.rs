//! Players who lost their connection, and those of them who come back.
//!
//! Part of [`Lobby`]. Lost connection -> **seat held** -> hello with a ticket, or the deadline.
//!
//! A ticket is checked before anything is touched: neither the seat nor its deadline changes for a
//! ticket that is not good.

use std::time::Duration;

use gamekeeper_protocol::{LeaveCause, Resume};

use super::{Before, Lost, lobby::Lobby, ticket::Fit};
use crate::{
    ids::{ConnectionId, Place},
    limits::ms,
    time::Time,
};

/// A player that is back in its seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// Which seat.
    pub place: Place,
    /// The connection that had the seat until now, if there was one.
    pub replaces: Option<ConnectionId>,
}

/// Why a ticket is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketFault {
    /// It is from another run of the server.
    Stale,
    /// The seat is not held any more.
    Expired,
    /// The player came back with it before, and has had a newer one since.
    Replayed,
    /// It was never given out for this seat.
    Forged,
}

impl TicketFault {
    /// What a person is told.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Stale => "the server was started anew since; join again",
            Self::Expired => "the seat is not held any more; join again",
            Self::Replayed => "this ticket was used before; only the newest one is good",
            Self::Forged => "this ticket was never given out; join without one",
        }
    }
}

impl Lobby {
    /// A player's connection is gone: its seat is held for it, if the terms say so.
    pub fn lose(
        &mut self,
        place: Place,
        connection: ConnectionId,
        cause: LeaveCause,
        now: Time,
    ) -> bool {
        let window_ms = self.options.resume.window_ms;
        let Some(room) = self.rooms.get_mut(&place.room) else { return false };
        // To a failed room nobody can come back.
        if window_ms == 0 || room.has_failed() {
            self.leave(place, connection, cause, now);
            return false;
        }
        let until = now + ms(window_ms);
        let lost = room.lose(place.player, connection, cause, until);
        match lost {
            Lost::Held => {
                self.away.insert((until, place));
                self.touch(place.room, now);
                if self.away.len() > self.options.resume.seats_max
                    && let Some(&(_, oldest)) = self.away.first()
                {
                    self.give_up(oldest, None, now);
                }
            }
            Lost::Gone => self.seat_is_free(place.room, now),
            Lost::NotTheirs => {}
        }
        lost == Lost::Held
    }

    /// A player wants its seat back.
    ///
    /// # Errors
    ///
    /// [`TicketFault`] if the ticket is not good; nothing has changed then.
    pub fn resume(
        &mut self,
        resume: &Resume,
        connection: ConnectionId,
        now: Time,
    ) -> Result<Resumed, TicketFault> {
        let (place, secret) = self.office.read(&resume.ticket).ok_or(TicketFault::Stale)?;
        let room = self.rooms.get_mut(&place.room).ok_or(TicketFault::Expired)?;
        match room.fit(place.player, &secret) {
            None => return Err(TicketFault::Expired),
            Some(Fit::Never) => return Err(TicketFault::Forged),
            Some(Fit::Spent) => return Err(TicketFault::Replayed),
            Some(Fit::Good) => {}
        }
        if room.has_failed() {
            return Err(TicketFault::Expired);
        }
        let next = self.office.secret();
        let seen = resume.events_seen;
        let replaces = match room.take_again(place.player, connection, seen, secret, next) {
            Before::Connected(other) => Some(other),
            Before::Away { until } => {
                self.away.remove(&(until, place));
                None
            }
        };
        self.touch(place.room, now);
        Ok(Resumed { place, replaces })
    }

    /// Something was heard from a player that came back. Whether its former ticket is spent now.
    pub fn heard_again(&mut self, place: Place, connection: ConnectionId) -> bool {
        let room = self.rooms.get_mut(&place.room);
        room.is_some_and(|room| room.heard_again(place.player, connection))
    }

    /// A player is silent although it was asked, or is heard again.
    pub fn set_stalled(
        &mut self,
        place: Place,
        connection: ConnectionId,
        stalled: bool,
        now: Time,
    ) {
        if let Some(room) = self.rooms.get_mut(&place.room) {
            room.set_stalled(place.player, connection, stalled);
            self.touch(place.room, now);
        }
    }

    /// Gives up every seat whose player has not come back in time. Returns how many.
    pub fn expire(&mut self, now: Time) -> u64 {
        let mut given_up = 0;
        while let Some(&(until, place)) = self.away.first()
            && until <= now
        {
            self.give_up(place, None, now);
            given_up += 1;
        }
        given_up
    }

    /// Gives up every seat that is held, because nobody can come in any more.
    pub fn hold_no_seats(&mut self, now: Time) {
        while let Some(&(_, place)) = self.away.first() {
            self.give_up(place, Some(LeaveCause::Closed), now);
        }
    }

    /// The server itself did not run for a while: nobody's deadline counts that time.
    pub fn forgive(&mut self, pause: Duration) {
        for (until, place) in std::mem::take(&mut self.away) {
            let room = self.rooms.get_mut(&place.room).expect("a held seat keeps its room");
            let until = until + pause;
            room.hold_until(place.player, until);
            self.away.insert((until, place));
        }
    }

    /// Gives up the seat of a player that is away.
    pub(super) fn give_up(&mut self, place: Place, why: Option<LeaveCause>, now: Time) {
        let room = self.rooms.get_mut(&place.room).expect("a held seat keeps its room");
        let until = room.give_up(place.player, why).expect("only who is away is given up");
        let held = self.away.remove(&(until, place));
        assert!(held, "a seat without a connection has a deadline");
        self.seat_is_free(place.room, now);
    }
}
