//! Two runs side by side, as text for a terminal and as Markdown for a discussion.
//!
//! Data flow: comparison -> **text**. Both say the same, and first whether the runs mean anything.

use std::fmt;

use super::terminal::{paint, plain};
use crate::{
    compare::{Comparison, Mark, Row, Unit},
    saved::Saved,
};

/// A comparison as text for a terminal.
#[derive(Clone, Copy, Debug)]
pub struct SideBySide<'a> {
    /// What to show.
    pub comparison: &'a Comparison<'a>,
    /// Whether to mark good and bad with colour.
    pub colour: bool,
}

impl fmt::Display for SideBySide<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comparison = self.comparison;
        for (name, report) in [("A", comparison.a), ("B", comparison.b)] {
            let verdict = paint(self.colour, &plain(report.verdict()), report.has_passed());
            writeln!(f, "{name}  {verdict}  {}", plain(report.label()))?;
            for trouble in troubles(report) {
                writeln!(f, "   {}", plain(&trouble))?;
            }
        }
        for warning in warnings(comparison) {
            writeln!(f, "{}", paint(self.colour, &plain(&warning), false))?;
        }
        let [name, unit, a, b, change, _] = HEAD;
        writeln!(f, "\n{:<32} {unit:<6}{a:>11}{b:>11}{change:>11}", name.to_uppercase())?;
        for row in &comparison.rows {
            let [name, unit, a, b, change, mark] = cells(row);
            let mark = match row.mark {
                Mark::Worse | Mark::MissingInB => paint(self.colour, &mark, false),
                Mark::Better => paint(self.colour, &mark, true),
                Mark::Same | Mark::MissingInA => mark,
            };
            let name = plain(&name);
            writeln!(f, "{name:<32} {unit:<6}{a:>11}{b:>11}{change:>11}  {mark}")?;
        }
        if !comparison.in_neither.is_empty() {
            writeln!(f, "\nin neither: {}", plain(&comparison.in_neither.join(", ")))?;
        }
        writeln!(f, "\n{}", counts(comparison))?;
        for regression in comparison.regressions() {
            writeln!(f, "{}", paint(self.colour, &plain(&regression), false))?;
        }
        Ok(())
    }
}

/// A comparison as Markdown.
#[derive(Clone, Copy, Debug)]
pub struct Markdown<'a>(
    /// What to show.
    pub &'a Comparison<'a>,
);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comparison = self.0;
        writeln!(f, "### Load test: {}\n", counts(comparison))?;
        for (name, report) in [("A", comparison.a), ("B", comparison.b)] {
            let (verdict, label) = (escaped(report.verdict()), escaped(report.label()));
            writeln!(f, "- **{name}** {verdict}: {label}")?;
            for trouble in troubles(report) {
                writeln!(f, "  - {}", escaped(&trouble))?;
            }
        }
        for line in warnings(comparison).into_iter().chain(comparison.regressions()) {
            writeln!(f, "- {}", escaped(&line))?;
        }
        writeln!(f, "\n| {} |\n|---|---|--:|--:|--:|---|", HEAD.join(" | "))?;
        for row in &comparison.rows {
            let bold = matches!(row.mark, Mark::Worse | Mark::MissingInB);
            let [.., mark] = cells(row);
            let mark = if bold { format!("**{mark}**") } else { mark };
            let [name, unit, a, b, change, _] = cells(row).map(|cell| escaped(&cell));
            writeln!(f, "| {name} | {unit} | {a} | {b} | {change} | {mark} |")?;
        }
        if !comparison.in_neither.is_empty() {
            writeln!(f, "\nIn neither: {}.", escaped(&comparison.in_neither.join(", ")))?;
        }
        Ok(())
    }
}

/// The names of the columns.
const HEAD: [&str; 6] = ["figure", "unit", "A", "B", "change", "mark"];

/// Why a run is not as it should be.
fn troubles(report: &Saved) -> Vec<String> {
    let mut troubles: Vec<String> =
        report.texts("/invalid").map(|why| format!("the figures mean nothing: {why}")).collect();
    troubles.extend(report.text("/halted").map(|why| format!("ended early: {why}")));
    let failed = report.checks_that("failed").into_iter();
    troubles.extend(failed.map(|name| format!("failed: {name}")));
    troubles
}

/// Why the two may not be comparable.
fn warnings(comparison: &Comparison<'_>) -> Vec<String> {
    let unchecked = comparison.no_longer_checked().into_iter();
    let unchecked = unchecked.map(|name| format!("no longer checked in B: {name}"));
    comparison.warnings.iter().cloned().chain(unchecked).collect()
}

fn counts(comparison: &Comparison<'_>) -> String {
    let count = |mark| comparison.marked(mark).count();
    format!(
        "{} worse, {} better, {} the same within {} %, {} missing in one",
        count(Mark::Worse),
        count(Mark::Better),
        count(Mark::Same),
        // To a tenth, because 0.07 * 100 is not 7.
        (comparison.noise * 1000.0).round() / 10.0,
        count(Mark::MissingInA) + count(Mark::MissingInB)
    )
}

fn cells(row: &Row) -> [String; 6] {
    let (unit, digits, scale) = match row.unit {
        Unit::Millis => ("ms", 2, 1.0),
        Unit::Micros => ("us", 2, 1.0),
        Unit::MiB => ("MiB", 1, 1.0 / 1024.0 / 1024.0),
        Unit::PerThousand => ("/1000", 3, 1.0),
        Unit::Percent => ("%", 2, 100.0),
        Unit::Count => ("", 0, 1.0),
    };
    let value = |value: Option<f64>| match value {
        Some(value) => format!("{:.digits$}", value * scale),
        None => "-".to_owned(),
    };
    let change = match row.change() {
        None => "-".to_owned(),
        Some(0.0) => "0.0 %".to_owned(),
        Some(change) if change.is_infinite() => "from 0".to_owned(),
        Some(change) => format!("{:+.1} %", change * 100.0),
    };
    let mark = match row.mark {
        Mark::Worse => "WORSE",
        Mark::MissingInB => "MISSING in B",
        Mark::MissingInA => "missing in A",
        Mark::Better => "better",
        Mark::Same => "same",
    };
    [row.name.clone(), unit.to_owned(), value(row.a), value(row.b), change, mark.to_owned()]
}

/// A text from a file as one line of Markdown that is only a text.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in plain(text).chars() {
        if "\\`*_[]<>|#&!~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::saved::tests::saved;

    /// A good run, and one with fewer bots that has failed.
    fn good_and_bad() -> (Saved, Saved) {
        let good = saved("a|b.json", |json| {
            json["server"]["after"]["rss_bytes"] = json!(10 << 20);
        });
        let bad = saved("bad.json", |json| {
            json["exit_code"] = json!(3);
            json["verdict"] = json!("FAIL");
            json["bots"] = json!(5);
            json["server"]["after"]["rss_bytes"] = json!(15 << 20);
            json["wrong_evictions"] = json!({"closed": 2});
            json["checks"][2]["outcome"] = json!("failed");
            json["joins"]["failed"] = json!(null);
        });
        (good, bad)
    }

    fn assert_has(text: &str, wanted: &[&str]) {
        let mut rest = text;
        for wanted in wanted {
            let found = rest.find(wanted);
            let start = found.unwrap_or_else(|| panic!("{wanted} is not (next) in\n{text}"));
            rest = &rest[start..];
        }
    }

    #[test]
    fn the_text_says_first_what_the_runs_are_worth() {
        let (a, b) = good_and_bad();
        let comparison = Comparison::new(&a, &b, 0.05);
        let text = SideBySide { comparison: &comparison, colour: false }.to_string();
        assert!(text.starts_with("A  PASS  a|b.json\nB  FAIL  bad.json\n   failed: no wrong"));
        let wanted = [
            "not the same: bots 10 and 5",
            "FIGURE                           unit",
            "wrong evictions                                  0          2     from 0  WORSE\n",
            "rss after                        MiB          10.0       15.0    +50.0 %  WORSE\n",
            "joins failed                                     0          -          -  MISSING",
            "detected share of close          %          100.00     100.00      0.0 %  same\n",
            "in neither: ",
            "3 worse, 0 better, ",
            "the same within 5 %, 1 missing in one\n",
            "the check \"no wrong evictions\" fails and did not\n",
            "rss after is worse\n",
        ];
        assert_has(&text, &wanted);
        assert!(!text.contains('\x1b'), "no colour unless asked for");
        let text = SideBySide { comparison: &comparison, colour: true }.to_string();
        assert_has(&text, &["\x1b[32mPASS", "\x1b[1;31mFAIL", "\x1b[1;31mWORSE"]);
    }

    #[test]
    fn the_markdown_says_the_same() {
        let (a, b) = good_and_bad();
        let text = Markdown(&Comparison::new(&a, &b, 0.05)).to_string();
        let wanted = [
            "### Load test: 3 worse, 0 better",
            "\n- **A** PASS: a\\|b.json\n",
            "\n- **B** FAIL: bad.json\n  - failed: no wrong evictions\n",
            "\n- not the same: bots 10 and 5\n",
            "\n- rss after is worse\n",
            "\n| figure | unit | A | B | change | mark |\n|---|---|--:|--:|--:|---|\n",
            "\n| rss after | MiB | 10.0 | 15.0 | +50.0 % | **WORSE** |\n",
        ];
        assert_has(&text, &wanted);
        let lines = text.lines().filter(|line| line.starts_with('|'));
        for line in lines {
            assert_eq!(line.replace("\\|", "").matches('|').count(), 7, "{line}");
        }
    }

    #[test]
    fn the_noise_is_shown_as_it_was_said() {
        let a = saved("a", |_| {});
        for (noise, wanted) in [(0.07, "within 7 %"), (0.125, "within 12.5 %"), (0.0, "within 0 %")]
        {
            assert_has(&Markdown(&Comparison::new(&a, &a, noise)).to_string(), &[wanted]);
        }
    }

    #[test]
    fn an_invalid_run_says_why() {
        let a = saved("a", |json| {
            json["exit_code"] = json!(4);
            json["verdict"] = json!("INVALID");
            json["invalid"] = json!(["inputs were sent late"]);
            json["halted"] = json!("interrupted");
        });
        let text = SideBySide { comparison: &Comparison::new(&a, &a, 0.0), colour: false };
        let wanted = [
            "A  INVALID  a\n   the figures mean nothing: inputs were sent late\n",
            "   ended early: interrupted\n",
            "A is INVALID, so nothing can be concluded",
        ];
        assert_has(&text.to_string(), &wanted);
    }
}
