//! Where the simulation's luck comes from: one number, or any bytes.
//!
//! Everybody who needs luck has dice of its own, drawn from the seed and its own number. So that
//! one of them draws more often changes nothing for the others. From bytes, all draw in turn: a
//! fuzzer changes a byte and with it one decision, and learns which decisions lead to new code.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use rand_core::Rng as _;
use rand_pcg::Pcg32;

/// What all dice of one world have in common.
#[derive(Clone, Debug)]
pub struct Luck {
    seed: u64,
    tape: Option<Rc<RefCell<Tape>>>,
}

impl Luck {
    /// The luck of the world of `seed`; if there are bytes, these decide as long as there are any.
    pub fn new(seed: u64, bytes: Option<Arc<[u8]>>) -> Self {
        let tape = bytes.map(|bytes| Rc::new(RefCell::new(Tape { bytes, at: 0 })));
        Self { seed, tape }
    }

    /// The dice of `owner`.
    pub fn dice(&self, owner: u64) -> Dice {
        let own = Pcg32::new(self.seed ^ owner.wrapping_mul(0x9e37_79b9_7f4a_7c15), owner);
        Dice { own, tape: self.tape.clone() }
    }
}

/// Bytes that decide, one after the other.
#[derive(Debug)]
struct Tape {
    bytes: Arc<[u8]>,
    at: usize,
}

impl Tape {
    /// A number of so many bytes; nothing once they are used up.
    fn take(&mut self, count: usize) -> Option<u64> {
        let bytes = self.bytes.get(self.at..self.at + count)?;
        self.at += count;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// A source of draws.
#[derive(Clone, Debug)]
pub struct Dice {
    own: Pcg32,
    tape: Option<Rc<RefCell<Tape>>>,
}

impl Dice {
    /// A number of `from..=to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        debug_assert!(from <= to);
        let span = to - from + 1;
        // No more bytes than matter. The bias of a remainder is of no interest here.
        let count =
            usize::from(span > 1) + usize::from(span > 1 << 8) + usize::from(span > 1 << 16);
        from + self.draw(count).unwrap_or_else(|| self.own.next_u64()) % span
    }

    /// An index below `count`, which is not zero.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.between(0, count as u64 - 1)).expect("an index")
    }

    /// True with this chance, in parts of 65,536.
    pub fn chance(&mut self, chance: u16) -> bool {
        // Draws nothing for what never happens: most faults are off in most worlds.
        if chance == 0 {
            return false;
        }
        match self.draw(1) {
            // What is rare is one byte's work for a fuzzer all the same.
            Some(byte) => byte << 8 < u64::from(chance),
            None => self.own.next_u32() & 0xffff < u32::from(chance),
        }
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    fn draw(&mut self, bytes: usize) -> Option<u64> {
        self.tape.as_ref()?.borrow_mut().take(bytes)
    }
}
