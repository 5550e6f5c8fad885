//! The report as one page that needs nothing else: no script, no font, no network.
//!
//! Data flow: report -> **`Html`** -> file. The order is that of the questions: did it pass, what
//! was done and what was noticed, what did the others feel, what did it cost.

mod plots;

use std::{collections::BTreeSet, fmt};

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
        self.causes(f)?;
        self.matrix(f)?;
        for (title, explanation, plot) in plots::all(report) {
            write!(f, "<h2>{title}</h2><figure>{plot}<figcaption>{explanation}</figcaption>")?;
            f.write_str("</figure>\n")?;
        }
        self.checks(f)?;
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
             <p class=\"dim\"><code>{}</code></p>",
            report.verdict,
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
        let p99 = report.survivors.interval.p99_ms.map_or("none".to_owned(), number);
        let seen = report.survivors.snapshots + report.survivors.missed_ticks;
        let cost = report.server.as_ref().and_then(|server| {
            Some(server.cpu_user_us_per_player_tick? + server.cpu_system_us_per_player_tick?)
        });
        vec![
            ("departures noticed rightly", format!("{} of {injected}", known(right))),
            ("bots thrown out wrongly", evicted.to_string()),
            ("ghosts", ghosts.to_string()),
            ("ms between states, p99 of survivors", p99),
            ("ticks missed by survivors", format!("{} of {seen}", report.survivors.missed_ticks)),
            ("µs of CPU per player-tick", cost.map_or("unknown".to_owned(), number)),
        ]
    }

    fn causes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<h2>What was done, and what the server noticed</h2><div class=\"wide\"><table><tr>\
             <th>left by</th><th>carried out</th><th>right</th><th>wrong</th><th>missed</th>\
             <th>late</th><th>detected p50</th><th>p99</th><th>max ms</th><th>told p50</th>\
             <th>p99</th><th>max ms</th></tr>\n",
        )?;
        for cause in &self.0.causes {
            write!(f, "<tr><td>{}</td><td>{}</td>", cause.departure, cause.injected)?;
            let counts = [cause.detected_total(), cause.wrong_total(), cause.missed, cause.late];
            for (column, count) in counts.into_iter().enumerate() {
                let text = count.map_or("?".to_owned(), |count| count.to_string());
                let is_bad = column > 0 && count.is_some_and(|count| count > 0);
                write!(f, "<td class=\"{}\">{text}</td>", if is_bad { "bad" } else { "" })?;
            }
            let (ttd, told) = (&cause.ttd, &cause.announce);
            let times = [ttd.p50_ms, ttd.p99_ms, ttd.max_ms, told.p50_ms, told.p99_ms, told.max_ms];
            for time in times {
                write!(f, "<td>{}</td>", time.map_or(String::new(), |ms| format!("{ms:.2}")))?;
            }
            f.write_str("</tr>\n")?;
        }
        f.write_str(
            "</table></div><p class=\"dim\">Detected: from the departure to the server's \
             knowing, in its own words about that very connection. Told: to the \
             first notice that any other player had of it.</p>\n",
        )
    }

    /// What was done against what the server said of it.
    fn matrix(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |cause: &Cause| {
            let (right, wrong) = (cause.detected.clone(), cause.wrong.clone());
            let right = right.into_iter().flatten().map(|(reason, count)| (reason, count, true));
            let wrong = wrong.into_iter().flatten().map(|(reason, count)| (reason, count, false));
            right.chain(wrong).collect::<Vec<_>>()
        };
        let all = self.0.causes.iter().flat_map(cells);
        let mut reasons: BTreeSet<String> = all.map(|(reason, ..)| reason).collect();
        reasons.extend(self.0.leaves_unexplained.keys().cloned());
        if reasons.is_empty() {
            return Ok(());
        }
        f.write_str("<h2>Cause by reason</h2><div class=\"wide\"><table><tr><th>left by</th>")?;
        for reason in &reasons {
            write!(f, "<th>{}</th>", escape(reason))?;
        }
        f.write_str("<th>missed</th></tr>\n")?;
        for cause in &self.0.causes {
            write!(f, "<tr><td>{}</td>", cause.departure)?;
            let cells = cells(cause);
            for reason in &reasons {
                let here = cells.iter().filter(|(known, ..)| known == reason);
                let texts: Vec<String> = here
                    .map(|(_, count, right)| match right {
                        true => format!("<span class=\"good\">{count}</span>"),
                        false => format!("<b class=\"bad\">{count}</b>"),
                    })
                    .collect();
                match texts.is_empty() {
                    true => f.write_str("<td class=\"none\">·</td>")?,
                    false => write!(f, "<td>{}</td>", texts.join(" + "))?,
                }
            }
            let missed = cause.missed.map_or("?".to_owned(), |count| count.to_string());
            writeln!(f, "<td>{missed}</td></tr>")?;
        }
        f.write_str("<tr><td class=\"dim\">nobody</td>")?;
        for reason in &reasons {
            match self.0.leaves_unexplained.get(reason) {
                Some(count) => write!(f, "<td><b class=\"bad\">{count}</b></td>")?,
                None => f.write_str("<td class=\"none\">·</td>")?,
            }
        }
        f.write_str(
            "<td></td></tr></table></div><p class=\"dim\">Rows are what was done, columns \
                     what the server said; the last row are leaves without a cause.</p>\n",
        )
    }

    fn checks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<h2>Checks</h2><div class=\"wide\"><table>\n")?;
        for check in &self.0.checks {
            let (class, word) = match check.outcome {
                Outcome::Passed => ("good", "passed"),
                Outcome::Failed => ("bad", "failed"),
                Outcome::Skipped => ("dim", "not made"),
            };
            let (name, detail) = (escape(&check.name), escape(&check.detail));
            writeln!(
                f,
                "<tr><td class=\"{class}\">{word}</td><td class=\"text\">{name}</td>\
                 <td class=\"text dim\">{detail}</td></tr>"
            )?;
        }
        f.write_str("</table></div>\n")
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
mod tests {
    use super::*;
    use crate::report::tests::good_report;

    #[test]
    fn the_page_stands_alone_and_says_the_verdict() {
        let mut report = good_report();
        report.command = "run <script>alert(1)</script>".to_owned();
        let page = Html(&report).to_string();
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        assert!(page.contains("verdict good\">PASS"), "{page}");
        assert!(!page.contains("<script") && !page.contains("http"), "nothing from elsewhere");
        assert!(!page.contains("NaN") && !page.contains(">inf"), "{page}");
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn what_failed_comes_first() {
        let mut report = good_report();
        report.checks[3].outcome = Outcome::Failed;
        let page = Html(&report).to_string();
        let failed = page.find("failed: ").expect("it is said");
        assert!(failed < page.find("<table").expect("tables"), "{page}");
    }
}
