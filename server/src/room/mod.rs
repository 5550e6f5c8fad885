//! One room: a game session, the players in it, its tick.
//!
//! Data flow: joins, leaves, inputs -> **`Room`** -> game -> frames for each member.
//!
//! A room is pure. It does not know clients, only the [`ConnectionId`]s that its hub delivers
//! frames to. Nothing happens to the game between two ticks: who comes, who goes and what they ask
//! for is kept, and applied at one point of the tick, in order.

pub mod benchmark;
pub mod games;
pub mod lobby;
pub mod schedule;
pub mod session;

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use gamekeeper_protocol::{
    DecodeError, Departed, EncodeError, InputSequence, LeaveCause, Member, PlayerId, RoomId,
    ServerMessage, Tick, Welcome, codec::Bytes,
};

use self::session::{Accepted, Session};
use crate::{
    frames::{SharedFrame, shared_frame},
    game::{Audience, Effect},
    ids::ConnectionId,
    time::Time,
};

/// Where a room's frames go.
pub trait Sink {
    /// A frame that must arrive, in order.
    fn reliable(&mut self, to: ConnectionId, frame: &SharedFrame);

    /// The newest state; an older one that still waits is dropped.
    fn latest(&mut self, to: ConnectionId, frame: &SharedFrame);

    /// The game removes this player.
    fn kick(&mut self, who: ConnectionId, text: String);
}

/// Why a room cannot go on. The game's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomFailure {
    /// A state or an event does not fit into a frame.
    Encode(EncodeError),
    /// The game panicked, with this text.
    Panic(String),
}

impl fmt::Display for RoomFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => error.fmt(f),
            Self::Panic(text) => write!(f, "the game panicked: {text}"),
        }
    }
}

impl std::error::Error for RoomFailure {}

/// One game session and the players in it.
///
/// Invariant: `members` is sorted by player id, which is the order of joining.
/// Invariant: a player is in `members`, or in `arrivals`, or not in the room.
pub struct Room {
    id: RoomId,
    game: &'static str,
    tick_hz: u16,
    seats: u16,
    tick: Tick,
    session: Box<dyn Session>,
    /// Players that the game and the others know of.
    members: Vec<Seat>,
    /// Players that take their seat at the next tick.
    arrivals: Vec<Seat>,
    /// Players that have been members and are gone since the last tick.
    departures: Vec<Departed>,
    /// Why the game failed, once it has: it is not called again then.
    failure: Option<RoomFailure>,
    /// Buffer for a snapshot's body while it is encoded.
    scratch: Vec<u8>,
}

/// A player in a room.
#[derive(Clone, Debug)]
struct Seat {
    player: PlayerId,
    name: Box<str>,
    connection: ConnectionId,
}

impl Seat {
    fn member(&self) -> Member<'_> {
        Member { player: self.player, name: &self.name }
    }
}

impl Room {
    /// An empty room.
    pub fn new(
        id: RoomId,
        game: &'static str,
        tick_hz: u16,
        seats: u16,
        session: Box<dyn Session>,
    ) -> Self {
        Self {
            id,
            game,
            tick_hz,
            seats,
            tick: Tick(0),
            session,
            members: Vec::new(),
            arrivals: Vec::new(),
            departures: Vec::new(),
            failure: None,
            scratch: Vec::new(),
        }
    }

    /// The room's identity.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// The name of the game that is played here.
    pub fn game(&self) -> &'static str {
        self.game
    }

    /// Steps per second; 0 if the room steps only when somebody acts.
    pub fn tick_hz(&self) -> u16 {
        self.tick_hz
    }

    /// Seats in the room.
    pub fn seats(&self) -> u16 {
        self.seats
    }

    /// The last tick that was made.
    pub fn last_tick(&self) -> Tick {
        self.tick
    }

    /// Whether the game has failed: nothing happens here any more but leaving.
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Players that have a seat, or will at the next tick.
    pub fn players(&self) -> usize {
        self.members.len() + self.arrivals.len()
    }

    /// Whether another player fits.
    pub fn has_free_seat(&self) -> bool {
        self.players() < usize::from(self.seats)
    }

    /// Gives a player a seat from the next tick on. Ids must come in rising order.
    pub fn join(&mut self, player: PlayerId, name: &str, connection: ConnectionId) {
        assert!(self.has_free_seat(), "the lobby fills only rooms with a free seat");
        debug_assert!(self.members.iter().chain(&self.arrivals).all(|seat| seat.player < player));
        self.arrivals.push(Seat { player, name: name.into(), connection });
    }

    /// Takes a player's seat away, now; the game and the others hear of it at the next tick.
    ///
    /// A player that leaves before its first tick was never there.
    pub fn leave(&mut self, player: PlayerId, cause: LeaveCause) {
        if let Ok(index) = self.members.binary_search_by_key(&player, |seat| seat.player) {
            self.members.remove(index);
            self.departures.push(Departed { player, cause });
        } else {
            self.arrivals.retain(|seat| seat.player != player);
            self.session.forget(player);
        }
    }

    /// Keeps an input for the next tick.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the game cannot read it.
    pub fn input(
        &mut self,
        player: PlayerId,
        sequence: InputSequence,
        body: &[u8],
    ) -> Result<Accepted, DecodeError> {
        if self.has_failed() {
            return Ok(Accepted::Kept);
        }
        let accept = AssertUnwindSafe(|| self.session.accept_input(player, sequence, body));
        catch_unwind(accept).unwrap_or_else(|panic| {
            // Told at the next tick, which the lobby sees to.
            self.failure = Some(RoomFailure::Panic(panic_text(&*panic)));
            Ok(Accepted::Kept)
        })
    }

    /// One tick: apply who left and who came, step the game, tell everybody.
    ///
    /// # Errors
    ///
    /// [`RoomFailure`] if the game panics, or makes a state or an event that does not fit into a
    /// frame. The room cannot go on then: its game is not called again.
    pub fn tick_once(&mut self, now: Time, sink: &mut impl Sink) -> Result<(), RoomFailure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        // What a panic may leave half done is in this room alone, and nobody looks at it again.
        let attempt = AssertUnwindSafe(|| self.tick(now, sink));
        let outcome = match catch_unwind(attempt) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(RoomFailure::Encode(error)),
            Err(panic) => Err(RoomFailure::Panic(panic_text(&*panic))),
        };
        self.failure = outcome.clone().err();
        outcome
    }

    fn tick(&mut self, now: Time, sink: &mut impl Sink) -> Result<(), EncodeError> {
        self.tick = self.tick.next();
        let departures = std::mem::take(&mut self.departures);
        for departed in &departures {
            self.session.left(departed.player, departed.cause);
        }
        for seat in &self.arrivals {
            self.session.joined(seat.player, &seat.name);
        }
        self.session.step(self.tick);
        self.announce(departures, sink)?;
        self.publish_effects(sink)?;
        self.publish_snapshots(now, sink)
    }

    /// Ends the room: the game hears of those who are gone.
    pub fn close(mut self) {
        let tell = AssertUnwindSafe(move || {
            if !self.has_failed() {
                for departed in std::mem::take(&mut self.departures) {
                    self.session.left(departed.player, departed.cause);
                }
            }
            // Dropping the game is a call of it as well.
            drop(self);
        });
        // Nobody is left whom a failure could hurt; the panic itself has been reported.
        let _ = catch_unwind(tell);
    }

    /// Every connection that has a seat here, or will at the next tick.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.members.iter().chain(&self.arrivals).map(|seat| seat.connection)
    }

    /// One membership frame for all that were here; a welcome for those that are new.
    fn announce(&mut self, left: Vec<Departed>, sink: &mut impl Sink) -> Result<(), EncodeError> {
        if left.is_empty() && self.arrivals.is_empty() {
            return Ok(());
        }
        if !self.members.is_empty() {
            let joined = self.arrivals.iter().map(Seat::member).collect();
            let frame = shared_frame(&ServerMessage::Members { tick: self.tick, joined, left })?;
            for seat in &self.members {
                sink.reliable(seat.connection, &frame);
            }
        }
        let first_new = self.members.len();
        self.members.append(&mut self.arrivals);
        for seat in &self.members[first_new..] {
            let frame = shared_frame(&ServerMessage::Welcome(Welcome {
                player: seat.player,
                room: self.id,
                tick: self.tick,
                tick_hz: self.tick_hz,
                seats: self.seats,
                game: self.game,
                members: self.members.iter().map(Seat::member).collect(),
            }))?;
            sink.reliable(seat.connection, &frame);
        }
        Ok(())
    }

    /// What the game said during the tick: events, reliable and in order, and kicks.
    fn publish_effects(&mut self, sink: &mut impl Sink) -> Result<(), EncodeError> {
        let Self { session, members, tick, .. } = self;
        let tick = *tick;
        let seat_of = |player: PlayerId| {
            members.binary_search_by_key(&player, |seat| seat.player).ok().map(|i| &members[i])
        };
        let mut outcome = Ok(());
        let mut deliver =
            |body: &[u8], to: &mut dyn Iterator<Item = &Seat>, sink: &mut _| match shared_frame(
                &ServerMessage::Event { tick, body: Bytes(body) },
            ) {
                Ok(frame) => to.for_each(|seat| Sink::reliable(sink, seat.connection, &frame)),
                Err(error) => outcome = Err(error),
            };
        session.drain_effects(&mut |effect| match effect {
            Effect::Broadcast(body) => deliver(body, &mut members.iter(), sink),
            Effect::Send(player, body) => deliver(body, &mut seat_of(player).into_iter(), sink),
            Effect::Kick(player, text) => {
                if let Some(seat) = seat_of(player) {
                    sink.kick(seat.connection, text);
                }
            }
        })?;
        outcome
    }

    /// The state after the tick: encoded once per audience, queued for each member.
    fn publish_snapshots(&mut self, now: Time, sink: &mut impl Sink) -> Result<(), EncodeError> {
        // Few audiences: usually one, at most one per seat. A list beats a map.
        let mut encoded: Vec<(Audience, SharedFrame)> = Vec::with_capacity(1);
        for seat in &self.members {
            let audience = self.session.audience(seat.player);
            if let Some((_, frame)) = encoded.iter().find(|(other, _)| *other == audience) {
                sink.latest(seat.connection, frame);
                continue;
            }
            self.scratch.clear();
            self.session.encode_snapshot(audience, self.tick, now, &mut self.scratch)?;
            let body = Bytes(&self.scratch);
            let frame = shared_frame(&ServerMessage::Snapshot { tick: self.tick, body })?;
            sink.latest(seat.connection, &frame);
            encoded.push((audience, frame));
        }
        Ok(())
    }
}

/// What a panic said, if it said anything.
fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}
