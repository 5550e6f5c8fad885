//! Carrying out the plan of a bench, one contender at a time.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use gamekeeper_bot::machine::{self, TooFewDescriptors};

use super::{
    contender::Contender,
    measure::{Conditions, measure},
    options::BenchOptions,
    plan::{self, Turn},
    process,
    programs::Programs,
    report::{BenchReport, Machine, Outcome},
    search::{self, Search, SearchLimits, Trial},
};

/// Measures all contenders, and reports.
///
/// `stop` ends the bench early with a partial report. `on_status` is told what is done next.
///
/// # Errors
///
/// [`BenchError`] if nothing can be measured at all.
pub fn run(
    options: &BenchOptions,
    stop: &AtomicBool,
    on_status: &mut dyn FnMut(&str),
) -> Result<BenchReport, BenchError> {
    let highest = options.search.map_or(0, |limits| limits.high);
    let most = options.players.iter().copied().max().unwrap_or(0).max(highest);
    machine::check_descriptors(most, machine::raise_open_files_limit())
        .map_err(BenchError::Descriptors)?;
    if options.pin {
        process::can_pin().map_err(BenchError::Pin)?;
    }
    // Asked before this thread is put on one of them.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (programs, not_run) = Programs::find(options, on_status);
    let mut bench = Bench { options, programs, stop, on_status, outcomes: Vec::new() };
    bench.take_turns();
    let searches = options.search.map_or_else(Vec::new, |limits| bench.search(limits));
    let machine = Machine { cores, pinned: options.pin, debug_build: cfg!(debug_assertions) };
    let interrupted = stop.load(Ordering::Relaxed);
    Ok(BenchReport::new(options, machine, not_run, &bench.outcomes, searches, interrupted))
}

/// A bench under way.
struct Bench<'a> {
    options: &'a BenchOptions,
    programs: Programs,
    stop: &'a AtomicBool,
    on_status: &'a mut dyn FnMut(&str),
    outcomes: Vec<(Turn, Outcome)>,
}

impl Bench<'_> {
    fn take_turns(&mut self) {
        for turn in plan::turns(self.options, &self.programs.contenders()) {
            if self.is_stopped() {
                return;
            }
            let Turn { players, round, contender, seed } = turn;
            let rounds = self.options.rounds;
            (self.on_status)(&format!("{players} players, round {round}/{rounds}: {contender}"));
            let outcome = self.measure(contender, players, seed);
            // What was cut short by us says nothing about the contender.
            if !self.is_stopped() {
                self.outcomes.push((turn, outcome));
            }
        }
    }

    /// Looks for the highest number of players of each contender. They take turns here, too.
    fn search(&mut self, limits: SearchLimits) -> Vec<(Contender, Search)> {
        let contenders = self.programs.contenders().into_iter();
        let mut searches: Vec<(Contender, Search)> =
            contenders.map(|contender| (contender, Search::new(limits))).collect();
        let mut is_open = true;
        while is_open {
            is_open = false;
            for (contender, search) in &mut searches {
                let Some(players) = search.next_trial() else { continue };
                (self.on_status)(&format!("search, {players} players: {contender}"));
                let seed = self.options.seed.wrapping_add(search.trials.len() as u64);
                let trial = match self.measure(*contender, players, seed) {
                    Ok(sample) => search::judge(&sample),
                    Err(why) => Trial { players, passed: false, why },
                };
                if self.is_stopped() {
                    return searches;
                }
                search.record(trial);
                is_open = true;
            }
        }
        searches
    }

    fn measure(&self, contender: Contender, players: u32, seed: u64) -> Outcome {
        let BenchOptions { duration, pin, .. } = *self.options;
        let conditions = Conditions { players, seed, duration, pin, stop: self.stop };
        measure(self.programs.command(contender, players), conditions)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Why nothing can be measured.
#[derive(Debug)]
pub enum BenchError {
    /// This process may not open enough files.
    Descriptors(TooFewDescriptors),
    /// There are no two cores to give away.
    Pin(String),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptors(error) => error.fmt(f),
            Self::Pin(why) => write!(f, "--pin cannot be done here: {why}"),
        }
    }
}

impl std::error::Error for BenchError {}
