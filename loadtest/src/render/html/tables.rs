//! The tables of the page.
//!
//! Part of [`Html`](super::Html). Report -> **tables**. A figure that is not known is a question
//! mark or nothing, and never a zero.

use std::fmt;

use super::escape;
use crate::report::{Cause, Outcome, Report};

/// What was done, and what the server noticed.
pub(super) fn causes(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    f.write_str(
        "<h2>What was done, and what the server noticed</h2><div class=\"wide\"><table><tr>\
         <th>left by</th><th>carried out</th><th>right</th><th>wrong</th><th>missed</th>\
         <th>late</th><th>detected p50</th><th>p99</th><th>max ms</th><th>told p50</th>\
         <th>p99</th><th>max ms</th></tr>\n",
    )?;
    for cause in &report.causes {
        write!(f, "<tr><td>{}</td><td>{}</td>", escape(&cause.departure), cause.injected)?;
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
         first notice that any other player had of it. In brackets: where the player stood then, \
         if not in a match.</p>\n",
    )
}

/// Those with ugly but legal manners.
pub(super) fn controls(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    if report.controls.is_empty() {
        return f.write_str(
            "<h2>Who must survive</h2><p class=\"dim\">This scenario has no players with ugly but \
             legal manners.</p>\n",
        );
    }
    f.write_str(
        "<h2>Who must survive</h2><div class=\"wide\"><table class=\"short\"><tr><th>manner</th>\
         <th>bots</th><th>thrown out</th></tr>\n",
    )?;
    for controls in &report.controls {
        let class = if controls.evicted == 0 { "good" } else { "bad" };
        let (manner, bots, evicted) = (controls.manner, controls.bots, controls.evicted);
        writeln!(
            f,
            "<tr><td>{manner}</td><td>{bots}</td><td class=\"{class}\">{evicted}</td></tr>"
        )?;
    }
    f.write_str(
        "</table></div><p class=\"dim\">Players who do ugly and legal things. A server that throws \
         out everybody would notice every departure, and fails here.</p>\n",
    )
}

/// How long it took after each mass event until all was as before.
pub(super) fn recoveries(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    if report.recoveries.is_empty() {
        return Ok(());
    }
    f.write_str(
        "<h2>After each mass event</h2><div class=\"wide\"><table><tr><th>at</th><th>left</th>\
         <th>all noticed after ms</th><th>came back</th><th>all back after ms</th>\
         <th>game as before after ms</th><th>longest interval ms</th><th>complete after ms</th>\
         </tr>\n",
    )?;
    for recovery in &report.recoveries {
        let ms = |value: Option<f64>| match value {
            Some(ms) => format!("{ms:.0}"),
            None => "<span class=\"bad\">never</span>".to_owned(),
        };
        let back = match recovery.returning {
            0 => "nobody was to".to_owned(),
            all => ms(recovery.back_ms.filter(|_| all > 0)),
        };
        let worst = recovery.worst_interval_ms.map_or("?".to_owned(), |ms| format!("{ms:.0}"));
        writeln!(
            f,
            "<tr><td>{} s</td><td>{}</td><td>{}</td><td>{} of {}</td><td>{back}</td><td>{}</td>\
             <td>{worst}</td><td>{}</td></tr>",
            super::number(recovery.at_seconds),
            recovery.left,
            ms(recovery.noticed_ms),
            recovery.back,
            recovery.returning,
            ms(recovery.steady_ms),
            ms(recovery.complete_ms())
        )?;
    }
    f.write_str("</table></div>\n")
}

/// Who was to leave when, from which state.
pub(super) fn faults(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    if report.faults.is_empty() {
        return Ok(());
    }
    f.write_str(
        "<h2>Faults</h2><div class=\"wide\"><table><tr><th>seconds</th><th>per second</th>\
         <th class=\"text\">from</th><th class=\"text\">causes</th></tr>\n",
    )?;
    for fault in &report.faults {
        let (from, to) = (super::number(fault.from_seconds), super::number(fault.to_seconds));
        writeln!(
            f,
            "<tr><td>{from} to {to}</td><td>{}</td><td class=\"text\">{}</td>\
             <td class=\"text\">{}</td></tr>",
            super::number(fault.per_second),
            fault.states.join(", "),
            escape(&fault.causes.replace(',', ", "))
        )?;
    }
    f.write_str(
        "</table></div><p class=\"dim\">Departures that go on for some time, whatever the server \
         does: shaded in the plots. From: where the players stand then.</p>\n",
    )
}

/// What was checked, thresholds among it; what failed comes first.
pub(super) fn checks(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    f.write_str("<h2>Checks and thresholds</h2><div class=\"wide\"><table class=\"checks\">\n")?;
    let (failed, others): (Vec<_>, Vec<_>) =
        report.checks.iter().partition(|check| check.outcome == Outcome::Failed);
    for check in failed.into_iter().chain(others) {
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

/// The count of a cause, where it is known.
pub(super) fn known(count: Option<u64>) -> String {
    count.map_or("?".to_owned(), |count| count.to_string())
}

/// How many of a cause were not noticed.
pub(super) fn missed(cause: &Cause) -> String {
    match cause.missed {
        Some(missed) if missed > 0 => format!("<b class=\"bad\">{missed}</b>"),
        missed => known(missed),
    }
}
