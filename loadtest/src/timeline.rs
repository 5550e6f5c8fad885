//! How a run went, second by second, and who was there, more often.
//!
//! Data flow: fleet, server's statistics -> **`Sample`**, **`Headcount`** -> evidence -> report ->
//! plots.

use gamekeeper_bot::{
    clock::Moment,
    fleet::{FleetStats, Latency},
};
use serde::Serialize;

use crate::admin::{Buckets, ServerStats};

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
    /// Ticks that a room should have had and did not, since it started.
    pub ticks_missed: u64,
    /// How long ticks took, from the sample before on.
    pub tick: ServerTimes,
    /// How late ticks began, from the sample before on.
    pub tick_late: ServerTimes,
}

/// Times that a server has counted in buckets: each figure is the end of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ServerTimes {
    /// Half are not above it, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 99 % are not above it.
    pub p99_ms: Option<f64>,
    /// None is above it.
    pub max_ms: Option<f64>,
}

/// Who was there at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Headcount {
    /// When, in seconds from the start of the run phase.
    pub at_seconds: f64,
    /// Bots that should have played by the plan.
    pub expected: u64,
    /// Bots that played.
    pub playing: u64,
    /// Bots that had left, and were to come back.
    pub returning: u64,
    /// Players of the server, when it was last asked; nothing if it cannot be.
    pub players: Option<u64>,
    /// Players whose seat the server held.
    pub players_away: Option<u64>,
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

impl ServerSample {
    /// What the server says now, and of its ticks what is new since it was asked `before`.
    pub fn new(now: &ServerStats, before: Option<&ServerStats>) -> Self {
        let new = |of: fn(&ServerStats) -> &Buckets| {
            let new = before.map(|before| of(now).since(of(before))).unwrap_or_default();
            let [p50_ms, p99_ms, max_ms] = [0.5, 0.99, 1.0].map(|share| new.at_most_ms(share));
            ServerTimes { p50_ms, p99_ms, max_ms }
        };
        Self {
            players: now.players,
            players_away: now.players_away,
            connections: now.connections.values().sum(),
            rss_bytes: now.process.rss_bytes,
            open_fds: now.process.open_fds,
            cpu_seconds: now.process.cpu_user_seconds + now.process.cpu_system_seconds,
            player_ticks: now.player_ticks_total,
            ticks_missed: now.ticks_missed_total,
            tick: new(|stats| &stats.tick_seconds_buckets),
            tick_late: new(|stats| &stats.tick_late_seconds_buckets),
        }
    }
}
