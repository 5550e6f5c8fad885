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
    compare::{Comparison, differences},
    exit::ExitStatus,
    merge::merge,
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
    /// Puts reports together, of runs on several machines or again and again: counts and samples
    /// add up, and a check has passed if no run has failed it.
    ///
    /// What happened second by second is left out. Exit codes: that of the worst run; 1 the result
    /// could not be written, 2 bad usage or a file that cannot be used.
    Merge {
        /// Files that `run --json` or `merge --json` has written.
        #[arg(value_name = "REPORT.json", num_args = 2.., required = true)]
        reports: Vec<PathBuf>,
        /// Writes the report for machines to this file; - is the terminal, instead of the summary.
        #[arg(long, value_name = "FILE")]
        json: Option<Destination>,
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

/// What a run is to be compared with when it is over.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub(super) struct AgainstArgs {
    /// Compares the run with an earlier one, a report or the name of a baseline, as `compare
    /// --fail-on-regression` does.
    #[arg(long, value_name = "A.json|BASELINE")]
    baseline: Option<String>,
    /// The relative change that is taken for chance. What is counted has none.
    #[arg(long, default_value = "5%", value_name = "SHARE", value_parser = parse_share)]
    #[arg(requires = "baseline")]
    noise: f64,
    /// Where baselines are kept.
    #[arg(long, default_value = FOLDER, value_name = "DIR", requires = "baseline")]
    baselines: PathBuf,
}

/// An earlier run, and how much a later one may differ from it by chance.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Against {
    baseline: String,
    noise: f64,
    baselines: PathBuf,
}

impl AgainstArgs {
    /// The earlier run, if one is named.
    pub(super) fn chosen(self) -> Option<Against> {
        let Self { baseline, noise, baselines } = self;
        baseline.map(|baseline| Against { baseline, noise, baselines })
    }
}

impl Against {
    /// Reads it: before the run, or a mistake in its name would come to light after a long one.
    pub(super) fn read(&self) -> Result<Saved, Trouble> {
        files::read_named(&self.baselines, &self.baseline)
    }

    /// Prints both side by side. Whether the run is as good.
    pub(super) fn is_as_good(&self, baseline: &Saved, run: &Saved) -> bool {
        let comparison = Comparison::new(baseline, run, self.noise);
        let text = SideBySide { comparison: &comparison, colour: output::colour() };
        let regressions = comparison.regressions();
        let mut verdict = String::new();
        for why in &regressions {
            verdict += &format!("worse than {}: {why}\n", baseline.label());
        }
        let command = run.command();
        output::result(&format!("\n{text}\n{verdict}reproduce: {command}\n"));
        regressions.is_empty()
    }
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
        ReportCommand::Merge { reports, json } => put_together(&reports, json.as_ref()),
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

fn put_together(reports: &[PathBuf], json: Option<&Destination>) -> Result<ExitStatus, Trouble> {
    let reports: Result<Vec<Saved>, Trouble> =
        reports.iter().map(|report| files::read(report)).collect();
    let reports = reports?;
    let merged = merge(&reports).map_err(Trouble::Unmergeable)?;
    for other in &reports[1..] {
        for difference in differences(&reports[0], other) {
            // Runs of one scenario have each their own seed.
            if !difference.contains(": seed ") {
                output::status(&format!("{difference} ({})", other.label()));
            }
        }
    }
    if let Some(destination) = json {
        destination.write(&format!("{:#}\n", merged.json()))?;
    }
    if json != Some(&Destination::Terminal) {
        output::result(&Recap { report: &merged, colour: output::colour() }.to_string());
    }
    Ok(merged.status())
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
