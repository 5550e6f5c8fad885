//! Times that a server has counted in buckets since its start.
//!
//! Part of [`admin`](super): `/api/stats` -> **`Buckets`** -> timeline. What is between two looks
//! is their difference; its quantiles are not better than the buckets are fine, and are never below
//! the truth.

use serde::{Deserialize, Serialize};

/// For each end of a bucket, in seconds, how many times were not above it; the last bucket has no
/// end, and all of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Buckets(Vec<(Option<f64>, u64)>);

impl Buckets {
    /// What was counted since `earlier`. If that has other buckets, nothing is known.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let is_alike = self.0.iter().map(|(end, _)| end).eq(earlier.0.iter().map(|(end, _)| end));
        if !is_alike {
            return Self::default();
        }
        let pairs = self.0.iter().zip(&earlier.0);
        Self(pairs.map(|((end, now), (_, then))| (*end, now.saturating_sub(*then))).collect())
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.0.last().map_or(0, |(_, count)| *count)
    }

    /// A time, in milliseconds, below which at least this share of all times is, from 0 to 1: the
    /// end of a bucket. Nothing if there are none, or if it is in the bucket without an end.
    pub fn at_most_ms(&self, share: f64) -> Option<f64> {
        let needed = (self.count() as f64 * share).ceil().max(1.0);
        let end = |(_, count): &&(Option<f64>, u64)| *count as f64 >= needed;
        self.0.iter().find(end).and_then(|(end, _)| Some((*end)? * 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(counts: [u64; 3]) -> Buckets {
        Buckets([Some(0.001), Some(0.01), None].into_iter().zip(counts).collect())
    }

    #[test]
    fn the_difference_tells_of_the_time_between() {
        let now = buckets([1_050, 1_099, 1_100]);
        let since = now.since(&buckets([1_000, 1_000, 1_000]));
        assert_eq!(since.count(), 100);
        assert_eq!(since.at_most_ms(0.5), Some(1.0));
        assert_eq!(since.at_most_ms(0.51), Some(10.0));
        assert_eq!(since.at_most_ms(0.99), Some(10.0));
        assert_eq!(since.at_most_ms(1.0), None, "longer than any bucket that has an end");
        assert_eq!(now.since(&now).at_most_ms(0.5), None, "nothing was counted");
        assert_eq!(now.since(&Buckets::default()), Buckets::default());
        assert_eq!(Buckets::default().at_most_ms(0.5), None);
    }

    #[test]
    fn they_are_read_as_the_server_writes_them() {
        let read: Buckets = serde_json::from_str("[[0.001,5],[0.01,7],[null,7]]").expect("JSON");
        assert_eq!(read, buckets([5, 7, 7]));
    }
}
