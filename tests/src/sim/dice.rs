//! Where the simulation's luck comes from: one number.
//!
//! Everybody who needs luck has dice of its own, drawn from the seed and its own number. So that
//! one of them draws more often changes nothing for the others.

use rand_core::Rng as _;
use rand_pcg::Pcg32;

/// A source of draws.
#[derive(Clone, Debug)]
pub struct Dice(Pcg32);

impl Dice {
    /// The dice of `owner` in the world of `seed`.
    pub fn new(seed: u64, owner: u64) -> Self {
        Self(Pcg32::new(seed ^ owner.wrapping_mul(0x9e37_79b9_7f4a_7c15), owner))
    }

    /// A number of `from..=to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        debug_assert!(from <= to);
        let span = to - from + 1;
        // The bias of a remainder is of no interest here.
        from + self.0.next_u64() % span
    }

    /// An index below `count`, which is not zero.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.between(0, count as u64 - 1)).expect("an index")
    }

    /// True with this chance, in parts of 65,536.
    pub fn chance(&mut self, chance: u16) -> bool {
        // Draws nothing for what never happens: most faults are off in most worlds.
        chance > 0 && self.0.next_u32() & 0xffff < u32::from(chance)
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}
