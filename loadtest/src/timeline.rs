//! How a run went, second by second.
//!
//! Data flow: fleet, server's statistics -> **`Sample`** -> evidence -> report -> plots.

use gamekeeper_bot::{
    clock::Moment,
    fleet::{FleetStats, Latency},
};
use serde::Serialize;

use crate::admin::ServerStats;

/// What was seen in about a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Its end, in seconds from the start of the run phase.
    pub at_seconds: f64,
    /// How long it was, in seconds.
    pub seconds: f64,
    /// Bots that played at its end.
    pub playing: u64,
    /// States that bots received that were not to leave.
    pub snapshots: u64,
    /// Ticks of which such a bot saw no state.
    pub missed_ticks: u64,
    /// Time between two states of one such bot, in milliseconds: half are below.
    pub interval_p50_ms: Option<f64>,
    /// 99 % are below.
    pub interval_p99_ms: Option<f64>,
    /// The longest.
    pub interval_max_ms: Option<f64>,
    /// From the planned time of an input to its sending, in milliseconds: 99 % are below.
    pub input_lag_p99_ms: Option<f64>,
    /// The server, as it was at the last look; nothing if it cannot be asked.
    pub server: Option<ServerSample>,
}

/// What the server said about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ServerSample {
    /// Players with a seat and a connection.
    pub players: u64,
    /// Players whose seat is held.
    pub players_away: u64,
    /// Connections in any state.
    pub connections: u64,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// Open descriptors.
    pub open_fds: u64,
    /// Processor time since it started, in seconds.
    pub cpu_seconds: f64,
    /// Players times ticks since it started.
    pub player_ticks: u64,
}

impl Sample {
    /// What was measured from `from` to `to`, in a run that began at `began`.
    pub fn new(began: Moment, from: Moment, to: Moment, playing: u64, slice: &FleetStats) -> Self {
        let survivors = &slice.survivors;
        let quantile = |of: &Latency, share| of.quantile(share).map(|it| it.as_secs_f64() * 1e3);
        Self {
            at_seconds: to.since(began).as_secs_f64(),
            seconds: to.since(from).as_secs_f64(),
            playing,
            snapshots: survivors.snapshots,
            missed_ticks: survivors.missed_ticks,
            interval_p50_ms: quantile(&survivors.interval, 0.5),
            interval_p99_ms: quantile(&survivors.interval, 0.99),
            interval_max_ms: survivors.interval.max().map(|it| it.as_secs_f64() * 1e3),
            input_lag_p99_ms: quantile(&slice.input_lag, 0.99),
            server: None,
        }
    }
}

impl From<&ServerStats> for ServerSample {
    fn from(stats: &ServerStats) -> Self {
        Self {
            players: stats.players,
            players_away: stats.players_away,
            connections: stats.connections.values().sum(),
            rss_bytes: stats.process.rss_bytes,
            open_fds: stats.process.open_fds,
            cpu_seconds: stats.process.cpu_user_seconds + stats.process.cpu_system_seconds,
            player_ticks: stats.player_ticks_total,
        }
    }
}
