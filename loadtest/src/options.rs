//! What a run is asked to do.

use std::{fmt, net::SocketAddr, path::PathBuf};

use gamekeeper_bot::{departure::Transport, fleet::Endpoint, transport::TransportMix};

use crate::{
    quote::Word,
    scenario::{Quick, Scenario},
    server,
    threshold::Threshold,
};

/// What a run is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The server under test.
    pub target: Target,
    /// Where the scenario comes from.
    pub origin: Origin,
    /// What happens.
    pub scenario: Scenario,
    /// Demands on the figures, besides those of the scenario.
    pub thresholds: Vec<Threshold>,
    /// Everything planned is a function of this and of the scenario.
    pub seed: u64,
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

/// Where a scenario comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// From flags.
    Quick(Quick),
    /// From a file, or from those that come with the program.
    Named {
        /// The name or the file.
        name: String,
        /// What the bots speak instead of what it says.
        transport: Option<TransportMix>,
        /// How many bots there are instead of those that it says.
        bots: Option<u32>,
        /// Which game it is instead of the one that it says.
        game: Option<String>,
    },
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
    /// Everything that is demanded of the figures.
    pub fn demands(&self) -> impl Iterator<Item = &Threshold> {
        self.scenario.thresholds.iter().chain(&self.thresholds)
    }

    /// What carries the bytes of native clients.
    pub fn native_transport(&self) -> Transport {
        match &self.target {
            Target::Running { endpoint, .. } => endpoint.transport(),
            Target::Own { .. } => Transport::Tcp,
        }
    }

    /// What the bots speak, as reports name it: over a Unix socket that is `unix`.
    pub fn transport_name(&self) -> &'static str {
        match self.native_transport() {
            Transport::Unix => "unix",
            Transport::Tcp | Transport::Ws => self.scenario.transport.name(),
        }
    }

    /// What a server of our own is told besides what every run tells it. What is given to this run
    /// comes instead of what the scenario says.
    pub fn server_args(&self) -> Vec<String> {
        let Target::Own { extra, .. } = &self.target else { return Vec::new() };
        let mut args = server::without(&self.scenario.server_args, extra);
        args.extend_from_slice(extra);
        args
    }
}

impl fmt::Display for Options {
    /// The command that does the same again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("gamekeeper-loadtest run")?;
        if let Origin::Named { name, .. } = &self.origin {
            write!(f, " {}", Word(name))?;
        }
        if let Target::Running { endpoint, admin } = &self.target {
            write!(f, " --target {}", Word(&endpoint.to_string()))?;
            admin.map_or(Ok(()), |admin| write!(f, " --admin {admin}"))?;
        }
        match &self.origin {
            Origin::Quick(quick) => quick.fmt(f)?,
            Origin::Named { transport, bots, game, .. } => {
                transport.map_or(Ok(()), |it| write!(f, " --transport {it}"))?;
                bots.map_or(Ok(()), |bots| write!(f, " --bots {bots}"))?;
                game.as_ref().map_or(Ok(()), |game| write!(f, " --game {}", Word(game)))?;
            }
        }
        for threshold in &self.thresholds {
            write!(f, " --threshold {}", Word(&threshold.to_string()))?;
        }
        write!(f, " --seed {}", self.seed)?;
        if self.processes > 1 {
            write!(f, " --processes {}", self.processes)?;
        }
        if self.pin {
            f.write_str(" --pin")?;
        }
        if let Target::Own { program, extra } = &self.target {
            if let Some(path) = program {
                write!(f, " --server-bin {}", Word(&path.to_string_lossy()))?;
            }
            if !extra.is_empty() {
                f.write_str(" --")?;
            }
            for word in extra {
                write!(f, " {}", Word(word))?;
            }
        }
        Ok(())
    }
}
