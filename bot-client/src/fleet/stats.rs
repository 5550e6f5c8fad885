//! What a fleet has measured.

use std::{fmt, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The longest time a histogram holds, in microseconds; longer ones count as this.
const LONGEST_MICROS: u64 = 120_000_000;

/// Durations, kept as a histogram of microseconds with three significant digits.
#[derive(Clone, PartialEq)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, 3);
        Self(histogram.expect("the bounds and the precision are constants in range"))
    }
}

impl Latency {
    /// The longest that it can tell apart; what takes longer counts as this.
    pub const LONGEST: Duration = Duration::from_micros(LONGEST_MICROS);

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

impl Serialize for Latency {
    /// As the places that have samples, each with a time that belongs there, in microseconds, and
    /// their number: nothing is lost, and what is empty takes no bytes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let places = self.0.iter_recorded();
        let places = places.map(|place| (place.value_iterated_to(), place.count_at_value()));
        serializer.collect_seq(places.collect::<Vec<(u64, u64)>>())
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut latency = Self::default();
        for (micros, count) in Vec::<(u64, u64)>::deserialize(deserializer)? {
            latency.0.record_n(micros, count).map_err(D::Error::custom)?;
        }
        Ok(latency)
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, max) = (self.quantile(0.5), self.quantile(0.99), self.max());
        write!(f, "{} samples, p50 {p50:?}, p99 {p99:?}, max {max:?}", self.count())
    }
}

/// What players saw of the game.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// From the planned time of a join to the first snapshot.
    pub response_time: Latency,
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
    /// Notices that a player has left that the same bot had received before. Must be 0.
    pub announcements_repeated: u64,
    /// Notices about a player that was not in the room as far as the bot knew.
    pub announcements_unknown: u64,
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
        self.response_time.merge(&other.response_time);
        self.sends += other.sends;
        self.sends_failed += other.sends_failed;
        self.sent_bytes += other.sent_bytes;
        self.received_bytes += other.received_bytes;
        self.inputs += other.inputs;
        self.inputs_skipped += other.inputs_skipped;
        self.input_lag.merge(&other.input_lag);
        self.everyone.merge(&other.everyone);
        self.survivors.merge(&other.survivors);
        self.announcements_repeated += other.announcements_repeated;
        self.announcements_unknown += other.announcements_unknown;
        self.presences_repeated += other.presences_repeated;
        self.ghosts_shown += other.ghosts_shown;
        self.strangers_shown += other.strangers_shown;
        self.snapshots_undecodable += other.snapshots_undecodable;
        self.stale_events += other.stale_events;
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::codec;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Times of all sizes, too long ones too, and in which of some fleets each was measured.
    fn samples() -> impl Strategy<Value = Vec<(u64, usize)>> {
        let micros = prop_oneof![0..2_000_u64, 0..2_000_000_u64, any::<u64>()];
        vec((micros, 0..4_usize), 0..200)
    }

    fn latency(samples: impl IntoIterator<Item = u64>) -> Latency {
        let mut latency = Latency::default();
        samples.into_iter().for_each(|micros| latency.record(Duration::from_micros(micros)));
        latency
    }

    fn read_back<T: Serialize + for<'de> Deserialize<'de>>(value: &T) -> T {
        let mut bytes = Vec::new();
        codec::encode_value(value, &mut bytes).expect("it can be written");
        codec::decode_from_server(&bytes).expect("it can be read")
    }

    /// Different figures in every field, from one histogram and one number.
    fn stats(seed: u64, latency: &Latency) -> FleetStats {
        let mut number = seed;
        let mut next = || {
            number += 1;
            number
        };
        let mut observed = || Observed {
            snapshots: next(),
            missed_ticks: next(),
            interval: latency.clone(),
            age: latency.clone(),
        };
        let (everyone, survivors) = (observed(), observed());
        FleetStats {
            connects: next(),
            joins: next(),
            resumes: next(),
            resumes_refused: next(),
            connect_time: latency.clone(),
            welcome_time: latency.clone(),
            resume_time: latency.clone(),
            first_state_time: latency.clone(),
            response_time: latency.clone(),
            sends: next(),
            sends_failed: next(),
            sent_bytes: next(),
            received_bytes: next(),
            inputs: next(),
            inputs_skipped: next(),
            input_lag: latency.clone(),
            everyone,
            survivors,
            announcements_repeated: next(),
            announcements_unknown: next(),
            presences_repeated: next(),
            ghosts_shown: next(),
            strangers_shown: next(),
            snapshots_undecodable: next(),
            stale_events: next(),
        }
    }

    proptest! {
        /// However samples are spread over fleets in other processes, the sum of what these say is
        /// what one fleet would have measured.
        #[test]
        fn what_is_measured_apart_adds_up_exactly(samples in samples()) {
            let mut merged = Latency::default();
            for fleet in 0..4 {
                let own = samples.iter().filter(|(_, it)| *it == fleet).map(|(micros, _)| *micros);
                merged.merge(&read_back(&latency(own)));
            }
            let all = latency(samples.iter().map(|(micros, _)| *micros));
            prop_assert_eq!(&merged, &all);
            for share in [0.0, 0.5, 0.99, 0.999, 1.0] {
                prop_assert_eq!(merged.quantile(share), all.quantile(share));
            }
            prop_assert_eq!((merged.max(), merged.count()), (all.max(), all.count()));
        }

        #[test]
        fn every_figure_travels_and_adds_up(samples in samples(), seed in 0..1_000_u64) {
            let latency = latency(samples.iter().map(|(micros, _)| *micros));
            let one = stats(seed, &latency);
            prop_assert_eq!(&read_back(&one), &one);
            let mut two = one.clone();
            two.merge(&one);
            prop_assert!(two.sends == 2 * one.sends && two.stale_events == 2 * one.stale_events);
            prop_assert_eq!(two.survivors.age.count(), 2 * latency.count());
            prop_assert_eq!(two.first_state_time.count(), 2 * latency.count());
        }
    }

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
