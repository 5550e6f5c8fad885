//! What must hold for any bytes whatever: the targets of the fuzzers.
//!
//! Each target is a function that takes bytes and panics if something is wrong. `tests/fuzz/` lets
//! a coverage-guided fuzzer choose the bytes, for as long as somebody likes; `it/fuzz.rs` draws
//! some in every test run.

use std::time::Duration;

use gamekeeper::{
    admin::http::{Exchange, Request, Response},
    hub::{Hub, Input},
    ids::PeerAddr,
    limits::Limits,
    time::Time,
    web::{
        head::HEAD_BYTES_MAX,
        request::{Asked, Head, OriginPolicy, next_asked},
        websocket::{CONTROL_BYTES_MAX, Decoder, Fault, Incoming},
    },
};
use gamekeeper_bot::{clock::Moment, connection::Connection};
use gamekeeper_protocol::{
    ClientMessage, Hello, Resume, ServerMessage, Ticket,
    frame::{FrameDecoder, FrameError},
    limits::{CLIENT_FRAME_BYTES_MAX, FRAME_HEADER_BYTES, SERVER_FRAME_BYTES_MAX},
};

use crate::{
    rig::{lobby, turn_alone},
    sim::{self, Plan, clients::Kind},
};

/// Looks at some bytes, and panics if something is wrong.
pub type Target = fn(&[u8]);

/// All targets, by the names of their programs in `tests/fuzz/`.
pub const TARGETS: [(&str, Target); 9] = [
    ("frames", frames),
    ("client_message", client_message),
    ("server_message", server_message),
    ("client", client),
    ("hello", hello),
    ("admin_http", admin_http),
    ("request", request),
    ("websocket", websocket),
    ("server", server),
];

/// The first byte says how the others are cut: into pieces of 1 to 16 bytes, in turn.
fn cut(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (how, stream) = bytes.split_first().map_or((0, bytes), |(how, rest)| (*how, rest));
    let sizes = [1 + usize::from(how & 0xf), 1 + usize::from(how >> 4)];
    let mut pieces = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(sizes[pieces.len() % 2].min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    (pieces, stream)
}

/// However a stream is cut, it has the same frames and the same end.
pub fn frames(bytes: &[u8]) {
    const LIMIT_BYTES: usize = 48;
    let drain = |pieces: &[&[u8]]| {
        let mut decoder = FrameDecoder::new(LIMIT_BYTES);
        let mut frames: Vec<Vec<u8>> = Vec::new();
        for mut piece in pieces.iter().copied() {
            loop {
                match decoder.next_frame(&mut piece) {
                    Ok(Some(frame)) => frames.push(frame.to_vec()),
                    Ok(None) => break,
                    Err(error) => return (frames, false, Some(error)),
                }
                assert!(decoder.buffered_bytes() <= FRAME_HEADER_BYTES + LIMIT_BYTES);
            }
            assert!(piece.is_empty(), "all was taken");
        }
        (frames, decoder.is_mid_frame(), None::<FrameError>)
    };
    let (pieces, stream) = cut(bytes);
    let (frames, is_mid_frame, error) = drain(&pieces);
    assert_eq!(drain(&[stream]), (frames.clone(), is_mid_frame, error));
    let mut rest = stream;
    for frame in &frames {
        assert!(!frame.is_empty() && frame.len() <= LIMIT_BYTES);
        let (header, body) = rest.split_at(FRAME_HEADER_BYTES);
        assert_eq!(header, u32::try_from(frame.len()).expect("short").to_le_bytes());
        assert_eq!(&body[..frame.len()], &frame[..]);
        rest = &body[frame.len()..];
    }
    assert!(error.is_some() || is_mid_frame != rest.is_empty(), "nothing is left over");
}

/// What a server understands means the same when it is written down again, which never takes more
/// bytes: numbers may be longer than they need to be, and nothing else.
pub fn client_message(bytes: &[u8]) {
    let Ok(message) = ClientMessage::decode(bytes) else { return };
    let mut frame = Vec::new();
    if message.encode(&mut frame).is_ok() {
        let again = &frame[FRAME_HEADER_BYTES..];
        assert_eq!(ClientMessage::decode(again).as_ref(), Ok(&message));
        assert!(again.len() <= bytes.len(), "{message:?}");
    } else {
        assert!(bytes.len() > CLIENT_FRAME_BYTES_MAX);
    }
}

/// The same for what a client understands.
pub fn server_message(bytes: &[u8]) {
    let Ok(message) = ServerMessage::decode(bytes) else { return };
    let mut frame = Vec::new();
    if message.encode(&mut frame).is_ok() {
        let again = &frame[FRAME_HEADER_BYTES..];
        assert_eq!(ServerMessage::decode(again).as_ref(), Ok(&message));
        assert!(again.len() <= bytes.len(), "{message:?}");
    } else {
        assert!(bytes.len() > SERVER_FRAME_BYTES_MAX);
    }
}

/// Whatever a server sends, the client that is shipped survives it, and hears the same however it
/// is cut.
pub fn client(bytes: &[u8]) {
    let hear = |pieces: &[&[u8]]| {
        let mut connection = Connection::new("arena", "ada", Moment(0)).expect("short names");
        let mut heard = Vec::new();
        for piece in pieces {
            connection.handle_bytes(piece, Moment(1), |event| heard.push(format!("{event:?}")));
        }
        (heard, connection.ended().map(ToString::to_string))
    };
    let (pieces, stream) = cut(bytes);
    assert_eq!(hear(&pieces), hear(&[stream]));
}

/// Whatever a stranger says first, it gets a seat or has to go, and the server stays in order. Odd
/// bytes are what it says; even ones what its hello contains.
pub fn hello(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let mut stream = Vec::new();
    if how & 1 == 0 {
        let (game, name) = bytes.split_at(bytes.len().min(usize::from(how >> 2)));
        let [game, name] = [game, name].map(|text| String::from_utf8_lossy(text).into_owned());
        let game = if how & 2 == 0 { "arena" } else { &game };
        let mut ticket = [0; 32];
        for (to, from) in ticket.iter_mut().zip(bytes) {
            *to = *from;
        }
        let events_seen = 0;
        let resume = (how & 0x40 > 0).then_some(Resume { ticket: Ticket(ticket), events_seen });
        let hello = Hello { resume, ..Hello::new(game, &name) };
        if ClientMessage::Hello(hello).encode(&mut stream).is_err() {
            return;
        }
    } else {
        stream.extend(bytes);
    }
    let limits = Limits { linger_ms: 100, ..Limits::DEFAULT };
    let mut now = Time::from_nanos(1_000_000_000);
    let mut hub = Hub::new(limits.clone(), "arena".to_owned(), lobby(&limits, 4), now);
    let id = hub.admit(PeerAddr::Unknown, now).expect("no address is counted");
    while hub.resume(id, now) {}
    hub.handle(Input::Bytes { from: id, bytes: &stream }, now);
    let wait = Duration::from_millis(limits.hello_timeout_ms + limits.frame_timeout_ms);
    for pass in [Duration::ZERO, Duration::ZERO, wait, wait, Duration::ZERO] {
        now = now + pass;
        turn_alone(&mut hub, now, |_, _| {});
        hub.check_invariants(now);
        assert!(hub.ledger_balances());
    }
    let rooms = hub.lobby().rooms().len();
    assert!(rooms <= usize::from(hub.population().playing + hub.population().away > 0));
}

/// Whatever an operator's tool sends, it is a request or is refused, and is answered once, the same
/// however it is cut.
pub fn admin_http(bytes: &[u8]) {
    let ask = |pieces: &[&[u8]]| {
        let mut exchange = Exchange::new();
        let mut asked: Vec<Request> = Vec::new();
        for piece in pieces {
            exchange.handle_bytes(piece);
            if exchange.has_request() {
                exchange.answer(|request| {
                    asked.push(request.clone());
                    Response::text(200, "well\n")
                });
            }
        }
        let mut answer = Vec::new();
        while !exchange.unsent().is_empty() {
            let some = exchange.unsent().len().min(7);
            answer.extend_from_slice(&exchange.unsent()[..some]);
            exchange.advance(some);
        }
        assert_eq!(answer.is_empty(), !exchange.is_answered());
        assert!(asked.len() <= 1, "one request is answered");
        (asked, answer)
    };
    let (pieces, stream) = cut(bytes);
    let (asked, answer) = ask(&pieces);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{answer:?}");
    // What does not fit is refused for its length, wherever the first piece ended.
    if stream.len() <= HEAD_BYTES_MAX {
        assert_eq!(ask(&[stream]), (asked, answer));
    }
}

/// However a request is cut, it asks for the same, and what is behind its head is left alone.
pub fn request(bytes: &[u8]) {
    let ask = |pieces: &[&[u8]]| {
        let (mut head, policy) = (Head::new(), OriginPolicy::default());
        let mut taken_bytes = 0;
        let asked = pieces.iter().find_map(|piece| {
            let mut rest = *piece;
            let asked = next_asked(&mut head, &mut rest, &policy);
            assert!(asked.is_some() || rest.is_empty(), "all was taken");
            taken_bytes += piece.len() - rest.len();
            asked
        });
        assert!(head.buffered_bytes() <= 2 * HEAD_BYTES_MAX);
        (asked, taken_bytes)
    };
    let (pieces, stream) = cut(bytes);
    let ((asked, taken_bytes), (whole, whole_bytes)) = (ask(&pieces), ask(&[stream]));
    if stream.len() <= HEAD_BYTES_MAX {
        assert_eq!(asked, whole);
        // Of what is refused for its grammar, nobody asks how far it was read.
        assert!(matches!(asked, Some(Asked::Refused(_))) || taken_bytes == whole_bytes);
    }
}

/// However a stream of WebSocket is cut, it says the same and ends in the same way.
pub fn websocket(bytes: &[u8]) {
    const LIMIT_BYTES: usize = 48;
    let drain = |pieces: &[&[u8]]| {
        let mut decoder = Decoder::new(LIMIT_BYTES);
        let mut told: Vec<String> = Vec::new();
        for mut piece in pieces.iter().copied() {
            loop {
                match decoder.next(&mut piece) {
                    Ok(Some(Incoming::Message(bytes))) => {
                        assert!(!bytes.is_empty() && bytes.len() <= LIMIT_BYTES);
                        told.push(format!("message {bytes:?}"));
                    }
                    Ok(Some(Incoming::Ping(bytes))) => told.push(format!("ping {bytes:?}")),
                    Ok(Some(incoming)) => told.push(format!("{incoming:?}")),
                    Ok(None) => break,
                    Err(fault) => return (told, false, Some(fault)),
                }
                assert!(decoder.buffered_bytes() <= LIMIT_BYTES + CONTROL_BYTES_MAX);
            }
            assert!(piece.is_empty(), "all was taken");
        }
        (told, decoder.is_mid_frame(), None::<Fault>)
    };
    let (pieces, stream) = cut(bytes);
    assert_eq!(drain(&pieces), drain(&[stream]));
}

/// Whatever is decided in a world, everything holds that must hold in it: the bytes are the
/// decisions, of the network, of the clients and of the clock.
pub fn server(bytes: &[u8]) {
    let report = sim::run(&plan(bytes));
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

/// The world that these bytes decide.
pub fn plan(bytes: &[u8]) -> Plan {
    let mut plan = Plan { bytes: Some(bytes.into()), ..Plan::of(0, 150) };
    // For a fuzzer every panic is a finding, that of a game included.
    plan.kinds.retain(|kind| *kind != Kind::Bomber);
    plan
}
