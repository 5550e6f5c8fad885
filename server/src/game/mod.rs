//! The rules of a game: the one trait that a game developer writes, and the built-in games.
//!
//! Data flow: room -> inputs -> **`Game`** -> snapshot, events -> room.
//!
//! A game knows players, ticks and its own types. It knows nothing of sockets, connections, bytes
//! or clocks, and it is deterministic: the same seed and the same calls give the same states.
//!
//! [`noughts`] is the shortest complete example; [`arena`] is a real-time one.

pub mod arena;
pub mod noughts;

use gamekeeper_protocol::{InputSequence, LeaveCause, PlayerId, Tick};
use serde::{Serialize, de::DeserializeOwned};

/// The rules of one game, as the state of one room.
///
/// In each tick the room calls [`Game::left`] for those who are gone, [`Game::joined`] for those
/// who are new, [`Game::disconnected`], [`Game::resumed`] and [`Game::stalled`] for those who
/// cannot be reached or can be again, then [`Game::step`], then [`Game::snapshot`]. Each player
/// joins once and leaves once; between that it may be disconnected and resumed many times, always
/// in turn. Inputs come only from players that have joined. A room without players does not step;
/// one whose players are all away does. All calls happen on one thread.
///
/// A panic in any of them ends this room, and no other: its players are told that the room has
/// failed, and may join again.
pub trait Game: Sized + 'static {
    /// What clients name in their hello.
    const NAME: &'static str;

    /// Steps per second, 1 to 60; 0 for a turn-based game, which steps only when somebody acts.
    ///
    /// `--tick-rate` overrides it for real-time games.
    const TICK_HZ: u16 = 20;

    /// How many players fit into a room, if the game itself limits that. `--room-size` may
    /// lower it further.
    const SEATS_MAX: u16 = u16::MAX;

    /// What a player asks for. Decoded and therefore well-formed, but not yet legal: check it.
    ///
    /// At most 4 KiB encoded. Do not put a collection of zero-sized things (`Vec<()>`) into it:
    /// ten bytes could then claim a billion of them. Nor floats: they may be infinite.
    type Input: DeserializeOwned;

    /// The state that a player may see. At most 256 KiB encoded; more ends the room.
    type Snapshot: Serialize;

    /// Something that must arrive exactly once and in order. At most 256 KiB encoded.
    type Event: Serialize;

    /// A new room, without players.
    fn new(setup: Setup) -> Self;

    /// A player takes a seat. Also the place to say no by [`Outbox::kick`].
    fn joined(&mut self, player: PlayerId, name: &str, out: &mut Outbox<Self::Event>);

    /// A player lost its connection. Its seat is held for a while (`resume_window_ms`): either
    /// [`Game::resumed`] follows, or [`Game::left`]. Until then events for it are kept.
    ///
    /// A good place to stop the player's avatar. The default does nothing.
    fn disconnected(&mut self, _player: PlayerId, _out: &mut Outbox<Self::Event>) {}

    /// A player that was disconnected is back, and has been sent the events that it missed.
    fn resumed(&mut self, _player: PlayerId, _out: &mut Outbox<Self::Event>) {}

    /// A connected player has been silent for `stalled_after_ms` although it was asked
    /// (`stalled`), or is heard again (not `stalled`). Often its network recovers.
    fn stalled(&mut self, _player: PlayerId, _stalled: bool, _out: &mut Outbox<Self::Event>) {}

    /// A player is gone, for good.
    fn left(&mut self, player: PlayerId, cause: LeaveCause, out: &mut Outbox<Self::Event>);

    /// One step. `inputs` are those since the last step, in the order of arrival.
    fn step(
        &mut self,
        tick: Tick,
        inputs: &[PlayerInput<Self::Input>],
        out: &mut Outbox<Self::Event>,
    );

    /// Which state `player` sees. Players with the same audience share one encoded snapshot.
    ///
    /// The default is one audience for all. Return the team, or the player's own number, for
    /// games with hidden information.
    fn audience(&self, _player: PlayerId) -> Audience {
        Audience::ALL
    }

    /// The state after the last step, as this audience may see it.
    fn snapshot(&self, audience: Audience) -> Self::Snapshot;
}

/// What a new room is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The only source of randomness that a game may use.
    pub seed: u64,
    /// Seats of the room.
    pub seats: u16,
    /// Steps per second; 0 if the game is turn-based.
    pub tick_hz: u16,
}

/// One input, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayerInput<I> {
    /// Who.
    pub player: PlayerId,
    /// The client's own number for it.
    pub sequence: InputSequence,
    /// What the player asks for.
    pub input: I,
}

/// A group of players who see the same state. The number's meaning is the game's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audience(pub u32);

impl Audience {
    /// Everybody.
    pub const ALL: Self = Self(0);
}

/// What a game says during a call: events and kicks, in order.
#[derive(Debug)]
pub struct Outbox<E> {
    effects: Vec<Effect<E>>,
}

/// One thing a game said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<E> {
    /// For everybody in the room.
    Broadcast(E),
    /// For one player.
    Send(PlayerId, E),
    /// The player must go; the text is shown to the person.
    Kick(PlayerId, String),
}

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Self { effects: Vec::new() }
    }
}

impl<E> Outbox<E> {
    /// Tells everybody in the room.
    pub fn broadcast(&mut self, event: E) {
        self.effects.push(Effect::Broadcast(event));
    }

    /// Tells one player. Nothing happens if that player is not in the room.
    pub fn send(&mut self, player: PlayerId, event: E) {
        self.effects.push(Effect::Send(player, event));
    }

    /// Removes a player, who is shown `text`. [`Game::left`] follows at the next step.
    pub fn kick(&mut self, player: PlayerId, text: impl Into<String>) {
        self.effects.push(Effect::Kick(player, text.into()));
    }

    /// Takes out what was said since the last time, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Effect<E>> + '_ {
        self.effects.drain(..)
    }
}
