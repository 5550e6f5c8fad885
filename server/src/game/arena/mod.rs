//! The arena: move, aim, shoot, score, reappear. The built-in real-time game.
//!
//! Everything is integers and every draw comes from the room's seed, so that the same inputs give
//! the same arena on every machine. The vocabulary (inputs, snapshots, events) is in
//! `gamekeeper_protocol::games::arena`; [`world`] has the rules; this file fits them to [`Game`].

mod trig;
pub mod world;

use gamekeeper_protocol::{
    LeaveCause, PlayerId, Tick,
    games::arena::{Event, Input, NAME, Snapshot},
};

use self::world::World;
use super::{Audience, Game, Outbox, PlayerInput, Setup};

/// One arena.
#[derive(Debug)]
pub struct Arena {
    world: World,
}

impl Game for Arena {
    const NAME: &'static str = NAME;
    type Input = Input;
    type Snapshot = Snapshot;
    type Event = Event;

    fn new(setup: Setup) -> Self {
        Self { world: World::new(setup.seed, setup.tick_hz) }
    }

    fn joined(&mut self, player: PlayerId, _name: &str, _out: &mut Outbox<Event>) {
        self.world.add(player);
    }

    fn disconnected(&mut self, player: PlayerId, _out: &mut Outbox<Event>) {
        self.world.rest(player);
    }

    fn stalled(&mut self, player: PlayerId, stalled: bool, _out: &mut Outbox<Event>) {
        if stalled {
            self.world.rest(player);
        }
    }

    fn left(&mut self, player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<Event>) {
        self.world.remove(player);
    }

    fn step(&mut self, _tick: Tick, inputs: &[PlayerInput<Input>], out: &mut Outbox<Event>) {
        for PlayerInput { player, sequence, input } in inputs {
            self.world.set_input(*player, *sequence, *input);
        }
        self.world.step(|event| out.broadcast(event));
    }

    fn snapshot(&self, _audience: Audience) -> Snapshot {
        self.world.snapshot()
    }
}
