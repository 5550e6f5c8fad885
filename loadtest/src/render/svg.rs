//! Plots as SVG text.
//!
//! Data flow: series of points -> **`Plot`** -> part of a page. Pure; colours are classes, which
//! the page's style gives a light and a dark form.

use std::fmt;

/// Size of a plot, in the units of its view box.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 260.0;

/// Room for labels around the field.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;

/// A plot.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    /// Names along the y axis, from below, in place of numbers.
    pub(super) rows: Vec<String>,
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) min: f64,
    pub(super) max: f64,
    /// Whether equal distances are equal ratios.
    pub(super) log: bool,
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
    /// Each by a short line at the foot of the plot.
    Ticks,
    /// Each by an upright mark in its row.
    Marks,
}

impl Axis {
    /// From zero to a little more than the largest of these.
    pub(super) fn from_zero(label: &'static str, values: impl Iterator<Item = f64>) -> Self {
        let largest = values.fold(0.0, f64::max);
        let max = if largest > 0.0 { largest * 1.05 } else { 1.0 };
        Self { label, min: 0.0, max, log: false }
    }

    /// Where a value lies, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let (value, min, max) = match self.log {
            true => (value.max(self.min).log10(), self.min.log10(), self.max.log10()),
            false => (value, self.min, self.max),
        };
        ((value - min) / (max - min)).clamp(0.0, 1.0)
    }

    /// Round values along it.
    fn marks(&self) -> Vec<f64> {
        if self.log {
            let first = self.min.log10().ceil() as i32;
            let last = self.max.log10().floor() as i32;
            return (first..=last).map(|power| 10_f64.powi(power)).collect();
        }
        let rough = (self.max - self.min) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = step.into_iter().find(|step| *step >= rough).unwrap_or(power * 10.0);
        let first = (self.min / step).ceil() as i64;
        let marks = (first..).map(|number| number as f64 * step);
        marks.take_while(|mark| *mark <= self.max).take(12).collect()
    }
}

/// A number with as many digits as it needs.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1e6 => format!("{}M", trim(value / 1e6)),
        large if large >= 1e4 => format!("{}k", trim(value / 1e3)),
        _ => trim(value),
    }
}

fn trim(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Plot {
    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let across = LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT);
        let down = HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM);
        (across, down)
    }

    fn axes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for mark in self.x.marks() {
            let (x, _) = self.at((mark, self.y.min));
            write!(f, r#"<path class="grid" d="M{x:.1} {TOP}V{bottom}"/>"#)?;
            let text = number(mark);
            write!(f, r#"<text class="mid" x="{x:.1}" y="{:.1}">{text}</text>"#, bottom + 16.0)?;
        }
        if self.rows.is_empty() {
            for mark in self.y.marks() {
                let (_, y) = self.at((self.x.min, mark));
                write!(f, r#"<path class="grid" d="M{LEFT} {y:.1}H{right}"/>"#)?;
                let (x, y) = (LEFT - 6.0, y + 4.0);
                write!(f, r#"<text class="end" x="{x}" y="{y:.1}">{}</text>"#, number(mark))?;
            }
        }
        for (row, name) in self.rows.iter().enumerate() {
            let (_, y) = self.at((self.x.min, row as f64));
            let x = LEFT - 6.0;
            write!(f, r#"<text class="end" x="{x}" y="{:.1}">{}</text>"#, y + 4.0, escape(name))?;
        }
        let (middle, foot) = (f64::midpoint(LEFT, right), HEIGHT - 6.0);
        write!(f, r#"<text class="mid" x="{middle}" y="{foot}">{}</text>"#, escape(self.x.label))?;
        let (x, y) = (14.0, f64::midpoint(TOP, bottom));
        let label = escape(self.y.label);
        write!(f, r#"<text class="mid" transform="rotate(-90 {x} {y})" x="{x}" y="{y}">"#)?;
        write!(f, "{label}</text>")
    }

    fn draw(&self, f: &mut fmt::Formatter<'_>, series: &Series) -> fmt::Result {
        let class = series.class;
        let places = series.points.iter().map(|point| self.at(*point));
        match series.how {
            How::Line => {
                write!(f, r#"<polyline class="{class} line" points=""#)?;
                for (x, y) in places {
                    write!(f, "{x:.1},{y:.1} ")?;
                }
                write!(f, r#""/>"#)
            }
            How::Ticks | How::Marks => {
                write!(f, r#"<path class="{class} line" d=""#)?;
                for (x, y) in places {
                    let (from, to) = match series.how {
                        How::Ticks => (HEIGHT - BOTTOM, HEIGHT - BOTTOM - 7.0),
                        _ => (y - 7.0, y + 7.0),
                    };
                    write!(f, "M{x:.1} {from:.1}V{to:.1}")?;
                }
                write!(f, r#""/>"#)
            }
        }
    }
}

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#)?;
        self.axes(f)?;
        for series in &self.series {
            self.draw(f, series)?;
        }
        f.write_str("</svg>")?;
        let named: Vec<&Series> = self.series.iter().filter(|it| !it.name.is_empty()).collect();
        if named.len() > 1 {
            f.write_str(r#"<p class="key">"#)?;
            for series in named {
                let name = escape(series.name);
                write!(f, r#"<span class="{}"><i></i>{name}</span> "#, series.class)?;
            }
            f.write_str("</p>")?;
        }
        Ok(())
    }
}

/// Text that means itself in a page.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        let axis = Axis { label: "", min: 0.0, max: 73.0, log: false };
        assert_eq!(axis.marks(), [0.0, 20.0, 40.0, 60.0]);
        let axis = Axis { label: "", min: 0.5, max: 20_000.0, log: true };
        assert_eq!(axis.marks(), [1.0, 10.0, 100.0, 1_000.0, 10_000.0]);
        assert_eq!(axis.place(0.0), 0.0, "what is below the first decade is at the edge");
        assert!((axis.place(100.0) - 0.5).abs() < 0.01);
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 0.25, 20.0, 1_500.0, 20_000.0, 3_500_000.0].map(number);
        assert_eq!(texts, ["0", "0.25", "20", "1500", "20k", "3.5M"]);
    }

    #[test]
    fn text_means_itself() {
        assert_eq!(escape("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }

    #[test]
    fn a_plot_without_points_is_a_plot() {
        let nothing = Axis::from_zero("", std::iter::empty());
        let series = Series { name: "a", class: "c0", how: How::Line, points: vec![] };
        let plot = Plot { x: nothing.clone(), y: nothing, series: vec![series], rows: Vec::new() };
        let text = plot.to_string();
        assert!(text.starts_with("<svg") && !text.contains("NaN") && !text.contains("inf"));
    }
}
