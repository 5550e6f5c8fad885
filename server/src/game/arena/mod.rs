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

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::{InputSequence, games::arena::FIELD_SIZE};

    use super::*;

    const ADA: PlayerId = PlayerId(1);

    fn step(arena: &mut Arena, tick: u32, inputs: &[PlayerInput<Input>]) -> i16 {
        arena.step(Tick(tick), inputs, &mut Outbox::default());
        arena.snapshot(Audience::ALL).players[0].x
    }

    /// Whoever cannot be reached stands still where it is, however it was moving.
    #[test]
    fn nobody_at_the_controls_means_nobody_moves() {
        for hook in [
            |arena: &mut Arena| arena.disconnected(ADA, &mut Outbox::default()),
            |arena: &mut Arena| arena.stalled(ADA, true, &mut Outbox::default()),
        ] {
            let mut arena = Arena::new(Setup { seed: 1, seats: 2, tick_hz: 20 });
            arena.joined(ADA, "ada", &mut Outbox::default());
            let to_the_middle = if step(&mut arena, 1, &[]) < FIELD_SIZE / 2 { 127 } else { -127 };
            let input = Input { move_x: to_the_middle, ..Input::default() };
            let start = step(
                &mut arena,
                2,
                &[PlayerInput { player: ADA, sequence: InputSequence(1), input }],
            );
            let moving = step(&mut arena, 3, &[]);
            assert_ne!(moving, start, "it goes on moving without further inputs");
            hook(&mut arena);
            assert_eq!(step(&mut arena, 4, &[]), moving);
        }
    }
}
