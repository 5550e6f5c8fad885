//! The commands that look at reports of earlier runs: compare, baseline, junit, report.
//!
//! Data flow: arguments, files -> saved reports -> renderings -> **terminal, files, exit code**.
//!
//! Everything between the files is a pure function; here is only what touches the world.

mod files;

use std::path::PathBuf;

use clap::Subcommand;
use gamekeeper_bot::units::parse_share;

use super::output;
use crate::{
    baseline::{BaselineName, FOLDER},
    compare::Comparison,
    exit::ExitStatus,
    render::{Junit, Markdown, Recap, SideBySide},
    saved::Saved,
};
use files::{Destination, Trouble};

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(super) enum ReportCommand {
    /// Compares two reports: what is worse, better, the same, missing.
    ///
    /// Exit codes: 0 compared, 1 a result could not be written, 2 bad usage or a file that cannot
    /// be read, 6 with --fail-on-regression if something is worse beyond the noise, a check fails
    /// that did not, a figure is missing in the second report, or one of the runs was no valid one.
    Compare(CompareArgs),
    /// Keeps reports under names, for later comparisons.
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Writes the checks of a report as JUnit XML, for build servers.
    Junit {
        /// A file that `run --json` has written.
        #[arg(value_name = "REPORT.json")]
        report: PathBuf,
        /// Where to write it; - is the terminal.
        #[arg(long, default_value = "-", value_name = "FILE")]
        output: Destination,
    },
    /// Prints the verdict, the causes, the checks and the command of a report.
    Report {
        /// A file that `run --json` has written.
        #[arg(value_name = "REPORT.json")]
        report: PathBuf,
    },
}

#[derive(Clone, Debug, PartialEq, clap::Args)]
pub(super) struct CompareArgs {
    /// How it was: a report, or the name of a baseline.
    #[arg(value_name = "A.json|BASELINE")]
    a: String,
    /// How it is: a report, or the name of a baseline.
    #[arg(value_name = "B.json|BASELINE")]
    b: String,
    /// The relative change that is taken for chance. What is counted has none.
    #[arg(long, default_value = "5%", value_name = "SHARE", value_parser = parse_share)]
    noise: f64,
    /// Ends with exit code 6 if the second run is worse, or if that cannot be said.
    #[arg(long)]
    fail_on_regression: bool,
    /// Writes the table as Markdown, too; - writes it to the terminal instead of the table.
    #[arg(long, value_name = "FILE")]
    markdown: Option<Destination>,
    /// Where baselines are kept.
    #[arg(long, default_value = FOLDER, value_name = "DIR")]
    baselines: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(super) enum BaselineCommand {
    /// Keeps a report under a name; an older one of that name is replaced.
    Save {
        /// Letters, digits, "-", "_" and ".".
        name: BaselineName,
        /// A file that `run --json` has written.
        #[arg(value_name = "REPORT.json")]
        report: PathBuf,
        /// Where baselines are kept.
        #[arg(long, default_value = FOLDER, value_name = "DIR")]
        baselines: PathBuf,
    },
    /// Shows which there are.
    List {
        /// Where baselines are kept.
        #[arg(long, default_value = FOLDER, value_name = "DIR")]
        baselines: PathBuf,
    },
}

/// Does it, and says on stderr what went wrong.
pub(super) fn carry_out(command: ReportCommand) -> ExitStatus {
    let outcome = match command {
        ReportCommand::Compare(args) => compare(&args),
        ReportCommand::Baseline(BaselineCommand::Save { name, report, baselines }) => {
            files::save(&baselines, &name, &report).map(|(saved, file)| {
                if !saved.means_something() {
                    let verdict = saved.verdict();
                    output::status(&format!("this run is {verdict}: its figures mean nothing"));
                }
                output::status(&format!("{name} is kept in {}", file.display()));
                ExitStatus::Pass
            })
        }
        ReportCommand::Baseline(BaselineCommand::List { baselines }) => files::list(&baselines)
            .map(|lines| {
                output::result(&lines);
                ExitStatus::Pass
            }),
        ReportCommand::Junit { report, output } => files::read(&report)
            .and_then(|report| output.write(&Junit(&report).to_string()))
            .map(|()| ExitStatus::Pass),
        ReportCommand::Report { report } => files::read(&report).map(|report| {
            output::result(&Recap { report: &report, colour: output::colour() }.to_string());
            ExitStatus::Pass
        }),
    };
    outcome.unwrap_or_else(|trouble| {
        output::error(&trouble.to_string());
        trouble.status()
    })
}

fn compare(args: &CompareArgs) -> Result<ExitStatus, Trouble> {
    let [a, b]: [Result<Saved, Trouble>; 2] =
        [&args.a, &args.b].map(|name| files::read_named(&args.baselines, name));
    let (a, b) = (a?, b?);
    let comparison = Comparison::new(&a, &b, args.noise);
    if args.markdown != Some(Destination::Terminal) {
        let text = SideBySide { comparison: &comparison, colour: output::colour() };
        output::result(&text.to_string());
    }
    if let Some(destination) = &args.markdown {
        destination.write(&Markdown(&comparison).to_string())?;
    }
    let worse = args.fail_on_regression && !comparison.regressions().is_empty();
    Ok(if worse { ExitStatus::Regression } else { ExitStatus::Pass })
}
