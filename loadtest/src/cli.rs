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
    saved::Saved,
};
use args::{Args, Order};
use files::Files;
use progress::Progress;
use reports::Against;

/// Runs the program. The exit codes are those of [`ExitStatus`].
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Args::try_parse_from(args).and_then(Args::into_order) {
        Ok(Order::Run(options, against)) => load(&options, against.as_ref()).into(),
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

fn load(options: &Options, against: Option<&Against>) -> ExitStatus {
    let baseline = match against.map(Against::read).transpose() {
        Ok(baseline) => baseline,
        Err(trouble) => {
            output::error(&trouble.to_string());
            return trouble.status();
        }
    };
    let (stop, files) = match prepare(options) {
        Ok(prepared) => prepared,
        Err(status) => return status,
    };
    output::status(&format!("seed {}: {options}", options.seed));
    let mut progress = Progress::new();
    let outcome = run::run(options, &stop, &mut |status| progress.show(status));
    progress.finish();
    let report = match outcome {
        Ok(report) => report,
        Err(error) => {
            files.discard_empty();
            output::error(&error.to_string());
            return status_of(&error);
        }
    };
    let status = publish(&files, &report);
    let Some((against, baseline)) = against.zip(baseline) else { return status };
    match Saved::of("this run", &report) {
        Ok(saved) if !against.is_as_good(&baseline, &saved) && status == ExitStatus::Pass => {
            ExitStatus::Regression
        }
        Ok(_) => status,
        Err(error) => {
            output::error(&format!("this run cannot be compared: {error}"));
            ExitStatus::Internal
        }
    }
}

/// What every command needs that runs: the flag that ends it, and the files of its results.
fn prepare(options: &Options) -> Result<(Arc<AtomicBool>, Files<'_>), ExitStatus> {
    let stop = stop_flag().map_err(|error| {
        output::error(&format!("cannot install a signal handler: {error}"));
        ExitStatus::Internal
    })?;
    let files = Files::claim(options).map_err(|error| {
        output::error(&error);
        ExitStatus::Usage
    })?;
    Ok((stop, files))
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

fn publish(files: &Files<'_>, report: &Report) -> ExitStatus {
    // Files go first: whoever reads the terminal may have gone away.
    let written = files.write(report);
    output::report(report);
    match written {
        Ok(()) => ExitStatus::from_code(report.exit_code),
        Err(error) => {
            output::error(&error);
            ExitStatus::Internal
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
