//! The last notable events of one connection: what an operator wants to know when it was thrown
//! out.
//!
//! Data flow: client and hub -> **`FlightRecorder`** -> the log line of an eviction, and
//! `/api/connections`.
//!
//! Only changes are noted, never an input or a snapshot that goes its usual way, so this costs
//! nothing where time counts. It has a fixed size and allocates nothing. What repeats is counted
//! instead of filling it up: else a client that answers a ping each second would, after a few
//! seconds, have no history but its pings.

use std::{fmt, time::Duration};

use crate::time::Time;

/// Events that are kept.
const EVENTS_MAX: usize = 16;

/// How far back an event of the same kind is looked for: two, so that a pair that takes turns (a
/// ping and its answer, say) is two lines and not sixteen.
const FOLD_WITHIN: usize = 2;

/// What is remembered of a connection.
///
/// Invariant: `events[..len]` are in the order in which they happened last.
#[derive(Clone, Copy, Debug)]
pub struct FlightRecorder {
    /// When the connection was accepted. Unlike the times that deadlines count from, it is not
    /// moved by a pause of the server.
    began_at: Time,
    events: [Event; EVENTS_MAX],
    len: u8,
}

// One for each connection and each remembered departure, so its size counts.
const _: () = assert!(size_of::<FlightRecorder>() == 144);

/// Something that happened, perhaps several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened last, in milliseconds since the connection was accepted.
    pub at_ms: u32,
    /// How often in a row; stays at the largest number when that is reached.
    pub times: u16,
    /// What it was.
    pub what: Moment,
}

/// What is worth noting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The connection was accepted.
    Accepted,
    /// Bytes came in before the hello was complete, or with it.
    Bytes,
    /// The hello was good: the player has a seat.
    Seated,
    /// The ticket was good: the player has its seat again.
    CameBack,
    /// It was silent and was asked whether it lives.
    Ping,
    /// It answered.
    Pong,
    /// It was asked, is still silent, and is shown to its room as stalled.
    Silent,
    /// It was shown as stalled and said something.
    HeardAgain,
    /// It said more than is looked at in one turn.
    Backlog,
    /// Its socket takes no more bytes.
    Blocked,
    /// Its socket has taken everything that waited.
    Unblocked,
    /// More bytes wait for it than the soft limit allows.
    OverSoftLimit,
    /// No more bytes wait for it than the soft limit allows.
    UnderSoftLimit,
    /// A snapshot was replaced by a newer one before any of it was written.
    SnapshotSkipped,
    /// The server itself did not run for a while.
    ServerPaused,
    /// Its end was settled: the reason stands.
    Leaves,
    /// Its farewell is in the kernel's hands.
    FarewellWritten,
}

impl Moment {
    /// The name in logs and answers.
    pub fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Bytes => "bytes",
            Self::Seated => "seated",
            Self::CameBack => "came_back",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Silent => "silent",
            Self::HeardAgain => "heard_again",
            Self::Backlog => "backlog",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::OverSoftLimit => "over_soft_limit",
            Self::UnderSoftLimit => "under_soft_limit",
            Self::SnapshotSkipped => "snapshot_skipped",
            Self::ServerPaused => "server_paused",
            Self::Leaves => "leaves",
            Self::FarewellWritten => "farewell_written",
        }
    }
}

impl FlightRecorder {
    /// The recorder of a connection that is accepted `now`.
    pub fn new(now: Time) -> Self {
        let accepted = Event { at_ms: 0, times: 1, what: Moment::Accepted };
        Self { began_at: now, events: [accepted; EVENTS_MAX], len: 1 }
    }

    /// Notes something. When it is full, the oldest event is forgotten.
    pub fn note(&mut self, what: Moment, now: Time) {
        let at_ms = u32::try_from(self.age(now).as_millis()).unwrap_or(u32::MAX);
        let len = usize::from(self.len);
        let recent = len.saturating_sub(FOLD_WITHIN)..len;
        if let Some(again) = recent.rev().find(|index| self.events[*index].what == what) {
            self.events[again..len].rotate_left(1);
            let last = &mut self.events[len - 1];
            *last = Event { at_ms, times: last.times.saturating_add(1), what };
            return;
        }
        if len == EVENTS_MAX {
            self.events.rotate_left(1);
        } else {
            self.len += 1;
        }
        self.events[usize::from(self.len) - 1] = Event { at_ms, times: 1, what };
    }

    /// What happened, the oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events[..usize::from(self.len)]
    }

    /// How long ago the connection was accepted.
    pub fn age(&self, now: Time) -> Duration {
        now.since(self.began_at)
    }
}

/// One line: `+0.000s accepted, +0.001s bytes, +0.001s seated, +61.004s pong x57`.
impl fmt::Display for FlightRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, event) in self.events().iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let (seconds, millis) = (event.at_ms / 1_000, event.at_ms % 1_000);
            write!(f, "{comma}+{seconds}.{millis:03}s {}", event.what.label())?;
            if event.times > 1 {
                write!(f, " x{}", event.times)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ms;

    const BEGAN: Time = Time::from_nanos(5_000_000_000);

    fn recorder(events: &[(u64, Moment)]) -> FlightRecorder {
        let mut recorder = FlightRecorder::new(BEGAN);
        for (at, what) in events {
            recorder.note(*what, BEGAN + ms(*at));
        }
        recorder
    }

    #[test]
    fn a_life_is_one_line() {
        let recorder = recorder(&[
            (2, Moment::Bytes),
            (2, Moment::Seated),
            (1_002, Moment::Ping),
            (3_002, Moment::Silent),
            (6_005, Moment::Leaves),
        ]);
        assert_eq!(
            recorder.to_string(),
            "+0.000s accepted, +0.002s bytes, +0.002s seated, +1.002s ping, +3.002s silent, \
             +6.005s leaves"
        );
    }

    #[test]
    fn what_takes_turns_is_counted_and_does_not_push_out_the_rest() {
        let mut events = vec![(1, Moment::Bytes), (1, Moment::Seated)];
        for second in 1..=100 {
            events.push((second * 1_000, Moment::Ping));
            events.push((second * 1_000 + 5, Moment::Pong));
        }
        events.push((101_000, Moment::Ping));
        let expected = "+0.000s accepted, +0.001s bytes, +0.001s seated, +100.005s pong x100, \
                        +101.000s ping x101";
        assert_eq!(recorder(&events).to_string(), expected);
    }

    #[test]
    fn the_newest_sixteen_are_kept_in_order() {
        let cycle = [Moment::Blocked, Moment::OverSoftLimit, Moment::Backlog, Moment::Unblocked];
        let events: Vec<_> = (1..=1_000).zip(cycle.into_iter().cycle()).collect();
        let recorder = recorder(&events);
        let kept: Vec<_> =
            recorder.events().iter().map(|event| (u64::from(event.at_ms), event.what)).collect();
        assert_eq!(kept, events[1_000 - EVENTS_MAX..]);
    }

    #[test]
    fn numbers_that_would_overflow_stay_at_their_largest() {
        let mut recorder = recorder(&[(1, Moment::Ping)]);
        for _ in 0..70_000 {
            recorder.note(Moment::Ping, BEGAN + ms(u64::MAX / 2_000_000));
        }
        let last = Event { at_ms: u32::MAX, times: u16::MAX, what: Moment::Ping };
        assert_eq!(recorder.events().last(), Some(&last));
    }
}
