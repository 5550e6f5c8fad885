//! The report as one page that needs nothing else: no script, no font, no network.
//!
//! Data flow: report -> **`Html`** -> file. The order is that of the questions: did it pass, how
//! did it go, and then the figures. [`plots`] are the pictures, [`tables`] the figures, [`matrix`]
//! what the server said of what was done.

mod matrix;
mod plots;
mod tables;

use std::fmt;

use super::svg::{escape, number};
use crate::report::{Cause, Outcome, Report};

/// A report as a page.
#[derive(Clone, Copy, Debug)]
pub struct Html<'a>(pub &'a Report);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let style = include_str!("page.css");
        let (verdict, seed) = (report.verdict, report.seed);
        write!(
            f,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{verdict}: load test, seed {seed}</title>\n\
             <style>\n{style}</style></head><body>\n"
        )?;
        self.head(f)?;
        f.write_str("<div class=\"plots\">\n")?;
        for figure in plots::all(report) {
            write!(f, "{figure}")?;
        }
        f.write_str("</div>\n")?;
        tables::causes(f, report)?;
        tables::controls(f, report)?;
        tables::recoveries(f, report)?;
        tables::faults(f, report)?;
        matrix::by_reason(f, report)?;
        matrix::by_path(f, report)?;
        tables::checks(f, report)?;
        self.foot(f)?;
        f.write_str("</body></html>\n")
    }
}

impl Html<'_> {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let class = if report.exit_code == 0 { "good" } else { "bad" };
        writeln!(
            f,
            "<h1>Load test <span class=\"verdict {class}\">{}</span></h1>\
             <p>{}</p><p class=\"dim\"><code>{}</code></p>",
            report.verdict,
            escape(&report.about),
            escape(&report.command)
        )?;
        for why in report.halted.iter().chain(&report.invalid) {
            writeln!(f, "<p class=\"bad\">{}</p>", escape(why))?;
        }
        let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
        for check in failed {
            let (name, detail) = (escape(&check.name), escape(&check.detail));
            writeln!(f, "<p class=\"bad\">failed: {name} ({detail})</p>")?;
        }
        for left_out in &report.not_run {
            let (name, count, why) = (left_out.name, left_out.count, escape(&left_out.why));
            writeln!(f, "<p class=\"warn\">not run: {name}, planned {count} times: {why}</p>")?;
        }
        f.write_str("<div class=\"tiles\">")?;
        for (name, value) in self.tiles() {
            write!(f, "<div><b>{value}</b><span>{name}</span></div>")?;
        }
        f.write_str("</div>\n")
    }

    fn tiles(&self) -> Vec<(&'static str, String)> {
        let report = self.0;
        let injected: u64 = report.causes.iter().map(|cause| cause.injected).sum();
        let right = report.causes.iter().map(Cause::detected_total).sum::<Option<u64>>();
        let known = |count: Option<u64>| count.map_or("unknown".to_owned(), |it| it.to_string());
        let evicted: u64 = report.wrong_evictions.values().sum();
        let ghosts = report.ghosts.in_rosters + report.ghosts.in_snapshots;
        let p99 = report.survivors.interval.p99_ms;
        let p99 = p99.map_or("none".to_owned(), |ms| format!("{ms:.1}"));
        let seen = report.survivors.snapshots + report.survivors.missed_ticks;
        let cost = report.server.as_ref().and_then(|server| {
            Some(server.cpu_user_us_per_player_tick? + server.cpu_system_us_per_player_tick?)
        });
        let passed = report.checks.iter().filter(|check| check.outcome == Outcome::Passed).count();
        vec![
            ("checks and thresholds hold", format!("{passed} of {}", report.checks.len())),
            ("departures noticed rightly", format!("{} of {injected}", known(right))),
            ("bots thrown out wrongly", evicted.to_string()),
            ("ghosts", ghosts.to_string()),
            ("ms between states, p99 of survivors", p99),
            ("ticks missed by survivors", format!("{} of {seen}", report.survivors.missed_ticks)),
            (
                "µs of CPU per player-tick",
                cost.map_or("unknown".to_owned(), |us| format!("{us:.2}")),
            ),
            ("bots at most, and seconds", format!("{}, {:.0}", report.bots, report.run_seconds)),
        ]
    }

    fn foot(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (report, place) = (self.0, &self.0.environment);
        let pinned = if place.pinned { ", server and bots on a core each" } else { "" };
        let built = if place.optimised { "optimised" } else { "not optimised" };
        writeln!(
            f,
            "<p class=\"dim\">gamekeeper-loadtest {}, {built} build, Linux {}, {} cores{pinned}. \
             Run it again:<br><code>{}</code></p>",
            report.version,
            escape(&place.kernel),
            place.cores,
            escape(&report.command)
        )
    }
}

#[cfg(test)]
mod tests;
