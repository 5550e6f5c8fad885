//! The part of a report that is about seats: lost, held, taken again, given up.

use std::collections::BTreeMap;

use gamekeeper_bot::{
    connection::Ended,
    fleet::{FleetStats, Fraud, Homecoming, Injection, ReturnOutcome, TicketFault},
};
use serde::Serialize;

use super::{
    Check, LatencySummary, Outcome,
    checks::{check, check_of},
};
use crate::{
    evidence::{Evidence, KeptEvents},
    matching::REPLACED,
    plan::Plan,
};

/// The server's name for a player that got a seat which was held for it.
const RESUMED: &str = "resumed";

/// The server's name for a player that got its seat from an older connection of its own.
const TAKEN_OVER: &str = "taken_over";

/// Seats of players who lost their connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seats {
    /// For how long the server holds a seat, in milliseconds; nothing if it does not.
    pub window_ms: Option<u64>,
    /// Whether the run was to wait until every seat had been taken again or given up.
    pub awaited: bool,
    /// Departures that lost a connection whose seat is then held, or taken over.
    pub lost: u64,
    /// Who came back.
    pub returns: Returns,
    /// Bad tickets, by what was wrong with them.
    pub bad_tickets: BTreeMap<&'static str, BadTickets>,
    /// Bad tickets that were to be shown.
    pub bad_tickets_due: u64,
    /// Seats that the server gave up until things had settled; unknown if it does not say.
    pub given_up: Option<u64>,
    /// Seats that it still held then, less those of before the run; unknown without its statistics.
    pub held: Option<u64>,
    /// Players who have left and were still away in some bot's room then.
    pub held_in_rosters: u64,
    /// Attempts to take a seat again that the server counted until then, by outcome; unknown if it
    /// does not say.
    pub resumes: Option<BTreeMap<String, u64>>,
    /// Connections that it ended because their player was back over another one; unknown without
    /// its statistics.
    pub replaced: Option<u64>,
}

/// Bots that came back to their seat.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Returns {
    /// Bots that were to come back.
    pub planned: u64,
    /// Those that have their seat again.
    pub back: u64,
    /// Of these, those whose old connection was open, as far as they could tell.
    pub took_over: u64,
    /// Old connections that were told so before they were closed.
    pub told_replaced: u64,
    /// Those that have another seat, because the server had offered no way back.
    pub anew: u64,
    /// Those that have none, by what they saw.
    pub failed: BTreeMap<String, u64>,
    /// From the connect to the welcome.
    pub welcome: LatencySummary,
    /// Events of the time before that were told to those who came back.
    pub events_resent: u64,
    /// Events of that time that were not, because they were too old to be kept.
    pub events_lost: u64,
    /// Bots to which an event was lost although the server should have kept it.
    pub cheated: u64,
}

/// Bad tickets of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BadTickets {
    /// How many were shown.
    pub shown: u64,
    /// How many were refused as bad tickets.
    pub refused: u64,
}

impl Seats {
    pub(super) fn new(plan: &Plan, evidence: &Evidence, stats: &FleetStats) -> Self {
        let looks = evidence.before.as_ref().zip(evidence.settled.as_ref());
        let window_ms = evidence.seat_window.map(|window| window.as_millis());
        Self {
            window_ms: window_ms.map(|window_ms| u64::try_from(window_ms).unwrap_or(u64::MAX)),
            awaited: evidence.seats_awaited().is_some(),
            lost: evidence.seats_lost(),
            returns: Returns::new(plan, evidence, stats),
            bad_tickets: bad_tickets(&evidence.frauds),
            bad_tickets_due: evidence.frauds_due,
            given_up: looks.and_then(|(before, settled)| {
                let earlier = before.seats_given_up_total.unwrap_or(0);
                Some(settled.seats_given_up_total?.saturating_sub(earlier))
            }),
            held: looks.map(|(before, now)| now.players_away.saturating_sub(before.players_away)),
            held_in_rosters: evidence.held_in_rosters,
            resumes: looks.and_then(|(before, settled)| settled.resumes_since(before)),
            replaced: looks.map(|(before, settled)| {
                settled.reasons_since(before).get(REPLACED).copied().unwrap_or(0)
            }),
        }
    }

    /// The outcomes in which a player got its seat again, or all others, with their counts, and
    /// their sum.
    pub fn outcomes(&self, accepted: bool) -> (u64, Vec<(&str, u64)>) {
        let of = |label: &str| [RESUMED, TAKEN_OVER].contains(&label) == accepted;
        let outcomes = self.resumes.iter().flatten().filter(|(label, n)| of(label) && **n > 0);
        let outcomes: Vec<_> = outcomes.map(|(label, count)| (label.as_str(), *count)).collect();
        (outcomes.iter().map(|(_, count)| count).sum(), outcomes)
    }
}

impl Returns {
    fn new(plan: &Plan, evidence: &Evidence, stats: &FleetStats) -> Self {
        let mut returns = Self {
            planned: plan.returns(),
            back: evidence.back(),
            took_over: 0,
            told_replaced: evidence.told_replaced(),
            anew: evidence.anew(),
            failed: BTreeMap::new(),
            welcome: LatencySummary::new(&stats.resume_time),
            events_resent: 0,
            events_lost: 0,
            cheated: 0,
        };
        for it in &evidence.returns {
            match &it.outcome {
                ReturnOutcome::Back(homecoming) => {
                    returns.took_over += u64::from(it.took_over);
                    returns.events_resent += u64::from(homecoming.events_resent);
                    returns.events_lost += u64::from(homecoming.events_lost);
                    returns.cheated += u64::from(is_cheated(homecoming, evidence.kept_events));
                }
                ReturnOutcome::Anew | ReturnOutcome::LeftAgain => {}
                ReturnOutcome::Failed(ended) => {
                    *returns.failed.entry(ended.to_string()).or_default() += 1;
                }
            }
        }
        returns
    }
}

/// Whether events were lost although there was room to keep them.
///
/// Bodies are a little shorter than what the server keeps, and one event that is too many may be
/// long: a log that is half full of bytes is taken for a full one.
fn is_cheated(homecoming: &Homecoming, kept: KeptEvents) -> bool {
    homecoming.events_lost > 0
        && u64::from(homecoming.events_resent) < kept.count_max
        && homecoming.events_resent_bytes < kept.bytes_max / 2
}

fn bad_tickets(frauds: &[Fraud]) -> BTreeMap<&'static str, BadTickets> {
    let mut kinds: BTreeMap<&'static str, BadTickets> = BTreeMap::new();
    for Fraud { fault, refused } in frauds {
        let kind = kinds.entry(fault.name()).or_default();
        kind.shown += 1;
        kind.refused += u64::from(refused.as_ref().is_some_and(Ended::is_refused_resume));
    }
    kinds
}

fn skipped(name: &'static str, detail: String) -> Check {
    Check { name: name.into(), outcome: Outcome::Skipped, detail }
}

/// What the bots saw themselves.
pub(super) fn bot_side(seats: &Seats) -> Vec<Check> {
    let Returns { planned, back, took_over, events_lost, events_resent, cheated, .. } =
        seats.returns;
    let (seat, events) =
        ("whoever comes back has its seat again", "whoever comes back is told all");
    let refused = "bad tickets are refused";
    if seats.window_ms.is_none() {
        let none = || "the server holds no seats".to_owned();
        return vec![skipped(seat, none()), skipped(events, none()), skipped(refused, none())];
    }
    let sum = |of: fn(&BadTickets) -> u64| seats.bad_tickets.values().map(of).sum::<u64>();
    let (shown, refusals) = (sum(|kind| kind.shown), sum(|kind| kind.refused));
    let due = seats.bad_tickets_due;
    let back_detail = format!("{back} of {planned}, {took_over} by taking over");
    let told = format!("{events_resent} events sent again, {events_lost} lost, {cheated} in vain");
    vec![
        check_of(seat, planned, back == planned, back_detail),
        check_of(events, planned, cheated == 0, told),
        check_of(refused, due, refusals == due && shown == due, format!("{refusals} of {due}")),
    ]
}

/// What the server says about it.
pub(super) fn server_side(seats: &Seats, evidence: &Evidence) -> Vec<Check> {
    if seats.window_ms.is_none() {
        return Vec::new();
    }
    vec![counted(seats, evidence), given_up(seats, evidence)]
}

/// Whether every attempt to take a seat was counted under the right outcome.
fn counted(seats: &Seats, evidence: &Evidence) -> Check {
    let name = "returns are counted with the right outcome";
    let Some(resumes) = &seats.resumes else {
        return skipped(name, "the server does not count them".to_owned());
    };
    if !evidence.exclusive {
        return skipped(name, "some may be of the server's other clients".to_owned());
    }
    let of = |label: &str| resumes.get(label).copied().unwrap_or(0);
    let (resumed, taken_over) = (of(RESUMED), of(TAKEN_OVER));
    let replaced = seats.replaced.unwrap_or(0);
    let shown = |fault: TicketFault| seats.bad_tickets.get(fault.name()).map_or(0, |it| it.shown);
    let wrong = TicketFault::ALL.into_iter().find(|fault| of(fault.name()) != shown(*fault));
    let back = seats.returns.back;
    let mut detail = format!("{resumed} held and {taken_over} taken over of {back}");
    detail.push_str(&format!(", {replaced} replaced"));
    if let Some(fault) = wrong {
        let (name, counted, shown) = (fault.name(), of(fault.name()), shown(fault));
        detail.push_str(&format!("; {counted} {name} tickets instead of {shown}"));
    }
    // Who has broken off its return may have had its seat by then.
    let at_most = back + evidence.broken_off().count() as u64;
    let holds = (back..=at_most).contains(&(resumed + taken_over))
        && replaced == taken_over
        && wrong.is_none();
    let tried = back + resumes.values().sum::<u64>();
    check_of(name, tried, holds, detail)
}

/// Whether every seat that nobody came back to was given up.
fn given_up(seats: &Seats, evidence: &Evidence) -> Check {
    let name = "seats of those who stay away are given up";
    let Some(held) = seats.held else {
        return check(name, false, "the server's statistics are missing".to_owned());
    };
    if !seats.awaited {
        let window_ms = seats.window_ms.unwrap_or(0);
        let held = format!("{held} are held for up to {window_ms} ms");
        return skipped(name, format!("{held}, which the run does not wait for"));
    }
    if !evidence.exclusive {
        let detail = format!("{held} are held, perhaps of the server's other clients");
        return skipped(name, detail);
    }
    let expected = seats.lost.saturating_sub(seats.returns.back);
    // Who has broken off its return with an offence may have had its seat by then.
    let offence = |it: &&Injection| !it.departure.holds_seat(it.state);
    let thrown_out = evidence.broken_off().filter(offence).count() as u64;
    let given_up = seats.given_up.unwrap_or(expected);
    let said = seats.given_up.map_or("?".to_owned(), |count| count.to_string());
    let detail = format!("{said} of {expected}, {held} still held");
    let holds = (expected.saturating_sub(thrown_out)..=expected).contains(&given_up);
    check_of(name, seats.lost, held == 0 && holds, detail)
}

#[cfg(test)]
mod tests;
