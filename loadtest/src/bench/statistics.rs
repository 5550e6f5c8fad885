//! Medians with their spread. Pure.

use serde::Serialize;

/// The median of some values, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The one in the middle; of an even number, the mean of the two.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of some values; nothing for none, because no number would be the truth then.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_nothing_comes_of_nothing() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        let of = |median, min, max| Some(Spread { median, min, max });
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]), of(3.0, 3.0, 3.0));
        assert_eq!(spread(&[9.0, 1.0, 2.0]), of(2.0, 1.0, 9.0));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), of(2.5, 1.0, 4.0));
    }
}
