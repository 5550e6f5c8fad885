//! What bots decide: snapshots in, inputs out.
//!
//! Data flow: snapshot -> **`Brain`** -> input. No I/O and no clock; the same seed and the same
//! snapshots give the same inputs on every machine.

mod arena;
mod benchmark;
mod noughts;

pub use arena::{ArenaBrain, direction};
pub use benchmark::BenchmarkBrain;
pub use noughts::NoughtsBrain;

use gamekeeper_protocol::{
    DecodeError, PlayerId,
    games::{self, benchmark::Stamp},
};

use crate::dice::{Dice, Purpose};

/// The mind of one bot.
#[derive(Debug)]
pub enum Brain {
    /// Plays the arena.
    Arena(ArenaBrain),
    /// Sends what the benchmark counts and drops.
    Benchmark(BenchmarkBrain),
    /// Plays noughts and crosses.
    Noughts(NoughtsBrain),
    /// Does not know the game: watches, answers pings, and sends nothing.
    Spectator,
}

impl Brain {
    /// The mind for a game, by the name in the welcome.
    pub fn for_game(game: &str, seed: u64, bot: u32) -> Self {
        let dice = Dice::new(seed, bot, Purpose::Play);
        match game {
            games::arena::NAME => Self::Arena(ArenaBrain::new(dice)),
            games::benchmark::NAME => Self::Benchmark(BenchmarkBrain::new(dice)),
            games::noughts::NAME => Self::Noughts(NoughtsBrain::new(dice)),
            _ => Self::Spectator,
        }
    }

    /// Takes in a snapshot's body.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if it is not a snapshot of the game: the server's fault.
    pub fn observe(&mut self, body: &[u8]) -> Result<Sight, DecodeError> {
        match self {
            Self::Arena(brain) => brain.observe(body).map(|()| Sight { stamp: None }),
            Self::Noughts(brain) => brain.observe(body).map(|()| Sight { stamp: None }),
            Self::Benchmark(_) => Ok(Sight { stamp: Stamp::from_body(body) }),
            Self::Spectator => Ok(Sight { stamp: None }),
        }
    }

    /// Takes in that something happened in the game.
    pub fn notice_event(&mut self) {
        if let Self::Noughts(brain) = self {
            brain.reconsider();
        }
    }

    /// Appends the body of the next input to `body`; false if there is nothing to say now.
    pub fn decide(&mut self, me: PlayerId, body: &mut Vec<u8>) -> bool {
        match self {
            Self::Arena(brain) => append(&brain.decide(me), body),
            Self::Noughts(brain) => brain.decide(me).is_some_and(|input| append(&input, body)),
            Self::Benchmark(brain) => {
                body.extend_from_slice(brain.input());
                true
            }
            Self::Spectator => false,
        }
    }

    /// Whether it has something to say at every moment.
    pub fn is_talkative(&self) -> bool {
        matches!(self, Self::Arena(_) | Self::Benchmark(_))
    }

    /// The players that the last snapshot showed, if this game shows players.
    pub fn players_shown(&self) -> impl Iterator<Item = PlayerId> {
        let players = match self {
            Self::Arena(brain) => brain.players(),
            Self::Benchmark(_) | Self::Noughts(_) | Self::Spectator => &[],
        };
        players.iter().map(|player| player.player)
    }
}

/// What a snapshot told besides the game itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// When it was encoded, if the game says so.
    pub stamp: Option<Stamp>,
}

fn append<T: serde::Serialize>(input: &T, body: &mut Vec<u8>) -> bool {
    // The inputs of the built-in games are a few plain numbers: there is nothing to fail.
    gamekeeper_protocol::codec::encode_value(input, body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_plays_a_turn_or_only_watches_is_often_silent() {
        let talks = |game| Brain::for_game(game, 1, 1).is_talkative();
        let games = ["arena", "benchmark", "noughts", "chess"];
        assert_eq!(games.map(talks), [true, true, false, false]);
    }
}
