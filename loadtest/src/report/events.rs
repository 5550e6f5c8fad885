//! What became of each departure: one value for each, and for each line of the server's ledger that
//! nothing explains.

use gamekeeper_bot::clock::Moment;
use serde::Serialize;

use crate::{evidence::Evidence, ledger::Entry, matching::Verdict};

/// One departure, or one leave without a cause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// What the server made of it: `right`, `wrong`, `missed`; or `unexplained`, if nobody was told
    /// to leave; or `unknown` without the server's ledger.
    pub verdict: &'static str,
    /// When the bot left, in seconds from the start of the run phase.
    pub at_seconds: Option<f64>,
    /// Which bot.
    pub bot: Option<u32>,
    /// Which player, as the server numbers them.
    pub player: Option<u32>,
    /// How it left.
    pub departure: Option<&'static str>,
    /// Where it stood then.
    pub state: Option<&'static str>,
    /// Whether it was to come back.
    pub returns: Option<bool>,
    /// When the server knew, in seconds from the start of the run phase.
    pub noticed_at_seconds: Option<f64>,
    /// From the one to the other, in milliseconds.
    pub ttd_ms: Option<f64>,
    /// Whether that is after the deadline.
    pub late: Option<bool>,
    /// The server's reason.
    pub reason: Option<String>,
    /// How the server learnt of it.
    pub path: Option<String>,
    /// What the server says about it.
    pub detail: Option<String>,
}

/// In the order of the departures; what nothing explains comes last.
pub(super) fn events(evidence: &Evidence) -> Vec<Event> {
    let matching = evidence.matching();
    let entries = evidence.ledger.as_ref().map_or(&[][..], |ledger| &ledger.entries);
    let seconds = |at: Moment| {
        #[expect(clippy::cast_precision_loss, reason = "a run does not last for 2^53 nanoseconds")]
        let nanos = at.0 as f64 - evidence.run_began.0 as f64;
        nanos / 1e9
    };
    let seen = |event: Event, entry: &Entry| Event {
        noticed_at_seconds: Some(seconds(entry.at)),
        reason: Some(entry.reason.clone()),
        path: Some(entry.path.clone()),
        detail: Some(entry.detail.clone()),
        player: entry.player.map(|player| player.0).or(event.player),
        ..event
    };
    let mut events = Vec::with_capacity(evidence.injections.len());
    for (index, injection) in evidence.injections.iter().enumerate() {
        let verdict = matching.as_ref().map(|matching| matching.verdicts[index]);
        let event = Event {
            at_seconds: Some(seconds(injection.at)),
            bot: Some(injection.bot.0),
            player: injection.player.map(|player| player.0),
            departure: Some(injection.departure.name()),
            state: Some(injection.state.name()),
            returns: Some(injection.returns),
            ..Event::of(verdict)
        };
        events.push(match verdict {
            Some(Verdict::Right(line) | Verdict::Wrong(line)) => {
                let entry = &entries[line];
                let ttd_ms = entry.at.since(injection.at).as_secs_f64() * 1e3;
                let late = Some(entry.at > injection.noticed_by);
                Event { ttd_ms: Some(ttd_ms), late, ..seen(event, entry) }
            }
            Some(Verdict::Missed) | None => event,
        });
    }
    let unexplained = matching.iter().flat_map(|matching| &matching.unexplained);
    let nobody = Event { verdict: "unexplained", ..Event::of(None) };
    events.extend(unexplained.map(|line| seen(nobody.clone(), &entries[*line])));
    events
}

impl Event {
    fn of(verdict: Option<Verdict>) -> Self {
        Self {
            verdict: match verdict {
                Some(Verdict::Right(_)) => "right",
                Some(Verdict::Wrong(_)) => "wrong",
                Some(Verdict::Missed) => "missed",
                None => "unknown",
            },
            at_seconds: None,
            bot: None,
            player: None,
            departure: None,
            state: None,
            returns: None,
            noticed_at_seconds: None,
            ttd_ms: None,
            late: None,
            reason: None,
            path: None,
            detail: None,
        }
    }
}
