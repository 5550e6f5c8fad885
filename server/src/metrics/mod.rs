//! What the server counts. Filled by the hub and the shell, shown by `admin`.
//!
//! Plain numbers in one struct: the loop is one thread, so nothing here is atomic or locked.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::client::leave::{Leave, LeavePath, LeaveReason};

/// Every counter and histogram of a server. Counters only go up.
#[derive(Debug)]
pub struct Metrics {
    /// Connections taken in. The ledger: `accepted` = live connections + the sum of `leaves`.
    pub accepted: u64,
    /// What became of each accept, by [`AcceptOutcome`].
    pub accepts: [u64; AcceptOutcome::LABELS.len()],
    /// Connections ended, by reason and path.
    pub leaves: [[u64; LeavePath::LABELS.len()]; LeaveReason::LABELS.len()],
    /// Second reasons for a connection that was already ending; the first one counts.
    pub late_reasons: u64,
    /// Farewells whose arrival the kernel confirmed, whose peer went first, or that were cut.
    pub farewells: [u64; Farewell::LABELS.len()],
    /// Attempts to take a seat again, by [`ResumeOutcome`].
    pub resumes: [u64; ResumeOutcome::LABELS.len()],
    /// Seats given up because their player did not come back in time.
    pub seats_given_up: u64,
    /// How long players were silent that were shown as stalled and then heard again.
    pub silences: TimeHistogram,
    /// Ticks of all rooms.
    pub ticks: u64,
    /// Ticks that were left out because the server was more than a whole period late.
    pub ticks_missed: u64,
    /// Sum over all ticks of the players in the room: the unit of the server's work.
    pub player_ticks: u64,
    /// How long a tick took: the game's step and the encoding.
    pub tick_time: TimeHistogram,
    /// How much later than planned a tick began.
    pub tick_late: TimeHistogram,
    /// Bytes read from game connections.
    pub bytes_in: u64,
    /// Bytes written to game connections.
    pub bytes_out: u64,
    /// Snapshots queued for a client.
    pub snapshots: u64,
    /// Snapshots replaced by a newer one before they were written.
    pub snapshots_skipped: u64,
    /// Inputs that reached a game's queue.
    pub inputs: u64,
    /// Inputs dropped because their player sent too many in one tick.
    pub inputs_dropped: u64,
    /// Poll events for a connection that was gone already.
    pub events_stale: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// Times that the server itself did not run for a while (a paused machine, a very slow game).
    pub pauses: u64,
}

/// What became of an accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// A connection was taken in.
    Ok,
    /// The connection was dead before it could be registered.
    DeadOnArrival,
    /// The server is full; the connection was told so.
    Full,
    /// Its address has as many connections as one address may have; closed without a word.
    AddressFull,
    /// Its address makes new connections too fast; closed without a word.
    RateLimited,
    /// Nobody could be accepted (no descriptor, no memory, a broken listener); tried again later.
    Exhausted,
    /// The kernel reported some other error of the new connection; skipped.
    Failed,
    /// There was no descriptor for it; it was told that the server is full, as well as that goes,
    /// and closed.
    Shed,
}

impl AcceptOutcome {
    /// The metric labels, in the order of the variants.
    pub const LABELS: [&'static str; 8] = [
        "ok",
        "dead_on_arrival",
        "full",
        "address_full",
        "rate_limited",
        "exhausted",
        "failed",
        "shed",
    ];
}

/// How a lingering close ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The peer's kernel has every byte, or the peer closed after reading.
    Delivered,
    /// The peer reset the connection or sent too much while we waited.
    Lost,
    /// The deadline passed.
    Deadline,
    /// It was the oldest of too many at the same time.
    CrowdedOut,
}

impl Farewell {
    /// The metric labels, in the order of the variants.
    pub const LABELS: [&'static str; 4] = ["delivered", "lost", "deadline", "crowded_out"];
}

/// What became of an attempt to take a seat again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumeOutcome {
    /// The player is back in its seat, which was held for it.
    Resumed,
    /// The player is back in its seat, which an older connection of it still had.
    TakenOver,
    /// Refused: the ticket is from another run of the server.
    Stale,
    /// Refused: the seat is not held any more.
    Expired,
    /// Refused: the ticket was used before.
    Replayed,
    /// Refused: the ticket was never given out for that seat.
    Forged,
}

impl ResumeOutcome {
    /// The metric labels, in the order of the variants.
    pub const LABELS: [&'static str; 6] =
        ["resumed", "taken_over", "stale", "expired", "replayed", "forged"];
}

impl Metrics {
    /// Everything at zero.
    pub fn new() -> Self {
        Self {
            accepted: 0,
            accepts: [0; AcceptOutcome::LABELS.len()],
            leaves: [[0; LeavePath::LABELS.len()]; LeaveReason::LABELS.len()],
            late_reasons: 0,
            farewells: [0; Farewell::LABELS.len()],
            resumes: [0; ResumeOutcome::LABELS.len()],
            seats_given_up: 0,
            silences: TimeHistogram::new(),
            ticks: 0,
            ticks_missed: 0,
            player_ticks: 0,
            tick_time: TimeHistogram::new(),
            tick_late: TimeHistogram::new(),
            bytes_in: 0,
            bytes_out: 0,
            snapshots: 0,
            snapshots_skipped: 0,
            inputs: 0,
            inputs_dropped: 0,
            events_stale: 0,
            turns: 0,
            pauses: 0,
        }
    }

    /// Counts the end of a connection.
    pub fn leave(&mut self, leave: Leave) {
        self.leaves[leave.reason.index()][leave.path.index()] += 1;
    }

    /// Counts an accept.
    pub fn accept(&mut self, outcome: AcceptOutcome) {
        self.accepts[outcome as usize] += 1;
    }

    /// Counts the end of a lingering close.
    pub fn farewell(&mut self, farewell: Farewell) {
        self.farewells[farewell as usize] += 1;
    }

    /// Counts an attempt to take a seat again.
    pub fn resume(&mut self, outcome: ResumeOutcome) {
        self.resumes[outcome as usize] += 1;
    }

    /// All connections that have ended.
    pub fn left(&self) -> u64 {
        self.leaves.iter().flatten().sum()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// What the process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessStats {
    /// Its id.
    pub pid: u32,
    /// Time spent in the process's own code, in seconds.
    pub cpu_user_seconds: f64,
    /// Time spent in the kernel for it, in seconds.
    pub cpu_system_seconds: f64,
    /// Memory in RAM, in bytes.
    pub rss_bytes: u64,
    /// Open descriptors.
    pub open_fds: u64,
}

/// Times, to two significant digits, from a microsecond to a minute.
#[derive(Debug)]
pub struct TimeHistogram {
    micros: Histogram<u64>,
    sum: Duration,
}

impl TimeHistogram {
    const MAX_MICROS: u64 = 60_000_000;

    fn new() -> Self {
        let micros = Histogram::new_with_bounds(1, Self::MAX_MICROS, 2)
            .expect("the bounds and the precision are valid");
        Self { micros, sum: Duration::ZERO }
    }

    /// Counts one time; anything over a minute counts as a minute.
    pub fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.saturating_record(micros.min(Self::MAX_MICROS));
        self.sum += time;
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.micros.len()
    }

    /// The sum of all times, in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum.as_secs_f64()
    }

    /// The time that a share `quantile` (0 to 1) of all is not above, in seconds; 0 if none.
    #[expect(clippy::cast_precision_loss, reason = "at most a minute of microseconds")]
    pub fn quantile_seconds(&self, quantile: f64) -> f64 {
        if self.micros.is_empty() {
            return 0.0;
        }
        self.micros.value_at_quantile(quantile) as f64 / 1e6
    }

    /// How many times were not above `micros` microseconds.
    pub fn count_up_to(&self, micros: u64) -> u64 {
        self.micros.count_between(0, micros)
    }
}
