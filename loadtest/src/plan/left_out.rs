//! Leaving out of a plan what cannot be done here.
//!
//! Part of [`plan`](super): scenario -> all that is drawn -> **what can be done here** -> plan. The
//! draw knows nothing of what is possible, so that it is the same on every machine; this draws
//! nothing. Whoever cannot leave in its way stays, and plays the part of the bot that would have
//! come in its place: what that one does later happens at the same time and in the same way, to
//! the bot that has stayed. So only the numbers of bots differ, because bots are numbered in the
//! order in which they come, without gaps.

use std::{collections::BTreeSet, time::Duration};

use gamekeeper_bot::{
    departure::{Departure, PlayerState},
    fleet::{BotPlan, TicketFault},
    manner::Manner,
};

use super::{Means, Plan, PlannedDeparture, Step, draw::Drawn};

/// The plan of all that was drawn and that can be done here.
pub(super) fn leave_out(drawn: Drawn, means: &Means) -> Plan {
    let mut sieve = Sieve::new(drawn, means);
    sieve.controls();
    sieve.nobody_there();
    let steps = std::mem::take(&mut sieve.drawn.plan.steps);
    let steps = steps.into_iter().filter(|step| sieve.keeps(step)).collect();
    sieve.drawn.plan.steps = steps;
    sieve.finish()
}

/// Tells each bot before it connects how it will leave that connection, which is what the steps
/// say.
pub(super) fn foretell(plan: &mut Plan) {
    for bot in &mut plan.bots {
        *bot = BotPlan { manner: bot.manner, websocket: bot.websocket, ..BotPlan::default() };
    }
    // Of each bot, the step of its last departure so far.
    let mut since: Vec<Option<usize>> = vec![None; plan.bots.len()];
    for index in 0..plan.steps.len() {
        let Step::Leave(planned) = &mut plan.steps[index] else { continue };
        let PlannedDeparture { bot, departure, state, .. } = *planned;
        if let Some(comeback) = &mut planned.comeback {
            let websocket = plan.bots[bot as usize].websocket;
            comeback.plan = BotPlan { websocket, ..BotPlan::default() };
        }
        let known = match since[bot as usize].replace(index) {
            None => Some(&mut plan.bots[bot as usize]),
            Some(before) => match &mut plan.steps[before] {
                Step::Leave(before) => before.comeback.as_mut().map(|comeback| &mut comeback.plan),
                Step::Join { .. } => None,
            },
        };
        let known = known.expect("who leaves again was there from the beginning or came back");
        (known.departure, known.state) = (Some(departure), state);
    }
}

/// Goes over what was drawn, in the order of time.
struct Sieve<'a> {
    drawn: Drawn,
    means: &'a Means,
    /// Whose part each bot that was drawn plays: its own, or that of one that has stayed.
    plays: Vec<u32>,
    /// Whether a bot that was drawn comes at all.
    comes: Vec<bool>,
    /// Departures that are left out, by the bot that was drawn.
    left_out: BTreeSet<(u32, Duration)>,
}

impl<'a> Sieve<'a> {
    fn new(drawn: Drawn, means: &'a Means) -> Self {
        let count = drawn.plan.bots.len();
        let plays = (0..).take(count).collect();
        Self { drawn, means, plays, comes: vec![true; count], left_out: BTreeSet::new() }
    }

    /// Has an ordinary bot play where a control cannot be what it should.
    fn controls(&mut self) {
        let Plan { bots, controls_not_run, .. } = &mut self.drawn.plan;
        for bot in bots.iter_mut().filter(|bot| bot.manner != Manner::Plain) {
            if let Some(why) = self.means.why_no(bot.manner) {
                controls_not_run.entry(bot.manner).or_insert((0, why)).0 += 1;
                bot.manner = Manner::Plain;
            }
        }
    }

    /// Counts departures for which nobody was there.
    fn nobody_there(&mut self) {
        let any_web = self.drawn.plan.bots.iter().any(|bot| bot.websocket);
        for ((departure, state), count) in std::mem::take(&mut self.drawn.unplaced) {
            match self.means.why_not(departure, state, any_web) {
                Some(why) => self.note(departure, why, count),
                None => self.drawn.plan.unplaced += count,
            }
        }
    }

    /// Whether a step is part of the plan here; if not, whoever would have left stays.
    fn keeps(&mut self, step: &Step) -> bool {
        let planned = match step {
            Step::Join { bot, .. } => return self.comes[*bot as usize],
            Step::Leave(planned) => planned,
        };
        let PlannedDeparture { at, bot, departure, state, comeback, .. } = *planned;
        let websocket = self.drawn.plan.bots[self.plays[bot as usize] as usize].websocket;
        let why_not = self.means.why_not(departure, state, websocket);
        // Nor does anybody lose its connection only to do on the way back what cannot be done.
        let then = comeback.filter(|_| !planned.returns_to_play());
        let then = then.and_then(|comeback| comeback.plan.departure);
        let in_vain = then.is_some_and(|departure| {
            self.means.why_not(departure, PlayerState::ResumeWindow, websocket).is_some()
        });
        if why_not.is_none() && !in_vain {
            return true;
        }
        if let Some(why) = why_not {
            self.note(departure, why, 1);
        }
        self.left_out.insert((bot, at));
        if state == PlayerState::Lobby {
            self.comes[bot as usize] = false;
        } else if let Some(next) =
            self.drawn.replaced_by.get(&bot).filter(|_| !planned.returns_to_play())
        {
            self.comes[*next as usize] = false;
            self.plays[*next as usize] = self.plays[bot as usize];
        }
        false
    }

    fn note(&mut self, departure: Departure, why: String, count: u64) {
        self.drawn.plan.not_run.entry(departure).or_insert((0, why)).0 += count;
    }

    /// Numbers those who come, in the order in which they come.
    fn finish(self) -> Plan {
        let Self { drawn: Drawn { mut plan, .. }, plays, comes, left_out, .. } = self;
        let mut next = 0;
        let numbers = comes.iter().map(|comes| {
            let number = next;
            next += u32::from(*comes);
            number
        });
        let numbers: Vec<u32> = numbers.collect();
        let number = |bot: u32| numbers[plays[bot as usize] as usize];
        let mut comes = comes.into_iter();
        plan.bots.retain(|_| comes.next().expect("as many as there are bots"));
        for step in &mut plan.steps {
            match step {
                Step::Join { bot, .. } => *bot = number(*bot),
                Step::Leave(planned) => planned.bot = number(planned.bot),
            }
        }
        // Tickets that a departure makes bad stay good without it.
        plan.frauds.retain(|fraud| match fraud.fault {
            TicketFault::Replayed | TicketFault::Expired => {
                !left_out.contains(&(fraud.bot, fraud.from))
            }
            TicketFault::Forged | TicketFault::Stale => true,
        });
        for fraud in &mut plan.frauds {
            fraud.bot = number(fraud.bot);
        }
        foretell(&mut plan);
        plan
    }
}
