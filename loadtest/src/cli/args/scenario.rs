//! Which scenario is meant, and what is changed about it.
//!
//! Part of [`args`](super): arguments -> **origin, scenario, seed** -> options.

use std::{fs, time::Duration};

use gamekeeper_bot::{
    transport::TransportMix,
    units::{parse_duration, parse_rate, parse_share},
};

use super::usage;
use crate::{
    mix::DepartureMix,
    options::Origin,
    scenario::{Quick, Scenario, bounds, file, shipped},
    threshold::Threshold,
};

/// What all scenario files end with.
const SUFFIX: &str = ".toml";

/// What happens in a run.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ScenarioArgs {
    /// A scenario: a file whose name ends with .toml, or the name of one that comes with the
    /// program (`gamekeeper-loadtest list` shows them). Without it, the flags say what happens.
    #[arg(value_name = "SCENARIO")]
    scenario: Option<String>,

    /// The game to play [default: arena, or what the scenario says].
    #[arg(long, value_name = "NAME")]
    game: Option<String>,

    /// What the bots speak: tcp for the native protocol, ws for WebSocket as browsers do, or mixed
    /// for half of them [default: tcp, or what the scenario says].
    #[arg(long, value_name = "NAME")]
    transport: Option<TransportMix>,

    /// Bots that play at any time [default: 200, or what the scenario says].
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(bounds::BOTS_MAX)))]
    bots: Option<u32>,

    /// How long they play, not counting the time to join before and to settle after [default: 30s].
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "scenario")]
    duration: Option<Duration>,

    /// Bots that leave per second; each is replaced by a new one, or comes back [default: 20/s].
    #[arg(long, value_name = "RATE", value_parser = parse_rate, conflicts_with = "scenario")]
    churn: Option<f64>,

    /// The ways they leave: mix, or names with optional weights such as close,reset:3
    /// [default: mix].
    #[arg(long, value_name = "LIST", conflicts_with = "scenario")]
    departures: Option<DepartureMix>,

    /// Of those that lose their connection without a goodbye, the share that comes back to its
    /// seat: some with a ticket for a seat that is held, some while the server still believes in
    /// the old connection. A few bad tickets are shown besides. 0 for none [default: 25%].
    #[arg(long, value_name = "SHARE", value_parser = parse_share, conflicts_with = "scenario")]
    resume: Option<f64>,

    /// Inputs per second and bot [default: 20].
    #[arg(long, value_name = "HZ", conflicts_with = "scenario")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    input_hz: Option<u32>,

    /// Demands that a figure is so, as in 'ttd{cause:close} p99<100ms'; can be given several times.
    /// `gamekeeper-loadtest list` shows the figures.
    #[arg(long = "threshold", value_name = "DEMAND")]
    thresholds: Vec<Threshold>,

    /// Everything planned is a function of this [default: 1, or what the scenario says].
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

/// What is meant by it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct Chosen {
    pub(in crate::cli) origin: Origin,
    pub(in crate::cli) scenario: Scenario,
    pub(in crate::cli) thresholds: Vec<Threshold>,
    pub(in crate::cli) seed: u64,
}

impl ScenarioArgs {
    pub(super) fn choose(self) -> Result<Chosen, clap::Error> {
        let (thresholds, seed) = (self.thresholds.clone(), self.seed);
        let (origin, scenario) = match self.scenario {
            Some(name) => named(name, self.transport, self.bots, self.game)?,
            None => {
                let quick = self.into_quick();
                if quick.duration.is_zero() {
                    return Err(usage("--duration must be longer than 0s, or nothing is measured"));
                }
                let scenario = quick.scenario();
                bounds::check(&scenario).map_err(|error| usage(&error))?;
                (Origin::Quick(quick), scenario)
            }
        };
        let seed = seed.unwrap_or(scenario.seed);
        Ok(Chosen { origin, scenario, thresholds, seed })
    }

    fn into_quick(self) -> Quick {
        Quick {
            game: self.game.unwrap_or_else(|| "arena".to_owned()),
            transport: self.transport.unwrap_or_default(),
            bots: self.bots.unwrap_or(200),
            duration: self.duration.unwrap_or(Duration::from_secs(30)),
            churn_per_second: self.churn.unwrap_or(20.0),
            mix: self.departures.unwrap_or_default(),
            resume_share: self.resume.unwrap_or(0.25),
            input_hz: self.input_hz.unwrap_or(20),
        }
    }
}

fn named(
    name: String,
    transport: Option<TransportMix>,
    bots: Option<u32>,
    game: Option<String>,
) -> Result<(Origin, Scenario), clap::Error> {
    let mut scenario = if name.ends_with(SUFFIX) {
        let text = fs::read_to_string(&name)
            .map_err(|error| usage(&format!("cannot read the scenario {name}: {error}")))?;
        file::read(&text)
            .map_err(|error| usage(&format!("{name} is no scenario that can be played: {error}")))?
    } else {
        shipped::find(&name).ok_or_else(|| {
            let names: Vec<&str> = shipped::SHIPPED.iter().map(|(name, _)| *name).collect();
            usage(&format!(
                "there is no scenario {name}; there are {}, and a file ends with {SUFFIX}",
                names.join(", ")
            ))
        })?
    };
    if let Some(bots) = bots {
        scenario = scenario.with_bots(bots);
        bounds::check(&scenario)
            .and_then(|()| bounds::check_tables(&scenario))
            .map_err(|error| usage(&format!("{name} with --bots {bots}: {error}")))?;
    }
    if let Some(game) = &game {
        scenario.game.clone_from(game);
    }
    if let Some(transport) = transport {
        scenario = scenario.over(transport);
    }
    Ok((Origin::Named { name, transport, bots, game }, scenario))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        scenario: ScenarioArgs,
    }

    fn choose(line: &str) -> Result<Scenario, String> {
        let words = std::iter::once("run").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.scenario.choose().map(|chosen| chosen.scenario).map_err(|error| error.to_string())
    }

    /// Whatever is changed last, the whole is looked at once more.
    #[test]
    fn flags_do_not_go_beyond_what_can_be_played() {
        for (line, hint) in [
            ("--churn 1e18/s", "too many for a plan; at most 5000000"),
            ("--duration 721h", "at most 30 days"),
            ("--duration 18446744073709549568s", "at most 30 days"),
            ("--bots 1000001", "1..=1000000"),
            ("everything --bots 1000000", "at most 1000000"),
            ("soak --bots 500000", "soak with --bots 500000: "),
            ("everything --bots 2", "[[mass]] number 1: its amount is nobody"),
        ] {
            let error = choose(line).expect_err(line);
            assert!(error.contains(hint), "{line}: {error}");
        }
    }

    /// A calm run is a run.
    #[test]
    fn flags_may_say_that_nobody_leaves() {
        assert_eq!(choose("--churn 0/s").expect("a run").faults[0].count(200, Duration::MAX), 0);
        assert_eq!(choose("churn --bots 7").expect("a run").bots, 7);
    }
}
