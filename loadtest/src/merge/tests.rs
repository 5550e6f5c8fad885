//! Reports of made-up runs, put together.

use std::time::Duration;

use super::*;
use crate::saved::tests::saved;

/// The report of a run that began so many seconds after 1970.
fn run_at(second: u64, change: impl FnOnce(&mut Value)) -> Saved {
    saved(&format!("{second}.json"), |json| {
        json["started_unix_ms"] = (second * 1_000).into();
        json["run_seconds"] = 10.0.into();
        json["server"]["player_ticks"] = 2_000.into();
        json["server"]["cpu_user_us_per_player_tick"] = 1.5.into();
        change(json);
    })
}

/// Two runs, one after the other.
fn two() -> [Saved; 2] {
    [run_at(100, |_| {}), run_at(200, |_| {})]
}

fn samples(millis: &[u64]) -> Value {
    let mut latency = Latency::default();
    millis.iter().for_each(|ms| latency.record(Duration::from_millis(*ms)));
    serde_json::to_value(LatencySummary::new(&latency)).expect("numbers")
}

#[test]
fn every_field_of_a_report_has_a_rule() {
    let report = run_at(1, |_| {});
    assert_eq!(rules::tests::without_a_rule(report.json()), Vec::<String>::new());
}

#[test]
fn what_is_counted_adds_up() {
    let [one, other] = two();
    let merged = merge(&[one.clone(), other]).expect("two runs");
    for path in [
        "/joins/planned",
        "/causes/0/injected",
        "/causes/0/detected/fin",
        "/survivors/snapshots",
        "/survivors/interval/count",
        "/server/player_ticks",
        "/duration_seconds",
        "/leaves/0/count",
        "/seats/given_up",
    ] {
        let alone = one.number(path).unwrap_or_else(|| panic!("no {path}"));
        assert!(alone > 0.0, "{path}");
        assert_eq!(merged.number(path), Some(2.0 * alone), "{path}");
    }
    assert_eq!(merged.number("/bots"), Some(10.0), "one after the other there were ten at a time");
    assert_eq!(merged.text("/environment/kernel"), one.text("/environment/kernel"));
    assert_eq!(merged.label(), "100.json + 200.json");
    assert!(merged.command().contains(" && "), "{}", merged.command());
    assert_eq!(merged.list("/merged").len(), 2);
    assert!(merged.has_passed());
    assert_eq!(merged.list("/causes").len(), one.list("/causes").len());
}

/// Per player and tick: so a run with more of them weighs more.
#[test]
fn costs_are_those_of_all_player_ticks() {
    let cheap = run_at(200, |json| {
        json["server"]["player_ticks"] = 6_000.into();
        json["server"]["cpu_user_us_per_player_tick"] = 0.5.into();
    });
    let merged = merge(&[run_at(100, |_| {}), cheap]).expect("two runs");
    assert_eq!(merged.number("/server/cpu_user_us_per_player_tick"), Some(0.75));
}

/// The percentile of all samples, which no mean of the two percentiles is.
#[test]
fn percentiles_are_those_of_all_samples() {
    let [mut one, mut other] = two().map(|report| report.json().clone());
    one["survivors"]["interval"] = samples(&[50; 99]);
    other["survivors"]["interval"] = samples(&[1_000]);
    let [one, other] =
        [one, other].map(|json| Saved::read("x", &json.to_string()).expect("a report"));
    let merged = merge(&[one, other]).expect("two runs");
    let figure = |name: &str| merged.number(&format!("/survivors/interval/{name}"));
    assert_eq!(figure("count"), Some(100.0));
    for (name, wanted) in [("p50_ms", 50.0), ("p99_ms", 50.0), ("max_ms", 1_000.0)] {
        let found = figure(name).expect("there are samples");
        assert!((found - wanted).abs() < wanted / 500.0, "{name} {found}");
    }
    assert_eq!(merged.number("/intervals/count"), Some(100.0), "the curve is drawn anew");
}

#[test]
fn one_that_failed_is_a_failure_and_says_which() {
    let failed = run_at(200, |json| {
        json["exit_code"] = 3.into();
        json["checks"][0]["outcome"] = "failed".into();
        json["checks"][0]["detail"] = "9 of 10 joined".into();
        json["checks"][1]["outcome"] = "skipped".into();
    });
    let merged = merge(&[run_at(100, |_| {}), failed]).expect("two runs");
    assert_eq!((merged.verdict(), merged.status()), ("FAIL", ExitStatus::Failed));
    let check = &merged.list("/checks")[0];
    assert_eq!(check["outcome"], "failed");
    let detail = check["detail"].as_str().expect("a text");
    assert!(detail.contains("200.json: 9 of 10 joined"), "{detail}");
    let half = &merged.list("/checks")[1];
    assert_eq!(half["outcome"], "passed", "one of them has looked");
    assert!(half["detail"].as_str().is_some_and(|it| it.contains("200.json: skipped, ")));
}

#[test]
fn a_run_that_means_nothing_spoils_the_whole() {
    let invalid = run_at(200, |json| {
        json["exit_code"] = 4.into();
        json["invalid"] = json!(["inputs were sent late"]);
    });
    let failed = run_at(300, |json| json["exit_code"] = 3.into());
    let merged = merge(&[run_at(100, |_| {}), invalid, failed]).expect("three runs");
    assert_eq!(merged.status(), ExitStatus::Invalid);
    assert_eq!(merged.texts("/invalid").collect::<Vec<_>>(), ["200.json: inputs were sent late"]);
}

/// Each of them has counted what the others did to the server.
#[test]
fn what_a_server_counts_of_all_is_not_added_up_for_runs_at_once() {
    let merged = merge(&[run_at(100, |_| {}), run_at(103, |_| {})]).expect("two runs");
    assert_eq!(merged.number("/bots"), Some(20.0));
    assert_eq!(merged.number("/duration_seconds"), Some(10.0));
    assert_eq!(merged.number("/leaves/0/count"), None);
    assert_eq!(merged.number("/seats/given_up"), None);
    assert_eq!(merged.number("/server/player_ticks"), None);
    assert!(merged.number("/causes/0/injected").is_some(), "its own are its own");
}

#[test]
fn what_is_unknown_of_one_is_unknown_of_all() {
    let without_admin = run_at(200, |json| {
        json["server"] = Value::Null;
        json["causes"][0]["detected"] = Value::Null;
    });
    let merged = merge(&[run_at(100, |_| {}), without_admin]).expect("two runs");
    assert!(merged.json()["server"].is_null());
    assert!(merged.json()["causes"][0]["detected"].is_null());
}

/// What was seldom done is in one of them only.
#[test]
fn causes_of_one_run_are_causes_of_the_whole() {
    let more = run_at(200, |json| {
        let mut cause = json["causes"][0].clone();
        cause["departure"] = "reset".into();
        cause["injected"] = 3.into();
        json["causes"].as_array_mut().expect("a list").push(cause);
    });
    let merged = merge(&[run_at(100, |_| {}), more]).expect("two runs");
    let causes: Vec<_> = merged.departures().map(|(_, name)| name.to_owned()).collect();
    assert_eq!(causes, ["close", "reset"]);
    assert_eq!(merged.number("/causes/1/injected"), Some(3.0));
}

#[test]
fn what_is_merged_can_be_merged_again() {
    let [one, other] = two();
    let both = merge(&[one, other]).expect("two runs");
    let three = merge(&[both, run_at(300, |_| {})]).expect("a merged one and a run");
    assert_eq!(three.number("/survivors/snapshots"), Some(15_000.0));
    assert!(three.has_passed());
}

#[test]
fn what_cannot_be_merged_is_refused_with_the_reason() {
    let [one, other] = two();
    let twice = merge(&[one.clone(), other, one.clone()]).expect_err("one is there twice");
    assert!(twice.to_string().contains("would count twice"), "{twice}");
    let old = run_at(300, |json| {
        let interval = json["survivors"]["interval"].as_object_mut().expect("an object");
        interval.remove("samples");
    });
    let refused = merge(&[one, old]).expect_err("it has no samples");
    assert!(refused.to_string().starts_with("300.json has percentiles and no samples"));
}
