//! The program `gamekeeper-bot`: a fleet for the command line.
//!
//! Data flow: arguments -> **`cli`** -> [`Fleet`] -> summary.
//!
//! Progress goes to stderr, the closing summary to stdout.

mod args;
mod events;
mod output;
mod summary;

use std::{
    ffi::OsString,
    fmt, io,
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
    limits::UNREAD_WITHIN,
    machine,
    retry::RetryPolicy,
    transport::TransportMix,
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
            if !args.events {
                output::result(&summary.to_string());
            }
            if summary.has_played() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            output::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<Summary, RunError> {
    check_privileges(args)?;
    check_transport(args)?;
    let limit = machine::raise_open_files_limit();
    machine::check_descriptors(args.bots, limit).map_err(RunError::Descriptors)?;
    let stop = stop_flag().map_err(RunError::Signals)?;
    if args.until_input_ends {
        stop_at_the_end_of_input(Arc::clone(&stop));
    }
    let mut fleet = Fleet::new(config(args)).map_err(RunError::Driver)?;
    for bot in 0..args.bots {
        fleet.spawn(BotPlan {
            departure: args.departure,
            manner: args.manner,
            websocket: args.transport.is_web(bot),
            ..BotPlan::default()
        });
    }
    output::status(&format!(
        "{} bots, seed {}, to {} for {:?}",
        args.bots, args.seed, args.target, args.duration
    ));
    let mut summary = Summary::new(args);
    play(&mut fleet, args, &stop, &mut summary)?;
    leave(&mut fleet, args, &stop, &mut summary)?;
    Ok(summary)
}

/// Says before the run that something of it would not be allowed.
fn check_privileges(args: &Args) -> Result<(), RunError> {
    let departure =
        args.departure.and_then(|departure| Some((departure.name(), departure.needs()?)));
    let manner = args.manner.needs().map(|privilege| (args.manner.name(), privilege));
    for (name, privilege) in departure.into_iter().chain(manner) {
        privilege.probe().map_err(|why| RunError::NotAllowed { name, why })?;
    }
    Ok(())
}

/// Says before the run that something cannot be done over this transport.
fn check_transport(args: &Args) -> Result<(), RunError> {
    let transport = args.target.transport();
    if !args.transport.can_happen_on(transport) {
        return Err(RunError::Transport("over a Unix socket nobody speaks WebSocket"));
    }
    let needs_websocket = args.departure.is_some_and(Departure::needs_websocket);
    if needs_websocket && args.transport == TransportMix::Tcp {
        return Err(RunError::Transport("only a WebSocket can be closed so: add --transport ws"));
    }
    Ok(())
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
fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Sets the flag when there is nothing more to read. What there is means nothing.
fn stop_at_the_end_of_input(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        // An error is an end as well.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    });
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
        take_ends(fleet, args, summary);
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
    args: &Args,
    stop: &AtomicBool,
    summary: &mut Summary,
) -> Result<(), RunError> {
    let departure = args.departure.unwrap_or(Departure::Goodbye);
    let already_stopped = stop.load(Ordering::Relaxed);
    let start = Moment::now();
    fleet.depart_all(departure);
    // Who waits for something to leave unread has not left yet.
    let waits = departure == Departure::UnreadClose;
    let mut deadline = if waits { start + UNREAD_WITHIN } else { start };
    let mut told_to_leave = 0;
    loop {
        let injections = fleet.take_injections();
        if args.events {
            injections.iter().for_each(|injection| output::event(&events::left(injection)));
        }
        told_to_leave += injections.len();
        let last = injections.iter().map(|injection| injection.noticed_by).max();
        deadline = last.map_or(deadline, |last| deadline.max(last));
        let stopped = stop.load(Ordering::Relaxed) != already_stopped;
        if Moment::now() >= deadline || fleet.leaving() == 0 || stopped {
            break;
        }
        fleet.turn(deadline).map_err(RunError::Driver)?;
    }
    summary.left(told_to_leave, fleet.abandon_leaving());
    take_ends(fleet, args, summary);
    summary.add(&fleet.take_stats());
    Ok(())
}

/// Counts the connections that have ended, and tells of them.
fn take_ends(fleet: &mut Fleet, args: &Args, summary: &mut Summary) {
    let ends = fleet.take_ends();
    if args.events {
        ends.iter().filter_map(events::lost).for_each(|line| output::event(&line));
    }
    summary.take_ends(ends);
}

/// Why the program could not run.
#[derive(Debug)]
enum RunError {
    NotAllowed { name: &'static str, why: String },
    Transport(&'static str),
    Descriptors(machine::TooFewDescriptors),
    Signals(io::Error),
    Driver(DriverError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed { name, why } => write!(f, "\"{name}\" {why}"),
            Self::Transport(why) => f.write_str(why),
            Self::Descriptors(error) => error.fmt(f),
            Self::Signals(error) => write!(f, "cannot install a signal handler: {error}"),
            Self::Driver(error) => error.fmt(f),
        }
    }
}
