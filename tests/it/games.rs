//! The shipped games over the wire, and the addresses that players can connect to.

use std::{
    collections::BTreeMap,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    time::Duration,
};

use gamekeeper::{
    Games,
    hub::{Hub, Input},
    ids::{ConnectionId, PeerAddr},
    limits::Limits,
    time::Time,
};

use gamekeeper_protocol::{
    ClientMessage, Hello, InputSequence, LeaveCause, codec,
    games::{arena, benchmark::Stamp, noughts},
};
use gamekeeper_tests::{
    player::{Heard, Player},
    program::ServerProgram,
    rig::{lobby, turn_alone},
    sim::dice::Luck,
};

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

fn welcome(mut player: Player, game: &str, name: &str) -> Player {
    player.hello(game, name);
    player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
    player
}

fn last_snapshot(player: &Player) -> Option<&[u8]> {
    player.heard.iter().rev().find_map(|heard| match heard {
        Heard::Snapshot(_, body) => Some(&body[..]),
        _ => None,
    })
}

#[test]
fn noughts_is_played_to_its_end() {
    let server = ServerProgram::start(SERVER, &["--resume-window-ms", "0"]);
    let mut ada = welcome(Player::connect(server.address), "noughts", "ada");
    let mut bob = welcome(Player::connect(server.address), "noughts", "bob");
    let board = |player: &Player| {
        codec::decode_from_server::<noughts::Snapshot>(last_snapshot(player)?).ok()
    };
    for (turn, cell) in [0u8, 3, 1, 4, 2].into_iter().enumerate() {
        let mover = if turn % 2 == 0 { &mut ada } else { &mut bob };
        let id = mover.id;
        mover.listen_until("it is their turn", |player| {
            board(player).is_some_and(|board| board.turn == id)
        });
        mover.input(1, &[cell]);
    }
    let ada_id = ada.id.expect("welcome");
    for player in [&mut ada, &mut bob] {
        player.listen_until("somebody won", |player| {
            player.heard.iter().any(|heard| {
                matches!(heard, Heard::Event(body)
                if codec::decode_from_server(body) == Ok(noughts::Event::Won { player: ada_id }))
            })
        });
    }
    drop(ada);
    bob.listen_until("ada is gone", |bob| !bob.departures().is_empty());
    assert_eq!(bob.departures()[0][0].cause, LeaveCause::Disconnected);
}

#[test]
fn arena_moves_whoever_wants_to_move() {
    let server = ServerProgram::start(SERVER, &["--seed", "1"]);
    let mut ada = welcome(Player::connect(server.address), "arena", "ada");
    let mut input = Vec::new();
    codec::encode_value(&arena::Input { move_x: 127, ..Default::default() }, &mut input)
        .expect("encodes");
    let place = |player: &Player| {
        let snapshot = codec::decode_from_server::<arena::Snapshot>(last_snapshot(player)?);
        Some(snapshot.expect("an arena").players[0])
    };
    ada.listen_until("there is a state", |ada| place(ada).is_some());
    ada.input(9, &input);
    let wall = arena::FIELD_SIZE - arena::PLAYER_RADIUS;
    ada.listen_until("ada is at the wall", |ada| {
        // Who does not answer is taken to be absent, and its avatar stops.
        ada.answer_pings();
        place(ada).is_some_and(|me| me.x == wall)
    });
    assert_eq!(place(&ada).expect("a state").last_input.0, 9);
}

#[test]
fn a_benchmark_state_has_exactly_the_chosen_size() {
    let server = ServerProgram::start(SERVER, &["--game", "benchmark", "--state-bytes", "2000"]);
    let mut bot = welcome(Player::connect(server.address), "", "bot");
    bot.listen_until("three states", |bot| bot.ticks().len() >= 3);
    for heard in &bot.heard {
        if let Heard::Snapshot(tick, body) = heard {
            assert_eq!(body.len(), 2000);
            let stamp = Stamp::from_body(body).expect("long enough");
            assert_eq!(stamp.tick.0, *tick);
            assert!(stamp.encoded_at_ns > 0);
        }
    }
}

#[test]
fn players_come_over_unix_sockets_and_ipv6_too() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("players.sock");
    let unix = format!("unix:{}", path.display());
    // A server that was killed leaves its socket file behind; the next one takes it over.
    for _ in 0..2 {
        let server = ServerProgram::start(SERVER, &["--listen", &unix, "--listen", "[::1]:0"]);
        let said = &server.program.said;
        assert!(said.contains(&format!("listening unix {}", path.display())), "{said:?}");
        assert!(said.iter().any(|line| line.starts_with("listening tcp [::1]:")), "{said:?}");
        let stream = UnixStream::connect(&path).expect("the server listens there");
        let player = Player::on(OwnedFd::from(stream).into());
        let mut player = welcome(player, "", "ada");
        player.listen_until("two states", |player| player.ticks().len() >= 2);
    }
}

/// What everybody is sent in some seconds of a game with these inputs, byte for byte.
fn play(game: &str, seed: u64) -> BTreeMap<ConnectionId, Vec<u8>> {
    let mut dice = Luck::new(seed, None).dice(0);
    let mut now = Time::from_nanos(1_000_000_000);
    let limits = Limits::DEFAULT;
    let mut hub = Hub::new(limits.clone(), game.to_owned(), lobby(&limits, 8), now);
    let mut sent: BTreeMap<ConnectionId, Vec<u8>> = BTreeMap::new();
    let mut players = Vec::new();
    for turn in 0..200_u32 {
        let mut frame = Vec::new();
        let from = if turn % 20 == 0 && players.len() < 8 {
            let id = hub.admit(PeerAddr::Unknown, now).expect("no address is counted");
            players.push(id);
            ClientMessage::Hello(Hello::new(game, "ada")).encode(&mut frame).expect("short");
            id
        } else {
            let body = match game {
                "noughts" => vec![u8::try_from(dice.between(0, 8)).expect("a cell")],
                _ => (0..4).map(|_| u8::try_from(dice.between(0, 1)).expect("a bit")).collect(),
            };
            let (sequence, body) = (InputSequence(turn), codec::Bytes(&body));
            ClientMessage::Input { sequence, body }.encode(&mut frame).expect("short");
            *dice.pick(&players)
        };
        hub.handle(Input::Bytes { from, bytes: &frame }, now);
        while hub.resume(from, now) {}
        now = now + Duration::from_millis(25);
        turn_alone(&mut hub, now, |id, bytes| sent.entry(id).or_default().extend(bytes));
    }
    assert_eq!(hub.metrics().left(), 0, "{game}: {:?}", hub.metrics().leaves);
    sent
}

/// Whatever happens in a game follows from its seed and its inputs: without that no fault that was
/// seen once could be looked for.
#[test]
fn the_same_inputs_give_the_same_states() {
    for game in Games::built_in().names() {
        let (one, again, other) = (play(game, 1), play(game, 1), play(game, 2));
        let bytes: usize = one.values().map(Vec::len).sum();
        assert!(bytes > 1_000, "{game}: only {bytes} bytes were sent");
        assert!(one == again, "{game}: the same inputs, and other states");
        // What the benchmark sends depends on nothing that its players do.
        assert!(game == "benchmark" || one != other, "{game}: the inputs do not matter");
    }
}
