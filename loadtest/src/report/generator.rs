//! The part of a report that is about the load generator itself.
//!
//! Part of [`Report`](super::Report). Evidence -> **`Generator`** -> report. Whether the generator
//! was the limit is judged where everything is, in the checks.

use std::time::Duration;

use serde::Serialize;

use super::LatencySummary;
use crate::{evidence::Evidence, options::Options};

/// The load generator's own health: a run in which it was the limit proves nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Generator {
    /// From the planned time of an input to its sending.
    pub input_lag: LatencySummary,
    /// Inputs sent.
    pub inputs: u64,
    /// Inputs left out because the generator was far behind.
    pub inputs_skipped: u64,
    /// Processes that the bots are in.
    pub processes: u64,
    /// The processor time of the busiest of its processes as a share of one core: none can use
    /// more than one.
    pub cpu_share: Option<f64>,
    /// The processor time of all its processes as a share of one core.
    pub cpu_share_all: Option<f64>,
    /// From the time of a departure or a join in the plan to its being carried out.
    pub order_lag: LatencySummary,
    /// Joins that failed for a reason of this machine: no descriptors, no ports.
    pub own_failures: u64,
}

impl Generator {
    pub(super) fn new(options: &Options, evidence: &Evidence) -> Self {
        let lasted = evidence.run_time.as_secs_f64();
        let share = |used: Option<Duration>| {
            used.filter(|_| lasted > 0.0).map(|used| used.as_secs_f64() / lasted)
        };
        Self {
            input_lag: LatencySummary::new(&evidence.run.input_lag),
            inputs: evidence.run.inputs,
            inputs_skipped: evidence.run.inputs_skipped,
            processes: options.processes.into(),
            cpu_share: share(evidence.own_cpu.iter().max().copied()),
            cpu_share_all: share(Some(evidence.own_cpu.iter().sum())),
            order_lag: LatencySummary::new(&evidence.order_lag),
            own_failures: evidence.own_failures(),
        }
    }
}
