//! What a bench is asked to do.

use std::{fmt, path::PathBuf, time::Duration};

use super::{contender::Contender, search::SearchLimits};

/// What a bench is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchOptions {
    /// The numbers of players, one after the other.
    pub players: Vec<u32>,
    /// How often each contender is measured at each number.
    pub rounds: u32,
    /// How long one measurement lasts, not counting the time to join.
    pub duration: Duration,
    /// Whom Gamekeeper is compared with.
    pub peers: Vec<Contender>,
    /// What the bots do is a function of this.
    pub seed: u64,
    /// Whether to keep server and bots on a core each.
    pub pin: bool,
    /// Whether to look for the highest number of players, and where.
    pub search: Option<SearchLimits>,
    /// Where to write the report for machines.
    pub json: Option<PathBuf>,
    /// Whether the tables are for a document instead of a terminal.
    pub markdown: bool,
    /// Gamekeeper's program, if not the one beside this program.
    pub server_bin: Option<PathBuf>,
    /// Where the other servers' sources are, if not in the repository around the current folder.
    pub peers_dir: Option<PathBuf>,
}

impl BenchOptions {
    /// Gamekeeper and its peers, each once, in the order in which they take turns.
    pub fn contenders(&self) -> Vec<Contender> {
        let wanted = |one: &Contender| *one == Contender::Gamekeeper || self.peers.contains(one);
        Contender::ALL.into_iter().filter(wanted).collect()
    }
}

impl fmt::Display for BenchOptions {
    /// The command that does the same again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |words: Vec<String>| words.join(",");
        let players = list(self.players.iter().map(u32::to_string).collect());
        let peers = list(self.peers.iter().map(Contender::to_string).collect());
        write!(f, "gamekeeper-loadtest bench --players {players} --rounds {}", self.rounds)?;
        write!(f, " --duration {}s", self.duration.as_secs_f64())?;
        if peers.is_empty() {
            f.write_str(" --peers none")?;
        } else {
            write!(f, " --peers {peers}")?;
        }
        write!(f, " --seed {}", self.seed)?;
        if self.pin {
            f.write_str(" --pin")?;
        }
        if let Some(limits) = &self.search {
            write!(f, " --search {}..{}", limits.low, limits.high)?;
        }
        let paths = [("server-bin", &self.server_bin), ("peers-dir", &self.peers_dir)];
        for (flag, path) in paths {
            path.as_ref().map_or(Ok(()), |path| write!(f, " --{flag} {}", path.display()))?;
        }
        Ok(())
    }
}
