//! The bots of a run, wherever they are, as one thing that is told what to do ahead of time.
//!
//! Data flow: plan -> run -> order -> **`Crew`** -> hand -> fleet; and back: fleet -> hand ->
//! news -> **`Crew`** -> run -> evidence.
//!
//! Orders carry the time at which they are to be carried out, so that whoever gives them is not on
//! the path of the time that is measured. What has happened is asked for, and then everybody is
//! asked.
//!
//! The crew knows nothing of phases, and judges nothing.

mod error;
mod hand;
mod news;

pub use error::CrewError;
pub use news::{Counts, News, Order, Question};

use gamekeeper_bot::{
    clock::Moment,
    fleet::{Fleet, FleetConfig},
};

use hand::Hand;

/// The bots of a run.
#[derive(Debug)]
pub struct Crew {
    hand: Hand,
}

impl Crew {
    /// A crew without bots.
    ///
    /// # Errors
    ///
    /// [`CrewError`] if there cannot be a fleet.
    pub fn start(config: FleetConfig) -> Result<Self, CrewError> {
        let fleet = Fleet::new(config).map_err(CrewError::Driver)?;
        Ok(Self { hand: Hand::new(fleet) })
    }

    /// Has something done at a time, or at once if that is over. Orders for the same time are
    /// carried out in the order in which they are given. Bots are spawned in the order of their
    /// numbers.
    pub fn order(&mut self, at: Moment, order: Order) {
        self.hand.take(at, order);
    }

    /// Lets the bots play until then, or for a while.
    ///
    /// # Errors
    ///
    /// [`CrewError`] if they cannot.
    pub fn turn(&mut self, until: Moment) -> Result<(), CrewError> {
        self.hand.turn(until).map_err(CrewError::Driver)
    }

    /// What has happened since the last question, and what was asked. Everything that was to be
    /// done by now has been done then.
    ///
    /// # Errors
    ///
    /// [`CrewError`] if there is no answer.
    pub fn ask(&mut self, question: Question) -> Result<News, CrewError> {
        Ok(self.hand.answer(question))
    }
}
