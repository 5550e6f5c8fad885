//! One room: a game session, the players in it, its tick.
//!
//! Data flow: joins, losses, returns, leaves, inputs -> **`Room`** -> game -> frames.
//!
//! A room is pure. It does not know clients, only the [`ConnectionId`]s that its hub delivers
//! frames to. Nothing happens to the game between two ticks: who comes, who goes and what they ask
//! for is kept, and applied at one point of the tick, in order. Who has which seat is in
//! `seating`; what a tick says, and to whom, in `publish`.

pub mod benchmark;
pub mod games;
pub mod lobby;
pub mod returning;
pub mod schedule;
pub mod seat;
pub mod session;
pub mod ticket;

mod publish;
mod seating;

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use gamekeeper_protocol::{
    DecodeError, Departed, EncodeError, InputSequence, PlayerId, Presence, PresenceChange, RoomId,
    Tick,
};

pub use self::seating::{Before, Lost};
use self::{
    seat::{ResumeTerms, Seat},
    session::{Accepted, Session},
    ticket::TicketOffice,
};
use crate::{frames::SharedFrame, ids::ConnectionId, time::Time};

/// Rooms that tick at least so often, per second, are heard at their ticks. In a slower one an
/// answer to a ping would wait for too long, and such a room has little to do anyway.
const HEARD_AT_TICKS_HZ_MIN: u16 = 10;

/// Where a room's frames go.
pub trait Sink {
    /// A frame that must arrive, in order.
    fn reliable(&mut self, to: ConnectionId, frame: &SharedFrame);

    /// The newest state; an older one that still waits is dropped.
    fn latest(&mut self, to: ConnectionId, frame: &SharedFrame);

    /// The game removes this player.
    fn kick(&mut self, who: ConnectionId, text: String);

    /// What this player alone should see cannot be encoded: a bug of the game.
    fn unreadable(&mut self, who: ConnectionId, error: &EncodeError);
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
/// Invariant: in `arrivals` everybody is connected.
pub struct Room {
    id: RoomId,
    game: &'static str,
    tick_hz: u16,
    seats: u16,
    terms: ResumeTerms,
    tick: Tick,
    session: Box<dyn Session>,
    /// Players that the game and the others know of.
    members: Vec<Seat>,
    /// Players that take their seat at the next tick.
    arrivals: Vec<Seat>,
    /// Players that have been members and are gone since the last tick.
    departures: Vec<Departed>,
    /// Whether some member's presence may not be what was announced.
    restless: bool,
    /// Players that the game has removed while they were away.
    dismissed: Vec<PlayerId>,
    /// Why the game failed, once it has: it is not called again then.
    failure: Option<RoomFailure>,
    /// Buffer for a snapshot's body while it is encoded.
    scratch: Vec<u8>,
}

impl Room {
    /// An empty room.
    pub fn new(
        id: RoomId,
        game: &'static str,
        tick_hz: u16,
        seats: u16,
        terms: ResumeTerms,
        session: Box<dyn Session>,
    ) -> Self {
        Self {
            id,
            game,
            tick_hz,
            seats,
            terms,
            tick: Tick(0),
            session,
            members: Vec::new(),
            arrivals: Vec::new(),
            departures: Vec::new(),
            restless: false,
            dismissed: Vec::new(),
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

    /// Whether it is enough to read what its players say just before each of its ticks.
    pub fn is_heard_at_ticks(&self) -> bool {
        self.tick_hz >= HEARD_AT_TICKS_HZ_MIN
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

    /// Players that have a seat, or will at the next tick; those who are away as well.
    pub fn players(&self) -> usize {
        self.members.len() + self.arrivals.len()
    }

    /// Players whose seat is held for them.
    pub fn away(&self) -> impl Iterator<Item = PlayerId> + '_ {
        self.members.iter().filter(|seat| seat.connection().is_none()).map(|seat| seat.player)
    }

    /// Every connection that has a seat here, or will at the next tick.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.members.iter().chain(&self.arrivals).filter_map(Seat::connection)
    }

    /// Whether another player fits.
    pub fn has_free_seat(&self) -> bool {
        self.players() < usize::from(self.seats)
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
    /// [`RoomFailure`] if the game panics, or makes a state or an event for all that does not fit
    /// into a frame. The room cannot go on then: its game is not called again.
    pub fn tick_once(
        &mut self,
        now: Time,
        office: &TicketOffice,
        sink: &mut impl Sink,
    ) -> Result<(), RoomFailure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        // What a panic may leave half done is in this room alone, and nobody looks at it again.
        let attempt = AssertUnwindSafe(|| self.tick(now, office, sink));
        let outcome = match catch_unwind(attempt) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(RoomFailure::Encode(error)),
            Err(panic) => Err(RoomFailure::Panic(panic_text(&*panic))),
        };
        self.failure = outcome.clone().err();
        outcome
    }

    fn tick(
        &mut self,
        now: Time,
        office: &TicketOffice,
        sink: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        self.tick = self.tick.next();
        let left = std::mem::take(&mut self.departures);
        for departed in &left {
            self.session.left(departed.player, departed.cause);
        }
        for seat in &self.arrivals {
            self.session.joined(seat.player, &seat.name);
        }
        let changed = self.note_presences();
        self.session.step(self.tick);
        self.announce(left, changed, office, sink)?;
        self.publish_effects(sink)?;
        self.publish_snapshots(now, sink)
    }

    /// Tells the game whose presence is not what it was.
    fn note_presences(&mut self) -> Vec<PresenceChange> {
        let mut changed = Vec::new();
        if !std::mem::take(&mut self.restless) {
            return changed;
        }
        for seat in &mut self.members {
            let presence = seat.presence();
            let before = std::mem::replace(&mut seat.announced, presence);
            if presence == before {
                continue;
            }
            changed.push(PresenceChange { player: seat.player, presence });
            match (before, presence) {
                (_, Presence::Away) => self.session.disconnected(seat.player),
                (Presence::Away, _) => self.session.resumed(seat.player),
                (_, presence) => {
                    self.session.stalled(seat.player, presence == Presence::Stalled);
                }
            }
        }
        changed
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
}

/// What a panic said, if it said anything.
fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}
