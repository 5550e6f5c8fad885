//! The value of every named example in `docs/protocol.md`.

use std::fmt::Debug;

use gamekeeper_protocol::{
    ClientMessage, Departed, GoodbyeReason, Hello, InputSequence, LeaveCause, Member, PlayerId,
    Presence, PresenceChange, Resume, ResumeOffer, RoomId, ServerMessage, Tick, Ticket, Welcome,
    codec,
    codec::Bytes,
    games::{arena, benchmark, noughts},
    limits::FRAME_HEADER_BYTES,
};
use serde::{Deserialize, Serialize};

/// One example: its name in the document, and its value as this crate sees it.
pub(crate) struct Vector {
    /// The name after `hex name=`.
    pub(crate) name: &'static str,
    /// What the code makes of the value.
    pub(crate) encoded: Vec<u8>,
    /// Whether bytes decode to the value.
    pub(crate) decodes: Check,
}

/// Whether bytes are what they should be.
pub(crate) type Check = Box<dyn Fn(&[u8]) -> bool>;

/// Every example that the document must have.
pub(crate) fn all() -> Vec<Vector> {
    let mut vectors = client_messages();
    vectors.extend(server_messages());
    vectors.extend(goodbyes());
    vectors.extend(leave_causes());
    vectors.extend(arena_bodies());
    vectors.extend(noughts_bodies());
    vectors.push(benchmark_body());
    vectors
}

/// The arena snapshot that the examples share.
pub(crate) fn arena_snapshot() -> arena::Snapshot {
    let ada = arena::Player {
        player: PlayerId(1),
        x: 2_000,
        y: 1_999,
        aim: 64,
        health: 100,
        respawn_ticks: 0,
        score: 3,
        last_input: InputSequence(7),
    };
    let bob = arena::Player {
        player: PlayerId(2),
        x: 60,
        y: 3_940,
        aim: 128,
        health: 0,
        respawn_ticks: 30,
        score: 0,
        last_input: InputSequence(300),
    };
    let shot = arena::Shot { owner: PlayerId(1), x: 2_000, y: 2_039, direction: 64 };
    arena::Snapshot { players: vec![ada, bob], shots: vec![shot] }
}

fn client_messages() -> Vec<Vector> {
    let input = arena::Input { move_x: 127, move_y: -127, aim: 64, fire: true };
    let body = Bytes(leaked(&input));
    vec![
        client("client.hello", ClientMessage::Hello(Hello::new("arena", "ada"))),
        client("client.hello.default-game", ClientMessage::Hello(Hello::new("", "Zoë"))),
        client(
            "client.hello.version-300",
            ClientMessage::Hello(Hello { version: 300, ..Hello::new("arena", "ada") }),
        ),
        client(
            "client.hello.resume",
            ClientMessage::Hello(Hello::resuming(Resume { ticket: ticket(), events_seen: 300 })),
        ),
        client("client.input", ClientMessage::Input { sequence: InputSequence(7), body }),
        client("client.ping", ClientMessage::Ping { nonce: 1 }),
        client("client.pong", ClientMessage::Pong { nonce: 0xdead_beef }),
        client("client.goodbye", ClientMessage::Goodbye),
    ]
}

fn server_messages() -> Vec<Vector> {
    let ada = Member { player: PlayerId(1), name: "ada", presence: Presence::Away };
    let bob = Member { player: PlayerId(2), name: "bob", presence: Presence::Here };
    let welcome = Welcome {
        player: PlayerId(2),
        room: RoomId(1),
        tick: Tick(300),
        tick_hz: 20,
        seats: 16,
        game: "arena",
        members: vec![ada, bob],
        events_before: 0,
        resume: Some(ResumeOffer { ticket: ticket(), window_ms: 30_000 }),
    };
    let alone = Welcome { tick: Tick(9), members: vec![bob], resume: None, ..welcome.clone() };
    let presences = [Presence::Here, Presence::Stalled, Presence::Away];
    let changed = (3..)
        .zip(presences)
        .map(|(number, presence)| PresenceChange { player: PlayerId(number), presence });
    let down = arena::Event::Down { by: PlayerId(1), player: PlayerId(2) };
    let left = Departed { player: PlayerId(1), cause: LeaveCause::Disconnected };
    vec![
        server("server.welcome", ServerMessage::Welcome(welcome)),
        server("server.welcome.no-resume", ServerMessage::Welcome(alone)),
        server(
            "server.snapshot",
            ServerMessage::Snapshot { tick: Tick(301), body: Bytes(leaked(&arena_snapshot())) },
        ),
        server(
            "server.event",
            ServerMessage::Event { tick: Tick(302), body: Bytes(leaked(&down)) },
        ),
        server(
            "server.members.joined",
            ServerMessage::Members {
                tick: Tick(300),
                joined: vec![bob],
                left: vec![],
                changed: vec![],
            },
        ),
        server(
            "server.members.left",
            ServerMessage::Members {
                tick: Tick(65_536),
                joined: vec![],
                left: vec![left],
                changed: vec![],
            },
        ),
        server(
            "server.members.changed",
            ServerMessage::Members {
                tick: Tick(301),
                joined: vec![],
                left: vec![],
                changed: changed.collect(),
            },
        ),
        server("server.ping", ServerMessage::Ping { nonce: 250 }),
        server("server.pong", ServerMessage::Pong { nonce: 251 }),
    ]
}

fn goodbyes() -> Vec<Vector> {
    let goodbye = |name, reason, text| server(name, ServerMessage::Goodbye { reason, text });
    vec![
        goodbye(
            "server.goodbye.version-unsupported",
            GoodbyeReason::VersionUnsupported { server: 1 },
            "use version 1",
        ),
        goodbye("server.goodbye.unknown-game", GoodbyeReason::UnknownGame, "no game chess"),
        goodbye("server.goodbye.bad-name", GoodbyeReason::BadName, ""),
        goodbye("server.goodbye.full", GoodbyeReason::Full, ""),
        goodbye("server.goodbye.hello-timeout", GoodbyeReason::HelloTimeout, ""),
        goodbye("server.goodbye.frame-timeout", GoodbyeReason::FrameTimeout, ""),
        goodbye("server.goodbye.oversize", GoodbyeReason::Oversize, ""),
        goodbye("server.goodbye.protocol", GoodbyeReason::Protocol, ""),
        goodbye("server.goodbye.kicked", GoodbyeReason::Kicked, ""),
        goodbye("server.goodbye.shutdown", GoodbyeReason::Shutdown, "back soon"),
        goodbye("server.goodbye.internal", GoodbyeReason::Internal, ""),
        goodbye("server.goodbye.room-failed", GoodbyeReason::RoomFailed, ""),
        goodbye("server.goodbye.flood", GoodbyeReason::Flood, ""),
        goodbye("server.goodbye.replaced", GoodbyeReason::Replaced, ""),
        goodbye("server.goodbye.resume-refused", GoodbyeReason::ResumeRefused, ""),
    ]
}

/// Thirty-two different bytes.
fn ticket() -> Ticket {
    Ticket(std::array::from_fn(|index| 0xe0 + u8::try_from(index).expect("below 32")))
}

fn leave_causes() -> Vec<Vector> {
    vec![
        body("cause.goodbye", LeaveCause::Goodbye),
        body("cause.disconnected", LeaveCause::Disconnected),
        body("cause.timed-out", LeaveCause::TimedOut),
        body("cause.too-slow", LeaveCause::TooSlow),
        body("cause.misbehaved", LeaveCause::Misbehaved),
        body("cause.kicked", LeaveCause::Kicked),
        body("cause.closed", LeaveCause::Closed),
    ]
}

fn arena_bodies() -> Vec<Vector> {
    vec![
        body("arena.input", arena::Input { move_x: 127, move_y: -127, aim: 64, fire: true }),
        body("arena.input.rest", arena::Input::default()),
        body("arena.snapshot", arena_snapshot()),
        body("arena.snapshot.empty", arena::Snapshot::default()),
        body("arena.event.down", arena::Event::Down { by: PlayerId(1), player: PlayerId(2) }),
        body("arena.event.respawned", arena::Event::Respawned { player: PlayerId(2) }),
    ]
}

fn noughts_bodies() -> Vec<Vector> {
    let mut cells = [None; 9];
    cells[4] = Some(PlayerId(1));
    cells[8] = Some(PlayerId(300));
    vec![
        body("noughts.input", noughts::Input { cell: 4 }),
        body("noughts.snapshot", noughts::Snapshot { cells, turn: Some(PlayerId(1)) }),
        body("noughts.snapshot.empty", noughts::Snapshot::default()),
        body("noughts.event.refused", noughts::Event::Refused),
        body("noughts.event.won", noughts::Event::Won { player: PlayerId(1) }),
        body("noughts.event.drawn", noughts::Event::Drawn),
    ]
}

fn benchmark_body() -> Vector {
    let stamp = benchmark::Stamp { encoded_at_ns: 1_234_567_890_123, tick: Tick(20) };
    let mut encoded = stamp.to_bytes().to_vec();
    encoded.resize(16, 0);
    Vector {
        name: "benchmark.snapshot",
        encoded,
        decodes: Box::new(move |bytes| benchmark::Stamp::from_body(bytes) == Some(stamp)),
    }
}

/// A message with its frame header.
fn client(name: &'static str, message: ClientMessage<'static>) -> Vector {
    let mut encoded = Vec::new();
    message.encode(&mut encoded).expect("a short message encodes");
    let decodes = move |frame: &[u8]| {
        ClientMessage::decode(&frame[FRAME_HEADER_BYTES..]) == Ok(message.clone())
    };
    Vector { name, encoded, decodes: Box::new(decodes) }
}

/// A message with its frame header.
fn server(name: &'static str, message: ServerMessage<'static>) -> Vector {
    let mut encoded = Vec::new();
    message.encode(&mut encoded).expect("a short message encodes");
    let decodes = move |frame: &[u8]| {
        ServerMessage::decode(&frame[FRAME_HEADER_BYTES..]) == Ok(message.clone())
    };
    Vector { name, encoded, decodes: Box::new(decodes) }
}

/// A value inside a message: no header.
fn body<T>(name: &'static str, value: T) -> Vector
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + Debug + 'static,
{
    let mut encoded = Vec::new();
    codec::encode_value(&value, &mut encoded).expect("a plain value encodes");
    let decodes = move |bytes: &[u8]| codec::decode_from_server::<T>(bytes).as_ref() == Ok(&value);
    Vector { name, encoded, decodes: Box::new(decodes) }
}

/// The bytes of a value, for a message that lives as long as the test.
fn leaked<T: Serialize>(value: &T) -> &'static [u8] {
    let mut bytes = Vec::new();
    codec::encode_value(value, &mut bytes).expect("a plain value encodes");
    bytes.leak()
}
