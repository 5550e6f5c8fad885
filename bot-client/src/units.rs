//! Values as people write them on a command line: `30s`, `20/s`, `25%`.

use std::{fmt, time::Duration};

/// Reads a duration: a number and `ms`, `s`, `m` or `h`, such as `250ms`, `1.5s` or `2m`.
///
/// # Errors
///
/// [`UnitError`], which says what is allowed.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let error =
        || UnitError { text: text.to_owned(), allowed: "a duration such as 500ms, 30s or 2m" };
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| error())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(error()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| error())
}

/// Reads a rate per second: a number, with or without `/s` or `/m` behind it.
///
/// # Errors
///
/// [`UnitError`], which says what is allowed.
pub fn parse_rate(text: &str) -> Result<f64, UnitError> {
    let error = || UnitError { text: text.to_owned(), allowed: "a rate such as 20/s or 90/m" };
    let (number, per_seconds) = match text.split_once('/') {
        None => (text, 1.0),
        Some((number, "s")) => (number, 1.0),
        Some((number, "m")) => (number, 60.0),
        Some(_) => return Err(error()),
    };
    let number: f64 = number.parse().map_err(|_| error())?;
    let rate = number / per_seconds;
    (rate.is_finite() && rate >= 0.0).then_some(rate).ok_or_else(error)
}

/// Reads a share of a whole: a percentage such as `25%`, or a number from 0 to 1 such as `0.25`.
///
/// # Errors
///
/// [`UnitError`], which says what is allowed.
pub fn parse_share(text: &str) -> Result<f64, UnitError> {
    let error = || UnitError { text: text.to_owned(), allowed: "a share such as 25% or 0.25" };
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let number: f64 = number.parse().map_err(|_| error())?;
    let share = number / whole;
    (0.0..=1.0).contains(&share).then_some(share).ok_or_else(error)
}

/// A text that is not the value it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError {
    text: String,
    allowed: &'static str,
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not {}", self.text, self.allowed)
    }
}

impl std::error::Error for UnitError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_rates_and_shares_as_people_write_them() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_rate("20/s"), Ok(20.0));
        assert_eq!(parse_rate("90/m"), Ok(1.5));
        assert_eq!(parse_rate("0"), Ok(0.0));
        assert_eq!(parse_share("25%"), Ok(0.25));
        assert_eq!(parse_share("0.25"), Ok(0.25));
        assert_eq!((parse_share("0"), parse_share("100%")), (Ok(0.0), Ok(1.0)));
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["", "30", "s", "-1s", "1.2.3s", "30 s", "5d"] {
            let error = parse_duration(text).expect_err(text).to_string();
            assert!(error.contains("such as 500ms"), "{error}");
        }
        for text in ["", "x", "-1", "20/h", "inf", "NaN/s"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
        for text in ["", "%", "x%", "-1%", "101%", "25", "1.01", "NaN", "NaN%"] {
            let error = parse_share(text).expect_err(text).to_string();
            assert!(error.contains("such as 25%"), "{error}");
        }
    }
}
