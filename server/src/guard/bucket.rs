//! A token bucket: so much at once, and so much a second.

use std::time::Duration;

use crate::time::Time;

/// What may be asked of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come back each second; at least 1.
    pub per_second: u64,
    /// Tokens that a full bucket holds: what may be asked for at once.
    pub burst: u64,
}

/// A bucket that is full at first and fills up again with time.
///
/// Invariant: `level_nanos` is at most the time in which an empty bucket fills up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// The level, as the time that it took to fill up that far. A time instead of a count, so that
    /// nothing is lost to rounding however often it is asked.
    level_nanos: u64,
    filled_at: Time,
}

impl TokenBucket {
    /// A full bucket.
    pub fn full(rate: Rate, now: Time) -> Self {
        Self { level_nanos: rate.nanos(rate.burst), filled_at: now }
    }

    /// Takes `tokens` out, if there are as many.
    pub fn take(&mut self, tokens: u64, rate: Rate, now: Time) -> bool {
        self.fill(rate, now);
        let needed = rate.nanos(tokens);
        if needed > self.level_nanos {
            return false;
        }
        self.level_nanos -= needed;
        true
    }

    /// Whether nothing is missing: then a new bucket would be the same.
    pub fn is_full(&mut self, rate: Rate, now: Time) -> bool {
        self.fill(rate, now);
        self.level_nanos == rate.nanos(rate.burst)
    }

    fn fill(&mut self, rate: Rate, now: Time) {
        let passed = u64::try_from(now.since(self.filled_at).as_nanos()).unwrap_or(u64::MAX);
        self.level_nanos = self.level_nanos.saturating_add(passed).min(rate.nanos(rate.burst));
        self.filled_at = self.filled_at.max(now);
    }
}

impl Rate {
    /// The time in which so many tokens come back, in nanoseconds.
    fn nanos(self, tokens: u64) -> u64 {
        let second = u64::try_from(Duration::from_secs(1).as_nanos()).expect("a billion");
        tokens.saturating_mul(second) / self.per_second.max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    fn at(milliseconds: u64) -> Time {
        Time::from_nanos(milliseconds * 1_000_000)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut bucket = TokenBucket::full(RATE, at(0));
        assert!(bucket.take(3, RATE, at(0)));
        assert!(!bucket.take(1, RATE, at(99)));
        assert!(bucket.take(1, RATE, at(100)));
        assert!(!bucket.take(1, RATE, at(100)));
        assert!(!bucket.is_full(RATE, at(399)));
        assert!(bucket.is_full(RATE, at(400)));
        assert!(!bucket.take(4, RATE, at(100_000)), "more than a full bucket holds");
    }

    proptest! {
        /// Over any time no more comes out than the burst and what has come back, and no less.
        #[test]
        fn what_comes_out_is_what_went_in(
            per_second in 1u64..1_000,
            burst in 1u64..100,
            steps in prop::collection::vec((0u64..5_000, 1u64..5), 1..100),
        ) {
            let rate = Rate { per_second, burst };
            let mut bucket = TokenBucket::full(rate, Time::ZERO);
            let (mut now_ms, mut taken) = (0, 0);
            for (pass_ms, tokens) in steps {
                now_ms += pass_ms;
                if bucket.take(tokens, rate, at(now_ms)) {
                    taken += tokens;
                }
                prop_assert!(taken <= burst + now_ms * per_second / 1_000 + 1);
            }
        }
    }
}
