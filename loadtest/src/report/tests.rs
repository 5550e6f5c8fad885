//! Verdicts on made-up evidence.

use std::{borrow::Cow, time::Duration};

use gamekeeper_bot::{
    clock::Moment,
    connection::Ended,
    departure::PlayerState,
    departure::Transport,
    fleet::{BotId, End, FleetStats, Injection, Stage},
    transport::TransportMix,
};
use gamekeeper_protocol::PlayerId;

use super::*;
use crate::{
    admin::{LeaveCount, Process, ServerStats},
    ledger::{Entry, Ledger},
    mix::DepartureMix,
    options::{Origin, Target},
    plan::Means,
    scenario::Quick,
};

fn options() -> Options {
    let quick = Quick {
        game: "arena".to_owned(),
        transport: TransportMix::Tcp,
        bots: 10,
        duration: Duration::from_secs(10),
        churn_per_second: 1.0,
        mix: "close".parse::<DepartureMix>().expect("valid"),
        resume_share: 0.0,
        input_hz: 20,
    };
    Options {
        target: Target::Own { program: None, extra: Vec::new() },
        scenario: quick.scenario(),
        origin: Origin::Quick(quick),
        thresholds: Vec::new(),
        seed: 1,
        json: None,
        events: None,
        html: None,
        pin: false,
        processes: 1,
    }
}

/// A server that has held a seat for every connection that was closed, and given it up.
fn server(fins: u64, goodbyes: u64, players: u64) -> ServerStats {
    let leave = |reason: &str, count| LeaveCount {
        reason: reason.to_owned(),
        path: "read".to_owned(),
        count,
    };
    ServerStats {
        leaves: vec![leave("fin", fins), leave("goodbye", goodbyes)],
        players,
        connections: BTreeMap::from([("playing".to_owned(), players)]),
        accepted_total: fins + goodbyes + players,
        ledger_balanced: true,
        snapshots_sent_total: 1,
        player_ticks_total: 100 * players,
        uptime_seconds: 1.0,
        seats_given_up_total: Some(fins),
        resumes: Some(BTreeMap::from([("resumed".to_owned(), 0), ("expired".to_owned(), 0)])),
        process: Process { open_fds: 10 + players, ..Process::default() },
        ..ServerStats::default()
    }
}

/// Ten bots, ten closes, everything as it should be.
pub(crate) fn good() -> (Options, Plan, Evidence) {
    let options = options();
    let plan = Plan::new(&options.scenario, options.seed, &Means::all(Transport::Tcp));
    let injections: Vec<Injection> = plan
        .departures()
        .map(|planned| Injection {
            bot: BotId(planned.bot),
            player: Some(PlayerId(planned.bot)),
            local: None,
            transport: Transport::Tcp,
            departure: planned.departure,
            state: PlayerState::Match,
            returns: false,
            silent: false,
            at: Moment(0),
            noticed_by: Moment(1),
        })
        .collect();
    let line = |number, player, reason: &str| Entry {
        number,
        at: Moment(0),
        reason: reason.to_owned(),
        path: "read".to_owned(),
        detail: String::new(),
        peer: None,
        player,
    };
    let closed = injections.iter().map(|injection| injection.player);
    let closed = (1..).zip(closed).map(|(number, player)| line(number, player, "fin"));
    let closing: Vec<Injection> = (1..=10)
        .map(|bot| Injection {
            bot: BotId(bot),
            player: Some(PlayerId(1_000 + bot)),
            local: None,
            transport: Transport::Tcp,
            departure: Departure::Goodbye,
            state: PlayerState::Match,
            returns: false,
            silent: false,
            at: Moment(0),
            noticed_by: Moment(1),
        })
        .collect();
    let settled_number = injections.len() as u64;
    let goodbyes = (settled_number + 1..).zip(&closing);
    let goodbyes = goodbyes.map(|(number, it)| line(number, it.player, "goodbye"));
    let ledger = Ledger { entries: closed.chain(goodbyes).collect(), forgotten: 0 };
    let mut run = FleetStats { joins: plan.bots.len() as u64, ..FleetStats::default() };
    run.survivors.snapshots = 5000;
    run.survivors.interval.record(Duration::from_millis(50));
    run.input_lag.record(Duration::from_millis(1));
    let evidence = Evidence {
        joined_at_start: 10,
        exclusive: true,
        run,
        before: Some(server(0, 0, 0)),
        run_start: Some(server(0, 0, 10)),
        run_end: Some(server(injections.len() as u64, 0, 10)),
        settled: Some(server(injections.len() as u64, 0, 10)),
        after: Some(server(injections.len() as u64, 10, 0)),
        seat_window: Some(Duration::from_secs(2)),
        playing_when_settled: 10,
        ledger: Some(ledger),
        settled_number: Some(settled_number),
        closing,
        injections,
        close_wait: Some(0),
        server_stop: Some(Ok(())),
        ..Evidence::default()
    };
    (options, plan, evidence)
}

/// The report of a good run, for tests of renderers.
pub(crate) fn good_report() -> Report {
    let (options, plan, evidence) = good();
    Report::new(&options, &plan, &evidence)
}

/// The names of the checks that fail when the evidence is changed.
fn failures(change: impl FnOnce(&mut Evidence)) -> (u8, Vec<&'static str>) {
    let (options, plan, mut evidence) = good();
    change(&mut evidence);
    let report = Report::new(&options, &plan, &evidence);
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    (report.exit_code, failed.map(name_of).collect())
}

/// The name of a check that every run has.
pub(super) fn name_of(check: &Check) -> &'static str {
    match &check.name {
        Cow::Borrowed(name) => name,
        Cow::Owned(_) => "a threshold",
    }
}

fn end(stage: Stage, ended: Ended) -> End {
    End {
        bot: BotId(1),
        player: None,
        local: None,
        departure: None,
        stage,
        returning: false,
        at: Moment(0),
        ended,
        retry_in: None,
    }
}

#[test]
fn a_good_run_passes() {
    assert_eq!(failures(|_| {}), (0, Vec::new()));
}

#[test]
fn a_wrong_eviction_fails() {
    let (code, failed) =
        failures(|evidence| evidence.ends.push(end(Stage::Playing, Ended::Closed)));
    assert_eq!((code, failed), (3, vec!["no wrong evictions"]));
}

fn lines(evidence: &mut Evidence) -> &mut Vec<Entry> {
    &mut evidence.ledger.as_mut().expect("there is one").entries
}

#[test]
fn a_missing_line_fails_and_so_does_one_too_many() {
    let noticed = "every departure is noticed with the right reason";
    let agree = "statistics and ledger agree";
    let (code, failed) = failures(|evidence| {
        lines(evidence).remove(0);
    });
    assert_eq!((code, failed), (3, vec![agree, noticed]));
    let (code, failed) = failures(|evidence| {
        let kicked = Entry { reason: "kicked".to_owned(), ..lines(evidence)[0].clone() };
        lines(evidence).insert(0, Entry { player: Some(PlayerId(77)), ..kicked });
    });
    assert_eq!((code, failed), (3, vec![agree, "no leave without a cause"]));
}

/// The counts of all reasons are right, and yet two players left for each other's.
#[test]
fn a_reason_that_belongs_to_somebody_else_fails() {
    let (code, failed) = failures(|evidence| {
        let goodbye = evidence.injections.len();
        lines(evidence)[0].reason = "goodbye".to_owned();
        lines(evidence)[goodbye].reason = "fin".to_owned();
    });
    let noticed = "every departure is noticed with the right reason";
    assert_eq!((code, failed), (3, vec![noticed, "the last goodbyes are heard"]));
}

/// Nobody leaves but at the very end: those goodbyes are no leaves without a cause.
#[test]
fn a_calm_run_passes() {
    let mut options = options();
    options.scenario.faults.clear();
    let plan = Plan::new(&options.scenario, options.seed, &Means::all(Transport::Tcp));
    let (_, _, mut evidence) = good();
    let fins = evidence.injections.drain(..).count();
    lines(&mut evidence).drain(..fins);
    evidence.settled_number = Some(0);
    evidence.run.joins = 10;
    for stats in [&mut evidence.run_end, &mut evidence.settled] {
        *stats = Some(server(0, 0, 10));
    }
    evidence.after = Some(server(0, 10, 0));
    let report = Report::new(&options, &plan, &evidence);
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    assert_eq!(failed.map(name_of).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_ledger_with_a_gap_fails() {
    let (code, failed) = failures(|evidence| evidence.ledger.as_mut().unwrap().forgotten = 1);
    assert_eq!((code, failed), (3, vec!["the server's ledger is complete"]));
    let (code, failed) = failures(|evidence| {
        for line in &mut lines(evidence)[15..] {
            line.number += 1;
        }
    });
    assert_eq!((code, failed), (3, vec!["the server's ledger is complete"]), "withheld");
}

/// A server that stands still leaves ticks out, and nobody misses those.
#[test]
fn a_standstill_fails_unless_it_was_our_own() {
    let wait = |evidence: &mut Evidence, longest_ms| {
        let interval = &mut evidence.settle.survivors.interval;
        (0..100).for_each(|_| interval.record(Duration::from_millis(50)));
        interval.record(Duration::from_millis(longest_ms));
    };
    assert_eq!(failures(|evidence| wait(evidence, 990)), (0, Vec::new()));
    let still = (3, vec!["the game never stands still"]);
    assert_eq!(failures(|evidence| wait(evidence, 1_100)), still);
    let ours = failures(|evidence| {
        wait(evidence, 1_100);
        evidence.settle.input_lag.record(Duration::from_millis(200));
    });
    assert_eq!(ours, (0, Vec::new()));
    let slow_game = failures(|evidence| {
        let interval = &mut evidence.run.survivors.interval;
        (0..9).for_each(|_| interval.record(Duration::from_millis(1_000)));
        interval.record(Duration::from_millis(2_000));
    });
    assert_eq!(slow_game, (0, Vec::new()), "a tick takes a second there");
}

#[test]
fn seats_that_are_not_given_up_fail() {
    let seats = "seats of those who stay away are given up";
    let bad: [fn(&mut ServerStats); 2] =
        [|settled| settled.players_away = 1, |settled| settled.seats_given_up_total = Some(9)];
    for change in bad {
        let (code, failed) = failures(|evidence| change(evidence.settled.as_mut().unwrap()));
        assert_eq!((code, failed), (3, vec![seats]));
    }
    assert_eq!(failures(|evidence| evidence.held_in_rosters = 1), (3, vec!["no ghosts"]));
    let (code, failed) = failures(|evidence| evidence.after.as_mut().unwrap().players_away = 1);
    assert_eq!((code, failed), (3, vec!["seats and rooms are given back"]));
}

/// Nobody waits for seats that are held for half a minute, and nobody is blamed for them.
#[test]
fn seats_that_are_held_for_long_are_not_waited_for() {
    let long = |evidence: &mut Evidence| {
        evidence.seat_window = Some(Duration::from_secs(30));
        evidence.held_in_rosters = 90;
        for stats in [&mut evidence.settled, &mut evidence.after] {
            let stats = stats.as_mut().unwrap();
            (stats.players_away, stats.seats_given_up_total) = (10, Some(0));
        }
        evidence.after.as_mut().unwrap().rooms = 1;
    };
    assert_eq!(failures(long), (0, Vec::new()));
    let (code, failed) = failures(|evidence| {
        long(evidence);
        evidence.after.as_mut().unwrap().rooms = 11;
    });
    assert_eq!((code, failed), (3, vec!["seats and rooms are given back"]));
}

#[test]
fn false_announcements_fail() {
    let bad: [fn(&mut Evidence); 2] = [
        |evidence| evidence.announcements_false = 1,
        |evidence| evidence.run.presences_repeated = 1,
    ];
    for change in bad {
        let (code, failed) = failures(change);
        assert_eq!((code, failed), (3, vec!["each departure is announced once"]));
    }
}

#[test]
fn ghosts_fail_wherever_they_are() {
    let haunted: [fn(&mut Evidence); 4] = [
        |evidence| evidence.ghosts_in_rosters = 1,
        |evidence| evidence.settle.ghosts_shown = 1,
        |evidence| evidence.playing_when_settled = 9,
        |evidence| evidence.playing_when_settled = 11,
    ];
    for change in haunted {
        assert_eq!(failures(change), (3, vec!["no ghosts"]));
    }
    let missed = failures(|evidence| evidence.missed_in_rosters = 1);
    assert_eq!(missed, (3, vec!["nobody who is here is believed to be away"]));
}

#[test]
fn no_samples_fail() {
    let (code, failed) = failures(|evidence| evidence.run.survivors.snapshots = 0);
    assert_eq!(code, 3);
    assert_eq!(failed, ["survivors see the game", "survivors miss at most 1 tick in 1000"]);
    let (code, failed) = failures(|evidence| evidence.injections.clear());
    assert_eq!(code, 3);
    assert!(failed.contains(&"every departure is carried out"), "{failed:?}");
    let (code, failed) = failures(|evidence| evidence.settled = None);
    assert_eq!((code, failed), (3, vec!["seats of those who stay away are given up"]));
    let (code, failed) = failures(|evidence| evidence.ledger = None);
    assert_eq!((code, failed), (3, vec!["every departure is noticed with the right reason"]));
}

#[test]
fn leaks_and_late_notices_fail() {
    type Change = fn(&mut Evidence);
    let bad: [(Change, &str); 6] = [
        (|evidence| evidence.after.as_mut().unwrap().process.open_fds += 1, "descriptors"),
        (|evidence| evidence.after.as_mut().unwrap().rooms += 1, "seats and rooms"),
        (|evidence| evidence.settled.as_mut().unwrap().ledger_balanced = false, "the ledger"),
        (|evidence| evidence.run_end.as_mut().unwrap().accepted_total += 1, "the ledger"),
        (|evidence| lines(evidence)[0].at = Moment(2), "every departure is noticed in time"),
        (|evidence| evidence.server_stop = Some(Err("exit 1".to_owned())), "the server stops"),
    ];
    for (change, name) in bad {
        let (code, failed) = failures(change);
        assert_eq!((code, failed.len()), (3, 1), "{failed:?}");
        assert!(failed[0].starts_with(name), "{failed:?}");
    }
}

/// Bots see that themselves, with and without the server's own account.
#[test]
fn silent_connections_that_stay_open_fail() {
    let silent = "whoever has gone silent is let go";
    let (code, failed) = failures(|evidence| evidence.never_let_go = 1);
    assert_eq!((code, failed), (3, vec![silent, "every departure is noticed in time"]));
    let (code, failed) = failures(|evidence| {
        evidence.never_let_go = 1;
        (evidence.before, evidence.ledger) = (None, None);
    });
    assert_eq!((code, failed), (3, vec![silent]));
}

/// A slow generator makes the run invalid, whatever else it found.
#[test]
fn a_generator_at_its_limit_is_not_a_verdict_on_the_server() {
    let (code, _) = failures(|evidence| {
        evidence.run.input_lag.record(Duration::from_millis(26));
        evidence.ends.push(end(Stage::Playing, Ended::Closed));
    });
    assert_eq!(code, 4);
}

#[test]
fn an_early_end_has_its_own_code() {
    assert_eq!(failures(|evidence| evidence.halt = Some(Halt::Interrupted)).0, 130);
    let died = Some(Halt::TargetDied("it ended".to_owned()));
    assert_eq!(failures(|evidence| evidence.halt = died).0, 5);
}
