//! What loopback hides: a network that takes its time, and one that fails without a word.
//!
//! A round trip of 200 ms, with the production loop at one end and plain sockets at the other.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use gamekeeper::{
    Audience, Game, LeaveCause, Outbox, PlayerId, PlayerInput, Setup, Tick,
    client::leave::{LeavePath, LeaveReason},
    limits::Limits,
    shell::net::Send,
};
use gamekeeper_protocol::{GoodbyeReason, Presence, codec};
use gamekeeper_tests::{
    PATIENCE,
    player::{End, Heard, Player},
    rig::{AT_ONCE, Rig, listener},
    skip,
    wire::Wire,
};
use rustix::net::{SendFlags, send};

/// Half of the round trip.
const ONE_WAY: Duration = Duration::from_millis(100);

/// What the bouncer says before it throws somebody out.
const LAST_WORDS_BYTES: usize = 30_000;

/// A game that throws out whoever says anything but 0, after a long speech.
struct Bouncer;

impl Game for Bouncer {
    const NAME: &'static str = "bouncer";
    type Input = u8;
    type Snapshot = u8;
    type Event = Vec<u8>;

    fn new(_setup: Setup) -> Self {
        Self
    }

    fn joined(&mut self, _player: PlayerId, _name: &str, _out: &mut Outbox<Vec<u8>>) {}

    fn left(&mut self, _player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<Vec<u8>>) {}

    fn step(&mut self, _tick: Tick, inputs: &[PlayerInput<u8>], out: &mut Outbox<Vec<u8>>) {
        for input in inputs.iter().filter(|input| input.input != 0) {
            out.send(input.player, vec![7; LAST_WORDS_BYTES]);
            out.kick(input.player, "out");
        }
    }

    fn snapshot(&self, _audience: Audience) -> u8 {
        0
    }
}

/// A server at one end of a long wire, and a player who has joined from the other. The server
/// listens on its own loopback as well, where those join whom nothing disturbs.
struct Scene {
    wire: Wire,
    rig: Rig,
    player: Player,
}

impl Scene {
    /// `None` if this machine does not allow such a wire; that has been said then.
    fn new(limits: Limits) -> Option<Self> {
        let wire = match Wire::lay(ONE_WAY) {
            Ok(wire) => wire,
            Err(why) => {
                skip(&format!("a long wire: {why}"));
                return None;
            }
        };
        let address = SocketAddr::from((Wire::SERVER, 7777));
        let listener = wire.on_server(|| listener(address, &limits));
        let mut rig = Rig::hosting_on::<Bouncer>(limits, listener);
        // The connect takes a round trip, in which the server has nothing to do.
        let player = wire.on_client(|| Player::connect(address));
        let player = rig.join_on(player, "eve");
        Some(Self { wire, rig, player })
    }
}

/// The player keeps sending at 60 Hz while it is thrown out: at any time half a dozen of its inputs
/// are on their way, and reach a server that has closed its side already.
#[test]
fn a_kicked_player_reads_the_whole_farewell_over_a_long_wire() {
    let Some(Scene { wire: _wire, mut rig, mut player }) = Scene::new(AT_ONCE) else { return };
    player.input(1, &[1]);
    let mut next_input = Instant::now();
    rig.turn_until("the player has heard the end", |_| {
        if player.end.is_none() && Instant::now() >= next_input {
            next_input += Duration::from_micros(16_667);
            player.try_input(2, &[0]);
        }
        player.listen();
        player.end.is_some()
    });
    let speech: Vec<usize> = player.heard.iter().filter_map(event_bytes).collect();
    assert_eq!(speech, [LAST_WORDS_BYTES], "the last words, whole");
    assert_eq!(player.goodbye(), Some((GoodbyeReason::Kicked, "out")));
    assert_eq!(player.end, Some(End::Eof));
    assert_eq!(rig.left(LeaveReason::Kicked, LeavePath::App), 1);
    rig.turn_until("the connection is closed", |rig| rig.event_loop.hub().connections() == 0);
}

fn event_bytes(heard: &Heard) -> Option<usize> {
    match heard {
        Heard::Event(body) => {
            codec::decode_from_server::<Vec<u8>>(body).ok().map(|body| body.len())
        }
        _ => None,
    }
}

/// The control: the same farewell and the same client, and a server that just closes. If this wire
/// did not lose the end of it, the test above would prove nothing.
#[test]
fn a_plain_close_would_have_cut_the_farewell_short() {
    let Ok(wire) = Wire::lay(ONE_WAY) else { return skip("a long wire") };
    let address = SocketAddr::from((Wire::SERVER, 7777));
    let server = wire.on_server(|| TcpListener::bind(address).expect("a free port"));
    let mut client = wire.on_client(|| TcpStream::connect(address).expect("it listens"));
    let (peer, _) = server.accept().expect("it has connected");
    client.set_nonblocking(true).expect("a fresh socket takes any option");
    let (started, mut next_input) = (Instant::now(), Instant::now());
    let (mut received, mut peer) = (0, Some(peer));
    let end = loop {
        assert!(started.elapsed() < PATIENCE, "it never ends");
        if Instant::now() >= next_input {
            next_input += Duration::from_micros(16_667);
            // Once the reset has come this fails, and reading says so as well.
            let _ = send(client.as_fd(), &[1], SendFlags::NOSIGNAL);
        }
        if started.elapsed() > 4 * ONE_WAY
            && let Some(mut peer) = peer.take()
        {
            peer.write_all(&[7; LAST_WORDS_BYTES]).expect("it fits into the send buffer");
            // It is closed here, with unread input: the kernel sends a reset.
        }
        match client.read(&mut [0; 65_536]) {
            Ok(0) => break None,
            Ok(count) => received += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => break Some(error.kind()),
        }
    };
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    assert!(received < LAST_WORDS_BYTES, "{received} bytes of the farewell arrived");
}

/// Between the peer's close and the news of it every write succeeds: a write that went well proves
/// nothing. The first news is what counts, and it counts once.
#[test]
fn writes_into_a_connection_that_is_closed_at_the_other_end_succeed_for_a_while() {
    let Some(Scene { wire: _wire, mut rig, player }) = Scene::new(AT_ONCE) else { return };
    rig.turn_ticks(5);
    let before = rig.event_loop.net().sends.len();
    player.leave_by_fin();
    rig.turn_until("the leave is counted", |rig| rig.left_in_all() > 0);
    let sends = &rig.event_loop.net().sends[before..];
    let taken = sends.iter().filter(|send| matches!(send, Send::Bytes(_))).count();
    assert!(taken >= 1, "written after the close, before the news: {sends:?}");
    assert!(!sends.iter().any(|send| matches!(send, Send::Failed(_))), "and none failed");
    assert_eq!(rig.left(LeaveReason::Fin, LeavePath::Event), 1);
}

/// The network fails for two seconds and recovers. Nobody is thrown out; the others see that the
/// player is stalled, and later that it is here again.
#[test]
fn two_seconds_of_blackout_cost_nothing() {
    let limits = Limits { stalled_after_ms: 1_500, ..Limits::DEFAULT };
    let Some(Scene { wire, mut rig, mut player }) = Scene::new(limits) else { return };
    let mut innocent = rig.join("ada");
    let lost_id = player.id.expect("welcome");
    wire.cut(true);
    let heals_at = Instant::now() + Duration::from_secs(2);
    rig.turn_until("the network is back", |_| {
        innocent.answer_pings();
        player.answer_pings();
        Instant::now() >= heals_at
    });
    wire.cut(false);
    let ticks_before = player.ticks().len();
    rig.turn_until("the player is back", |_| {
        innocent.answer_pings();
        player.answer_pings();
        innocent.presences().last() == Some(&(lost_id, Presence::Here))
            && player.ticks().len() > ticks_before + 5
    });
    let seen = [(lost_id, Presence::Stalled), (lost_id, Presence::Here)];
    assert_eq!(innocent.presences(), seen);
    assert_eq!((rig.left_in_all(), player.end), (0, None));
    let ticks = innocent.ticks();
    assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
    assert_eq!(rig.event_loop.hub().metrics().silences.count(), 1);
}

/// The network fails for good, without a word: only silence tells.
#[test]
fn who_vanishes_without_a_word_is_found_by_its_silence() {
    let limits = Limits { ping_after_ms: 300, heartbeat_timeout_ms: 1_200, ..AT_ONCE };
    let Some(Scene { wire, mut rig, player }) = Scene::new(limits) else { return };
    let mut innocent = rig.join("ada");
    wire.cut(true);
    rig.turn_until("the leave is counted", |rig| {
        innocent.answer_pings();
        rig.left_in_all() > 0
    });
    assert_eq!(rig.left(LeaveReason::Heartbeat, LeavePath::Timer), 1);
    rig.turn_ticks(2);
    innocent.listen();
    let gone: Vec<_> = innocent.departures().into_iter().flatten().collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].cause, LeaveCause::TimedOut);
    let ticks = innocent.ticks();
    assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
    drop(player);
}
