//! Random numbers that are the same on every machine.
//!
//! Each bot has one independent stream per purpose, derived from the fleet's seed. Adding a bot,
//! or letting one purpose draw more numbers, therefore changes nothing for the others, and a
//! finding can be replayed.

use rand_core::Rng;
use rand_pcg::Pcg32;

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// How a bot plays.
    Play,
    /// How long a bot waits before it connects again.
    Retry,
    /// The bytes of a departure that sends nonsense.
    Nonsense,
    /// When somebody leaves, and how, in a load test.
    Plan,
    /// Who comes back, and when.
    Return,
    /// Who it is that leaves.
    Victim,
}

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(Pcg32);

impl Dice {
    /// The stream of one bot (or of the whole fleet, by convention bot 0) for one purpose.
    pub fn new(seed: u64, bot: u32, purpose: Purpose) -> Self {
        let stream = (u64::from(bot) << 8) | purpose as u64;
        Self(Pcg32::new(mix(seed), mix(stream)))
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        // A multiplication instead of a remainder; its bias is below one in four million here.
        ((u64::from(self.0.next_u32()) * u64::from(end)) >> 32) as u32
    }

    /// True in `one_in` of all cases on average; never if it is 0.
    pub fn one_in(&mut self, one_in: u32) -> bool {
        one_in != 0 && self.below(one_in) == 0
    }

    /// A fraction from 0 up to, but not including, 1.
    pub fn fraction(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / (f64::from(u32::MAX) + 1.0)
    }

    /// Fills `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// Spreads neighbouring numbers far apart (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If these numbers change, every recorded seed loses its meaning.
    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut dice = Dice::new(1, 2, Purpose::Play);
        let drawn: Vec<u32> = (0..6).map(|_| dice.below(1000)).collect();
        assert_eq!(drawn, [682, 934, 675, 275, 347, 69]);
    }

    #[test]
    fn streams_are_independent() {
        let draw = |seed, bot, purpose| {
            let mut dice = Dice::new(seed, bot, purpose);
            (0..8).map(|_| dice.below(u32::MAX)).collect::<Vec<_>>()
        };
        let base = draw(1, 1, Purpose::Play);
        assert_eq!(base, draw(1, 1, Purpose::Play));
        assert_ne!(base, draw(2, 1, Purpose::Play));
        assert_ne!(base, draw(1, 2, Purpose::Play));
        assert_ne!(base, draw(1, 1, Purpose::Retry));
    }

    #[test]
    fn draws_stay_in_range() {
        let mut dice = Dice::new(7, 0, Purpose::Plan);
        for _ in 0..1000 {
            assert!(dice.below(3) < 3);
            assert!((0.0..1.0).contains(&dice.fraction()));
        }
        assert_eq!(dice.below(0), 0);
        assert!(!dice.one_in(0));
        assert!(dice.one_in(1));
    }
}
