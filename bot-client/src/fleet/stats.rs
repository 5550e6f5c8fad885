//! What a fleet has measured.

use std::{collections::BTreeMap, fmt, time::Duration};

use hdrhistogram::Histogram;

use crate::departure::Departure;

/// The longest time a histogram holds, in microseconds; longer ones count as this.
const LONGEST_MICROS: u64 = 120_000_000;

/// Durations, kept as a histogram of microseconds with three significant digits.
#[derive(Clone)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, 3);
        Self(histogram.expect("the bounds and the precision are constants in range"))
    }
}

impl Latency {
    /// Adds a sample.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    /// How many samples there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The sample below which a share of all samples lies; `None` without samples, because no
    /// number would be the truth then.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_micros(self.0.value_at_quantile(share)))
    }

    /// The longest sample.
    pub fn max(&self) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_micros(self.0.max()))
    }

    /// Adds all samples of another one.
    pub fn merge(&mut self, other: &Self) {
        // Both have the same bounds, so nothing can fail to fit.
        self.0.add(&other.0).expect("histograms of the same bounds add up");
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, max) = (self.quantile(0.5), self.quantile(0.99), self.max());
        write!(f, "{} samples, p50 {p50:?}, p99 {p99:?}, max {max:?}", self.count())
    }
}

/// What players saw of the game.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Snapshots received.
    pub snapshots: u64,
    /// Ticks between two snapshots of one player of which it saw none.
    pub missed_ticks: u64,
    /// Time between two snapshots of one player. Only in games with a tick.
    pub interval: Latency,
    /// From encoding to reading. Only in games that say when a snapshot was encoded, and only
    /// meaningful when server and bots share a machine.
    pub age: Latency,
}

impl Observed {
    /// Adds what others saw.
    pub fn merge(&mut self, other: &Self) {
        self.snapshots += other.snapshots;
        self.missed_ticks += other.missed_ticks;
        self.interval.merge(&other.interval);
        self.age.merge(&other.age);
    }
}

/// What a fleet has measured since it was made, or since it was asked last.
#[derive(Clone, Debug, Default)]
pub struct FleetStats {
    /// Connects begun.
    pub connects: u64,
    /// Welcomes to new seats.
    pub joins: u64,
    /// Welcomes to seats that the bot has had.
    pub resumes: u64,
    /// Seats that were asked for again and refused.
    pub resumes_refused: u64,
    /// From the beginning of a connect to its success.
    pub connect_time: Latency,
    /// From then to the welcome, to a new seat.
    pub welcome_time: Latency,
    /// The same, to a seat that the bot has had.
    pub resume_time: Latency,
    /// From the success of a connect to the first snapshot, at a new seat.
    pub first_state_time: Latency,
    /// Sends that a socket took, and sends that failed.
    pub sends: u64,
    /// Sends that failed. Each of them ended a connection.
    pub sends_failed: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Inputs sent.
    pub inputs: u64,
    /// Inputs that were left out because the fleet was far behind its schedule.
    pub inputs_skipped: u64,
    /// From the planned time of an input to the time at which it was sent: the fleet's own health.
    pub input_lag: Latency,
    /// What all bots saw until they were told to leave.
    pub everyone: Observed,
    /// What those bots saw that are not planned to leave.
    pub survivors: Observed,
    /// From a departure to the first notice that any other bot received, once per departure, by
    /// the way of leaving: that the player is away, or has left.
    pub announce: BTreeMap<Departure, Latency>,
    /// Notices that a player has left that the same bot had received before. Must be 0.
    pub announcements_repeated: u64,
    /// Notices about a player that was not in the room as far as the bot knew.
    pub announcements_unknown: u64,
    /// Notices that one of our players has left that has its seat, perhaps again. Must be 0, unless
    /// the server itself has ended that player's stay.
    pub announcements_false: u64,
    /// Notices of a presence that the bot had been told before. Must be 0.
    pub presences_repeated: u64,
    /// Snapshots that showed a player after its departure had been announced, once per player and
    /// snapshot. Must be 0.
    pub ghosts_shown: u64,
    /// Snapshots that showed a player that had never been announced, once per player and snapshot.
    pub strangers_shown: u64,
    /// Snapshots that were not what the game's snapshots are.
    pub snapshots_undecodable: u64,
    /// Readiness events for connections that were gone already, and were ignored.
    pub stale_events: u64,
}

impl FleetStats {
    /// Time to announce, over all ways of leaving.
    pub fn announce_all(&self) -> Latency {
        let mut all = Latency::default();
        for latency in self.announce.values() {
            all.merge(latency);
        }
        all
    }

    /// Adds what was measured in another span of time.
    pub fn merge(&mut self, other: &Self) {
        self.connects += other.connects;
        self.joins += other.joins;
        self.resumes += other.resumes;
        self.resumes_refused += other.resumes_refused;
        self.connect_time.merge(&other.connect_time);
        self.welcome_time.merge(&other.welcome_time);
        self.resume_time.merge(&other.resume_time);
        self.first_state_time.merge(&other.first_state_time);
        self.sends += other.sends;
        self.sends_failed += other.sends_failed;
        self.sent_bytes += other.sent_bytes;
        self.received_bytes += other.received_bytes;
        self.inputs += other.inputs;
        self.inputs_skipped += other.inputs_skipped;
        self.input_lag.merge(&other.input_lag);
        self.everyone.merge(&other.everyone);
        self.survivors.merge(&other.survivors);
        for (departure, latency) in &other.announce {
            self.announce.entry(*departure).or_default().merge(latency);
        }
        self.announcements_repeated += other.announcements_repeated;
        self.announcements_unknown += other.announcements_unknown;
        self.announcements_false += other.announcements_false;
        self.presences_repeated += other.presences_repeated;
        self.ghosts_shown += other.ghosts_shown;
        self.strangers_shown += other.strangers_shown;
        self.snapshots_undecodable += other.snapshots_undecodable;
        self.stale_events += other.stale_events;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_samples_there_is_no_quantile() {
        let mut latency = Latency::default();
        assert_eq!((latency.quantile(0.5), latency.max()), (None, None));
        latency.record(Duration::from_millis(50));
        latency.record(Duration::from_secs(9_999));
        assert_eq!(latency.count(), 2);
        let median = latency.quantile(0.5).expect("two samples");
        assert!(median.abs_diff(Duration::from_millis(50)) < Duration::from_micros(100));
        assert!(latency.max() >= Some(Duration::from_secs(120)), "too long counts as longest");
    }
}
