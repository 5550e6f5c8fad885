//! All rooms of a server: who is put where, and which room ticks next.
//!
//! Data flow: hello -> **`Lobby`** -> room; input -> **`Lobby`** -> room.
//!
//! Rooms are made on demand, filled up, and disposed when the last player is gone. The lobby is
//! pure; randomness comes from one seed, which the shell draws at start.

use std::collections::{BTreeMap, BTreeSet};

use gamekeeper_protocol::{DecodeError, EncodeError, InputSequence, LeaveCause, PlayerId, RoomId};
use rand_core::Rng;
use rand_pcg::Pcg32;

use super::{
    Room, Sink,
    games::{Games, Options},
    schedule::{Due, Schedule},
    session::Accepted,
};
use crate::{
    game::Setup,
    ids::{ConnectionId, Place},
    time::Time,
};

/// Every room of a server.
///
/// Invariant: a room is in `open` exactly while it has a free seat.
/// Invariant: no room is without players, but for the time between a leave and the end of it.
#[derive(Debug)]
pub struct Lobby {
    games: Games,
    options: Options,
    random: Pcg32,
    rooms: BTreeMap<RoomId, Room>,
    /// Rooms with a free seat, by game; the oldest is filled first.
    open: BTreeMap<&'static str, BTreeSet<RoomId>>,
    schedule: Schedule,
    /// Turn-based rooms in which something happened since their last tick.
    touched: BTreeSet<RoomId>,
    next_room: u32,
    next_player: u32,
    players: usize,
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "room {} ({}, {} players)", self.id(), self.game(), self.players())
    }
}

/// One room that ticked.
#[derive(Debug)]
pub struct Ticked {
    /// Which.
    pub room: RoomId,
    /// When it should have ticked.
    pub planned: Time,
    /// Ticks that were left out before this one.
    pub missed: u64,
    /// Players that were in the room.
    pub players: usize,
    /// If the game failed: why, and who was in the room.
    pub failed: Option<(EncodeError, Vec<ConnectionId>)>,
}

impl Lobby {
    /// A lobby without rooms.
    pub fn new(games: Games, options: Options, seed: u64) -> Self {
        Self {
            games,
            options,
            random: Pcg32::new(seed, 0),
            rooms: BTreeMap::new(),
            open: BTreeMap::new(),
            schedule: Schedule::default(),
            touched: BTreeSet::new(),
            next_room: 1,
            next_player: 1,
            players: 0,
        }
    }

    /// The games that are hosted.
    pub fn games(&self) -> &Games {
        &self.games
    }

    /// All rooms, the oldest first.
    pub fn rooms(&self) -> impl ExactSizeIterator<Item = &Room> {
        self.rooms.values()
    }

    /// Players with a seat.
    pub fn players(&self) -> usize {
        self.players
    }

    /// Seats a player in the oldest room of the game that has a free seat, or in a new one;
    /// `None` if there is no such game.
    pub fn join(
        &mut self,
        game: &str,
        name: &str,
        connection: ConnectionId,
        now: Time,
    ) -> Option<Place> {
        let game = self.games.get(game)?.name;
        let open = self.open.get(game).and_then(|rooms| rooms.first().copied());
        let id = open.unwrap_or_else(|| self.open_room(game, now));
        let player = PlayerId(self.next_player);
        self.next_player += 1;
        self.players += 1;
        let room = self.rooms.get_mut(&id).expect("open rooms exist");
        room.join(player, name, connection);
        if !room.has_free_seat() {
            self.open.entry(game).or_default().remove(&id);
        }
        self.touch(id);
        Some(Place { room: id, player })
    }

    /// Takes a player's seat away; disposes the room if it was the last one.
    pub fn leave(&mut self, place: Place, cause: LeaveCause) {
        let room = self.rooms.get_mut(&place.room).expect("a place's room exists while it is held");
        room.leave(place.player, cause);
        self.players -= 1;
        let game = room.game();
        if room.players() > 0 {
            self.open.entry(game).or_default().insert(place.room);
            self.touch(place.room);
            return;
        }
        if let Some(open) = self.open.get_mut(game) {
            open.remove(&place.room);
        }
        self.touched.remove(&place.room);
        self.schedule.stop(place.room);
        if let Some(room) = self.rooms.remove(&place.room) {
            room.close();
        }
    }

    /// Hands an input to its room.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the game cannot read it.
    pub fn input(
        &mut self,
        place: Place,
        sequence: InputSequence,
        body: &[u8],
    ) -> Result<Accepted, DecodeError> {
        let room = self.rooms.get_mut(&place.room).expect("a place's room exists while it is held");
        let accepted = room.input(place.player, sequence, body)?;
        self.touch(place.room);
        Ok(accepted)
    }

    /// When [`Self::tick_next`] should be called again: at once for a turn-based room that was
    /// touched, else when the next real-time room is due.
    pub fn next_due(&self) -> Option<Time> {
        if self.touched.is_empty() { self.schedule.next_due() } else { Some(Time::ZERO) }
    }

    /// Ticks one room that is due at `now`, if there is one.
    pub fn tick_next(&mut self, now: Time, sink: &mut impl Sink) -> Option<Ticked> {
        let due = match self.touched.pop_first() {
            Some(room) => Due { room, planned: now, missed: 0 },
            None => self.schedule.pop_due(now)?,
        };
        let room = self.rooms.get_mut(&due.room).expect("scheduled rooms exist");
        let failed = match room.tick_once(now, sink) {
            Ok(()) => None,
            Err(error) => Some((error, room.connections().collect())),
        };
        let players = room.players();
        Some(Ticked { room: due.room, planned: due.planned, missed: due.missed, players, failed })
    }

    fn open_room(&mut self, game: &'static str, now: Time) -> RoomId {
        let info = self.games.get(game).expect("the caller looked it up");
        let id = RoomId(self.next_room);
        self.next_room += 1;
        let tick_hz = info.tick_hz(&self.options);
        let seats = info.seats(&self.options);
        let setup = Setup { seed: self.random.next_u64(), seats, tick_hz };
        let session = info.start(setup, &self.options);
        self.rooms.insert(id, Room::new(id, game, tick_hz, seats, session));
        self.open.entry(game).or_default().insert(id);
        if tick_hz > 0 {
            self.schedule.start(id, tick_hz, now);
        }
        id
    }

    /// Notes that something happened in a room, if that is what makes it tick.
    fn touch(&mut self, id: RoomId) {
        if self.rooms.get(&id).is_some_and(|room| room.tick_hz() == 0) {
            self.touched.insert(id);
        }
    }
}
