//! The phases of a run.

use std::time::Duration;

use gamekeeper_bot::{clock::Moment, departure::Departure, fleet::BotId, machine};

use super::{Phase, Run, RunError};
use crate::{admin::ServerStats, ledger::Ledger, plan::PlannedDeparture};

/// Joining may take this long, and a second more for every [`JOINS_PER_SECOND`] bots.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// A server that lets in fewer than this many bots per second is too slow to wait for.
const JOINS_PER_SECOND: u32 = 200;

/// Time for the last snapshots and notices to arrive after the server has noticed everything.
const NEWS_TRAVEL: Duration = Duration::from_millis(300);

/// On top of the time in which departures are noticed: the returns and the bad tickets that come
/// after the last of them.
const COMPLETE_WITHIN: Duration = Duration::from_secs(5);

/// On top of the time for which a seat is held: a tick, and a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// How long the server may take to let everybody go and to become as it was before.
const QUIESCE_WITHIN: Duration = Duration::from_secs(10);

/// A short nap between two looks at a condition.
const NAP: Duration = Duration::from_millis(20);

impl Run<'_> {
    pub(super) fn all_phases(&mut self) -> Result<(), RunError> {
        self.join()?;
        self.play()?;
        self.settle()?;
        self.close()
    }

    /// Lets everybody in who is there from the beginning.
    fn join(&mut self) -> Result<(), RunError> {
        let initial = self.plan.initial;
        for plan in &self.plan.bots[..initial as usize] {
            self.fleet.spawn(*plan);
        }
        let deadline = Moment::now()
            + JOIN_WITHIN
            + Duration::from_secs(u64::from(initial / JOINS_PER_SECOND));
        loop {
            let playing = self.fleet.playing();
            // Whoever does not play and is still there is on the way.
            if playing == self.fleet.len() || Moment::now() >= deadline || self.is_halted() {
                break;
            }
            let done = playing as f64 / f64::from(initial);
            let nap = Moment::now() + NAP;
            while Moment::now() < nap {
                self.turn(nap, Phase::Join, done)?;
            }
        }
        self.evidence.ends.append(&mut self.fleet.take_ends());
        self.evidence.joined_at_start = self.fleet.playing() as u64;
        if self.evidence.joined_at_start == 0 && !self.is_halted() {
            let first = self.evidence.ends.first().map(|end| end.ended.to_string());
            let why = first.unwrap_or_else(|| "no answer in time".to_owned());
            return Err(RunError::Unreachable { why });
        }
        Ok(())
    }

    /// Departures at their planned times, each followed by a join or a return.
    fn play(&mut self) -> Result<(), RunError> {
        if self.is_halted() {
            return Ok(());
        }
        self.evidence.run_start = self.scrape_fresh(Phase::Run, 0.0)?.map(|scrape| scrape.stats);
        self.sample(Phase::Join, Moment::now());
        let own_cpu = machine::own_cpu_time();
        self.plan_frauds();
        let start = Moment::now();
        (self.started, self.sampled_at) = (start, start);
        self.evidence.run_began = start;
        let end = start + self.options.duration;
        let mut due = self.plan.departures.iter().peekable();
        let mut replacements = self.plan.initial as usize..;
        while !self.is_halted() {
            let now = Moment::now();
            if now >= end {
                break;
            }
            while let Some(planned) = due.next_if(|next| start + next.at <= now) {
                self.carry_out(planned, &mut replacements);
            }
            let next = due.peek().map_or(end, |next| start + next.at);
            let done = now.since(start).as_secs_f64() / self.options.duration.as_secs_f64();
            self.turn(next.min(end), Phase::Run, done)?;
            // Only the ledger is wanted here, and noted.
            let _ = self.scrape_in_passing();
        }
        self.evidence.run_time = Moment::now().since(start);
        self.evidence.own_cpu = machine::own_cpu_time().saturating_sub(own_cpu);
        self.sample(Phase::Run, Moment::now());
        self.evidence.run_end = self.scrape_fresh(Phase::Settle, 0.0)?.map(|scrape| scrape.stats);
        Ok(())
    }

    /// Sorts out the bad tickets that cannot be shown to this server in time.
    fn plan_frauds(&mut self) {
        self.evidence.seat_window = self.fleet.seat_window();
        let (held, awaited) =
            (self.evidence.seat_window.is_some(), self.evidence.seats_awaited().is_some());
        let frauds = self.plan.frauds.iter().copied();
        self.frauds = frauds.filter(|fraud| held && (awaited || !fraud.awaits_window)).collect();
        self.evidence.frauds_due = self.frauds.len() as u64;
    }

    /// Tells a bot to leave, and another one to join if it is not to come back.
    fn carry_out(
        &mut self,
        planned: &PlannedDeparture,
        replacements: &mut impl Iterator<Item = usize>,
    ) {
        let (bot, departure) = (BotId(planned.bot), planned.departure);
        let told = match planned.comeback {
            Some(comeback) => self.fleet.depart_and_return(bot, departure, comeback),
            None => {
                let told = self.fleet.depart(bot, departure);
                let number = replacements.next().expect("there are more numbers than bots");
                let replacement = self.fleet.spawn(self.plan.bots[number]);
                debug_assert_eq!(replacement.0 as usize, number, "the plan numbers bots as we do");
                told
            }
        };
        self.evidence.not_injected += u64::from(told.is_err());
    }

    /// Waits until the server has noticed every departure and given up the seats, or should have.
    fn settle(&mut self) -> Result<(), RunError> {
        let start = Moment::now();
        let held = self.evidence.seats_awaited().map_or(Duration::ZERO, |window| window + SLACK);
        while !self.is_halted() {
            let last = self.evidence.injections.iter().map(|injection| injection.noticed_by).max();
            let last = last.unwrap_or(start).max(start + NEWS_TRAVEL) + held;
            let deadline = if self.is_complete() { last } else { last + COMPLETE_WITHIN };
            let now = Moment::now();
            if now >= deadline {
                break;
            }
            let whole = deadline.since(start).as_secs_f64();
            let done = now.since(start).as_secs_f64() / whole;
            self.turn(deadline.min(now + NAP), Phase::Settle, done)?;
            let noticed = self.scrape_in_passing().map(|scrape| self.is_settled(&scrape.stats));
            if noticed == Some(true) {
                break;
            }
        }
        let news = Moment::now() + NEWS_TRAVEL;
        while Moment::now() < news && !self.is_halted() {
            self.turn(news, Phase::Settle, 1.0)?;
        }
        self.evidence.settled = self.scrape_fresh(Phase::Settle, 1.0)?.map(|scrape| scrape.stats);
        self.evidence.settled_number = self.evidence.ledger.as_ref().map(Ledger::last_number);
        self.evidence.playing_when_settled = self.fleet.playing() as u64;
        self.evidence.ghosts_in_rosters = self.fleet.ghosts() as u64;
        self.evidence.held_in_rosters = self.fleet.held() as u64;
        self.evidence.missed_in_rosters = self.fleet.missed() as u64;
        self.sample(Phase::Settle, Moment::now());
        Ok(())
    }

    /// Whether everything that was planned has been done to the server, and answered.
    fn is_complete(&self) -> bool {
        let carried_out = self.evidence.injections.len() as u64 + self.evidence.not_injected;
        carried_out == self.plan.departures.len() as u64
            && self.frauds.is_empty()
            && self.fleet.returning() == 0
            && self.fleet.leaving() == 0
            && self.fleet.playing() == self.fleet.len()
    }

    /// Whether the server has noticed everything already, so that waiting on is of no use.
    fn is_settled(&self, stats: &ServerStats) -> bool {
        let Some(before) = &self.evidence.before else { return false };
        let away = stats.players_away.saturating_sub(before.players_away);
        self.is_complete()
            && self.evidence.is_all_noticed()
            && self.evidence.is_counted(stats)
            && (away == 0 || self.evidence.seats_awaited().is_none())
    }

    /// Everybody who is left says goodbye, and the server becomes as it was before.
    fn close(&mut self) -> Result<(), RunError> {
        self.frauds.clear();
        self.evidence.never_let_go = self.fleet.abandon_leaving() as u64;
        self.fleet.depart_all(Departure::Goodbye);
        self.evidence.ends.append(&mut self.fleet.take_ends());
        self.evidence.closing = self.fleet.take_injections();
        let start = Moment::now();
        let deadline = start + QUIESCE_WITHIN;
        loop {
            let done = Moment::now().since(start).as_secs_f64() / QUIESCE_WITHIN.as_secs_f64();
            let nap = Moment::now() + NAP;
            while Moment::now() < nap {
                self.turn(nap, Phase::Close, done)?;
            }
            let Some(scrape) = self.scrape_fresh(Phase::Close, done)? else { return Ok(()) };
            let quiet = self.evidence.is_as_before(&scrape.stats);
            // The last one counts, quiet or not.
            self.evidence.after = Some(scrape.stats);
            if quiet || Moment::now() >= deadline || self.is_halted() {
                return Ok(());
            }
        }
    }
}
