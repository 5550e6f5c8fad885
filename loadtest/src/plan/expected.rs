//! How many bots should play at a moment, if everything went by the plan.
//!
//! Part of [`Plan`]. Steps -> **`Expected`** -> what a run is compared with while it goes on.
//!
//! It takes no time to join and to leave here; a server needs a little for both.

use std::time::Duration;

use gamekeeper_bot::departure::PlayerState;

use super::{Plan, Step, comebacks};

/// How many bots should play when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// In the beginning.
    initial: u64,
    /// How many from a moment of the run phase on; in the order of time.
    changes: Vec<(Duration, u64)>,
}

impl Expected {
    /// What is expected of a plan.
    pub fn new(plan: &Plan) -> Self {
        let mut changes: Vec<(Duration, i64)> = Vec::new();
        for step in &plan.steps {
            match step {
                Step::Join { at, .. } => changes.push((*at, 1)),
                // Nobody plays in the lobby, nor before it is back.
                Step::Leave(planned) if planned.state == PlayerState::Lobby => {}
                Step::Leave(planned) if planned.state == PlayerState::ResumeWindow => {}
                Step::Leave(planned) => {
                    changes.push((planned.at, -1));
                    if let Some(comeback) = planned.comeback.filter(|_| planned.returns_to_play()) {
                        let back = planned.at + comebacks::takes(planned.departure, &comeback);
                        changes.push((back, 1));
                    }
                }
            }
        }
        changes.sort_by_key(|(at, _)| *at);
        let initial = u64::from(plan.initial);
        let mut count = i64::from(plan.initial);
        let changes = changes.into_iter().map(|(at, change)| {
            count += change;
            (at, u64::try_from(count).unwrap_or(0))
        });
        Self { initial, changes: changes.collect() }
    }

    /// How many at this moment of the run phase.
    pub fn at(&self, moment: Duration) -> u64 {
        let passed = self.changes.partition_point(|(at, _)| *at <= moment);
        passed.checked_sub(1).map_or(self.initial, |last| self.changes[last].1)
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::{
        departure::Departure,
        fleet::{BotPlan, Comeback},
    };

    use super::*;
    use crate::plan::PlannedDeparture;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn who_leaves_is_missing_until_somebody_comes() {
        let leave = |at, departure, state, back: Option<(u64, PlayerState)>| {
            let plan = |state| BotPlan { state, ..BotPlan::default() };
            let comeback = back.map(|(after, state)| Comeback {
                after: ms(after),
                takes_over: false,
                plan: plan(state),
            });
            let at = ms(at);
            Step::Leave(PlannedDeparture { at, bot: 0, departure, state, comeback, mass: None })
        };
        let (match_, lobby, window) =
            (PlayerState::Match, PlayerState::Lobby, PlayerState::ResumeWindow);
        let plan = Plan {
            initial: 10,
            steps: vec![
                leave(100, Departure::Close, match_, Some((50, match_))),
                Step::Join { at: ms(120), bot: 10 },
                leave(200, Departure::Reset, lobby, None),
                leave(300, Departure::Reset, match_, Some((50, window))),
                leave(350, Departure::Close, window, None),
            ],
            ..Plan::default()
        };
        let expected = Expected::new(&plan);
        let counts = [0, 99, 100, 120, 150, 200, 300, 999_999].map(|at| expected.at(ms(at)));
        assert_eq!(counts, [10, 10, 9, 10, 11, 11, 10, 10]);
        assert_eq!(Expected::new(&Plan::default()).at(ms(1)), 0);
    }
}
