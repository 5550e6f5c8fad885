//! Drawing a plot: axes, lines, marks and shades.
//!
//! Part of [`svg`](super): **`Plot`** -> SVG text, with a key below it. From behind to the front:
//! bands and rules, axes, series, texts, and what is said when somebody points at it.

use std::fmt;

use super::{Band, How, Plot, Series, escape};

/// Width of a plot, in the units of its view box.
const WIDTH: f64 = 460.0;

/// Height of the field of a plot without rows.
const FIELD_HEIGHT: f64 = 160.0;

/// Height of a row: its name, and below it its marks.
const ROW_HEIGHT: f64 = 25.0;

/// Height of a mark in a row, and of a tick at the foot.
const MARK_HEIGHT: f64 = 9.0;

/// Room for labels around the field.
const LEFT: f64 = 42.0;
const LEFT_OF_ROWS: f64 = 8.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 22.0;
const TOP_OF_ROWS: f64 = 4.0;
const BOTTOM: f64 = 34.0;

/// Points of one line that are drawn; more would be finer than a screen.
pub(super) const POINTS_MAX: usize = 240;

impl Plot {
    fn field_height(&self) -> f64 {
        if self.rows.is_empty() { FIELD_HEIGHT } else { self.rows.len() as f64 * ROW_HEIGHT }
    }

    fn left(&self) -> f64 {
        if self.rows.is_empty() { LEFT } else { LEFT_OF_ROWS }
    }

    fn top(&self) -> f64 {
        if self.rows.is_empty() { TOP } else { TOP_OF_ROWS }
    }

    fn bottom(&self) -> f64 {
        self.top() + self.field_height()
    }

    fn x_at(&self, x: f64) -> f64 {
        self.left() + self.x.place(x) * (WIDTH - self.left() - RIGHT)
    }

    /// Where a value of y lies; with rows, the middle of a row's marks.
    fn y_at(&self, y: f64) -> f64 {
        if self.rows.is_empty() {
            return self.bottom() - self.y.place(y) * self.field_height();
        }
        self.top() + y * ROW_HEIGHT + ROW_HEIGHT - MARK_HEIGHT / 2.0 - 3.0
    }

    fn axes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bottom, right, left) = (self.bottom(), WIDTH - RIGHT, self.left());
        let top = self.top();
        for (mark, text) in self.x.marks() {
            let x = self.x_at(mark);
            write!(f, r#"<path class="grid" d="M{x:.1} {top}V{bottom}"/>"#)?;
            let class = if x > right - 12.0 { "end" } else { "mid" };
            let x = if class == "end" { x.max(right) } else { x };
            write!(
                f,
                r#"<text class="{class}" x="{x:.1}" y="{:.1}">{text}</text>"#,
                bottom + 14.0
            )?;
        }
        if self.rows.is_empty() {
            for (mark, text) in self.y.marks() {
                let y = self.y_at(mark);
                write!(f, r#"<path class="grid" d="M{left} {y:.1}H{right}"/>"#)?;
                let (x, y) = (left - 5.0, y + 4.0);
                write!(f, r#"<text class="end" x="{x}" y="{y:.1}">{text}</text>"#)?;
            }
        }
        let (middle, foot) = (f64::midpoint(left, right), bottom + BOTTOM - 5.0);
        let (x, y) = (escape(self.x.label), escape(self.y.label));
        write!(f, r#"<text class="mid" x="{middle}" y="{foot}">{x}</text>"#)?;
        write!(f, r#"<text x="4" y="13">{y}</text>"#)
    }

    /// The names of the rows, over what is drawn in them.
    fn names(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (row, name) in self.rows.iter().enumerate() {
            let top = self.top() + row as f64 * ROW_HEIGHT;
            let (x, y, right) = (self.left() + 2.0, top + 10.0, WIDTH - RIGHT);
            write!(f, r#"<path class="grid" d="M{} {top:.1}H{right}"/>"#, self.left())?;
            write!(f, r#"<text class="row" x="{x}" y="{y:.1}">{}</text>"#, escape(name))?;
        }
        Ok(())
    }

    fn behind(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for band in &self.bands {
            self.span(f, band, "band")?;
        }
        for rule in self.rules.iter().filter(|rule| rule.at.is_finite()) {
            if rule.upright {
                let (x, bottom) = (self.x_at(rule.at), self.bottom());
                write!(f, r#"<path class="rule" d="M{x:.1} {TOP}V{bottom}"/>"#)?;
            } else {
                let (y, right) = (self.y_at(rule.at), WIDTH - RIGHT);
                write!(f, r#"<path class="rule" d="M{} {y:.1}H{right}"/>"#, self.left())?;
            }
        }
        Ok(())
    }

    /// What the rules say, over what is drawn.
    fn rule_texts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in self.rules.iter().filter(|rule| rule.at.is_finite()) {
            let (class, x, y) = if rule.upright {
                let x = self.x_at(rule.at);
                let is_left = x < WIDTH / 2.0;
                let (class, aside) = if is_left { ("start", 3.0) } else { ("end", -3.0) };
                (class, x + aside, TOP + 10.0)
            } else {
                let y = self.y_at(rule.at);
                ("end", WIDTH - RIGHT, if y < TOP + 14.0 { y + 12.0 } else { y - 4.0 })
            };
            let text = escape(&rule.text);
            write!(f, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#)?;
        }
        Ok(())
    }

    fn span(&self, f: &mut fmt::Formatter<'_>, band: &Band, class: &str) -> fmt::Result {
        let (from, to) = (self.x_at(band.from), self.x_at(band.to));
        let (width, height) = ((to - from).max(0.5), self.field_height());
        let top = self.top();
        write!(
            f,
            r#"<rect class="{class}" x="{from:.1}" y="{top}" width="{width:.1}" height="{height}">"#
        )?;
        write!(f, "<title>{}</title></rect>", escape(&band.text))
    }

    fn draw(&self, f: &mut fmt::Formatter<'_>, series: &Series) -> fmt::Result {
        let class = series.class;
        let points = series.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        let points: Vec<(f64, f64)> = points.copied().collect();
        if matches!(series.how, How::Line | How::Dashes) {
            let dashes = if series.how == How::Dashes { " dashes" } else { "" };
            write!(f, r#"<polyline class="{class} line{dashes}" points=""#)?;
            let points = thinned(&points);
            // A single point is drawn as a dot: a line from it to itself.
            let again = if points.len() == 1 { &points[..] } else { &[] };
            for (x, y) in points.iter().chain(again).copied() {
                write!(f, "{:.1},{:.1} ", self.x_at(x), self.y_at(y))?;
            }
            return f.write_str(r#""/>"#);
        }
        let kind = match series.how {
            How::Bars => " bar",
            How::Ticks => " tick",
            _ => "",
        };
        write!(f, r#"<path class="{class} line{kind}" d=""#)?;
        let mut last = String::new();
        for (x, y) in points {
            let (across, down) = (self.x_at(x), self.y_at(y));
            let half = MARK_HEIGHT / 2.0;
            let mark = match series.how {
                How::Ticks => {
                    format!("M{across:.1} {}v-{MARK_HEIGHT}", self.bottom())
                }
                How::Limits => {
                    let top = down + half + 3.0 - ROW_HEIGHT;
                    format!("M{across:.1} {top:.1}v{ROW_HEIGHT}")
                }
                How::Bars => format!("M{} {down:.1}H{across:.1}", self.left()),
                _ => format!("M{across:.1} {:.1}v{MARK_HEIGHT}", down - half),
            };
            // Of marks at one place, one is enough.
            if mark != last {
                f.write_str(&mark)?;
                last = mark;
            }
        }
        f.write_str(r#""/>"#)
    }
}

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let height = self.bottom() + BOTTOM;
        write!(f, r#"<svg viewBox="0 0 {WIDTH} {height}" role="img">"#)?;
        self.behind(f)?;
        self.axes(f)?;
        for series in &self.series {
            self.draw(f, series)?;
        }
        self.rule_texts(f)?;
        self.names(f)?;
        for hint in &self.hints {
            self.span(f, hint, "hint")?;
        }
        f.write_str("</svg>")?;
        let is_named = |it: &&Series| !it.name.is_empty() && !it.points.is_empty();
        let named: Vec<&Series> = self.series.iter().filter(is_named).collect();
        if !named.is_empty() {
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

/// Not more points than can be seen: of those that lie together, the lowest and the highest.
pub(super) fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= POINTS_MAX {
        return points.to_vec();
    }
    let together = points.len().div_ceil(POINTS_MAX / 2);
    let mut kept = Vec::with_capacity(POINTS_MAX);
    for chunk in points.chunks(together) {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let lowest = chunk.iter().min_by(by_height);
        let highest = chunk.iter().max_by(by_height);
        let mut both: Vec<(f64, f64)> = lowest.into_iter().chain(highest).copied().collect();
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        both.dedup();
        kept.append(&mut both);
    }
    kept
}
