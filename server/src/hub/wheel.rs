//! One timer per connection slot, at a cost that does not grow with the number of connections.
//!
//! A single-level wheel of buckets, each a doubly linked list through two arrays: setting,
//! moving and cancelling a timer are a few stores and never allocate once the arrays have grown.
//! A timer that is further away than the wheel reaches fires early; its owner then looks at its
//! real deadline and sets it again. So does a timer whose deadline has moved: heartbeats are
//! pushed back by every frame, and touching the wheel for each would cost more than asking once a
//! second.

use std::time::Duration;

use crate::time::Time;

/// Width of a bucket: timers are late by up to this much, and never early by more than the reach.
const BUCKET: Duration = Duration::from_millis(8);
/// Buckets; together with the width this is the reach, 4 s. A power of two.
const BUCKETS: usize = 512;
const NONE: u32 = u32::MAX;

/// Timers by connection slot.
///
/// Invariant: a slot is in the list of `bucket_of[slot]`, or in none if that is `NONE`.
/// Invariant: bit `b` of `occupied` is set exactly while bucket `b` has a timer.
#[derive(Debug)]
pub struct TimerWheel {
    heads: Box<[u32; BUCKETS]>,
    occupied: [u64; BUCKETS / 64],
    next: Vec<u32>,
    previous: Vec<u32>,
    bucket_of: Vec<u32>,
    /// What each timer was set to, whatever the reach.
    set_to: Vec<Time>,
    /// The first bucket that has not been fired yet, counted from the clock's zero.
    cursor: u64,
    armed: usize,
}

impl TimerWheel {
    /// A wheel without timers.
    pub fn new() -> Self {
        Self {
            heads: Box::new([NONE; BUCKETS]),
            occupied: [0; BUCKETS / 64],
            next: Vec::new(),
            previous: Vec::new(),
            bucket_of: Vec::new(),
            set_to: Vec::new(),
            cursor: 0,
            armed: 0,
        }
    }

    /// Sets the slot's timer to fire at `at` or a little later; replaces the one it had.
    pub fn set(&mut self, slot: u32, at: Time, now: Time) {
        self.cancel(slot);
        if self.armed == 0 {
            // Nothing was waiting, so the cursor may have stayed behind.
            self.cursor = self.cursor.max(bucket_at(now));
        }
        let reach = self.cursor + BUCKETS as u64 - 1;
        // Rounded up: a timer must not fire before its time, or it would be asked twice.
        let bucket = (bucket_at(at) + 1).clamp(self.cursor, reach);
        let index = usize::try_from(bucket % BUCKETS as u64).expect("less than BUCKETS");
        self.link(slot, index);
        self.set_to[slot as usize] = at;
    }

    /// Sets the slot's timer to `at`, unless it fires before that anyway.
    pub fn set_earlier(&mut self, slot: u32, at: Time, now: Time) {
        if !self.is_set(slot) || at < self.set_to[slot as usize] {
            self.set(slot, at, now);
        }
    }

    /// What the slot's timer was set to, if it has one.
    pub fn deadline(&self, slot: u32) -> Option<Time> {
        self.is_set(slot).then(|| self.set_to[slot as usize])
    }

    /// Removes the slot's timer, if it has one.
    pub fn cancel(&mut self, slot: u32) {
        if !self.is_set(slot) {
            return;
        }
        let at = slot as usize;
        let bucket = self.bucket_of[at] as usize;
        let (next, previous) = (self.next[at], self.previous[at]);
        if previous == NONE {
            self.heads[bucket] = next;
        } else {
            self.next[previous as usize] = next;
        }
        if next != NONE {
            self.previous[next as usize] = previous;
        }
        if self.heads[bucket] == NONE {
            self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        }
        self.bucket_of[at] = NONE;
        self.armed -= 1;
    }

    /// Takes out every timer whose time has come and appends its slot to `fired`.
    pub fn expire(&mut self, now: Time, fired: &mut Vec<u32>) {
        let end = bucket_at(now) + 1;
        if self.armed == 0 {
            self.cursor = self.cursor.max(end);
            return;
        }
        // After a pause longer than the reach every bucket is due once.
        let mut left = BUCKETS;
        while self.cursor < end && left > 0 {
            let index = usize::try_from(self.cursor % BUCKETS as u64).expect("less than BUCKETS");
            while self.heads[index] != NONE {
                let slot = self.heads[index];
                self.cancel(slot);
                fired.push(slot);
            }
            self.cursor += 1;
            left -= 1;
        }
        self.cursor = self.cursor.max(end);
    }

    /// When [`Self::expire`] has something to do next.
    pub fn next_due(&self) -> Option<Time> {
        if self.armed == 0 {
            return None;
        }
        let start = usize::try_from(self.cursor % BUCKETS as u64).expect("less than BUCKETS");
        // At most BUCKETS / 64 + 1 words are looked at.
        let mut ahead = 0;
        while ahead < BUCKETS + 64 {
            let index = (start + ahead) % BUCKETS;
            let word = self.occupied[index / 64] >> (index % 64);
            if word != 0 {
                let bucket = self.cursor + (ahead as u64) + u64::from(word.trailing_zeros());
                return Some(Time::from_nanos(bucket * bucket_nanos()));
            }
            ahead += 64 - index % 64;
        }
        unreachable!("a timer is armed, so a bucket is occupied")
    }

    /// How many timers are set.
    pub fn len(&self) -> usize {
        self.armed
    }

    /// Whether no timer is set.
    pub fn is_empty(&self) -> bool {
        self.armed == 0
    }

    fn is_set(&self, slot: u32) -> bool {
        self.bucket_of.get(slot as usize).is_some_and(|bucket| *bucket != NONE)
    }

    fn link(&mut self, slot: u32, bucket: usize) {
        let at = slot as usize;
        if at >= self.bucket_of.len() {
            self.next.resize(at + 1, NONE);
            self.previous.resize(at + 1, NONE);
            self.bucket_of.resize(at + 1, NONE);
            self.set_to.resize(at + 1, Time::ZERO);
        }
        let head = self.heads[bucket];
        self.next[at] = head;
        self.previous[at] = NONE;
        if head != NONE {
            self.previous[head as usize] = slot;
        }
        self.heads[bucket] = slot;
        self.bucket_of[at] = u32::try_from(bucket).expect("less than BUCKETS");
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        self.armed += 1;
    }
}

impl Default for TimerWheel {
    fn default() -> Self {
        Self::new()
    }
}

fn bucket_nanos() -> u64 {
    u64::try_from(BUCKET.as_nanos()).expect("8 ms")
}

/// The bucket that contains `time`, counted from the clock's zero.
fn bucket_at(time: Time) -> u64 {
    time.as_nanos() / bucket_nanos()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(milliseconds: u64) -> Time {
        Time::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn a_cancelled_timer_never_fires() {
        let mut wheel = TimerWheel::new();
        wheel.set(3, at(100), at(0));
        wheel.cancel(3);
        let mut fired = Vec::new();
        wheel.expire(at(10_000), &mut fired);
        assert_eq!((fired.len(), wheel.len(), wheel.next_due()), (0, 0, None));
    }

    #[test]
    fn a_timer_moves_forward_only_when_it_is_set_anew() {
        let mut wheel = TimerWheel::new();
        wheel.set(3, at(1_000), at(0));
        wheel.set_earlier(3, at(2_000), at(0));
        assert_eq!(wheel.deadline(3), Some(at(1_000)));
        wheel.set_earlier(3, at(500), at(0));
        assert_eq!(wheel.deadline(3), Some(at(500)));
        wheel.cancel(3);
        assert_eq!(wheel.deadline(3), None);
    }

    #[test]
    fn after_a_long_pause_everything_fires_once() {
        let mut wheel = TimerWheel::new();
        for slot in 0..100 {
            wheel.set(slot, at(u64::from(slot) * 37), at(0));
        }
        let mut fired = Vec::new();
        wheel.expire(at(1_000_000), &mut fired);
        fired.sort_unstable();
        assert!(fired.into_iter().eq(0..100));
    }

    proptest! {
        /// Against a map of deadlines: nothing fires before its time (or the reach, if that is
        /// nearer), and nothing is late by more than a bucket.
        #[test]
        fn agrees_with_a_map(
            steps in prop::collection::vec((0u32..12, 0u64..9_000, 0u64..700), 1..150),
        ) {
            let reach = BUCKET * (BUCKETS as u32 - 2);
            let mut wheel = TimerWheel::new();
            // The earliest time at which a timer may fire, and its deadline.
            let mut model: BTreeMap<u32, (Time, Time)> = BTreeMap::new();
            let mut now = at(1_000);
            for (slot, delay_ms, pass_ms) in steps {
                if delay_ms > 8_000 {
                    wheel.cancel(slot);
                    model.remove(&slot);
                } else {
                    let deadline = now + Duration::from_millis(delay_ms);
                    wheel.set(slot, deadline, now);
                    model.insert(slot, (deadline.min(now + reach), deadline));
                }
                prop_assert_eq!(wheel.len(), model.len());
                let due = wheel.next_due();
                prop_assert_eq!(due.is_some(), !model.is_empty());
                if let Some(due) = due {
                    let first = model.values().map(|(_, deadline)| *deadline).min();
                    let latest = first.expect("not empty") + BUCKET;
                    prop_assert!(due <= latest, "asks to be called too late");
                }
                now = now + Duration::from_millis(pass_ms);
                let mut fired = Vec::new();
                wheel.expire(now, &mut fired);
                for slot in fired {
                    let (earliest, _) = model.remove(&slot).expect("was set");
                    prop_assert!(earliest <= now, "fired early");
                }
                for (_, deadline) in model.values() {
                    prop_assert!(*deadline + BUCKET > now, "still waiting after its time");
                }
            }
        }
    }
}
