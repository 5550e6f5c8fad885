//! Values as people write them in a scenario: `2/s`, `5%/s`, `10s..50s`, `50%`.

use std::{fmt, str::FromStr, time::Duration};

use gamekeeper_bot::units::{parse_duration, parse_rate, parse_share};

/// How many departures there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// So many per second.
    PerSecond(f64),
    /// Such a share of the bots of the beginning per second.
    Share(f64),
}

impl Rate {
    /// So many per second among so many bots.
    pub fn per_second(self, bots: u32) -> f64 {
        match self {
            Self::PerSecond(rate) => rate,
            Self::Share(share) => share * f64::from(bots),
        }
    }
}

impl FromStr for Rate {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::new(text, "a rate such as 2/s, 90/m or, of all bots, 5%/s");
        match text.strip_suffix("%/s") {
            Some(percent) => parse_share(&format!("{percent}%")).map(Self::Share),
            None => parse_rate(text).map(Self::PerSecond),
        }
        .map_err(|_| error())
    }
}

/// How many bots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// This many.
    Bots(u32),
    /// This share of those who play.
    Share(f64),
}

impl Amount {
    /// How many of so many.
    pub fn of(self, playing: usize) -> usize {
        match self {
            Self::Bots(bots) => playing.min(bots as usize),
            Self::Share(share) => (playing as f64 * share).round() as usize,
        }
    }
}

impl FromStr for Amount {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let share = text.ends_with('%').then(|| parse_share(text).ok().map(Self::Share));
        share
            .unwrap_or_else(|| text.parse().ok().map(Self::Bots))
            .ok_or_else(|| ValueError::new(text, "a number of bots such as 50, or a share: 50%"))
    }
}

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from: Duration,
    /// Its end, which is not before its beginning.
    pub to: Duration,
}

impl Span {
    /// How long it is.
    pub fn length(self) -> Duration {
        self.to - self.from
    }

    /// A moment in it: the beginning for 0, the end for 1.
    pub fn at(self, fraction: f64) -> Duration {
        self.from + self.length().mul_f64(fraction)
    }
}

impl FromStr for Span {
    type Err = ValueError;

    /// Reads two durations with two dots between them.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let error = || ValueError::new(text, "a span of time such as 10s..50s");
        let (from, to) = text.split_once("..").ok_or_else(error)?;
        let [from, to] = [from, to].map(|it| parse_duration(it.trim()).map_err(|_| error()));
        let span = Self { from: from?, to: to? };
        if span.from > span.to {
            return Err(ValueError::new(text, "a span of time that ends after it begins"));
        }
        Ok(span)
    }
}

/// A text that is not the value it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    text: String,
    allowed: &'static str,
}

impl ValueError {
    fn new(text: &str, allowed: &'static str) -> Self {
        Self { text: text.to_owned(), allowed }
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not {}", self.text, self.allowed)
    }
}

impl std::error::Error for ValueError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_people_write_them() {
        assert_eq!("2/s".parse(), Ok(Rate::PerSecond(2.0)));
        assert_eq!("5%/s".parse(), Ok(Rate::Share(0.05)));
        assert_eq!(Rate::Share(0.05).per_second(200), 10.0);
        assert_eq!("50%".parse(), Ok(Amount::Share(0.5)));
        assert_eq!("50".parse(), Ok(Amount::Bots(50)));
        assert_eq!((Amount::Share(0.5).of(9), Amount::Bots(50).of(9)), (5, 9));
        let span = Span { from: Duration::from_secs(10), to: Duration::from_secs(50) };
        assert_eq!("10s..50s".parse(), Ok(span));
        assert_eq!((span.at(0.0), span.at(0.5)), (span.from, Duration::from_secs(30)));
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["", "often", "101%/s", "-1/s"] {
            let error = text.parse::<Rate>().expect_err(text).to_string();
            assert!(error.contains("5%/s"), "{error}");
        }
        for text in ["", "0.5", "101%", "-1"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
        for (text, hint) in [("10s", "10s..50s"), ("1..2", "10s..50s"), ("2s..1s", "ends after")] {
            let error = text.parse::<Span>().expect_err(text).to_string();
            assert!(error.contains(hint), "{error}");
        }
    }
}
