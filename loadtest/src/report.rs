//! What a run found out, as one value.
//!
//! Data flow: evidence -> **`Report`** -> table, file, exit code. Everything that is ever shown is
//! in here, so a renderer is a pure function of it, and two reports can be compared.

mod checks;
mod events;
mod generator;
mod parts;
mod recovery;
mod seats;
mod spread;
mod windows;

pub use checks::{Check, Outcome};
pub use events::Event;
pub use generator::Generator;
pub use parts::{
    Cause, Controls, Environment, Ghosts, Joins, LatencySummary, LeaveTotal, NotRun,
    ObservedSummary, Resources, ServerSide,
};
pub use recovery::Recovery;
pub use seats::{BadTickets, Returns, Seats};
pub use spread::Spread;
pub use windows::FaultWindow;

use std::collections::BTreeMap;

use gamekeeper_bot::departure::{Departure, PlayerState};
use serde::Serialize;

use crate::{
    evidence::{Evidence, Halt},
    exit::ExitStatus,
    options::Options,
    plan::Plan,
    threshold::figures::Figures,
    timeline::{Headcount, Sample},
};

/// The version of the report's layout in JSON. It changes when a field changes its meaning or goes
/// away; new fields do not change it.
pub const SCHEMA: u32 = 2;

/// What a run found out.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of this program.
    pub version: &'static str,
    /// The command that does the same again.
    pub command: String,
    /// The seed of the plan.
    pub seed: u64,
    /// When the run began, in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// Bots that should play at any time.
    pub bots: u32,
    /// How long the run phase was to last, in seconds.
    pub duration_seconds: f64,
    /// How long it lasted.
    pub run_seconds: f64,
    /// The verdict in one word.
    pub verdict: &'static str,
    /// The program's exit code.
    pub exit_code: u8,
    /// Why the run ended early, if it did.
    pub halted: Option<String>,
    /// Why the figures mean nothing, if they do not.
    pub invalid: Vec<String>,
    /// What was checked.
    pub checks: Vec<Check>,
    /// What the scenario is for.
    pub about: String,
    /// Who got in.
    pub joins: Joins,
    /// What was done to the server, and what it noticed.
    pub causes: Vec<Cause>,
    /// What was planned and not tried, because it cannot be done here. Never counted as passed.
    pub not_run: Vec<NotRun>,
    /// Players with ugly but legal manners, who must survive.
    pub controls: Vec<Controls>,
    /// How long it took after each mass event until all was as before.
    pub recoveries: Vec<Recovery>,
    /// Departures that could not be carried out, because the bot was gone or never joined.
    pub not_injected: u64,
    /// All leaves that the server counted from the first bot to the settling.
    pub leaves: Vec<LeaveTotal>,
    /// Leaves by reason that no departure explains.
    pub leaves_unexplained: BTreeMap<String, u64>,
    /// Departures that were noticed after their deadline.
    pub late: u64,
    /// Bots that played and were ended without having been told to leave, by what they saw.
    pub wrong_evictions: BTreeMap<String, u64>,
    /// Players that should not be there any more and are.
    pub ghosts: Ghosts,
    /// Notices that somebody has left that a bot had received before.
    pub announcements_repeated: u64,
    /// Notices about somebody whom the bot did not know.
    pub announcements_unknown: u64,
    /// Notices that somebody has left who has not, or has come back.
    pub announcements_false: u64,
    /// Notices of a presence that a bot had been told before.
    pub presences_repeated: u64,
    /// Seats of players who lost their connection.
    pub seats: Seats,
    /// What the bots saw that were not to leave, in the run phase.
    pub survivors: ObservedSummary,
    /// What all bots saw until they left, in the run phase.
    pub everyone: ObservedSummary,
    /// What the server says about itself; nothing without its admin listener.
    pub server: Option<ServerSide>,
    /// The load generator's own health.
    pub generator: Generator,
    /// Where all this happened.
    pub environment: Environment,
    /// When players left in which ways.
    pub faults: Vec<FaultWindow>,
    /// How it went, second by second, until things had settled.
    pub timeline: Vec<Sample>,
    /// Who was there, several times a second.
    pub headcounts: Vec<Headcount>,
    /// How the intervals of the survivors were spread, in the run phase.
    pub intervals: Spread,
    /// How old states were when survivors read them; only for the benchmark game on one machine.
    pub ages: Spread,
    /// How late inputs were sent.
    pub input_lags: Spread,
    /// How long it took from the connect to the first state: what the server needs for it.
    pub first_states: Spread,
    /// The same from the planned time on: what a player waits.
    pub responses: Spread,
    /// The longest time that each survivor had to wait for a state since it joined.
    pub longest_waits: Spread,
    /// What became of each departure: in a file of its own, because there are many.
    #[serde(skip)]
    pub events: Vec<Event>,
}

impl Report {
    /// Judges the evidence.
    pub fn new(options: &Options, plan: &Plan, evidence: &Evidence) -> Self {
        let mut stats = evidence.warm_up.clone();
        stats.merge(&evidence.run);
        stats.merge(&evidence.settle);
        let matching = evidence.matching();
        let entries = evidence.ledger.as_ref().map_or(&[][..], |ledger| &ledger.entries);
        let mut report = Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            command: options.to_string(),
            seed: options.seed,
            started_unix_ms: evidence.started_unix_ms,
            bots: options.scenario.most(),
            duration_seconds: options.scenario.duration().as_secs_f64(),
            run_seconds: evidence.run_time.as_secs_f64(),
            verdict: "",
            exit_code: 0,
            halted: evidence.halt.as_ref().map(|halt| match halt {
                Halt::Interrupted => "interrupted".to_owned(),
                Halt::TargetDied(why) => format!("the server is gone: {why}"),
            }),
            invalid: Vec::new(),
            checks: Vec::new(),
            about: options.scenario.about.clone(),
            joins: Joins::new(plan, evidence, &stats),
            causes: causes(plan, evidence),
            not_run: parts::not_run(plan, evidence),
            controls: parts::controls(plan, evidence),
            recoveries: recovery::recoveries(&options.scenario, plan, evidence),
            not_injected: evidence.not_injected,
            leaves: parts::leave_totals(evidence),
            leaves_unexplained: matching
                .map(|matching| matching.unexplained_reasons(entries))
                .unwrap_or_default(),
            late: evidence.late(),
            wrong_evictions: evidence.wrong_evictions(),
            ghosts: Ghosts::new(evidence, &stats),
            announcements_repeated: stats.announcements_repeated,
            announcements_unknown: stats.announcements_unknown,
            announcements_false: evidence.announcements_false,
            presences_repeated: stats.presences_repeated,
            seats: Seats::new(plan, evidence, &stats),
            survivors: ObservedSummary::new(&evidence.run.survivors),
            everyone: ObservedSummary::new(&evidence.run.everyone),
            server: ServerSide::new(evidence),
            generator: Generator::new(options, evidence),
            environment: Environment::new(options, evidence),
            faults: windows::fault_windows(&options.scenario),
            timeline: evidence.timeline.clone(),
            headcounts: evidence.headcounts.clone(),
            intervals: Spread::of_the_tail(&evidence.run.survivors.interval),
            ages: Spread::of_the_tail(&evidence.run.survivors.age),
            input_lags: Spread::of_the_tail(&evidence.run.input_lag),
            first_states: Spread::of_the_tail(&stats.first_state_time),
            responses: Spread::of_the_tail(&stats.response_time),
            longest_waits: Spread::of_all(&evidence.longest_waits),
            events: events::events(evidence),
        };
        report.invalid = checks::invalidities(options, evidence);
        report.checks = checks::checks(plan, evidence, &report);
        let figures = Figures { report: &report, evidence, stats: &stats };
        let demands: Vec<Check> = options.demands().map(|it| figures.check(it)).collect();
        report.checks.extend(demands);
        let status = report.judge(evidence.halt.as_ref());
        report.verdict = status.word();
        report.exit_code = status.code();
        report
    }

    fn judge(&self, halt: Option<&Halt>) -> ExitStatus {
        match halt {
            Some(Halt::Interrupted) => ExitStatus::Interrupted,
            Some(Halt::TargetDied(_)) => ExitStatus::TargetDown,
            None if !self.invalid.is_empty() => ExitStatus::Invalid,
            None if self.checks.iter().any(|check| check.outcome == Outcome::Failed) => {
                ExitStatus::Failed
            }
            None => ExitStatus::Pass,
        }
    }
}

fn causes(plan: &Plan, evidence: &Evidence) -> Vec<Cause> {
    let injected = evidence.injected();
    let tallies = evidence.tallies();
    let deadlines = evidence.deadlines();
    let cause = |((departure, state), planned): ((Departure, PlayerState), u64)| {
        let kind = (departure, state);
        let tally = tallies.as_ref().map(|all| all.get(&kind).cloned().unwrap_or_default());
        let announce = evidence.announce.get(&departure).filter(|_| state == PlayerState::Match);
        Cause {
            departure: label(departure, state),
            planned,
            injected: injected.get(&kind).copied().unwrap_or(0),
            detected: tally.as_ref().map(|tally| tally.right.clone()),
            wrong: tally.as_ref().map(|tally| tally.wrong.clone()),
            missed: tally.as_ref().map(|tally| tally.missed),
            late: tally.as_ref().map(|tally| tally.late),
            paths: tally.as_ref().map(|tally| tally.paths.clone()),
            deadline_ms: deadlines.get(&kind).map(|longest| longest.as_secs_f64() * 1e3),
            ttd: tally.map(|it| LatencySummary::new(&it.time_to_detect)).unwrap_or_default(),
            announce: announce.map(LatencySummary::new).unwrap_or_default(),
        }
    };
    plan.departures_by_kind().into_iter().map(cause).collect()
}

/// What a way of leaving is called where a report has a line for it.
fn label(departure: Departure, state: PlayerState) -> String {
    match state {
        PlayerState::Match => departure.name().to_owned(),
        _ => format!("{departure} ({state})"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
