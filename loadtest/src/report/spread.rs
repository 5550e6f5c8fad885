//! How samples are spread: quantiles close enough to draw a curve of them.
//!
//! Part of [`report`](super): histogram -> **`Spread`** -> plots. The few quantiles that people
//! compare are in [`LatencySummary`](super::LatencySummary).

use gamekeeper_bot::fleet::Latency;
use serde::Serialize;

/// The last decade of a spectrum: a quantile of more samples than there are says nothing.
const DECADES_MAX: i32 = 6;

/// Places of a curve over all samples.
const PLACES: u32 = 50;

/// Durations at shares of all samples. Empty without samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many samples there are.
    pub count: u64,
    /// A share from 0 to 1, and the duration in milliseconds that so many are not above.
    pub at: Vec<(f64, f64)>,
}

impl Spread {
    /// From the median ever closer to the longest: three shares for each decade, as far as the
    /// samples reach.
    pub fn of_the_tail(latency: &Latency) -> Self {
        let samples = latency.count() as f64;
        let decades = (0..DECADES_MAX)
            .flat_map(|decade| [0.5, 0.2, 0.1].map(|part| 1.0 - part * 10_f64.powi(-decade)));
        let shares = decades.take_while(|share| (1.0 - share) * samples >= 1.0);
        Self::new(latency, shares.chain([1.0]))
    }

    /// Evenly over all samples.
    pub fn of_all(latency: &Latency) -> Self {
        let places = (0..=PLACES).map(|place| f64::from(place) / f64::from(PLACES));
        Self::new(latency, places)
    }

    fn new(latency: &Latency, shares: impl Iterator<Item = f64>) -> Self {
        let at = shares.filter_map(|share| {
            let duration = latency.quantile(share)?;
            Some((share, duration.as_secs_f64() * 1e3))
        });
        Self { count: latency.count(), at: at.collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn latency(samples: u64) -> Latency {
        let mut latency = Latency::default();
        (1..=samples).for_each(|ms| latency.record(Duration::from_millis(ms)));
        latency
    }

    #[test]
    fn a_tail_reaches_as_far_as_its_samples() {
        let shares = |samples| -> Vec<f64> {
            let spread = Spread::of_the_tail(&latency(samples));
            assert_eq!(spread.count, samples);
            spread.at.iter().map(|(share, _)| *share).collect()
        };
        assert_eq!(shares(0), Vec::<f64>::new());
        assert_eq!(shares(1), [1.0]);
        assert_eq!(shares(100), [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0]);
        let last = Spread::of_the_tail(&latency(100)).at[6].1;
        assert!((last - 100.0).abs() < 0.1, "{last}");
    }

    #[test]
    fn a_curve_goes_from_the_shortest_to_the_longest() {
        let spread = Spread::of_all(&latency(1_000));
        assert_eq!(spread.at.len(), 51);
        let ends = [spread.at[0].1, spread.at[50].1].map(f64::round);
        assert_eq!(ends, [1.0, 1000.0]);
        assert!(spread.at.is_sorted_by(|a, b| a.1 <= b.1));
        assert_eq!(Spread::of_all(&latency(0)), Spread::default());
    }
}
