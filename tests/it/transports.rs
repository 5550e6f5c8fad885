//! Native bots and browsers in the same rooms: they play with each other, and
//! leave each in its own way.

use std::time::Duration;

use gamekeeper_bot::{
    clock::Moment,
    connection::Ended,
    departure::{Departure, PlayerState},
    fleet::{BotPlan, Endpoint, Fleet, FleetConfig},
    transport::TransportMix,
};
use gamekeeper_protocol::GoodbyeReason;
use gamekeeper_tests::{
    PATIENCE,
    program::{ServerProgram, leaves},
};

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

/// Bots, half of which are browsers.
const BOTS: u32 = 20;

/// Turns until `done`, and fails if that takes too long.
#[track_caller]
fn turn_until(fleet: &mut Fleet, what: &str, mut done: impl FnMut(&mut Fleet) -> bool) {
    let deadline = Moment::now() + PATIENCE;
    while !done(fleet) {
        assert!(Moment::now() < deadline, "waited too long until {what}: {fleet:?}");
        fleet.turn(Moment::now() + Duration::from_millis(20)).expect("the poll works");
    }
}

#[test]
fn a_mixed_fleet_plays() {
    let server = ServerProgram::start(SERVER, &["--game", "arena"]);
    let endpoint = Endpoint::Tcp(server.address);
    let config = FleetConfig { game: "arena".to_owned(), ..FleetConfig::new(endpoint) };
    let mut fleet = Fleet::new(config).expect("a fleet");
    for bot in 0..BOTS {
        let websocket = TransportMix::Mixed.is_web(bot);
        fleet.spawn(BotPlan { websocket, ..BotPlan::default() });
    }
    turn_until(&mut fleet, "all play and have seen a hundred states", |fleet| {
        fleet.playing() == BOTS as usize && fleet.stats().everyone.snapshots > 100 * u64::from(BOTS)
    });
    // Everybody knows everybody, and of nobody who is not there.
    let rosters = fleet.rosters();
    assert_eq!(rosters.len(), BOTS as usize);
    assert!(rosters.iter().all(|entry| entry.bots == BOTS), "{rosters:?}");
    let stats = fleet.take_stats();
    assert_eq!((stats.joins, stats.snapshots_undecodable), (u64::from(BOTS), 0));
    assert_eq!((stats.strangers_shown, stats.ghosts_shown), (0, 0));
    assert!(stats.inputs > u64::from(BOTS) && fleet.take_ends().is_empty());
    // The browsers close their pages; all others say goodbye.
    let half = u64::from(BOTS / 2);
    for bot in fleet.players() {
        let web = TransportMix::Mixed.is_web(bot.0);
        let departure = if web { Departure::WsClose } else { Departure::Goodbye };
        fleet.depart(bot, departure, PlayerState::Match).expect("it plays");
    }
    turn_until(&mut fleet, "all have left", |fleet| fleet.is_empty());
    let stats = server.stats_until("nobody is there", |stats| stats["players"] == 0);
    assert_eq!([leaves(&stats, "ws_closed"), leaves(&stats, "goodbye")], [half, half]);
    assert_eq!(stats["ledger_balanced"], true);
}

/// Nobody speaks WebSocket to a server that does not: it is told so, and its bots say what.
#[test]
fn a_server_without_browsers_refuses_those_bots_that_are() {
    let server = ServerProgram::start(SERVER, &["--game", "arena", "--web", "false"]);
    let mut fleet = Fleet::new(FleetConfig::new(Endpoint::Tcp(server.address))).expect("a fleet");
    fleet.spawn(BotPlan { websocket: true, ..BotPlan::default() });
    turn_until(&mut fleet, "it is refused", |fleet| fleet.is_empty());
    let why = fleet.take_ends().pop().expect("an end").ended.to_string();
    assert!(why.contains("404") && why.contains("native clients only"), "{why}");
}

/// What the server says before it knows who speaks is heard by browsers, too.
#[test]
fn a_full_server_says_so_to_a_browser() {
    let server = ServerProgram::start(SERVER, &["--connections-max", "1"]);
    let mut fleet = Fleet::new(FleetConfig::new(Endpoint::Tcp(server.address))).expect("a fleet");
    fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, "one plays", |fleet| fleet.playing() == 1);
    fleet.spawn(BotPlan { websocket: true, ..BotPlan::default() });
    turn_until(&mut fleet, "the other is refused", |fleet| fleet.len() == 1);
    let ended = fleet.take_ends().pop().expect("an end").ended;
    let full = matches!(&ended, Ended::Goodbye { reason: GoodbyeReason::Full, .. });
    assert!(full, "{ended:?}");
}
