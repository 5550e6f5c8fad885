//! The part of a report that is about seats: lost, held, taken again, given up.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Check, Outcome, checks::check};
use crate::evidence::Evidence;

/// Outcomes of an attempt to take a seat again in which the player got it, as the server names
/// them. All others are refusals.
const ACCEPTED: [&str; 2] = ["resumed", "taken_over"];

/// Seats of players who lost their connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seats {
    /// For how long the server holds a seat, in milliseconds; nothing if it does not.
    pub window_ms: Option<u64>,
    /// Whether the run was to wait until every seat had been taken again or given up.
    pub awaited: bool,
    /// Departures that lost a connection whose seat is then held.
    pub lost: u64,
    /// Seats that the server gave up until things had settled; unknown if it does not say.
    pub given_up: Option<u64>,
    /// Seats that it still held then, less those of before the run; unknown without its statistics.
    pub held: Option<u64>,
    /// Players who have left and were still away in some bot's room then.
    pub held_in_rosters: u64,
    /// Attempts to take a seat again that the server counted until then, by outcome; unknown if it
    /// does not say.
    pub resumes: Option<BTreeMap<String, u64>>,
}

impl Seats {
    pub(super) fn new(evidence: &Evidence) -> Self {
        let looks = evidence.before.as_ref().zip(evidence.settled.as_ref());
        let window_ms = evidence.seat_window.map(|window| window.as_millis());
        Self {
            window_ms: window_ms.map(|window_ms| u64::try_from(window_ms).unwrap_or(u64::MAX)),
            awaited: evidence.seats_awaited().is_some(),
            lost: evidence.seats_lost(),
            given_up: looks.and_then(|(before, settled)| {
                let earlier = before.seats_given_up_total.unwrap_or(0);
                Some(settled.seats_given_up_total?.saturating_sub(earlier))
            }),
            held: looks.map(|(before, now)| now.players_away.saturating_sub(before.players_away)),
            held_in_rosters: evidence.held_in_rosters,
            resumes: looks.and_then(|(before, settled)| settled.resumes_since(before)),
        }
    }

    /// The outcomes in which a player got its seat again, or all others, with their counts, and
    /// their sum.
    pub fn outcomes(&self, accepted: bool) -> (u64, Vec<(&str, u64)>) {
        let wanted = |(label, _): &(&String, &u64)| ACCEPTED.contains(&label.as_str()) == accepted;
        let outcomes = self.resumes.iter().flatten().filter(wanted);
        let outcomes: Vec<_> = outcomes
            .map(|(label, count)| (label.as_str(), *count))
            .filter(|(_, n)| *n > 0)
            .collect();
        (outcomes.iter().map(|(_, count)| count).sum(), outcomes)
    }
}

pub(super) fn checks(seats: &Seats, evidence: &Evidence) -> Vec<Check> {
    vec![given_up(seats, evidence)]
}

/// Whether every seat that nobody came back to was given up.
fn given_up(seats: &Seats, evidence: &Evidence) -> Check {
    let name = "seats of those who stay away are given up";
    let skipped = |detail| Check { name, outcome: Outcome::Skipped, detail };
    let (Some(window_ms), Some(held)) = (seats.window_ms, seats.held) else {
        return skipped("the server holds no seats".to_owned());
    };
    if !seats.awaited {
        let held = format!("{held} are held for up to {window_ms} ms");
        return skipped(format!("{held}, which the run does not wait for"));
    }
    if !evidence.exclusive {
        return skipped(format!("{held} are held, perhaps of the server's other clients"));
    }
    let given_up = seats.given_up.unwrap_or(seats.lost);
    let detail = format!("{given_up} of {}, {held} still held", seats.lost);
    check(name, held == 0 && given_up == seats.lost, detail)
}
