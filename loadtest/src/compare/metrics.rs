//! What is compared: one table of metrics.
//!
//! Data flow: **`METRICS`** + report -> figures -> comparison. `figures.rs` beside it reads them.

/// One MiB in bytes.
const MIB: f64 = 1_048_576.0;

/// A figure that can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// What it is called.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// Where it is in a report. `*` is each cause.
    pub paths: Paths,
    /// How it is got from what is there.
    pub how: How,
    /// What is better.
    pub direction: Direction,
    /// What a difference must exceed to be one.
    pub floor: Floor,
}

/// How a figure is got from what is at its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is the number there.
    Itself,
    /// It is the number there without its sign.
    Size,
    /// All numbers there, and in the objects there, together.
    Sum,
    /// The first less the second.
    Difference,
    /// The first out of a thousand of both.
    PartOf,
    /// The sum of the first as a share of the second.
    Share,
    /// How many elements of the list have failed.
    Failed,
}

/// What is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Less of it.
    Lower,
    /// More of it.
    Higher,
    /// Neither: it must stay.
    Equal,
}

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Bytes, shown as MiB.
    MiB,
    /// Out of a thousand.
    PerThousand,
    /// A share of one, shown as a percentage.
    Percent,
    /// Things.
    Count,
}

/// What a difference must exceed to be one, besides the noise that is allowed in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Floor {
    /// Nothing, and no noise either: each one counts.
    Exact,
    /// This much, in the unit of the metric.
    Fixed(f64),
    /// The first, and the second if at the path are fewer samples than a percentile needs.
    Samples(f64, f64, &'static str),
    /// This much, and two steps of the clock for processor time per player and tick.
    CpuClock(f64),
}

/// All metrics: name, unit, paths, how, direction, floor.
///
/// What waits for a tick is between none and one tick late, so with few samples its percentiles
/// differ by that much between two runs of the same server: 50 ms at 20 ticks per second. What the
/// server notices (`ttd`, time to detect) does not wait for one.
#[rustfmt::skip]
pub const METRICS: [Metric; 20] = {
    use {Direction::*, Floor::*, How::*, Unit::*};
    [
        row("interval p50", Millis, INTERVAL_P50, Itself, Equal, Fixed(0.5)),
        row("interval p99", Millis, INTERVAL_P99, Itself, Lower, Samples(1.0, 5.0, INTERVALS)),
        row("interval max", Millis, INTERVAL_MAX, Itself, Lower, Fixed(10.0)),
        row("age p99", Millis, AGE_P99, Itself, Lower, Samples(0.2, 1.0, AGES)),
        row("missed ticks", PerThousand, MISSED, PartOf, Lower, Fixed(0.1)),
        row("cpu user per player-tick", Micros, CPU_USER, Itself, Lower, CpuClock(0.1)),
        row("cpu system per player-tick", Micros, CPU_SYSTEM, Itself, Lower, CpuClock(0.1)),
        row("rss loaded", MiB, RSS_LOADED, Itself, Lower, Fixed(MIB)),
        row("rss after", MiB, RSS_AFTER, Itself, Lower, Fixed(MIB)),
        row("descriptors after - before", Count, DESCRIPTORS, Difference, Lower, Exact),
        row("announce p99", Millis, TOLD_P99, Itself, Lower, Samples(5.0, 50.0, TOLD)),
        row("ttd p99", Millis, TTD_P99, Itself, Lower, Samples(1.0, 10.0, TTDS)),
        row("detected share", Percent, DETECTED, Share, Higher, Exact),
        row("wrong evictions", Count, WRONG_EVICTIONS, Sum, Lower, Exact),
        row("ghosts seen", Count, GHOSTS_SEEN, Sum, Lower, Exact),
        row("ghosts on the server", Count, GHOSTS_SERVER, Size, Lower, Exact),
        row("joins failed", Count, JOINS_FAILED, Sum, Lower, Exact),
        row("welcome p99", Millis, WELCOME_P99, Itself, Lower, Samples(5.0, 50.0, WELCOMES)),
        row("generator lag p99", Millis, LAG_P99, Itself, Lower, Samples(5.0, 25.0, LAGS)),
        row("checks that failed", Count, CHECKS, Failed, Lower, Exact),
    ]
};

/// Where things are in a report.
pub type Paths = &'static [&'static str];

const INTERVALS: &str = "/survivors/interval/count";
const INTERVAL_P50: Paths = &["/survivors/interval/p50_ms"];
const INTERVAL_P99: Paths = &["/survivors/interval/p99_ms"];
const INTERVAL_MAX: Paths = &["/survivors/interval/max_ms"];
const AGES: &str = "/survivors/age/count";
const AGE_P99: Paths = &["/survivors/age/p99_ms"];
const MISSED: Paths = &["/survivors/missed_ticks", "/survivors/snapshots"];
const CPU_USER: Paths = &["/server/cpu_user_us_per_player_tick"];
const CPU_SYSTEM: Paths = &["/server/cpu_system_us_per_player_tick"];
const RSS_LOADED: Paths = &["/server/loaded/rss_bytes"];
const RSS_AFTER: Paths = &["/server/after/rss_bytes"];
const DESCRIPTORS: Paths = &["/server/after/open_fds", "/server/before/open_fds"];
const TOLD: &str = "/causes/*/announce/count";
const TOLD_P99: Paths = &["/causes/*/announce/p99_ms"];
const TTDS: &str = "/causes/*/ttd/count";
const TTD_P99: Paths = &["/causes/*/ttd/p99_ms"];
const DETECTED: Paths = &["/causes/*/detected", "/causes/*/injected"];
const WRONG_EVICTIONS: Paths = &["/wrong_evictions"];
const GHOSTS_SEEN: Paths = &["/ghosts/in_rosters", "/ghosts/in_snapshots"];
const GHOSTS_SERVER: Paths = &["/ghosts/on_the_server"];
const JOINS_FAILED: Paths = &["/joins/failed"];
const WELCOMES: &str = "/joins/welcome/count";
const WELCOME_P99: Paths = &["/joins/welcome/p99_ms"];
const LAGS: &str = "/generator/input_lag/count";
const LAG_P99: Paths = &["/generator/input_lag/p99_ms"];
const CHECKS: Paths = &["/checks"];

const fn row(
    name: &'static str,
    unit: Unit,
    paths: Paths,
    how: How,
    direction: Direction,
    floor: Floor,
) -> Metric {
    Metric { name, unit, paths, how, direction, floor }
}
