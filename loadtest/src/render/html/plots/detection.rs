//! How long the server took to know of each departure.
//!
//! Part of [`plots`](super).

use super::{
    super::super::svg::{Axis, How, Plot, Series},
    Figure, ms,
};
use crate::report::{Cause, Event, Report};

/// Marks of one cause that are drawn; of more, those at even shares, with the ends.
const MARKS_MAX: usize = 60;

/// What is noticed sooner is drawn here, in milliseconds.
const LEAST_MS: f64 = 0.1;

/// A row for each cause, a mark for each departure.
pub(super) fn detection(report: &Report) -> Figure {
    let mut marks = [Vec::new(), Vec::new()];
    let mut limits = Vec::new();
    let causes = report.causes.iter().filter(|cause| cause.injected > 0);
    let mut rows = Vec::new();
    for cause in causes {
        let row = rows.len() as f64;
        let events = || report.events.iter().filter(|event| is_of(event, cause));
        let times = |bad| {
            events().filter(move |event| is_bad(event) == bad).filter_map(|event| event.ttd_ms)
        };
        for (all, bad) in marks.iter_mut().zip([false, true]) {
            all.extend(evenly(times(bad).collect()).into_iter().map(|time| (time, row)));
        }
        limits.extend(cause.deadline_ms.map(|deadline| (deadline, row)));
        rows.push(name(cause));
    }
    let [good, bad] = marks;
    let all = good.iter().chain(&bad).chain(&limits).map(|(time, _)| *time);
    let x = Axis::of_decades("milliseconds until the server knew", LEAST_MS, all);
    let has_marks = !good.is_empty() || !bad.is_empty();
    let mut series = vec![
        Series { name: "in time, right reason", class: "c0", how: How::Marks, points: good },
        Series { name: "late, or wrong reason", class: "c1", how: How::Marks, points: bad },
    ];
    if has_marks {
        let (name, class) = ("longest time allowed", "c5");
        series.push(Series { name, class, how: How::Limits, points: limits });
    }
    let y = Axis::from_zero("", [].into_iter());
    let plot = Plot { rows, ..Plot::new(x, y, series) };
    Figure::one(
        "Time to detect",
        "Each mark is a departure (of many, 60 at even shares). Good: what ends with a FIN or a \
         RST is far left, who falls silent is a narrow bundle left of the grey limit, and nothing \
         is orange. What is learnt within a turn of the server's loop is drawn at 0.1.",
        plot,
        "Nobody knows when the server noticed a departure: none was made, or it was not asked.",
    )
}

/// Its name, how many there were, and their times in short.
fn name(cause: &Cause) -> String {
    let (p50, p99) = (ms(cause.ttd.p50_ms), ms(cause.ttd.p99_ms));
    format!("{}: {}, p50 {p50}, p99 {p99} ms", cause.departure, cause.injected)
}

/// Whether an event is counted with this cause.
fn is_of(event: &Event, cause: &Cause) -> bool {
    let name = match (event.departure, event.state) {
        (Some(departure), Some("match") | None) => departure.to_owned(),
        (Some(departure), Some(state)) => format!("{departure} ({state})"),
        (None, _) => return false,
    };
    name == cause.departure
}

fn is_bad(event: &Event) -> bool {
    event.verdict != "right" || event.late == Some(true)
}

/// Not more than can be told apart: those at even shares, the shortest and the longest among them.
fn evenly(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    if times.len() <= MARKS_MAX {
        return times;
    }
    let last = times.len() - 1;
    (0..MARKS_MAX).map(|mark| times[mark * last / (MARKS_MAX - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_marks_those_at_even_shares_are_drawn() {
        let many: Vec<f64> = (0..10_000).rev().map(f64::from).collect();
        let drawn = evenly(many);
        assert_eq!((drawn.len(), drawn[0], drawn[59]), (60, 0.0, 9_999.0));
        assert_eq!(evenly(vec![2.0, 1.0]), [1.0, 2.0]);
        assert_eq!(evenly(Vec::new()), Vec::<f64>::new());
    }
}
