//! What those felt who stayed, and how late the load test was itself.
//!
//! Part of [`plots`](super).

use super::{
    super::super::svg::{Axis, Plot, Rule, Series},
    Figure, highest, line, over_time, timed,
};
use crate::report::{Report, Spread};

/// What is written along a spectrum, at one in so many.
const ONE_IN: [(f64, &str); 6] = [
    (2.0, "50 %"),
    (10.0, "90 %"),
    (100.0, "99 %"),
    (1e3, "99.9 %"),
    (1e4, "99.99 %"),
    (1e5, "99.999 %"),
];

/// Time between two states, second by second.
pub(super) fn survivors(report: &Report) -> Figure {
    let series = vec![
        line("longest", "c5", over_time(report, |sample| sample.interval_max_ms)),
        line("p99", "c1", over_time(report, |sample| sample.interval_p99_ms)),
        line("p50", "c0", over_time(report, |sample| sample.interval_p50_ms)),
    ];
    let y = Axis::from_zero("ms between two states", highest(&series));
    Figure::one(
        "What the others felt",
        "Time between two states of a bot that was not to leave, for each second. Good: three \
         lines close together at the period of a tick, and nothing to see of the departures.",
        timed(report, y, series),
        "No bot that stayed saw two states: there was nobody, or the game has no ticks.",
    )
}

/// The whole distribution, with room for its tail.
pub(super) fn spectrum(report: &Report) -> Figure {
    let spread = |name, class, spread: &Spread| line(name, class, tail(spread));
    let series = vec![
        spread("between two states", "c0", &report.intervals),
        spread("age of states", "c2", &report.ages),
        spread("inputs sent late by", "c4", &report.input_lags),
        spread("first state, from the connect", "c3", &report.first_states),
        spread("first state, as planned", "c5", &report.responses),
    ];
    let places = series.iter().flat_map(|series| series.points.iter().map(|(x, _)| *x));
    let x = Axis::of_decades("share of all that is below", 2.0, places);
    let x = Axis { names: ONE_IN.to_vec(), ..x };
    let y = Axis::of_decades("milliseconds", 0.1, highest(&series));
    Figure::one(
        "Percentiles",
        "Each step to the right is ten times rarer. Good: the upper line stays level to the right \
         end, which is the longest of all. The two lines of the first state lie on each other \
         unless bots came in later than planned. The age of a state is from its encoding to its \
         reading, and only the game benchmark tells it.",
        Plot::new(x, y, series),
        "There are no samples: nobody stayed, or the run phase did not begin.",
    )
}

/// Shares as one in so many; the longest is one in as many as there are.
fn tail(spread: &Spread) -> Vec<(f64, f64)> {
    let most = (spread.count as f64).max(1.0);
    let place = |share: f64| (1.0 / (1.0 - share)).min(most);
    spread.at.iter().map(|(share, ms)| (place(*share), *ms)).collect()
}

/// Whether all were served alike.
pub(super) fn fairness(report: &Report) -> Figure {
    let at = report.longest_waits.at.iter();
    let points: Vec<(f64, f64)> = at.map(|(share, ms)| (share * 100.0, *ms)).collect();
    let series = vec![line("", "c3", points)];
    let y = Axis::from_zero("longest wait for a state, ms", highest(&series));
    let x = Axis::between("per cent of the bots, the luckiest first", 0.0, 100.0);
    let median = report.survivors.interval.p50_ms;
    let rules = median.map(|at| Rule { at, upright: false, text: "period of a tick".to_owned() });
    Figure::one(
        "Fairness",
        "The longest time that each bot that stayed had to wait between two states since it \
         joined. Good: nearly level. A part of the bots far above the rest is served worse.",
        Plot { rules: rules.into_iter().collect(), ..Plot::new(x, y, series) },
        "Nobody was there in the end who had stayed and seen two states.",
    )
}

/// How late inputs were sent.
pub(super) fn generator(report: &Report) -> Figure {
    let points = over_time(report, |sample| sample.input_lag_p99_ms);
    let series: Vec<Series> = vec![line("p99", "c4", points)];
    let y = Axis::from_zero("inputs sent late by, ms", highest(&series));
    Figure::one(
        "The load test itself",
        "From the planned time of an input to its sending. Good: a few milliseconds. If this is \
         large, the other figures are the bots' and not the server's.",
        timed(report, y, series),
        "No inputs were sent.",
    )
}
