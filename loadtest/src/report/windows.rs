//! When what was done to the server, as the scenario has it.
//!
//! Part of [`report`](super): scenario -> **`FaultWindow`** -> plots, where it is shaded.

use serde::Serialize;

use crate::scenario::{Fault, Scenario};

/// A span of time in which players leave in some ways.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultWindow {
    /// Its beginning, in seconds from the start of the run phase.
    pub from_seconds: f64,
    /// Its end.
    pub to_seconds: f64,
    /// The ways, with their weights.
    pub causes: String,
    /// Departures per second.
    pub per_second: f64,
    /// Where the players stand then.
    pub states: Vec<&'static str>,
}

pub(super) fn fault_windows(scenario: &Scenario) -> Vec<FaultWindow> {
    let window = |fault: &Fault| {
        let whole = scenario.duration();
        let (from, to) = fault
            .during
            .map_or((std::time::Duration::ZERO, whole), |during| (during.from, during.to));
        FaultWindow {
            from_seconds: from.as_secs_f64(),
            to_seconds: to.as_secs_f64(),
            causes: fault.causes.to_string(),
            per_second: fault.rate.per_second(scenario.bots),
            states: fault.states.iter().map(|state| state.name()).collect(),
        }
    };
    scenario.faults.iter().map(window).collect()
}
