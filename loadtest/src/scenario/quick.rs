//! A scenario from a few flags: bots that play, and that leave in a mix of ways all the time.

use std::{fmt, time::Duration};

use gamekeeper_bot::{departure::PlayerState, transport::TransportMix};

use super::{Fault, Resume, Scenario, Stage, values::Rate};
use crate::{mix::DepartureMix, quote::Word};

/// What the flags of a run without a scenario say.
#[derive(Clone, Debug, PartialEq)]
pub struct Quick {
    /// The game to play; empty for the server's default game.
    pub game: String,
    /// What the bots speak.
    pub transport: TransportMix,
    /// Bots that play at any time.
    pub bots: u32,
    /// How long they play.
    pub duration: Duration,
    /// Departures per second; each is followed by a join or a return.
    pub churn_per_second: f64,
    /// In which ways they leave.
    pub mix: DepartureMix,
    /// Of those that lose their connection and not their seat, the share that comes back to it,
    /// from 0 to 1.
    pub resume_share: f64,
    /// Inputs per second and bot.
    pub input_hz: u32,
}

impl Quick {
    /// What happens then.
    pub fn scenario(&self) -> Scenario {
        let fault = Fault {
            causes: self.mix.clone(),
            rate: Rate::PerSecond(self.churn_per_second),
            during: None,
            states: vec![PlayerState::Match],
            resume: Resume::usual(self.resume_share),
        };
        let scenario = Scenario {
            about: "bots that play, and leave and come back all the time".to_owned(),
            game: self.game.clone(),
            transport: TransportMix::Tcp,
            bots: self.bots,
            stages: vec![Stage { to: self.bots, takes: self.duration }],
            input_hz: self.input_hz,
            faults: vec![fault],
            masses: Vec::new(),
            controls: Vec::new(),
            thresholds: Vec::new(),
            server_args: Vec::new(),
            seed: 1,
        };
        scenario.over(self.transport)
    }
}

impl fmt::Display for Quick {
    /// The flags.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.game.is_empty() {
            write!(f, " --game {}", Word(&self.game))?;
        }
        if self.transport != TransportMix::Tcp {
            write!(f, " --transport {}", self.transport)?;
        }
        write!(f, " --bots {} --duration {}s", self.bots, self.duration.as_secs_f64())?;
        write!(f, " --churn {}/s --departures {}", self.churn_per_second, self.mix)?;
        write!(f, " --resume {} --input-hz {}", self.resume_share, self.input_hz)
    }
}
