//! Conversations with a scripted server: bytes in, events and bytes out.

use gamekeeper_protocol::{
    ClientMessage, GoodbyeReason, LeaveCause, Presence, ResumeOffer, RoomId, Ticket, codec::Bytes,
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

/// A welcome to a server that holds no seats.
fn welcome() -> Vec<u8> {
    welcome_with(&|_| {})
}

fn welcome_with(change: &dyn Fn(&mut Welcome<'_>)) -> Vec<u8> {
    let mut welcome = Welcome {
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
    };
    change(&mut welcome);
    frame(&ServerMessage::Welcome(welcome))
}

/// A welcome whose seat can be taken again, with a ticket made of this byte.
fn welcome_back(ticket: u8, events_before: u32) -> Vec<u8> {
    welcome_with(&|welcome| {
        let ticket = Ticket([ticket; 32]);
        welcome.resume = Some(ResumeOffer { ticket, window_ms: 30_000 });
        welcome.events_before = events_before;
    })
}

fn event(tick: u32) -> Vec<u8> {
    frame(&ServerMessage::Event { tick: Tick(tick), body: Bytes(b"event") })
}

fn goodbye(reason: GoodbyeReason) -> Vec<u8> {
    frame(&ServerMessage::Goodbye { reason, text: "" })
}

fn snapshot(tick: u32) -> Vec<u8> {
    frame(&ServerMessage::Snapshot { tick: Tick(tick), body: Bytes(b"state") })
}

/// What happened, in a form that can be compared.
fn feed(connection: &mut Connection, bytes: &[u8], now: Moment) -> Vec<String> {
    let mut events = Vec::new();
    connection.handle_bytes(bytes, now, |event| {
        events.push(match event {
            Event::Joined { welcome, arrival: Arrival::New } => {
                format!("joined as {}", welcome.player)
            }
            Event::Joined { welcome, arrival: Arrival::Back { events_lost } } => {
                format!("back as {}, {events_lost} events lost", welcome.player)
            }
            Event::Snapshot { tick, missed_ticks, .. } => format!("tick {tick} -{missed_ticks}"),
            Event::Happened { tick, .. } => format!("event at {tick}"),
            Event::MembersChanged { joined, left, changed, .. } => {
                let left: Vec<_> = left.iter().map(|(_, standing)| standing).collect();
                let changed: Vec<_> = changed
                    .iter()
                    .map(|(now, before)| format!("{} {before:?} {:?}", now.player, now.presence))
                    .collect();
                format!("+{} {left:?} {changed:?}", joined.len())
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
    let events = feed(&mut connection, &notice, START);
    assert_eq!(events, ["+1 [Present(Here), Present(Here), Departed] []"]);
    assert_eq!(connection.roster().len(), 1);
}

#[test]
fn changes_of_presence_are_told_and_noted() {
    let mut connection = joined();
    let mut change = |player, presence| {
        let changed = vec![PresenceChange { player: PlayerId(player), presence }];
        let (joined, left) = (Vec::new(), Vec::new());
        let notice = ServerMessage::Members { tick: Tick(12), joined, left, changed };
        let events = feed(&mut connection, &frame(&notice), START);
        (
            events.concat(),
            connection.roster().member(PlayerId(player)).map(|member| member.presence),
        )
    };
    let away = change(3, Presence::Away);
    assert_eq!(away, ("+0 [] [\"3 Present(Here) Away\"]".to_owned(), Some(Presence::Away)));
    let here = change(3, Presence::Here);
    assert_eq!(here, ("+0 [] [\"3 Present(Away) Here\"]".to_owned(), Some(Presence::Here)));
    assert_eq!(change(9, Presence::Here), ("+0 [] [\"9 Unknown Here\"]".to_owned(), None));
}

/// A way back as a connection that was lost hands it out: three events, two inputs.
fn lost() -> WayBack {
    let mut connection = Connection::new("arena", "ada", START).expect("names fit");
    assert_eq!(connection.way_back(), None, "there is no seat yet");
    feed(&mut connection, &[welcome_back(1, 0), event(11), event(11), event(12)].concat(), START);
    for expected in 1..=2 {
        assert_eq!(connection.send_input(b"left"), Ok(InputSequence(expected)));
    }
    let way_back = connection.way_back().expect("also while it lasts: the network may change");
    connection.handle_error(Operation::Write, &io::Error::from_raw_os_error(104));
    assert_eq!(connection.way_back(), Some(way_back.clone()));
    way_back
}

#[test]
fn a_lost_connection_hands_out_the_way_back() {
    let ticket = Ticket([1; 32]);
    let (player, room) = (PlayerId(7), RoomId(1));
    let (window, last_input) = (Duration::from_secs(30), InputSequence(2));
    assert_eq!(lost(), WayBack { player, room, ticket, window, events_seen: 3, last_input });
    let mut without = joined();
    without.handle_eof();
    assert_eq!(without.way_back(), None, "this server holds no seats");
}

#[test]
fn who_comes_back_goes_on_where_it_was() {
    let mut connection = Connection::resume(&lost(), START);
    let hello = sent(&mut connection).concat();
    assert!(hello.contains("Resume { ticket: Ticket(..), events_seen: 3 }"), "{hello}");
    assert_eq!(connection.send_input(b"left"), Err(SendError::NotPlaying));
    let welcome = welcome_with(&|welcome| {
        let alone = Member { player: PlayerId(7), name: "ada", presence: Presence::Here };
        welcome.members = vec![alone];
        let ticket = Ticket([2; 32]);
        welcome.resume = Some(ResumeOffer { ticket, window_ms: 30_000 });
        welcome.events_before = 5;
    });
    let events = feed(&mut connection, &[welcome, event(13), snapshot(20)].concat(), START);
    assert_eq!(events, ["back as 7, 2 events lost", "event at 13", "tick 20 -0"]);
    assert_eq!(connection.roster().len(), 1, "who left meanwhile is not in the room any more");
    assert_eq!(connection.send_input(b"left"), Ok(InputSequence(3)));
    connection.handle_eof();
    let next = connection.way_back().expect("lost again");
    assert_eq!((next.ticket, next.events_seen), (Ticket([2; 32]), 6), "the new one counts");
    assert_eq!(next.last_input, InputSequence(3));
}

/// The old ticket is good until the server has heard from whoever came back with it.
#[test]
fn a_way_back_that_led_nowhere_can_be_tried_again() {
    let mut connection = Connection::resume(&lost(), START);
    assert_eq!(connection.way_back(), Some(lost()));
    connection.handle_timeout(START + SERVER_LOST_AFTER);
    assert!(connection.ended().is_some());
    assert_eq!(connection.way_back(), Some(lost()));
    let mut full = Connection::resume(&lost(), START);
    feed(&mut full, &goodbye(GoodbyeReason::Full), START);
    assert_eq!(full.way_back(), Some(lost()), "the server has not even looked at it");
}

#[test]
fn a_seat_that_is_gone_has_no_way_back() {
    let mut refused = Connection::resume(&lost(), START);
    feed(&mut refused, &goodbye(GoodbyeReason::ResumeRefused), START);
    assert_eq!(refused.way_back(), None, "a hello for a new seat is next");
    assert!(refused.ended().is_some_and(Ended::is_worth_a_retry));
    for reason in [GoodbyeReason::Replaced, GoodbyeReason::Kicked, GoodbyeReason::Shutdown] {
        let mut connection = Connection::resume(&lost(), START);
        feed(&mut connection, &[welcome_back(2, 3), goodbye(reason)].concat(), START);
        assert_eq!(connection.way_back(), None, "{reason:?}");
    }
    let mut late = Connection::resume(&lost(), START);
    feed(&mut late, &[welcome_back(2, 3), goodbye(GoodbyeReason::FrameTimeout)].concat(), START);
    assert!(late.way_back().is_some(), "this says nothing against the player");
    let mut for_once = Connection::resume(&lost(), START);
    let welcome = welcome_with(&|welcome| welcome.events_before = 3);
    assert_eq!(feed(&mut for_once, &welcome, START), ["back as 7, 0 events lost"]);
    assert_eq!(for_once.way_back(), None, "the server offers none any more");
    let mut left = Connection::resume(&lost(), START);
    feed(&mut left, &welcome_back(2, 3), START);
    left.say_goodbye();
    assert_eq!(left.way_back(), None);
    left.handle_eof();
    assert_eq!(left.way_back(), None);
}

#[test]
fn a_server_that_mixes_up_seats_or_events_is_named() {
    for (welcome, text) in [
        (welcome_with(&|welcome| welcome.player = PlayerId(8)), "got that of 8"),
        (welcome_with(&|welcome| welcome.room = RoomId(2)), "the seat of player 7"),
        (welcome_back(2, 2), "after 2 again"),
    ] {
        let mut connection = Connection::resume(&lost(), START);
        let events = feed(&mut connection, &welcome, START);
        assert_eq!(events.len(), 1, "no welcome: {events:?}");
        assert!(events[0].contains(text), "{events:?}");
        assert_eq!(connection.player(), None);
    }
}

#[test]
fn a_ticket_is_never_shown() {
    let mut connection = Connection::resume(&lost(), START);
    let welcome = welcome_back(2, 3);
    let mut shown = format!("{:?} {connection:?}", lost());
    // A part of a welcome waits for the rest.
    feed(&mut connection, &welcome[..welcome.len() - 1], START);
    shown.push_str(&format!("{connection:?}"));
    feed(&mut connection, &welcome[welcome.len() - 1..], START);
    shown.push_str(&format!("{connection:?} {:?}", connection.way_back()));
    for bytes in ["1, 1, 1, 1", "2, 2, 2, 2"] {
        assert!(!shown.contains(bytes), "{shown}");
    }
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

/// Bytes that never make a message are no sign of life, else one byte per second holds a client for
/// ever.
#[test]
fn a_trickle_is_silence() {
    let mut connection = joined();
    let long = frame(&ServerMessage::Snapshot { tick: Tick(1), body: Bytes(&[0; 100]) });
    for (second, byte) in (0..6).zip(&long) {
        feed(&mut connection, &[*byte], START + Duration::from_secs(second));
    }
    connection.handle_timeout(START + SERVER_LOST_AFTER);
    let ended = connection.ended().expect("given up");
    assert_eq!(ended, &Ended::Silent { silence: SERVER_LOST_AFTER, joined: true });
    assert!(ended.to_string().contains("no message came"), "{ended}");
    assert_eq!(connection.played_for(), Duration::ZERO, "it was of no use to anybody");
}

#[test]
fn a_server_that_asks_and_never_lets_in_is_given_up() {
    let mut connection = Connection::new("arena", "ada", START).expect("names fit");
    for second in 1..6 {
        let now = START + Duration::from_secs(second);
        feed(&mut connection, &frame(&ServerMessage::Ping { nonce: 1 }), now);
        connection.advance(connection.unsent().len());
    }
    connection.handle_timeout(START + SERVER_LOST_AFTER);
    let ended = connection.ended().expect("given up").to_string();
    assert!(ended.contains("did not answer our hello within 6.0 s"), "{ended}");
}

/// Who has said goodbye does not wait for ever for a server that goes on as if nothing had been.
#[test]
fn a_server_that_does_not_let_go_is_left() {
    let mut connection = joined();
    connection.say_goodbye();
    connection.advance(connection.unsent().len());
    for second in 1..6 {
        feed(&mut connection, &snapshot(second), START + Duration::from_secs(u64::from(second)));
    }
    connection.handle_timeout(START + SERVER_LOST_AFTER);
    assert_eq!(connection.ended(), Some(&Ended::Left));
}

#[test]
fn a_server_that_speaks_and_does_not_read_is_given_up() {
    let mut connection = joined();
    let mut refused = false;
    for second in 0..=7 {
        let now = START + Duration::from_secs(second);
        while connection.ended().is_none() && !refused {
            refused = connection.send_input(&[0; 1000]).is_err();
        }
        let tick = 100 + u32::try_from(second).expect("a few seconds");
        feed(&mut connection, &snapshot(tick), now);
        // As long as it takes something, however little, it lives.
        if second == 1 {
            connection.advance(1);
        }
        assert_eq!(connection.ended().is_some(), second >= 8, "after {second} s");
    }
    feed(&mut connection, &snapshot(200), START + Duration::from_secs(8));
    let ended = connection.ended().expect("given up").to_string();
    assert!(ended.contains("the server does not read"), "{ended}");
}

#[test]
fn a_refusal_in_the_words_of_another_version_is_understood() {
    let mut refusal = goodbye(GoodbyeReason::VersionUnsupported { server: 2 });
    refusal.extend_from_slice(b"fields of the future");
    refusal[0] += 20;
    let mut connection = Connection::new("arena", "ada", START).expect("names fit");
    let events = feed(&mut connection, &refusal, START);
    let text = "ended: the server said goodbye: unsupported protocol version (the server speaks 2)";
    assert_eq!(events, [text]);
    assert!(!connection.ended().expect("it is over").is_worth_a_retry());
    // In our own version it would be a mistake of the server.
    refusal[6] = 1;
    let mut ours = Connection::new("arena", "ada", START).expect("names fit");
    assert!(feed(&mut ours, &refusal, START).concat().contains("broke the protocol"));
}

#[test]
fn the_text_of_a_goodbye_can_be_shown() {
    let rude = "\u{1b}[2J\u{7}ä\n".repeat(10_000);
    let mut connection = joined();
    let bytes = frame(&ServerMessage::Goodbye { reason: GoodbyeReason::Shutdown, text: &rude });
    feed(&mut connection, &bytes, START);
    let Some(Ended::Goodbye { text, .. }) = connection.ended() else { panic!("no goodbye") };
    assert!(text.starts_with(" [2J ä "), "{text}");
    assert!((250..=256).contains(&text.len()), "{} bytes", text.len());
    assert!(!text.contains(char::is_control));
}

#[test]
fn a_room_has_no_more_players_than_seats() {
    let member = |player| Member { player: PlayerId(player), name: "x", presence: Presence::Here };
    let notice = |joined, left| {
        frame(&ServerMessage::Members { tick: Tick(12), joined, left, changed: vec![] })
    };
    let mut full = joined();
    feed(&mut full, &notice((100..148).map(member).collect(), vec![]), START);
    assert_eq!((full.roster().len(), full.ended()), (50, None));
    // One comes for one that goes.
    let gone = vec![Departed { player: PlayerId(3), cause: LeaveCause::Goodbye }];
    feed(&mut full, &notice(vec![member(200)], gone), START);
    assert_eq!(full.ended(), None);
    feed(&mut full, &notice(vec![member(201)], vec![]), START);
    let ended = full.ended().expect("too many").to_string();
    assert!(ended.contains("more players in our room than its 50 seats"), "{ended}");

    let crowded = welcome_with(&|welcome| welcome.seats = 1);
    let mut early = Connection::new("arena", "ada", START).expect("names fit");
    let events = feed(&mut early, &crowded, START);
    assert!(events.concat().contains("its 1 seats"), "{events:?}");

    let name = "x".repeat(33);
    let long = Member { name: &name, ..member(9) };
    let mut named = joined();
    feed(&mut named, &notice(vec![long], vec![]), START);
    let ended = named.ended().expect("too long").to_string();
    assert!(ended.contains("name has 33 bytes"), "{ended}");
}

#[test]
fn how_long_a_game_lasted_is_known_afterwards() {
    let mut connection = Connection::new("arena", "ada", START).expect("names fit");
    assert_eq!(connection.played_for(), Duration::ZERO);
    let (begin, end) = (START + Duration::from_secs(1), START + Duration::from_secs(9));
    feed(&mut connection, &welcome(), begin);
    feed(&mut connection, &snapshot(1), end);
    connection.handle_eof();
    assert_eq!(connection.played_for(), Duration::from_secs(8));
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
