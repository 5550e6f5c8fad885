//! A bot's mind for the arena: wander, aim at the nearest opponent, shoot.
//!
//! Integers only, so that every machine takes the same decisions.

use gamekeeper_protocol::{
    DecodeError, PlayerId, codec,
    games::arena::{FIELD_SIZE, Input, Player, Snapshot},
};

use crate::dice::Dice;

/// How far a bot shoots, in units.
const RANGE: i32 = 1_200;
/// A bot changes its course once in so many inputs, on average.
const COURSE_INPUTS: u32 = 20;
/// Nearer than this to the edge a bot heads for the middle, in units.
const EDGE: i16 = 200;

/// Plays the arena.
#[derive(Debug)]
pub struct ArenaBrain {
    dice: Dice,
    seen: Snapshot,
    course: (i8, i8),
}

impl ArenaBrain {
    /// A mind that draws from `dice`.
    pub fn new(dice: Dice) -> Self {
        Self { dice, seen: Snapshot::default(), course: (0, 0) }
    }

    pub(super) fn observe(&mut self, body: &[u8]) -> Result<(), DecodeError> {
        self.seen = codec::decode_from_server(body)?;
        Ok(())
    }

    /// The players in the last snapshot.
    pub fn players(&self) -> &[Player] {
        &self.seen.players
    }

    /// What to do now, being the player `me`.
    pub fn decide(&mut self, me: PlayerId) -> Input {
        let own = self.seen.players.iter().find(|player| player.player == me).copied();
        if self.course == (0, 0) || self.dice.one_in(COURSE_INPUTS) {
            self.course = (self.any_speed(), self.any_speed());
        }
        let Some(own) = own else {
            return Input { move_x: self.course.0, move_y: self.course.1, ..Input::default() };
        };
        self.course = (away_from_edge(own.x, self.course.0), away_from_edge(own.y, self.course.1));
        let (move_x, move_y) = self.course;
        match self.nearest(&own) {
            Some((dx, dy)) => Input {
                move_x,
                move_y,
                aim: direction(dx, dy),
                fire: dx * dx + dy * dy <= RANGE * RANGE,
            },
            None => Input { move_x, move_y, aim: own.aim, fire: false },
        }
    }

    /// The way to the nearest opponent in play; the lower number wins a tie.
    fn nearest(&self, own: &Player) -> Option<(i32, i32)> {
        self.seen
            .players
            .iter()
            .filter(|other| other.player != own.player && other.health > 0)
            .map(|other| {
                (
                    i32::from(other.x) - i32::from(own.x),
                    i32::from(other.y) - i32::from(own.y),
                    other.player,
                )
            })
            .min_by_key(|(dx, dy, player)| (dx * dx + dy * dy, *player))
            .map(|(dx, dy, _)| (dx, dy))
    }

    fn any_speed(&mut self) -> i8 {
        // 0 to 254, moved to -127 to 127.
        (self.dice.below(255) as i16 - 127) as i8
    }
}

fn away_from_edge(position: i16, speed: i8) -> i8 {
    if position < EDGE {
        speed.saturating_abs()
    } else if position > FIELD_SIZE - EDGE {
        -speed.saturating_abs()
    } else {
        speed
    }
}

/// The direction of a vector in 1/256 of a turn, clockwise from east, y growing downwards.
///
/// Within each eighth of a turn the angle is taken as linear in the slope, which is off by at
/// most four degrees; a bot need not aim better, and needs no floating-point arithmetic.
pub fn direction(dx: i32, dy: i32) -> u8 {
    let (x, y) = (dx.unsigned_abs(), dy.unsigned_abs());
    let from_axis = match (x, y) {
        (0, 0) => 0,
        (x, y) if x >= y => 32 * y / x,
        (x, y) => 64 - 32 * x / y,
    };
    let turn = match (dx >= 0, dy >= 0) {
        (true, true) => from_axis,
        (false, true) => 128 - from_axis,
        (false, false) => 128 + from_axis,
        (true, false) => 256 - from_axis,
    };
    (turn % 256) as u8
}

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::InputSequence;

    use super::*;
    use crate::dice::Purpose;

    fn player(player: u32, x: i16, y: i16) -> Player {
        Player {
            player: PlayerId(player),
            x,
            y,
            aim: 0,
            health: 100,
            respawn_ticks: 0,
            score: 0,
            last_input: InputSequence(0),
        }
    }

    fn brain(seed: u64, players: Vec<Player>) -> ArenaBrain {
        let mut brain = ArenaBrain::new(Dice::new(seed, 1, Purpose::Play));
        let mut body = Vec::new();
        codec::encode_value(&Snapshot { players, shots: Vec::new() }, &mut body).expect("encodes");
        brain.observe(&body).expect("decodes");
        brain
    }

    #[test]
    fn the_eight_winds() {
        for (vector, turn) in [
            ((1, 0), 0),
            ((1, 1), 32),
            ((0, 1), 64),
            ((-1, 1), 96),
            ((-1, 0), 128),
            ((-1, -1), 160),
            ((0, -1), 192),
            ((1, -1), 224),
            ((0, 0), 0),
        ] {
            assert_eq!(direction(vector.0, vector.1), turn, "{vector:?}");
        }
        let exact = (300f64.atan2(1000.0) / std::f64::consts::TAU * 256.0).round() as u8;
        assert!(direction(1000, 300).abs_diff(exact) <= 3);
    }

    #[test]
    fn it_aims_at_the_nearest_and_shoots_in_range() {
        let players = vec![player(1, 2000, 2000), player(2, 3900, 2000), player(3, 2000, 2500)];
        let mut brain = brain(1, players);
        let input = brain.decide(PlayerId(1));
        assert_eq!((input.aim, input.fire), (64, true));
    }

    #[test]
    fn it_turns_round_at_the_edge() {
        let mut brain = brain(3, vec![player(1, 5, 3990)]);
        for _ in 0..100 {
            let input = brain.decide(PlayerId(1));
            assert!(input.move_x >= 0 && input.move_y <= 0, "{input:?}");
            assert!(!input.fire, "nobody is there");
        }
    }

    #[test]
    fn the_same_seed_and_snapshots_give_the_same_inputs() {
        let play = |seed| {
            let mut brain = brain(seed, vec![player(1, 2000, 2000), player(2, 100, 100)]);
            (0..50).map(|_| brain.decide(PlayerId(1))).collect::<Vec<_>>()
        };
        assert_eq!(play(5), play(5));
        assert_ne!(play(5), play(6));
    }

    #[test]
    fn before_the_first_snapshot_it_wanders() {
        let mut brain = ArenaBrain::new(Dice::new(1, 1, Purpose::Play));
        let input = brain.decide(PlayerId(1));
        assert!(!input.fire);
        assert!(brain.observe(&[0xff, 0xff]).is_err());
    }
}
