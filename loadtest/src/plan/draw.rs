//! Drawing a plan: what is due when, and who it happens to.
//!
//! Part of [`plan`](super): scenario -> what is due when -> **who it happens to** -> plan.

use std::time::Duration;

use gamekeeper_bot::{
    departure::{Departure, PlayerState},
    dice::{Dice, Purpose},
    fleet::{BotPlan, Comeback},
    manner::Manner,
};

use super::{Means, PLAYS_AT_LEAST, Plan, PlannedDeparture, Step, comebacks};
use crate::scenario::{Fault, Mass, Resume, Scenario, Stage};

/// How often a victim is drawn before a departure is dropped for want of one.
const DRAWS_MAX: u32 = 64;

/// The streams of random numbers of the mass events come behind those of so many faults.
const STREAMS_OF_MASSES: u32 = 1 << 16;

/// And those of the stages behind those of so many mass events.
const STREAMS_OF_STAGES: u32 = 2 << 16;

/// The stream of the bad tickets.
const STREAM_OF_FRAUDS: u32 = 3 << 16;

/// How somebody leaves that is to break off its return: as if its machine had gone away.
const BEFORE_THE_RESUME_WINDOW: Departure = Departure::Reset;

/// A bot that plays, from its joining or its return on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    pub(super) bot: u32,
    /// From when on it is surely there, and may be drawn.
    pub(super) from: Duration,
    /// The step of the departure from which it has come back.
    since: Option<usize>,
}

/// Something that is due at a moment.
struct Due<'a> {
    at: Duration,
    what: What<'a>,
}

enum What<'a> {
    /// Somebody leaves, of the fault with this index.
    Fault { index: usize, departure: Departure, state: PlayerState, resume: &'a Resume },
    /// Many leave, of the mass event with this index.
    Mass { index: usize, mass: &'a Mass },
    /// There is one more bot.
    Grow,
    /// There is one less.
    Shrink,
}

/// Random numbers of one fault, mass event or of the stages.
struct Stream {
    victims: Dice,
    returns: Dice,
    ways: Dice,
}

impl Stream {
    fn new(seed: u64, number: u32) -> Self {
        let dice = |purpose| Dice::new(seed, number, purpose);
        Self {
            victims: dice(Purpose::Victim),
            returns: dice(Purpose::Return),
            ways: dice(Purpose::Plan),
        }
    }
}

/// Makes the plan.
pub(super) fn plan(scenario: &Scenario, seed: u64, means: &Means) -> Plan {
    let mut due = Vec::new();
    for (index, fault) in scenario.faults.iter().enumerate() {
        due.extend(departures_of(scenario, index, fault, seed));
    }
    for (index, mass) in scenario.masses.iter().enumerate() {
        due.push(Due { at: mass.at, what: What::Mass { index, mass } });
    }
    due.extend(changes(scenario.bots, &scenario.stages));
    // Whoever is due at the same moment stays in this order.
    due.sort_by_key(|due| due.at);
    let streams = |first: u32, count: usize| -> Vec<Stream> {
        (first..).take(count).map(|number| Stream::new(seed, number)).collect()
    };
    let mut draft = Draft::new(scenario, means);
    let mut faults = streams(0, scenario.faults.len());
    let mut masses = streams(STREAMS_OF_MASSES, scenario.masses.len());
    let mut stages = Stream::new(seed, STREAMS_OF_STAGES);
    for Due { at, what } in due {
        match what {
            What::Fault { index, departure, state, resume } => {
                draft.fault(at, departure, state, resume, &mut faults[index]);
            }
            What::Mass { index, mass } => draft.mass(index, mass, &mut masses[index]),
            What::Grow => draft.join(at),
            What::Shrink => draft.shrink(at, &mut stages),
        }
    }
    draft.finish(scenario, &mut Dice::new(seed, STREAM_OF_FRAUDS, Purpose::Return))
}

/// When which departures of a fault are due.
fn departures_of<'a>(
    scenario: &Scenario,
    index: usize,
    fault: &'a Fault,
    seed: u64,
) -> impl Iterator<Item = Due<'a>> {
    let number = u32::try_from(index).expect("a file does not hold so many faults");
    let mut dice = Dice::new(seed, number, Purpose::Plan);
    let (from, length) = match fault.during {
        Some(span) => (span.from, span.length()),
        None => (Duration::ZERO, scenario.duration()),
    };
    let rate = fault.rate.per_second(scenario.bots);
    let count = (length.as_secs_f64() * rate).floor() as u64;
    (0..count).map(move |number| {
        // Each departure has its own slot of time and a random place within it: neither a beat
        // that the server's ticks could fall in step with, nor an accidental burst.
        let slot = number as f64 + dice.fraction();
        let at = from + Duration::from_secs_f64(slot / rate).min(length);
        let departure = fault.causes.draw(&mut dice);
        let state = fault.states[dice.below(fault.states.len() as u32) as usize];
        Due { at, what: What::Fault { index, departure, state, resume: &fault.resume } }
    })
}

/// When there is one bot more or less.
fn changes(mut bots: u32, stages: &[Stage]) -> Vec<Due<'static>> {
    let mut due = Vec::new();
    let mut start = Duration::ZERO;
    for stage in stages {
        let count = stage.to.abs_diff(bots);
        for number in 0..count {
            let at = start + stage.takes.mul_f64(f64::from(number) / f64::from(count));
            let what = if stage.to > bots { What::Grow } else { What::Shrink };
            due.push(Due { at, what });
        }
        bots = stage.to;
        start += stage.takes;
    }
    due
}

/// A plan in the making.
struct Draft<'a> {
    plan: Plan,
    playing: Vec<Stay>,
    means: &'a Means,
}

/// What is to follow a departure.
struct Following<'a> {
    resume: &'a Resume,
    /// Whether a new bot joins if the old one does not come back.
    is_replaced: bool,
    mass: Option<usize>,
}

impl<'a> Draft<'a> {
    fn new(scenario: &Scenario, means: &'a Means) -> Self {
        let mut draft = Self { plan: Plan::default(), playing: Vec::new(), means };
        let mut controls = Vec::new();
        for control in &scenario.controls {
            match draft.means.why_no(control.manner) {
                Some(why) => {
                    let left_out = draft.plan.controls_not_run.entry(control.manner);
                    left_out.or_insert((0, why)).0 += u64::from(control.bots);
                }
                None => controls.extend(std::iter::repeat_n(control.manner, control.bots as usize)),
            }
        }
        // The controls are spread among the others, so that they are not in rooms of their own.
        let (plain, all) = (scenario.bots as usize, scenario.bots as usize + controls.len());
        let mut controls = controls.into_iter();
        let mut placed = 0;
        for bot in 0..all {
            let wanted = (bot + 1) * plain / all;
            let manner = if wanted > placed { None } else { controls.next() };
            placed += usize::from(manner.is_none());
            let number = draft.plan.bots.len() as u32;
            let manner = manner.unwrap_or(Manner::Plain);
            draft.plan.bots.push(BotPlan { manner, ..BotPlan::default() });
            if manner == Manner::Plain {
                draft.playing.push(Stay { bot: number, from: Duration::ZERO, since: None });
            }
        }
        draft.plan.initial = draft.plan.bots.len() as u32;
        draft
    }

    fn fault(
        &mut self,
        at: Duration,
        departure: Departure,
        state: PlayerState,
        resume: &Resume,
        stream: &mut Stream,
    ) {
        if !self.can(departure, state) {
            return;
        }
        if state == PlayerState::Lobby {
            let bot = self.plan.bots.len() as u32;
            self.plan.bots.push(BotPlan {
                departure: Some(departure),
                state,
                ..BotPlan::default()
            });
            let planned =
                PlannedDeparture { at, bot, departure, state, comeback: None, mass: None };
            return self.plan.steps.push(Step::Leave(planned));
        }
        let Some(victim) = self.draw_victim(at, &mut stream.victims) else {
            self.plan.unplaced += 1;
            return;
        };
        if state == PlayerState::ResumeWindow {
            return self.break_off(victim, at, departure, resume, stream);
        }
        let following = Following { resume, is_replaced: true, mass: None };
        self.leave(victim, at, departure, state, &following, stream);
    }

    fn mass(&mut self, index: usize, mass: &Mass, stream: &mut Stream) {
        let mut there: Vec<u32> =
            self.playing.iter().filter(|stay| stay.from <= mass.at).map(|stay| stay.bot).collect();
        for _ in 0..mass.amount.of(there.len()) {
            let bot = there.swap_remove(stream.victims.below(there.len() as u32) as usize);
            let departure = mass.causes.draw(&mut stream.ways);
            let place = self.playing.iter().position(|stay| stay.bot == bot);
            let (Some(victim), true) = (place, self.can(departure, PlayerState::Match)) else {
                continue;
            };
            let following =
                Following { resume: &mass.resume, is_replaced: true, mass: Some(index) };
            self.leave(victim, mass.at, departure, PlayerState::Match, &following, stream);
        }
    }

    fn shrink(&mut self, at: Duration, stream: &mut Stream) {
        match self.draw_victim(at, &mut stream.victims) {
            Some(victim) => {
                let following =
                    Following { resume: &Resume::usual(0.0), is_replaced: false, mass: None };
                let (departure, state) = (Departure::Goodbye, PlayerState::Match);
                self.leave(victim, at, departure, state, &following, stream);
            }
            None => self.plan.unplaced += 1,
        }
    }

    fn join(&mut self, at: Duration) {
        let bot = self.plan.bots.len() as u32;
        self.plan.bots.push(BotPlan::default());
        self.plan.steps.push(Step::Join { at, bot });
        self.playing.push(Stay { bot, from: at + PLAYS_AT_LEAST, since: None });
    }

    /// Plans a departure and what follows.
    fn leave(
        &mut self,
        victim: usize,
        at: Duration,
        departure: Departure,
        state: PlayerState,
        following: &Following<'_>,
        stream: &mut Stream,
    ) {
        let stay = self.playing.swap_remove(victim);
        self.know(stay, departure, state);
        let seat = departure.holds_seat(state);
        let comeback = comebacks::draw(departure, seat, following.resume, &mut stream.returns);
        let (bot, mass) = (stay.bot, following.mass);
        let planned = PlannedDeparture { at, bot, departure, state, comeback, mass };
        self.plan.steps.push(Step::Leave(planned));
        match comeback {
            Some(comeback) => {
                let back = at + comebacks::takes(departure, &comeback);
                let since = Some(self.plan.steps.len() - 1);
                self.playing.push(Stay { bot, from: back + PLAYS_AT_LEAST, since });
            }
            None if following.is_replaced => self.join(at),
            None => {}
        }
    }

    /// Plans a departure, a return, and a departure before that is complete.
    fn break_off(
        &mut self,
        victim: usize,
        at: Duration,
        departure: Departure,
        resume: &Resume,
        stream: &mut Stream,
    ) {
        let stay = self.playing.swap_remove(victim);
        let before = BEFORE_THE_RESUME_WINDOW;
        self.know(stay, before, PlayerState::Match);
        let after = resume.after.at(stream.returns.fraction());
        let state = PlayerState::ResumeWindow;
        let plan = BotPlan { departure: Some(departure), state, ..BotPlan::default() };
        let comeback = Some(Comeback { after, takes_over: false, plan });
        let (bot, mass) = (stay.bot, None);
        let first = PlannedDeparture {
            at,
            bot,
            departure: before,
            state: PlayerState::Match,
            comeback,
            mass,
        };
        let second =
            PlannedDeparture { at: at + after, bot, departure, state, comeback: None, mass };
        self.plan.steps.extend([first, second].map(Step::Leave));
        self.join(at);
    }

    /// Notes how somebody will leave in what is known of it before it connects.
    fn know(&mut self, stay: Stay, departure: Departure, state: PlayerState) {
        let since = stay.since.and_then(|step| match &mut self.plan.steps[step] {
            Step::Leave(planned) => planned.comeback.as_mut(),
            Step::Join { .. } => None,
        });
        let plan = match since {
            Some(comeback) => &mut comeback.plan,
            None => &mut self.plan.bots[stay.bot as usize],
        };
        (plan.departure, plan.state) = (Some(departure), state);
    }

    /// Whether this can be done here; if not, it is noted.
    fn can(&mut self, departure: Departure, state: PlayerState) -> bool {
        let Some(why) = self.means.why_not(departure, state) else { return true };
        self.plan.not_run.entry(departure).or_insert((0, why)).0 += 1;
        false
    }

    /// The index of somebody who has played long enough.
    fn draw_victim(&self, at: Duration, dice: &mut Dice) -> Option<usize> {
        (0..DRAWS_MAX)
            .map(|_| dice.below(self.playing.len() as u32) as usize)
            .find(|index| self.playing.get(*index).is_some_and(|stay| stay.from <= at))
    }

    fn finish(mut self, scenario: &Scenario, dice: &mut Dice) -> Plan {
        let duration = scenario.duration();
        self.plan.frauds = comebacks::frauds(&self.plan, &self.playing, duration, dice);
        // Only what follows a departure may be out of order so far. Bots keep the order in which
        // they join.
        self.plan.steps.sort_by_key(Step::at);
        self.plan
    }
}
