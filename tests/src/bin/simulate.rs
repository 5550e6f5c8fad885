//! Plays simulated worlds, as many as wanted, and shows how to play a failing one again.
//!
//! `--seeds 100000` plays the worlds of so many seeds on all cores. A seed whose world shows
//! something wrong is printed with the turn, and with a smaller world that shows it, too.
//! `--seed N --trace` prints what happens in one.

use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use clap::Parser;
use gamekeeper::client::leave::LeaveReason;
use gamekeeper_tests::{
    fuzz,
    sim::{Plan, Report, clients::Kind, faults::Fault, games::BANG, run, shrink::shrink},
};
use indicatif::{ProgressBar, ProgressStyle};

/// Plays the production server in simulated worlds, each made from one number.
#[derive(Parser)]
struct Args {
    /// How many worlds to play
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The seed of the first one; the others follow
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Plays only the world of this seed
    #[arg(long)]
    seed: Option<u64>,
    /// Plays only the world that the bytes of this file decide, as a fuzzer found it
    #[arg(long, conflicts_with = "seed")]
    bytes: Option<PathBuf>,
    /// Prints what happens in it
    #[arg(long)]
    trace: bool,
    /// Turns of the loop in each world, before it heals
    #[arg(long, default_value_t = 2_000)]
    turns: u64,
    /// How many clients there are; by default it follows from the seed
    #[arg(long)]
    clients: Option<usize>,
    /// Which kinds of clients there are, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    kinds: Vec<Kind>,
    /// Faults that do not happen, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = fault)]
    without: Vec<Fault>,
    /// The server is never asked to stop
    #[arg(long)]
    never_stops: bool,
    /// Does not look for a smaller world
    #[arg(long)]
    no_shrink: bool,
    /// Goes on after the first finding
    #[arg(long)]
    all: bool,
    /// Threads; by default one for each core
    #[arg(long)]
    threads: Option<usize>,
}

fn kind(name: &str) -> Result<Kind, String> {
    let found = Kind::ALL.into_iter().find(|(_, known)| *known == name).map(|(kind, _)| kind);
    found.ok_or_else(|| format!("there are {}", Kind::ALL.map(|(_, name)| name).join(", ")))
}

fn fault(name: &str) -> Result<Fault, String> {
    let found = Fault::ALL.into_iter().find(|(_, known, _)| *known == name).map(|(it, ..)| it);
    found.ok_or_else(|| format!("there are {}", Fault::ALL.map(|(_, name, _)| name).join(", ")))
}

/// What many worlds came to.
#[derive(Default)]
struct Sum {
    turns: u64,
    seconds: f64,
    departures: u64,
    resumes: u64,
    stops: u64,
    reasons: Vec<u64>,
}

impl Sum {
    fn add(&mut self, report: &Report) {
        self.turns += report.turns;
        self.seconds += report.time.as_secs_f64();
        self.departures += report.departures;
        self.resumes += report.resumes;
        self.stops += u64::from(report.stopped);
        self.reasons.resize(self.reasons.len().max(report.reasons.len()), 0);
        for (sum, more) in self.reasons.iter_mut().zip(&report.reasons) {
            *sum += more;
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    // Panics are findings, and printed as such; those of the bomb are none at all.
    std::panic::set_hook(Box::new(|_| {}));
    debug_assert!(!BANG.is_empty());
    if let Some(path) = &args.bytes {
        return match std::fs::read(path) {
            Ok(bytes) => one(fuzz::plan(&bytes), args.trace),
            Err(error) => {
                say(&format!("cannot read {}: {error}", path.display()));
                ExitCode::from(1)
            }
        };
    }
    match args.seed {
        Some(seed) => one(plan(&args, seed), args.trace),
        None if args.trace => {
            say("--trace shows one world: say which by --seed or --bytes");
            ExitCode::from(2)
        }
        None => many(&args),
    }
}

fn plan(args: &Args, seed: u64) -> Plan {
    let mut plan = Plan { clients: args.clients, ..Plan::of(seed, args.turns) };
    plan.without.clone_from(&args.without);
    plan.stops = !args.never_stops;
    if !args.kinds.is_empty() {
        plan.kinds.clone_from(&args.kinds);
    }
    plan
}

fn one(plan: Plan, trace: bool) -> ExitCode {
    let seed = plan.seed;
    let report = run(&Plan { trace, ..plan });
    let mut out = std::io::stdout().lock();
    for line in &report.trace {
        // A pager that was closed has seen enough.
        if writeln!(out, "{line}").is_err() {
            return ExitCode::SUCCESS;
        }
    }
    let Report { turns, time, departures, hash, .. } = &report;
    let _ =
        writeln!(out, "seed {seed}: {turns} turns, {time:?}, {departures} departures, {hash:016x}");
    for finding in &report.findings {
        let _ = writeln!(out, "  {finding}");
    }
    if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

fn many(args: &Args) -> ExitCode {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.unwrap_or(cores).max(1);
    let next = AtomicU64::new(args.first_seed);
    let end = args.first_seed + args.seeds;
    let stop = AtomicBool::new(false);
    let sum = Mutex::new(Sum::default());
    let failed = Mutex::new(Vec::new());
    let style = "{bar:30} {pos}/{len} worlds, {per_sec}, {eta} left";
    let bar = ProgressBar::new(args.seeds);
    bar.set_style(ProgressStyle::with_template(style).expect("a good template"));
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Sum::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let report = run(&plan(args, seed));
                    own.add(&report);
                    bar.inc(1);
                    if !report.findings.is_empty() {
                        stop.store(!args.all, Ordering::Relaxed);
                        failed.lock().expect("nobody panics here").push((seed, report));
                    }
                }
                let mut sum = sum.lock().expect("nobody panics here");
                let Sum { turns, seconds, departures, resumes, stops, reasons } = own;
                let report = Report { turns, departures, resumes, reasons, ..Report::default() };
                sum.add(&report);
                sum.seconds += seconds;
                sum.stops += stops;
            });
        }
    });
    bar.finish_and_clear();
    let took = begun.elapsed().as_secs_f64();
    let sum = sum.into_inner().expect("nobody panics here");
    let mut failed = failed.into_inner().expect("nobody panics here");
    failed.sort_by_key(|(seed, _)| *seed);
    let played = next.into_inner().min(end) - args.first_seed;
    tell(&sum, played, took);
    for (seed, report) in failed.iter().take(20) {
        let turn = report.found_at_turn.unwrap_or_default();
        say(&format!("FOUND seed {seed}, turn {turn}: {}", report.findings[0]));
    }
    let Some((seed, _)) = failed.first() else {
        say("nothing found");
        return ExitCode::SUCCESS;
    };
    say(&format!("{} worlds of {played} show something", failed.len()));
    say("play it again:");
    say(&format!("  simulate --turns {} --seed {seed} --trace", args.turns));
    if args.no_shrink {
        return ExitCode::from(3);
    }
    let small = shrink(&plan(args, *seed));
    say("a smaller world:");
    say(&format!("  simulate {small} --trace"));
    ExitCode::from(3)
}

fn tell(sum: &Sum, played: u64, took: f64) {
    let Sum { turns, seconds, departures, resumes, stops, reasons } = sum;
    let per_second = *turns as f64 / took;
    let times = seconds / took;
    say(&format!(
        "{played} worlds, {turns} turns, {:.1} hours of play in {took:.1} s",
        seconds / 3600.0
    ));
    say(&format!("{per_second:.0} turns/s, {times:.0} times as fast as real time"));
    say(&format!("{departures} departures, {resumes} returns, {stops} stops of the server"));
    let all: Vec<_> = LeaveReason::LABELS
        .iter()
        .zip(reasons)
        .map(|(label, count)| format!("{label} {count}"))
        .collect();
    say(&format!("by reason: {}", all.join(", ")));
}

fn say(line: &str) {
    // Who reads it may be gone; what was found is in the exit status.
    let _ = writeln!(std::io::stdout(), "{line}");
}
