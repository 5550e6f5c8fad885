//! A bot's mind for the benchmark: a fixed input, over and over.
//!
//! The benchmark counts inputs and drops them, so the bytes only have to have a game's usual size.

use crate::dice::Dice;

/// Bytes of each input.
const INPUT_BYTES: usize = 16;

/// Sends the benchmark's inputs.
#[derive(Debug)]
pub struct BenchmarkBrain {
    input: [u8; INPUT_BYTES],
}

impl BenchmarkBrain {
    /// A mind whose input is drawn once from `dice`.
    pub fn new(mut dice: Dice) -> Self {
        let mut input = [0; INPUT_BYTES];
        dice.fill(&mut input);
        Self { input }
    }

    /// The input.
    pub fn input(&self) -> &[u8] {
        &self.input
    }
}
