//! Stopping and saying goodbye: everybody is told, nothing is cut off, nobody is waited for for
//! ever.

use gamekeeper::shell::Flow;
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
    assert_eq!(refused.err(), Some(std::io::ErrorKind::ConnectionRefused), "nobody comes in");
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

#[test]
fn a_stop_without_players_is_immediate() {
    let mut rig = Rig::new(AT_ONCE);
    rig.event_loop.net().inner().waker().wake().expect("the poll can be woken");
    assert_eq!(rig.event_loop.run().expect("the poll works"), Flow::Stopped);
}
