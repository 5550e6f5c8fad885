//! Repeats a scenario until it fails.
//!
//! Data flow: options -> runs on one server -> a line for each -> **verdict**.

use std::{process::ExitCode, sync::atomic::AtomicBool, time::Duration};

use gamekeeper_bot::clock::Moment;

use super::{output, prepare, progress::Progress, status_of};
use crate::{
    exit::ExitStatus,
    options::Options,
    report::Report,
    run,
    soak::{Cycle, GROWTH_BYTES_MAX, Soak},
};

/// How long a soak goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Until {
    /// So many runs at most.
    pub(super) times: Option<u32>,
    /// No new run begins after this time.
    pub(super) lasts: Option<Duration>,
}

/// Runs until it fails, or is over.
pub(super) fn soak(options: &Options, until: Until) -> ExitCode {
    let (stop, files) = match prepare(options) {
        Ok(prepared) => prepared,
        Err(status) => return status.into(),
    };
    output::status(&format!("seeds from {} on: {options}", options.seed));
    let (soak, last) = match repeat(options, until, &stop) {
        Ok(outcome) => outcome,
        Err(error) => {
            files.discard_empty();
            output::error(&error.to_string());
            return status_of(&error).into();
        }
    };
    if let Err(error) = files.write(&last) {
        output::error(&error);
        return ExitStatus::Internal.into();
    }
    // How our own server has stopped is known only now.
    let status = match soak.status() {
        ExitStatus::Pass => ExitStatus::from_code(last.exit_code),
        status => status,
    };
    if last.exit_code != 0 {
        output::report(&last);
    }
    output::result(&summary(&soak, status));
    status.into()
}

fn repeat(
    options: &Options,
    until: Until,
    stop: &AtomicBool,
) -> Result<(Soak, Report), run::RunError> {
    let began = Moment::now();
    let mut soak = Soak::default();
    let mut progress = Progress::new();
    let last = run::repeat(options, stop, &mut |status| progress.show(status), &mut |report| {
        let cycle = Cycle::new(report);
        let number = soak.cycles.len() + 1;
        output::result(&line(number, &cycle));
        soak.cycles.push(cycle);
        let enough = until.times.is_some_and(|times| number >= times as usize)
            || until.lasts.is_some_and(|lasts| Moment::now().since(began) >= lasts);
        soak.status() == ExitStatus::Pass && !enough
    });
    progress.finish();
    last.map(|last| (soak, last))
}

fn line(number: usize, cycle: &Cycle) -> String {
    let mib = cycle
        .rss_bytes
        .map_or("?".to_owned(), |bytes| format!("{:.1} MiB", bytes as f64 / 1_048_576.0));
    let worst = cycle.worst_interval_ms.map_or("-".to_owned(), |ms| format!("{ms:.0} ms"));
    format!(
        "run {number}, seed {}: {}, {} departures, worst interval {worst}, memory after {mib}\n",
        cycle.seed, cycle.verdict, cycle.departures
    )
}

fn summary(soak: &Soak, status: ExitStatus) -> String {
    let departures: u64 = soak.cycles.iter().map(|cycle| cycle.departures).sum();
    let growth = soak.growth_bytes().map_or_else(
        || match soak.cycles.last().and_then(|cycle| cycle.rss_bytes) {
            Some(_) => "too few runs to judge the memory".to_owned(),
            None => "the memory is unknown without --admin".to_owned(),
        },
        |bytes| {
            format!(
                "memory grew by {:.0} KiB from run to run, allowed {:.0}",
                bytes / 1024.0,
                GROWTH_BYTES_MAX / 1024.0
            )
        },
    );
    let runs = soak.cycles.len();
    format!("\nVERDICT  {}\n{runs} runs, {departures} departures; {growth}\n", status.word())
}
