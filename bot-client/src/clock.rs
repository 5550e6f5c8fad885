//! Points in time that processes on one machine share.
//!
//! A [`Moment`] counts the nanoseconds of CLOCK_MONOTONIC. The benchmark game puts the same
//! number into its snapshots, so the age of a snapshot is one subtraction. `std`'s `Instant` is
//! the same clock but does not show its number.
//!
//! Only [`Moment::now`] touches the clock, and only the fleet and the programs call it; everything
//! else takes `now` as an argument.

use std::{
    ops::{Add, AddAssign, Sub},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A point in time: nanoseconds of CLOCK_MONOTONIC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Moment(pub u64);

impl Moment {
    /// The present.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Monotonic);
        // The monotonic clock is never negative, and a u64 of nanoseconds lasts for 584 years.
        Self(time.tv_sec.unsigned_abs() * NANOS_PER_SECOND + time.tv_nsec.unsigned_abs())
    }

    /// How long ago `earlier` was; zero if it is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_run_backwards_and_does_not_overflow() {
        let earlier = Moment::now();
        let later = Moment::now();
        assert!(later >= earlier);
        assert_eq!(earlier.since(later + Duration::from_secs(1)), Duration::ZERO);
        assert_eq!((earlier + Duration::from_secs(2)).since(earlier), Duration::from_secs(2));
        assert_eq!(Moment(u64::MAX) + Duration::MAX, Moment(u64::MAX));
    }
}
