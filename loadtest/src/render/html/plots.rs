//! Which plots a page has, and what is to be seen in each.
//!
//! Part of [`Html`](super::Html): report -> **`Figure`** -> page. A plot for which there are no
//! figures is not left out: it says what is missing.

mod detection;
mod latency;
mod people;
mod server;

use std::fmt;

use super::{
    super::svg::{Axis, Band, How, Plot, Rule, Series},
    escape,
};
use crate::{report::Report, timeline::Sample};

/// A plot with its words.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    title: &'static str,
    /// What is to be seen, and what a good one looks like.
    caption: &'static str,
    /// The plots, each with a heading if there are several, or why there is none.
    drawn: Result<Vec<(String, Plot)>, &'static str>,
}

/// All of them, in order.
pub(super) fn all(report: &Report) -> Vec<Figure> {
    vec![
        people::population(report),
        detection::detection(report),
        latency::survivors(report),
        server::ticks(report),
        latency::spectrum(report),
        latency::fairness(report),
        people::recovery(report),
        people::funnel(report),
        server::cost(report),
        server::memory(report),
        server::holdings(report),
        latency::generator(report),
    ]
}

impl Figure {
    /// A figure with one plot, unless nothing would be in it.
    fn one(title: &'static str, caption: &'static str, plot: Plot, why_not: &'static str) -> Self {
        let drawn = if plot.is_empty() { Err(why_not) } else { Ok(vec![(String::new(), plot)]) };
        Self { title, caption, drawn }
    }

    /// Whether it is much taller than others.
    fn is_tall(&self) -> bool {
        let rows = |(_, plot): &(String, Plot)| plot.rows.len();
        self.drawn.iter().flatten().map(rows).sum::<usize>() > 8
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = if self.is_tall() { " class=\"tall\"" } else { "" };
        write!(f, "<figure{class}><h3>{}</h3>", self.title)?;
        match &self.drawn {
            Err(why) => write!(f, "<p class=\"missing\">{why}</p>")?,
            Ok(plots) => {
                for (heading, plot) in plots {
                    if !heading.is_empty() {
                        write!(f, "<p class=\"dim\">{}</p>", escape(heading))?;
                    }
                    write!(f, "{plot}")?;
                }
            }
        }
        writeln!(f, "<figcaption>{}</figcaption></figure>", self.caption)
    }
}

/// Milliseconds, as exactly as anybody wants to know.
fn ms(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(short) if short.abs() < 10.0 => format!("{short:.2}"),
        Some(long) => super::number(long.round()),
    }
}

/// A line through these points.
fn line(name: &'static str, class: &'static str, points: Vec<(f64, f64)>) -> Series {
    Series { name, class, how: How::Line, points }
}

/// The run, from its beginning to its last sample.
fn time(report: &Report) -> Axis {
    let samples = report.timeline.iter().map(|sample| sample.at_seconds);
    let heads = report.headcounts.iter().map(|heads| heads.at_seconds);
    let last = samples.chain(heads).fold(0.0, f64::max);
    Axis::between("seconds of the run", 0.0, last)
}

/// A figure of each sample for which there is one.
fn over_time(report: &Report, of: impl Fn(&Sample) -> Option<f64>) -> Vec<(f64, f64)> {
    let points = report.timeline.iter();
    points.filter_map(|sample| Some((sample.at_seconds, of(sample)?))).collect()
}

/// A plot over the time of the run: what was done is behind it, and what was measured is told of
/// each second.
fn timed(report: &Report, y: Axis, series: Vec<Series>) -> Plot {
    let windows = report.faults.iter().map(|fault| Band {
        from: fault.from_seconds,
        to: fault.to_seconds,
        text: format!(
            "{} departures per second: {} ({})",
            super::number(fault.per_second),
            fault.causes,
            fault.states.join(", ")
        ),
    });
    let masses = report.recoveries.iter().map(|recovery| Rule {
        at: recovery.at_seconds,
        upright: true,
        text: format!("{} at once", recovery.left),
    });
    let (bands, rules) = (windows.collect(), masses.collect());
    let hints = hints(report, &series);
    Plot { bands, rules, hints, ..Plot::new(time(report), y, series) }
}

/// What the lines are at, for each sample of the timeline.
fn hints(report: &Report, series: &[Series]) -> Vec<Band> {
    // More than so many are narrower than a finger.
    let step = report.timeline.len().div_ceil(90).max(1);
    let hint = |sample: &Sample| {
        let (from, to) = (sample.at_seconds - sample.seconds, sample.at_seconds);
        let here = series.iter().filter(|it| it.how != How::Ticks).filter_map(|series| {
            let is_here = |(x, _): &&(f64, f64)| *x > from && *x <= to;
            let (_, value) = series.points.iter().rfind(is_here)?;
            Some(format!("\n{} {}", series.name, super::number(*value)))
        });
        let text = format!("{to:.0} s{}", here.collect::<String>());
        Band { from, to, text }
    };
    report.timeline.iter().step_by(step).map(hint).collect()
}

/// The highest value of all lines.
fn highest(series: &[Series]) -> impl Iterator<Item = f64> {
    let lines = series.iter().filter(|series| series.how != How::Ticks);
    lines.flat_map(|series| series.points.iter().map(|(_, y)| *y))
}
