//! Where a run stands, for whoever watches it.
//!
//! Part of [`run`](super). Run -> **`Status`** -> terminal. It is made many times a second while
//! the bots wait, so it borrows what is there already.

use std::{fmt, time::Duration};

use gamekeeper_bot::clock::Moment;

use super::{Run, Standing};
use crate::timeline::{Headcount, Sample};

/// How often it is noted who is there.
const HEADCOUNT_EVERY: Duration = Duration::from_millis(250);

/// Where a run stands, for whoever watches it.
#[derive(Clone, Copy, Debug)]
pub struct Status<'a> {
    /// The phase.
    pub phase: Phase,
    /// How much of the phase is done, from 0 to 1, as far as that is known.
    pub done: f64,
    /// About how long the rest of it takes, or may take at most; nothing if nobody can say yet.
    pub rest: Option<Duration>,
    /// Who is there now.
    pub heads: Headcount,
    /// Bots that have left in a way that keeps their socket, and that the server has to let go.
    pub awaited: u64,
    /// What was done, and what the server has noticed.
    pub standing: &'a Standing,
    /// What was measured in the last second; nothing before the run phase.
    pub sample: Option<&'a Sample>,
}

/// A phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Everybody joins.
    Join,
    /// Some leave and others come.
    Run,
    /// The server notices the rest.
    Settle,
    /// Everybody says goodbye, and the server becomes as it was before.
    Close,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Join => "join",
            Self::Run => "run",
            Self::Settle => "settle",
            Self::Close => "close",
        })
    }
}

impl Run<'_> {
    /// Notes who is there, now and then, and says where the run stands.
    pub(super) fn tell(&mut self, phase: Phase, done: f64, now: Moment) {
        if self.phase.0 != phase {
            self.phase = (phase, now);
        }
        let heads = self.heads(now);
        let is_timed = self.is_under_way() && matches!(phase, Phase::Run | Phase::Settle);
        if is_timed && now >= self.counted_at + HEADCOUNT_EVERY {
            self.counted_at = now;
            self.evidence.headcounts.push(heads);
        }
        (self.on_status)(&Status {
            phase,
            done,
            rest: rest(now.since(self.phase.1), done),
            heads,
            awaited: self.counts.leaving,
            standing: &self.standing,
            sample: self.evidence.timeline.last(),
        });
    }

    /// Who is there.
    fn heads(&self, now: Moment) -> Headcount {
        let into_run = if self.is_under_way() { now.since(self.started) } else { Duration::ZERO };
        let server = self.server_stats.as_ref();
        Headcount {
            at_seconds: into_run.as_secs_f64(),
            expected: self.expected.at(into_run),
            playing: self.counts.playing,
            returning: self.counts.returning,
            players: server.map(|server| server.players),
            players_away: server.map(|server| server.players_away),
        }
    }
}

/// About how long the rest takes, if a share of a phase took so long. In the first moments nobody
/// can say.
fn rest(took: Duration, done: f64) -> Option<Duration> {
    let is_known = done > 0.0 && done <= 1.0 && took > Duration::from_millis(200);
    let rest = took.as_secs_f64() * (1.0 - done) / done;
    if is_known { Duration::try_from_secs_f64(rest).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_in_proportion_to_what_is_done() {
        let second = Duration::from_secs(1);
        assert_eq!(rest(second, 0.25), Some(Duration::from_secs(3)));
        assert_eq!(rest(second, 1.0), Some(Duration::ZERO));
        for unknown in [0.0, -1.0, 1.5, f64::NAN, 1e-300] {
            assert_eq!(rest(second, unknown), None, "{unknown}");
        }
    }
}
