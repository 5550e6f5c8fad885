//! The arena's rules: the whole state and one deterministic step of it.
//!
//! Positions are kept in 1/16 of the unit that clients see, so that slow movement is not lost to
//! rounding. Players are kept in the order of joining, and everything is done in that order.

use gamekeeper_protocol::{
    InputSequence, PlayerId,
    games::arena::{
        Event, FIELD_SIZE, HEALTH_MAX, Input, PLAYER_RADIUS, PLAYER_SPEED, Player, SHOT_SPEED,
        Shot, Snapshot,
    },
};
use rand_core::Rng;
use rand_pcg::Pcg32;

use super::trig::{self, ONE};

/// Fractions of a unit that a position can hold.
const FINE: i32 = 16;
/// A shot is gone after this long, in milliseconds.
const SHOT_LIFE_MS: i32 = 1_500;
/// Between two shots of one player, in milliseconds.
const RELOAD_MS: i32 = 400;
/// Between going down and reappearing, in milliseconds.
const RESPAWN_MS: i32 = 3_000;
/// Health that one hit takes.
const DAMAGE: u8 = 25;
/// A shot moves in hops no longer than this, so that it cannot jump over a player.
const HOP: i32 = PLAYER_RADIUS as i32;

/// The whole state of one arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    random: Pcg32,
    tick_hz: i32,
    /// In the order of joining.
    fighters: Vec<Fighter>,
    /// In the order of firing.
    shots: Vec<Flying>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fighter {
    player: PlayerId,
    /// Position, in 1/[`FINE`] units.
    x: i32,
    y: i32,
    health: u8,
    score: u16,
    /// Ticks until the weapon is ready again.
    reload_ticks: i32,
    /// Ticks until the player reappears; positive exactly while `health` is 0.
    respawn_ticks: i32,
    /// What the player wants until it says otherwise.
    input: Input,
    last_input: InputSequence,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Flying {
    owner: PlayerId,
    /// Position, in 1/[`FINE`] units.
    x: i32,
    y: i32,
    direction: u8,
    life_ticks: i32,
}

impl World {
    /// An empty arena that takes `tick_hz` steps per second.
    pub fn new(seed: u64, tick_hz: u16) -> Self {
        let random = Pcg32::new(seed, 0);
        Self { random, tick_hz: i32::from(tick_hz.max(1)), fighters: Vec::new(), shots: Vec::new() }
    }

    /// Puts a player somewhere into the arena.
    pub fn add(&mut self, player: PlayerId) {
        let (x, y) = self.somewhere();
        self.fighters.push(Fighter {
            player,
            x,
            y,
            health: HEALTH_MAX,
            score: 0,
            reload_ticks: 0,
            respawn_ticks: 0,
            input: Input::default(),
            last_input: InputSequence(0),
        });
    }

    /// Takes a player and its shots out of the arena.
    pub fn remove(&mut self, player: PlayerId) {
        self.fighters.retain(|fighter| fighter.player != player);
        self.shots.retain(|shot| shot.owner != player);
    }

    /// Sets what a player wants from now on.
    pub fn set_input(&mut self, player: PlayerId, sequence: InputSequence, input: Input) {
        if let Some(fighter) = self.fighters.iter_mut().find(|other| other.player == player) {
            fighter.input = input;
            fighter.last_input = sequence;
        }
    }

    /// Makes a player stand still and hold its fire, because nobody is at the controls.
    pub fn rest(&mut self, player: PlayerId) {
        if let Some(fighter) = self.fighters.iter_mut().find(|other| other.player == player) {
            fighter.input = Input { aim: fighter.input.aim, ..Input::default() };
        }
    }

    /// One step: move, fire, fly, hit, reappear.
    pub fn step(&mut self, mut say: impl FnMut(Event)) {
        self.move_and_fire();
        self.fly_and_hit(&mut say);
        self.respawn(&mut say);
    }

    /// The state as everybody may see it.
    pub fn snapshot(&self) -> Snapshot {
        let players = self.fighters.iter().map(|fighter| Player {
            player: fighter.player,
            x: coarse(fighter.x),
            y: coarse(fighter.y),
            aim: fighter.input.aim,
            health: fighter.health,
            respawn_ticks: u8::try_from(fighter.respawn_ticks).unwrap_or(u8::MAX),
            score: fighter.score,
            last_input: fighter.last_input,
        });
        let shots = self.shots.iter().map(|shot| Shot {
            owner: shot.owner,
            x: coarse(shot.x),
            y: coarse(shot.y),
            direction: shot.direction,
        });
        Snapshot { players: players.collect(), shots: shots.collect() }
    }

    fn move_and_fire(&mut self) {
        let stride = i32::from(PLAYER_SPEED) * FINE / self.tick_hz;
        let reload_ticks = self.ticks(RELOAD_MS);
        let life_ticks = self.ticks(SHOT_LIFE_MS);
        for fighter in &mut self.fighters {
            fighter.reload_ticks = (fighter.reload_ticks - 1).max(0);
            if fighter.health == 0 {
                continue;
            }
            let (dx, dy) = capped(fighter.input.move_x, fighter.input.move_y);
            fighter.x = inside(fighter.x + dx * stride / 127);
            fighter.y = inside(fighter.y + dy * stride / 127);
            if fighter.input.fire && fighter.reload_ticks == 0 {
                fighter.reload_ticks = reload_ticks;
                self.shots.push(Flying {
                    owner: fighter.player,
                    x: fighter.x,
                    y: fighter.y,
                    direction: fighter.input.aim,
                    life_ticks,
                });
            }
        }
    }

    fn fly_and_hit(&mut self, say: &mut impl FnMut(Event)) {
        let stride = i32::from(SHOT_SPEED) * FINE / self.tick_hz;
        let hops = (stride / (HOP * FINE)).max(1);
        let respawn_ticks = self.ticks(RESPAWN_MS);
        let mut shots = std::mem::take(&mut self.shots);
        shots.retain_mut(|shot| {
            shot.life_ticks -= 1;
            for _ in 0..hops {
                shot.x += trig::cos(shot.direction) * (stride / hops) / ONE;
                shot.y += trig::sin(shot.direction) * (stride / hops) / ONE;
                if let Some(event) = self.hit(shot, respawn_ticks) {
                    event.into_iter().for_each(&mut *say);
                    return false;
                }
            }
            let field = 0..=i32::from(FIELD_SIZE) * FINE;
            shot.life_ticks > 0 && field.contains(&shot.x) && field.contains(&shot.y)
        });
        self.shots = shots;
    }

    /// Lets `shot` hit whoever it touches. `Some` if it did; inside, what is to be said of it.
    fn hit(&mut self, shot: &Flying, respawn_ticks: i32) -> Option<Option<Event>> {
        let reach = i32::from(PLAYER_RADIUS) * FINE;
        let struck = self.fighters.iter_mut().find(|fighter| {
            let (dx, dy) = (fighter.x - shot.x, fighter.y - shot.y);
            fighter.health > 0
                && fighter.player != shot.owner
                && dx.abs() <= reach
                && dy.abs() <= reach
                && dx * dx + dy * dy <= reach * reach
        })?;
        struck.health = struck.health.saturating_sub(DAMAGE);
        if struck.health > 0 {
            return Some(None);
        }
        struck.respawn_ticks = respawn_ticks;
        let player = struck.player;
        if let Some(owner) = self.fighters.iter_mut().find(|other| other.player == shot.owner) {
            owner.score = owner.score.saturating_add(1);
        }
        Some(Some(Event::Down { by: shot.owner, player }))
    }

    fn respawn(&mut self, say: &mut impl FnMut(Event)) {
        for index in 0..self.fighters.len() {
            if self.fighters[index].health > 0 {
                continue;
            }
            self.fighters[index].respawn_ticks -= 1;
            if self.fighters[index].respawn_ticks <= 0 {
                let (x, y) = self.somewhere();
                let fighter = &mut self.fighters[index];
                (fighter.x, fighter.y, fighter.health) = (x, y, HEALTH_MAX);
                fighter.respawn_ticks = 0;
                say(Event::Respawned { player: fighter.player });
            }
        }
    }

    /// A random place inside the walls.
    fn somewhere(&mut self) -> (i32, i32) {
        let span = (i32::from(FIELD_SIZE) - 2 * i32::from(PLAYER_RADIUS)) * FINE;
        let mut draw = || {
            let offset = self.random.next_u32() % span.unsigned_abs();
            i32::from(PLAYER_RADIUS) * FINE + i32::try_from(offset).expect("less than an i32 span")
        };
        (draw(), draw())
    }

    /// A time in ticks, at least one.
    fn ticks(&self, milliseconds: i32) -> i32 {
        (milliseconds * self.tick_hz / 1_000).max(1)
    }
}

/// Cuts a wish down to a circle, so that diagonal movement is not faster.
fn capped(move_x: i8, move_y: i8) -> (i32, i32) {
    let (dx, dy) = (i32::from(move_x), i32::from(move_y));
    let length = (dx * dx + dy * dy).isqrt();
    if length <= 127 { (dx, dy) } else { (dx * 127 / length, dy * 127 / length) }
}

/// Keeps a coordinate inside the walls.
fn inside(fine: i32) -> i32 {
    let wall = i32::from(PLAYER_RADIUS) * FINE;
    fine.clamp(wall, i32::from(FIELD_SIZE) * FINE - wall)
}

/// A coordinate as clients see it.
fn coarse(fine: i32) -> i16 {
    i16::try_from(fine / FINE).expect("positions stay inside the field, give or take one hop")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADA: PlayerId = PlayerId(1);
    const BOB: PlayerId = PlayerId(2);

    /// Ada shoots at Bob, who stands still, until something is said.
    fn duel() -> (World, Vec<Event>) {
        let mut world = World::new(7, 20);
        world.add(ADA);
        world.add(BOB);
        (world.fighters[0].x, world.fighters[0].y) = (1_000 * FINE, 1_000 * FINE);
        (world.fighters[1].x, world.fighters[1].y) = (1_500 * FINE, 1_000 * FINE);
        world.set_input(ADA, InputSequence(1), Input { fire: true, ..Input::default() });
        let mut events = Vec::new();
        for _ in 0..200 {
            world.step(|event| events.push(event));
            if !events.is_empty() {
                break;
            }
        }
        (world, events)
    }

    #[test]
    fn four_hits_bring_a_player_down_and_score() {
        let (world, events) = duel();
        assert_eq!(events, [Event::Down { by: ADA, player: BOB }]);
        let snapshot = world.snapshot();
        assert_eq!((snapshot.players[0].score, snapshot.players[1].health), (1, 0));
    }

    #[test]
    fn whoever_is_down_reappears_with_full_health() {
        let (mut world, _) = duel();
        world.set_input(ADA, InputSequence(2), Input::default());
        let mut events = Vec::new();
        for _ in 0..60 {
            world.step(|event| events.push(event));
        }
        assert_eq!(events, [Event::Respawned { player: BOB }]);
        assert_eq!(world.snapshot().players[1].health, HEALTH_MAX);
    }

    #[test]
    fn diagonals_are_not_faster() {
        assert_eq!(capped(127, 0), (127, 0));
        assert_eq!(capped(127, 127), (90, 90));
        assert_eq!(capped(-128, -128), (-89, -89));
    }

    proptest! {
        /// Any inputs leave everybody inside the walls, and the same inputs give the same world.
        #[test]
        fn the_world_is_deterministic_and_stays_inside(
            seed in any::<u64>(),
            tick_hz in 1u16..=60,
            script in prop::collection::vec(
                (0u32..5, any::<i8>(), any::<i8>(), any::<u8>(), any::<bool>()), 1..200),
        ) {
            let run = || {
                let mut world = World::new(seed, tick_hz);
                let mut events = Vec::new();
                for (index, &(who, move_x, move_y, aim, fire)) in script.iter().enumerate() {
                    match who {
                        0 if index % 7 == 0 => world.add(PlayerId(index as u32 + 10)),
                        0 => world.remove(PlayerId(10)),
                        _ => world.add(PlayerId(who)),
                    }
                    let sequence = InputSequence(index as u32);
                    world.set_input(PlayerId(who), sequence, Input { move_x, move_y, aim, fire });
                    world.step(|event| events.push(event));
                    for player in world.snapshot().players {
                        let field = PLAYER_RADIUS..=FIELD_SIZE - PLAYER_RADIUS;
                        assert!(field.contains(&player.x) && field.contains(&player.y));
                        assert_eq!(player.health == 0, player.respawn_ticks > 0);
                    }
                    if who > 0 {
                        world.remove(PlayerId(who));
                    }
                }
                (world, events)
            };
            prop_assert_eq!(run(), run());
        }
    }
}
