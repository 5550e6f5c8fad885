//! Comparisons of made-up reports.

use serde_json::{Value, json};

use super::*;
use crate::saved::tests::saved;

/// A report with enough samples to be compared, changed.
fn report(label: &str, change: impl FnOnce(&mut Value)) -> Saved {
    saved(label, |json| {
        let latency = json!({"count": 1000, "p50_ms": 50.0, "p99_ms": 51.0, "max_ms": 60.0});
        json["survivors"]["interval"] = latency.clone();
        json["causes"][0]["announce"] = latency.clone();
        json["joins"]["welcome"] = latency;
        json["server"]["player_ticks"] = json!(1_000_000);
        json["server"]["cpu_user_us_per_player_tick"] = json!(2.0);
        change(json);
    })
}

fn set(path: &'static str, value: impl Into<Value>) -> impl FnOnce(&mut Value) {
    let value = value.into();
    move |json| *json.pointer_mut(path).expect(path) = value
}

/// The mark of a figure that is `a` in one report and `b` in the other.
fn mark_of(name: &str, path: &'static str, a: impl Into<Value>, b: impl Into<Value>) -> Mark {
    let (a, b) = (report("a", set(path, a)), report("b", set(path, b)));
    let comparison = Comparison::new(&a, &b, 0.05);
    comparison.rows.iter().find(|row| row.name == name).expect(name).mark
}

#[test]
fn a_report_is_as_good_as_itself() {
    let a = report("a", |_| {});
    let comparison = Comparison::new(&a, &a, 0.0);
    assert!(comparison.rows.iter().all(|row| row.mark == Mark::Same), "{:?}", comparison.rows);
    assert!(comparison.warnings.is_empty() && comparison.regressions().is_empty());
    assert!(comparison.in_neither.contains(&"age p99".to_owned()));
}

#[test]
fn each_direction_has_its_worse_side() {
    let cpu = "/server/cpu_user_us_per_player_tick";
    let user = |a: f64, b: f64| mark_of("cpu user per player-tick", cpu, a, b);
    assert_eq!([user(2.0, 3.0), user(3.0, 2.0)], [Mark::Worse, Mark::Better]);
    let detected = |a: u64, b: u64| {
        mark_of(
            "detected share of close",
            "/causes/0/detected",
            json!({"fin": a}),
            json!({"fin": b}),
        )
    };
    assert_eq!([detected(10, 9), detected(9, 10)], [Mark::Worse, Mark::Better]);
    let period = |b: f64| mark_of("interval p50", "/survivors/interval/p50_ms", 50.0, b);
    assert_eq!([period(40.0), period(60.0), period(50.4)], [Mark::Worse, Mark::Worse, Mark::Same]);
}

#[test]
fn a_difference_must_exceed_the_noise_and_the_floor() {
    let cpu = "/server/cpu_user_us_per_player_tick";
    let user = |a: f64, b: f64| mark_of("cpu user per player-tick", cpu, a, b);
    assert_eq!(user(20.0, 20.9), Mark::Same, "above the floor and below the noise");
    assert_eq!(user(20.0, 21.1), Mark::Worse, "above both");
    assert_eq!(user(0.1, 0.19), Mark::Same, "90 % and below the floor");
    assert_eq!(user(0.0, 0.09), Mark::Same, "from nothing and below the floor");
    assert_eq!(user(0.0, 0.2), Mark::Worse, "from nothing and above the floor");
}

/// One wrong eviction more is never noise.
#[test]
fn what_is_counted_has_no_noise() {
    let evicted = |a: u64, b: u64| {
        mark_of("wrong evictions", "/wrong_evictions", json!({"closed": a}), json!({"closed": b}))
    };
    assert_eq!([evicted(1000, 1001), evicted(1, 0)], [Mark::Worse, Mark::Better]);
}

#[test]
fn with_few_samples_a_percentile_is_chance() {
    let told = |count: u64, p99: f64| {
        let a = report("a", |_| {});
        let b = report("b", |json| {
            json["causes"][0]["announce"] = json!({"count": count, "p99_ms": p99});
        });
        let comparison = Comparison::new(&a, &b, 0.05);
        comparison.rows.into_iter().find(|row| row.name == "announce p99 of close").map(|r| r.mark)
    };
    assert_eq!(told(1000, 91.0), Some(Mark::Worse));
    assert_eq!(told(10, 91.0), Some(Mark::Same));
    assert_eq!(told(10, 5000.0), Some(Mark::Worse), "but not if it is out of all proportion");
}

#[test]
fn what_is_missing_is_listed_and_does_not_pass() {
    let (full, bare) = (report("a", |_| {}), report("b", set("/server", Value::Null)));
    let lost = Comparison::new(&full, &bare, 0.05);
    let names: Vec<_> = lost.marked(Mark::MissingInB).map(|row| row.name.as_str()).collect();
    assert!(names.contains(&"rss after") && names.len() == 4, "{names:?}");
    assert!(lost.regressions().contains(&"rss after is missing in B".to_owned()));
    let gained = Comparison::new(&bare, &full, 0.05);
    assert_eq!(gained.marked(Mark::MissingInA).count(), names.len());
    assert!(gained.regressions().is_empty(), "a new figure is no regression");
    let none = Comparison::new(&bare, &bare, 0.05);
    assert!(none.in_neither.contains(&"rss after".to_owned()));
}

#[test]
fn causes_are_compared_by_name_wherever_they_are() {
    let cause =
        |name, p99: f64| json!({"departure": name, "injected": 1, "announce": {"p99_ms": p99}});
    let a = report("a", |json| json["causes"] = json!([cause("reset", 1.0), cause("close", 2.0)]));
    let b = report("b", |json| json["causes"] = json!([cause("close", 3.0), cause("stall", 4.0)]));
    let comparison = Comparison::new(&a, &b, 0.05);
    let row = |name: &str| {
        let row = comparison.rows.iter().find(|row| row.name == format!("announce p99 of {name}"));
        row.map(|row| (row.a, row.b, row.mark))
    };
    assert_eq!(row("reset"), Some((Some(1.0), None, Mark::MissingInB)));
    assert_eq!(row("close"), Some((Some(2.0), Some(3.0), Mark::Same)));
    assert_eq!(row("stall"), Some((None, Some(4.0), Mark::MissingInA)));
}

#[test]
fn the_worst_is_on_top() {
    let (a, b) = (
        report("a", |json| json["server"]["after"]["rss_bytes"] = json!(50_000_000)),
        report("b", |json| {
            json["survivors"]["interval"]["p99_ms"] = json!(102.0);
            json["survivors"]["interval"]["max_ms"] = json!(80.0);
            json["server"]["after"]["rss_bytes"] = json!(10_000_000);
            json["wrong_evictions"] = json!({"closed": 1});
            json["joins"]["welcome"] = Value::Null;
        }),
    );
    let comparison = Comparison::new(&a, &b, 0.05);
    let top: Vec<_> = comparison.rows.iter().take(5).map(|row| row.name.as_str()).collect();
    let wanted = ["wrong evictions", "interval p99", "interval max", "welcome p99", "rss after"];
    assert_eq!(top, wanted);
    assert_eq!(comparison.rows[0].change(), Some(f64::INFINITY));
    assert_eq!(comparison.rows[1].change(), Some(1.0));
}

/// Two runs in which different checks fail have the same number of failures, and are not the same.
#[test]
fn checks_are_compared_by_name() {
    let fails =
        |index: usize| report("x", |json| json["checks"][index]["outcome"] = json!("failed"));
    let (a, b) = (fails(0), fails(2));
    let comparison = Comparison::new(&a, &b, 0.05);
    assert_eq!(comparison.newly_failed(), ["no wrong evictions"]);
    assert_eq!(comparison.regressions(), ["the check \"no wrong evictions\" fails and did not"]);
    let both = report("b", |json| {
        json["checks"][0]["outcome"] = json!("failed");
        json["checks"][2]["outcome"] = json!("failed");
    });
    assert_eq!(Comparison::new(&a, &both, 0.05).newly_failed(), ["no wrong evictions"]);
    let skipped = report("x", |json| json["checks"][2]["outcome"] = json!("skipped"));
    let passed = report("x", |_| {});
    let comparison = Comparison::new(&passed, &skipped, 0.05);
    assert_eq!(comparison.no_longer_checked(), ["no wrong evictions"]);
}

#[test]
fn an_invalid_run_shows_nothing() {
    let (a, b) = (
        report("a", |_| {}),
        report("b", |json| {
            json["exit_code"] = json!(4);
            json["verdict"] = json!("INVALID");
        }),
    );
    for (a, b, name) in [(&a, &b, "B"), (&b, &a, "A")] {
        let regressions = Comparison::new(a, b, 0.05).regressions();
        assert_eq!(regressions, [format!("{name} is INVALID, so nothing can be concluded")]);
    }
}
