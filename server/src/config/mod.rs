//! What can be set: one table of settings, filled from four layers.
//!
//! Defaults, then the configuration file, then the environment, then the command line; the later
//! layer wins. A setting has the same name everywhere: `room_size` in the file,
//! `GAMEKEEPER_ROOM_SIZE` in the environment, `--room-size` on the command line. An error says
//! where the value came from, what was wrong with it and what is allowed.

mod file;
mod flags;
mod settings;

use std::{fmt, net::SocketAddr, path::PathBuf};

pub use self::flags::{Invocation, from_process};
pub use self::settings::SETTINGS;
use crate::limits::Limits;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where players connect.
    pub listen: Vec<ListenAddr>,
    /// Where operators look; `None` for nowhere.
    pub admin: Option<ListenAddr>,
    /// The game of a hello that names none; `None` for `arena`, or the first game by alphabet if
    /// that is not hosted.
    pub game: Option<String>,
    /// Steps per second of real-time games; `None` for each game's own.
    pub tick_rate: Option<u16>,
    /// Most players in a room.
    pub room_size: u16,
    /// Size of the benchmark's snapshots, in bytes.
    pub state_bytes: usize,
    /// Where all randomness of the games comes from; `None` for a fresh one at each start.
    pub seed: Option<u64>,
    /// Whether browsers are let in on the same addresses.
    pub web: bool,
    /// Whose pages may connect besides the one that is served here and those of the same machine:
    /// origins such as `https://example.org`, or `*` for all.
    pub web_origins: Vec<String>,
    /// How many bots keep the players company.
    pub bots: u32,
    /// Whether the teardown lab may send in bots; `None` for: if nobody else can reach it.
    pub lab: Option<bool>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written: a level, or tracing directives.
    pub log_level: String,
    /// Everything that is bounded.
    pub limits: Limits,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one object per line.
    Json,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// Every address that a host name stands for, or one that was given as such; port 0 picks a
    /// free one.
    Tcp(SocketAddr),
    /// A path in the file system.
    Unix(PathBuf),
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let local = |port| ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], port)));
        Self {
            listen: vec![local(7777)],
            admin: Some(local(7778)),
            game: None,
            tick_rate: None,
            room_size: 50,
            state_bytes: 1024,
            seed: None,
            web: true,
            web_origins: Vec::new(),
            bots: 0,
            lab: None,
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
            limits: Limits::DEFAULT,
        }
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a configuration file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A command-line flag.
    Flag(String),
    /// Several values together.
    Together,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Together => f.write_str("the configuration"),
        }
    }
}

/// A value cannot be used. The operator's fault; the text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where the value came from.
    pub origin: Origin,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.problem)
    }
}

impl std::error::Error for ConfigError {}
