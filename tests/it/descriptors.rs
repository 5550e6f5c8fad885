//! The server runs out of descriptors: newcomers are told and closed instead of hanging, players
//! notice nothing, operators can look, and everything is as before once some have gone.

use std::{fs, time::Instant};

use gamekeeper::metrics::AcceptOutcome;
use gamekeeper_protocol::{ClientMessage, GoodbyeReason, Hello};
use gamekeeper_tests::{
    PATIENCE,
    player::{End, Player},
    program::ServerProgram,
    rig::{AT_ONCE, Rig},
};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

fn join(server: &ServerProgram, name: &str) -> Player {
    let mut player = Player::connect(server.address);
    player.hello("", name);
    player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
    player
}

/// Lowers what a server may open until it can open so many more.
fn leave_descriptors(server: &ServerProgram, more: usize) {
    let pid = server.program.id();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("the server runs");
    let open: Vec<u64> = open
        .map(|entry| entry.expect("a descriptor").file_name())
        .map(|name| name.to_str().and_then(|name| name.parse().ok()).expect("a number"))
        .collect();
    // The limit is one of numbers, and the lowest free number is the next to be given out.
    let free = (0..).filter(|number| !open.contains(number));
    let limit = free.take(more + 1).last().expect("there is always a greater number");
    let pid = i32::try_from(server.program.id()).ok().and_then(Pid::from_raw);
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(limit), maximum };
    prlimit(pid, Resource::Nofile, limit).expect("it is our own child");
}

fn accepts(stats: &Value, outcome: &str) -> u64 {
    stats["accepts"][outcome].as_u64().expect("a count")
}

#[track_caller]
fn assert_no_gap(player: &Player) {
    let ticks = player.ticks();
    assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
    assert_eq!(player.end, None);
}

/// The one whom nobody could take in hears why, and then the end.
#[track_caller]
fn assert_told(newcomer: &Player) {
    let (reason, text) = newcomer.goodbye().expect("it is told");
    assert_eq!((reason, text), (GoodbyeReason::Full, "the server is full; try again later"));
    assert_eq!(newcomer.heard.len(), 1);
}

#[test]
fn without_descriptors_newcomers_are_told_and_nobody_else_notices() {
    let server = ServerProgram::start(SERVER, &["--resume-window-ms", "0"]);
    let open_before = server.stats()["process"]["open_fds"].clone();
    let mut players = vec![join(&server, "ada"), join(&server, "bob")];
    leave_descriptors(&server, 3);
    players.extend(["eve", "dan", "joe"].map(|name| join(&server, name)));

    let mut hello = Vec::new();
    let message = ClientMessage::Hello(Hello::new("", "late"));
    message.encode(&mut hello).expect("a short message");
    // Nobody else can be taken in, whether it has spoken already or not.
    let mut told = 0;
    for _ in 0..10 {
        let mut crowd: Vec<Player> = (0..10).map(|_| Player::connect(server.address)).collect();
        // By now it may have been turned away.
        for newcomer in crowd.iter_mut().step_by(2) {
            newcomer.try_send(&hello);
        }
        for newcomer in &mut crowd {
            newcomer.listen_until("the newcomer is turned away", |newcomer| {
                players.iter_mut().for_each(Player::answer_pings);
                newcomer.end.is_some()
            });
            assert_told(newcomer);
            told += 1;
        }
        assert!(crowd.iter().skip(1).step_by(2).all(|silent| silent.end == Some(End::Eof)));
    }

    // Operators are served all the same, with figures as always.
    assert_eq!(server.get("/healthz").0, 200);
    let then = server.stats();
    assert_eq!((accepts(&then, "shed"), &then["players"]), (told, &Value::from(5)));
    assert!(accepts(&then, "exhausted") > 0);
    assert!(then["process"]["rss_bytes"].as_u64().expect("a number") > 0);
    // And the loop does not go round in vain.
    let forty_later = then["ticks_total"].as_u64().expect("a count") + 40;
    let now = server.stats_until("forty ticks later", |stats| {
        players.iter_mut().for_each(Player::answer_pings);
        stats["ticks_total"].as_u64().expect("a count") >= forty_later
    });
    let turns = |stats: &Value| stats["turns_total"].as_u64().expect("a count");
    let ticks = now["ticks_total"].as_u64().expect("a count") - (forty_later - 40);
    // A look at the statistics is two or three turns, and there are several in a tick.
    assert!(turns(&now) - turns(&then) < 50 * ticks, "{} turns", turns(&now) - turns(&then));
    players.iter_mut().for_each(Player::listen);
    players.iter().for_each(assert_no_gap);

    // Whoever comes after somebody has gone is let in, without any further event.
    players.pop().expect("five are in").leave_by_reset();
    server.stats_until("one has left", |stats| stats["players"] == 4);
    // The look at the statistics was a connection, too, and may have the descriptor still.
    let deadline = Instant::now() + PATIENCE;
    let mut next = loop {
        assert!(Instant::now() < deadline, "nobody is let in any more");
        let mut next = Player::connect(server.address);
        next.try_send(&hello);
        next.listen_until("it is let in, or not", |next| {
            next.try_welcome().is_some() || next.end.is_some()
        });
        if next.end.is_none() {
            break next;
        }
    };
    assert_eq!(server.stats()["players"], 5);
    next.listen();
    drop((next, players));
    server.stats_until("nothing has leaked", |stats| stats["process"]["open_fds"] == open_before);
}

/// A crowd that comes at once is told bit by bit, and the loop goes round in between.
#[test]
fn a_crowd_is_turned_away_bit_by_bit() {
    let mut rig = Rig::new(AT_ONCE);
    let mut player = rig.join("ada");
    rig.event_loop.net_mut().ration(0);
    let mut crowd: Vec<Player> = (0..150).map(|_| Player::connect(rig.address)).collect();
    let shed = |rig: &Rig| rig.event_loop.hub().metrics().accepts[AcceptOutcome::Shed as usize];
    let (mut last, mut gos) = (0, 0);
    rig.turn_until("all are turned away", |rig| {
        player.answer_pings();
        let now = shed(rig);
        assert!(now - last <= 32, "{} in one turn", now - last);
        gos += u32::from(now > last);
        last = now;
        crowd.iter_mut().for_each(Player::listen);
        crowd.iter().all(|newcomer| newcomer.end.is_some())
    });
    crowd.iter().for_each(assert_told);
    assert_eq!((last, gos), (150, 5));
    assert!(rig.event_loop.net().has_spare(), "for the next operator");
    assert_no_gap(&player);
    assert!(rig.event_loop.hub().metrics().turns < 200, "asked again and again");
    assert!(rig.event_loop.hub().ledger_balances());
}

/// Somebody else may take the descriptor in the moment in which it is given up. Then newcomers
/// wait, neither forgotten nor asked about all the time, and the next free one is the spare again.
#[test]
fn a_spare_that_is_lost_is_taken_back() {
    let mut rig = Rig::new(AT_ONCE);
    let player = rig.join("ada");
    rig.event_loop.net_mut().steal_spare();
    rig.event_loop.net_mut().ration(0);
    let mut newcomer = Player::connect(rig.address);
    newcomer.hello("", "bob");
    let before = rig.event_loop.hub().metrics().turns;
    rig.turn_ticks(20);
    newcomer.listen();
    assert_eq!((newcomer.end, newcomer.heard.len()), (None, 0), "nothing can be said to it");
    assert!(!rig.event_loop.net().has_spare(), "it was stolen");
    let turns = rig.event_loop.hub().metrics().turns - before;
    assert!(turns < 200, "{turns} turns in a second: asked again and again");

    rig.event_loop.net_mut().ration(1);
    rig.turn_until("the newcomer is turned away", |_| {
        newcomer.listen();
        newcomer.end.is_some()
    });
    assert_told(&newcomer);

    let mut next = Player::connect(rig.address);
    next.hello("", "eve");
    player.leave_by_fin();
    rig.turn_until("the next is in or turned away", |_| {
        next.try_welcome().is_some() || next.end.is_some()
    });
    assert_eq!(next.end, None, "the place of the one that left is free");
}
