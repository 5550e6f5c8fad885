//! Which ways of leaving a run uses, and how often each.

use std::{fmt, str::FromStr};

use gamekeeper_bot::{departure::Departure, dice::Dice, transport::TransportMix};

/// How often each way of leaving that only browsers have is taken, where all others together have
/// the weight of a hundred.
const WEIGHT_OF_BROWSERS: u32 = 10;

/// Weighted ways of leaving.
///
/// Invariant: not empty, and every weight is at least 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepartureMix(Vec<(Departure, u32)>);

impl Default for DepartureMix {
    /// All that native clients have. The orderly and the abrupt ways are frequent, as in real life;
    /// the nasty ones are rare but never absent.
    fn default() -> Self {
        Self(vec![
            (Departure::Goodbye, 18),
            (Departure::Close, 20),
            (Departure::Reset, 18),
            (Departure::HalfClose, 8),
            (Departure::UnreadClose, 4),
            (Departure::LastWords, 4),
            (Departure::Stall, 3),
            (Departure::Freeze, 5),
            (Departure::Vanish, 3),
            (Departure::PowerCut, 3),
            (Departure::HalfFrame, 4),
            (Departure::Trickle, 2),
            (Departure::Garbage, 4),
            (Departure::Oversize, 2),
            (Departure::Flood, 2),
        ])
    }
}

impl DepartureMix {
    /// The ways and their weights.
    pub fn weights(&self) -> &[(Departure, u32)] {
        &self.0
    }

    /// The same for bots that speak so. All ways are all that there are then: those of browsers
    /// are added where there are browsers, and who listed some has listed them.
    #[must_use]
    pub fn over(self, transport: TransportMix) -> Self {
        let usual = Self::default();
        let of_browsers = Departure::ALL.into_iter().filter(|it| it.needs_websocket());
        let more = of_browsers.map(|departure| (departure, WEIGHT_OF_BROWSERS));
        let with_browsers = Self(usual.0.iter().copied().chain(more).collect());
        match transport {
            TransportMix::Ws | TransportMix::Mixed if self == usual => with_browsers,
            TransportMix::Tcp if self == with_browsers => usual,
            _ => self,
        }
    }

    /// Draws a way of leaving.
    pub fn draw(&self, dice: &mut Dice) -> Departure {
        let total = self.0.iter().map(|(_, weight)| weight).sum();
        let mut drawn = dice.below(total);
        for (departure, weight) in &self.0 {
            if drawn < *weight {
                return *departure;
            }
            drawn -= weight;
        }
        unreachable!("a number below the sum of the weights falls to one of them")
    }
}

impl fmt::Display for DepartureMix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.write_str("mix");
        }
        for (index, (departure, weight)) in self.0.iter().enumerate() {
            write!(f, "{}{departure}", if index == 0 { "" } else { "," })?;
            if *weight != 1 {
                write!(f, ":{weight}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for DepartureMix {
    type Err = MixError;

    /// Reads `mix`, or names with optional weights: `close,reset:3`.
    fn from_str(text: &str) -> Result<Self, MixError> {
        if text == "mix" {
            return Ok(Self::default());
        }
        let error = |why: String| MixError { text: text.to_owned(), why };
        let mut mix = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once(':').unwrap_or((part, "1"));
            let departure: Departure =
                name.parse().map_err(|unknown| error(format!("{unknown}")))?;
            let weight: u32 =
                weight.parse().ok().filter(|weight| (1..=1_000_000).contains(weight)).ok_or_else(
                    || error(format!("\"{weight}\" is not a weight from 1 to 1000000")),
                )?;
            if mix.iter().any(|(listed, _)| *listed == departure) {
                return Err(error(format!("{departure} is listed twice")));
            }
            mix.push((departure, weight));
        }
        Ok(Self(mix))
    }
}

/// A text that is not a mix of departures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MixError {
    text: String,
    why: String,
}

impl fmt::Display for MixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a list of departures: {}; ", self.text, self.why)?;
        f.write_str("write mix, or names with optional weights such as close,reset:3")
    }
}

impl std::error::Error for MixError {}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::dice::Purpose;

    use super::*;

    #[test]
    fn mixes_read_back() {
        for text in ["mix", "close", "close,reset:3"] {
            assert_eq!(text.parse::<DepartureMix>().expect("valid").to_string(), text);
        }
        for (text, hint) in [
            ("", "there is no departure"),
            ("explode", "half-close"),
            ("close:0", "weight"),
            ("close,close", "twice"),
        ] {
            let error = text.parse::<DepartureMix>().expect_err("invalid").to_string();
            assert!(error.contains(hint), "{error}");
        }
    }

    /// All ways are those of the bots that there are; a list is a list.
    #[test]
    fn the_mix_is_of_those_who_play() {
        use TransportMix::{Mixed, Tcp, Ws};
        let has_closes = |mix: &DepartureMix| {
            mix.weights().iter().any(|(departure, _)| departure.needs_websocket())
        };
        let mix = DepartureMix::default;
        assert!(!has_closes(&mix().over(Tcp)) && has_closes(&mix().over(Ws)));
        assert_eq!(mix().over(Ws), mix().over(Mixed));
        assert_eq!(mix().over(Ws).over(Mixed), mix().over(Mixed));
        assert_eq!(mix().over(Ws).over(Tcp), mix());
        let list: DepartureMix = "ws-close,close:2".parse().expect("valid");
        assert_eq!(list.clone().over(Tcp), list);
        let listed = mix().weights().len() + 1;
        assert_eq!(mix().over(Ws).weights().len(), listed);
        assert_eq!(Departure::ALL.len(), listed);
    }

    #[test]
    fn draws_follow_the_weights_and_leave_nothing_out() {
        let mix = DepartureMix::default();
        let mut dice = Dice::new(1, 0, Purpose::Plan);
        let drawn: Vec<Departure> = (0..10_000).map(|_| mix.draw(&mut dice)).collect();
        for (departure, weight) in &mix.0 {
            let count = drawn.iter().filter(|drawn| *drawn == departure).count() as u32;
            assert!(count.abs_diff(weight * 100) < 200, "{departure}: {count}");
        }
    }
}
