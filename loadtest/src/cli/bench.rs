//! `bench` and `floor`: comparing servers, and being what they are compared with.
//!
//! Data flow: options -> bench -> report -> **`cli`** -> terminal, file, exit code.

use std::{fs, io, process::ExitCode};

use super::{output, stop_flag};
use crate::{
    bench::{
        contender::Contender,
        floor::{self, FloorOptions},
        options::BenchOptions,
        render::{Markdown, Table},
        report::BenchReport,
        run::{self, BenchError},
    },
    exit::ExitStatus,
    render,
};

/// Measures, and shows the figures.
pub(super) fn compare(options: &BenchOptions) -> ExitCode {
    let stop = match stop_flag() {
        Ok(stop) => stop,
        Err(error) => {
            output::error(&format!("cannot install a signal handler: {error}"));
            return ExitStatus::Internal.into();
        }
    };
    // Before the bench, and not after a long one, it shows that its figures can be written.
    if let Some(path) = &options.json
        && let Err(error) = fs::File::options().append(true).create(true).open(path)
    {
        output::error(&format!("cannot write {}: {error}", path.display()));
        return ExitStatus::Usage.into();
    }
    output::status(&options.to_string());
    match run::run(options, &stop, &mut output::status) {
        Ok(report) => publish(options, &report).into(),
        Err(error) => {
            output::error(&error.to_string());
            match error {
                BenchError::Descriptors(_) => ExitStatus::Internal.into(),
                BenchError::Pin(_) => ExitStatus::Usage.into(),
            }
        }
    }
}

fn publish(options: &BenchOptions, report: &BenchReport) -> ExitStatus {
    // The file goes first: whoever reads the terminal may have gone away.
    let written = options.json.as_ref().map_or(Ok(()), |path| {
        let text = render::json(report).map_err(io::Error::other);
        text.and_then(|text| fs::write(path, text)).map_err(|error| (path, error))
    });
    if let Err((path, error)) = &written {
        output::error(&format!("cannot write {}: {error}", path.display()));
    }
    output::result(&match options.markdown {
        true => Markdown(report).to_string(),
        false => Table(report).to_string(),
    });
    match written {
        Err(_) => ExitStatus::Internal,
        Ok(()) if report.interrupted => ExitStatus::Interrupted,
        Ok(()) if !report.has_figures_of(Contender::Gamekeeper) => ExitStatus::TargetDown,
        Ok(()) => ExitStatus::Pass,
    }
}

/// Is the floor, until the process is ended. Nothing has to be put in order then.
pub(super) fn be_the_floor(options: &FloorOptions) -> ExitCode {
    let ready = |address| output::result(&format!("listening tcp {address}\nready\n"));
    let Err(error) = floor::host(options, ready);
    output::error(&format!("the floor cannot go on: {error}"));
    ExitStatus::Internal.into()
}
