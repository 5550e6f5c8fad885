//! Carrying out a plan against a server.
//!
//! Data flow: options -> plan -> **`run`** -> evidence -> report.
//!
//! Five phases, each with a deadline, so that no server can make a run last for ever:
//!
//! 1. **join**: all bots of the beginning join, at a bounded rate;
//! 2. **run**: departures at their planned times, each followed by a join or a return;
//! 3. **settle**: every departure gets until its own deadline to be noticed, and seats that nobody
//!    comes back to are given up;
//! 4. **close**: everybody who is left says goodbye;
//! 5. **quiesce**: the server must be as it was before the first bot.

mod error;
mod host;
mod machine;
mod phases;
mod standing;
mod status;

pub use error::RunError;
pub use standing::{SoFar, Standing};
pub use status::{Phase, Status};

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gamekeeper_bot::{
    clock::Moment,
    fleet::{Endpoint, FleetConfig, FleetCounts},
};

use host::Host;

use crate::{
    admin::{self, Scrape, Scraper, ServerStats},
    crew::{Crew, News, Question},
    evidence::{Evidence, Halt, KeptEvents},
    ledger::Ledger,
    options::{Options, Target},
    plan::{Expected, Means, Plan},
    report::Report,
    server::{self, ServerProcess},
    timeline::{Sample, ServerSample},
};

/// How often the run looks up from the bots: signals, the server's health, the status.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often the server's statistics are fetched while something is waited for.
const SCRAPE_EVERY: Duration = Duration::from_millis(250);

/// How often the timeline of a run has a sample.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// So many scrapes in a row that fail mean that the server is gone.
const SCRAPES_FAILED_MAX: u32 = 3;

/// If more than one departure of so many has nobody to carry it out, the run is not what was asked
/// for.
const UNPLACED_ONE_OF: u64 = 5;

/// Runs, and reports what was seen.
///
/// `stop` ends the run early with a partial report. `on_status` is called many times a second and
/// must be quick: the bots wait for it.
///
/// # Errors
///
/// [`RunError`] if there is nothing to report: no server, or no bots.
pub fn run(
    options: &Options,
    stop: &AtomicBool,
    on_status: &mut dyn FnMut(&Status<'_>),
) -> Result<Report, RunError> {
    let prepared = prepare(options)?;
    let mut host = Host::start(options, prepared.connections)?;
    let mut evidence = play(options, &prepared.plan, &mut host, stop, on_status)?;
    evidence.server_stop = host.stop();
    Ok(Report::new(options, &prepared.plan, &evidence))
}

/// Runs again and again on one server, each time with the next seed, until `on_report` says no
/// more; and yields the last report.
///
/// # Errors
///
/// As for [`run`].
pub fn repeat(
    options: &Options,
    stop: &AtomicBool,
    on_status: &mut dyn FnMut(&Status<'_>),
    on_report: &mut dyn FnMut(&Report) -> bool,
) -> Result<Report, RunError> {
    let mut options = options.clone();
    let mut prepared = prepare(&options)?;
    let mut host = Host::start(&options, prepared.connections)?;
    loop {
        let evidence = play(&options, &prepared.plan, &mut host, stop, on_status)?;
        let report = Report::new(&options, &prepared.plan, &evidence);
        if !on_report(&report) {
            // The last report says how our own server has stopped.
            let evidence = Evidence { server_stop: host.stop(), ..evidence };
            return Ok(Report::new(&options, &prepared.plan, &evidence));
        }
        options.seed = options.seed.wrapping_add(1);
        prepared = prepare(&options)?;
    }
}

/// What can be known before there is a server.
struct Prepared {
    plan: Plan,
    /// The most connections that there are at any time.
    connections: u32,
}

/// Makes the plan, and sees whether this machine can carry it out.
fn prepare(options: &Options) -> Result<Prepared, RunError> {
    let scenario = &options.scenario;
    let transport = options.native_transport();
    let plan = Plan::new(scenario, options.seed, &Means::probe(transport));
    let (placed, unplaced) = (plan.departures_count(), plan.unplaced);
    if unplaced * UNPLACED_ONE_OF > placed + unplaced {
        return Err(RunError::Churn { placed, unplaced });
    }
    let connections = plan.connections_max(scenario.most());
    machine::check(scenario.most(), connections, options.processes, transport)?;
    Ok(Prepared { plan, connections })
}

/// Carries out a plan.
fn play(
    options: &Options,
    plan: &Plan,
    host: &mut Host,
    stop: &AtomicBool,
    on_status: &mut dyn FnMut(&Status<'_>),
) -> Result<Evidence, RunError> {
    let scenario = &options.scenario;
    let admin = host.admin;
    let first = admin.map(admin::fetch_first).transpose().map_err(RunError::Admin)?;
    let (before, bookmark) = first.unzip();
    let config = FleetConfig {
        game: scenario.game.clone(),
        seed: options.seed,
        input_hz: scenario.input_hz,
        ..FleetConfig::new(host.endpoint.clone())
    };
    let mut run = Run {
        plan,
        options,
        endpoint: host.endpoint.clone(),
        crew: Crew::start(config, options.processes).map_err(RunError::Crew)?,
        counts: FleetCounts::default(),
        orders: 0,
        server: host.server.as_mut(),
        scraper: admin.zip(bookmark).map(|(admin, bookmark)| Scraper::new(admin, bookmark)),
        scrapes_failed: 0,
        next_scrape: Moment::default(),
        next_look: Moment::default(),
        stop,
        on_status,
        expected: Expected::new(plan),
        standing: Standing::default(),
        phase: (Phase::Join, Moment::now()),
        started: Moment::default(),
        sampled_at: Moment::default(),
        counted_at: Moment::default(),
        server_stats: None,
        server_sampled: None,
        evidence: Evidence {
            exclusive: matches!(options.target, Target::Own { .. }),
            started_unix_ms: unix_ms(),
            cores: host.cores,
            kept_events: kept_events(options),
            ledger: before.is_some().then(Ledger::default),
            before,
            ..Evidence::default()
        },
    };
    run.all_phases()?;
    Ok(run.evidence)
}

/// The time of day, which nothing but the reader of a report needs.
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How much the server keeps for those who come back, as far as that is known.
fn kept_events(options: &Options) -> KeptEvents {
    match options.target {
        Target::Own { .. } => server::kept_events(&options.server_args()),
        Target::Running { .. } => KeptEvents::default(),
    }
}

/// A run under way.
struct Run<'a> {
    options: &'a Options,
    plan: &'a Plan,
    endpoint: Endpoint,
    crew: Crew,
    /// As they were at the last look at the crew.
    counts: FleetCounts,
    /// Orders that had not been carried out then.
    orders: u64,
    server: Option<&'a mut ServerProcess>,
    scraper: Option<Scraper>,
    scrapes_failed: u32,
    next_scrape: Moment,
    next_look: Moment,
    stop: &'a AtomicBool,
    on_status: &'a mut dyn FnMut(&Status<'_>),
    expected: Expected,
    /// What was done and noticed so far.
    standing: Standing,
    /// The phase, and when it was seen for the first time.
    phase: (Phase, Moment),
    /// When the run phase began.
    started: Moment,
    /// When the last sample of the timeline ended.
    sampled_at: Moment,
    /// When it was noted for the last time who is there.
    counted_at: Moment,
    /// What the server said about itself at the last look.
    server_stats: Option<ServerStats>,
    /// And at the look that is in the last sample.
    server_sampled: Option<ServerStats>,
    evidence: Evidence,
}

impl Run<'_> {
    fn is_halted(&self) -> bool {
        self.evidence.halt.is_some()
    }

    /// One turn of the crew, and what has to be done besides. `done` is the share of the phase
    /// that is over.
    fn turn(&mut self, until: Moment, phase: Phase, done: f64) -> Result<(), RunError> {
        self.crew.turn(until.min(self.next_look)).map_err(RunError::Crew)?;
        let now = Moment::now();
        if now < self.next_look {
            return Ok(());
        }
        self.next_look = now + LOOK_EVERY;
        match phase {
            Phase::Run | Phase::Settle
                if self.is_under_way() && now >= self.sampled_at + SAMPLE_EVERY =>
            {
                self.sample(phase)?;
            }
            _ => {
                self.look(Question::News)?;
            }
        }
        self.look_for_a_halt();
        self.tell(phase, done.clamp(0.0, 1.0), now);
        Ok(())
    }

    /// Asks the crew, notes what has happened, and yields the answer.
    fn look(&mut self, question: Question) -> Result<News, RunError> {
        let mut news = self.crew.ask(question).map_err(RunError::Crew)?;
        (self.counts, self.orders) = (news.counts, news.orders);
        self.standing.note(&news.injections, &news.ends);
        self.evidence.injections.append(&mut news.injections);
        self.evidence.not_injected += news.not_injected;
        self.evidence.ends.append(&mut news.ends);
        self.evidence.returns.append(&mut news.returns);
        self.evidence.frauds.append(&mut news.frauds);
        Ok(news)
    }

    /// Whether the run phase has begun.
    fn is_under_way(&self) -> bool {
        self.started != Moment::default()
    }

    /// Ends a sample of the timeline, and adds what was measured in it to its phase.
    fn sample(&mut self, phase: Phase) -> Result<(), RunError> {
        let News { stats: slice, order_lag, .. } = self.look(Question::Stats)?;
        let now = Moment::now();
        if self.is_under_way() {
            let playing = self.counts.playing;
            let sample = Sample::new(self.started, self.sampled_at, now, playing, &slice);
            let (now, before) = (self.server_stats.as_ref(), self.server_sampled.as_ref());
            let server = now.map(|now| ServerSample::new(now, before));
            self.evidence.timeline.push(Sample { server, ..sample });
        }
        self.server_sampled.clone_from(&self.server_stats);
        self.sampled_at = now;
        match phase {
            Phase::Join => self.evidence.warm_up.merge(&slice),
            Phase::Run => {
                self.evidence.run.merge(&slice);
                self.evidence.order_lag.merge(&order_lag);
            }
            Phase::Settle | Phase::Close => self.evidence.settle.merge(&slice),
        }
        Ok(())
    }

    fn look_for_a_halt(&mut self) {
        if self.is_halted() {
            return;
        }
        if self.stop.load(Ordering::Relaxed) {
            self.evidence.halt = Some(Halt::Interrupted);
        } else if let Some(server) = &mut self.server
            && let Some(status) = server.has_ended()
        {
            let log = server.log_tail();
            self.evidence.halt = Some(Halt::TargetDied(format!("it ended with {status}\n{log}")));
        } else if self.scrapes_failed >= SCRAPES_FAILED_MAX {
            let why = "its admin listener does not answer any more".to_owned();
            self.evidence.halt = Some(Halt::TargetDied(why));
        }
    }

    /// Fetches the statistics and the ledger now and then, without waiting.
    fn scrape_in_passing(&mut self) -> Option<Scrape> {
        let scraper = self.scraper.as_mut()?;
        let now = Moment::now();
        if now >= self.next_scrape {
            self.next_scrape = now + SCRAPE_EVERY;
            scraper.ask();
        }
        match scraper.poll()? {
            Ok(mut scrape) => {
                self.scrapes_failed = 0;
                let news = std::mem::take(&mut scrape.ledger);
                self.standing.hear(&news.entries, scrape.asked_at);
                self.evidence.ledger.get_or_insert_default().extend(news);
                self.server_stats = Some(scrape.stats.clone());
                Some(scrape)
            }
            Err(_) => {
                self.scrapes_failed += 1;
                None
            }
        }
    }

    /// Fetches the statistics as they are from now on, while the bots play on.
    fn scrape_fresh(&mut self, phase: Phase, done: f64) -> Result<Option<Scrape>, RunError> {
        let asked = Moment::now();
        self.next_scrape = asked;
        while self.scraper.is_some() && self.scrapes_failed < SCRAPES_FAILED_MAX {
            match self.scrape_in_passing() {
                Some(scrape) if scrape.asked_at >= asked => return Ok(Some(scrape)),
                Some(_) => self.next_scrape = Moment::now(),
                None => {}
            }
            self.turn(Moment::now() + Duration::from_millis(5), phase, done)?;
            if matches!(self.evidence.halt, Some(Halt::TargetDied(_))) {
                break;
            }
        }
        Ok(None)
    }
}
