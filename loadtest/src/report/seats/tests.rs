//! Verdicts on made-up returns and bad tickets.

use gamekeeper_bot::{
    clock::Moment,
    connection::Ended,
    departure::{Departure, Transport},
    fleet::{BotId, Return, Stage},
};
use gamekeeper_protocol::{GoodbyeReason, PlayerId};

use super::*;
use crate::{
    admin::LeaveCount,
    ledger::Entry,
    options::Options,
    plan::Means,
    report::{Report, tests},
};

const SEAT: &str = "whoever comes back has its seat again";
const TOLD: &str = "whoever comes back is told all";
const REFUSED: &str = "bad tickets are refused";
const COUNTED: &str = "returns are counted with the right outcome";
const GIVEN_UP: &str = "seats of those who stay away are given up";

fn refusal() -> Ended {
    Ended::Goodbye { reason: GoodbyeReason::ResumeRefused, text: String::new() }
}

fn leave(reason: &str, count: u64) -> LeaveCount {
    LeaveCount { reason: reason.to_owned(), path: "read".to_owned(), count }
}

/// Ten bots of which each comes back, one by taking over, and a bad ticket of each kind.
fn good() -> (Options, Plan, Evidence) {
    let (mut options, _, mut evidence) = tests::good();
    options.scenario.faults[0].resume.share = 1.0;
    let plan = Plan::new(&options.scenario, options.seed, &Means::all(Transport::Tcp));
    assert_eq!(plan.returns(), 10);
    evidence.injections.iter_mut().for_each(|injection| injection.returns = true);
    let back = |number| Return {
        bot: BotId(number),
        player: PlayerId(number),
        departure: Departure::Close,
        took_over: number == 0,
        at: Moment(1),
        outcome: ReturnOutcome::Back(Homecoming::default()),
    };
    evidence.returns = (0..10).map(back).collect();
    let fraud = |fault| Fraud { fault, refused: Some(refusal()) };
    evidence.frauds = TicketFault::ALL.map(fraud).to_vec();
    evidence.frauds_due = 4;
    evidence.run.joins = 10;
    let mut resumes = TicketFault::ALL.map(|fault| (fault.name().to_owned(), 1)).to_vec();
    resumes.extend([(RESUMED.to_owned(), 9), (TAKEN_OVER.to_owned(), 1)]);
    for stats in [&mut evidence.settled, &mut evidence.after] {
        let stats = stats.as_mut().unwrap();
        let goodbyes = stats.leaves.pop().expect("it counts goodbyes");
        stats.leaves = vec![leave("fin", 9), leave(REPLACED, 1), leave("rejected", 4), goodbyes];
        stats.accepted_total += 4;
        stats.seats_given_up_total = Some(0);
        stats.resumes = Some(resumes.iter().cloned().collect());
    }
    let ledger = evidence.ledger.as_mut().unwrap();
    ledger.entries[0].reason = REPLACED.to_owned();
    let rejected =
        Entry { player: None, reason: "rejected".to_owned(), ..ledger.entries[0].clone() };
    ledger.entries.splice(..0, std::iter::repeat_n(rejected, 4));
    (options, plan, evidence)
}

/// The names of the checks that fail when the evidence is changed.
fn failures(change: impl FnOnce(&mut Evidence)) -> Vec<&'static str> {
    let (options, plan, mut evidence) = good();
    change(&mut evidence);
    let report = Report::new(&options, &plan, &evidence);
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    failed.map(tests::name_of).collect()
}

fn settled(evidence: &mut Evidence) -> &mut crate::admin::ServerStats {
    evidence.settled.as_mut().unwrap()
}

#[test]
fn good_returns_pass() {
    assert_eq!(failures(|_| {}), Vec::<&str>::new());
    let (options, plan, evidence) = good();
    let report = Report::new(&options, &plan, &evidence);
    assert!(report.checks.iter().all(|check| check.outcome == Outcome::Passed));
    let returns = &report.seats.returns;
    assert_eq!((returns.back, returns.took_over, report.seats.replaced), (10, 1, Some(1)));
    let counted = &report.causes[0].detected.as_ref().expect("the server says");
    assert_eq!(counted.get(REPLACED), Some(&1), "a take-over is a close that was replaced");
}

#[test]
fn a_seat_that_is_not_given_back_fails() {
    let lost = |evidence: &mut Evidence, outcome| {
        evidence.returns[3].outcome = outcome;
        settled(evidence).resumes.as_mut().unwrap().insert(RESUMED.to_owned(), 8);
        settled(evidence).seats_given_up_total = Some(1);
    };
    assert_eq!(failures(|evidence| lost(evidence, ReturnOutcome::Failed(refusal()))), [SEAT]);
    assert_eq!(failures(|evidence| lost(evidence, ReturnOutcome::Anew)), [SEAT]);
    let gone = failures(|evidence| {
        evidence.returns.pop();
    });
    assert_eq!(gone, [SEAT, COUNTED, GIVEN_UP], "nobody knows what has become of it");
}

#[test]
fn events_may_be_lost_only_when_the_server_has_kept_all_it_can() {
    let failures_of = |homecoming| {
        failures(|evidence| evidence.returns[3].outcome = ReturnOutcome::Back(homecoming))
    };
    let lost = Homecoming { events_lost: 1, ..Homecoming::default() };
    assert_eq!(failures_of(lost), [TOLD]);
    assert_eq!(failures_of(Homecoming { events_resent: 63, ..lost }), [TOLD]);
    assert_eq!(failures_of(Homecoming { events_resent: 64, ..lost }), Vec::<&str>::new());
    let long = Homecoming { events_resent: 2, events_resent_bytes: 9_000, ..lost };
    assert_eq!(failures_of(long), Vec::<&str>::new(), "two long ones fill it as well");
    let kept = failures(|evidence| {
        evidence.kept_events.count_max = 0;
        evidence.returns[3].outcome = ReturnOutcome::Back(lost);
    });
    assert_eq!(kept, Vec::<&str>::new(), "this server keeps none");
}

#[test]
fn a_bad_ticket_that_is_not_refused_fails() {
    let accepted = |evidence: &mut Evidence| evidence.frauds[0].refused = None;
    assert_eq!(failures(accepted), [REFUSED]);
    let cut = |evidence: &mut Evidence| evidence.frauds[0].refused = Some(Ended::Closed);
    assert_eq!(failures(cut), [REFUSED], "it was not told why");
    assert_eq!(failures(|evidence| evidence.frauds_due = 5), [REFUSED], "one was not shown");
}

#[test]
fn a_return_that_is_counted_wrongly_fails() {
    let resumes = |changes: &[(&str, u64)]| {
        failures(|evidence| {
            let resumes = settled(evidence).resumes.as_mut().unwrap();
            resumes.extend(changes.iter().map(|(label, count)| ((*label).to_owned(), *count)));
        })
    };
    assert_eq!(resumes(&[("replayed", 0), ("forged", 2)]), [COUNTED]);
    assert_eq!(resumes(&[(RESUMED, 10)]), [COUNTED]);
    assert_eq!(resumes(&[(RESUMED, 8), (TAKEN_OVER, 2)]), [COUNTED], "only one was replaced");
    let unknown = failures(|evidence| settled(evidence).resumes = None);
    assert_eq!(unknown, Vec::<&str>::new(), "a server that does not count them is not blamed");
}

/// The same departures, and the server holds no seats: everybody who comes back is new.
#[test]
fn a_server_without_seats_is_not_blamed() {
    let (options, plan, mut evidence) = good();
    evidence.seat_window = None;
    evidence.returns.iter_mut().for_each(|it| it.outcome = ReturnOutcome::Anew);
    (evidence.frauds, evidence.frauds_due) = (Vec::new(), 0);
    evidence.run.joins = 20;
    for stats in [&mut evidence.settled, &mut evidence.after] {
        let stats = stats.as_mut().unwrap();
        let goodbyes = stats.leaves.pop().expect("it counts goodbyes");
        stats.leaves = vec![leave("fin", 10), goodbyes];
        stats.accepted_total -= 4;
        stats.resumes = None;
    }
    let ledger = evidence.ledger.as_mut().unwrap();
    ledger.entries.drain(..4);
    ledger.entries[0].reason = "fin".to_owned();
    let report = Report::new(&options, &plan, &evidence);
    let failed: Vec<_> =
        report.checks.iter().filter(|check| check.outcome == Outcome::Failed).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(report.joins.planned, 20);
}

#[test]
fn ends_of_those_who_come_back_are_told_from_others() {
    let (_, _, mut evidence) = good();
    assert_eq!(evidence.told_replaced(), 0);
    let ended = Ended::Goodbye { reason: GoodbyeReason::Replaced, text: String::new() };
    let end = |departure, stage, returning| gamekeeper_bot::fleet::End {
        bot: BotId(0),
        player: None,
        local: None,
        departure,
        stage,
        returning,
        at: Moment(1),
        ended: ended.clone(),
        retry_in: None,
    };
    let husk = end(Some(Departure::Freeze), Stage::Playing, false);
    let (evicted, refused) = (end(None, Stage::Playing, false), end(None, Stage::Greeting, true));
    evidence.ends = vec![husk, evicted, refused];
    assert_eq!(evidence.told_replaced(), 1);
    assert_eq!(evidence.wrong_evictions().values().sum::<u64>(), 1);
    assert_eq!(evidence.failed_joins().len(), 0, "it is in the record of the returns");
}
