//! What can be demanded: one table.
//!
//! Part of [`threshold`](super). `figures.rs` beside it finds the figures in a report.

use gamekeeper_bot::{departure::Departure, manner::Manner};

/// Something that a threshold can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What it is called.
    pub name: &'static str,
    /// What its parts are, if it has parts.
    pub selects: Selects,
    /// What its figures are.
    pub kind: Kind,
    /// What it is, in a line.
    pub summary: &'static str,
}

/// By what a metric is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selects {
    /// It is not.
    Nothing,
    /// By the ways of leaving.
    Cause,
    /// By the manners of those who must survive.
    Manner,
}

/// What the figures of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Durations in milliseconds, of which there are many: a percentile must be named.
    Samples,
    /// One duration in milliseconds.
    Millis,
    /// One duration in microseconds.
    Micros,
    /// A number of things.
    Count,
    /// A share of a whole, from 0 to 1.
    Share,
    /// Bytes, written in MiB.
    MiB,
}

impl Selects {
    /// What is written before the colon.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Cause => Some("cause"),
            Self::Manner => Some("manner"),
        }
    }

    /// What can be written behind it.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Cause => Departure::ALL.iter().map(|departure| departure.name()).collect(),
            Self::Manner => Manner::ALL.iter().map(|manner| manner.name()).collect(),
        }
    }
}

/// All metrics: name, what divides it, what its figures are, what it is.
#[rustfmt::skip]
pub const METRICS: [Metric; 25] = {
    use {Kind::*, Selects::*};
    [
        row("ttd", Cause, Samples, "time to detect: from leaving until the server knew"),
        row("announce", Cause, Samples, "from leaving until the first other player was told"),
        row("missed", Cause, Count, "departures that the server did not notice"),
        row("wrong_reasons", Cause, Count, "departures noticed for a wrong reason"),
        row("late", Cause, Count, "departures noticed after their deadline"),
        row("not_carried_out", Nothing, Count, "departures of the plan that did not happen"),
        row("wrong_evictions", Nothing, Count, "players ended without having been told to leave"),
        row("controls_evicted", Manner, Count, "of these, players with ugly but legal manners"),
        row("unexplained", Nothing, Count, "leaves in the server's ledger without a cause"),
        row("ghosts", Nothing, Count, "players that are gone and still there for somebody"),
        row("survivors.interval", Nothing, Samples, "time between two states of one who stays"),
        row("survivors.age", Nothing, Samples, "age of a state when it arrives (game benchmark)"),
        row("survivors.missed", Nothing, Share, "ticks of which a player who stays saw no state"),
        row("joins.connect", Nothing, Samples, "from the beginning of a connect to its success"),
        row("joins.welcome", Nothing, Samples, "from then to the welcome to a new seat"),
        row("joins.back", Nothing, Samples, "from then to the welcome to a seat that was held"),
        row("joins.failed", Nothing, Count, "players that did not get in"),
        row("recovery", Nothing, Millis, "from the worst mass event until all was as before"),
        row("server.tick", Nothing, Samples, "how long ticks took, since the server started"),
        row("server.tick_late", Nothing, Samples, "how late ticks began, since the server started"),
        row("server.cpu_per_player_tick", Nothing, Micros, "processor time per player and tick"),
        row("leaks.descriptors", Nothing, Count, "descriptors more than before the first bot"),
        row("leaks.close_wait", Nothing, Count, "sockets in CLOSE_WAIT after the last bot"),
        row("leaks.rss", Nothing, MiB, "memory more than before the first bot"),
        row("generator.lag", Nothing, Samples, "from the planned time of an input to its sending"),
    ]
};

const fn row(name: &'static str, selects: Selects, kind: Kind, summary: &'static str) -> Metric {
    Metric { name, selects, kind, summary }
}
