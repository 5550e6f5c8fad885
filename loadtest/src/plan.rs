//! Who joins, who leaves when and how, and who comes back: a pure function of the options and the
//! seed.
//!
//! The plan is an open model: departures have their planned times, whatever the server does. A
//! slow server does not get fewer of them. Outcomes are not deterministic, because the kernel and
//! the machine have a say; the plan is, and that is what makes a finding worth replaying.

mod comebacks;

use std::{collections::BTreeMap, time::Duration};

use gamekeeper_bot::{
    departure::Departure,
    dice::{Dice, Purpose},
    fleet::{BotPlan, Comeback, TicketFault},
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
    /// Departures per second; each is followed by a join or a return.
    pub churn_per_second: f64,
    /// In which ways.
    pub mix: DepartureMix,
    /// Of the departures that lose a connection and not a seat, the share that is followed by a
    /// return, from 0 to 1.
    pub resume_share: f64,
    /// Everything drawn is a function of this.
    pub seed: u64,
}

/// A departure, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedDeparture {
    /// When, from the start of the run phase.
    pub at: Duration,
    /// Who: the number of the bot, which is also the order of spawning.
    pub bot: u32,
    /// How.
    pub departure: Departure,
    /// How the bot comes back. If it does not, a new one joins when it leaves.
    pub comeback: Option<Comeback>,
}

/// A bad ticket that is shown to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedFraud {
    /// From when on, from the start of the run phase: as soon as the ticket is bad.
    pub from: Duration,
    /// The bot that has, or has had, the ticket.
    pub bot: u32,
    /// What is wrong with it.
    pub fault: TicketFault,
    /// Whether it becomes bad only when a held seat is given up.
    pub awaits_window: bool,
}

/// Who joins, who leaves, who comes back, and who tries to without right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Every bot of the run by its number: first those that are there from the beginning, then the
    /// replacements in the order of the departures after which nobody comes back.
    pub bots: Vec<BotPlan>,
    /// How many are there from the beginning.
    pub initial: u32,
    /// In the order of time.
    pub departures: Vec<PlannedDeparture>,
    /// Departures that were asked for and for which nobody was there.
    pub unplaced: u64,
    /// In the order of time.
    pub frauds: Vec<PlannedFraud>,
}

/// A bot that plays, from its joining or its return on.
#[derive(Clone, Copy, Debug)]
struct Stay {
    bot: u32,
    /// From when on it is surely there, and may be drawn.
    from: Duration,
    /// The departure from which it has come back.
    since: Option<usize>,
}

impl Plan {
    /// Makes the plan.
    pub fn new(config: &PlanConfig) -> Self {
        // Three dice, so that with the same seed bots leave at the same times in the same ways,
        // however many come back.
        let [mut dice, mut victim_dice, mut return_dice] =
            [Purpose::Plan, Purpose::Victim, Purpose::Return]
                .map(|purpose| Dice::new(config.seed, 0, purpose));
        let count = (config.duration.as_secs_f64() * config.churn_per_second).floor() as u32;
        let mut plan = Self {
            bots: vec![BotPlan::default(); config.bots as usize],
            initial: config.bots,
            departures: Vec::with_capacity(count as usize),
            unplaced: 0,
            frauds: Vec::new(),
        };
        let first = |bot| Stay { bot, from: Duration::ZERO, since: None };
        let mut playing: Vec<Stay> = (0..config.bots).map(first).collect();
        for number in 0..count {
            // Each departure has its own slot of time and a random place within it: neither a
            // beat that the server's ticks could fall in step with, nor an accidental burst.
            let slot = f64::from(number) + dice.fraction();
            let at = Duration::from_secs_f64(slot / config.churn_per_second);
            let departure = config.mix.draw(&mut dice);
            let Some(victim) = draw_victim(&playing, at, &mut victim_dice) else {
                plan.unplaced += 1;
                continue;
            };
            let comeback = comebacks::draw(departure, config.resume_share, &mut return_dice);
            playing[victim] = plan.leave(playing[victim], at, departure, comeback);
        }
        plan.frauds = comebacks::frauds(&plan, &playing, config.duration, &mut return_dice);
        plan
    }

    /// Plans a departure and what follows; returns who plays then.
    fn leave(
        &mut self,
        stay: Stay,
        at: Duration,
        departure: Departure,
        comeback: Option<Comeback>,
    ) -> Stay {
        let bot = stay.bot;
        let earlier = stay.since.and_then(|index| self.departures[index].comeback.as_mut());
        let plan = earlier.map_or(&mut self.bots[bot as usize], |comeback| &mut comeback.plan);
        plan.departure = Some(departure);
        self.departures.push(PlannedDeparture { at, bot, departure, comeback });
        if let Some(comeback) = comeback {
            let back = at + comebacks::takes(departure, &comeback);
            let since = Some(self.departures.len() - 1);
            return Stay { bot, from: back + PLAYS_AT_LEAST, since };
        }
        let replacement = self.bots.len() as u32;
        self.bots.push(BotPlan::default());
        Stay { bot: replacement, from: at + PLAYS_AT_LEAST, since: None }
    }

    /// How many connections there may be at the same time: those of bots that the server has not
    /// let go yet, of bots that take over from themselves and of bad tickets are there as well.
    pub fn connections_max(&self) -> u32 {
        let bots = self.bots.len().min(2 * self.initial as usize);
        let more = self.returns() as usize + self.frauds.len();
        u32::try_from(bots + more).unwrap_or(u32::MAX)
    }

    /// How many bots are to come back to their seat.
    pub fn returns(&self) -> u64 {
        self.departures.iter().filter(|planned| planned.comeback.is_some()).count() as u64
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
fn draw_victim(playing: &[Stay], at: Duration, dice: &mut Dice) -> Option<usize> {
    (0..DRAWS_MAX)
        .map(|_| dice.below(playing.len() as u32) as usize)
        .find(|index| playing.get(*index).is_some_and(|stay| stay.from <= at))
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
            resume_share: 0.25,
            seed,
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        assert_eq!(Plan::new(&config(1)), Plan::new(&config(1)));
        let other = Plan::new(&config(2));
        assert_ne!(Plan::new(&config(1)).departures, other.departures);
        assert_ne!(Plan::new(&config(1)).frauds, other.frauds);
    }

    /// Each bot leaves only when it is there, in the way that its plan says, and is replaced unless
    /// it comes back.
    #[test]
    fn every_departure_is_possible_and_followed_by_somebody() {
        let plan = Plan::new(&config(1));
        assert_eq!(plan.departures.len(), 1000);
        assert!(plan.departures.is_sorted_by_key(|planned| planned.at));
        // The plan of each bot's present connection, and from when on it is surely there.
        let mut there: Vec<Option<(BotPlan, Duration)>> =
            plan.bots[..500].iter().map(|bot| Some((*bot, Duration::ZERO))).collect();
        for planned in &plan.departures {
            assert!(planned.at < Duration::from_secs(20));
            let bot = planned.bot as usize;
            let (known, from) = there[bot].take().expect("it is there");
            assert_eq!(known.departure, Some(planned.departure));
            assert!(planned.at >= from, "bot {bot} is not there yet");
            match planned.comeback {
                Some(comeback) => {
                    assert!(planned.departure.holds_seat());
                    let back = planned.at + comeback.after + PLAYS_AT_LEAST;
                    there[bot] = Some((comeback.plan, back));
                }
                None => {
                    there.push(Some((plan.bots[there.len()], planned.at + PLAYS_AT_LEAST)));
                }
            }
        }
        assert_eq!(there.len(), plan.bots.len());
        assert_eq!(there.len() as u64, 1500 - plan.returns());
        let stay: Vec<BotPlan> = there.into_iter().flatten().map(|(known, _)| known).collect();
        assert_eq!(stay.len(), 500, "as many stay as there were");
        assert!(stay.iter().all(|known| known.departure.is_none()));
        assert_eq!(plan.departures_by_kind().len(), Departure::ALL.len(), "every kind occurs");
        assert_eq!(plan.departures_by_kind().values().sum::<u64>(), 1000);
    }

    #[test]
    fn without_churn_nobody_leaves_and_impossible_churn_is_cut() {
        let calm = Plan::new(&PlanConfig { churn_per_second: 0.0, ..config(1) });
        assert!(calm.departures.is_empty() && calm.frauds.is_empty());
        let wild = Plan::new(&PlanConfig { bots: 1, churn_per_second: 1000.0, ..config(1) });
        assert!(wild.departures.len() <= 41, "one bot can leave twice a second at most");
        assert!(!wild.departures.is_empty());
        assert_eq!(wild.departures.len() as u64 + wild.unplaced, 20_000);
        assert_eq!((calm.unplaced, Plan::new(&config(1)).unplaced), (0, 0));
    }
}
