//! How the figure of a metric is got from a report, and how coarse it is.
//!
//! Data flow: metrics + report -> **figures** -> comparison.
//!
//! What is not in a report is no figure. It is never 0, or what is not measured would look good.

use serde_json::Value;

use super::metrics::{Floor, How, Metric};
use crate::saved::Saved;

/// A path with this stands for one figure for each departure.
const EACH: &str = "/causes/*/";

/// With fewer samples than this, the 99th percentile is the longest of them.
const SAMPLES_FOR_P99: f64 = 100.0;

/// The processor time of a server is known in steps of this many microseconds.
const CPU_STEP_US: f64 = 10_000.0;

/// What that time is divided by.
const PLAYER_TICKS: &str = "/server/player_ticks";

impl Metric {
    /// Whether there is one figure for each cause.
    pub fn is_of_each_cause(&self) -> bool {
        self.paths.iter().any(|path| path.starts_with(EACH))
    }

    /// The figure in a report, of its cause with this number if it is one of each cause.
    pub fn figure(&self, report: &Saved, cause: Option<usize>) -> Option<f64> {
        let at = |index: usize| report.json().pointer(&resolved(self.paths.get(index)?, cause));
        let number = |index| at(index).and_then(Value::as_f64);
        match self.how {
            How::Itself => number(0),
            How::Size => number(0).map(f64::abs),
            How::Sum => together((0..self.paths.len()).map(|index| at(index).and_then(total))),
            How::Difference => Some(number(0)? - number(1)?),
            How::PartOf => share(number(0)?, number(0)? + number(1)?).map(|part| part * 1000.0),
            How::Share => share(at(0).and_then(total)?, number(1)?),
            How::Failed => {
                let failed = |check: &&Value| check["outcome"] == "failed";
                Some(at(0)?.as_array()?.iter().filter(failed).count() as f64)
            }
        }
    }

    /// What a difference must exceed because of how coarse this report's figure is; nothing if each
    /// difference counts.
    pub fn floor_in(&self, report: &Saved, cause: Option<usize>) -> Option<f64> {
        match self.floor {
            Floor::Exact => None,
            Floor::Fixed(floor) => Some(floor),
            Floor::Samples(usual, with_few, samples) => {
                let samples = report.number(&resolved(samples, cause)).unwrap_or(0.0);
                Some(if samples < SAMPLES_FOR_P99 { with_few } else { usual })
            }
            Floor::CpuClock(least) => {
                let ticks = report.number(PLAYER_TICKS).unwrap_or(0.0).max(1.0);
                Some(least.max(2.0 * CPU_STEP_US / ticks))
            }
        }
    }
}

/// A path into a report, with the number of a cause where the path leaves it open.
fn resolved(path: &str, cause: Option<usize>) -> String {
    cause.map_or(path.to_owned(), |index| path.replace('*', &index.to_string()))
}

/// A number, or all numbers of an object.
fn total(value: &Value) -> Option<f64> {
    match value {
        Value::Object(counts) => together(counts.values().map(Value::as_f64)),
        value => value.as_f64(),
    }
}

/// The sum, if all are known. Nothing at all is 0, and not -0 as a sum of floats is.
fn together(mut parts: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    parts.try_fold(0.0, |sum, part| Some(sum + part?))
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then_some(part / whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{compare::METRICS, saved::tests::saved};

    fn figure(report: &Saved, name: &str) -> Option<f64> {
        let metric = METRICS.iter().find(|metric| metric.name == name).expect(name);
        metric.figure(report, metric.is_of_each_cause().then_some(0))
    }

    /// A path that a report does not have (any more) would be missing for ever and say nothing.
    #[test]
    fn every_path_is_in_a_report() {
        let report = saved("a", |_| {});
        for metric in METRICS {
            let samples = match metric.floor {
                Floor::Samples(.., samples) => Some(samples),
                Floor::CpuClock(_) => Some(PLAYER_TICKS),
                Floor::Exact | Floor::Fixed(_) => None,
            };
            for path in metric.paths.iter().copied().chain(samples) {
                let path = resolved(path, Some(0));
                assert!(report.json().pointer(&path).is_some(), "{}: {path}", metric.name);
            }
        }
    }

    #[test]
    fn figures_are_made_of_what_is_there() {
        let report = saved("a", |json| {
            json["survivors"] = json!({"snapshots": 990, "missed_ticks": 10});
            json["wrong_evictions"] = json!({"closed": 2, "refused": 3});
            json["ghosts"] = json!({"in_rosters": 1, "in_snapshots": 2, "on_the_server": -4});
            json["causes"][0]["detected"] = json!({"fin": 3, "reset": 6});
            json["causes"][0]["injected"] = json!(10);
            json["server"]["after"]["open_fds"] = json!(12);
            json["checks"][0]["outcome"] = json!("failed");
            json["server"]["cpu_user_us_per_player_tick"] = json!(1.5);
        });
        for (name, wanted) in [
            ("missed ticks", 10.0),
            ("wrong evictions", 5.0),
            ("ghosts seen", 3.0),
            ("ghosts on the server", 4.0),
            ("detected share", 0.9),
            ("descriptors after - before", 2.0),
            ("joins failed", 0.0),
            ("checks that failed", 1.0),
            ("cpu user per player-tick", 1.5),
        ] {
            let found = figure(&report, name).expect(name);
            assert_eq!((found, found.is_sign_negative()), (wanted, false), "{name}");
        }
    }

    #[test]
    fn what_is_not_there_is_no_figure_and_not_zero() {
        let report = saved("a", |json| {
            json["survivors"] = json!({"snapshots": 0, "missed_ticks": 0});
            json["ghosts"] = json!({"in_rosters": 0, "on_the_server": null});
            json["causes"][0] = json!({"departure": "close", "detected": null, "injected": 3});
            json["server"] = Value::Null;
        });
        for name in [
            "interval p50",
            "missed ticks",
            "ghosts seen",
            "ghosts on the server",
            "detected share",
            "announce p99",
            "ttd p99",
            "descriptors after - before",
            "rss loaded",
            "cpu system per player-tick",
        ] {
            assert_eq!(figure(&report, name), None, "{name}");
        }
    }

    #[test]
    fn coarse_figures_have_a_higher_floor() {
        let metric = |name| METRICS.into_iter().find(|metric| metric.name == name).expect(name);
        let floor = |name, path: &str, value: u64| {
            let report = saved("a", |json| {
                *json.pointer_mut(path).expect("it is there") = value.into();
            });
            metric(name).floor_in(&report, Some(0))
        };
        assert_eq!(floor("announce p99", "/causes/0/announce/count", 99), Some(50.0));
        assert_eq!(floor("announce p99", "/causes/0/announce/count", 100), Some(5.0));
        assert_eq!(floor("cpu user per player-tick", PLAYER_TICKS, 1000), Some(20.0));
        assert_eq!(floor("cpu user per player-tick", PLAYER_TICKS, 1_000_000), Some(0.1));
        assert_eq!(floor("wrong evictions", "/bots", 1), None);
    }
}
