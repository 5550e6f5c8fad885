//! One measurement, and the figures that follow from it. Pure.

use std::time::Duration;

use gamekeeper_bot::fleet::Observed;

use super::{usage::Usage, workload};

/// Bots that are busy for more than this share of the time may be the limit, and not the server.
const BUSY_MAX: f64 = 0.95;

/// Inputs that are later than this at the 99th percentile say the same: half a tick.
const INPUT_LAG_MAX: Duration = Duration::from_millis(25);

/// What one measurement saw.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Players, all of whom play.
    pub players: u32,
    /// How long was measured.
    pub window: Duration,
    /// The server before the first player came.
    pub idle: Usage,
    /// The server at the beginning of the window.
    pub before: Usage,
    /// The server at its end.
    pub after: Usage,
    /// What the players saw in it.
    pub seen: Observed,
    /// Players that the server threw out or lost.
    pub lost: u64,
    /// Processor time of the bots in the window.
    pub bots_cpu: Duration,
    /// Processor time of everything on this machine in the window.
    pub machine_cpu: Duration,
    /// The 99th percentile of how late the bots sent their inputs.
    pub input_lag_p99: Option<Duration>,
    /// What became of the others when one player vanished with a reset, after the window.
    pub aftermath: Aftermath,
}

/// What became of a game in which one player's connection was reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aftermath {
    /// The others play on.
    PlaysOn,
    /// The server runs, and the others get no states any more.
    FallsSilent,
    /// The server has ended.
    Dies(String),
}

impl Aftermath {
    /// The words in tables.
    pub fn label(&self) -> &'static str {
        match self {
            Self::PlaysOn => "plays on",
            Self::FallsSilent => "falls silent",
            Self::Dies(_) => "dies",
        }
    }
}

impl Sample {
    /// States that every player must get in a window of this length, whatever the phase of its
    /// room, taken together.
    pub fn planned(&self) -> u64 {
        let ticks = self.window.as_secs_f64() * f64::from(workload::TICK_HZ);
        ticks.floor() as u64 * u64::from(self.players)
    }

    /// The share of the planned states that arrived, at most 1.
    pub fn delivered(&self) -> f64 {
        (self.seen.snapshots as f64 / self.planned().max(1) as f64).min(1.0)
    }

    /// Planned states that did not arrive.
    pub fn missed(&self) -> u64 {
        self.planned().saturating_sub(self.seen.snapshots)
    }

    /// Processor time of the server per state that arrived, in its own code and in the kernel, in
    /// microseconds. A state that arrives is one player's tick.
    pub fn cpu_us(&self) -> (f64, f64) {
        let per_state = |after: Duration, before| {
            let used = after.saturating_sub(before).as_secs_f64() * 1e6;
            used / self.seen.snapshots.max(1) as f64
        };
        (
            per_state(self.after.user, self.before.user),
            per_state(self.after.system, self.before.system),
        )
    }

    /// Memory that the players have made the server take, per player, in KiB.
    pub fn kib_per_player(&self) -> f64 {
        let grown = self.after.rss_bytes.saturating_sub(self.idle.rss_bytes);
        grown as f64 / 1024.0 / f64::from(self.players.max(1))
    }

    /// The share of the time for which the bots were busy.
    pub fn bots_busy(&self) -> f64 {
        self.bots_cpu.as_secs_f64() / self.window.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// What others used of the machine meanwhile, as a share of one core: the less the better.
    pub fn others_busy(&self) -> f64 {
        let server = (self.after.user + self.after.system)
            .saturating_sub(self.before.user + self.before.system);
        let others = self.machine_cpu.saturating_sub(server + self.bots_cpu);
        others.as_secs_f64() / self.window.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Whether the bots may have been the limit.
    pub fn is_limited_by_bots(&self) -> bool {
        let is_late = self.input_lag_p99.is_some_and(|lag| lag > INPUT_LAG_MAX);
        is_late || self.bots_busy() > BUSY_MAX
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A server that used 2 s in its own code and 6 s in the kernel for 1,000 players in 10 s.
    pub(in super::super) fn good() -> Sample {
        let mut seen = Observed { snapshots: 200_000, ..Observed::default() };
        for ms in 1..=100 {
            seen.age.record(Duration::from_millis(ms));
            seen.interval.record(Duration::from_millis(50));
        }
        Sample {
            players: 1_000,
            window: Duration::from_millis(10_020),
            idle: Usage { rss_bytes: 1 << 20, ..Usage::default() },
            before: Usage { user: Duration::from_secs(1), ..Usage::default() },
            after: Usage {
                user: Duration::from_secs(3),
                system: Duration::from_secs(6),
                rss_bytes: 3 << 20,
            },
            seen,
            lost: 0,
            bots_cpu: Duration::from_secs(5),
            machine_cpu: Duration::from_millis(13_501),
            input_lag_p99: Some(Duration::from_millis(1)),
            aftermath: Aftermath::PlaysOn,
        }
    }

    #[test]
    fn figures_are_per_state_and_per_player() {
        let sample = good();
        assert_eq!(sample.cpu_us(), (10.0, 30.0));
        assert_eq!(sample.kib_per_player(), 2.048);
        assert!(!sample.is_limited_by_bots());
        assert!((sample.others_busy() - 0.05).abs() < 0.001, "{}", sample.others_busy());
    }

    #[test]
    fn a_window_that_is_a_little_longer_promises_no_further_state() {
        let mut sample = good();
        assert_eq!((sample.planned(), sample.delivered(), sample.missed()), (200_000, 1.0, 0));
        sample.seen.snapshots = 190_000;
        assert_eq!((sample.delivered(), sample.missed()), (0.95, 10_000));
        sample.seen.snapshots = 200_500;
        assert_eq!((sample.delivered(), sample.missed()), (1.0, 0), "the edges of the window");
    }

    #[test]
    fn a_server_that_delivers_nothing_has_figures_too() {
        let mut sample = good();
        sample.seen = Observed::default();
        assert_eq!((sample.delivered(), sample.missed()), (0.0, 200_000));
        assert!(sample.cpu_us().0.is_finite());
    }

    #[test]
    fn busy_or_late_bots_are_a_limit() {
        let busy = Sample { bots_cpu: Duration::from_secs_f64(9.9), ..good() };
        let late = Sample { input_lag_p99: Some(Duration::from_millis(26)), ..good() };
        assert!(busy.is_limited_by_bots() && late.is_limited_by_bots());
    }
}
