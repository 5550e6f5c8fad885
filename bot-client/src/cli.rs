//! The program `gamekeeper-bot`: a fleet for the command line.
//!
//! Data flow: arguments -> **`cli`** -> [`Fleet`] -> summary.
//!
//! Progress goes to stderr, the closing summary to stdout.

mod args;
mod output;
mod summary;

use std::{
    ffi::OsString,
    fmt,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::{
    clock::Moment,
    departure::Departure,
    fleet::{BotPlan, DriverError, Fleet, FleetConfig},
    machine,
    retry::RetryPolicy,
};
use args::Args;
use summary::Summary;

/// How often the status line is written.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Runs the program.
///
/// Exit codes: 0 if the bots played, 1 if they could not, 2 for bad usage.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // If not even this can be written, the exit code still says it.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&args) {
        Ok(summary) => {
            output::result(&summary.to_string());
            if summary.has_played() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            output::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<Summary, RunError> {
    let limit = machine::raise_open_files_limit();
    machine::check_descriptors(args.bots, limit).map_err(RunError::Descriptors)?;
    let stop = stop_flag().map_err(RunError::Signals)?;
    let mut fleet = Fleet::new(config(args)).map_err(RunError::Driver)?;
    for _ in 0..args.bots {
        fleet.spawn(BotPlan { departure: args.departure });
    }
    output::status(&format!(
        "{} bots, seed {}, to {} for {:?}",
        args.bots, args.seed, args.target, args.duration
    ));
    let mut summary = Summary::new(args);
    play(&mut fleet, args, &stop, &mut summary)?;
    leave(&mut fleet, args.departure.unwrap_or(Departure::Goodbye), &stop, &mut summary)?;
    Ok(summary)
}

fn config(args: &Args) -> FleetConfig {
    FleetConfig {
        game: args.game.clone(),
        name_prefix: args.name.clone(),
        seed: args.seed,
        input_hz: args.input_hz,
        retry: if args.no_retry { RetryPolicy::NEVER } else { RetryPolicy::FOREVER },
        ..FleetConfig::new(args.target.clone())
    }
}

/// A flag that the first interrupt sets; the second one ends the process at once.
fn stop_flag() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Lets the bots play until the time is up, nobody is left, or somebody says stop.
fn play(
    fleet: &mut Fleet,
    args: &Args,
    stop: &AtomicBool,
    summary: &mut Summary,
) -> Result<(), RunError> {
    let start = Moment::now();
    let end = start + args.duration;
    let mut next_status = start + STATUS_EVERY;
    while Moment::now() < end && !fleet.is_empty() && !stop.load(Ordering::Relaxed) {
        fleet.turn(next_status.min(end)).map_err(RunError::Driver)?;
        summary.take_ends(fleet.take_ends());
        let now = Moment::now();
        if now >= next_status {
            summary.add(&fleet.take_stats());
            output::status(&summary.status(now.since(start), fleet));
            next_status = now + STATUS_EVERY;
        }
    }
    summary.played(Moment::now().since(start), fleet.playing());
    Ok(())
}

/// Ends all bots and waits until the server has noticed, or should have.
fn leave(
    fleet: &mut Fleet,
    departure: Departure,
    stop: &AtomicBool,
    summary: &mut Summary,
) -> Result<(), RunError> {
    let already_stopped = stop.load(Ordering::Relaxed);
    fleet.depart_all(departure);
    let injections = fleet.take_injections();
    let deadline = injections.iter().map(|injection| injection.noticed_by).max();
    while let Some(deadline) = deadline
        && Moment::now() < deadline
        && fleet.leaving() > 0
        && stop.load(Ordering::Relaxed) == already_stopped
    {
        fleet.turn(deadline).map_err(RunError::Driver)?;
    }
    summary.left(injections.len(), fleet.abandon_leaving());
    summary.take_ends(fleet.take_ends());
    summary.add(&fleet.take_stats());
    Ok(())
}

/// Why the program could not run.
#[derive(Debug)]
enum RunError {
    Descriptors(machine::TooFewDescriptors),
    Signals(std::io::Error),
    Driver(DriverError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptors(error) => error.fmt(f),
            Self::Signals(error) => write!(f, "cannot install a signal handler: {error}"),
            Self::Driver(error) => error.fmt(f),
        }
    }
}
