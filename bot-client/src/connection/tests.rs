//! Conversations with a scripted server: bytes in, events and bytes out.

use gamekeeper_protocol::{
    ClientMessage, GoodbyeReason, LeaveCause, Presence, RoomId, codec::Bytes,
};
use proptest::prelude::*;

use super::*;
use crate::limits::{PING_AFTER, SERVER_LOST_AFTER};

const START: Moment = Moment(1_000_000_000_000);

fn frame(message: &ServerMessage<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).expect("encodes");
    bytes
}

fn welcome() -> Vec<u8> {
    frame(&ServerMessage::Welcome(Welcome {
        player: PlayerId(7),
        room: RoomId(1),
        tick: Tick(10),
        tick_hz: 20,
        seats: 50,
        game: "arena",
        members: vec![
            Member { player: PlayerId(3), name: "bob", presence: Presence::Here },
            Member { player: PlayerId(7), name: "ada", presence: Presence::Here },
        ],
        events_before: 0,
        resume: None,
    }))
}

fn snapshot(tick: u32) -> Vec<u8> {
    frame(&ServerMessage::Snapshot { tick: Tick(tick), body: Bytes(b"state") })
}

/// What happened, in a form that can be compared.
fn feed(connection: &mut Connection, bytes: &[u8], now: Moment) -> Vec<String> {
    let mut events = Vec::new();
    connection.handle_bytes(bytes, now, |event| {
        events.push(match event {
            Event::Joined(welcome) => format!("joined as {}", welcome.player),
            Event::Snapshot { tick, missed_ticks, .. } => format!("tick {tick} -{missed_ticks}"),
            Event::Happened { tick, .. } => format!("event at {tick}"),
            Event::MembersChanged { joined, left, .. } => {
                let standings: Vec<_> = left.iter().map(|(_, standing)| standing).collect();
                format!("+{} {standings:?}", joined.len())
            }
            Event::Ended(why) => format!("ended: {why}"),
        });
    });
    events
}

fn joined() -> Connection {
    let mut connection = Connection::new("arena", "ada", START).expect("names fit");
    connection.advance(connection.unsent().len());
    assert_eq!(feed(&mut connection, &welcome(), START), ["joined as 7"]);
    connection
}

/// The messages that wait to be sent.
fn sent(connection: &mut Connection) -> Vec<String> {
    let mut decoder = FrameDecoder::new(4096);
    let mut input = connection.unsent();
    let mut messages = Vec::new();
    while let Some(frame) = decoder.next_frame(&mut input).expect("we frame well") {
        messages.push(format!("{:?}", ClientMessage::decode(frame).expect("we speak well")));
    }
    connection.advance(connection.unsent().len());
    messages
}

#[test]
fn a_conversation_from_hello_to_goodbye() {
    let mut connection = Connection::new("arena", "ada", START).expect("names fit");
    assert_eq!(connection.send_input(b"left"), Err(SendError::NotPlaying));
    assert_eq!(sent(&mut connection).len(), 1, "the hello");
    feed(&mut connection, &welcome(), START);
    assert_eq!(connection.player(), Some(PlayerId(7)));
    assert_eq!(connection.roster().len(), 2);
    assert_eq!(connection.send_input(b"left"), Ok(InputSequence(1)));
    assert_eq!(connection.send_input(b"right"), Ok(InputSequence(2)));
    let ping = frame(&ServerMessage::Ping { nonce: 5 });
    assert!(feed(&mut connection, &ping, START).is_empty());
    connection.say_goodbye();
    assert_eq!(connection.send_input(b"late"), Err(SendError::NotPlaying));
    assert_eq!(sent(&mut connection)[2..], ["Pong { nonce: 5 }".to_owned(), "Goodbye".to_owned()]);
    connection.handle_error(Operation::Read, &io::Error::from_raw_os_error(104));
    assert_eq!(connection.ended(), Some(&Ended::Left), "after our goodbye nothing is an error");
}

#[test]
fn left_out_ticks_are_counted_and_stale_ones_are_not() {
    let mut connection = joined();
    let bytes = [10, 11, 14, 13, 15].map(snapshot).concat();
    let events = feed(&mut connection, &bytes, START);
    assert_eq!(events, ["tick 10 -0", "tick 11 -0", "tick 14 -2", "tick 13 -0", "tick 15 -0"]);
}

#[test]
fn membership_notices_keep_the_roster() {
    let mut connection = joined();
    let notice = frame(&ServerMessage::Members {
        tick: Tick(12),
        joined: vec![Member { player: PlayerId(8), name: "cy", presence: Presence::Here }],
        left: vec![
            Departed { player: PlayerId(3), cause: LeaveCause::Disconnected },
            Departed { player: PlayerId(8), cause: LeaveCause::Goodbye },
            Departed { player: PlayerId(3), cause: LeaveCause::Disconnected },
        ],
        changed: vec![],
    });
    assert_eq!(feed(&mut connection, &notice, START), ["+1 [Present, Present, Departed]"]);
    assert_eq!(connection.roster().len(), 1);
}

#[test]
fn a_silent_server_is_asked_and_then_given_up() {
    let mut connection = joined();
    assert_eq!(connection.next_timeout(), Some(START + PING_AFTER));
    connection.handle_timeout(START + PING_AFTER - Duration::from_nanos(1));
    assert!(sent(&mut connection).is_empty(), "not before its time");
    let asked = START + PING_AFTER;
    connection.handle_timeout(asked);
    assert_eq!(sent(&mut connection), ["Ping { nonce: 1 }"]);
    let answered = asked + Duration::from_millis(30);
    feed(&mut connection, &frame(&ServerMessage::Pong { nonce: 1 }), answered);
    assert_eq!(connection.round_trip(), Some(Duration::from_millis(30)));

    assert_eq!(connection.next_timeout(), Some(answered + PING_AFTER));
    connection.handle_timeout(answered + PING_AFTER);
    assert_eq!(connection.next_timeout(), Some(answered + SERVER_LOST_AFTER));
    connection.handle_timeout(answered + SERVER_LOST_AFTER);
    let ended = connection.ended().expect("given up");
    assert_eq!(ended, &Ended::Silent { silence: SERVER_LOST_AFTER, joined: true });
    assert_eq!(connection.next_timeout(), None);
    assert!(connection.unsent().is_empty(), "nothing is written to a lost server");
}

#[test]
fn a_server_that_never_answers_is_given_up_as_well() {
    let mut connection = Connection::new("", "ada", START).expect("names fit");
    assert_eq!(connection.next_timeout(), Some(START + SERVER_LOST_AFTER));
    connection.handle_timeout(START + SERVER_LOST_AFTER);
    let ended = connection.ended().expect("given up").to_string();
    assert!(ended.contains("did not answer our hello"), "{ended}");
}

#[test]
fn a_server_that_breaks_the_protocol_is_named_as_the_guilty_one() {
    let mut oversize = joined();
    feed(&mut oversize, &[0xff; 4], START);
    let mut garbage = joined();
    feed(&mut garbage, &[2, 0, 0, 0, 0xff, 0xff], START);
    let mut twice = joined();
    feed(&mut twice, &welcome(), START);
    let mut early = Connection::new("", "ada", START).expect("names fit");
    feed(&mut early, &snapshot(1), START);
    for (connection, text) in [
        (oversize, "announces 4294967295 bytes"),
        (garbage, "broke the protocol"),
        (twice, "welcomed us twice"),
        (early, "a snapshot came before the welcome"),
    ] {
        let ended = connection.ended().expect("it is over");
        assert_eq!(ended.side(), Side::Server);
        assert!(ended.to_string().contains(text), "{ended}");
    }
}

#[test]
fn the_end_of_the_stream_says_whether_a_frame_was_cut() {
    let mut whole = joined();
    whole.handle_eof();
    assert_eq!(whole.ended(), Some(&Ended::Closed));
    let mut cut = joined();
    feed(&mut cut, &snapshot(1)[..5], START);
    cut.handle_eof();
    assert_eq!(cut.ended(), Some(&Ended::ClosedMidFrame));
    cut.handle_eof();
    assert_eq!(cut.ended(), Some(&Ended::ClosedMidFrame), "the first reason stays");
}

#[test]
fn a_goodbye_is_the_last_thing_that_is_heard() {
    let mut connection = joined();
    let goodbye =
        ServerMessage::Goodbye { reason: GoodbyeReason::Shutdown, text: "back in an hour" };
    let bytes = [frame(&goodbye), snapshot(1)].concat();
    let events = feed(&mut connection, &bytes, START);
    assert_eq!(events, ["ended: the server said goodbye: the server is stopping: back in an hour"]);
    assert!(feed(&mut connection, &snapshot(2), START).is_empty());
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let error = Connection::new("arena", &"x".repeat(33), START).expect_err("too long");
    assert!(error.to_string().contains("33 bytes"), "{error}");
}

proptest! {
    /// No bytes make a client panic, spin or grow, and every chunking means the same.
    #[test]
    fn any_bytes_from_a_server_are_survived(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        cut in 1usize..50,
    ) {
        let stream = [welcome(), snapshot(1), bytes].concat();
        let run = |chunk_bytes: usize| {
            let mut connection = Connection::new("", "ada", START).expect("names fit");
            let mut events = Vec::new();
            for chunk in stream.chunks(chunk_bytes) {
                events.extend(feed(&mut connection, chunk, START));
            }
            prop_assert!(connection.decoder.buffered_bytes() <= SERVER_FRAME_BYTES_MAX + 4);
            Ok((events, connection.ended().cloned()))
        };
        prop_assert_eq!(run(stream.len())?, run(cut)?);
    }
}
