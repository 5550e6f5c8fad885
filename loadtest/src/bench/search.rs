//! Looking for the highest number of players that a contender serves well. Pure.
//!
//! The number is doubled until it is too high, and then the gap is halved. A number is too high if
//! it fails twice in a row: one bad trial may be the machine's. The trials are bounded, so that
//! a search ends whatever happens.

use std::time::Duration;

use serde::Serialize;

use super::sample::Sample;

/// The oldest a state may be at the 99th percentile.
pub const AGE_P99_MAX: Duration = Duration::from_millis(50);

/// The smallest share of states that must arrive.
pub const DELIVERED_MIN: f64 = 0.999;

/// Trials per contender, repeated ones included.
const TRIALS_MAX: usize = 20;

/// The gap that is small enough, as a share of the number.
const PRECISION: f64 = 0.04;

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// The first number that is tried.
    pub low: u32,
    /// The highest number that is tried.
    pub high: u32,
}

/// One number that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// How many players.
    pub players: u32,
    /// Whether they were served well.
    pub passed: bool,
    /// What was seen, or why nothing was.
    pub why: String,
}

/// A search for one contender.
///
/// Invariant: `passed < failed`, where both are known.
#[derive(Clone, Debug)]
pub struct Search {
    limits: SearchLimits,
    /// The highest number that was served well.
    passed: Option<u32>,
    /// The lowest number that was not, twice.
    failed: Option<u32>,
    /// All trials, in order.
    pub trials: Vec<Trial>,
}

impl Search {
    /// A search that begins at the lower limit.
    pub fn new(limits: SearchLimits) -> Self {
        Self { limits, passed: None, failed: None, trials: Vec::new() }
    }

    /// The number to try next; nothing when the answer is known as well as it will be.
    pub fn next_trial(&self) -> Option<u32> {
        if self.trials.len() >= TRIALS_MAX {
            return None;
        }
        let next = match (self.passed, self.failed) {
            (None, None) => self.limits.low,
            // Not even the lowest number is served well.
            (None, Some(_)) => return None,
            (Some(passed), None) if passed >= self.limits.high => return None,
            (Some(passed), None) => passed.saturating_mul(2).min(self.limits.high),
            (Some(passed), Some(failed)) => {
                let gap = f64::from(failed - passed);
                if gap <= f64::from(passed) * PRECISION || failed - passed < 2 {
                    return None;
                }
                u32::midpoint(passed, failed)
            }
        };
        Some(next)
    }

    /// Takes in how the trial went that [`Self::next_trial`] asked for.
    pub fn record(&mut self, trial: Trial) {
        let again = |last: &Trial| last.players == trial.players && !last.passed;
        if trial.passed {
            self.passed = Some(trial.players);
        } else if self.trials.last().is_some_and(again) {
            self.failed = Some(trial.players);
        }
        self.trials.push(trial);
    }

    /// The highest number that was served well, if any was.
    pub fn highest(&self) -> Option<u32> {
        self.passed
    }

    /// Whether the search ended at its upper limit, so that the contender may be able to do more.
    pub fn is_capped(&self) -> bool {
        self.passed == Some(self.limits.high)
    }
}

/// Judges a sample.
pub fn judge(sample: &Sample) -> Trial {
    let age = sample.seen.age.quantile(0.99);
    let delivered = sample.delivered();
    let is_fresh = age.is_some_and(|age| age <= AGE_P99_MAX);
    let age_text = age.map_or("no states".to_owned(), |age| {
        format!("age p99 {:.1} ms", age.as_secs_f64() * 1000.0)
    });
    let limit = if sample.is_limited_by_bots() { ", the bots may be the limit" } else { "" };
    Trial {
        players: sample.players,
        passed: is_fresh && delivered >= DELIVERED_MIN && sample.lost == 0,
        why: format!("{age_text}, {:.2} % delivered{limit}", delivered * 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sample::tests::good;

    /// Searches for a limit that is known, and says what was found and in how many trials.
    fn find(limit: u32, limits: SearchLimits) -> (Option<u32>, usize) {
        let mut search = Search::new(limits);
        while let Some(players) = search.next_trial() {
            search.record(Trial { players, passed: players <= limit, why: String::new() });
        }
        (search.highest(), search.trials.len())
    }

    #[test]
    fn any_limit_is_found_closely_and_soon() {
        let limits = SearchLimits { low: 500, high: 16_000 };
        for limit in (500..16_000).step_by(137) {
            let (found, trials) = find(limit, limits);
            let found = found.expect("the lowest number is served well");
            assert!(found <= limit, "{found} for {limit}");
            assert!(f64::from(limit - found) <= f64::from(limit) * 0.05, "{found} for {limit}");
            assert!(trials <= TRIALS_MAX);
        }
    }

    #[test]
    fn the_limits_of_a_search_hold() {
        let limits = SearchLimits { low: 500, high: 3_000 };
        assert_eq!(find(100, limits), (None, 2));
        assert_eq!(find(9_999, limits), (Some(3_000), 4));
        let mut search = Search::new(limits);
        search.record(Trial { players: 3_000, passed: true, why: String::new() });
        assert!(search.is_capped() && search.next_trial().is_none());
    }

    #[test]
    fn one_bad_trial_is_not_believed() {
        let mut search = Search::new(SearchLimits { low: 500, high: 1_000 });
        for passed in [false, true, false, true] {
            let players = search.next_trial().expect("not yet known");
            search.record(Trial { players, passed, why: String::new() });
        }
        assert_eq!((search.highest(), search.trials.len()), (Some(1_000), 4));
    }

    #[test]
    fn late_or_missing_states_fail() {
        let sample = good();
        assert!(!judge(&sample).passed, "the 99th percentile is 99 ms");
        let mut fresh = good();
        fresh.seen.age = gamekeeper_bot::fleet::Latency::default();
        assert!(!judge(&fresh).passed, "without a state there is no age");
        fresh.seen.age.record(Duration::from_millis(49));
        assert!(judge(&fresh).passed, "{:?}", judge(&fresh));
        fresh.seen.snapshots = 199_000;
        assert!(!judge(&fresh).passed, "states are missing");
        fresh.seen.snapshots = 200_000;
        fresh.lost = 1;
        assert!(!judge(&fresh).passed, "somebody was thrown out");
    }
}
