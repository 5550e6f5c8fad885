//! Plots as SVG text.
//!
//! Data flow: series of points -> **`Plot`** -> part of a page. Pure; colours are classes, which
//! the page's style gives a light and a dark form. A plot is drawn for about the width of a phone,
//! so that its text can be read there; wider screens show two beside each other.

mod axis;
mod draw;
#[cfg(test)]
pub(super) mod tests;

pub(super) use axis::{Axis, number};

/// A plot.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    /// Names of rows, from above, in place of a y axis. In series, y is the number of the row.
    pub(super) rows: Vec<String>,
    /// What is shaded behind.
    pub(super) bands: Vec<Band>,
    /// Lines across.
    pub(super) rules: Vec<Rule>,
    /// What is said of a span of x when somebody points at it.
    pub(super) hints: Vec<Band>,
}

/// Something that is drawn.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: &'static str,
    /// The class of its colour: `c0` to `c5`.
    pub(super) class: &'static str,
    pub(super) how: How,
    pub(super) points: Vec<(f64, f64)>,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Joined by a line.
    Line,
    /// Joined by a line of dashes.
    Dashes,
    /// Each by a short line at the foot of the plot.
    Ticks,
    /// Each by an upright mark in its row.
    Marks,
    /// Each by an upright line over the whole of its row.
    Limits,
    /// Each by a bar in its row, from the left.
    Bars,
}

/// A span of x.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Band {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) text: String,
}

/// A line across the field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    /// Where: a value of x if it is upright, else of y.
    pub(super) at: f64,
    pub(super) upright: bool,
    pub(super) text: String,
}

impl Plot {
    /// A plot with nothing but lines.
    pub(super) fn new(x: Axis, y: Axis, series: Vec<Series>) -> Self {
        let (rows, bands, rules, hints) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { x, y, series, rows, bands, rules, hints }
    }

    /// Whether there is anything to see.
    pub(super) fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }
}

/// Text that means itself in a page, and in which there is nothing that a page may not have.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            other if other.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}
