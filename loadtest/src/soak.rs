//! The same scenario again and again on one server, with another seed each time, until it fails:
//! what a single run does not show is what does not come back.
//!
//! Data flow: reports of runs -> **`Soak`** -> verdict. Memory after one run means nothing, because
//! allocators keep some; memory that grows from run to run does.

use serde::Serialize;

use crate::{exit::ExitStatus, report::Report};

/// The first runs fill what a server keeps for later, and are not looked at.
const WARM_UP_RUNS: usize = 2;

/// With fewer runs after that, growth cannot be told from chance.
const RUNS_MIN: usize = 4;

/// Memory may grow by this much from run to run, in bytes: more than chance, and less than a leak
/// of a few hundred bytes for each of some thousand departures.
pub const GROWTH_BYTES_MAX: f64 = 524_288.0;

/// What a run of a soak came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cycle {
    /// Its seed.
    pub seed: u64,
    /// Its verdict in one word.
    pub verdict: &'static str,
    /// Its exit code.
    pub exit_code: u8,
    /// Departures that were carried out.
    pub departures: u64,
    /// The longest that a survivor waited for a state, in milliseconds.
    pub worst_interval_ms: Option<f64>,
    /// The server's resident memory after the last bot, in bytes.
    pub rss_bytes: Option<u64>,
}

/// All runs so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Soak {
    /// In their order.
    pub cycles: Vec<Cycle>,
}

impl Cycle {
    /// What a report says.
    pub fn new(report: &Report) -> Self {
        Self {
            seed: report.seed,
            verdict: report.verdict,
            exit_code: report.exit_code,
            departures: report.causes.iter().map(|cause| cause.injected).sum(),
            worst_interval_ms: report.survivors.interval.max_ms,
            rss_bytes: report.server.as_ref().and_then(|it| it.after).map(|it| it.rss_bytes),
        }
    }
}

impl Soak {
    /// By how much the server's memory grew from run to run, in bytes; nothing if there were too
    /// few runs, or if the server does not say.
    pub fn growth_bytes(&self) -> Option<f64> {
        let looked_at = self.cycles.get(WARM_UP_RUNS..)?;
        let rss: Option<Vec<f64>> =
            looked_at.iter().map(|cycle| cycle.rss_bytes.map(|bytes| bytes as f64)).collect();
        let rss = rss.filter(|rss| rss.len() >= RUNS_MIN)?;
        Some(slope(&rss))
    }

    /// The exit status of it all: that of the first run that did not pass, or of the memory.
    pub fn status(&self) -> ExitStatus {
        let failed = self.cycles.iter().find(|cycle| cycle.exit_code != 0);
        match failed {
            Some(cycle) => ExitStatus::from_code(cycle.exit_code),
            None if self.growth_bytes().is_some_and(|bytes| bytes > GROWTH_BYTES_MAX) => {
                ExitStatus::Failed
            }
            None => ExitStatus::Pass,
        }
    }
}

/// How steep the straight line is that fits best (least squares), per step.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (index, value) in values.iter().enumerate() {
        let from_middle = index as f64 - middle;
        above += from_middle * (value - mean);
        below += from_middle * from_middle;
    }
    above / below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::good_report;

    fn soak(rss_mib: &[u64]) -> Soak {
        let cycle =
            |mib: &u64| Cycle { rss_bytes: Some(mib * 1_048_576), ..Cycle::new(&good_report()) };
        Soak { cycles: rss_mib.iter().map(cycle).collect() }
    }

    #[test]
    fn memory_that_grows_from_run_to_run_fails() {
        let leak = soak(&[4, 8, 10, 11, 12, 13]);
        assert_eq!((leak.growth_bytes(), leak.status()), (Some(1_048_576.0), ExitStatus::Failed));
        let steady = soak(&[4, 9, 10, 10, 10, 10]);
        assert_eq!((steady.growth_bytes(), steady.status()), (Some(0.0), ExitStatus::Pass));
        let shrinking = soak(&[4, 9, 14, 12, 10, 8]);
        assert!(shrinking.growth_bytes() < Some(0.0) && shrinking.status() == ExitStatus::Pass);
    }

    #[test]
    fn a_few_runs_say_nothing_of_memory() {
        let short = soak(&[4, 8, 16, 32, 64]);
        assert_eq!((short.growth_bytes(), short.status()), (None, ExitStatus::Pass));
        let mut silent = soak(&[4, 4, 4, 4, 4, 4]);
        silent.cycles[5].rss_bytes = None;
        assert_eq!(silent.growth_bytes(), None);
    }

    #[test]
    fn the_first_run_that_fails_decides() {
        let mut failed = soak(&[4, 4, 4]);
        failed.cycles[1].exit_code = 5;
        failed.cycles[2].exit_code = 3;
        assert_eq!(failed.status(), ExitStatus::TargetDown);
    }
}
