//! The server itself does not run for a while: nobody is blamed for that.

use std::time::Duration;

use gamekeeper::{limits::Limits, shell::net::Net as _};
use gamekeeper_protocol::{ClientMessage, Hello, Resume};
use gamekeeper_tests::{
    player::{Heard, Player},
    rig::{AT_ONCE, Rig},
};

/// When every tick takes longer than the time to the next one, the loop still goes round.
#[test]
fn a_game_that_is_slower_than_its_ticks_does_not_hold_the_loop() {
    let mut rig = Rig::new(AT_ONCE);
    let _player = rig.join("ada");
    let before = rig.event_loop.hub().metrics().ticks;
    rig.event_loop.net().crawl(Duration::from_millis(60));
    for _ in 0..5 {
        rig.event_loop.turn().expect("the poll works");
    }
    let ticks = rig.event_loop.hub().metrics().ticks - before;
    assert!((1..=5).contains(&ticks), "{ticks} ticks of one room in five turns");
}

/// What lies in the kernel counts as heard: sockets are read before deadlines are looked at.
#[test]
fn an_answer_that_has_arrived_counts_though_its_deadline_has_passed() {
    let limits = Limits { ping_after_ms: 100, heartbeat_timeout_ms: 400, ..AT_ONCE };
    let mut rig = Rig::new(limits);
    let mut player = rig.join("ada");
    rig.turn_until("the player was pinged", |_| {
        player.listen();
        player.heard.iter().any(|heard| matches!(heard, Heard::Ping(_)))
    });
    player.answer_pings();
    // Too short to be a pause of the server, too long for the player.
    rig.event_loop.net().jump(Duration::from_millis(400));
    rig.turn_ticks(1);
    assert_eq!(rig.left_in_all(), 0, "{:?}", rig.event_loop.hub().metrics().leaves);
    assert_eq!(rig.event_loop.hub().metrics().pauses, 0);
}

/// The same if there is more to report than a poll can report at once: nobody is late before all
/// were heard.
#[test]
fn whoever_is_heard_in_the_next_poll_is_not_late_in_this_one() {
    let limits = Limits { ping_after_ms: 100, heartbeat_timeout_ms: 400, ..AT_ONCE };
    let mut rig = Rig::new(limits);
    let mut players: Vec<Player> = (0..5).map(|_| rig.join("ada")).collect();
    rig.turn_until("all were pinged", |_| {
        players.iter_mut().all(|player| {
            player.listen();
            player.heard.iter().any(|heard| matches!(heard, Heard::Ping(_)))
        })
    });
    players.iter_mut().for_each(Player::answer_pings);
    rig.event_loop.net_mut().report_one_at_a_time();
    rig.event_loop.net().jump(Duration::from_millis(400));
    rig.turn_ticks(1);
    assert_eq!(rig.left_in_all(), 0, "{:?}", rig.event_loop.hub().metrics().leaves);
}

#[test]
fn a_paused_server_kicks_nobody_not_even_those_it_had_pinged() {
    let limits = Limits { ping_after_ms: 100, heartbeat_timeout_ms: 600, ..AT_ONCE };
    let mut rig = Rig::new(limits);
    let mut players: Vec<Player> = (0..5).map(|_| rig.join("ada")).collect();
    let mut stranger = Player::connect(rig.address);
    // Everybody has been asked and is about to answer when the machine is paused for a minute.
    rig.turn_until("all were pinged", |_| {
        players.iter_mut().all(|player| {
            player.listen();
            player.heard.iter().any(|heard| matches!(heard, Heard::Ping(_)))
        })
    });
    rig.event_loop.net().jump(Duration::from_secs(60));
    rig.turn_ticks(2);
    assert_eq!(rig.left_in_all(), 0);
    assert_eq!(rig.event_loop.hub().metrics().pauses, 1);
    let more = rig.event_loop.hub().metrics().ticks + 20;
    rig.turn_until("the game went on for a second", |rig| {
        players.iter_mut().for_each(Player::answer_pings);
        rig.event_loop.hub().metrics().ticks >= more
    });
    assert_eq!(rig.left_in_all(), 0, "{:?}", rig.event_loop.hub().metrics().leaves);
    stranger.hello("", "late");
    rig.turn_until("the stranger is welcome", |_| stranger.try_welcome().is_some());
}

/// An idle server sleeps until the next deadline. A pause that ends just behind it must be seen all
/// the same: here half of a hello came in before it, and the rest is on its way.
#[test]
fn a_pause_cannot_hide_in_a_long_sleep() {
    let limits = Limits { hello_timeout_ms: 1_000, ..AT_ONCE };
    let mut rig = Rig::new(limits);
    let mut stranger = Player::connect(rig.address);
    let mut hello = Vec::new();
    ClientMessage::Hello(Hello::new("", "ada")).encode(&mut hello).expect("a short message");
    let (first, rest) = hello.split_at(7);
    stranger.send(first);
    rig.turn_until("half of it was read", |rig| rig.event_loop.hub().metrics().bytes_in == 7);
    let pause = Duration::from_millis(rig.event_loop.hub().limits().hello_timeout_ms + 50);
    rig.event_loop.net().jump(pause);
    rig.event_loop.turn().expect("the poll works");
    assert_eq!(rig.event_loop.hub().metrics().pauses, 1);
    stranger.send(rest);
    rig.turn_until("the stranger is welcome", |_| stranger.try_welcome().is_some());
}

/// The same when nobody is connected at all and only a seat is held: whoever is back in time, but
/// meets a server that does not run, has its seat.
#[test]
fn a_pause_does_not_cost_a_seat_that_is_held() {
    let limits = Limits { resume_window_ms: 1_000, ..Limits::DEFAULT };
    let mut rig = Rig::new(limits);
    let mut player = Player::connect(rig.address);
    player.hello("noughts", "ada");
    rig.turn_until("the player is welcome", |_| player.try_welcome().is_some());
    let ticket = player.offer.expect("a resume window").ticket;
    let resume = Resume { ticket, events_seen: player.events_seen };
    let id = player.id;
    drop(player);
    rig.turn_until("the loop would sleep until the seat is given up", |rig| {
        let hub = rig.event_loop.hub();
        let soon = rig.event_loop.net().now() + Duration::from_millis(600);
        hub.population().away == 1 && hub.next_due().is_some_and(|due| due > soon)
    });
    let mut again = Player::connect(rig.address);
    again.resume_with(resume);
    let pause = Duration::from_millis(rig.event_loop.hub().limits().resume_window_ms + 50);
    rig.event_loop.net().jump(pause);
    rig.turn_until("the player is back", |_| again.try_welcome().is_some());
    assert_eq!(again.id, id, "it is the same player");
}
