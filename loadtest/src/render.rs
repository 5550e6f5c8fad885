//! Reports for people and for machines: pure functions of a [`Report`].

mod text;

pub use text::Text;

use crate::report::Report;

/// The report for machines: JSON, with [`SCHEMA`](crate::report::SCHEMA) as its version.
///
/// # Errors
///
/// Never in practice: a report has nothing that JSON cannot say.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
