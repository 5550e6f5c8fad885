//! Conversations with a scripted client: bytes in, bytes and fates out.

use gamekeeper_protocol::{
    ClientMessage, GoodbyeReason, Hello, InputSequence, Resume, ServerMessage, Ticket,
    codec::Bytes, limits::SERVER_FRAME_BYTES_MAX,
};
use proptest::prelude::*;

use super::*;

const START: Moment = Moment(1_000_000_000_000);

const TERMS: Terms =
    Terms { seed: 1, after: Duration::from_millis(500), pace: Duration::from_millis(10) };

fn message(message: &ClientMessage<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).expect("encodes");
    bytes
}

fn hello() -> Vec<u8> {
    message(&ClientMessage::Hello(Hello::new("arena", "ada")))
}

fn begin(mode: Mode) -> Conversation {
    Conversation::new(mode, 1, TERMS, START)
}

/// A conversation in which the client has said hello.
fn greeted(mode: Mode) -> Conversation {
    let mut conversation = begin(mode);
    conversation.handle_bytes(&hello(), START);
    conversation
}

/// Takes everything that may be sent now.
fn take(conversation: &mut Conversation, now: Moment) -> Vec<u8> {
    let bytes = conversation.unsent(now).to_vec();
    conversation.advance(bytes.len(), now);
    bytes
}

/// Lets time pass until `end` and takes everything that is sent meanwhile, to a client that reads.
fn pass(conversation: &mut Conversation, from: Moment, end: Moment) -> Vec<u8> {
    let (mut sent, mut now) = (take(conversation, from), from);
    let mut turns = 0;
    while let Some(due) = conversation.next_timeout().filter(|due| *due <= end) {
        turns += 1;
        assert!(turns < 10_000, "it does not come to rest at {now:?}");
        now = now.max(due);
        conversation.handle_timeout(now);
        sent.extend(take(conversation, now));
    }
    sent
}

/// What a client makes of bytes: the kinds of messages, and what is wrong at the end.
fn kinds(mut bytes: &[u8]) -> Vec<&'static str> {
    let mut decoder = FrameDecoder::new(SERVER_FRAME_BYTES_MAX);
    let mut kinds = Vec::new();
    loop {
        let frame = match decoder.next_frame(&mut bytes) {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(_) => {
                kinds.push("unframed");
                return kinds;
            }
        };
        kinds.push(match ServerMessage::decode(frame) {
            Ok(ServerMessage::Welcome(_)) => "welcome",
            Ok(ServerMessage::Snapshot { .. }) => "snapshot",
            Ok(ServerMessage::Event { .. }) => "event",
            Ok(ServerMessage::Members { .. }) => "members",
            Ok(ServerMessage::Ping { .. }) => "ping",
            Ok(ServerMessage::Pong { .. }) => "pong",
            Ok(ServerMessage::Goodbye { .. }) => "goodbye",
            Err(_) => "nonsense",
        });
    }
    if decoder.is_mid_frame() {
        kinds.push("half");
    }
    kinds
}

/// What comes in answer to a hello at once, and what follows for the socket.
#[test]
fn every_mode_begins_as_it_says() {
    for mode in Mode::ALL {
        let mut conversation = greeted(mode);
        let answer = take(&mut conversation, START);
        let (expected, fate): (&[&str], Fate) = match mode {
            Mode::Reset | Mode::ResetAfterHello => (&[], Fate::Reset),
            Mode::CloseAfterAccept => (&[], Fate::Close),
            Mode::Silent => (&[], Fate::Open),
            Mode::Refuse => (&["goodbye"], Fate::Close),
            Mode::RefuseAndReset => (&["goodbye"], Fate::Reset),
            Mode::WrongVersion => (&["nonsense"], Fate::Close),
            Mode::Garbage | Mode::Huge | Mode::EmptyFrame => (&["unframed"], Fate::Open),
            Mode::HalfFrame | Mode::Slow => (&["half"], Fate::Open),
            Mode::CloseMidFrame => (&["half"], Fate::Close),
            Mode::UnknownMessage => (&["nonsense"], Fate::Open),
            // The first ping is due at once.
            Mode::NoWelcome => (&[], Fate::Open),
            Mode::NoTicks
            | Mode::StopsReading
            | Mode::ResetInGame
            | Mode::GoodbyeInGame
            | Mode::LongGoodbye
            | Mode::Crowd => (&["welcome"], Fate::Open),
        };
        assert_eq!((kinds(&answer).as_slice(), conversation.fate()), (expected, fate), "{mode}");
        assert_eq!(conversation.reads(), mode != Mode::StopsReading, "{mode}");
    }
}

/// What comes in the two seconds after that, and how it ends.
#[test]
fn every_mode_goes_on_as_it_says() {
    for mode in Mode::ALL {
        let mut conversation = greeted(mode);
        take(&mut conversation, START);
        let end = START + Duration::from_secs(2);
        let mut seen = kinds(&pass(&mut conversation, START, end));
        seen.dedup();
        let (expected, fate): (&[&str], Fate) = match mode {
            Mode::Reset | Mode::ResetAfterHello | Mode::RefuseAndReset => (&[], Fate::Reset),
            // Its two seconds are over.
            Mode::CloseAfterAccept | Mode::Refuse | Mode::WrongVersion | Mode::CloseMidFrame => {
                (&[], Fate::Drop)
            }
            Mode::Silent
            | Mode::Garbage
            | Mode::HalfFrame
            | Mode::Huge
            | Mode::EmptyFrame
            | Mode::UnknownMessage
            | Mode::NoTicks => (&[], Fate::Open),
            Mode::NoWelcome => (&["ping"], Fate::Open),
            // The first byte of the welcome has gone before.
            Mode::Slow => {
                assert!(!seen.is_empty());
                continue;
            }
            Mode::StopsReading => (&["snapshot"], Fate::Open),
            Mode::ResetInGame => (&["snapshot"], Fate::Reset),
            Mode::GoodbyeInGame | Mode::LongGoodbye => (&["snapshot", "goodbye"], Fate::Close),
            Mode::Crowd => {
                assert!(seen.starts_with(&["members", "snapshot", "members"]), "{seen:?}");
                continue;
            }
        };
        assert_eq!((seen.as_slice(), conversation.fate()), (expected, fate), "{mode}");
    }
}

#[test]
fn a_slow_server_says_nothing_wrong() {
    let mut conversation = greeted(Mode::Slow);
    conversation.handle_bytes(&message(&ClientMessage::Ping { nonce: 7 }), START);
    assert_eq!(conversation.unsent(START).len(), 1, "one byte at a time");
    let mut seen = kinds(&pass(&mut conversation, START, START + Duration::from_secs(5)));
    assert_eq!(seen.pop_if(|last| *last == "half").unwrap_or("half"), "half");
    assert_eq!(seen[..3], ["welcome", "pong", "snapshot"]);
    seen[2..].iter().for_each(|kind| assert_eq!(*kind, "snapshot"));
}

#[test]
fn whoever_plays_is_answered_and_may_leave() {
    let mut conversation = greeted(Mode::ResetInGame);
    take(&mut conversation, START);
    let input = ClientMessage::Input { sequence: InputSequence(1), body: Bytes(b"left") };
    conversation.handle_bytes(&message(&input), START);
    conversation.handle_bytes(&message(&ClientMessage::Pong { nonce: 1 }), START);
    assert_eq!(take(&mut conversation, START), b"");
    conversation.handle_bytes(&message(&ClientMessage::Ping { nonce: 250 }), START);
    assert_eq!(take(&mut conversation, START), [2, 0, 0, 0, 5, 250]);
    conversation.handle_bytes(&message(&ClientMessage::Goodbye), START);
    assert_eq!((conversation.fate(), conversation.over()), (Fate::Close, Some(&Over::Left)));
    conversation.handle_eof();
    assert_eq!((conversation.fate(), conversation.over()), (Fate::Drop, Some(&Over::Left)));
}

#[test]
fn a_client_that_is_wrong_is_told() {
    let old = Hello { version: 999, ..Hello::new("arena", "ada") };
    let stolen = Resume { ticket: Ticket([7; 32]), events_seen: 0 };
    let long = vec![1; 300];
    for (first, reason, mistake) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), GoodbyeReason::Protocol, "longer than a hello"),
        (long, GoodbyeReason::Protocol, "longer than a hello"),
        (message(&ClientMessage::Goodbye), GoodbyeReason::Protocol, "not a hello"),
        (message(&ClientMessage::Hello(old)), GoodbyeReason::Protocol, "another version"),
        (
            message(&ClientMessage::Hello(Hello::resuming(stolen))),
            GoodbyeReason::ResumeRefused,
            "ticket",
        ),
        ([hello(), hello()].concat(), GoodbyeReason::Protocol, "hello twice"),
        ([hello(), vec![1, 0, 0, 0, 99]].concat(), GoodbyeReason::Protocol, "not a message"),
        ([hello(), vec![0; 4]].concat(), GoodbyeReason::Protocol, "not a frame"),
    ] {
        let mut conversation = begin(Mode::GoodbyeInGame);
        conversation.handle_bytes(&first, START);
        let sent = take(&mut conversation, START);
        let over = conversation.over().expect("it is over").to_string();
        assert!(over.contains(mistake), "{over}");
        assert_eq!(conversation.fate(), Fate::Close);
        let mut goodbye = Vec::new();
        let mut input = &sent[..];
        let mut decoder = FrameDecoder::new(SERVER_FRAME_BYTES_MAX);
        while let Some(frame) = decoder.next_frame(&mut input).expect("it frames well") {
            goodbye = frame.to_vec();
        }
        let last = ServerMessage::decode(&goodbye).expect("it speaks well");
        assert!(
            matches!(&last, ServerMessage::Goodbye { reason: told, .. } if *told == reason),
            "{last:?}"
        );
    }
}

#[test]
fn a_client_that_does_not_read_costs_a_bounded_amount_of_memory() {
    let mut conversation = greeted(Mode::ResetInGame);
    let pings = message(&ClientMessage::Ping { nonce: 1 }).repeat(1000);
    let mut longest = 0;
    for _ in 0..1000 {
        conversation.handle_bytes(&pings, START);
        longest = longest.max(conversation.unsent(START).len());
    }
    assert!((100_000..=256 * 1024).contains(&longest), "{longest}");
    assert_eq!((conversation.fate(), conversation.over()), (Fate::Drop, Some(&Over::NotReading)));
    assert_eq!(conversation.next_timeout(), None);
}

#[test]
fn a_dead_socket_is_let_go_in_every_mode() {
    for mode in Mode::ALL {
        let mut closed = greeted(mode);
        closed.handle_eof();
        assert_eq!((closed.fate(), closed.unsent(START)), (Fate::Drop, &b""[..]), "{mode}");
        let mut failed = begin(mode);
        failed.handle_error(io::ErrorKind::ConnectionReset);
        assert_eq!((failed.fate(), failed.next_timeout()), (Fate::Drop, None), "{mode}");
    }
}

/// Everything that can be seen from outside.
fn transcript(mode: Mode, chunks: &[&[u8]]) -> (Vec<u8>, Fate, Option<Over>, bool) {
    let mut conversation = begin(mode);
    for chunk in chunks {
        conversation.handle_bytes(chunk, START);
    }
    let sent = pass(&mut conversation, START, START + Duration::from_millis(900));
    (sent, conversation.fate(), conversation.over().cloned(), conversation.reads())
}

fn client_bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(hello()),
        Just(message(&ClientMessage::Ping { nonce: 9 })),
        Just(message(&ClientMessage::Input { sequence: InputSequence(3), body: Bytes(b"x") })),
        Just(message(&ClientMessage::Goodbye)),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let rest = prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat());
    (any::<bool>(), rest)
        .prop_map(|(polite, rest)| [if polite { hello() } else { Vec::new() }, rest].concat())
}

proptest! {
    /// However the client's bytes are cut, the same is said and done, in every mode.
    #[test]
    fn chunking_does_not_matter(
        bytes in client_bytes(),
        cut in 1usize..30,
        mode in prop::sample::select(Mode::ALL.to_vec()),
    ) {
        let whole = transcript(mode, &[&bytes]);
        let chunks: Vec<&[u8]> = bytes.chunks(cut).collect();
        prop_assert_eq!(transcript(mode, &chunks), whole);
    }
}
