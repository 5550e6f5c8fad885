//! Who joins and who leaves when and how: a pure function of the options and the seed.
//!
//! The plan is an open model: departures have their planned times, whatever the server does. A
//! slow server does not get fewer of them. Outcomes are not deterministic, because the kernel and
//! the machine have a say; the plan is, and that is what makes a finding worth replaying.

use std::{collections::BTreeMap, time::Duration};

use gamekeeper_bot::{
    departure::Departure,
    dice::{Dice, Purpose},
    fleet::BotPlan,
};

use crate::mix::DepartureMix;

/// A bot plays at least this long before it leaves, so that it has surely joined.
const PLAYS_AT_LEAST: Duration = Duration::from_millis(500);

/// How often a victim is drawn before a departure is dropped for want of one.
const DRAWS_MAX: u32 = 64;

/// What a plan is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanConfig {
    /// Bots that play at any time.
    pub bots: u32,
    /// How long departures go on.
    pub duration: Duration,
    /// Departures per second; each is followed by a join.
    pub churn_per_second: f64,
    /// In which ways.
    pub mix: DepartureMix,
    /// Everything drawn is a function of this.
    pub seed: u64,
}

/// A departure and the join that replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedDeparture {
    /// When, from the start of the run phase.
    pub at: Duration,
    /// Who: the number of the bot, which is also the order of spawning.
    pub bot: u32,
    /// How.
    pub departure: Departure,
}

/// Who joins and who leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Every bot of the run by its number: first those that are there from the beginning, then the
    /// replacements in the order of the departures.
    pub bots: Vec<BotPlan>,
    /// How many are there from the beginning.
    pub initial: u32,
    /// In the order of time. The n-th is replaced by bot `initial + n`.
    pub departures: Vec<PlannedDeparture>,
}

impl Plan {
    /// Makes the plan.
    pub fn new(config: &PlanConfig) -> Self {
        let mut dice = Dice::new(config.seed, 0, Purpose::Plan);
        let count = (config.duration.as_secs_f64() * config.churn_per_second).floor() as u32;
        let mut bots = vec![BotPlan::default(); config.bots as usize];
        let mut departures = Vec::with_capacity(count as usize);
        // The numbers of those that play, with the time from which on they may be drawn.
        let mut playing: Vec<(u32, Duration)> =
            (0..config.bots).map(|bot| (bot, Duration::ZERO)).collect();
        for number in 0..count {
            // Each departure has its own slot of time and a random place within it: neither a
            // beat that the server's ticks could fall in step with, nor an accidental burst.
            let slot = f64::from(number) + dice.fraction();
            let at = Duration::from_secs_f64(slot / config.churn_per_second);
            let Some(victim) = draw_victim(&playing, at, &mut dice) else { continue };
            let departure = config.mix.draw(&mut dice);
            let replacement = bots.len() as u32;
            let (bot, _) = playing[victim];
            playing[victim] = (replacement, at + PLAYS_AT_LEAST);
            bots[bot as usize].departure = Some(departure);
            bots.push(BotPlan::default());
            departures.push(PlannedDeparture { at, bot, departure });
        }
        Self { bots, initial: config.bots, departures }
    }

    /// How many departures of each kind are planned.
    pub fn departures_by_kind(&self) -> BTreeMap<Departure, u64> {
        let mut counts = BTreeMap::new();
        for planned in &self.departures {
            *counts.entry(planned.departure).or_default() += 1;
        }
        counts
    }
}

/// The index of somebody who has played long enough.
fn draw_victim(playing: &[(u32, Duration)], at: Duration, dice: &mut Dice) -> Option<usize> {
    (0..DRAWS_MAX)
        .map(|_| dice.below(playing.len() as u32) as usize)
        .find(|index| playing.get(*index).is_some_and(|(_, from)| *from <= at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(seed: u64) -> PlanConfig {
        PlanConfig {
            bots: 500,
            duration: Duration::from_secs(20),
            churn_per_second: 50.0,
            mix: DepartureMix::default(),
            seed,
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        assert_eq!(Plan::new(&config(1)), Plan::new(&config(1)));
        assert_ne!(Plan::new(&config(1)).departures, Plan::new(&config(2)).departures);
    }

    #[test]
    fn every_departure_is_possible_and_replaced() {
        let plan = Plan::new(&config(1));
        assert_eq!(plan.departures.len(), 1000);
        assert_eq!(plan.bots.len(), 1500);
        assert!(plan.departures.is_sorted_by_key(|planned| planned.at));
        let mut left = std::collections::BTreeSet::new();
        for (number, planned) in plan.departures.iter().enumerate() {
            assert!(planned.at < Duration::from_secs(20));
            assert!(left.insert(planned.bot), "bot {} leaves twice", planned.bot);
            assert!(planned.bot < 500 + number as u32, "bot {} is not there yet", planned.bot);
            assert_eq!(plan.bots[planned.bot as usize].departure, Some(planned.departure));
            if let Some(joined) = planned.bot.checked_sub(500) {
                let joined_at = plan.departures[joined as usize].at;
                assert!(planned.at >= joined_at + PLAYS_AT_LEAST);
            }
        }
        assert_eq!(plan.departures_by_kind().len(), Departure::ALL.len(), "every kind occurs");
        assert_eq!(plan.departures_by_kind().values().sum::<u64>(), 1000);
        let survivors = plan.bots.iter().filter(|bot| bot.departure.is_none()).count();
        assert_eq!(survivors, 500, "as many stay as there were");
    }

    #[test]
    fn without_churn_nobody_leaves_and_impossible_churn_is_cut() {
        let calm = Plan::new(&PlanConfig { churn_per_second: 0.0, ..config(1) });
        assert!(calm.departures.is_empty());
        let wild = Plan::new(&PlanConfig { bots: 1, churn_per_second: 1000.0, ..config(1) });
        assert!(wild.departures.len() <= 41, "one bot can leave twice a second at most");
        assert!(!wild.departures.is_empty());
    }
}
