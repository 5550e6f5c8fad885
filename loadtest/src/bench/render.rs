//! The tables of a bench, for a terminal and for a document. Pure.

use std::fmt;

use super::{
    contender::Contender,
    report::{BenchReport, Figures, Highest, Row, Size},
    statistics::Spread,
};

/// A column of figures.
struct Column {
    /// At most [`CELL`] wide.
    head: &'static str,
    of: fn(&Figures) -> Option<Spread>,
    decimals: usize,
}

/// Width of a column in the terminal.
const CELL: usize = 14;

const COLUMNS: [Column; 11] = [
    Column { head: "CPU µs/state", of: |it| it.cpu_us, decimals: 2 },
    Column { head: "× floor", of: |it| it.cpu_ratio, decimals: 2 },
    Column { head: "user µs", of: |it| it.user_us, decimals: 2 },
    Column { head: "system µs", of: |it| it.system_us, decimals: 2 },
    Column { head: "gap p99 ms", of: |it| it.interval_p99_ms, decimals: 1 },
    Column { head: "age p99 ms", of: |it| it.age_p99_ms, decimals: 1 },
    Column { head: "delivered %", of: |it| it.delivered_percent, decimals: 2 },
    Column { head: "missed", of: |it| it.missed, decimals: 0 },
    Column { head: "KiB/player", of: |it| it.kib_per_player, decimals: 1 },
    Column { head: "bots busy %", of: |it| it.bots_busy_percent, decimals: 0 },
    Column { head: "others busy %", of: |it| it.others_busy_percent, decimals: 0 },
];

/// For a terminal: the median of each figure, and below it the smallest and the largest.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a>(pub &'a BenchReport);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        for size in &report.sizes {
            self.size(f, size)?;
        }
        for highest in &report.highest {
            writeln!(f, "\n{}", highest_line(highest))?;
            for trial in &highest.trials {
                let word = if trial.passed { "well" } else { "badly" };
                writeln!(f, "  {:>6} players: {word}, {}", trial.players, trial.why)?;
            }
        }
        write_notes(f, report, "")?;
        writeln!(f, "\nreproduce: {}", report.command)
    }
}

impl Table<'_> {
    fn size(&self, f: &mut fmt::Formatter<'_>, size: &Size) -> fmt::Result {
        let (players, rounds, seconds) = (size.players, self.0.rounds, self.0.duration_s);
        writeln!(f, "\n{players} players: median, smallest-largest of {rounds} x {seconds} s")?;
        write!(f, "{:<16}", "")?;
        for column in &COLUMNS {
            write!(f, "{:>CELL$}", column.head)?;
        }
        writeln!(f, "  after a reset")?;
        for row in &size.rows {
            table_row(f, row)?;
        }
        Ok(())
    }
}

fn table_row(f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
    write!(f, "{:<16}", row.contender)?;
    let Some(figures) = &row.figures else { return writeln!(f, "  no figures, see below") };
    for Column { of, decimals, .. } in &COLUMNS {
        let median = of(figures).map_or("-".to_owned(), |it| format!("{:.decimals$}", it.median));
        write!(f, "{median:>CELL$}")?;
    }
    writeln!(f, "  {}", figures.after_a_reset)?;
    let ranges = COLUMNS.iter().map(|Column { of, decimals, .. }| {
        let range = of(figures).map_or(String::new(), |it| range(it, *decimals));
        format!("{range:>CELL$}")
    });
    let ranges: String = ranges.collect();
    match ranges.trim_end() {
        "" => Ok(()),
        ranges => writeln!(f, "{:<16}{ranges}", ""),
    }
}

/// For a document: one Markdown table of all numbers of players.
#[derive(Clone, Copy, Debug)]
pub struct Markdown<'a>(pub &'a BenchReport);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| players | server |")?;
        for column in &COLUMNS {
            write!(f, " {} |", column.head)?;
        }
        writeln!(f, " after a reset |")?;
        writeln!(f, "|{}", "---|".repeat(COLUMNS.len() + 3))?;
        for size in &self.0.sizes {
            for row in &size.rows {
                markdown_row(f, size.players, row)?;
            }
        }
        if !self.0.highest.is_empty() {
            writeln!(f)?;
        }
        for highest in &self.0.highest {
            writeln!(f, "- {}", highest_line(highest))?;
        }
        write_notes(f, self.0, "- ")?;
        writeln!(f, "\n`{}`", self.0.command)
    }
}

fn markdown_row(f: &mut fmt::Formatter<'_>, players: u32, row: &Row) -> fmt::Result {
    write!(f, "| {players} | {} |", row.contender)?;
    let Some(figures) = &row.figures else {
        return writeln!(f, "{}", " no figures |".repeat(COLUMNS.len() + 1));
    };
    for Column { of, decimals, .. } in &COLUMNS {
        let cell = of(figures).map_or("-".to_owned(), |it| {
            let (median, range) = (it.median, range(it, *decimals));
            let around = if range.is_empty() { range } else { format!(" ({range})") };
            format!("{median:.decimals$}{around}")
        });
        write!(f, " {cell} |")?;
    }
    writeln!(f, " {} |", figures.after_a_reset)
}

/// The smallest and the largest; nothing if they are the same in print.
fn range(spread: Spread, decimals: usize) -> String {
    let (min, max) = (format!("{:.decimals$}", spread.min), format!("{:.decimals$}", spread.max));
    if min == max { String::new() } else { format!("{min}-{max}") }
}

fn highest_line(highest: &Highest) -> String {
    let who = highest.contender;
    match highest.players {
        Some(players) if highest.is_capped => {
            format!("{who}: {players} players served well, and no more were tried")
        }
        Some(players) => format!("{who}: at most {players} players served well"),
        None => format!("{who}: not even the lowest number of players was served well"),
    }
}

/// What others may use of the machine, in percent of one core, before a note says that it was not
/// quiet.
const OTHERS_BUSY_MAX: f64 = 10.0;

/// Everything that a reader of the figures must know, one line for each.
fn write_notes(f: &mut fmt::Formatter<'_>, report: &BenchReport, mark: &str) -> fmt::Result {
    writeln!(f)?;
    for not_run in &report.not_run {
        writeln!(f, "{mark}{}: not run: {}", not_run.contender, not_run.why)?;
    }
    for size in &report.sizes {
        for row in &size.rows {
            row_notes(f, mark, size.players, row)?;
        }
    }
    if report.interrupted {
        writeln!(f, "{mark}interrupted: not every turn was measured")?;
    }
    if report.machine.debug_build {
        writeln!(f, "{mark}a build without optimisation: the figures say nothing about speed")?;
    }
    if !report.machine.pinned {
        writeln!(f, "{mark}server and bots share the cores (--pin gives them one each)")?;
    }
    let rows = report.sizes.iter().flat_map(|size| &size.rows);
    let others = rows.filter_map(|row| row.figures.as_ref()?.others_busy_percent);
    let others = others.map(|it| it.max).fold(0.0, f64::max);
    if others > OTHERS_BUSY_MAX {
        write!(f, "{mark}the machine was not quiet: others used up to {others:.0} % of a core ")?;
        writeln!(f, "meanwhile, and the figures are worse than they need be")?;
    }
    let no_baseline = |size: &Size| {
        let is_there = |row: &Row| row.contender == Contender::BASELINE && row.measured > 0;
        !size.rows.iter().any(is_there)
    };
    if report.sizes.iter().any(no_baseline) {
        let baseline = Contender::BASELINE;
        writeln!(f, "{mark}without {baseline} there is nothing to take ratios of")?;
    }
    Ok(())
}

fn row_notes(f: &mut fmt::Formatter<'_>, mark: &str, players: u32, row: &Row) -> fmt::Result {
    let who = row.contender;
    for failure in &row.failures {
        writeln!(f, "{mark}{who}, {players} players: no figures in {failure}")?;
    }
    let Some(figures) = &row.figures else { return Ok(()) };
    if figures.limited_by_bots > 0 {
        let (rounds, of) = (figures.limited_by_bots, row.measured);
        write!(f, "{mark}{who}, {players} players: the bots may have been the limit in ")?;
        writeln!(f, "{rounds} of {of} rounds")?;
    }
    if figures.lost > 0 {
        writeln!(f, "{mark}{who}, {players} players: {} players were lost", figures.lost)?;
    }
    match &figures.died_of {
        Some(why) => writeln!(f, "{mark}{who}, {players} players: died of one reset: {why}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::tests::example;

    #[test]
    fn the_table_shows_medians_with_their_spread_and_all_notes() {
        let text = Table(&example()).to_string();
        for part in [
            "1000 players: median, smallest-largest of 2 x 10 s",
            "6.00-11.00",
            "1.10-1.20",
            "gamekeeper: 1000 players served well, and no more were tried",
            "tokio: not run: not built",
            "python-naive, 1000 players: no figures in round 2: joined 900 of 1000",
            "died of one reset: BrokenPipeError",
            "reproduce: gamekeeper-loadtest bench --players 1000",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains("--pin gives"), "server and bots had a core each");
        assert!(text.contains("others used up to"), "{text}");
    }

    #[test]
    fn every_row_of_the_document_has_as_many_cells_as_the_head() {
        let text = Markdown(&example()).to_string();
        let cells: Vec<usize> = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.matches('|').count())
            .collect();
        assert_eq!(cells.len(), 5, "{text}");
        assert!(cells.iter().all(|count| *count == cells[0]), "{text}");
        assert!(text.contains("| 8.50 (6.00-11.00) | 1.15 (1.10-1.20) |"), "{text}");
        assert!(text.contains("- tokio: not run: not built"), "{text}");
    }

    #[test]
    fn a_contender_without_figures_has_a_row() {
        let mut report = example();
        report.sizes[0].rows[0].figures = None;
        assert!(Table(&report).to_string().contains("gamekeeper        no figures, see below"));
        assert!(Markdown(&report).to_string().contains("| 1000 | gamekeeper | no figures |"));
    }
}
