//! Who plays at a moment of the plan, and may be told to leave.
//!
//! Part of [`plan`](super): [`draw`](super::draw) puts bots in and takes them out. It draws
//! nothing itself.

use std::time::Duration;

/// A bot that plays, from its joining or its return on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) bot: u32,
    /// From when on it is surely there, and may be drawn.
    pub(super) from: Duration,
}

/// Everybody who plays, in no order, each of them once.
///
/// Invariant: `places` says of each bot in `stays` where it is there, and of nobody else anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Playing {
    stays: Vec<Stay>,
    /// By the number of the bot.
    places: Vec<Option<usize>>,
}

impl Playing {
    /// Somebody is there from now on who was not.
    pub(super) fn add(&mut self, stay: Stay) {
        let bot = stay.bot as usize;
        if self.places.len() <= bot {
            self.places.resize(bot + 1, None);
        }
        self.places[bot] = Some(self.stays.len());
        self.stays.push(stay);
    }

    /// Takes out who is at this place. The last one takes the place.
    pub(super) fn take(&mut self, place: usize) -> Stay {
        let stay = self.stays.swap_remove(place);
        self.places[stay.bot as usize] = None;
        if let Some(moved) = self.stays.get(place) {
            self.places[moved.bot as usize] = Some(place);
        }
        stay
    }

    /// Where a bot is, if it plays.
    pub(super) fn place_of(&self, bot: u32) -> Option<usize> {
        self.places.get(bot as usize).copied().flatten()
    }

    /// All of them.
    pub(super) fn stays(&self) -> &[Stay] {
        &self.stays
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::dice::{Dice, Purpose};

    use super::*;

    /// Whatever comes and goes, places are as a look at everybody finds them.
    #[test]
    fn places_are_where_the_bots_are() {
        let mut dice = Dice::new(1, 0, Purpose::Plan);
        let mut playing = Playing::default();
        let mut next = 0;
        for _ in 0..500 {
            let count = playing.stays().len() as u32;
            if count == 0 || dice.below(5) < 3 {
                playing.add(Stay { bot: next, from: Duration::ZERO });
                next += 1;
            } else {
                let place = dice.below(count) as usize;
                let there = playing.stays()[place];
                assert_eq!(playing.take(place), there);
                if dice.one_in(2) {
                    playing.add(there);
                }
            }
            for bot in 0..next {
                let found = playing.stays().iter().position(|stay| stay.bot == bot);
                assert_eq!(playing.place_of(bot), found, "bot {bot}");
            }
        }
        assert!(next > 200 && !playing.stays().is_empty());
    }
}
