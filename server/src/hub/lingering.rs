//! The connections that linger, in the order in which they began to.
//!
//! Part of [`Hub`](super::Hub). A farewell may end in any order, but when there are too many, the
//! oldest must give way: it has had the most time to arrive. Every operation takes a time that
//! grows with the logarithm of their number. What a farewell is, and when it ends, is in `leaving`.

use std::collections::BTreeMap;

use crate::ids::ConnectionId;

/// Lingering connections by age.
///
/// Invariant: it has exactly the connections in `Phase::Lingering`, each under the number that its
/// `Linger` holds.
#[derive(Debug, Default)]
pub(super) struct Lingering {
    by_age: BTreeMap<u64, ConnectionId>,
    /// Numbers are never used again, so a smaller one is always an older farewell.
    next: u64,
}

impl Lingering {
    /// Puts in the newest one; the number under which it is found again.
    pub(super) fn begin(&mut self, id: ConnectionId) -> u64 {
        let number = self.next;
        self.next += 1;
        self.by_age.insert(number, id);
        number
    }

    /// Takes one out.
    pub(super) fn end(&mut self, number: u64) {
        let ended = self.by_age.remove(&number);
        assert!(ended.is_some(), "a farewell ends once");
    }

    /// The one that has lingered the longest.
    pub(super) fn oldest(&self) -> Option<ConnectionId> {
        self.by_age.first_key_value().map(|(_, id)| *id)
    }

    /// The one with this number.
    pub(super) fn find(&self, number: u64) -> Option<ConnectionId> {
        self.by_age.get(&number).copied()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_age.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(slot: u32) -> ConnectionId {
        ConnectionId { slot, generation: 0 }
    }

    #[test]
    fn the_oldest_is_the_first_that_began_and_has_not_ended() {
        let mut lingering = Lingering::default();
        let numbers: Vec<u64> = [3, 1, 2].map(|slot| lingering.begin(id(slot))).to_vec();
        assert_eq!((lingering.oldest(), lingering.len()), (Some(id(3)), 3));
        lingering.end(numbers[1]);
        lingering.end(numbers[0]);
        assert_eq!((lingering.oldest(), lingering.len()), (Some(id(2)), 1));
        lingering.begin(id(3));
        assert_eq!(lingering.oldest(), Some(id(2)), "a slot that comes again is not older");
    }
}
