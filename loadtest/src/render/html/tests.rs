//! Pages of made-up reports: sound, self-contained, and without a hole where a figure is missing.

use super::*;
use crate::{
    render::svg::tests::assert_drawings_are_sound,
    report::{FaultWindow, Recovery, Spread, tests::good_report},
    timeline::{Headcount, Sample, ServerSample},
};

/// The titles of the plots, in their order.
const TITLES: [&str; 12] = [
    "Who was there",
    "Time to detect",
    "What the others felt",
    "Ticks",
    "Percentiles",
    "Fairness",
    "Recovery",
    "Getting in",
    "Cost",
    "Memory",
    "What the server holds",
    "The load test itself",
];

fn page(report: &Report) -> String {
    let page = Html(report).to_string();
    assert_drawings_are_sound(&page);
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for foreign in ["<script", "http:", "https:", "url(", "@import", "src=", "href="] {
        assert!(!page.contains(foreign), "{foreign} is in the page");
    }
    for (title, number) in TITLES.iter().zip(1..) {
        let start = page.find(&format!("<h3>{title}</h3>"));
        let figure = &page[start.unwrap_or_else(|| panic!("no plot {number}: {title}"))..];
        let figure = &figure[..figure.find("</figure>").expect("it ends")];
        assert!(figure.contains("<svg") != figure.contains("class=\"missing\""), "{figure}");
        assert!(figure.contains("Good: ") || figure.contains("Good is"), "no measure: {figure}");
    }
    assert_eq!(page.matches("<figure").count(), TITLES.len());
    for (open, close) in [("<div", "</div>"), ("<table", "</table>"), ("<tr>", "</tr>")] {
        assert_eq!(page.matches(open).count(), page.matches(close).count(), "{open}");
    }
    page
}

/// A report that has something for every plot, with this value wherever a figure is measured.
fn full(value: f64, samples: u32) -> Report {
    let mut report = good_report();
    let sample = |second: u32| Sample {
        at_seconds: f64::from(second),
        seconds: 1.0,
        playing: 10,
        interval_p50_ms: Some(value),
        interval_p99_ms: Some(value),
        interval_max_ms: Some(value),
        input_lag_p99_ms: Some(value),
        server: Some(ServerSample {
            players: 10,
            rss_bytes: u64::from(second) << 20,
            open_fds: u64::MAX,
            cpu_seconds: value,
            player_ticks: u64::from(second) * 10,
            ticks_missed: u64::from(second),
            tick: crate::timeline::ServerTimes { max_ms: Some(value), ..Default::default() },
            ..ServerSample::default()
        }),
        ..Sample::default()
    };
    let heads = |second: u32| Headcount {
        at_seconds: f64::from(second),
        expected: 10,
        playing: 9,
        returning: 1,
        players: Some(10),
        players_away: Some(0),
    };
    report.timeline = (1..=samples).map(sample).collect();
    report.headcounts = (1..=samples).map(heads).collect();
    for spread in
        [&mut report.intervals, &mut report.ages, &mut report.input_lags, &mut report.longest_waits]
    {
        *spread = Spread { count: u64::from(samples), at: vec![(0.0, value), (1.0, value)] };
    }
    for event in &mut report.events {
        event.ttd_ms = Some(value);
    }
    let at_seconds = f64::from(samples / 2);
    report.recoveries = vec![Recovery { at_seconds, left: 5, ..Recovery::default() }];
    report.faults = vec![FaultWindow {
        from_seconds: 0.0,
        to_seconds: at_seconds,
        causes: "close".to_owned(),
        per_second: value,
        states: vec!["match"],
    }];
    report
}

#[test]
fn the_page_stands_alone_and_says_the_verdict() {
    let mut report = good_report();
    report.command = "run <script>alert(1)</script>".to_owned();
    let page = page(&report);
    assert!(page.contains("verdict good\">PASS"), "{page}");
}

#[test]
fn what_failed_comes_first() {
    let mut report = good_report();
    report.checks[3].outcome = Outcome::Failed;
    let page = page(&report);
    let failed = page.find("failed: ").expect("it is said");
    assert!(failed < page.find("<table").expect("tables"), "{page}");
}

#[test]
fn every_plot_is_drawn_where_there_are_figures() {
    let page = page(&full(50.0, 30));
    assert!(!page.contains("class=\"missing\""), "{page}");
    assert!(page.contains("class=\"band\"") && page.contains("5 at once"), "shaded and marked");
    assert!(page.contains("<title>7 s\nlongest 50\np99 50\np50 50</title>"), "hints");
    assert!(page.contains("fin</span>") && page.contains("--h:40%"), "the matrix");
}

#[test]
fn what_is_missing_is_said_and_not_left_out() {
    let mut report = good_report();
    report.server = None;
    report.events.clear();
    report.joins.planned = 0;
    (report.intervals, report.input_lags) = (Spread::default(), Spread::default());
    for cause in &mut report.causes {
        (cause.detected, cause.wrong, cause.paths) = (None, None, None);
    }
    let page = page(&report);
    assert_eq!(page.matches("class=\"missing\"").count(), TITLES.len());
    assert!(page.contains("The server was not asked, so nobody knows what it noticed"));
}

/// Whatever is measured, the page can be read, and says nothing that is no number.
#[test]
fn extreme_figures_do_not_break_a_page() {
    let odd = [0.0, -1.0, 1e-300, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 50.0];
    for value in odd {
        for samples in [0, 1, 2, 500] {
            let page = page(&full(value, samples));
            assert!(!page.contains("NaN") && !page.contains(">inf"), "{value}");
        }
    }
}

#[test]
fn a_long_run_makes_no_long_page() {
    let mut report = full(50.0, 20_000);
    let event = report.events[0].clone();
    report.events = (0..50_000)
        .map(|number| {
            let ttd_ms = Some(f64::from(number));
            let at_seconds = Some(f64::from(number) / 3.0);
            crate::report::Event { ttd_ms, at_seconds, ..event.clone() }
        })
        .collect();
    let page = page(&report);
    assert!(page.len() < 300_000, "{} bytes", page.len());
}

#[test]
fn what_was_left_out_and_who_survived_is_said() {
    let mut report = good_report();
    let why = "it needs <CAP_NET_ADMIN>".to_owned();
    report.not_run = vec![crate::report::NotRun { name: "vanish", count: 3, why }];
    let controls = crate::report::Controls { manner: "slicer", bots: 2, evicted: 1 };
    report.controls = vec![controls];
    report.recoveries = vec![Recovery { at_seconds: 5.0, left: 7, ..Recovery::default() }];
    let page = page(&report);
    for wanted in [
        "not run: vanish, planned 3 times: it needs &lt;CAP_NET_ADMIN&gt;",
        "<td>slicer</td><td>2</td><td class=\"bad\">1</td>",
        "<td>5 s</td><td>7</td><td><span class=\"bad\">never</span></td>",
    ] {
        assert!(page.contains(wanted), "{wanted} is missing in\n{page}");
    }
}
