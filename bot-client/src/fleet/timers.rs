//! When each bot wants to be looked at: a binary heap with lazy removal.
//!
//! A bot has one deadline that counts, which it stores itself. A deadline that changes is pushed
//! again; the old entry stays in the heap and is recognised when it comes up, because it is not
//! the bot's deadline any more. A bot sends inputs many times a second and so pops its entry all
//! the time anyway, which is why the many deadlines that only move away (pings, silence) cost
//! nothing at all: they are computed when an entry comes up.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::BotId;
use crate::clock::Moment;

/// The deadlines of all bots.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Moment, BotId)>>,
}

impl Timers {
    pub(super) fn push(&mut self, due: Moment, bot: BotId) {
        self.heap.push(Reverse((due, bot)));
    }

    /// The earliest deadline, perhaps one that does not count any more.
    pub(super) fn next_due(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// The next entry that is due at `now`.
    pub(super) fn pop_due(&mut self, now: Moment) -> Option<(Moment, BotId)> {
        if self.next_due()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_up_in_time_order_and_not_early() {
        let mut timers = Timers::default();
        for due in [30, 10, 20] {
            timers.push(Moment(due), BotId(due as u32));
        }
        assert_eq!(timers.next_due(), Some(Moment(10)));
        assert_eq!(timers.pop_due(Moment(9)), None);
        assert_eq!(timers.pop_due(Moment(25)), Some((Moment(10), BotId(10))));
        assert_eq!(timers.pop_due(Moment(25)), Some((Moment(20), BotId(20))));
        assert_eq!(timers.pop_due(Moment(25)), None);
    }
}
