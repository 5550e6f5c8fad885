//! Every way in which a bot leaves, from wherever it can, against the server as its users start it:
//! the server's own ledger must have a line for each, with a right reason and in time.
//!
//! The server has its usual limits, because what the bots expect is what those say.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gamekeeper_bot::{
    clock::Moment,
    departure::{Departure, PlayerState, Transport},
    fleet::{
        BotId, BotPlan, Comeback, Endpoint, Fleet, FleetConfig, Injection, Return, ReturnOutcome,
    },
    manner::Manner,
    privilege::Privilege,
};
use gamekeeper_tests::{PATIENCE, program::ServerProgram, skip};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

/// The page about the bots.
const PAGE: &str = include_str!("../../docs/bots.md");

/// How many bots leave in each way: the kinds of garbage are drawn, and luck has a say in races.
const EACH: usize = 3;

/// A leave in the server's ledger.
#[derive(Debug)]
struct Line {
    address: String,
    player: Option<u64>,
    reason: String,
    at: Moment,
    path: String,
}

fn ledger(server: &ServerProgram) -> Vec<Line> {
    let (status, body) = server.get("/api/departures?limit=1000");
    assert_eq!(status, 200, "{body}");
    let page: Value = serde_json::from_str(&body).expect("JSON");
    let lines = page["departures"].as_array().expect("a list").iter();
    lines
        .map(|line| Line {
            address: line["address"].as_str().unwrap_or_default().to_owned(),
            player: line["player"].as_u64(),
            reason: line["reason"].as_str().expect("a reason").to_owned(),
            at: Moment(line["left_at_ns"].as_u64().expect("a time")),
            path: line["path"].as_str().expect("a path").to_owned(),
        })
        .collect()
}

fn fleet(endpoint: Endpoint) -> Fleet {
    let config =
        FleetConfig { game: "benchmark".to_owned(), seed: 7, ..FleetConfig::new(endpoint) };
    Fleet::new(config).expect("a fleet")
}

/// Turns until `done`, and fails if that takes too long.
#[track_caller]
fn turn_until(fleet: &mut Fleet, what: &str, mut done: impl FnMut(&mut Fleet) -> bool) {
    let deadline = Moment::now() + PATIENCE;
    while !done(fleet) {
        assert!(Moment::now() < deadline, "waited too long until {what}: {fleet:?}");
        fleet.turn(Moment::now() + Duration::from_millis(20)).expect("the poll works");
    }
}

/// Lets bots leave in all these ways at the same time, over WebSockets or not, until the server has
/// let all of them go; what they did.
#[track_caller]
fn leave(fleet: &mut Fleet, ways: &[(Departure, PlayerState)], websocket: bool) -> Vec<Injection> {
    let plain = BotPlan { websocket, ..BotPlan::default() };
    let witness = fleet.spawn(plain);
    let mut told: Vec<(BotId, Departure, PlayerState)> = Vec::new();
    for (departure, state) in ways.iter().copied() {
        for _ in 0..EACH {
            let leaves = BotPlan { departure: Some(departure), state, ..plain };
            let comes_back = state == PlayerState::ResumeWindow;
            let bot = fleet.spawn(if comes_back { plain } else { leaves });
            if state != PlayerState::Lobby {
                told.push((bot, departure, state));
            }
        }
    }
    turn_until(fleet, "all play", |fleet| {
        fleet.is_playing(witness) && told.iter().all(|(bot, ..)| fleet.is_playing(*bot))
    });
    let mut returns = 0;
    for (bot, departure, state) in told {
        let outcome = if state == PlayerState::ResumeWindow {
            returns += 1;
            let plan = BotPlan { departure: Some(departure), state, ..plain };
            let after = Duration::from_millis(200);
            let comeback = Comeback { after, takes_over: false, plan };
            fleet.depart_and_return(bot, Departure::Close, PlayerState::Match, comeback)
        } else {
            fleet.depart(bot, departure, state)
        };
        outcome.expect("it plays, and it was planned");
    }
    let all = ways.len() * EACH + returns;
    let mut injections = Vec::new();
    turn_until(fleet, "all have left", |fleet| {
        injections.append(&mut fleet.take_injections());
        injections.len() == all && fleet.leaving() == 0 && fleet.len() == 1
    });
    assert!(fleet.is_playing(witness), "nobody else has gone");
    let returned = fleet.take_returns();
    assert_eq!(returned.len(), returns);
    assert!(returned.iter().all(|it| it.outcome == ReturnOutcome::LeftAgain), "{returned:?}");
    injections
}

/// Whether the server has noticed a departure for a right reason, and in time.
fn check(injection: &Injection, line: Option<&Line>) -> Result<(), String> {
    let Injection { departure, state, .. } = injection;
    let line = line.ok_or_else(|| format!("{departure} {state}: not in the ledger"))?;
    let right = injection.expected_reasons().contains(&line.reason.as_str());
    let in_time = line.at <= injection.noticed_by;
    if right && in_time {
        return Ok(());
    }
    let after = line.at.since(injection.at);
    Err(format!("{departure} {state}: {} by {} after {after:?}", line.reason, line.path))
}

/// Who has left in a way that holds its seat is away, and nobody else is.
#[track_caller]
fn check_seats(server: &ServerProgram, injections: &[Injection]) {
    let last: BTreeMap<_, _> = injections.iter().filter_map(|it| Some((it.player?, it))).collect();
    let held = last.values().filter(|it| it.departure.holds_seat(it.state)).count();
    let stats = server.stats();
    assert_eq!((&stats["players_away"], &stats["players"]), (&held.into(), &1.into()));
    assert_eq!(stats["ledger_balanced"], true);
}

/// Lets bots leave over TCP, or over WebSockets, and compares with the ledger, line by line.
#[track_caller]
fn check_all(ways: &[(Departure, PlayerState)], transport: Transport) {
    let server = ServerProgram::start(SERVER, &["--game", "benchmark"]);
    let mut fleet = fleet(Endpoint::Tcp(server.address));
    let injections = leave(&mut fleet, ways, transport == Transport::Ws);
    server.stats_until("only the witness is there", |stats| stats["players"] == 1);
    let lines = ledger(&server);
    let faults: BTreeSet<String> = injections
        .iter()
        .filter_map(|injection| {
            let address = injection.local.expect("a TCP connection").to_string();
            let mut of_it = lines.iter().filter(|line| line.address == address);
            let line = of_it.next();
            if of_it.next().is_some() {
                return Some(format!("{} is in the ledger twice", injection.departure));
            }
            check(injection, line).err()
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(injections.iter().all(|injection| injection.transport == transport));
    assert_eq!(lines.len(), injections.len(), "and nobody else has left");
    check_seats(&server, &injections);
}

/// All that can happen over this transport and needs this privilege, or none.
fn ways(needs: Option<Privilege>, transport: Transport) -> Vec<(Departure, PlayerState)> {
    let all = Departure::ALL.into_iter();
    let all = all.flat_map(|departure| PlayerState::ALL.map(|state| (departure, state)));
    all.filter(|(departure, state)| {
        departure.needs() == needs && departure.can_happen_in(*state, transport)
    })
    .collect()
}

#[test]
fn every_cause_is_in_the_ledger_for_a_right_reason_and_in_time() {
    check_all(&ways(None, Transport::Tcp), Transport::Tcp);
}

/// A browser leaves as everybody else does, and closes its WebSocket besides.
#[test]
fn every_cause_over_a_websocket_is_in_the_ledger_for_a_right_reason_and_in_time() {
    let ways = ways(None, Transport::Ws);
    let more = ways.iter().filter(|(departure, _)| departure.needs_websocket());
    assert_eq!(more.count(), 3, "from the lobby, from the match, and on the way back");
    check_all(&ways, Transport::Ws);
}

#[test]
fn causes_of_the_network_are_in_the_ledger_for_a_right_reason_and_in_time() {
    match Privilege::NetAdmin.probe() {
        Ok(()) => {
            for transport in [Transport::Tcp, Transport::Ws] {
                check_all(&ways(Some(Privilege::NetAdmin), transport), transport);
            }
        }
        Err(why) => skip(&format!("bots that vanish: {why}")),
    }
}

/// Whoever goes without a word can come back before the server has noticed, and has its seat again;
/// and so can one that takes over from a frame that it does not finish. That the bot is back is how
/// the server learns that the old connection is over, unless a write has told it before.
#[test]
fn who_goes_without_a_word_comes_back_to_its_seat() {
    let server = ServerProgram::start(SERVER, &["--game", "benchmark"]);
    let mut fleet = fleet(Endpoint::Tcp(server.address));
    let mut ways = vec![(Departure::Trickle, "replaced")];
    match Privilege::NetAdmin.probe() {
        Ok(()) => ways.extend([(Departure::Vanish, "replaced"), (Departure::PowerCut, "reset")]),
        Err(why) => skip(&format!("bots that vanish and come back: {why}")),
    }
    let bots: Vec<BotId> = ways.iter().map(|_| fleet.spawn(BotPlan::default())).collect();
    turn_until(&mut fleet, "all play", |fleet| fleet.playing() == bots.len());
    for (bot, (departure, _)) in bots.iter().zip(&ways) {
        let after = Duration::from_millis(500);
        let comeback = Comeback { after, takes_over: true, plan: BotPlan::default() };
        let outcome = fleet.depart_and_return(*bot, *departure, PlayerState::Match, comeback);
        outcome.expect("it plays");
    }
    let mut injections = fleet.take_injections();
    turn_until(&mut fleet, "all are back", |fleet| {
        injections.append(&mut fleet.take_injections());
        fleet.returning() == 0 && fleet.playing() == bots.len()
    });
    let returned = fleet.take_returns();
    let back = |it: &&Return| matches!(it.outcome, ReturnOutcome::Back(_));
    assert_eq!(returned.iter().filter(back).count(), bots.len(), "{returned:?}");
    let lines = ledger(&server);
    for injection in &injections {
        let address = injection.local.expect("a TCP connection").to_string();
        let line = lines.iter().find(|line| line.address == address).expect("in the ledger");
        let expected = ways.iter().find(|(departure, _)| *departure == injection.departure);
        assert_eq!(Some(line.reason.as_str()), expected.map(|(_, reason)| *reason), "{line:?}");
    }
    assert_eq!((lines.len(), &server.stats()["players_away"]), (bots.len(), &0.into()));
}

/// The page about the bots has a row for each cause and for each manner, and it is true.
#[test]
fn the_page_lists_every_cause_and_every_manner() {
    let reasons = |departure: Departure, state| {
        let over_tcp = departure.expected_reasons(state, Transport::Tcp);
        let reasons = departure.expected_reasons(state, Transport::Ws);
        assert!(over_tcp == reasons || departure.needs_websocket(), "the page says that");
        let reasons = reasons.iter();
        let reasons: Vec<String> = reasons.map(|reason| format!("`{reason}`")).collect();
        if reasons.is_empty() { "-".to_owned() } else { reasons.join(", ") }
    };
    for departure in Departure::ALL {
        let cells = PlayerState::ALL.map(|state| reasons(departure, state)).join(" | ");
        let row = format!("| `{departure}` | {} | {cells} |\n", departure.summary());
        assert!(PAGE.contains(&row), "not in the page: {row}");
    }
    for manner in Manner::ALL {
        let row = format!("| `{manner}` | {} |\n", manner.summary());
        assert!(PAGE.contains(&row), "not in the page: {row}");
    }
    let rows = PAGE.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, Departure::ALL.len() + Manner::ALL.len(), "and nothing else");
}

/// The same over a Unix socket, for players: the server knows each by its number.
#[test]
fn every_cause_over_a_unix_socket_has_a_right_reason() {
    let path = std::env::temp_dir().join(format!("gamekeeper-causes-{}.sock", std::process::id()));
    let listen = format!("unix:{}", path.display());
    let server = ServerProgram::start(SERVER, &["--game", "benchmark", "--listen", &listen]);
    let mut fleet = fleet(Endpoint::Unix(path));
    let states = [PlayerState::Match, PlayerState::MidFrame];
    let ways = Departure::ALL.into_iter().flat_map(|way| states.map(|state| (way, state)));
    let ways: Vec<_> =
        ways.filter(|(way, state)| way.can_happen_in(*state, Transport::Unix)).collect();
    let injections = leave(&mut fleet, &ways, false);
    server.stats_until("only the witness is there", |stats| stats["players"] == 1);
    let lines = ledger(&server);
    let faults: BTreeSet<String> = injections
        .iter()
        .filter_map(|injection| {
            let player = u64::from(injection.player.expect("it was a player").0);
            let line = lines.iter().find(|line| line.player == Some(player));
            check(injection, line).err()
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    check_seats(&server, &injections);
}
