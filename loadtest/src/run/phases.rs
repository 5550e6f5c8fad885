//! The phases of a run.

use std::time::Duration;

use gamekeeper_bot::{clock::Moment, departure::PlayerState, fleet::BotId, people::Appearance};

use super::{Phase, Run, RunError};
use crate::{
    admin::ServerStats,
    crew::{News, Order, Question},
    ledger::Ledger,
    plan::{PlannedDeparture, Step},
    sockets,
};

/// Joining may take this long, and a second more for every [`JOINS_PER_SECOND`] bots.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// A server that lets in fewer than this many bots per second is too slow to wait for.
const JOINS_PER_SECOND: u32 = 200;

/// So many bots connect in a second at first. More at once would not fit into the queue in front of
/// a server, where they are answered by silence, and the kernel tries again after a second.
const CONNECTS_PER_SECOND: u32 = 4000;

/// Time for orders to arrive before they are due.
const ORDERS_TRAVEL: Duration = Duration::from_millis(50);

/// Time for the last snapshots and notices to arrive after the server has noticed everything,
/// beside the tick with which they go.
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
        let start = Moment::now();
        for bot in 0..initial {
            self.spawn(bot, start + Duration::from_secs(1) * bot / CONNECTS_PER_SECOND)?;
        }
        self.look(Question::News)?;
        let deadline = Moment::now()
            + JOIN_WITHIN
            + Duration::from_secs(u64::from(initial / JOINS_PER_SECOND));
        loop {
            let playing = self.counts.playing;
            // Whoever does not play and is still there is on the way.
            if (self.orders == 0 && playing == self.counts.bots)
                || Moment::now() >= deadline
                || self.is_halted()
            {
                break;
            }
            let done = playing as f64 / f64::from(initial);
            let nap = Moment::now() + NAP;
            while Moment::now() < nap {
                self.turn(nap, Phase::Join, done)?;
            }
        }
        self.look(Question::News)?;
        self.evidence.joined_at_start = self.counts.playing;
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
        self.sample(Phase::Join)?;
        let cpu = self.crew.cpu();
        let start = Moment::now() + ORDERS_TRAVEL;
        (self.started, self.sampled_at) = (start, start);
        self.evidence.run_began = start;
        self.order_departures(start)?;
        self.order_bad_tickets(start)?;
        let end = start + self.options.scenario.duration();
        while !self.is_halted() {
            let now = Moment::now();
            if now >= end {
                break;
            }
            let done =
                now.since(start).as_secs_f64() / self.options.scenario.duration().as_secs_f64();
            self.turn(end, Phase::Run, done)?;
            // Only the ledger is wanted here, and noted.
            let _ = self.scrape_in_passing();
        }
        self.evidence.run_time = Moment::now().since(start);
        self.sample(Phase::Run)?;
        let used = self.crew.cpu().into_iter().zip(cpu);
        self.evidence.own_cpu = used.map(|(now, before)| now.saturating_sub(before)).collect();
        self.evidence.run_end = self.scrape_fresh(Phase::Settle, 0.0)?.map(|scrape| scrape.stats);
        Ok(())
    }

    /// Has a bot of the plan join.
    fn spawn(&mut self, bot: u32, at: Moment) -> Result<(), RunError> {
        let plan = self.plan.bots[bot as usize];
        self.crew.order(at, Order::Spawn { bot: BotId(bot), plan }).map_err(RunError::Crew)
    }

    /// Has the bots join and leave at their times.
    fn order_departures(&mut self, start: Moment) -> Result<(), RunError> {
        let plan = self.plan;
        self.evidence.seat_window = self.counts.seat_window;
        for step in &plan.steps {
            let at = start + step.at();
            match step {
                Step::Join { bot, .. } => self.spawn(*bot, at)?,
                Step::Leave(planned) => match planned.state {
                    PlayerState::Lobby => self.spawn(planned.bot, at)?,
                    PlayerState::Match | PlayerState::MidFrame => {
                        let PlannedDeparture { departure, state, comeback, .. } = *planned;
                        let bot = BotId(planned.bot);
                        let order = Order::Depart { bot, departure, state, comeback };
                        self.crew.order(at, order).map_err(RunError::Crew)?;
                    }
                    // The bot does so by itself when it is back from its departure before.
                    PlayerState::ResumeWindow if self.evidence.seat_window.is_some() => {}
                    PlayerState::ResumeWindow => self.evidence.not_possible += 1,
                },
            }
        }
        Ok(())
    }

    /// Has those bad tickets shown that can be shown to this server in time.
    fn order_bad_tickets(&mut self, start: Moment) -> Result<(), RunError> {
        let (held, awaited) =
            (self.evidence.seat_window.is_some(), self.evidence.seats_awaited().is_some());
        for fraud in self.plan.frauds.iter().filter(|it| held && (awaited || !it.awaits_window)) {
            let order = Order::ShowBadTicket { bot: BotId(fraud.bot), fault: fraud.fault };
            self.crew.order(start + fraud.from, order).map_err(RunError::Crew)?;
            self.evidence.frauds_due += 1;
        }
        Ok(())
    }

    /// Waits until the server has noticed every departure and given up the seats, or should have.
    fn settle(&mut self) -> Result<(), RunError> {
        let start = Moment::now();
        let held = self.evidence.seats_awaited().map_or(Duration::ZERO, |window| window + SLACK);
        while !self.is_halted() {
            let last = self.evidence.injections.iter().map(|injection| injection.noticed_by).max();
            let last = last.unwrap_or(start).max(start + self.news_travel()) + held;
            let deadline =
                if self.is_complete() { last } else { last + COMPLETE_WITHIN + self.away_for() };
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
        let news = Moment::now() + self.news_travel();
        while Moment::now() < news && !self.is_halted() {
            self.turn(news, Phase::Settle, 1.0)?;
        }
        self.evidence.settled = self.scrape_fresh(Phase::Settle, 1.0)?.map(|scrape| scrape.stats);
        self.evidence.settled_number = self.evidence.ledger.as_ref().map(Ledger::last_number);
        let News { rosters, longest_waits, .. } = self.look(Question::Rosters)?;
        self.evidence.longest_waits = longest_waits;
        self.evidence.playing_when_settled = self.counts.playing;
        let people = self.crew.people();
        self.evidence.ghosts_in_rosters = people.count(&rosters, Appearance::Ghost);
        self.evidence.held_in_rosters = people.count(&rosters, Appearance::Held);
        self.evidence.missed_in_rosters = people.count(&rosters, Appearance::Missed);
        self.evidence.announce = people.announce().clone();
        self.evidence.announcements_false = people.announcements_false();
        self.sample(Phase::Settle)
    }

    /// How long news of what the server has noticed may be on the way.
    fn news_travel(&self) -> Duration {
        NEWS_TRAVEL + self.counts.tick.unwrap_or_default()
    }

    /// For how long somebody may be away who is still to come back.
    fn away_for(&self) -> Duration {
        let comebacks = self.plan.departures().filter_map(|planned| planned.comeback);
        let longest = comebacks.map(|comeback| comeback.after).max().unwrap_or_default();
        let held = self.evidence.seat_window.unwrap_or_default();
        if self.counts.returning > 0 { longest.min(held) } else { Duration::ZERO }
    }

    /// Whether everything that was planned has been done to the server, and answered.
    fn is_complete(&self) -> bool {
        let carried_out = self.evidence.injections.len() as u64 + self.evidence.not_injected;
        carried_out == self.plan.departures_count() - self.evidence.not_possible
            && self.orders == 0
            && self.counts.returning == 0
            && self.counts.leaving == 0
            && self.counts.playing == self.counts.bots
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
        let news = self.look(Question::Goodbye)?;
        self.evidence.never_let_go = news.abandoned;
        self.evidence.closing = news.goodbyes;
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
            self.evidence.close_wait = self.endpoint.address().and_then(sockets::close_wait);
            if quiet || Moment::now() >= deadline || self.is_halted() {
                return Ok(());
            }
        }
    }
}
