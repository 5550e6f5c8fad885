//! Plots of any points are sound.

use super::{draw::thinned, *};

#[test]
fn text_means_itself() {
    assert_eq!(escape("<a href='x'>&\"\u{1}"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}");
}

/// Fails unless all drawings of a page can be read by whoever is strict, and lie in the field.
pub(in crate::render) fn assert_drawings_are_sound(page: &str) {
    for (start, _) in page.match_indices("<svg") {
        let end = page[start..].find("</svg>").expect("it ends") + "</svg>".len();
        let svg = &page[start..start + end];
        let tree = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
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
                let value = node.attribute(name).map_or(0.0, |it| it.parse().expect("a number"));
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

/// At the edge of the field it would be a figure like any other.
#[test]
fn what_is_no_number_is_not_drawn() {
    for how in [How::Line, How::Dashes, How::Ticks] {
        let plot = |points: &[(f64, f64)]| {
            let axis = || Axis::between("", 0.0, 2.0);
            Plot::new(axis(), axis(), vec![series(how, points)]).to_string()
        };
        let odd = [(1.0, f64::NAN), (1.0, 1.0), (f64::INFINITY, 1.0)];
        assert_eq!(plot(&odd), plot(&odd[1..2]), "{how:?}");
    }
}

/// A plot is not longer than a screen is fine, and its peaks stay.
#[test]
fn many_points_are_thinned_and_extremes_stay() {
    let mut points: Vec<(f64, f64)> = (0..10_000).map(|x| (f64::from(x), 5.0)).collect();
    (points[7_001].1, points[123].1) = (99.0, -1.0);
    let kept = thinned(&points);
    assert!(kept.len() <= draw::POINTS_MAX, "{}", kept.len());
    assert!(kept.contains(&(7_001.0, 99.0)) && kept.contains(&(123.0, -1.0)));
    assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(thinned(&points[..9]), points[..9]);
}
