//! What two runs have measured, side by side.
//!
//! Data flow: two saved reports -> figures -> **`Comparison`** -> table, Markdown, exit code.
//!
//! A figure that is not there is never the same as one that is: it is listed as missing. And what
//! cannot be judged has not passed either, or a gate would open when the measuring breaks.

mod conditions;
mod figures;
mod metrics;

pub use conditions::differences;
pub use metrics::{Direction, Floor, How, METRICS, Metric, Paths, Unit};

use crate::saved::Saved;

/// Two reports side by side.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The first run: how it was.
    pub a: &'a Saved,
    /// The second run: how it is.
    pub b: &'a Saved,
    /// The relative change that is taken for chance, from 0 to 1.
    pub noise: f64,
    /// Why the two may not be comparable.
    pub warnings: Vec<String>,
    /// The figures that are in one of them or in both: the worse ones first, then those that are
    /// missing, the better ones, and those that are the same; the largest change first.
    pub rows: Vec<Row>,
    /// The names of the figures that are in neither.
    pub in_neither: Vec<String>,
}

/// One figure in two reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// What it is counted in.
    pub unit: Unit,
    /// How much it was.
    pub a: Option<f64>,
    /// How much it is.
    pub b: Option<f64>,
    /// What that means.
    pub mark: Mark,
}

/// What a change means, in the order of how much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Worse, beyond the noise.
    Worse,
    /// It was there and is not any more.
    MissingInB,
    /// It is there and was not.
    MissingInA,
    /// Better, beyond the noise.
    Better,
    /// Within the noise.
    Same,
}

impl Row {
    /// The change as a share of what it was; infinite if that was nothing.
    pub fn change(&self) -> Option<f64> {
        let (a, b) = (self.a?, self.b?);
        Some(if a == b { 0.0 } else { (b - a) / a.abs() })
    }
}

impl<'a> Comparison<'a> {
    /// Compares.
    pub fn new(a: &'a Saved, b: &'a Saved, noise: f64) -> Self {
        let (mut rows, mut in_neither) = (Vec::new(), Vec::new());
        for metric in &METRICS {
            for (name, causes) in places(metric, a, b) {
                match judge(metric, [a, b], causes, noise) {
                    Some((values, mark)) => {
                        let [a, b] = values;
                        rows.push(Row { name, unit: metric.unit, a, b, mark });
                    }
                    None => in_neither.push(name),
                }
            }
        }
        let size = |row: &Row| row.change().map_or(0.0, f64::abs);
        rows.sort_by(|one, other| {
            one.mark.cmp(&other.mark).then(size(other).total_cmp(&size(one)))
        });
        Self { a, b, noise, warnings: differences(a, b), rows, in_neither }
    }

    /// The rows with this mark.
    pub fn marked(&self, mark: Mark) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.mark == mark)
    }

    /// Checks that fail in the second run and did not in the first.
    pub fn newly_failed(&self) -> Vec<&'a str> {
        let failed = self.b.checks_that("failed").into_iter();
        failed.filter(|name| self.a.outcome_of(name) != Some("failed")).collect()
    }

    /// Checks that passed in the first run and were not made in the second.
    pub fn no_longer_checked(&self) -> Vec<&'a str> {
        let made = |name: &&str| matches!(self.b.outcome_of(name), Some("passed" | "failed"));
        self.a.checks_that("passed").into_iter().filter(|name| !made(name)).collect()
    }

    /// Why it cannot be said that the second run is as good as the first; nothing if it is.
    pub fn regressions(&self) -> Vec<String> {
        let mut regressions = Vec::new();
        for (name, report) in [("A", self.a), ("B", self.b)] {
            if !report.means_something() {
                let verdict = report.verdict();
                regressions.push(format!("{name} is {verdict}, so nothing can be concluded"));
            }
        }
        let failed = self.newly_failed().into_iter();
        regressions.extend(failed.map(|name| format!("the check \"{name}\" fails and did not")));
        let worse = self.marked(Mark::Worse);
        regressions.extend(worse.map(|row| format!("{} is worse", row.name)));
        let missing = self.marked(Mark::MissingInB);
        regressions.extend(missing.map(|row| format!("{} is missing in B", row.name)));
        regressions
    }
}

/// The numbers of a cause in the first and the second report.
type Causes = [Option<usize>; 2];

/// The names under which a metric is compared, and for which cause in which report.
fn places(metric: &Metric, a: &Saved, b: &Saved) -> Vec<(String, Option<Causes>)> {
    if !metric.is_of_each_cause() {
        return vec![(metric.name.to_owned(), None)];
    }
    let mut departures: Vec<&str> = a.departures().map(|(_, name)| name).collect();
    departures.extend(
        b.departures()
            .map(|(_, name)| name)
            .filter(|name| !a.departures().any(|(_, known)| known == *name)),
    );
    let number = |report: &Saved, name: &str| {
        report.departures().find(|(_, known)| *known == name).map(|(number, _)| number)
    };
    let place = |name: &str| {
        (format!("{} of {name}", metric.name), Some([number(a, name), number(b, name)]))
    };
    departures.into_iter().map(place).collect()
}

/// The figures of two reports and what their difference means; nothing if both have none.
fn judge(
    metric: &Metric,
    reports: [&Saved; 2],
    causes: Option<Causes>,
    noise: f64,
) -> Option<([Option<f64>; 2], Mark)> {
    let cause = |index: usize| causes.map(|causes| causes[index]);
    let figure = |index: usize| match cause(index) {
        Some(None) => None,
        place => metric.figure(reports[index], place.flatten()),
    };
    let values = [figure(0), figure(1)];
    let mark = match values {
        [None, None] => return None,
        [None, Some(_)] => Mark::MissingInA,
        [Some(_), None] => Mark::MissingInB,
        [Some(a), Some(b)] => {
            let floor = |index| metric.floor_in(reports[index], cause(index).flatten());
            let within = floor(0)
                .zip(floor(1))
                .is_some_and(|(one, other)| (b - a).abs() <= one.max(other).max(a.abs() * noise));
            mark(metric.direction, a, b, within)
        }
    };
    Some((values, mark))
}

fn mark(direction: Direction, a: f64, b: f64, within_noise: bool) -> Mark {
    if a == b || within_noise {
        return Mark::Same;
    }
    let better = match direction {
        Direction::Lower => b < a,
        Direction::Higher => b > a,
        Direction::Equal => false,
    };
    if better { Mark::Better } else { Mark::Worse }
}

#[cfg(test)]
mod tests;
