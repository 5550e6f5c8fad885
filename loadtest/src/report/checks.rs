//! What must hold for a run to pass, and what must hold for it to mean anything.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use gamekeeper_bot::fleet::Latency;
use serde::Serialize;

use super::{Report, seats};
use crate::{evidence::Evidence, ledger::Ledger, options::Options, plan::Plan};

/// Of a thousand ticks, survivors may miss this many.
const MISSED_TICKS_PER_THOUSAND_MAX: f64 = 1.0;

/// The longest that survivors may wait for a state, if ticks are not slower still.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The longest that survivors may wait for a state where that is longer, in ticks.
const WAIT_TICKS_MAX: u32 = 10;

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is checked.
    pub name: Cow<'static, str>,
    /// Whether it holds.
    pub outcome: Outcome,
    /// The figures behind it.
    pub detail: String,
}

/// Whether a check holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold, or there is nothing to show that it does.
    Failed,
    /// It could not be looked at. Never counted as passed.
    Skipped,
}

/// Why the figures mean nothing: the generator was the limit, not the server.
pub(super) fn invalidities(options: &Options, evidence: &Evidence) -> Vec<String> {
    let mut invalid = Vec::new();
    for (lag, what) in [
        (&evidence.run.input_lag, "inputs were sent"),
        (&evidence.order_lag, "orders to the bots were carried out"),
    ] {
        let Some(lag) = lag.quantile(0.99) else { continue };
        let allowed = Duration::from_secs(1) / options.scenario.input_hz.max(1) / 2;
        if lag > allowed {
            invalid.push(format!(
                "{what} late: p99 {:.1} ms, allowed {:.1} ms; use fewer bots or a \
                 faster machine",
                lag.as_secs_f64() * 1000.0,
                allowed.as_secs_f64() * 1000.0
            ));
        }
    }
    let own = evidence.own_failures();
    let most = options.scenario.most();
    let achieved = u64::from(most).saturating_sub(own);
    if (achieved as f64) < f64::from(most) * 0.99 {
        invalid.push(format!(
            "this machine could not make {own} of the connections (open files or ports)"
        ));
    }
    invalid
}

pub(super) fn checks(plan: &Plan, evidence: &Evidence, report: &Report) -> Vec<Check> {
    let mut checks = bot_side(plan, evidence, report);
    checks.push(standstill(evidence));
    checks.push(check(
        "whoever has gone silent is let go",
        evidence.never_let_go == 0,
        format!("{} never let go", evidence.never_let_go),
    ));
    checks.extend(seats::bot_side(&report.seats));
    match &report.server {
        Some(server) => {
            checks.extend(leaves(evidence));
            checks.extend(seats::server_side(&report.seats, evidence));
            checks.extend(resources(server, evidence));
        }
        None => checks.push(Check {
            name: "the server's own account".into(),
            outcome: Outcome::Skipped,
            detail: "give --admin to compare with what the server says".to_owned(),
        }),
    }
    checks.extend(controls(report));
    if let Some(stop) = &evidence.server_stop {
        let detail = stop.as_ref().map_or_else(Clone::clone, |()| "exit code 0".to_owned());
        checks.push(check("the server stops cleanly", stop.is_ok(), detail));
    }
    checks
}

/// What the bots saw themselves.
fn bot_side(plan: &Plan, evidence: &Evidence, report: &Report) -> Vec<Check> {
    let (survivors, ghosts) = (&report.survivors, &report.ghosts);
    let wrong: u64 = report.wrong_evictions.values().sum();
    let joins = &report.joins;
    let seen = survivors.snapshots + survivors.missed_ticks;
    let missed = survivors.missed_ticks as f64 * 1000.0 / seen.max(1) as f64;
    vec![
        check(
            "everybody gets in",
            joins.joined == joins.planned,
            format!("{} of {} joined", joins.joined, joins.planned),
        ),
        carried_out(plan, evidence, report),
        check("no wrong evictions", wrong == 0, format!("{wrong} bots ended without being told")),
        check(
            "no ghosts",
            ghosts.in_rosters == 0
                && ghosts.in_snapshots == 0
                && ghosts.on_the_server.unwrap_or(0) == 0,
            format!(
                "{} in rosters, {} in snapshots, {} on the server",
                ghosts.in_rosters,
                ghosts.in_snapshots,
                ghosts.on_the_server.map_or("unknown".to_owned(), |count| count.to_string())
            ),
        ),
        check(
            "nobody who is here is believed to be away",
            ghosts.missed_in_rosters == 0,
            format!("{} in rosters", ghosts.missed_in_rosters),
        ),
        check(
            "each departure is announced once",
            report.announcements_repeated == 0
                && report.announcements_unknown == 0
                && report.announcements_false == 0
                && report.presences_repeated == 0,
            format!(
                "{} repeated, {} of unknown players, {} false",
                report.announcements_repeated + report.presences_repeated,
                report.announcements_unknown,
                report.announcements_false
            ),
        ),
        check(
            "snapshots show nobody before the announcement",
            ghosts.strangers_in_snapshots == 0,
            format!("{} strangers", ghosts.strangers_in_snapshots),
        ),
        check(
            "survivors see the game",
            survivors.snapshots > 0,
            format!("{} snapshots", survivors.snapshots),
        ),
        check(
            "survivors miss at most 1 tick in 1000",
            seen > 0 && missed <= MISSED_TICKS_PER_THOUSAND_MAX,
            format!("{} of {seen}", survivors.missed_ticks),
        ),
    ]
}

/// Whether everything was done to the server that can be done here, and something at all.
fn carried_out(plan: &Plan, evidence: &Evidence, report: &Report) -> Check {
    let injected = evidence.injections.len() as u64;
    let planned = plan.departures_count() - evidence.not_possible;
    let in_vain = planned == 0 && !report.not_run.is_empty();
    let detail = match plan.unplaced {
        _ if in_vain => "none, because nothing of it can be done here".to_owned(),
        0 => format!("{injected} of {planned}"),
        more => format!("{injected} of {planned}; for {more} more there was nobody"),
    };
    let holds = injected == planned && !in_vain;
    check_of("every departure is carried out", planned, holds, detail)
}

/// Whether those survive who behave badly and do nothing wrong.
fn controls(report: &Report) -> Option<Check> {
    let name = "ugly but legal manners are borne";
    let (bots, evicted) = report
        .controls
        .iter()
        .fold((0, 0), |(bots, evicted), it| (bots + it.bots, evicted + it.evicted));
    (bots > 0).then(|| check(name, evicted == 0, format!("{evicted} of {bots} evicted")))
}

/// Whether the game went on all the time. Ticks that a server leaves out have no number, so nobody
/// misses them: what shows is the time between two states.
fn standstill(evidence: &Evidence) -> Check {
    let name = "the game never stands still";
    let mut waits = evidence.run.survivors.interval.clone();
    waits.merge(&evidence.settle.survivors.interval);
    let (Some(longest), Some(usual)) = (waits.max(), waits.quantile(0.5)) else {
        let detail = "nobody saw two states of a game with ticks".to_owned();
        return Check { name: name.into(), outcome: Outcome::Skipped, detail };
    };
    // When the bots themselves were held up, the states were there and nobody looked.
    let own = [&evidence.run.input_lag, &evidence.settle.input_lag, &evidence.order_lag];
    let own = own.map(Latency::max).into_iter().flatten().max().unwrap_or_default();
    let allowed = WAIT_MAX.max(usual * WAIT_TICKS_MAX) + own;
    let [longest_ms, allowed_ms] = [longest, allowed].map(|wait| wait.as_secs_f64() * 1000.0);
    let detail = format!("longest wait {longest_ms:.0} ms, allowed {allowed_ms:.0} ms");
    check(name, longest <= allowed, detail)
}

/// What the server says about who left, against what was done.
fn leaves(evidence: &Evidence) -> Vec<Check> {
    let name = "every departure is noticed with the right reason";
    let (Some(matching), Some(said), Some(ledger)) =
        (evidence.matching(), evidence.goodbyes_heard(), evidence.ledger.as_ref())
    else {
        return vec![check(name, false, "the server's ledger is missing".to_owned())];
    };
    let injected = evidence.injections.len();
    let tickets = evidence.frauds.len() as u64;
    let uncaused = matching.unexplained.len();
    let late = evidence.late();
    vec![
        completeness(ledger),
        agreement(evidence, ledger),
        check_of(
            name,
            injected as u64,
            matching.right() == injected as u64,
            format!(
                "{} of {injected}; {} for a wrong reason, {} not at all",
                matching.right(),
                matching.wrong(),
                matching.missed()
            ),
        ),
        check_of(
            "every bad ticket is counted as such",
            tickets,
            matching.tickets == tickets,
            format!("{} of {tickets}", matching.tickets),
        ),
        check_of(
            "every departure is noticed in time",
            injected as u64,
            late == 0 && evidence.never_let_go == 0,
            format!("{late} late, {} never let go", evidence.never_let_go),
        ),
        if evidence.exclusive {
            let detail = format!("{uncaused} leaves that nobody caused");
            check("no leave without a cause", uncaused == 0, detail)
        } else {
            Check {
                name: "no leave without a cause".into(),
                outcome: Outcome::Skipped,
                detail: format!("{uncaused} leaves, perhaps of the server's other clients"),
            }
        },
        check(
            "the last goodbyes are heard",
            said == evidence.closing.len() as u64,
            format!("{said} of {}", evidence.closing.len()),
        ),
    ]
}

/// Whether the server has told of every departure.
fn completeness(ledger: &Ledger) -> Check {
    let lines = ledger.entries.len();
    let (forgotten, withheld) = (ledger.forgotten, ledger.withheld());
    let detail = match (forgotten, withheld) {
        (0, 0) => format!("{lines} lines"),
        (0, withheld) => format!("{lines} lines, and {withheld} are missing between them"),
        (lost, _) => format!("{lost} lines lost; start it with a larger --departures-kept-max"),
    };
    check("the server's ledger is complete", forgotten == 0 && withheld == 0, detail)
}

/// Whether the server's statistics and its ledger tell the same.
fn agreement(evidence: &Evidence, ledger: &Ledger) -> Check {
    let name = "statistics and ledger agree";
    let looks = evidence.before.as_ref().zip(evidence.after.as_ref());
    let Some((before, after)) = looks.filter(|_| evidence.exclusive) else {
        let detail = "somebody may have left between the two looks".to_owned();
        return Check { name: name.into(), outcome: Outcome::Skipped, detail };
    };
    let counted = after.reasons_since(before);
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    for entry in &ledger.entries {
        *lines.entry(entry.reason.clone()).or_default() += 1;
    }
    let [counted_all, lines_all] = [&counted, &lines].map(|all| all.values().sum::<u64>());
    let detail = format!("{counted_all} leaves counted, {lines_all} lines");
    check(name, counted == lines, detail)
}

/// Whether the server becomes as it was.
fn resources(server: &super::ServerSide, evidence: &Evidence) -> Vec<Check> {
    let Some(after) = server.after else {
        let missing = "the server's statistics are missing".to_owned();
        return vec![check("everything is given back", false, missing)];
    };
    let before = server.before;
    let was = |before: u64, after: u64| format!("{before} before, {after} after");
    vec![
        check(
            "descriptors are given back",
            after.open_fds <= before.open_fds,
            was(before.open_fds, after.open_fds),
        ),
        match server.close_wait {
            Some(count) => {
                check("no socket waits to be closed", count == 0, format!("{count} in CLOSE_WAIT"))
            }
            None => Check {
                name: "no socket waits to be closed".into(),
                outcome: Outcome::Skipped,
                detail: "the server's kernel cannot be asked".to_owned(),
            },
        },
        check(
            "seats and rooms are given back",
            evidence.after.as_ref().is_some_and(|after| evidence.gives_back_seats(after)),
            format!(
                "players {}, away {}, rooms {}",
                was(before.players, after.players),
                was(before.players_away, after.players_away),
                was(before.rooms, after.rooms)
            ),
        ),
        check(
            "the ledger balances",
            server.ledger_balanced,
            "accepted = live + left, at every look".to_owned(),
        ),
    ]
}

/// A check of so many things: if there is nothing that it could have failed on, it has not passed.
pub(super) fn check_of(name: &'static str, of: u64, holds: bool, detail: String) -> Check {
    match (of, holds) {
        (0, true) => {
            let detail = "there was nothing to look at".to_owned();
            Check { name: name.into(), outcome: Outcome::Skipped, detail }
        }
        _ => check(name, holds, detail),
    }
}

pub(super) fn check(name: &'static str, holds: bool, detail: String) -> Check {
    let outcome = if holds { Outcome::Passed } else { Outcome::Failed };
    Check { name: name.into(), outcome, detail }
}
