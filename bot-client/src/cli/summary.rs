//! What the fleet did, in words.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::args::Args;
use crate::{
    departure::Departure,
    fleet::{End, Fleet, FleetStats, Latency},
};

/// Different reasons that are listed. A server that says something else each time is one line more.
const REASONS_MAX: usize = 24;

/// What all reasons beyond those are counted as.
const OTHER_REASONS: &str = "other reasons";

/// What the fleet did.
#[derive(Debug)]
pub(super) struct Summary {
    target: String,
    bots: u32,
    seed: u64,
    departure: Departure,
    played_for: Duration,
    playing_at_end: usize,
    stats: FleetStats,
    /// Snapshots at the last status line.
    snapshots_before: u64,
    /// Ends that nobody asked for, by why.
    lost: BTreeMap<String, u64>,
    last_lost: Option<String>,
    told_to_leave: usize,
    never_let_go: usize,
}

impl Summary {
    pub(super) fn new(args: &Args) -> Self {
        Self {
            target: args.target.to_string(),
            bots: args.bots,
            seed: args.seed,
            departure: args.departure.unwrap_or(Departure::Goodbye),
            played_for: Duration::ZERO,
            playing_at_end: 0,
            stats: FleetStats::default(),
            snapshots_before: 0,
            lost: BTreeMap::new(),
            last_lost: None,
            told_to_leave: 0,
            never_let_go: 0,
        }
    }

    pub(super) fn add(&mut self, stats: &FleetStats) {
        self.snapshots_before = self.stats.everyone.snapshots;
        self.stats.merge(stats);
    }

    pub(super) fn take_ends(&mut self, ends: Vec<End>) {
        for end in ends.into_iter().filter(End::is_unasked) {
            let why = end.ended.to_string();
            let listed = self.lost.len() < REASONS_MAX || self.lost.contains_key(&why);
            let counted_as = if listed { why.clone() } else { OTHER_REASONS.to_owned() };
            *self.lost.entry(counted_as).or_default() += 1;
            self.last_lost = Some(why);
        }
    }

    pub(super) fn played(&mut self, played_for: Duration, playing: usize) {
        self.played_for = played_for;
        self.playing_at_end = playing;
    }

    pub(super) fn left(&mut self, told_to_leave: usize, never_let_go: usize) {
        self.told_to_leave = told_to_leave;
        self.never_let_go = never_let_go;
    }

    /// Whether anybody was still in the game when the time was up.
    pub(super) fn has_played(&self) -> bool {
        self.playing_at_end > 0
    }

    pub(super) fn status(&self, elapsed: Duration, fleet: &Fleet) -> String {
        let playing = fleet.playing();
        let mut line = format!(
            "{:>4} s  {playing} playing, {} not, {} snapshots in the last second",
            elapsed.as_secs(),
            fleet.len() - playing,
            self.stats.everyone.snapshots - self.snapshots_before,
        );
        if let Some(why) = self.last_lost.as_deref().filter(|_| playing < fleet.len()) {
            line.push_str(&format!("; last end: {why}"));
        }
        line
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stats, .. } = self;
        let seconds = self.played_for.as_secs_f64();
        writeln!(f, "{} bots, seed {}, {} for {seconds:.1} s", self.bots, self.seed, self.target)?;
        writeln!(f, "joined         {} in {} connects", stats.joins, stats.connects)?;
        if stats.resumes + stats.resumes_refused > 0 {
            let refused = stats.resumes_refused;
            writeln!(f, "came back      {} times to its seat, {refused} refused", stats.resumes)?;
        }
        writeln!(f, "playing at end {}", self.playing_at_end)?;
        for (why, count) in &self.lost {
            writeln!(f, "lost           {count}: {why}")?;
        }
        let seen = &stats.everyone;
        writeln!(f, "snapshots      {}, missed ticks {}", seen.snapshots, seen.missed_ticks)?;
        latency(f, "interval", &seen.interval)?;
        latency(f, "age", &seen.age)?;
        writeln!(f, "inputs         {}, skipped {}", stats.inputs, stats.inputs_skipped)?;
        latency(f, "input lag", &stats.input_lag)?;
        writeln!(f, "left           {} by {}", self.told_to_leave, self.departure)?;
        if self.never_let_go > 0 {
            writeln!(f, "never let go   {} by the server, in time", self.never_let_go)?;
        }
        if !self.has_played() {
            writeln!(f, "nobody was in the game when the time was up")?;
        }
        if stats.connect_time.count() == 0 {
            let target = &self.target;
            writeln!(f, "no connect succeeded; is a server listening on {target}?")?;
            writeln!(f, "`cargo run --release` starts one")?;
        }
        Ok(())
    }
}

fn latency(f: &mut fmt::Formatter<'_>, name: &str, latency: &Latency) -> fmt::Result {
    let (Some(p50), Some(p99), Some(max)) =
        (latency.quantile(0.5), latency.quantile(0.99), latency.max())
    else {
        return Ok(());
    };
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    writeln!(
        f,
        "{name:<14} p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        millis(p50),
        millis(p99),
        millis(max)
    )
}
