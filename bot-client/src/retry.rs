//! How long to wait before connecting again: exponential back-off with full jitter.
//!
//! Pure: it draws numbers and does not wait. A server that comes back after a failure is met by
//! its clients over a span of time and not all at once, because each wait is drawn between zero
//! and a bound that doubles ("full jitter").
//!
//! Whether a client may try at all is what [`Ended`](crate::connection::Ended) says, and with which
//! words is what [`Connection::way_back`](crate::connection::Connection::way_back) says.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    dice::{Dice, Purpose},
    limits::STEADY_AFTER,
};

/// When to connect again, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Upper bound of the first wait; it doubles with each failure.
    pub first: Duration,
    /// The bound stops growing here.
    pub cap: Duration,
    /// Connects after the first that may fail in a row; `None` for no limit.
    pub attempts_max: Option<u32>,
}

impl RetryPolicy {
    /// One connect, and that is it: for tests, where an unexpected end is a finding.
    pub const NEVER: Self = Self::limited(0);

    /// A client's usual policy: 250 ms, doubling up to 10 s, without end.
    pub const FOREVER: Self = Self {
        first: Duration::from_millis(250),
        cap: Duration::from_secs(10),
        attempts_max: None,
    };

    /// The usual waits, and at most `attempts_max` of them in a row.
    pub const fn limited(attempts_max: u32) -> Self {
        Self { attempts_max: Some(attempts_max), ..Self::FOREVER }
    }
}

/// The state of one client's attempts.
#[derive(Clone, Debug)]
pub struct Retry {
    policy: RetryPolicy,
    dice: Dice,
    /// Failures since the last success.
    failures: u32,
}

impl Retry {
    /// The attempts of one bot. The waits are a function of `seed` and `bot`.
    pub fn new(policy: RetryPolicy, seed: u64, bot: u32) -> Self {
        Self { policy, dice: Dice::new(seed, bot, Purpose::Retry), failures: 0 }
    }

    /// Failures in a row so far.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The last attempt worked: the next failure counts as the first.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The last attempt led to a game that lasted for this long. A short one is no success: a
    /// server that lets everybody in and drops them must not be asked again at once, for ever.
    pub fn lasted(&mut self, played_for: Duration) {
        if played_for >= STEADY_AFTER {
            self.succeeded();
        }
    }

    /// The last attempt failed: how long to wait, or `None` to give up.
    pub fn failed(&mut self) -> Option<Duration> {
        let failures_before = self.failures;
        self.failures = self.failures.saturating_add(1);
        if self.policy.attempts_max.is_some_and(|max| failures_before >= max) {
            return None;
        }
        Some(self.bound(failures_before).mul_f64(self.dice.fraction()))
    }

    /// The longest wait after that many earlier failures.
    fn bound(&self, failures_before: u32) -> Duration {
        let doubled = 1u32.checked_shl(failures_before).unwrap_or(u32::MAX);
        self.policy.first.saturating_mul(doubled).min(self.policy.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_never_beyond() {
        let mut retry = Retry::new(RetryPolicy::FOREVER, 1, 1);
        let mut longest = Duration::ZERO;
        for failure in 0..200 {
            let bound = retry.bound(failure);
            assert!(bound <= RetryPolicy::FOREVER.cap, "bound after {failure} failures");
            let wait = retry.failed().expect("forever means forever");
            assert!(wait <= bound, "{wait:?} after {failure} failures");
            longest = longest.max(wait);
        }
        assert!(longest > Duration::from_secs(9), "the cap is used: {longest:?}");
    }

    #[test]
    fn bounded_attempts_end_and_a_success_renews_them() {
        let mut retry = Retry::new(RetryPolicy::limited(2), 1, 1);
        assert!(retry.failed().is_some());
        assert!(retry.failed().is_some());
        assert_eq!(retry.failed(), None);
        retry.succeeded();
        assert!(retry.failed().is_some());
        assert_eq!(Retry::new(RetryPolicy::NEVER, 1, 1).failed(), None);
    }

    #[test]
    fn a_game_that_does_not_last_is_no_success() {
        let mut retry = Retry::new(RetryPolicy::limited(2), 1, 1);
        assert!(retry.failed().is_some());
        retry.lasted(STEADY_AFTER - Duration::from_nanos(1));
        assert_eq!(retry.failures(), 1);
        retry.lasted(STEADY_AFTER);
        assert_eq!(retry.failures(), 0);
    }

    /// Two hundred clients that lose their server at once do not come back at once.
    #[test]
    fn clients_spread_out() {
        let waits: Vec<Duration> =
            (0..200).filter_map(|bot| Retry::new(RetryPolicy::FOREVER, 1, bot).failed()).collect();
        let in_slice = |from: u64| {
            let slice = Duration::from_millis(from)..Duration::from_millis(from + 25);
            waits.iter().filter(|wait| slice.contains(wait)).count()
        };
        for from in (0..250).step_by(25) {
            assert!((5..60).contains(&in_slice(from)), "{} at {from} ms", in_slice(from));
        }
    }
}
