//! What a bench has found. Pure: a function of the options and of what was measured.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{
    contender::Contender,
    options::BenchOptions,
    plan::Turn,
    sample::{Aftermath, Sample},
    search::{Search, Trial},
    statistics::Spread,
    workload,
};

/// The version of the report's form for machines.
pub const SCHEMA: u32 = 1;

/// What came of one turn: a sample, or why there is none.
pub type Outcome = Result<Sample, String>;

/// Everything that a bench has found.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// The version of this form.
    pub schema: u32,
    /// The command that does the same again.
    pub command: String,
    /// What everybody had to do.
    pub workload: WorkloadSummary,
    /// Where it was done.
    pub machine: Machine,
    /// Rounds that were planned.
    pub rounds: u32,
    /// How long a measurement lasted, in seconds.
    pub duration_s: f64,
    /// Contenders that could not be run.
    pub not_run: Vec<NotRun>,
    /// One table for each number of players.
    pub sizes: Vec<Size>,
    /// What the search found, if there was one.
    pub highest: Vec<Highest>,
    /// Whether the bench was interrupted, so that turns are missing.
    pub interrupted: bool,
}

/// What everybody had to do.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct WorkloadSummary {
    /// Players in a room.
    pub room_size: u16,
    /// Ticks per second.
    pub tick_hz: u16,
    /// Bytes of a state.
    pub state_bytes: usize,
    /// Inputs per second and player.
    pub input_hz: u32,
}

/// Where it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Cores that this program may use.
    pub cores: usize,
    /// Whether server and bots had a core each.
    pub pinned: bool,
    /// Whether this is a build without optimisation, whose figures say nothing about speed.
    pub debug_build: bool,
}

/// A contender that could not be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotRun {
    /// Who.
    #[serde(serialize_with = "by_name")]
    pub contender: Contender,
    /// Why, and what to do.
    pub why: String,
}

/// All contenders at one number of players.
#[derive(Clone, Debug, Serialize)]
pub struct Size {
    /// The number.
    pub players: u32,
    /// One for each contender that could be run.
    pub rows: Vec<Row>,
}

/// One contender at one number of players.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Who.
    #[serde(serialize_with = "by_name")]
    pub contender: Contender,
    /// Rounds that have a figure.
    pub measured: usize,
    /// Why others have none.
    pub failures: Vec<String>,
    /// The figures; nothing if no round has any.
    pub figures: Option<Figures>,
}

/// The figures of one contender at one number of players, each over all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Processor time per state that arrived, in microseconds.
    pub cpu_us: Option<Spread>,
    /// The same as a multiple of the baseline's in the same round.
    pub cpu_ratio: Option<Spread>,
    /// The part outside the kernel.
    pub user_us: Option<Spread>,
    /// The part in the kernel.
    pub system_us: Option<Spread>,
    /// Time between two states of one player, 99th percentile, in milliseconds.
    pub interval_p99_ms: Option<Spread>,
    /// From the tick to the player, 99th percentile, in milliseconds.
    pub age_p99_ms: Option<Spread>,
    /// Share of the planned states that arrived, in percent.
    pub delivered_percent: Option<Spread>,
    /// Planned states that did not arrive.
    pub missed: Option<Spread>,
    /// Memory per player, in KiB.
    pub kib_per_player: Option<Spread>,
    /// How busy the bots were, in percent.
    pub bots_busy_percent: Option<Spread>,
    /// What others used of the machine, in percent of one core.
    pub others_busy_percent: Option<Spread>,
    /// States that arrived, in all rounds.
    pub states: u64,
    /// Players that the server threw out or lost, in all rounds.
    pub lost: u64,
    /// Rounds in which the bots may have been the limit, and not the server.
    pub limited_by_bots: usize,
    /// What became of the game when one connection was reset, as it was in the worst round.
    pub after_a_reset: String,
    /// Why the server died then, if it did.
    pub died_of: Option<String>,
}

/// The highest number of players that a contender serves well.
#[derive(Clone, Debug, Serialize)]
pub struct Highest {
    /// Who.
    #[serde(serialize_with = "by_name")]
    pub contender: Contender,
    /// The number; nothing if not even the lowest was served well.
    pub players: Option<u32>,
    /// Whether that is where the search ended, so that it may be more.
    pub is_capped: bool,
    /// What was tried.
    pub trials: Vec<Trial>,
}

impl BenchReport {
    /// The report on what was measured.
    pub fn new(
        options: &BenchOptions,
        machine: Machine,
        not_run: Vec<NotRun>,
        outcomes: &[(Turn, Outcome)],
        searches: Vec<(Contender, Search)>,
        interrupted: bool,
    ) -> Self {
        let able = |one: &Contender| not_run.iter().all(|not_run| not_run.contender != *one);
        let contenders: Vec<Contender> = options.contenders().into_iter().filter(able).collect();
        let size = |&players| Size {
            players,
            rows: contenders.iter().map(|&one| row(one, players, outcomes)).collect(),
        };
        Self {
            schema: SCHEMA,
            command: options.to_string(),
            workload: WorkloadSummary {
                room_size: workload::ROOM_SIZE,
                tick_hz: workload::TICK_HZ,
                state_bytes: workload::STATE_BYTES,
                input_hz: workload::INPUT_HZ,
            },
            machine,
            rounds: options.rounds,
            duration_s: options.duration.as_secs_f64(),
            sizes: options.players.iter().map(size).collect(),
            not_run,
            highest: searches.into_iter().map(highest).collect(),
            interrupted,
        }
    }

    /// Whether there is a figure of this contender for every number of players.
    pub fn has_figures_of(&self, contender: Contender) -> bool {
        let is_measured = |row: &Row| row.contender == contender && row.measured > 0;
        self.sizes.iter().all(|size| size.rows.iter().any(is_measured))
    }
}

fn row(contender: Contender, players: u32, outcomes: &[(Turn, Outcome)]) -> Row {
    let own = |(turn, _): &&(Turn, Outcome)| turn.players == players && turn.contender == contender;
    let own: Vec<&(Turn, Outcome)> = outcomes.iter().filter(own).collect();
    let samples: Vec<(Turn, &Sample)> =
        own.iter().filter_map(|(turn, outcome)| Some((*turn, outcome.as_ref().ok()?))).collect();
    let failures = own.iter().filter_map(|(turn, outcome)| {
        let why = outcome.as_ref().err()?;
        Some(format!("round {}: {why}", turn.round))
    });
    Row {
        contender,
        measured: samples.len(),
        failures: failures.collect(),
        figures: (!samples.is_empty()).then(|| figures(&samples, outcomes)),
    }
}

fn figures(samples: &[(Turn, &Sample)], outcomes: &[(Turn, Outcome)]) -> Figures {
    let of = |figure: fn(&Sample) -> f64| Spread::of(samples.iter().map(|(_, it)| figure(it)));
    let quantile = |figure: fn(&Sample) -> Option<Duration>| {
        let values = samples.iter().filter_map(|(_, it)| figure(it));
        Spread::of(values.map(|value| value.as_secs_f64() * 1000.0))
    };
    let ratios = samples.iter().filter_map(|(turn, sample)| {
        let baseline = baseline(*turn, outcomes)?;
        Some(cpu(sample) / Some(cpu(baseline)).filter(|cpu| *cpu > 0.0)?)
    });
    let worst = samples.iter().map(|(_, it)| &it.aftermath).max_by_key(|it| severity(it));
    let died_of = samples.iter().find_map(|(_, it)| match &it.aftermath {
        Aftermath::Dies(why) => Some(why.clone()),
        Aftermath::PlaysOn | Aftermath::FallsSilent => None,
    });
    Figures {
        cpu_us: of(cpu),
        cpu_ratio: Spread::of(ratios),
        user_us: of(|it| it.cpu_us().0),
        system_us: of(|it| it.cpu_us().1),
        interval_p99_ms: quantile(|it| it.seen.interval.quantile(0.99)),
        age_p99_ms: quantile(|it| it.seen.age.quantile(0.99)),
        delivered_percent: of(|it| it.delivered() * 100.0),
        missed: of(|it| it.missed() as f64),
        kib_per_player: of(Sample::kib_per_player),
        bots_busy_percent: of(|it| it.bots_busy() * 100.0),
        others_busy_percent: of(|it| it.others_busy() * 100.0),
        states: samples.iter().map(|(_, it)| it.seen.snapshots).sum(),
        lost: samples.iter().map(|(_, it)| it.lost).sum(),
        limited_by_bots: samples.iter().filter(|(_, it)| it.is_limited_by_bots()).count(),
        after_a_reset: worst.map_or("unknown", Aftermath::label).to_owned(),
        died_of,
    }
}

fn cpu(sample: &Sample) -> f64 {
    let (user, system) = sample.cpu_us();
    user + system
}

/// The baseline's sample of the same round.
fn baseline(turn: Turn, outcomes: &[(Turn, Outcome)]) -> Option<&Sample> {
    let same = |(other, _): &&(Turn, Outcome)| {
        (other.players, other.round) == (turn.players, turn.round)
            && other.contender == Contender::BASELINE
    };
    outcomes.iter().find(same)?.1.as_ref().ok()
}

fn severity(aftermath: &Aftermath) -> u8 {
    match aftermath {
        Aftermath::PlaysOn => 0,
        Aftermath::FallsSilent => 1,
        Aftermath::Dies(_) => 2,
    }
}

fn highest((contender, search): (Contender, Search)) -> Highest {
    Highest {
        contender,
        players: search.highest(),
        is_capped: search.is_capped(),
        trials: search.trials,
    }
}

fn by_name<S: Serializer>(contender: &Contender, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(contender.name())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::{sample::tests::good, search::SearchLimits};

    /// Two rounds with the baseline, one contender that failed once, and one that cannot be run.
    pub(in super::super) fn example() -> BenchReport {
        let options = BenchOptions {
            players: vec![1_000],
            rounds: 2,
            duration: Duration::from_secs(10),
            peers: vec![Contender::FloorStaggered, Contender::Tokio, Contender::PythonNaive],
            seed: 1,
            pin: true,
            search: Some(SearchLimits { low: 500, high: 1_000 }),
            json: None,
            markdown: false,
            server_bin: None,
            peers_dir: None,
        };
        let turn = |round, contender| Turn { players: 1_000, round, contender, seed: 1 };
        let cheap = |micros: u64| {
            let mut sample = good();
            sample.after.system = Duration::from_micros(micros * 200_000);
            sample.after.user = sample.before.user;
            sample
        };
        let naive =
            Sample { aftermath: Aftermath::Dies("BrokenPipeError".to_owned()), ..cheap(20) };
        let outcomes = [
            (turn(1, Contender::Gamekeeper), Ok(cheap(6))),
            (turn(1, Contender::FloorStaggered), Ok(cheap(5))),
            (turn(1, Contender::PythonNaive), Ok(naive)),
            (turn(2, Contender::Gamekeeper), Ok(cheap(11))),
            (turn(2, Contender::FloorStaggered), Ok(cheap(10))),
            (turn(2, Contender::PythonNaive), Err("joined 900 of 1000".to_owned())),
        ];
        let machine = Machine { cores: 2, pinned: true, debug_build: false };
        let not_run = vec![NotRun { contender: Contender::Tokio, why: "not built".to_owned() }];
        let mut search = Search::new(SearchLimits { low: 500, high: 1_000 });
        search.record(Trial { players: 1_000, passed: true, why: "age p99 1.0 ms".to_owned() });
        let searches = vec![(Contender::Gamekeeper, search)];
        BenchReport::new(&options, machine, not_run, &outcomes, searches, false)
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let report = example();
        let rows = &report.sizes[0].rows;
        let names: Vec<&str> = rows.iter().map(|row| row.contender.name()).collect();
        assert_eq!(names, ["gamekeeper", "floor-staggered", "python-naive"]);
        let figures = rows[0].figures.as_ref().expect("two rounds were measured");
        let ratio = figures.cpu_ratio.expect("the baseline was measured");
        assert!((ratio.min - 1.1).abs() < 1e-9 && (ratio.max - 1.2).abs() < 1e-9, "{ratio:?}");
        assert_eq!(figures.cpu_us.map(|it| (it.min, it.max)), Some((6.0, 11.0)));
        assert_eq!(figures.after_a_reset, "plays on");
    }

    #[test]
    fn what_failed_and_what_was_not_run_is_in_the_report() {
        let report = example();
        let naive = &report.sizes[0].rows[2];
        assert_eq!((naive.measured, naive.failures.len()), (1, 1));
        let figures = naive.figures.as_ref().expect("one round was measured");
        assert_eq!(figures.died_of.as_deref(), Some("BrokenPipeError"));
        let json = serde_json::to_value(&report).expect("JSON can say all of it");
        assert_eq!(json["not_run"][0]["contender"], "tokio");
        assert_eq!(json["sizes"][0]["rows"][2]["failures"][0], "round 2: joined 900 of 1000");
        assert_eq!(json["highest"][0]["players"], 1_000);
        assert_eq!(json["highest"][0]["is_capped"], true);
    }
}
