//! Which plots a page has, and from which figures.
//!
//! Part of [`Html`](super::Html).

use super::super::svg::{Axis, How, Plot, Series};
use crate::{
    report::Report,
    timeline::{Sample, ServerSample},
};

/// Title, plot and explanation of each, in order.
pub(super) fn all(report: &Report) -> Vec<(&'static str, &'static str, Plot)> {
    let mut plots = Vec::new();
    if report.events.iter().any(|event| event.ttd_ms.is_some()) {
        plots.push((
            "Time to detect",
            "Each mark is one departure, and how long the server took to know of it. What is \
             learnt within a turn of the server's loop shows as 0.1.",
            detection(report),
        ));
    }
    if report.timeline.is_empty() {
        return plots;
    }
    plots.push((
        "Who was there",
        "Bots that played, and players as the server counts them. Where the server's line lies \
         above the bots', it takes somebody for present who is gone. Marks below: departures.",
        population(report),
    ));
    plots.push((
        "What the others felt",
        "Time between two states of a bot that was not to leave, second by second. Departures \
         should not show here.",
        survivors(report),
    ));
    if report.timeline.iter().any(|sample| sample.server.is_some()) {
        plots.push((
            "Cost",
            "Processor time of the server for each player and tick, second by second.",
            cost(report),
        ));
        plots.push((
            "What the server holds",
            "Open descriptors and connections. After everybody has left they must be what they \
             were.",
            holdings(report),
        ));
    }
    plots.push((
        "The load generator",
        "How late inputs were sent, 99th percentile of each second: if this is large, the figures \
         above are the bots' and not the server's.",
        generator(report),
    ));
    plots
}

fn time(report: &Report) -> Axis {
    let ends = report.timeline.iter().map(|sample| sample.at_seconds);
    Axis::from_zero("seconds from the first departure on", ends)
}

fn detection(report: &Report) -> Plot {
    let names: Vec<&str> = report.causes.iter().map(|cause| cause.departure.as_str()).collect();
    let rows: Vec<String> = names.iter().rev().map(|name| (*name).to_owned()).collect();
    let row = |name: &str| rows.iter().position(|row| row == name);
    let mut marks = [Vec::new(), Vec::new()];
    for event in &report.events {
        let place = event.ttd_ms.zip(event.departure.and_then(row));
        if let Some((ttd_ms, row)) = place {
            let is_bad = event.verdict != "right" || event.late == Some(true);
            marks[usize::from(is_bad)].push((ttd_ms, row as f64));
        }
    }
    let [good, bad] = marks;
    Plot {
        x: Axis { label: "milliseconds", min: 0.1, max: 20_000.0, log: true },
        y: Axis { label: "", min: -0.6, max: rows.len() as f64 - 0.4, log: false },
        series: vec![
            Series { name: "in time, right reason", class: "c0", how: How::Marks, points: good },
            Series { name: "late, or wrong reason", class: "c1", how: How::Marks, points: bad },
        ],
        rows,
    }
}

fn over_time(report: &Report, of: impl Fn(&Sample) -> Option<f64>) -> Vec<(f64, f64)> {
    let points = report.timeline.iter();
    points.filter_map(|sample| Some((sample.at_seconds, of(sample)?))).collect()
}

fn line(name: &'static str, class: &'static str, points: Vec<(f64, f64)>) -> Series {
    Series { name, class, how: How::Line, points }
}

fn plot(report: &Report, label: &'static str, series: Vec<Series>) -> Plot {
    let highest = series.iter().filter(|series| series.how == How::Line);
    let highest = highest.flat_map(|series| series.points.iter().map(|(_, y)| *y));
    let y = Axis::from_zero(label, highest);
    Plot { x: time(report), y, series, rows: Vec::new() }
}

fn population(report: &Report) -> Plot {
    let server = |of: fn(&ServerSample) -> u64| {
        over_time(report, |sample| sample.server.as_ref().map(|server| of(server) as f64))
    };
    let left = report.events.iter().filter_map(|event| Some((event.at_seconds?, 0.0))).collect();
    let series = vec![
        line("bots that play", "c0", over_time(report, |sample| Some(sample.playing as f64))),
        line("players on the server", "c1", server(|server| server.players)),
        line("seats held", "c3", server(|server| server.players_away)),
        Series { name: "departures", class: "c5", how: How::Ticks, points: left },
    ];
    plot(report, "players", series)
}

fn survivors(report: &Report) -> Plot {
    let series = vec![
        line("max", "c5", over_time(report, |sample| sample.interval_max_ms)),
        line("p99", "c1", over_time(report, |sample| sample.interval_p99_ms)),
        line("p50", "c0", over_time(report, |sample| sample.interval_p50_ms)),
    ];
    plot(report, "milliseconds", series)
}

fn cost(report: &Report) -> Plot {
    let mut points = Vec::new();
    let samples = report.timeline.iter().filter_map(|it| Some((it.at_seconds, it.server?)));
    let samples: Vec<(f64, ServerSample)> = samples.collect();
    for pair in samples.windows(2) {
        let [(_, before), (at, now)] = pair else { continue };
        let ticks = now.player_ticks.saturating_sub(before.player_ticks);
        if ticks > 0 {
            points.push((*at, (now.cpu_seconds - before.cpu_seconds) * 1e6 / ticks as f64));
        }
    }
    plot(report, "µs per player-tick", vec![line("", "c0", points)])
}

fn holdings(report: &Report) -> Plot {
    let server = |of: fn(&ServerSample) -> u64| {
        over_time(report, |sample| sample.server.as_ref().map(|server| of(server) as f64))
    };
    let series = vec![
        line("descriptors", "c0", server(|server| server.open_fds)),
        line("connections", "c2", server(|server| server.connections)),
    ];
    plot(report, "open", series)
}

fn generator(report: &Report) -> Plot {
    let points = over_time(report, |sample| sample.input_lag_p99_ms);
    plot(report, "milliseconds", vec![line("", "c4", points)])
}
