//! A saved report in short: the verdict, what was done, what was checked, how to do it again.
//!
//! Data flow: saved report -> **text**. The whole table is printed by the run itself.

use std::fmt;

use serde_json::Value;

use super::terminal::{paint, plain};
use crate::saved::Saved;

/// A saved report in short, as text for a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Recap<'a> {
    /// What to show.
    pub report: &'a Saved,
    /// Whether to mark good and bad with colour.
    pub colour: bool,
}

impl fmt::Display for Recap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        match report.list("/merged") {
            [] => {
                writeln!(f, "seed {}: {}", shown(&report.json()["seed"]), plain(report.command()))?;
            }
            runs => {
                writeln!(f, "{} reports together: {}", runs.len(), plain(report.label()))?;
            }
        }
        let verdict = paint(self.colour, &plain(report.verdict()), report.has_passed());
        writeln!(f, "\nVERDICT  {verdict}")?;
        if let Some(halted) = report.text("/halted") {
            writeln!(f, "ended early: {}", plain(halted))?;
        }
        for why in report.texts("/invalid") {
            writeln!(f, "the figures mean nothing: {}", plain(why))?;
        }
        self.causes(f)?;
        self.checks(f)?;
        writeln!(f, "\nreproduce: {}", plain(report.command()))
    }
}

/// What is counted of each cause, and how the column is called. Older reports have fewer of these.
const COUNTS: [(&str, &str); 6] = [
    ("injected", "injected"),
    ("detected", "detected"),
    ("not", "undetected"),
    ("wrong", "wrong"),
    ("missed", "missed"),
    ("late", "late"),
];

/// The latencies of each cause.
const LATENCIES: [(&str, &str); 4] = [
    ("ttd p50", "/ttd/p50_ms"),
    ("ttd p99", "/ttd/p99_ms"),
    ("told p50", "/announce/p50_ms"),
    ("told p99", "/announce/p99_ms"),
];

impl Recap<'_> {
    fn causes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let causes = self.report.list("/causes");
        if causes.is_empty() {
            return Ok(());
        }
        let has = |path: &str| causes.iter().any(|cause| cause.pointer(path).is_some());
        let counts = COUNTS.iter().filter(|(_, field)| has(&format!("/{field}")));
        let counts: Vec<_> = counts.collect();
        let latencies: Vec<_> = LATENCIES.iter().filter(|(_, path)| has(path)).collect();
        write!(f, "\n{:<11}", "LEFT BY")?;
        for (name, _) in counts.iter().chain(&latencies) {
            write!(f, " {name:>9}")?;
        }
        writeln!(f)?;
        for cause in causes {
            write!(f, "{:<11}", shown(&cause["departure"]))?;
            for (_, field) in &counts {
                write!(f, " {:>9}", counted(&cause[field]))?;
            }
            for (_, path) in &latencies {
                let millis = cause.pointer(path).and_then(Value::as_f64);
                let millis = millis.map_or("-".to_owned(), |millis| format!("{millis:.2}"));
                write!(f, " {millis:>9}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn checks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nCHECKS")?;
        for check in self.report.list("/checks") {
            let mark = match check["outcome"].as_str() {
                Some("passed") => paint(self.colour, "ok  ", true),
                Some("failed") => paint(self.colour, "FAIL", false),
                Some("skipped") => "skip".to_owned(),
                _ => "?   ".to_owned(),
            };
            let (name, detail) = (shown(&check["name"]), shown(&check["detail"]));
            writeln!(f, "  {mark} {name:<50} {detail}")?;
        }
        Ok(())
    }
}

/// A count, or counts by reason together.
fn counted(value: &Value) -> String {
    match value {
        Value::Object(counts) => counts.values().filter_map(Value::as_u64).sum::<u64>().to_string(),
        value => shown(value),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        Value::Null => "?".to_owned(),
        value => plain(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::saved::tests::saved;

    fn text(report: &Saved) -> String {
        Recap { report, colour: false }.to_string()
    }

    /// What the run printed of these is printed again.
    #[test]
    fn the_verdict_the_checks_and_the_command_are_shown_again() {
        let report = saved("a", |json| {
            json["causes"] = json!([{"departure": "close", "injected": 10, "undetected": 1,
                "detected": {"fin": 8, "reset": 1}, "announce": {"p50_ms": 25.0, "p99_ms": null}}]);
            json["checks"][1]["outcome"] = json!("failed");
            json["checks"][2]["outcome"] = json!("skipped");
        });
        let text = text(&report);
        assert!(text.starts_with("seed 1: gamekeeper-loadtest run"), "{text}");
        assert!(text.trim_end().lines().last().is_some_and(|line| line.ends_with("--seed 1")));
        for wanted in [
            "VERDICT  PASS\n",
            "LEFT BY      injected  detected       not  told p50  told p99\n",
            "close              10         9         1     25.00         -\n",
            "  ok   everybody gets in                                  20 of 20 joined\n",
            "  FAIL every departure is carried out  ",
            "  skip no wrong evictions  ",
        ] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
        let coloured = Recap { report: &report, colour: true }.to_string();
        assert!(!text.contains('\x1b') && coloured.contains("\x1b[32mPASS"));
    }

    #[test]
    fn newer_counts_are_shown_where_they_are() {
        let report = saved("a", |json| {
            let cause = &mut json["causes"][0];
            cause["ttd"] = json!({"p50_ms": 1.5, "p99_ms": 9.0});
            cause["wrong"] = json!({"fin": 1, "heartbeat": 1});
            (cause["missed"], cause["late"]) = (json!(3), json!(4));
        });
        let text = text(&report);
        assert!(text.contains(" detected     wrong    missed      late   ttd p50   ttd p99"));
        assert!(text.contains("         2         3         4      1.50      9.00"), "{text}");
    }

    #[test]
    fn a_run_that_means_nothing_says_so() {
        let report = saved("a", |json| {
            json["verdict"] = json!("INVALID");
            json["invalid"] = json!(["inputs were sent late"]);
            json["halted"] = json!("interrupted");
            json["causes"] = json!([]);
        });
        let text = text(&report);
        assert!(text.contains("INVALID\nended early: interrupted\nthe figures mean nothing: in"));
        assert!(!text.contains("LEFT BY"));
    }
}
