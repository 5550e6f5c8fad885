//! Reports for people and for machines: pure functions of a [`Report`], of one that was saved, or
//! of two side by side.

mod comparison;
mod html;
mod junit;
mod recap;
mod svg;
mod terminal;
mod text;

pub use comparison::{Markdown, SideBySide};
pub use html::Html;
pub use junit::Junit;
pub use recap::Recap;
pub use text::Text;

use serde::Serialize;

use crate::report::Report;

/// A report for machines: JSON, with the version of its form in `schema`.
///
/// # Errors
///
/// Never in practice: a report has nothing that JSON cannot say.
pub fn json(report: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// What became of each departure, a line of JSON for each.
///
/// # Errors
///
/// If it cannot be written as JSON, which would be a mistake in this program.
pub fn events(report: &Report) -> Result<String, serde_json::Error> {
    let mut lines = String::new();
    for event in &report.events {
        lines.push_str(&serde_json::to_string(event)?);
        lines.push('\n');
    }
    Ok(lines)
}
