//! What the server does and holds, in its own words.
//!
//! Part of [`plots`](super).

use super::{
    super::super::svg::{Axis, How, Rule, Series},
    Figure, highest, line, over_time, timed,
};
use crate::{
    report::Report,
    timeline::{Sample, ServerSample},
};

/// Why there is nothing of the server.
const NOT_ASKED: &str = "The server was not asked: give its admin listener with --admin.";

/// The shortest time that is drawn, in milliseconds: the first bucket of the server's histograms.
const LEAST_MS: f64 = 0.1;

/// How long ticks took and how late they began.
pub(super) fn ticks(report: &Report) -> Figure {
    let of = |of: fn(&ServerSample) -> Option<f64>| {
        over_time(report, |sample| of(sample.server.as_ref()?))
    };
    let missed =
        pairs(report).into_iter().filter(|(_, before, now)| now.ticks_missed > before.ticks_missed);
    let missed = missed.map(|(at, ..)| (at, LEAST_MS)).collect();
    let series = vec![
        line("longest tick", "c5", of(|server| server.tick.max_ms)),
        line("ticks take, p99", "c0", of(|server| server.tick.p99_ms)),
        line("ticks are late, p99", "c1", of(|server| server.tick_late.p99_ms)),
        Series { name: "ticks left out", class: "c3", how: How::Ticks, points: missed },
    ];
    let budget = report.survivors.interval.p50_ms;
    let y = Axis::of_decades("milliseconds", LEAST_MS, highest(&series).chain(budget));
    let text = "period of a tick".to_owned();
    let rule = budget.map(|at| Rule { at, upright: false, text });
    let mut plot = timed(report, y, series);
    plot.rules.extend(rule);
    Figure::one(
        "Ticks",
        "How long ticks took and how late they began, as the server counts them: ends of the \
         buckets of its histograms, for each second. Good: all far below the period, which all \
         rooms share, and no marks at the foot.",
        plot,
        "The server does not say how long its ticks take.",
    )
}

/// Processor time.
pub(super) fn cost(report: &Report) -> Figure {
    let mut points = Vec::new();
    for (at, before, now) in pairs(report) {
        let ticks = now.player_ticks.saturating_sub(before.player_ticks);
        if ticks > 0 {
            points.push((at, (now.cpu_seconds - before.cpu_seconds) * 1e6 / ticks as f64));
        }
    }
    let series = vec![line("µs per player-tick", "c0", points)];
    let y = Axis::from_zero("µs per player and tick", highest(&series));
    Figure::one(
        "Cost",
        "Processor time of the server, for each player and tick. Good: level; departures and joins \
         may cost a little.",
        timed(report, y, series),
        NOT_ASKED,
    )
}

/// Memory.
pub(super) fn memory(report: &Report) -> Figure {
    let mib = |sample: &Sample| Some(sample.server?.rss_bytes as f64 / 1024.0 / 1024.0);
    let series = vec![line("resident memory", "c3", over_time(report, mib))];
    let y = Axis::from_zero("MiB", highest(&series));
    Figure::one(
        "Memory",
        "Resident memory of the server. Good: level once everybody is in; a staircase is a leak. \
         Bytes that wait for clients are in it; the server does not count them apart.",
        timed(report, y, series),
        NOT_ASKED,
    )
}

/// Descriptors and connections.
pub(super) fn holdings(report: &Report) -> Figure {
    let server = |of: fn(&ServerSample) -> u64| {
        over_time(report, |sample| sample.server.as_ref().map(|server| of(server) as f64))
    };
    let series = vec![
        line("descriptors", "c0", server(|server| server.open_fds)),
        line("connections", "c2", server(|server| server.connections)),
    ];
    let y = Axis::from_zero("open", highest(&series));
    Figure::one(
        "What the server holds",
        "Open descriptors and connections. Good: they go together, and after everybody has left \
         they are what they were, which a check looks at.",
        timed(report, y, series),
        NOT_ASKED,
    )
}

/// What the server said in each second and in the one before.
fn pairs(report: &Report) -> Vec<(f64, ServerSample, ServerSample)> {
    let samples = report.timeline.iter().filter_map(|it| Some((it.at_seconds, it.server?)));
    let samples: Vec<(f64, ServerSample)> = samples.collect();
    samples.windows(2).map(|pair| (pair[1].0, pair[0].1, pair[1].1)).collect()
}
