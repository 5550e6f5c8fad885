//! Games with bugs: each hurts its own room and nothing else.

use std::{collections::BTreeSet, sync::mpsc::channel, thread};

use gamekeeper::{
    Audience, Game, Games, LeaveCause, Outbox, PlayerId, PlayerInput, Setup, Tick,
    config::{Config, ListenAddr},
    server::{Server, StopHandle},
    shell::Flow,
};
use gamekeeper_protocol::GoodbyeReason;
use gamekeeper_tests::player::{End, Player};
use serde::{Deserialize, Deserializer};

/// A game that panics or makes a state that no frame can hold, as its players ask for; and that
/// panics if it ever sees an input of somebody who has not joined.
struct Fragile {
    players: BTreeSet<PlayerId>,
    state: Vec<u8>,
}

impl Game for Fragile {
    const NAME: &'static str = "fragile";
    const SEATS_MAX: u16 = 2;
    type Input = Wish;
    type Snapshot = Vec<u8>;
    type Event = ();

    fn new(_setup: Setup) -> Self {
        Self { players: BTreeSet::new(), state: vec![0; 8] }
    }

    fn joined(&mut self, player: PlayerId, _name: &str, _out: &mut Outbox<()>) {
        assert!(self.players.insert(player), "joins once");
    }

    fn left(&mut self, player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<()>) {
        assert!(self.players.remove(&player), "leaves once, after it joined");
    }

    fn step(&mut self, _tick: Tick, inputs: &[PlayerInput<Wish>], out: &mut Outbox<()>) {
        for PlayerInput { player, input, .. } in inputs {
            assert!(self.players.contains(player), "an input of a stranger");
            match input.0 {
                1 => panic!("a bug in the rules"),
                2 => self.state = vec![0; 300_000],
                5 => self.state = vec![0; 2_000_000],
                3 => out.kick(*player, "you asked for it"),
                _ => {}
            }
        }
    }

    fn snapshot(&self, _audience: Audience) -> Vec<u8> {
        self.state.clone()
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(self.state.len() < 1_000_000, "a bug in the clean-up");
    }
}

/// What a player wants; some wishes break the code that reads them.
struct Wish(u8);

impl<'de> Deserialize<'de> for Wish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wish = u8::deserialize(deserializer)?;
        assert!(wish != 4, "a bug in the decoding");
        Ok(Self(wish))
    }
}

/// A game that cannot even begin.
struct Stillborn;

impl Game for Stillborn {
    const NAME: &'static str = "stillborn";
    type Input = ();
    type Snapshot = ();
    type Event = ();

    fn new(_setup: Setup) -> Self {
        panic!("a bug in the beginning");
    }

    fn joined(&mut self, _player: PlayerId, _name: &str, _out: &mut Outbox<()>) {}

    fn left(&mut self, _player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<()>) {}

    fn step(&mut self, _tick: Tick, _inputs: &[PlayerInput<()>], _out: &mut Outbox<()>) {}

    fn snapshot(&self, _audience: Audience) {}
}

/// A server inside this process, as a game developer would embed it.
struct Embedded {
    address: std::net::SocketAddr,
    stop: StopHandle,
    running: Option<thread::JoinHandle<Flow>>,
}

impl Embedded {
    fn start() -> Self {
        let listen = vec![ListenAddr::Tcp(([127, 0, 0, 1], 0).into())];
        let config = Config { listen, admin: None, ..Config::default() };
        let (bound, binding) = channel();
        let running = thread::spawn(move || {
            let server =
                Server::bind(&config, Games::none().with::<Fragile>().with::<Stillborn>(), false);
            let server = server.expect("fragile comes first");
            let ListenAddr::Tcp(address) = server.addresses().listen[0] else {
                unreachable!("a TCP address was asked for")
            };
            bound.send((address, server.stop_handle())).expect("the test waits for it");
            server.run().expect("the poll works")
        });
        let (address, stop) = binding.recv().expect("the server starts");
        Self { address, stop, running: Some(running) }
    }

    fn join(&self, name: &str) -> Player {
        let mut player = Player::connect(self.address);
        player.hello("", name);
        player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
        player
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop.stop().expect("the server can be woken");
        let running = self.running.take().expect("dropped once");
        let ended = running.join();
        // A second panic would abort the whole test binary and hide the first one.
        if !thread::panicking() {
            assert_eq!(ended.expect("the server did not panic"), Flow::Stopped);
        }
    }
}

/// Two rooms; what one player of the first does closes that room, and the second plays on.
#[track_caller]
fn only_that_room_fails(input: u8) {
    let server = Embedded::start();
    let mut room = [server.join("ada"), server.join("bob")];
    let mut other_room = server.join("eve");
    room[0].input(1, &[input]);
    for player in &mut room {
        player.listen_until("the end", |player| player.end.is_some());
        let (reason, text) = player.goodbye().expect("the last frame is a goodbye");
        assert_eq!(reason, GoodbyeReason::RoomFailed);
        assert!(text.contains("join again"), "{text}");
        assert_eq!(player.end, Some(End::Eof));
    }
    let ticks = other_room.ticks().len();
    other_room.listen_until("the other room plays on", |eve| eve.ticks().len() > ticks + 3);
    assert_eq!(other_room.end, None);
    let mut again = server.join("ada");
    again.listen_until("there is a game again", |player| player.ticks().len() > 3);
}

#[test]
fn a_panic_ends_its_room_and_no_other() {
    only_that_room_fails(1);
}

#[test]
fn a_state_that_no_frame_can_hold_ends_its_room_and_no_other() {
    only_that_room_fails(2);
}

#[test]
fn a_panic_while_an_input_is_read_ends_its_room_and_no_other() {
    only_that_room_fails(4);
}

#[test]
fn a_panic_while_the_game_is_dropped_hurts_nobody() {
    only_that_room_fails(5);
}

#[test]
fn a_game_that_cannot_begin_says_so_and_hurts_nobody() {
    let server = Embedded::start();
    let mut ada = server.join("ada");
    let mut bob = Player::connect(server.address);
    bob.hello("stillborn", "bob");
    bob.listen_until("the end", |player| player.end.is_some());
    assert_eq!(bob.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::RoomFailed));
    let ticks = ada.ticks().len();
    ada.listen_until("the game goes on", |ada| ada.ticks().len() > ticks + 3);
}

#[test]
fn a_kick_tells_the_player_why() {
    let server = Embedded::start();
    let mut ada = server.join("ada");
    let mut bob = server.join("bob");
    bob.input(1, &[3]);
    bob.listen_until("the end", |player| player.end.is_some());
    assert_eq!(bob.goodbye(), Some((GoodbyeReason::Kicked, "you asked for it")));
    ada.listen_until("ada hears of it", |ada| !ada.departures().is_empty());
    assert_eq!(ada.departures()[0][0].cause, LeaveCause::Kicked);
}

/// Whoever says hello, acts and hangs up between two ticks was never there.
#[test]
fn an_input_of_a_player_that_never_joined_does_not_reach_the_game() {
    let server = Embedded::start();
    let mut witness = server.join("ada");
    for _ in 0..20 {
        let mut hasty = Player::connect(server.address);
        hasty.hello("", "hasty");
        hasty.input(1, &[0]);
        hasty.leave_by_fin();
    }
    let ticks = witness.ticks().len();
    witness.listen_until("the game goes on", |ada| ada.ticks().len() > ticks + 3);
    assert_eq!(witness.end, None);
}
