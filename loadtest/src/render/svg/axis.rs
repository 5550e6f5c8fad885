//! Axes of plots: where a value lies, and at which values there are numbers.
//!
//! Part of [`svg`](super). Whatever figures come, all places are within the field: what is not a
//! finite number is at its beginning.

/// An axis.
#[derive(Clone, Debug)]
pub(in crate::render) struct Axis {
    pub(in crate::render) label: &'static str,
    pub(in crate::render) min: f64,
    pub(in crate::render) max: f64,
    /// Whether equal distances are equal ratios.
    pub(in crate::render) log: bool,
    /// What is written at which values, instead of round numbers.
    pub(in crate::render) names: Vec<(f64, &'static str)>,
}

impl Axis {
    /// From zero to a little more than the largest of these.
    pub(in crate::render) fn from_zero(
        label: &'static str,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        let largest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let max = if largest > 0.0 { largest * 1.05 } else { 1.0 };
        Self { label, min: 0.0, max, log: false, names: Vec::new() }
    }

    /// From one value to another.
    pub(in crate::render) fn between(label: &'static str, min: f64, max: f64) -> Self {
        Self {
            min,
            max: if max > min { max } else { min + 1.0 },
            ..Self::from_zero(label, [].into_iter())
        }
    }

    /// Equal distances are equal ratios: whole decades, from at most `least` on, in which all of
    /// these are.
    pub(in crate::render) fn of_decades(
        label: &'static str,
        least: f64,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        let largest = values.filter(|value| value.is_finite()).fold(least * 10.0, f64::max);
        let max = 10_f64.powf(largest.log10().ceil());
        Self { log: true, ..Self::between(label, least, max) }
    }

    /// Where a value lies, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        let (value, min, max) = match self.log {
            true => (value.max(self.min).log10(), self.min.log10(), self.max.log10()),
            false => (value, self.min, self.max),
        };
        let place = ((value - min) / (max - min)).clamp(0.0, 1.0);
        if place.is_finite() { place } else { 0.0 }
    }

    /// Values along it, and what is written there.
    pub(super) fn marks(&self) -> Vec<(f64, String)> {
        if !self.names.is_empty() {
            let inside = self.names.iter().filter(|(at, _)| (self.min..=self.max).contains(at));
            return inside.map(|(at, name)| (*at, (*name).to_owned())).collect();
        }
        let numbered = |mark: f64| (mark, number(mark));
        if self.log {
            let first = self.min.log10().ceil() as i32;
            let last = self.max.log10().floor() as i32;
            return (first..=last).map(|power| numbered(10_f64.powi(power))).collect();
        }
        let rough = (self.max - self.min) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = step.into_iter().find(|step| *step >= rough).unwrap_or(power * 10.0);
        let first = (self.min / step).ceil() as i64;
        let marks = (first..).map(|number| number as f64 * step);
        marks.take_while(|mark| *mark <= self.max).take(12).map(numbered).collect()
    }
}

/// A number with as many digits as it needs.
pub(in crate::render) fn number(value: f64) -> String {
    match value.abs() {
        large if !large.is_finite() => "?".to_owned(),
        large if large >= 1e10 => format!("{value:.1e}"),
        large if large >= 1e6 => format!("{}M", trim(value / 1e6, 2)),
        large if large >= 1e4 => format!("{}k", trim(value / 1e3, 2)),
        large if large >= 100.0 => trim(value, 1),
        _ => trim(value, 3),
    }
}

fn trim(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(axis: &Axis) -> Vec<f64> {
        axis.marks().into_iter().map(|(value, _)| value).collect()
    }

    #[test]
    fn marks_are_round_and_inside() {
        let axis = Axis::between("", 0.0, 73.0);
        assert_eq!(values(&axis), [0.0, 20.0, 40.0, 60.0]);
        let axis = Axis::of_decades("", 0.5, [3.0, 9_000.0].into_iter());
        assert_eq!(values(&axis), [1.0, 10.0, 100.0, 1_000.0, 10_000.0]);
        assert_eq!(axis.place(0.0), 0.0, "what is below the first decade is at the edge");
        assert!((axis.place(70.7) - 0.5).abs() < 0.01);
        let named = Axis { names: vec![(1.0, "all"), (2e5, "too far")], ..axis };
        assert_eq!(named.marks(), [(1.0, "all".to_owned())]);
    }

    /// A broken figure must not break the page.
    #[test]
    fn every_value_has_a_place_on_every_axis() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e-300, 1e300, 1.0];
        for value in odd {
            for axis in [
                Axis::from_zero("", [value].into_iter()),
                Axis::of_decades("", 0.1, [value].into_iter()),
                Axis::between("", 0.0, value),
            ] {
                assert!(
                    odd.into_iter().all(|it| (0.0..=1.0).contains(&axis.place(it))),
                    "{axis:?}"
                );
                assert!(axis.marks().len() < 400, "{axis:?}");
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        let values = [0.0, 0.25, 20.0, 1_500.0, 20_000.0, 3_500_000.0, 1e300, f64::NAN, 123.456];
        let texts = values.map(number);
        assert_eq!(texts, ["0", "0.25", "20", "1500", "20k", "3.5M", "1.0e300", "?", "123.5"]);
    }
}
