//! All rooms of a server: who is put where, and which room ticks next.
//!
//! Data flow: hello -> **`Lobby`** -> room; input -> **`Lobby`** -> room.
//!
//! Rooms are made on demand, filled up, and disposed when the last player is gone. Who loses its
//! connection keeps its seat until a deadline; that part is in `returning`. The lobby is pure;
//! randomness comes from seeds, which the shell draws at start.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use gamekeeper_protocol::{DecodeError, InputSequence, LeaveCause, PlayerId, RoomId};
use rand_core::Rng;
use rand_pcg::Pcg32;

use super::{
    Room, RoomFailure, Sink,
    games::{Games, Options},
    schedule::{Due, Schedule},
    session::Accepted,
    ticket::{SeatKeys, TicketOffice},
};
use crate::{
    game::Setup,
    ids::{ConnectionId, Place},
    time::Time,
};

/// Shortest time between two ticks of a turn-based room: that of a room at 60 Hz.
const TURN_BASED_PERIOD_MIN: Duration = Duration::from_micros(16_667);

/// Why a player cannot be seated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// The game is not hosted here.
    UnknownGame,
    /// Every number for players or rooms has been used.
    NoMoreIds,
    /// The game panicked when a room was to be made.
    GameFailed,
}

/// Every room of a server.
///
/// Invariant: a room is in `open` exactly while it has a free seat and its game has not failed.
/// Invariant: no room is without players, but for the time between a leave and the end of it.
/// Invariant: a seat is in `away`, once, exactly while its player has no connection.
#[derive(Debug)]
pub struct Lobby {
    games: Games,
    pub(super) options: Options,
    random: Pcg32,
    pub(super) rooms: BTreeMap<RoomId, Room>,
    /// Rooms with a free seat, by game; the oldest is filled first.
    open: BTreeMap<&'static str, BTreeSet<RoomId>>,
    schedule: Schedule,
    /// When each turn-based room ticked last.
    turn_based: BTreeMap<RoomId, Time>,
    next_room: u32,
    next_player: u32,
    /// Seats that are taken, those of players who are away as well.
    pub(super) players: usize,
    /// When each seat is given up whose player is away.
    pub(super) away: BTreeSet<(Time, Place)>,
    pub(super) office: TicketOffice,
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
    pub failed: Option<(RoomFailure, Vec<ConnectionId>)>,
}

impl Lobby {
    /// A lobby without rooms. `seed` is for the games; `ticket_seed` is for the tickets and must be
    /// unpredictable outside of tests.
    pub fn new(games: Games, options: Options, seed: u64, ticket_seed: [u8; 32]) -> Self {
        Self {
            games,
            options,
            random: Pcg32::new(seed, 0),
            rooms: BTreeMap::new(),
            open: BTreeMap::new(),
            schedule: Schedule::default(),
            turn_based: BTreeMap::new(),
            next_room: 1,
            next_player: 1,
            players: 0,
            away: BTreeSet::new(),
            office: TicketOffice::new(ticket_seed),
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

    /// Players with a seat and a connection.
    pub fn players(&self) -> usize {
        self.players - self.away.len()
    }

    /// Players without a connection, whose seat is held.
    pub fn players_away(&self) -> usize {
        self.away.len()
    }

    /// Seats a player in the oldest room of the game that has a free seat, or in a new one.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if there is no such game, or no number for another player or room.
    pub fn join(
        &mut self,
        game: &str,
        name: &str,
        connection: ConnectionId,
        now: Time,
    ) -> Result<Place, JoinError> {
        let game = self.games.get(game).ok_or(JoinError::UnknownGame)?.name;
        // Ids are never reused: better to refuse after four billion players than to mix up two.
        let next_player = self.next_player.checked_add(1).ok_or(JoinError::NoMoreIds)?;
        let open = self.open.get(game).and_then(|rooms| rooms.first().copied());
        let id = open.map_or_else(|| self.open_room(game, now), Ok)?;
        let player = PlayerId(self.next_player);
        self.next_player = next_player;
        self.players += 1;
        let room = self.rooms.get_mut(&id).expect("open rooms exist");
        room.join(player, name, connection, SeatKeys::new(self.office.secret()));
        if !room.has_free_seat() {
            self.open.entry(game).or_default().remove(&id);
        }
        self.touch(id, now);
        Ok(Place { room: id, player })
    }

    /// Takes a player's seat away, if `connection` has it.
    pub fn leave(&mut self, place: Place, connection: ConnectionId, cause: LeaveCause, now: Time) {
        // A connection whose player came back over another one has nothing to take away.
        let room = self.rooms.get_mut(&place.room);
        if room.is_some_and(|room| room.leave(place.player, connection, cause)) {
            self.seat_is_free(place.room, now);
        }
    }

    /// A seat became free: somebody may have it, or the room is disposed.
    pub(super) fn seat_is_free(&mut self, id: RoomId, now: Time) {
        self.players -= 1;
        let room = self.rooms.get(&id).expect("a room lives as long as its last seat is taken");
        let game = room.game();
        if room.players() > 0 {
            if !room.has_failed() {
                self.open.entry(game).or_default().insert(id);
            }
            self.touch(id, now);
            return;
        }
        if let Some(open) = self.open.get_mut(game) {
            open.remove(&id);
        }
        self.turn_based.remove(&id);
        self.schedule.stop(id);
        if let Some(room) = self.rooms.remove(&id) {
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
        now: Time,
    ) -> Result<Accepted, DecodeError> {
        let room = self.rooms.get_mut(&place.room).expect("a place's room exists while it is held");
        let accepted = room.input(place.player, sequence, body)?;
        if room.has_failed() {
            // Its next tick says so, whenever that would have been.
            self.schedule.tick_once(place.room, now);
        }
        self.touch(place.room, now);
        Ok(accepted)
    }

    /// When [`Self::tick_next`] or [`Self::expire`] should be called again.
    pub fn next_due(&self) -> Option<Time> {
        let away = self.away.first().map(|(until, _)| *until);
        [self.schedule.next_due(), away].into_iter().flatten().min()
    }

    /// Whether what players of a room say is read at its ticks.
    pub fn is_heard_at_ticks(&self, room: RoomId) -> bool {
        self.rooms.get(&room).is_some_and(Room::is_heard_at_ticks)
    }

    /// The connections of the rooms that are due at `due_by` and are heard at their ticks.
    pub fn members_due(&self, due_by: Time) -> impl Iterator<Item = ConnectionId> + '_ {
        let rooms = self.schedule.due_at(due_by).filter_map(|id| self.rooms.get(&id));
        rooms.filter(|room| room.is_heard_at_ticks()).flat_map(Room::connections)
    }

    /// Ticks one room that is due at `due_by`, if there is one. `now` may be later than that.
    pub fn tick_next(&mut self, due_by: Time, now: Time, sink: &mut impl Sink) -> Option<Ticked> {
        let Due { room: id, planned, missed } = self.schedule.pop_due(due_by)?;
        let room = self.rooms.get_mut(&id).expect("scheduled rooms exist");
        let failed = match room.tick_once(now, &self.office, sink) {
            Ok(()) => None,
            Err(failure) => Some((failure, room.connections().collect())),
        };
        let (players, game) = (room.players(), room.game());
        if let Some(last_tick_at) = self.turn_based.get_mut(&id) {
            *last_tick_at = now;
        }
        let mut gone = room.dismissed();
        let why = if failed.is_some() {
            self.schedule.stop(id);
            self.open.entry(game).or_default().remove(&id);
            // Nobody can come back to a game that has failed.
            gone = room.away().collect();
            LeaveCause::Closed
        } else {
            LeaveCause::Kicked
        };
        for player in gone {
            self.give_up(Place { room: id, player }, Some(why), now);
        }
        Some(Ticked { room: id, planned, missed, players, failed })
    }

    fn open_room(&mut self, game: &'static str, now: Time) -> Result<RoomId, JoinError> {
        let info = self.games.get(game).expect("the caller looked it up");
        let id = RoomId(self.next_room);
        self.next_room = self.next_room.checked_add(1).ok_or(JoinError::NoMoreIds)?;
        let tick_hz = info.tick_hz(&self.options);
        let seats = info.seats(&self.options);
        let setup = Setup { seed: self.random.next_u64(), seats, tick_hz };
        let start = AssertUnwindSafe(|| info.start(setup, &self.options));
        let session = catch_unwind(start).map_err(|_| JoinError::GameFailed)?;
        self.rooms.insert(id, Room::new(id, game, tick_hz, seats, self.options.resume, session));
        self.open.entry(game).or_default().insert(id);
        if tick_hz > 0 {
            self.schedule.start(id, tick_hz, now);
        } else {
            self.turn_based.insert(id, Time::ZERO);
        }
        Ok(id)
    }

    /// Notes that something happened in a room, if that is what makes it tick.
    ///
    /// A turn-based room ticks at once, but not more often than the fastest real-time one: else
    /// one player could make the whole room work as fast as it can send.
    pub(super) fn touch(&mut self, id: RoomId, now: Time) {
        let Some(&last_tick_at) = self.turn_based.get(&id) else { return };
        if self.rooms.get(&id).is_some_and(|room| !room.has_failed()) {
            self.schedule.tick_once(id, now.max(last_tick_at + TURN_BASED_PERIOD_MIN));
        }
    }
}
