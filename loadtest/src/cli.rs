//! The program `gamekeeper-loadtest`.
//!
//! Data flow: arguments -> options -> run -> report -> **`cli`** -> terminal, file, exit code; or
//! arguments -> faulty server, bench or floor -> **`cli`**; or saved reports -> comparison ->
//! **`cli`**.
//!
//! Progress goes to stderr, the report to stdout.

mod args;
mod bench;
mod catalogue;
mod faulty;
mod files;
mod output;
mod progress;
mod reports;
mod soak;

use std::{
    ffi::OsString,
    io,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::{
    crew::worker,
    exit::ExitStatus,
    options::Options,
    report::Report,
    run::{self, RunError},
};
use args::{Args, Order};
use files::Files;
use progress::Progress;

/// Runs the program. The exit codes are those of [`ExitStatus`].
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Args::try_parse_from(args).and_then(Args::into_order) {
        Ok(Order::Run(options)) => load(&options),
        Ok(Order::Soak(options, until)) => soak::soak(&options, until),
        Ok(Order::Serve(options)) => faulty::serve(options),
        Ok(Order::ListModes) => faulty::list(),
        Ok(Order::Reports(command)) => reports::carry_out(command).into(),
        Ok(Order::List) => catalogue::list().into(),
        Ok(Order::Plan(chosen)) => catalogue::plan(&chosen).into(),
        Ok(Order::Compare(options)) => bench::compare(&options),
        Ok(Order::Work) => work(),
        Ok(Order::BeTheFloor(options)) => bench::be_the_floor(&options),
        Err(error) => {
            // If not even this can be written, the exit code still says it.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

fn load(options: &Options) -> ExitCode {
    let stop = match stop_flag() {
        Ok(stop) => stop,
        Err(error) => {
            output::error(&format!("cannot install a signal handler: {error}"));
            return ExitStatus::Internal.into();
        }
    };
    let files = match Files::claim(options) {
        Ok(files) => files,
        Err(error) => {
            output::error(&error);
            return ExitStatus::Usage.into();
        }
    };
    output::status(&format!("seed {}: {options}", options.seed));
    let mut progress = Progress::new();
    let outcome = run::run(options, &stop, &mut |status| progress.show(status));
    progress.finish();
    match outcome {
        Ok(report) => publish(&files, &report),
        Err(error) => {
            files.discard_empty();
            output::error(&error.to_string());
            status_of(&error).into()
        }
    }
}

fn work() -> ExitCode {
    match worker::serve() {
        Ok(()) => ExitStatus::Pass.into(),
        Err(error) => {
            output::error(&error.to_string());
            ExitStatus::Internal.into()
        }
    }
}

fn publish(files: &Files<'_>, report: &Report) -> ExitCode {
    // Files go first: whoever reads the terminal may have gone away.
    let written = files.write(report);
    output::report(report);
    match written {
        Ok(()) => ExitCode::from(report.exit_code),
        Err(error) => {
            output::error(&error);
            ExitStatus::Internal.into()
        }
    }
}

fn status_of(error: &RunError) -> ExitStatus {
    match error {
        RunError::Server(_) | RunError::Admin(_) | RunError::Unreachable { .. } => {
            ExitStatus::TargetDown
        }
        RunError::Pin(_) | RunError::Churn { .. } => ExitStatus::Usage,
        RunError::Descriptors(_) | RunError::Ports { .. } | RunError::Crew(_) => {
            ExitStatus::Internal
        }
    }
}

/// A flag that an interrupt sets. The run then ends soon, with its server, and reports.
fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
