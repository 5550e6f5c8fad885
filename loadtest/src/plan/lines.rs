//! A plan as lines of JSON, one for each step: to look at, and to compare.
//!
//! Data flow: [`Plan`] -> **`Line`** -> `gamekeeper-loadtest plan`.

use std::ops::Not;

use serde::Serialize;

use super::{Plan, PlannedDeparture, Step};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When, in seconds from the start of the run phase.
    pub at_seconds: f64,
    /// Who: the number of the bot.
    pub bot: u32,
    /// Whether it is a browser; left out for native bots.
    #[serde(skip_serializing_if = "Not::not")]
    pub websocket: bool,
    /// What it does: `join`, `leave`, or `show`, which is a bad ticket.
    pub step: &'static str,
    /// How it leaves, or what is wrong with the ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<&'static str>,
    /// Where it stands when it leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// How long afterwards it comes back, in seconds, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_after_seconds: Option<f64>,
    /// Whether it comes back while its old connection is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes_over: Option<bool>,
    /// The mass event that it belongs to: the how-manieth of the scenario, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mass: Option<usize>,
}

/// All steps in the order of time.
pub fn lines(plan: &Plan) -> Vec<Line> {
    let mut lines: Vec<Line> = plan.steps.iter().map(Line::from).collect();
    lines.extend(plan.frauds.iter().map(|fraud| Line {
        how: Some(fraud.fault.name()),
        ..Line::of(fraud.from.as_secs_f64(), fraud.bot, "show")
    }));
    for line in &mut lines {
        line.websocket = plan.bots[line.bot as usize].websocket;
    }
    lines.sort_by(|a, b| a.at_seconds.total_cmp(&b.at_seconds));
    lines
}

impl Line {
    fn of(at_seconds: f64, bot: u32, step: &'static str) -> Self {
        Self {
            at_seconds,
            bot,
            websocket: false,
            step,
            how: None,
            state: None,
            back_after_seconds: None,
            takes_over: None,
            mass: None,
        }
    }
}

impl From<&Step> for Line {
    fn from(step: &Step) -> Self {
        match step {
            Step::Join { at, bot } => Self::of(at.as_secs_f64(), *bot, "join"),
            Step::Leave(planned) => {
                let PlannedDeparture { at, bot, departure, state, comeback, mass } = *planned;
                Self {
                    how: Some(departure.name()),
                    state: Some(state.name()),
                    back_after_seconds: comeback.map(|it| it.after.as_secs_f64()),
                    takes_over: comeback.map(|it| it.takes_over),
                    mass,
                    ..Self::of(at.as_secs_f64(), bot, "leave")
                }
            }
        }
    }
}
