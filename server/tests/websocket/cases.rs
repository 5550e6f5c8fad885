//! The cases that matter of the protocol, by the sections in which the Autobahn test suite has
//! them: framing, pings, reserved bits, opcodes, fragmentation, closing.

use gamekeeper::web::websocket::Fault;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::reading::{BINARY, CLOSE, CONTINUE, Ours, PING, PONG, Told, frame};

const MASK: [u8; 4] = [0xa1, 0xb2, 0xc3, 0xd4];

fn one(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    frame(opcode, true, MASK, payload)
}

fn part(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    frame(opcode, false, MASK, payload)
}

fn message(bytes: &[u8]) -> Told {
    Told::Message(bytes.to_vec())
}

/// Reads the frames in one piece and byte by byte, and expects the same of both.
#[track_caller]
fn expect(limit_bytes: usize, frames: &[Vec<u8>], told: &[Told], fault: Option<Fault>) {
    let stream = frames.concat();
    let (found, found_fault) = Ours::new(limit_bytes).read(&stream);
    assert_eq!(found_fault, fault);
    assert!(found == told, "something else was told");
    let mut ours = Ours::new(limit_bytes);
    let (mut found, mut found_fault) = (Vec::new(), None);
    for byte in stream.chunks(1) {
        let (some, fault) = ours.read(byte);
        found.extend(some);
        found_fault = found_fault.or(fault);
    }
    assert_eq!(found_fault, fault, "byte by byte");
    assert!(found == told, "something else was told byte by byte");
}

#[test]
fn section_1_framing() {
    let limit_bytes = 65_536;
    for bytes in [1, 125, 126, 127, 128, 65_535, 65_536] {
        let payload = vec![0xfe; bytes];
        let frames = [one(BINARY, &payload)];
        expect(limit_bytes, &frames, &[message(&payload)], None);
        expect(bytes, &frames, &[message(&payload)], None);
        let too_long = Fault::TooLong { announced_bytes: bytes as u64, limit_bytes: bytes - 1 };
        // Without a limit of at least one byte there is no message at all.
        expect(bytes - 1, &frames, &[], Some(too_long));
    }
    expect(limit_bytes, &[one(BINARY, b"")], &[], Some(Fault::Empty));
    let text = OpCode::Data(Data::Text);
    expect(limit_bytes, &[one(text, b"hello")], &[], Some(Fault::Text));
}

#[test]
fn section_2_pings_and_pongs() {
    for bytes in [0, 1, 125] {
        let payload = vec![0xfe; bytes];
        // The limit of messages is not one of controls.
        expect(8, &[one(PING, &payload)], &[Told::Ping(payload.clone())], None);
        expect(8, &[one(PONG, &payload)], &[Told::Pong], None);
    }
    for opcode in [PING, PONG, CLOSE] {
        expect(65_536, &[one(opcode, &[0xfe; 126])], &[], Some(Fault::LongControl));
    }
    let pings: Vec<_> = (0..10).map(|number| one(PING, &[number])).collect();
    let told: Vec<_> = (0..10).map(|number| Told::Ping(vec![number])).collect();
    expect(8, &pings, &told, None);
}

#[test]
fn section_3_reserved_bits() {
    let good = one(BINARY, b"a");
    for bits in 1..8u8 {
        for mut frame in [one(BINARY, b"b"), one(PING, b""), one(CLOSE, b"")] {
            frame[0] |= bits << 4;
            expect(8, &[good.clone(), frame], &[message(b"a")], Some(Fault::ReservedBits));
        }
    }
}

#[test]
fn section_4_opcodes() {
    let good = one(BINARY, b"a");
    for opcode in (3..8).chain(11..16) {
        let kind = match opcode {
            0..8 => OpCode::Data(Data::Reserved(opcode)),
            _ => OpCode::Control(Control::Reserved(opcode)),
        };
        for payload in [&b""[..], b"b"] {
            let fault = Some(Fault::UnknownOpcode { opcode });
            expect(8, &[good.clone(), one(kind, payload)], &[message(b"a")], fault);
        }
    }
}

#[test]
fn section_5_fragmentation() {
    let (ping, told_ping) = (one(PING, b"p"), Told::Ping(b"p".to_vec()));
    let (first, last) = (part(BINARY, b"ab"), one(CONTINUE, b"cd"));
    let whole = message(b"abcd");
    // 5.1 and 5.2: a control cannot be fragmented.
    expect(8, &[part(PING, b"a"), one(CONTINUE, b"b")], &[], Some(Fault::FragmentedControl));
    expect(8, &[part(PONG, b"a")], &[], Some(Fault::FragmentedControl));
    // 5.3 to 5.8: a message can, with controls between, in one chop or byte by byte.
    expect(8, &[first.clone(), last.clone()], std::slice::from_ref(&whole), None);
    let frames = [first.clone(), ping.clone(), last.clone()];
    expect(8, &frames, &[told_ping.clone(), whole.clone()], None);
    let frames = [first.clone(), one(PONG, b"x"), part(CONTINUE, b""), last.clone()];
    expect(8, &frames, &[Told::Pong, whole.clone()], None);
    // 5.9 to 5.14: nothing to continue, before any message and after one.
    expect(8, std::slice::from_ref(&last), &[], Some(Fault::LoneContinuation));
    expect(8, &[part(CONTINUE, b"")], &[], Some(Fault::LoneContinuation));
    let frames = [first.clone(), last.clone(), last.clone()];
    expect(8, &frames, std::slice::from_ref(&whole), Some(Fault::LoneContinuation));
    // 5.15 to 5.18: a message inside another.
    let frames = [first.clone(), one(BINARY, b"x")];
    expect(8, &frames, &[], Some(Fault::UnfinishedMessage));
    let frames = [first.clone(), part(BINARY, b"x")];
    expect(8, &frames, &[], Some(Fault::UnfinishedMessage));
    // 5.19 and 5.20: several fragments and pings in turn, and the next message after them.
    let middle = part(CONTINUE, b"-");
    let frames = [&first, &ping, &middle, &middle, &ping, &ping, &last, &one(BINARY, b"x")];
    let frames = frames.map(Clone::clone);
    let told = [&told_ping, &told_ping, &told_ping, &message(b"ab--cd"), &message(b"x")];
    expect(8, &frames, &told.map(Clone::clone), None);
    // The limit is one of the whole message, and an empty one is empty in any number of pieces.
    let too_long = Fault::TooLong { announced_bytes: 4, limit_bytes: 3 };
    expect(3, &[first, last], &[], Some(too_long));
    expect(8, &[part(BINARY, b""), one(CONTINUE, b"")], &[], Some(Fault::Empty));
    expect(8, &[part(BINARY, b""), one(CONTINUE, b"a")], &[message(b"a")], None);
}

#[test]
fn section_7_closing() {
    let close =
        |code: u16, text: &str| one(CLOSE, &[&code.to_be_bytes()[..], text.as_bytes()].concat());
    let told = |code, text: &str| Told::Close(code, text.to_owned());
    // 7.1: nothing counts after a close.
    for behind in [one(BINARY, b"a"), one(PING, b""), close(1000, ""), vec![0xff; 9]] {
        expect(8, &[close(1000, ""), behind], &[told(Some(1000), "")], None);
    }
    let frames = [part(BINARY, b"a"), close(1000, ""), one(CONTINUE, b"b")];
    expect(8, &frames, &[told(Some(1000), "")], None);
    // 7.3: payloads of a close.
    expect(8, &[one(CLOSE, b"")], &[told(None, "")], None);
    expect(8, &[one(CLOSE, b"a")], &[], Some(Fault::HalfCloseCode));
    expect(8, &[close(1000, "Hello World!")], &[told(Some(1000), "Hello World!")], None);
    let text = "*".repeat(123);
    expect(8, &[close(1000, &text)], &[told(Some(1000), &text)], None);
    expect(8, &[close(1000, &"*".repeat(124))], &[], Some(Fault::LongControl));
    // 7.5: text that is not UTF-8.
    let text = [&1000u16.to_be_bytes()[..], &[0xce, 0xba, 0xed, 0xa0, 0x80]].concat();
    expect(8, &[one(CLOSE, &text)], &[], Some(Fault::CloseText));
    // 7.7: codes that may be sent.
    let good = (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]);
    for code in good {
        expect(8, &[close(code, "x")], &[told(Some(code), "x")], None);
    }
    // 7.9 and 7.13: codes that may not.
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        expect(8, &[close(code, "x")], &[], Some(Fault::CloseCode { code }));
    }
}
