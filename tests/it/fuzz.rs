//! The targets of the fuzzers with bytes drawn by chance, so that no test run is without them.
//!
//! A fuzzer that learns from what it reaches is in `tests/fuzz/`.

use gamekeeper_protocol::{ClientMessage, Hello, ServerMessage, codec::Bytes};
use gamekeeper_tests::fuzz::TARGETS;
use proptest::{prelude::*, test_runner::TestRunner};

/// Bytes that mean something: chance alone finds none of them.
fn seeds() -> Vec<Vec<u8>> {
    let mut client = Vec::new();
    ClientMessage::Hello(Hello::new("arena", "ada")).encode(&mut client).expect("short");
    let input = gamekeeper_protocol::InputSequence(1);
    let body = Bytes(&[0, 0, 0, 0]);
    ClientMessage::Input { sequence: input, body }.encode(&mut client).expect("short");
    ClientMessage::Goodbye.encode(&mut client).expect("short");
    let mut server = Vec::new();
    ServerMessage::Ping { nonce: 7 }.encode(&mut server).expect("short");
    let tick = gamekeeper_protocol::Tick(1);
    ServerMessage::Event { tick, body: Bytes(b"boom") }.encode(&mut server).expect("short");
    let http = b"GET /api/stats?x=1 HTTP/1.1\r\nHost: gamekeeper\r\nAccept: */*\r\n\r\n".to_vec();
    let upgrade = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // A message in two fragments with a ping between them, a close; the masks are zero.
    let frames = b"\x02\x82\0\0\0\0ab\x89\x81\0\0\0\0p\x80\x81\0\0\0\0c\x88\x82\0\0\0\0\x03\xe8";
    vec![client, server, http, upgrade.to_vec(), frames.to_vec()]
}

/// Bytes of any kind; or such as mean something, with some of them changed and others added.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = prop::collection::vec(any::<u8>(), 0..400);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let tail = prop::collection::vec(any::<u8>(), 0..40);
    let changed = (prop::sample::select(seeds()), any::<u8>(), 0usize..8, changes, tail).prop_map(
        |(seed, how, skip, changes, tail)| {
            // With the byte that says how to cut it, and with or without the frame's header.
            let mut bytes = seed;
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.extend(tail);
            match skip {
                0 => bytes.split_off(4),
                _ => [vec![how], bytes].concat(),
            }
        },
    );
    prop_oneof![any_bytes, changed]
}

fn check(name: &str, cases: u32) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let outcome = TestRunner::new(config).run(&bytes(), |bytes| {
        target(&bytes);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{name}: {failure}"));
}

#[test]
fn frames_are_the_same_however_they_are_cut() {
    check("frames", 3_000);
}

#[test]
fn messages_of_clients_mean_the_same_when_written_again() {
    check("client_message", 3_000);
}

#[test]
fn messages_of_servers_mean_the_same_when_written_again() {
    check("server_message", 3_000);
}

#[test]
fn the_client_survives_any_server() {
    check("client", 2_000);
}

#[test]
fn any_stranger_gets_a_seat_or_goes() {
    check("hello", 1_000);
}

#[test]
fn any_request_is_answered_once() {
    check("admin_http", 2_000);
}

#[test]
fn any_request_of_a_browser_is_the_same_however_it_is_cut() {
    check("request", 2_000);
}

#[test]
fn websockets_are_the_same_however_they_are_cut() {
    check("websocket", 3_000);
}

#[test]
fn any_decisions_make_a_world_in_order() {
    check("server", 100);
}

/// Each target has its program, so that none is forgotten.
#[test]
fn every_target_is_fuzzed() {
    for (name, _) in TARGETS {
        let program = format!("fuzz/fuzz_targets/{name}.rs");
        let text = std::fs::read_to_string(&program).unwrap_or_else(|_| panic!("no {program}"));
        assert!(text.contains(&format!("fuzz::{name}(bytes)")), "{program}");
    }
    let programs = std::fs::read_dir("fuzz/fuzz_targets").expect("the programs").count();
    assert_eq!(programs, TARGETS.len());
}
