//! Which connection gets which fault.
//!
//! Data flow: `--mode` and `--seed` -> **`Choice`** -> the [`Mode`] of the how-manieth connection.
//!
//! A pure function of the connection's number: whoever has seen connection 17 fail can see it
//! fail again.

use std::{fmt, str::FromStr};

use gamekeeper_bot::dice::{Dice, Purpose};

use super::mode::{Mode, UnknownMode};

/// How the modes of connections are chosen.
///
/// Invariant: the modes to take turns are at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// These, one after another, again and again.
    InTurn(Vec<Mode>),
    /// Any of all modes, drawn from the seed.
    Random,
}

impl Choice {
    /// The mode of a connection; the first has number 1.
    pub fn mode_of(&self, connection: u32, seed: u64) -> Mode {
        match self {
            Self::InTurn(modes) => modes[connection.wrapping_sub(1) as usize % modes.len()],
            Self::Random => {
                let mut dice = Dice::new(seed, connection, Purpose::Plan);
                Mode::ALL[dice.below(Mode::ALL.len() as u32) as usize]
            }
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InTurn(modes) if *modes == Mode::ALL => f.write_str("all"),
            Self::InTurn(modes) => {
                let names: Vec<&str> = modes.iter().map(|mode| mode.name()).collect();
                f.write_str(&names.join(","))
            }
            Self::Random => f.write_str("random"),
        }
    }
}

impl FromStr for Choice {
    type Err = UnknownMode;

    /// Reads `all`, `random`, or names: `reset,silent`.
    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        match text {
            "all" => Ok(Self::InTurn(Mode::ALL.to_vec())),
            "random" => Ok(Self::Random),
            // A text without a comma is one part, so there is at least one.
            names => names.split(',').map(str::parse).collect::<Result<_, _>>().map(Self::InTurn),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn choices_read_back() {
        for text in ["all", "random", "reset", "silent,reset,silent"] {
            assert_eq!(text.parse::<Choice>().expect(text).to_string(), text);
        }
        for text in ["", "reset,", "ALL", "all,reset", "reset silent"] {
            assert!(text.parse::<Choice>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn modes_take_turns() {
        let two = Choice::InTurn(vec![Mode::Reset, Mode::Silent]);
        let modes: Vec<Mode> = (1..=3).map(|number| two.mode_of(number, 0)).collect();
        assert_eq!(modes, [Mode::Reset, Mode::Silent, Mode::Reset]);
        let all: Choice = "all".parse().expect("a choice");
        let seen: Vec<Mode> =
            (1..=Mode::ALL.len() as u32).map(|number| all.mode_of(number, 0)).collect();
        assert_eq!(seen, Mode::ALL);
    }

    #[test]
    fn a_seed_draws_the_same_modes_again_and_leaves_none_out() {
        let draw =
            |seed| (1..=400).map(|number| Choice::Random.mode_of(number, seed)).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_eq!(draw(7).into_iter().collect::<BTreeSet<_>>().len(), Mode::ALL.len());
    }
}
