//! Several reports as one, as if it had been one larger run.
//!
//! Data flow: saved reports -> rules for each field -> **merged report** -> JSON, recap, exit code.
//!
//! What is counted adds up, and so do histograms, place by place, so that a percentile is that of
//! all samples and no mean of percentiles. Every run must have passed for all of them to have. What
//! cannot be put together (what happened second by second, the shares of one server's time in two
//! runs) is left out: it is missing then, which is never the same as zero.
//!
//! It does no I/O.

mod rules;

use std::{error, fmt};

use gamekeeper_bot::fleet::Latency;
use serde_json::{Map, Value, json};

use crate::{
    exit::ExitStatus,
    report::{LatencySummary, SCHEMA, Spread},
    saved::Saved,
};
use rules::Rules;

/// How bad it is if one of several runs ended like this: the last of these that occurs counts.
const VERDICTS: [ExitStatus; 6] = [
    ExitStatus::Pass,
    ExitStatus::Failed,
    ExitStatus::Invalid,
    ExitStatus::TargetDown,
    ExitStatus::Internal,
    ExitStatus::Interrupted,
];

/// Puts reports together.
///
/// # Errors
///
/// [`MergeError`], if one of them is there twice, or lacks what is needed for it.
pub fn merge(reports: &[Saved]) -> Result<Saved, MergeError> {
    for (number, report) in reports.iter().enumerate() {
        if report.number("/schema") != Some(f64::from(SCHEMA))
            || report.json().pointer("/survivors/interval/samples").is_none()
        {
            return Err(MergeError::NoSamples(report.label().to_owned()));
        }
        if let Some(twin) = reports[..number].iter().find(|other| other.json() == report.json()) {
            return Err(MergeError::Twice(twin.label().to_owned(), report.label().to_owned()));
        }
    }
    let values: Vec<&Value> = reports.iter().map(Saved::json).collect();
    let rules = Rules { at_once: are_at_once(reports) };
    let mut merged = rules.merged(&values);
    let status = VERDICTS.into_iter().rfind(|status| {
        reports.iter().any(|report| report.number("/exit_code") == Some(status.code().into()))
    });
    let status = status.unwrap_or(ExitStatus::Internal);
    let all =
        |of: fn(&Saved) -> &str, between| reports.iter().map(of).collect::<Vec<_>>().join(between);
    merged["verdict"] = status.word().into();
    merged["exit_code"] = status.code().into();
    merged["command"] = all(Saved::command, " && ").into();
    merged["invalid"] = labelled(reports, |report| report.texts("/invalid").collect()).into();
    let halted = labelled(reports, |report| report.text("/halted").into_iter().collect());
    merged["halted"] = if halted.is_empty() { Value::Null } else { halted.join("; ").into() };
    merged["checks"] = checks(reports).into();
    merged["merged"] = reports.iter().map(origin).collect();
    draw_spreads(&mut merged);
    share_costs(&mut merged, &values);
    Ok(Saved::read(all(Saved::label, " + "), &merged.to_string())
        .expect("it has what a report has"))
}

/// Whether two of them overlap: then they have loaded a server together, perhaps the same.
fn are_at_once(reports: &[Saved]) -> bool {
    let mut spans: Vec<(f64, f64)> = reports
        .iter()
        .filter_map(|report| {
            let began = report.number("/started_unix_ms")?;
            Some((began, began + report.number("/run_seconds")? * 1e3))
        })
        .collect();
    spans.sort_by(|one, other| one.0.total_cmp(&other.0));
    spans.windows(2).any(|pair| pair[1].0 < pair[0].1)
}

/// What is said in each of the reports, with the name of the report.
fn labelled(reports: &[Saved], what: fn(&Saved) -> Vec<&str>) -> Vec<String> {
    let of_one = |report| {
        let texts = what(report).into_iter();
        texts.map(|text| format!("{}: {text}", report.label())).collect::<Vec<_>>()
    };
    reports.iter().flat_map(of_one).collect()
}

/// Each check that was made in any of them. It has failed if it has failed in one, and is skipped
/// only if it was skipped in all.
fn checks(reports: &[Saved]) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for check in reports.iter().flat_map(|report| report.list("/checks")) {
        let name = check["name"].as_str().unwrap_or("?");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let check = |name: &str| {
        let outcomes: Vec<_> =
            reports.iter().filter_map(|report| report.outcome_of(name)).collect();
        let outcome = ["failed", "passed", "skipped"].into_iter().find(|it| outcomes.contains(it));
        let details: Vec<String> = reports
            .iter()
            .filter_map(|report| {
                let check = report.list("/checks").iter().find(|check| check["name"] == name)?;
                let detail = check["detail"].as_str().unwrap_or_default();
                let skipped = if check["outcome"] == "skipped" { "skipped, " } else { "" };
                Some(format!("{}: {skipped}{detail}", report.label()))
            })
            .collect();
        json!({ "name": name, "outcome": outcome, "detail": details.join("; ") })
    };
    names.into_iter().map(check).collect()
}

/// Where a part of it comes from.
fn origin(report: &Saved) -> Value {
    let field = |name: &str| report.json()[name].clone();
    json!({
        "report": report.label(),
        "command": field("command"),
        "seed": field("seed"),
        "verdict": field("verdict"),
        "started_unix_ms": field("started_unix_ms"),
    })
}

/// The curves of what is merged; nothing of that is lost.
fn draw_spreads(merged: &mut Value) {
    for (spread, samples) in [
        ("intervals", "/survivors/interval/samples"),
        ("ages", "/survivors/age/samples"),
        ("input_lags", "/generator/input_lag/samples"),
        ("first_states", "/joins/first_state/samples"),
        ("responses", "/joins/response/samples"),
    ] {
        let samples = merged.pointer(samples).and_then(latency);
        let drawn = samples.map(|samples| Spread::of_the_tail(&samples)).unwrap_or_default();
        merged[spread] = serde_json::to_value(drawn).expect("numbers");
    }
    // Of these there are no samples.
    merged["longest_waits"] = serde_json::to_value(Spread::default()).expect("numbers");
}

/// Processor time per player and tick: over all player-ticks, not over the runs.
fn share_costs(merged: &mut Value, values: &[&Value]) {
    if merged["server"].is_null() {
        return;
    }
    for field in ["cpu_user_us_per_player_tick", "cpu_system_us_per_player_tick"] {
        let part = |value: &&Value| {
            let server = &value["server"];
            let ticks = server["player_ticks"].as_f64()?;
            Some((server[field].as_f64()? * ticks, ticks))
        };
        let parts: Option<Vec<(f64, f64)>> = values.iter().map(part).collect();
        let sums = parts.map(|parts| {
            parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
        });
        let mean = sums.filter(|(_, ticks)| *ticks > 0.0).map(|(cost, ticks)| cost / ticks);
        merged["server"][field] = mean.into();
    }
}

/// The histogram that these samples are.
fn latency(samples: &Value) -> Option<Latency> {
    serde_json::from_str(samples.as_str()?).ok()
}

/// All samples of these latencies together; nothing if one of them cannot be read.
fn latencies(values: &[&Value]) -> Value {
    let mut all = Latency::default();
    for value in values {
        let Some(samples) = value.get("samples").and_then(latency) else { return Value::Null };
        all.merge(&samples);
    }
    serde_json::to_value(LatencySummary::new(&all)).expect("numbers")
}

/// The fields of all these objects, in the order in which they come.
fn fields(values: &[&Value]) -> Vec<String> {
    let mut names = Vec::new();
    for name in values.iter().filter_map(|value| value.as_object()).flat_map(Map::keys) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Why reports cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeError {
    /// This one has no samples: it was written by an older program.
    NoSamples(String),
    /// These two are the same.
    Twice(String, String),
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSamples(label) => write!(
                f,
                "{label} has percentiles and no samples, because an older load test has written \
                 it, and percentiles do not add up; run it again"
            ),
            Self::Twice(one, other) => write!(
                f,
                "{one} and {other} are the same report, and would count twice; leave one out"
            ),
        }
    }
}

impl error::Error for MergeError {}

#[cfg(test)]
mod tests;
