//! A token bucket: so much at once, and so much a second.

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
/// Invariant: `level` is at most that of a full bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// The level, in billionths of a token: so many come back each nanosecond as there are tokens a
    /// second. Nothing is lost to rounding however often it is asked, and nothing is divided, which
    /// would cost more than all else here.
    level: u64,
    filled_at: Time,
}

/// Parts of a token.
const PARTS: u64 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket.
    pub fn full(rate: Rate, now: Time) -> Self {
        Self { level: rate.full_level(), filled_at: now }
    }

    /// Takes `tokens` out, if there are as many.
    pub fn take(&mut self, tokens: u64, rate: Rate, now: Time) -> bool {
        self.fill(rate, now);
        let needed = tokens.saturating_mul(PARTS);
        if needed > self.level {
            return false;
        }
        self.level -= needed;
        true
    }

    /// Whether nothing is missing: then a new bucket would be the same.
    pub fn is_full(&mut self, rate: Rate, now: Time) -> bool {
        self.fill(rate, now);
        self.level == rate.full_level()
    }

    fn fill(&mut self, rate: Rate, now: Time) {
        let passed_nanos = now.as_nanos().saturating_sub(self.filled_at.as_nanos());
        let come_back = passed_nanos.saturating_mul(rate.per_second);
        self.level = self.level.saturating_add(come_back).min(rate.full_level());
        self.filled_at = self.filled_at.max(now);
    }
}

impl Rate {
    /// The level of a full bucket.
    fn full_level(self) -> u64 {
        self.burst.saturating_mul(PARTS)
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
