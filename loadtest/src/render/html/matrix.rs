//! What was done against what the server said of it: the reason, and how it learnt of it.
//!
//! Part of [`Html`](super::Html). Report -> **matrix**. The darker a field, the more of its row are
//! there. A reason that is wrong for a departure is red, wherever it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{escape, tables};
use crate::report::{Cause, Report};

/// A field with something in it: what is shown, and which share of the row that is.
type Field = (String, f64);

/// Rows are causes, columns the server's reasons.
pub(super) fn by_reason(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    f.write_str("<h2>Cause by reason</h2>")?;
    let reasons = |cause: &Cause| {
        let both = [cause.detected.clone(), cause.wrong.clone()].into_iter().flatten().flatten();
        both.map(|(reason, _)| reason).collect::<Vec<_>>()
    };
    let mut columns: BTreeSet<String> = report.causes.iter().flat_map(reasons).collect();
    columns.extend(report.leaves_unexplained.keys().cloned());
    let field = |cause: &Cause, reason: &str| {
        let of = |all: &Option<BTreeMap<String, u64>>| {
            all.as_ref().and_then(|all| all.get(reason)).copied().unwrap_or(0)
        };
        let (right, wrong) = (of(&cause.detected), of(&cause.wrong));
        let good = (right > 0).then(|| format!("<span class=\"good\">{right}</span>"));
        let bad = (wrong > 0).then(|| format!("<b class=\"bad\">{wrong}</b>"));
        let texts: Vec<String> = good.into_iter().chain(bad).collect();
        let share = (right + wrong) as f64 / cause.injected.max(1) as f64;
        (!texts.is_empty()).then(|| (texts.join(" + "), share))
    };
    let is_drawn = table(f, report, &columns, field, |f| {
        f.write_str("<tr><td class=\"dim\">nobody</td>")?;
        for reason in &columns {
            match report.leaves_unexplained.get(reason) {
                Some(count) => write!(f, "<td><b class=\"bad\">{count}</b></td>")?,
                None => f.write_str("<td class=\"none\">·</td>")?,
            }
        }
        f.write_str("<td></td></tr>")
    })?;
    if is_drawn {
        f.write_str(
            "<p class=\"dim\">Rows are what was done, columns what the server said; the last row \
             are leaves without a cause. Good is one dark field in each row, nothing in red, and \
             zeros on the right.</p>\n",
        )?;
    }
    Ok(())
}

/// Rows are causes, columns the ways in which the server learnt of them.
pub(super) fn by_path(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    f.write_str("<h2>Cause by detector</h2>")?;
    let paths = report.causes.iter().flat_map(|cause| cause.paths.iter().flat_map(BTreeMap::keys));
    let columns: BTreeSet<String> = paths.cloned().collect();
    let field = |cause: &Cause, path: &str| {
        let count = cause.paths.as_ref()?.get(path).copied().filter(|count| *count > 0)?;
        Some((count.to_string(), count as f64 / cause.injected.max(1) as f64))
    };
    let is_drawn = table(f, report, &columns, field, |_| Ok(()))?;
    if is_drawn {
        f.write_str(
            "<p class=\"dim\">How the server learnt of it. Who says goodbye or closes is read, and \
             who falls silent is found by a timer; good is when hardly anybody is found only by a \
             write that fails.</p>\n",
        )?;
    }
    Ok(())
}

/// Draws a matrix, if there is anything in it; else says why there is not.
fn table(
    f: &mut fmt::Formatter<'_>,
    report: &Report,
    columns: &BTreeSet<String>,
    field: impl Fn(&Cause, &str) -> Option<Field>,
    last_row: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> Result<bool, fmt::Error> {
    if columns.is_empty() {
        let why = match report.server {
            None => "The server was not asked, so nobody knows what it noticed.",
            Some(_) => "Nobody left whom the server has told of.",
        };
        writeln!(f, "<p class=\"dim\">{why}</p>")?;
        return Ok(false);
    }
    f.write_str("<div class=\"wide\"><table class=\"matrix\"><tr><th>left by</th>")?;
    for column in columns {
        write!(f, "<th><span>{}</span></th>", escape(column))?;
    }
    f.write_str("<th><span>missed</span></th></tr>\n")?;
    for cause in &report.causes {
        write!(f, "<tr><td>{}</td>", escape(&cause.departure))?;
        for column in columns {
            match field(cause, column) {
                Some((text, share)) => {
                    let percent = (share.clamp(0.0, 1.0) * 40.0).round();
                    write!(f, "<td class=\"heat\" style=\"--h:{percent}%\">{text}</td>")?;
                }
                None => f.write_str("<td class=\"none\">·</td>")?,
            }
        }
        writeln!(f, "<td>{}</td></tr>", tables::missed(cause))?;
    }
    last_row(f)?;
    f.write_str("</table></div>")?;
    Ok(true)
}
