//! Stopping and saying goodbye: everybody is told, nothing is cut off, nobody is waited for for
//! ever.

use std::{
    io::ErrorKind,
    net::TcpStream,
    time::{Duration, Instant},
};

use gamekeeper::{ids::ConnectionId, limits::Limits, shell::Flow};
use gamekeeper_protocol::GoodbyeReason;
use gamekeeper_tests::{
    player::{End, Heard, Player},
    program::ServerProgram,
    rig::{AT_ONCE, Rig},
};
use rustix::process::Signal;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

/// For those who do not listen: their sockets are soon full, and they are not given up for it.
const PATIENT: [&str; 6] =
    ["--state-bytes", "100000", "--out-stall-ms", "60000", "--heartbeat-timeout-ms", "60000"];

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
    let refused = TcpStream::connect(server.address).map_err(|error| error.kind());
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

/// Everybody on a full server is told, though some do not listen; and it ends in time.
#[test]
fn a_full_server_stops_in_time_and_tells_everybody_who_listens() {
    let limits = ["--connections-max", "303", "--drain-timeout-ms", "5000", "--linger-ms", "500"];
    let mut server = ServerProgram::start(SERVER, &[&limits[..], &PATIENT].concat());
    let deaf = [(); 3].map(|()| deaf_player(&server));
    let mut players: Vec<Player> = (0..300).map(|_| Player::connect(server.address)).collect();
    players.iter_mut().for_each(|player| player.hello("", "ada"));
    for player in &mut players {
        player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
    }
    let mut late = Player::connect(server.address);
    late.listen_until("the end", |player| player.end.is_some());
    assert_eq!(late.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::Full));
    server.stats_until("it is full", |stats| stats["players"] == 303);

    let begun = Instant::now();
    server.program.signal(Signal::TERM);
    for player in &mut players {
        player.listen_until("the end", |player| player.end.is_some());
        let (reason, _) = player.goodbye().expect("the last frame is a goodbye");
        assert_eq!((reason, player.end), (GoodbyeReason::Shutdown, Some(End::Eof)));
    }
    assert_eq!(server.program.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(deaf);
}

/// With a grace, a signal closes the door and the game goes on; the last player takes the server
/// with it.
#[test]
fn players_may_play_on_and_the_last_one_ends_it() {
    let grace = ["--drain-grace-ms", "600000", "--resume-window-ms", "600000"];
    let mut server = ServerProgram::start(SERVER, &grace);
    let mut players = [join(server.address, "ada"), join(server.address, "bob")];
    let mut stranger = Player::connect(server.address);
    server.stats_until("the stranger is in", |stats| stats["connections"]["handshake"] == 1);
    server.program.signal(Signal::TERM);
    stranger.listen_until("the end", |stranger| stranger.end.is_some());
    assert_eq!(stranger.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::Shutdown));
    assert_eq!(server.get("/readyz").0, 503);
    let refused = TcpStream::connect(server.address).map_err(|error| error.kind());
    assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused), "nobody comes in");
    for player in &mut players {
        let end = player.ticks().len() + 30;
        player.listen_until("the game has gone on", |player| {
            player.answer_pings();
            player.ticks().len() >= end
        });
        let ticks = player.ticks();
        assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
        assert_eq!(player.end, None);
    }
    let [goes, lost] = players;
    goes.leave_by_fin();
    lost.leave_by_reset();
    assert_eq!(server.program.wait().code(), Some(0));
}

/// When the grace is over, everybody is told, and those who do not listen have until the deadline.
#[test]
fn a_grace_ends_for_everybody() {
    let limits = ["--drain-grace-ms", "1000", "--drain-timeout-ms", "300", "--linger-ms", "300"];
    let mut server = ServerProgram::start(SERVER, &[&limits[..], &PATIENT].concat());
    let _deaf = deaf_player(&server);
    let mut player = join(server.address, "ada");
    let begun = Instant::now();
    server.program.signal(Signal::TERM);
    player.listen_until("the end", |player| {
        player.answer_pings();
        player.end.is_some()
    });
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(player.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::Shutdown));
    assert_eq!(server.program.wait().code(), Some(0));
}

/// A second signal ends the grace and everything else.
#[test]
fn a_second_signal_does_not_wait_for_the_grace() {
    let mut server = ServerProgram::start(SERVER, &["--drain-grace-ms", "600000"]);
    let _player = join(server.address, "ada");
    server.program.signal(Signal::TERM);
    server.stats_until("the server is stopping", |_| server.get("/readyz").0 == 503);
    server.program.signal(Signal::TERM);
    assert_eq!(server.program.wait().code(), Some(1), "somebody was not told");
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
        std::thread::sleep(Duration::from_millis(200));
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

/// A pause of the server moves everybody's deadlines, but not the operator's: it ends when it said.
#[test]
fn a_pause_does_not_make_a_stop_longer() {
    let limits = Limits { socket_send_buffer_bytes: 4_096, out_stall_ms: 60_000, ..AT_ONCE };
    let mut rig = Rig::benchmark(limits);
    let deaf = Player::connect_narrow(rig.address);
    let deaf = rig.join_on(deaf, "deaf");
    let id = ConnectionId { slot: 0, generation: 0 };
    rig.turn_until("its socket is full", |rig| rig.event_loop.hub().unsent_bytes(id) > 1_024);
    rig.event_loop.net().inner().waker().wake().expect("the poll can be woken");
    rig.turn_until("it lingers", |rig| rig.event_loop.hub().population().lingering == 1);
    rig.event_loop.net().jump(Duration::from_secs(5));
    let flow = rig.event_loop.turn().expect("the poll works");
    assert_eq!((flow, rig.event_loop.hub().connections()), (Flow::Stopped, 1));
    drop(deaf);
}

#[test]
fn a_stop_without_players_is_immediate() {
    let mut rig = Rig::new(AT_ONCE);
    rig.event_loop.net().inner().waker().wake().expect("the poll can be woken");
    assert_eq!(rig.event_loop.run().expect("the poll works"), Flow::Stopped);
}
