//! How long it took after each mass event until all was as before.
//!
//! Part of [`report`](super): plan, evidence -> **`Recovery`** -> report.

use std::{collections::HashSet, time::Duration};

use gamekeeper_bot::fleet::{BotId, Injection, ReturnOutcome};
use serde::Serialize;

use crate::{
    evidence::Evidence, matching::Verdict, plan::Plan, scenario::Scenario, timeline::Sample,
};

/// The survivors' interval is as before if its 99th percentile is at most this much longer.
const LONGER_MAX: f64 = 1.1;

/// And stays so for this long, in seconds; or for as long as there are samples.
const STEADY_FOR_SECONDS: f64 = 5.0;

/// A machine's noise, in milliseconds: a longer interval than before by less than this is none.
const NOISE_MS: f64 = 2.0;

/// What came after a mass event.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recovery {
    /// When it was, in seconds from the start of the run phase.
    pub at_seconds: f64,
    /// What the survivors' interval was before the first mass event: the median of its 99th
    /// percentiles of each second, in milliseconds. Nothing if there was no whole second, or in a
    /// game without ticks.
    pub before_ms: Option<f64>,
    /// How many left.
    pub left: u64,
    /// Until the server knew of the last of them, in milliseconds; nothing if it never did, or does
    /// not say.
    pub noticed_ms: Option<f64>,
    /// How many were to come back.
    pub returning: u64,
    /// How many of them have come back.
    pub back: u64,
    /// Until the last of those was back, in milliseconds; nothing if one was not.
    pub back_ms: Option<f64>,
    /// Until the survivors saw the game as before, to the second, in milliseconds; nothing if that
    /// did not come.
    pub steady_ms: Option<f64>,
    /// The longest that a survivor waited for a state after it, in milliseconds, until steady.
    pub worst_interval_ms: Option<f64>,
}

impl Recovery {
    /// Until all was as before, in milliseconds; nothing if that did not come.
    pub fn complete_ms(&self) -> Option<f64> {
        let back = if self.returning == 0 { Some(0.0) } else { self.back_ms };
        Some(self.noticed_ms?.max(back?).max(self.steady_ms?))
    }
}

pub(super) fn recoveries(scenario: &Scenario, plan: &Plan, evidence: &Evidence) -> Vec<Recovery> {
    let first = scenario.masses.iter().map(|mass| mass.at).min().unwrap_or_default();
    let before_ms = usual(&evidence.timeline, first.as_secs_f64());
    let masses = scenario.masses.iter().enumerate();
    // One that could not be carried out here at all is no event.
    let masses = masses.filter(|(index, _)| plan.departures().any(|it| it.mass == Some(*index)));
    masses.map(|(index, mass)| recovery(index, mass.at, plan, evidence, before_ms)).collect()
}

fn recovery(
    index: usize,
    at: Duration,
    plan: &Plan,
    evidence: &Evidence,
    before_ms: Option<f64>,
) -> Recovery {
    let planned = || plan.departures().filter(|planned| planned.mass == Some(index));
    let began = evidence.run_began + at;
    let bots: HashSet<BotId> = planned().map(|planned| BotId(planned.bot)).collect();
    let of_this = |injection: &Injection| {
        // A bot leaves but once at this moment. What is carried out is a little late.
        bots.contains(&injection.bot) && injection.at >= began
    };
    let mut seen = HashSet::new();
    let injections: Vec<usize> = (0..evidence.injections.len())
        .filter(|index| of_this(&evidence.injections[*index]))
        .filter(|index| seen.insert(evidence.injections[*index].bot))
        .collect();
    let to_return: HashSet<BotId> =
        planned().filter(|it| it.comeback.is_some()).map(|it| BotId(it.bot)).collect();
    let mut is_back = HashSet::new();
    let returns =
        evidence.returns.iter().filter(|it| to_return.contains(&it.bot) && it.at >= began);
    let returns: Vec<f64> = returns
        .filter(|it| !matches!(it.outcome, ReturnOutcome::Failed(_)) && is_back.insert(it.bot))
        .map(|it| it.at.since(began).as_secs_f64() * 1e3)
        .collect();
    let longest = |all: &[f64]| all.iter().copied().reduce(f64::max);
    let steadied = before_ms.map(|before| steady(&evidence.timeline, before, at.as_secs_f64()));
    let (steady_ms, worst_interval_ms) = steadied.unwrap_or_default();
    Recovery {
        at_seconds: at.as_secs_f64(),
        before_ms,
        left: injections.len() as u64,
        noticed_ms: noticed(&injections, evidence).as_deref().and_then(longest),
        returning: to_return.len() as u64,
        back: returns.len() as u64,
        back_ms: longest(&returns).filter(|_| returns.len() == to_return.len()),
        steady_ms,
        worst_interval_ms,
    }
}

/// How long it took to notice each, in milliseconds; nothing if one was not, or nobody says.
fn noticed(injections: &[usize], evidence: &Evidence) -> Option<Vec<f64>> {
    let (matching, ledger) = (evidence.matching()?, evidence.ledger.as_ref()?);
    let noticed = injections.iter().map(|index| match matching.verdicts[*index] {
        Verdict::Right(line) | Verdict::Wrong(line) => {
            let since = ledger.entries[line].at.since(evidence.injections[*index].at);
            Some(since.as_secs_f64() * 1e3)
        }
        Verdict::Missed => None,
    });
    noticed.collect()
}

/// The survivors' interval until `first` seconds: the median of each second's 99th percentile.
fn usual(timeline: &[Sample], first: f64) -> Option<f64> {
    let before = timeline.iter().filter(|it| it.at_seconds <= first && it.at_seconds >= it.seconds);
    let mut before: Vec<f64> = before.filter_map(|it| it.interval_p99_ms).collect();
    before.sort_by(f64::total_cmp);
    before.get(before.len() / 2).copied()
}

/// From when on, after `at` seconds, the survivors saw the game as before; and the longest interval
/// until then. Both in milliseconds.
fn steady(timeline: &[Sample], before: f64, at: f64) -> (Option<f64>, Option<f64>) {
    let begins = |sample: &Sample| sample.at_seconds - sample.seconds;
    let allowed = (before * LONGER_MAX).max(before + NOISE_MS);
    let after: Vec<&Sample> = timeline.iter().filter(|it| it.at_seconds > at).collect();
    let is_good = |sample: &&&Sample| {
        sample.missed_ticks == 0 && sample.interval_p99_ms.is_some_and(|it| it <= allowed)
    };
    let steady = (0..after.len()).find(|first| {
        let until = begins(after[*first]) + STEADY_FOR_SECONDS;
        let span = || after[*first..].iter().take_while(|it| it.at_seconds <= until);
        // Rather than on a last moment, a run is judged on what comes after it.
        span().count() > 0 && span().all(|sample| is_good(&sample))
    });
    let bad = &after[..steady.unwrap_or(after.len())];
    let worst = bad.iter().chain(after.first()).filter_map(|it| it.interval_max_ms);
    let since = steady.map(|first| (begins(after[first]) - at).max(0.0) * 1e3);
    (since, worst.reduce(f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(p99s: &[f64]) -> Vec<Sample> {
        let sample = |(index, p99): (usize, &f64)| Sample {
            at_seconds: index as f64 + 1.0,
            seconds: 1.0,
            interval_p99_ms: Some(*p99),
            interval_max_ms: Some(p99 + 1.0),
            ..Sample::default()
        };
        p99s.iter().enumerate().map(sample).collect()
    }

    #[test]
    fn steady_is_what_stays_as_it_was() {
        let calm = timeline(&[51.0; 12]);
        assert_eq!(steady(&calm, 51.0, 3.0), (Some(0.0), Some(52.0)));
        let mut shaken = timeline(&[51.0; 14]);
        shaken[3].interval_p99_ms = Some(90.0);
        shaken[3].interval_max_ms = Some(300.0);
        shaken[5].missed_ticks = 1;
        assert_eq!(steady(&shaken, 51.0, 3.0), (Some(3000.0), Some(300.0)));
        let worse = timeline(&[51.0, 51.0, 60.0, 60.0, 60.0, 60.0, 60.0]);
        assert_eq!(steady(&worse, 51.0, 2.0).0, None);
    }

    /// One bad second before does not make every second after it a good one.
    #[test]
    fn before_is_what_was_usual() {
        let mut seconds = timeline(&[51.0; 5]);
        seconds[1].interval_p99_ms = Some(900.0);
        assert_eq!(usual(&seconds, 4.5), Some(51.0));
        assert_eq!(usual(&seconds, 0.5), None, "no whole second");
    }

    #[test]
    fn complete_is_the_last_of_all() {
        let mut recovery =
            Recovery { noticed_ms: Some(5.0), steady_ms: Some(0.0), ..Recovery::default() };
        assert_eq!(recovery.complete_ms(), Some(5.0), "nobody was to come back");
        recovery.returning = 1;
        assert_eq!(recovery.complete_ms(), None);
        recovery.back_ms = Some(700.0);
        assert_eq!(recovery.complete_ms(), Some(700.0));
    }
}
