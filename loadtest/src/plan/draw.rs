//! Drawing a plan: what is due when, and who it happens to.
//!
//! Part of [`plan`](super): scenario -> what is due when -> **who it happens to** -> what can be
//! done here -> plan. It is drawn as if everything could be done here; see
//! [`left_out`].

use std::{collections::BTreeMap, time::Duration};

use gamekeeper_bot::{
    departure::{Departure, PlayerState},
    dice::{Dice, Purpose},
    fleet::{BotPlan, Comeback},
    manner::Manner,
    transport::TransportMix,
};

use super::{
    PLAYS_AT_LEAST, Plan, PlannedDeparture, Step, comebacks, left_out,
    playing::{Playing, Stay},
};
use crate::scenario::{Fault, Mass, Resume, Scenario, Stage, values::Span};

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

/// All that was drawn, whether or not it can be done here.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// Nothing is noted in it yet of what is left out, for want of means or of somebody.
    pub(super) plan: Plan,
    /// Who joins when a bot leaves for good, by the bot that leaves.
    pub(super) replaced_by: BTreeMap<u32, u32>,
    /// Departures for which nobody was there.
    pub(super) unplaced: BTreeMap<(Departure, PlayerState), u64>,
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
    /// There is one less, in the stage with this index.
    Shrink { stage: usize },
}

/// Random numbers of one fault, mass event or stage.
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

/// Draws everything.
pub(super) fn draw(scenario: &Scenario, seed: u64) -> Drawn {
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
    let mut draft = Draft::new(scenario);
    let mut faults = streams(0, scenario.faults.len());
    let mut masses = streams(STREAMS_OF_MASSES, scenario.masses.len());
    let mut stages = streams(STREAMS_OF_STAGES, scenario.stages.len());
    for Due { at, what } in due {
        match what {
            What::Fault { index, departure, state, resume } => {
                draft.fault(at, departure, state, resume, &mut faults[index]);
            }
            What::Mass { index, mass } => draft.mass(index, mass, &mut masses[index]),
            What::Grow => {
                draft.join(at);
            }
            What::Shrink { stage } => draft.shrink(at, &mut stages[stage]),
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
    let Span { from, to } = fault.span(scenario.duration());
    let length = to - from;
    let rate = fault.rate.per_second(scenario.bots);
    let count = fault.count(scenario.bots, scenario.duration());
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
    for (index, stage) in stages.iter().enumerate() {
        let count = stage.to.abs_diff(bots);
        for number in 0..count {
            let at = start + stage.takes.mul_f64(f64::from(number) / f64::from(count));
            let what = if stage.to > bots { What::Grow } else { What::Shrink { stage: index } };
            due.push(Due { at, what });
        }
        bots = stage.to;
        start += stage.takes;
    }
    due
}

/// A plan in the making.
#[derive(Default)]
struct Draft {
    drawn: Drawn,
    playing: Playing,
    transport: TransportMix,
}

/// What is to follow a departure.
struct Following<'a> {
    resume: &'a Resume,
    /// Whether a new bot joins if the old one does not come back.
    is_replaced: bool,
    mass: Option<usize>,
}

impl Draft {
    fn new(scenario: &Scenario) -> Self {
        let mut draft = Self { transport: scenario.transport, ..Self::default() };
        let controls = scenario.controls.iter();
        let mut controls =
            controls.flat_map(|control| std::iter::repeat_n(control.manner, control.bots as usize));
        // The controls are spread among the others, so that they are not in rooms of their own.
        let (plain, all) = (u64::from(scenario.bots), u64::from(scenario.initial()));
        let mut placed = 0;
        for bot in 0..scenario.initial() {
            let wanted = (u64::from(bot) + 1) * plain / all;
            let manner = if wanted > placed { None } else { controls.next() };
            placed += u64::from(manner.is_none());
            let manner = manner.unwrap_or(Manner::Plain);
            let websocket = scenario.transport.is_web(bot);
            draft.drawn.plan.bots.push(BotPlan { manner, websocket, ..BotPlan::default() });
            if manner == Manner::Plain {
                draft.playing.add(Stay { bot, from: Duration::ZERO });
            }
        }
        draft.drawn.plan.initial = scenario.initial();
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
        if state == PlayerState::Lobby {
            let bot = self.next_bot();
            let planned =
                PlannedDeparture { at, bot, departure, state, comeback: None, mass: None };
            return self.drawn.plan.steps.push(Step::Leave(planned));
        }
        let Some(victim) = self.draw_victim(at, departure, state, stream) else { return };
        if state == PlayerState::ResumeWindow {
            return self.break_off(victim, at, departure, resume, stream);
        }
        let following = Following { resume, is_replaced: true, mass: None };
        self.leave(victim, at, departure, state, &following, stream);
    }

    fn mass(&mut self, index: usize, mass: &Mass, stream: &mut Stream) {
        let there = self.playing.stays().iter().filter(|stay| stay.from <= mass.at);
        let mut there: Vec<u32> = there.map(|stay| stay.bot).collect();
        for _ in 0..mass.amount.of(there.len()) {
            let bot = there.swap_remove(stream.victims.below(there.len() as u32) as usize);
            let is_web = self.drawn.plan.bots[bot as usize].websocket;
            let can = |departure: &Departure| is_web || !departure.needs_websocket();
            let first = mass.causes.draw(&mut stream.ways);
            let more = (0..DRAWS_MAX).map(|_| mass.causes.draw(&mut stream.ways));
            let departure = std::iter::once(first).chain(more).find(can).unwrap_or(first);
            let victim = self.playing.place_of(bot).expect("each of them leaves once");
            let following =
                Following { resume: &mass.resume, is_replaced: true, mass: Some(index) };
            self.leave(victim, mass.at, departure, PlayerState::Match, &following, stream);
        }
    }

    fn shrink(&mut self, at: Duration, stream: &mut Stream) {
        let (departure, state) = (Departure::Goodbye, PlayerState::Match);
        let Some(victim) = self.draw_victim(at, departure, state, stream) else { return };
        let following = Following { resume: &Resume::usual(0.0), is_replaced: false, mass: None };
        self.leave(victim, at, departure, state, &following, stream);
    }

    /// The number of one more bot.
    fn next_bot(&mut self) -> u32 {
        let bot = self.drawn.plan.bots.len() as u32;
        let websocket = self.transport.is_web(bot);
        self.drawn.plan.bots.push(BotPlan { websocket, ..BotPlan::default() });
        bot
    }

    fn join(&mut self, at: Duration) -> u32 {
        let bot = self.next_bot();
        self.drawn.plan.steps.push(Step::Join { at, bot });
        self.playing.add(Stay { bot, from: at + PLAYS_AT_LEAST });
        bot
    }

    /// Has somebody join in place of one that leaves for good.
    fn replace(&mut self, bot: u32, at: Duration) {
        let next = self.join(at);
        self.drawn.replaced_by.insert(bot, next);
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
        let bot = self.playing.take(victim).bot;
        let seat = departure.holds_seat(state);
        let comeback = comebacks::draw(departure, seat, following.resume, &mut stream.returns);
        let mass = following.mass;
        let planned = PlannedDeparture { at, bot, departure, state, comeback, mass };
        self.drawn.plan.steps.push(Step::Leave(planned));
        match comeback {
            Some(comeback) => {
                let back = at + comebacks::takes(departure, &comeback);
                self.playing.add(Stay { bot, from: back + PLAYS_AT_LEAST });
            }
            None if following.is_replaced => self.replace(bot, at),
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
        let bot = self.playing.take(victim).bot;
        let after = resume.after.at(stream.returns.fraction());
        let comeback = Some(Comeback { after, takes_over: false, plan: BotPlan::default() });
        let first = PlannedDeparture {
            at,
            bot,
            departure: BEFORE_THE_RESUME_WINDOW,
            state: PlayerState::Match,
            comeback,
            mass: None,
        };
        let state = PlayerState::ResumeWindow;
        let second =
            PlannedDeparture { at: at + after, bot, departure, state, comeback: None, mass: None };
        self.drawn.plan.steps.extend([first, second].map(Step::Leave));
        self.replace(bot, at);
    }

    /// The place of somebody who has played long enough, and can leave so; without such a one, that
    /// is noted.
    fn draw_victim(
        &mut self,
        at: Duration,
        departure: Departure,
        state: PlayerState,
        stream: &mut Stream,
    ) -> Option<usize> {
        let stays = self.playing.stays();
        let bots = &self.drawn.plan.bots;
        let can = |stay: &Stay| !departure.needs_websocket() || bots[stay.bot as usize].websocket;
        let place = (0..DRAWS_MAX)
            .map(|_| stream.victims.below(stays.len() as u32) as usize)
            .find(|place| stays.get(*place).is_some_and(|stay| stay.from <= at && can(stay)));
        if place.is_none() {
            *self.drawn.unplaced.entry((departure, state)).or_default() += 1;
        }
        place
    }

    fn finish(mut self, scenario: &Scenario, dice: &mut Dice) -> Drawn {
        // Only what follows a departure may be out of order so far. Bots keep the order in which
        // they join.
        let plan = &mut self.drawn.plan;
        plan.steps.sort_by_key(Step::at);
        left_out::foretell(plan);
        plan.frauds = comebacks::frauds(plan, self.playing.stays(), scenario.duration(), dice);
        self.drawn
    }
}
