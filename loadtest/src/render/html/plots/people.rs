//! Who was there, who came back, and who got in.
//!
//! Part of [`plots`](super).

use super::{
    super::super::svg::{Axis, How, Plot, Rule, Series},
    Figure, highest, line, ms, timed,
};
use crate::{
    report::{LatencySummary, Recovery, Report},
    timeline::{Headcount, Sample},
};

/// Mass events whose recovery is drawn.
const RECOVERIES_MAX: usize = 3;

/// What is drawn of the time before a mass event, in seconds.
const BEFORE_SECONDS: f64 = 3.0;

/// And after it.
const AFTER_SECONDS: f64 = 15.0;

/// A percentage above which it does not matter any more how bad it is.
const PERCENT_MAX: f64 = 400.0;

/// Players as the plan, the bots and the server count them.
pub(super) fn population(report: &Report) -> Figure {
    let heads = |of: fn(&Headcount) -> Option<f64>| -> Vec<(f64, f64)> {
        let counts = report.headcounts.iter();
        counts.filter_map(|heads| Some((heads.at_seconds, of(heads)?))).collect()
    };
    let left = report.events.iter().filter_map(|event| Some((event.at_seconds?, 0.0))).collect();
    let expected = heads(|heads| Some(heads.expected as f64));
    let series = vec![
        Series { name: "departures (at the foot)", class: "c5", how: How::Ticks, points: left },
        Series { name: "expected (dashes)", class: "c5", how: How::Dashes, points: expected },
        line("on the server", "c1", heads(|heads| heads.players.map(|it| it as f64))),
        line("bots that play", "c0", heads(|heads| Some(heads.playing as f64))),
        line("seats held", "c3", heads(|heads| heads.players_away.map(|it| it as f64))),
    ];
    let y = Axis::from_zero("players", highest(&series));
    Figure::one(
        "Who was there",
        "Bots that should have played by the plan, that did, and players as the server counts \
         them; shaded is when faults were on. Good: three lines close together. Where the \
         server's lies above the bots', it takes somebody for present who is gone, as it must for \
         a while with those who fall silent.",
        timed(report, y, series),
        "The run phase did not begin, so nobody was counted.",
    )
}

/// What happened around each mass event.
pub(super) fn recovery(report: &Report) -> Figure {
    let all = report.recoveries.iter().take(RECOVERIES_MAX);
    let plots = all.map(|recovery| (heading(recovery), around(report, recovery)));
    let plots: Vec<(String, Plot)> = plots.filter(|(_, plot)| !plot.is_empty()).collect();
    Figure {
        title: "Recovery",
        caption: "Around each of the first mass events: bots that play and the survivors' \
         interval, each in per cent of what it was before, and those who are on the way back in \
         per cent of those who left. Good: the first is back at 100 soon, the second never leaves \
         it.",
        drawn: if plots.is_empty() {
            Err("This scenario has no mass event, or it did not come to it.")
        } else {
            Ok(plots)
        },
    }
}

fn heading(recovery: &Recovery) -> String {
    let complete = recovery.complete_ms().map_or("never all as before".to_owned(), |ms| {
        format!("all as before after {:.1} s", ms / 1e3)
    });
    format!("{} left at {} s: {complete}", recovery.left, super::super::number(recovery.at_seconds))
}

/// A plot whose time begins at a mass event.
fn around(report: &Report, recovery: &Recovery) -> Plot {
    let at = recovery.at_seconds;
    let is_near = |since: f64| (-BEFORE_SECONDS..=AFTER_SECONDS).contains(&since);
    let percent =
        |of: f64, whole: f64| (whole > 0.0).then(|| (of / whole * 100.0).min(PERCENT_MAX));
    let before = report.headcounts.iter().rev().find(|heads| heads.at_seconds <= at);
    let before = before.map_or(0.0, |heads| heads.playing as f64);
    let counts = |whole: f64, of: fn(&Headcount) -> u64| -> Vec<(f64, f64)> {
        let near = report.headcounts.iter().map(|heads| (heads.at_seconds - at, of(heads) as f64));
        let near = near.filter(|(since, _)| is_near(*since));
        near.filter_map(|(since, count)| Some((since, percent(count, whole)?))).collect()
    };
    let calm = |sample: &&Sample| sample.at_seconds <= at;
    let usual = report.timeline.iter().filter(calm).filter_map(|sample| sample.interval_p99_ms);
    let mut usual: Vec<f64> = usual.collect();
    usual.sort_by(f64::total_cmp);
    let usual = usual.get(usual.len() / 2).copied().unwrap_or(0.0);
    let intervals = report.timeline.iter().filter_map(|sample| {
        let since = sample.at_seconds - at;
        let p99 = sample.interval_p99_ms.filter(|_| is_near(since))?;
        Some((since, percent(p99, usual)?))
    });
    let series = vec![
        line("bots that play", "c0", counts(before, |heads| heads.playing)),
        line("survivors' interval, p99", "c1", intervals.collect()),
        line("on the way back", "c3", counts(recovery.left as f64, |heads| heads.returning)),
    ];
    let last = series.iter().flat_map(|it| it.points.iter().map(|(x, _)| *x)).fold(1.0, f64::max);
    let x = Axis::between("seconds from the event on", -BEFORE_SECONDS, last);
    let y = Axis::from_zero("per cent", highest(&series).chain([100.0]));
    let rules = vec![Rule { at: 0.0, upright: true, text: String::new() }];
    Plot { rules, ..Plot::new(x, y, series) }
}

/// Who got in, stage by stage.
pub(super) fn funnel(report: &Report) -> Figure {
    let joins = &report.joins;
    let failed = |stage: &str| joins.failed_at.get(stage).copied().unwrap_or(0);
    let (connecting, greeting) = (failed("connecting"), failed("greeting"));
    let stages = [
        ("planned", joins.planned, String::new()),
        (
            "connected (returns and others too)",
            joins.connect.count,
            told(&joins.connect, connecting),
        ),
        ("let in", joins.joined, told(&joins.welcome, greeting)),
        ("saw a state", joins.first_state.count, told(&joins.first_state, 0)),
        ("the same, as planned", joins.response.count, told(&joins.response, 0)),
    ];
    let rows = stages.iter().map(|(name, count, told)| format!("{name}: {count}{told}")).collect();
    let bars = stages.iter().enumerate();
    let bars: Vec<(f64, f64)> =
        bars.map(|(row, (_, count, _))| (*count as f64, row as f64)).collect();
    let x = Axis::from_zero("bots", bars.iter().map(|(count, _)| *count));
    let points = if joins.planned > 0 { bars } else { Vec::new() };
    let series = vec![Series { name: "", class: "c0", how: How::Bars, points }];
    let y = Axis::from_zero("", [].into_iter());
    Figure::one(
        "Getting in",
        "From the plan to the first state at a new seat; times are from the step before, of the \
         first state from the connect, and in the last row from the time in the plan. Who comes \
         back, stays in the lobby or shows a bad ticket connects as well. Good: nobody is lost on \
         the way down.",
        Plot { rows, ..Plot::new(x, y, series) },
        "Nobody was to join.",
    )
}

fn told(latency: &LatencySummary, failed: u64) -> String {
    let lost = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    format!(", p50 {}, p99 {} ms{lost}", ms(latency.p50_ms), ms(latency.p99_ms))
}
