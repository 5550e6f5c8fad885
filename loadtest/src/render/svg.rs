//! Plots as SVG text.
//!
//! Data flow: series of points -> **`Plot`** -> part of a page. Pure; colours are classes, which
//! the page's style gives a light and a dark form. A plot is drawn for about the width of a phone,
//! so that its text can be read there; wider screens show two beside each other.

mod axis;

pub(super) use axis::{Axis, number};

use std::fmt;

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
const POINTS_MAX: usize = 240;

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
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn text_means_itself() {
        assert_eq!(escape("<a href='x'>&\"\u{1}"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}");
    }

    /// Fails unless all drawings of a page can be read by whoever is strict, and lie in the field.
    pub(in crate::render) fn assert_drawings_are_sound(page: &str) {
        for (start, _) in page.match_indices("<svg") {
            let end = page[start..].find("</svg>").expect("it ends") + "</svg>".len();
            let svg = &page[start..start + end];
            let tree =
                roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
            for wrong in ["NaN", "inf"] {
                assert!(!svg.contains(wrong), "{wrong} in {svg}");
            }
            let numbers = |text: &str| -> Vec<f64> {
                let words = text.split(|c: char| !(c.is_ascii_digit() || ".-".contains(c)));
                let words = words.filter(|word| !word.is_empty());
                words.map(|word| word.parse().expect("a number")).collect()
            };
            let size = numbers(tree.root_element().attribute("viewBox").expect("a size"));
            for node in tree.descendants().filter(roxmltree::Node::is_element) {
                for (name, most) in [("x", size[2]), ("y", size[3]), ("width", size[2])] {
                    let value =
                        node.attribute(name).map_or(0.0, |it| it.parse().expect("a number"));
                    assert!((0.0..=most).contains(&value), "{name} {value} in {svg}");
                }
                for value in node.attribute("points").into_iter().flat_map(numbers) {
                    assert!((0.0..=size[2].max(size[3])).contains(&value), "{value} in {svg}");
                }
            }
        }
    }

    fn series(how: How, points: &[(f64, f64)]) -> Series {
        Series { name: "a", class: "c0", how, points: points.to_vec() }
    }

    #[test]
    fn any_points_make_a_sound_plot() {
        use How::{Bars, Dashes, Limits, Line, Marks, Ticks};
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e300, 0.0, 1e300, 1.0];
        let odd: Vec<(f64, f64)> = odd.iter().flat_map(|x| odd.map(|y| (*x, y))).collect();
        for points in [&odd[..], &[], &[(1.0, 1.0)]] {
            for rows in [vec![], vec!["<a>".to_owned(), "b".to_owned()]] {
                let x = Axis::from_zero("x", points.iter().map(|point| point.0));
                let y = Axis::of_decades("y", 0.1, points.iter().map(|point| point.1));
                let all = match rows.is_empty() {
                    true => vec![Line, Dashes, Ticks],
                    false => vec![Marks, Limits, Bars],
                };
                let points: Vec<(f64, f64)> = match rows.is_empty() {
                    true => points.to_vec(),
                    false => points.iter().map(|(x, _)| (*x, 1.0)).collect(),
                };
                let series = all.into_iter().map(|how| series(how, &points)).collect();
                let band = |text: &str| Band { from: -5.0, to: f64::NAN, text: text.to_owned() };
                let rule = |upright| Rule { at: f64::INFINITY, upright, text: "&".to_owned() };
                let plot = Plot {
                    rows,
                    bands: vec![band("<b>")],
                    hints: vec![band("\"")],
                    rules: vec![rule(true), rule(false)],
                    ..Plot::new(x, y, series)
                };
                assert_eq!(plot.is_empty(), points.is_empty());
                assert_drawings_are_sound(&plot.to_string());
            }
        }
    }

    /// A plot is not longer than a screen is fine, and its peaks stay.
    #[test]
    fn many_points_are_thinned_and_extremes_stay() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|x| (f64::from(x), 5.0)).collect();
        (points[7_001].1, points[123].1) = (99.0, -1.0);
        let kept = thinned(&points);
        assert!(kept.len() <= POINTS_MAX, "{}", kept.len());
        assert!(kept.contains(&(7_001.0, 99.0)) && kept.contains(&(123.0, -1.0)));
        assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(thinned(&points[..9]), points[..9]);
    }
}
