//! Stopping and saying goodbye: everybody is told, nothing is cut off, nobody is waited for for
//! ever.

use std::io::ErrorKind;

use gamekeeper::{limits::Limits, shell::Flow};
use gamekeeper_protocol::GoodbyeReason;
use gamekeeper_tests::{
    player::{End, Heard, Player},
    program::ServerProgram,
    rig::{AT_ONCE, Rig},
};
use rustix::process::Signal;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

fn join(address: std::net::SocketAddr, name: &str) -> Player {
    let mut player = Player::connect(address);
    player.hello("", name);
    player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
    player
}

#[test]
fn a_stop_signal_tells_everybody_and_ends_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = ServerProgram::start(SERVER, &[]);
        let mut players = [join(server.address, "ada"), join(server.address, "bob")];
        server.program.signal(signal);
        for player in &mut players {
            player.listen_until("the end", |player| player.end.is_some());
            let (reason, text) = player.goodbye().expect("the last frame is a goodbye");
            assert_eq!((reason, text), (GoodbyeReason::Shutdown, "the server is stopping"));
            assert_eq!(player.end, Some(End::Eof));
        }
        assert_eq!(server.program.wait().code(), Some(0));
    }
}

/// A client that neither reads nor leaves cannot keep the server from stopping.
#[test]
fn a_stop_does_not_wait_for_ever_and_a_second_signal_does_not_wait_at_all() {
    let slow = ["--state-bytes", "100000", "--drain-timeout-ms", "600000", "--linger-ms", "60000"];
    let mut server = ServerProgram::start(SERVER, &slow);
    let deaf = deaf_player(&server);
    server.program.signal(Signal::TERM);
    server.stats_until("the server is stopping", |_| server.get("/readyz").0 == 503);
    let refused = std::net::TcpStream::connect(server.address).map_err(|error| error.kind());
    assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused), "nobody comes in");
    server.program.signal(Signal::TERM);
    assert_eq!(server.program.wait().code(), Some(1), "somebody was not told");
    drop(deaf);

    let quick = ["--state-bytes", "100000", "--drain-timeout-ms", "300", "--linger-ms", "200"];
    let mut server = ServerProgram::start(SERVER, &quick);
    let _deaf = deaf_player(&server);
    server.program.signal(Signal::TERM);
    assert_eq!(server.program.wait().code(), Some(0));
}

/// A player whose socket is full, so that no farewell can reach it.
fn deaf_player(server: &ServerProgram) -> Player {
    let mut deaf = Player::connect_narrow(server.address);
    deaf.hello("benchmark", "deaf");
    deaf.listen_until("the player is welcome", |player| player.try_welcome().is_some());
    let mut before = None;
    server.stats_until("nothing more is taken", |stats| {
        let out = stats["bytes_total"]["out"].as_u64();
        // Several ticks of a hundred kilobytes lie between two looks.
        std::thread::sleep(std::time::Duration::from_millis(200));
        std::mem::replace(&mut before, out) == out
    });
    deaf
}

/// A farewell arrives whole even while the client keeps sending: a plain close would answer its
/// unread input with a reset, which throws the farewell away.
#[test]
fn a_farewell_survives_a_client_that_keeps_talking() {
    let mut rig = Rig::new(AT_ONCE);
    let mut talker = rig.join("ada");
    talker.send(&[0, 0, 0, 0]);
    let mut sent = 0;
    rig.turn_until("the connection is closed", |rig| {
        if sent < 1_000 {
            sent += talker.try_send(&[7; 10]);
        }
        rig.event_loop.hub().connections() == 0
    });
    talker.listen();
    assert!(matches!(talker.heard.last(), Some(Heard::Goodbye(GoodbyeReason::Protocol, _))));
}

/// Of those who are told goodbye and do not listen, the oldest is cut when there are too many. The
/// others hear it once they listen.
#[test]
fn the_oldest_farewell_gives_way() {
    let limits = Limits {
        lingering_max: 2,
        linger_ms: 60_000,
        drain_timeout_ms: 60_000,
        socket_send_buffer_bytes: 4_096,
        out_stall_ms: 300_000,
        heartbeat_timeout_ms: 300_000,
        ..AT_ONCE
    };
    let mut rig = Rig::new(limits);
    let mut deaf: Vec<Player> = (0..3)
        .map(|_| {
            let mut deaf = Player::connect_narrow(rig.address);
            deaf.hello("benchmark", "deaf");
            rig.turn_until("it is welcome", |_| deaf.try_welcome().is_some());
            deaf
        })
        .collect();
    // A state waits for each, tick after tick.
    let skipped = |rig: &Rig| rig.event_loop.hub().metrics().snapshots_skipped;
    rig.turn_until("the sockets of all three are full", |rig| {
        let (before, ticks) = (skipped(rig), rig.event_loop.hub().metrics().ticks);
        rig.turn_ticks(1);
        skipped(rig) - before >= 3 * (rig.event_loop.hub().metrics().ticks - ticks)
    });
    for (number, player) in deaf.iter_mut().enumerate() {
        player.send(&[0, 0, 0, 0]);
        rig.turn_until("it lingers", |rig| rig.left_in_all() == number as u64 + 1);
    }
    rig.turn_until("one gave way", |rig| rig.event_loop.hub().connections() == 2);
    for player in &mut deaf[1..] {
        rig.turn_until("it has heard the end", |_| {
            player.listen();
            player.end.is_some()
        });
        assert_eq!(player.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::Protocol));
        assert_eq!(player.end, Some(End::Eof));
    }
    rig.turn_until("all are gone", |rig| rig.event_loop.hub().connections() == 0);
    deaf[0].listen();
    assert_eq!(deaf[0].end, Some(End::Broken(ErrorKind::ConnectionReset)));
    assert_eq!(rig.event_loop.hub().metrics().farewells, [2, 0, 0, 1]);
}

#[test]
fn a_stop_without_players_is_immediate() {
    let mut rig = Rig::new(AT_ONCE);
    rig.event_loop.net().inner().waker().wake().expect("the poll can be woken");
    assert_eq!(rig.event_loop.run().expect("the poll works"), Flow::Stopped);
}
