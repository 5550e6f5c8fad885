//! Who joins, who leaves when and how, and who comes back: a pure function of the scenario, the
//! seed, and what can be done here at all.
//!
//! Data flow: [`Scenario`] + seed + [`Means`] -> **`Plan`** -> run. The plan is an open model:
//! departures have their planned times, whatever the server does. A slow server does not get fewer
//! of them. Outcomes are not deterministic, because the kernel and the machine have a say; the plan
//! is, and that is what makes a finding worth replaying.
//!
//! Each fault, mass event and stage of a scenario has streams of random numbers of its own, so that
//! one more of them does not change when and how the others happen; who it happens to may change.
//! What cannot be done here is drawn all the same, and left out at the end.

mod comebacks;
mod draw;
mod expected;
mod left_out;
pub mod lines;
mod means;
mod playing;
#[cfg(test)]
mod tests;

pub use expected::Expected;
pub use means::Means;

use std::{collections::BTreeMap, time::Duration};

use gamekeeper_bot::{
    departure::{Departure, PlayerState},
    fleet::{BotPlan, Comeback, TicketFault},
    manner::Manner,
};

use crate::scenario::Scenario;

/// A bot plays at least this long before it leaves, so that it has surely joined.
const PLAYS_AT_LEAST: Duration = Duration::from_millis(500);

/// A departure, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedDeparture {
    /// When, from the start of the run phase.
    pub at: Duration,
    /// Who: the number of the bot, which is also the order of spawning.
    pub bot: u32,
    /// How.
    pub departure: Departure,
    /// Where the bot stands then. In the lobby it is one that comes for this alone; in the resume
    /// window it does so by itself, as soon as it is back from its departure before.
    pub state: PlayerState,
    /// How the bot comes back, if it does.
    pub comeback: Option<Comeback>,
    /// Which of the scenario's mass events it belongs to, if any.
    pub mass: Option<usize>,
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

/// What is to be done at a moment of the run phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A bot joins: its number.
    Join {
        /// When.
        at: Duration,
        /// Who.
        bot: u32,
    },
    /// A bot leaves.
    Leave(PlannedDeparture),
}

impl Step {
    /// When, from the start of the run phase.
    pub fn at(&self) -> Duration {
        match self {
            Self::Join { at, .. } => *at,
            Self::Leave(planned) => planned.at,
        }
    }
}

/// Who joins, who leaves, who comes back, and who tries to without right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every bot of the run by its number, which is the order in which they come: first those that
    /// are there from the beginning.
    pub bots: Vec<BotPlan>,
    /// How many are there from the beginning.
    pub initial: u32,
    /// In the order of time.
    pub steps: Vec<Step>,
    /// Departures that were asked for and for which nobody was there.
    pub unplaced: u64,
    /// In the order of time.
    pub frauds: Vec<PlannedFraud>,
    /// Departures that are left out because they cannot be carried out here: how many, and why.
    pub not_run: BTreeMap<Departure, (u64, String)>,
    /// The same of the controls.
    pub controls_not_run: BTreeMap<Manner, (u64, String)>,
}

impl Plan {
    /// Makes the plan.
    pub fn new(scenario: &Scenario, seed: u64, means: &Means) -> Self {
        left_out::leave_out(draw::draw(scenario, seed), means)
    }

    /// The departures, in the order of time.
    pub fn departures(&self) -> impl Iterator<Item = &PlannedDeparture> {
        self.steps.iter().filter_map(|step| match step {
            Step::Leave(planned) => Some(planned),
            Step::Join { .. } => None,
        })
    }

    /// How many connections there may be at the same time, where `most` bots are to play at any
    /// time: those of bots that the server has not let go yet, of bots that take over from
    /// themselves and of bad tickets are there as well, but not of the whole run at once.
    pub fn connections_max(&self, most: u32) -> u32 {
        let most = most as usize;
        let bots = self.bots.len().min(2 * most);
        let more = (self.returns() as usize + self.frauds.len()).min(most);
        u32::try_from(bots + more).unwrap_or(u32::MAX)
    }

    /// How many departures there are.
    pub fn departures_count(&self) -> u64 {
        self.departures().count() as u64
    }

    /// How many bots are to come back to their seat, and to stay there for a while.
    pub fn returns(&self) -> u64 {
        self.departures().filter(|planned| planned.returns_to_play()).count() as u64
    }

    /// How many bots ask for a seat.
    pub fn players(&self) -> u64 {
        let asks = |bot: &&BotPlan| bot.state != PlayerState::Lobby;
        self.bots.iter().filter(asks).count() as u64
    }

    /// How many departures of each kind are planned.
    pub fn departures_by_kind(&self) -> BTreeMap<(Departure, PlayerState), u64> {
        let mut counts = BTreeMap::new();
        for planned in self.departures() {
            *counts.entry((planned.departure, planned.state)).or_default() += 1;
        }
        counts
    }

    /// How many controls of each manner there are.
    pub fn controls_by_manner(&self) -> BTreeMap<Manner, u64> {
        let mut counts = BTreeMap::new();
        for bot in self.bots.iter().filter(|bot| bot.manner != Manner::Plain) {
            *counts.entry(bot.manner).or_default() += 1;
        }
        counts
    }
}

impl PlannedDeparture {
    /// Whether the bot comes back, and not only to leave again before it has its seat.
    pub fn returns_to_play(&self) -> bool {
        self.comeback.is_some_and(|comeback| comeback.plan.state != PlayerState::ResumeWindow)
    }
}
