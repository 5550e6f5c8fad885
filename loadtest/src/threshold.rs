//! What a scenario demands of the figures, as text that people can read: `ttd{cause:close} p99<1s`.
//!
//! Data flow: scenario, flags -> **`Threshold`** + report -> checks. What can be demanded is in one
//! table, [`METRICS`]; where the figures come from is in [`figures`]. A metric that does not exist
//! is an error before the run, and one without samples is a failure after it: nothing passes
//! because nothing was looked at.

pub mod figures;
mod metrics;
mod parse;

pub use metrics::{Kind, METRICS, Metric, Selects};
pub use parse::ThresholdError;

use std::{fmt, str::FromStr};

/// A demand on one figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is looked at.
    pub metric: &'static Metric,
    /// Of which cause or manner; all of them together without.
    pub of: Option<String>,
    /// Which figure of it.
    pub statistic: Statistic,
    /// How it is compared.
    pub comparison: Comparison,
    /// What it is compared with, in the base unit of the metric's [`Kind`].
    pub limit: f64,
    /// The limit as it was written.
    limit_text: String,
}

/// A figure of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// The only one.
    Value,
    /// Half of the samples are below.
    P50,
    /// 99 % of the samples are below.
    P99,
    /// 99.9 % of the samples are below.
    P999,
    /// The largest sample.
    Max,
}

/// How a figure is compared with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Below it.
    Less,
    /// Below it, or it.
    AtMost,
    /// It.
    Equal,
    /// It, or above it.
    AtLeast,
    /// Above it.
    More,
}

impl Threshold {
    /// Reads a demand that is written in two parts: the metric, and what is demanded of it.
    ///
    /// # Errors
    ///
    /// [`ThresholdError`], which says what could be written.
    pub fn new(metric: &str, demand: &str) -> Result<Self, ThresholdError> {
        parse::threshold(metric, demand)
    }

    /// Whether a figure is as it should be.
    pub fn holds(&self, figure: f64) -> bool {
        match self.comparison {
            Comparison::Less => figure < self.limit,
            Comparison::AtMost => figure <= self.limit,
            // Both are counts, or sums of them: they are exact.
            Comparison::Equal => (figure - self.limit).abs() < f64::EPSILON,
            Comparison::AtLeast => figure >= self.limit,
            Comparison::More => figure > self.limit,
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric.name)?;
        if let (Some(key), Some(of)) = (self.metric.selects.key(), &self.of) {
            write!(f, "{{{key}:{of}}}")?;
        }
        write!(f, " {}{}{}", self.statistic.name(), self.comparison.sign(), self.limit_text)
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    /// Reads `ttd{cause:close} p99<1s`, in one piece as on a command line.
    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let (metric, demand) = parse::split(text)?;
        Self::new(metric, demand)
    }
}

impl Statistic {
    /// All that a metric with samples has.
    const OF_SAMPLES: [Self; 4] = [Self::P50, Self::P99, Self::P999, Self::Max];

    fn name(self) -> &'static str {
        match self {
            Self::Value => "",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
        }
    }
}

impl Comparison {
    /// The longer signs come first, so that none is taken for the beginning of another.
    const ALL: [Self; 5] = [Self::AtMost, Self::AtLeast, Self::Equal, Self::Less, Self::More];

    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_read_back() {
        for text in [
            "ttd{cause:close} p99<100ms",
            "ttd max<=8s",
            "wrong_evictions ==0",
            "controls_evicted{manner:slicer} ==0",
            "survivors.missed <0.1%",
            "survivors.interval p99.9<80ms",
            "server.cpu_per_player_tick <9.5us",
            "recovery <5s",
            "joins.failed >=0",
        ] {
            let threshold: Threshold = text.parse().expect(text);
            assert_eq!(threshold.to_string(), text);
        }
        let spaced: Threshold = "ttd{cause:close}  p99 < 100ms".parse().expect("spaces are free");
        assert_eq!(spaced.to_string(), "ttd{cause:close} p99<100ms");
        assert_eq!(spaced.limit, 100.0);
    }

    #[test]
    fn what_cannot_be_demanded_is_said_with_what_can() {
        for (text, hint) in [
            ("", "such as"),
            ("ttd", "such as"),
            ("tdt p99<1s", "did you mean ttd"),
            ("nonsense <1", "survivors.interval"),
            ("ttd{cause:explosion} p99<1s", "half-close"),
            ("ttd{manner:slicer} p99<1s", "cause"),
            ("ghosts{cause:close} ==0", "no selector"),
            ("ttd{cause:close p99<1s", "}"),
            ("ttd p98<1s", "p99"),
            ("ttd <1s", "p99"),
            ("ghosts p99==0", "ghosts"),
            ("ttd p99~1s", "<="),
            ("ttd p99<1", "500ms"),
            ("ghosts ==none", "number"),
            ("survivors.missed <0.1", "%"),
            ("leaks.rss <1e305MiB", "amount of memory"),
            ("ttd max<3m", "too long"),
        ] {
            let error = text.parse::<Threshold>().expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn a_figure_is_compared_as_written() {
        for (demand, below, at, above) in [
            ("<5", true, false, false),
            ("<=5", true, true, false),
            ("==5", false, true, false),
            (">=5", false, true, true),
            (">5", false, false, true),
        ] {
            let threshold = Threshold::new("ghosts", demand).expect(demand);
            assert_eq!([4.0, 5.0, 6.0].map(|it| threshold.holds(it)), [below, at, above]);
        }
    }
}
