//! The connection table: a slab whose keys carry a generation.
//!
//! A slab hands a freed slot to the next insert at once, while the poll's batch may still hold
//! events of the connection that had it before. The generation makes such an event miss.

use slab::Slab;

use crate::ids::ConnectionId;

/// Values by [`ConnectionId`].
///
/// Invariant: `generations[slot]` is the generation of the value in `slot`, or of the next one.
#[derive(Debug)]
pub struct Table<T> {
    slots: Slab<Tenant<T>>,
    generations: Vec<u32>,
}

/// A value and its generation, which is looked at together with it.
#[derive(Debug)]
struct Tenant<T> {
    generation: u32,
    value: T,
}

impl<T> Table<T> {
    /// An empty table.
    pub fn new() -> Self {
        Self { slots: Slab::new(), generations: Vec::new() }
    }

    /// Puts in the value that `make` makes of its id.
    pub fn insert_with(&mut self, make: impl FnOnce(ConnectionId) -> T) -> ConnectionId {
        let entry = self.slots.vacant_entry();
        let slot = entry.key();
        if slot == self.generations.len() {
            self.generations.push(0);
        }
        let slot_number = u32::try_from(slot).expect("descriptors end long before 2^32 slots");
        let id = ConnectionId { slot: slot_number, generation: self.generations[slot] };
        entry.insert(Tenant { generation: id.generation, value: make(id) });
        id
    }

    /// The value of exactly this connection; `None` for an older one in the same slot.
    pub fn get(&self, id: ConnectionId) -> Option<&T> {
        let tenant = self.slots.get(id.slot as usize)?;
        (tenant.generation == id.generation).then_some(&tenant.value)
    }

    /// The value of exactly this connection; `None` for an older one in the same slot.
    pub fn get_mut(&mut self, id: ConnectionId) -> Option<&mut T> {
        let tenant = self.slots.get_mut(id.slot as usize)?;
        (tenant.generation == id.generation).then_some(&mut tenant.value)
    }

    /// The id of whatever is in `slot` now.
    pub fn id_of(&self, slot: u32) -> Option<ConnectionId> {
        let tenant = self.slots.get(slot as usize)?;
        Some(ConnectionId { slot, generation: tenant.generation })
    }

    /// Takes a value out; its id never matches again.
    pub fn remove(&mut self, id: ConnectionId) -> Option<T> {
        self.get(id)?;
        let slot = id.slot as usize;
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        self.slots.try_remove(slot).map(|tenant| tenant.value)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many slots there are, free ones included.
    pub fn slots(&self) -> u32 {
        u32::try_from(self.generations.len()).expect("checked at insert")
    }

    /// All ids, in the order of their slots.
    pub fn ids(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.slots.iter().map(|(slot, tenant)| ConnectionId {
            slot: u32::try_from(slot).expect("checked at insert"),
            generation: tenant.generation,
        })
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_old_id_misses_the_new_connection_in_its_slot() {
        let mut table = Table::new();
        let old = table.insert_with(|_| "old");
        assert_eq!(table.remove(old), Some("old"));
        let new = table.insert_with(|_| "new");
        assert_eq!(new.slot, old.slot, "the slab reuses the slot at once");
        assert_eq!(table.get(old), None);
        assert_eq!(table.get_mut(old), None);
        assert_eq!(table.remove(old), None);
        assert_eq!(table.get(new), Some(&"new"));
        assert_eq!(table.id_of(new.slot), Some(new));
    }

    proptest! {
        /// The table agrees with a map in which ids are never reused.
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec((any::<bool>(), 0usize..8), 0..200)) {
            let mut table = Table::new();
            let mut model = BTreeMap::new();
            let mut ids = Vec::new();
            for (number, (insert, pick)) in steps.into_iter().enumerate() {
                if insert || ids.is_empty() {
                    let id = table.insert_with(|_| number);
                    prop_assert!(model.insert(id, number).is_none(), "an id was given twice");
                    ids.push(id);
                } else {
                    let id = ids[pick % ids.len()];
                    prop_assert_eq!(table.remove(id), model.remove(&id));
                }
                for id in &ids {
                    prop_assert_eq!(table.get(*id), model.get(id));
                }
                prop_assert_eq!(table.len(), model.len());
                prop_assert!(table.ids().eq(model.keys().copied()));
            }
        }
    }
}
