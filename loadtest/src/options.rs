//! What a run is asked to do.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use gamekeeper_bot::fleet::Endpoint;

use crate::{mix::DepartureMix, plan::PlanConfig};

/// What a run is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The server under test.
    pub target: Target,
    /// The game to play; empty for the server's default game.
    pub game: String,
    /// Bots that play at any time.
    pub bots: u32,
    /// How long they play.
    pub duration: Duration,
    /// Departures per second; each is followed by a join.
    pub churn_per_second: f64,
    /// In which ways they leave.
    pub mix: DepartureMix,
    /// Of those that lose their connection and not their seat, the share that comes back to it,
    /// from 0 to 1.
    pub resume_share: f64,
    /// Everything planned is a function of this.
    pub seed: u64,
    /// Inputs per second and bot.
    pub input_hz: u32,
    /// Where to write the report for machines.
    pub json: Option<PathBuf>,
    /// Where to write what became of each departure.
    pub events: Option<PathBuf>,
    /// Where to write the report as a page.
    pub html: Option<PathBuf>,
    /// Whether to keep the server on a core of its own.
    pub pin: bool,
    /// Processes that the bots are spread over.
    pub processes: u32,
}

/// The server under test.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A process that the run starts and ends.
    Own {
        /// The program, if not the one beside this program.
        program: Option<PathBuf>,
        /// What to tell it besides what every run tells it.
        extra: Vec<String>,
    },
    /// One that runs already.
    Running {
        /// Where players connect.
        endpoint: Endpoint,
        /// Where its statistics are; without it, only what bots can see is checked.
        admin: Option<SocketAddr>,
    },
}

impl Options {
    /// What the plan is made from.
    pub fn plan_config(&self) -> PlanConfig {
        PlanConfig {
            bots: self.bots,
            duration: self.duration,
            churn_per_second: self.churn_per_second,
            mix: self.mix.clone(),
            resume_share: self.resume_share,
            seed: self.seed,
        }
    }
}

impl fmt::Display for Options {
    /// The command that does the same again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("gamekeeper-loadtest run")?;
        if let Target::Running { endpoint, admin } = &self.target {
            write!(f, " --target {endpoint}")?;
            admin.map_or(Ok(()), |admin| write!(f, " --admin {admin}"))?;
        }
        if !self.game.is_empty() {
            write!(f, " --game {}", self.game)?;
        }
        write!(f, " --bots {} --duration {}s", self.bots, self.duration.as_secs_f64())?;
        write!(f, " --churn {}/s --departures {}", self.churn_per_second, self.mix)?;
        write!(f, " --resume {}", self.resume_share)?;
        write!(f, " --input-hz {} --seed {}", self.input_hz, self.seed)?;
        if self.processes > 1 {
            write!(f, " --processes {}", self.processes)?;
        }
        if self.pin {
            f.write_str(" --pin")?;
        }
        if let Target::Own { program, extra } = &self.target {
            program
                .as_ref()
                .map_or(Ok(()), |path| write!(f, " --server-bin {}", path.display()))?;
            if !extra.is_empty() {
                write!(f, " -- {}", extra.join(" "))?;
            }
        }
        Ok(())
    }
}
