//! Every way of leaving that a plain socket can produce: reason and path counted exactly once,
//! innocent players in the same room disturbed by nothing but one notice.

use std::time::Instant;

use gamekeeper::{
    LeaveCause,
    client::leave::{LeavePath, LeaveReason, ProtocolFault, Rejection},
    ids::ConnectionId,
    limits::Limits,
};
use gamekeeper_protocol::{ClientMessage, GoodbyeReason, Hello};
use gamekeeper_tests::{
    browser::upgrade,
    meddler::AcceptFailure,
    player::{End, Heard, Player},
    rig::{AT_ONCE, Rig},
};

/// Limits that are as strict as tests need, so that they need not wait.
const QUICK: Limits = Limits {
    hello_timeout_ms: 200,
    frame_timeout_ms: 200,
    ping_after_ms: 100,
    heartbeat_timeout_ms: 400,
    out_stall_ms: 300,
    ..AT_ONCE
};

/// Limits for a client that says more than any client should.
const CHATTY: Limits = Limits {
    frames_burst: 1_000_000,
    frames_per_second: 1_000_000,
    bytes_burst: 100_000_000,
    bytes_per_second: 100_000_000,
    ..AT_ONCE
};

/// What the one that leaves is to be asked afterwards.
type Afterwards = fn(&mut Player);

/// Two innocents and one that does something; what is counted, and what everybody hears.
#[track_caller]
fn case(act: fn(&mut Player), reason: LeaveReason, path: LeavePath, afterwards: Afterwards) {
    case_with(AT_ONCE, act, reason, path, afterwards);
}

#[track_caller]
fn case_with(
    limits: Limits,
    act: fn(&mut Player),
    reason: LeaveReason,
    path: LeavePath,
    afterwards: Afterwards,
) {
    let mut rig = Rig::new(limits);
    let mut innocents = [rig.join("ada"), rig.join("bob")];
    let mut actor = rig.join("eve");
    let actor_id = actor.id.expect("welcome");
    rig.turn_ticks(2);
    act(&mut actor);
    rig.turn_until("the leave is counted", |rig| {
        innocents.iter_mut().for_each(Player::answer_pings);
        rig.left_in_all() > 0
    });
    rig.turn_ticks(3);
    rig.turn_until("the connection is closed", |rig| rig.event_loop.hub().connections() == 2);
    assert_eq!((rig.left(reason, path), rig.left_in_all()), (1, 1), "one leave, of this kind");
    assert!(rig.event_loop.hub().ledger_balances());
    afterwards(&mut actor);
    for innocent in &mut innocents {
        innocent.listen();
        assert_eq!(innocent.end, None, "nobody else is evicted");
        let notices = innocent.departures();
        assert_eq!(notices.len(), 1, "one notice: {notices:?}");
        assert_eq!(notices[0].len(), 1);
        assert_eq!((notices[0][0].player, notices[0][0].cause), (actor_id, reason.cause()));
        let ticks = innocent.ticks();
        assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
    }
}

fn hears_nothing(_: &mut Player) {}

/// The farewell arrives whole and is followed by an orderly end.
#[track_caller]
fn hears(actor: &mut Player, reason: GoodbyeReason, words: &str) {
    actor.listen();
    let (said, text) = actor.goodbye().expect("the last frame is a goodbye");
    assert_eq!(said, reason);
    assert!(text.contains(words), "{text:?} should say {words:?}");
    assert_eq!(actor.end, Some(End::Eof), "the farewell ends in an orderly way");
}

#[test]
fn a_goodbye() {
    let act = |actor: &mut Player| actor.say(&ClientMessage::Goodbye);
    case(act, LeaveReason::Goodbye, LeavePath::Read, hears_nothing);
}

#[test]
fn a_half_close_is_a_leave() {
    case(Player::half_close, LeaveReason::Fin, LeavePath::Event, |actor| {
        actor.listen();
        assert_eq!(actor.end, Some(End::Eof));
    });
}

#[test]
fn an_end_inside_a_frame() {
    let act = |actor: &mut Player| {
        actor.send(&[16, 0, 0, 0, 1, 2, 3]);
        actor.half_close();
    };
    case(act, LeaveReason::FinMidframe, LeavePath::Event, hears_nothing);
}

/// Data and FIN in one event: the frames before the end count, and the end is not missed.
#[test]
fn an_input_and_an_end_in_one_event() {
    let act = |actor: &mut Player| {
        actor.input(1, &[0, 0, 0, 0]);
        actor.half_close();
    };
    case(act, LeaveReason::Fin, LeavePath::Event, hears_nothing);
}

/// The last words count even if the client hung up right after them.
#[test]
fn a_goodbye_and_an_end_in_one_event() {
    let act = |actor: &mut Player| {
        actor.say(&ClientMessage::Goodbye);
        actor.half_close();
    };
    case(act, LeaveReason::Goodbye, LeavePath::Read, hears_nothing);
}

#[test]
fn four_gibibytes_are_announced() {
    let act = |actor: &mut Player| actor.send(&[0xff, 0xff, 0xff, 0xff]);
    case(act, LeaveReason::Oversize, LeavePath::Read, |actor| {
        hears(actor, GoodbyeReason::Oversize, "4294967295 bytes, but at most 4096");
    });
}

#[test]
fn an_empty_frame() {
    let act = |actor: &mut Player| actor.send(&[0, 0, 0, 0]);
    let reason = LeaveReason::Protocol(ProtocolFault::EmptyFrame);
    case(act, reason, LeavePath::Read, |actor| {
        hears(actor, GoodbyeReason::Protocol, "0 bytes");
    });
}

#[test]
fn garbage_in_a_frame() {
    let act = |actor: &mut Player| actor.send(&[3, 0, 0, 0, 0xfe, 0xfe, 0xfe]);
    let reason = LeaveReason::Protocol(ProtocolFault::Undecodable);
    case(act, reason, LeavePath::Read, |actor| {
        hears(actor, GoodbyeReason::Protocol, "not a message");
    });
}

#[test]
fn a_second_hello() {
    let act = |actor: &mut Player| actor.hello("", "eve again");
    let reason = LeaveReason::Protocol(ProtocolFault::SecondHello);
    case(act, reason, LeavePath::Read, |actor| {
        hears(actor, GoodbyeReason::Protocol, "second hello");
    });
}

#[test]
fn an_input_that_the_game_cannot_read() {
    let act = |actor: &mut Player| actor.input(7, &[1, 2]);
    let reason = LeaveReason::Protocol(ProtocolFault::BadInput);
    case(act, reason, LeavePath::Read, |actor| {
        hears(actor, GoodbyeReason::Protocol, "cannot read input 7");
    });
}

#[test]
fn more_frames_than_any_client_may_send() {
    let act = |actor: &mut Player| {
        let mut frames = Vec::new();
        for nonce in 0..700 {
            ClientMessage::Ping { nonce }.encode(&mut frames).expect("short");
        }
        actor.send(&frames);
    };
    case(act, LeaveReason::Flood, LeavePath::Read, |actor| {
        hears(actor, GoodbyeReason::Flood, "more than 120 frames a second, 600 at once");
    });
}

#[test]
fn more_bytes_than_any_client_may_send() {
    // The benchmark takes any input, so that only its size can be wrong.
    let limits = Limits { bytes_burst: 8_192, bytes_per_second: 256, ..AT_ONCE };
    let mut rig = Rig::new(limits);
    let mut actor = Player::connect(rig.address);
    actor.hello("benchmark", "eve");
    rig.turn_until("the player is welcome", |_| actor.try_welcome().is_some());
    for sequence in 0..3 {
        actor.input(sequence, &[0; 4_000]);
    }
    rig.turn_until("the leave is counted", |rig| rig.left_in_all() > 0);
    rig.turn_until("the connection is closed", |rig| rig.event_loop.hub().connections() == 0);
    assert_eq!(rig.left(LeaveReason::Flood, LeavePath::Read), 1);
    hears(&mut actor, GoodbyeReason::Flood, "more than 256 bytes a second, 8192 at once");
}

/// What piles up while a network hangs for some seconds is not a flood.
#[test]
fn five_seconds_of_input_at_once_are_no_flood() {
    let mut rig = Rig::new(AT_ONCE);
    let mut player = rig.join("ada");
    for sequence in 0..300 {
        player.input(sequence, &[0, 0, 0, 0]);
    }
    rig.turn_until("all were read", |rig| rig.event_loop.hub().metrics().inputs == 300);
    rig.turn_ticks(3);
    assert_eq!(rig.left_in_all(), 0);
}

#[test]
fn half_a_frame_and_then_silence() {
    let act = |actor: &mut Player| actor.send(&[16, 0, 0, 0, 1, 2, 3]);
    case_with(QUICK, act, LeaveReason::FrameTimeout, LeavePath::Timer, |actor| {
        hears(actor, GoodbyeReason::FrameTimeout, "200 ms");
    });
}

/// Bytes alone are no sign of life: a frame that never ends is not waited for for ever.
#[test]
fn a_dribble_of_bytes_does_not_extend_the_deadline_of_its_frame() {
    let mut rig = Rig::new(Limits { heartbeat_timeout_ms: 60_000, ..QUICK });
    let mut actor = rig.join("eve");
    actor.send(&4_000u32.to_le_bytes());
    let started = Instant::now();
    let mut sent_ms = 0;
    rig.turn_until("the leave is counted", |rig| {
        // A byte each millisecond: the frame would take twenty times its deadline.
        if started.elapsed().as_millis() > sent_ms {
            sent_ms += actor.try_send(&[1]) as u128;
        }
        rig.left_in_all() > 0
    });
    assert_eq!(rig.left(LeaveReason::FrameTimeout, LeavePath::Timer), 1);
}

#[test]
fn silence_is_asked_after_and_then_ends_it() {
    case_with(
        QUICK,
        |_| {},
        LeaveReason::Heartbeat,
        LeavePath::Timer,
        |actor| {
            actor.listen();
            assert!(
                actor.heard.iter().any(|heard| matches!(heard, Heard::Ping(_))),
                "it was asked"
            );
            assert!(matches!(actor.end, Some(End::Broken(_))), "reset: it does not listen anyway");
        },
    );
}

/// A client that speaks but does not read: its socket takes nothing any more, however lively it
/// is otherwise. Its thousand questions are answered once.
#[test]
fn a_reader_that_stops_reading_is_given_up_in_time() {
    // Its kernel, with a full buffer, may drop even the acknowledgements of what it sends, so that
    // it falls silent as well: not what this test is about.
    let limits = Limits { out_stall_ms: 300, socket_send_buffer_bytes: 4096, ..CHATTY };
    let mut rig = Rig::new(limits);
    let mut innocent = rig.join("ada");
    let actor = Player::connect_narrow(rig.address);
    let mut actor = rig.join_on(actor, "eve");
    let mut chatter = Vec::new();
    for nonce in 0..1_000 {
        ClientMessage::Ping { nonce }.encode(&mut chatter).expect("short");
    }
    let mut rest = &chatter[..];
    let (second, mut most_bytes) = (ConnectionId { slot: 1, generation: 0 }, 0);
    rig.turn_until("the leave is counted", |rig| {
        innocent.answer_pings();
        if rest.is_empty() {
            rest = &chatter;
        }
        // A ping may be cut; the rest of it must follow, or it would be another fault.
        rest = &rest[actor.try_send(rest)..];
        most_bytes = most_bytes.max(rig.event_loop.hub().unsent_bytes(second));
        rig.left_in_all() > 0
    });
    assert!(most_bytes < 4_096, "{most_bytes} bytes of answers were kept");
    let leaves = rig.event_loop.hub().metrics().leaves;
    let slow = rig.left(LeaveReason::SlowConsumerTime, LeavePath::Timer);
    assert_eq!((slow, rig.left_in_all()), (1, 1), "{leaves:?}");
    innocent.listen();
    assert_eq!(innocent.end, None);
    let ticks = innocent.ticks();
    assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
}

/// In a quiet room it takes minutes until the buffers between are full. Only that it does not
/// answer shows that a client which speaks does not read; its own system has taken everything.
#[test]
fn a_reader_that_stops_reading_in_a_quiet_room_is_given_up_in_time() {
    let limits = Limits { ping_every_ms: 100, out_stall_ms: 400, ..CHATTY };
    let mut rig = Rig::new(limits);
    let (mut innocent, mut actor) = (rig.join("ada"), rig.join("eve"));
    let second = ConnectionId { slot: 1, generation: 0 };
    let (mut sequence, mut most_bytes) = (0, 0);
    rig.turn_until("the leave is counted", |rig| {
        innocent.answer_pings();
        if rig.event_loop.hub().metrics().ticks > sequence {
            sequence = rig.event_loop.hub().metrics().ticks;
            actor.input(1, &[0; 4]);
        }
        most_bytes = most_bytes.max(rig.event_loop.hub().unsent_bytes(second));
        rig.left_in_all() > 0
    });
    assert_eq!(most_bytes, 0, "its socket took everything");
    assert_eq!(rig.left(LeaveReason::SlowConsumerTime, LeavePath::Timer), 1);
    innocent.listen();
    assert_eq!(innocent.end, None);
    let asked = innocent.heard.iter().filter(|heard| matches!(heard, Heard::Ping(_))).count();
    assert!(asked >= 2, "{asked} pings in half a second");
}

/// Before the hello: rejected with the reason, and never anybody's business in a room.
#[track_caller]
fn stranger(
    act: fn(&mut Player),
    reason: LeaveReason,
    path: LeavePath,
    goodbye: GoodbyeReason,
    words: &str,
) {
    let mut rig = Rig::new(QUICK);
    let mut stranger = Player::connect(rig.address);
    act(&mut stranger);
    rig.turn_until("the leave is counted", |rig| rig.left_in_all() > 0);
    rig.turn_until("the connection is closed", |rig| rig.event_loop.hub().connections() == 0);
    assert_eq!((rig.left(reason, path), rig.left_in_all()), (1, 1), "one leave, of this kind");
    hears(&mut stranger, goodbye, words);
    assert_eq!(rig.event_loop.hub().lobby().rooms().len(), 0);
}

#[test]
fn a_hello_that_never_comes() {
    let reason = LeaveReason::HelloTimeout;
    stranger(|_| {}, reason, LeavePath::Timer, GoodbyeReason::HelloTimeout, "200 ms");
}

#[test]
fn a_hello_that_dribbles() {
    let act = |stranger: &mut Player| stranger.send(&[40, 0, 0]);
    let reason = LeaveReason::HelloTimeout;
    stranger(act, reason, LeavePath::Timer, GoodbyeReason::HelloTimeout, "200 ms");
}

#[test]
fn a_wrong_version() {
    let act = |stranger: &mut Player| {
        stranger.say(&ClientMessage::Hello(Hello { version: 999, ..Hello::new("", "eve") }));
    };
    let reason = LeaveReason::Rejected(Rejection::Version);
    let goodbye = GoodbyeReason::VersionUnsupported { server: 1 };
    stranger(act, reason, LeavePath::Read, goodbye, "speaks protocol version 999");
}

#[test]
fn an_unknown_game() {
    let act = |stranger: &mut Player| stranger.hello("chess", "eve");
    let reason = LeaveReason::Rejected(Rejection::UnknownGame);
    let words = "hosted are: arena, benchmark, noughts";
    stranger(act, reason, LeavePath::Read, GoodbyeReason::UnknownGame, words);
}

#[test]
fn bad_names() {
    let reason = LeaveReason::Rejected(Rejection::BadName);
    let goodbye = GoodbyeReason::BadName;
    let empty = |stranger: &mut Player| stranger.hello("", " ");
    stranger(empty, reason, LeavePath::Read, goodbye, "empty");
    let long = |stranger: &mut Player| stranger.hello("", &"x".repeat(33));
    stranger(long, reason, LeavePath::Read, goodbye, "33 bytes, at most 32");
    let control = |stranger: &mut Player| stranger.hello("", "a\u{7}b");
    stranger(control, reason, LeavePath::Read, goodbye, "control characters");
}

#[test]
fn somebody_elses_protocol() {
    let act = |stranger: &mut Player| {
        stranger.send(&[9, 0, 0, 0]);
        stranger.send(b"not hello");
    };
    let reason = LeaveReason::Protocol(ProtocolFault::NotAHello);
    stranger(act, reason, LeavePath::Read, GoodbyeReason::Protocol, "not a hello");
    // The first bytes announce a frame of three quarters of a gigabyte.
    let act = |stranger: &mut Player| stranger.send(b"SSH-2.0-OpenSSH_9.2\r\n");
    stranger(act, LeaveReason::Oversize, LeavePath::Read, GoodbyeReason::Oversize, "at most 256");
}

#[test]
fn a_full_server_says_so() {
    let mut rig = Rig::new(Limits { connections_max: 2, ..AT_ONCE });
    let _seated = [rig.join("ada"), rig.join("bob")];
    let mut third = Player::connect(rig.address);
    rig.turn_until("the leave is counted", |rig| rig.left_in_all() > 0);
    rig.turn_until("the connection is closed", |rig| rig.event_loop.hub().connections() == 2);
    hears(&mut third, GoodbyeReason::Full, "full");
    assert_eq!(rig.left(LeaveReason::Rejected(Rejection::Full), LeavePath::Accept), 1);
}

/// Whoever has asked for the page by then reads it in the place of the page.
#[test]
fn a_full_server_says_so_in_an_answer_to_a_request() {
    let mut rig = Rig::new(Limits { connections_max: 2, ..AT_ONCE });
    let _seated = [rig.join("ada"), rig.join("bob")];
    for request in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &upgrade("")] {
        let mut third = Player::ask(rig.address, request);
        rig.turn_until("the answer is read", |_| {
            third.listen();
            third.end.is_some()
        });
        assert_eq!(third.end, Some(End::Eof), "it ends in an orderly way");
        let browser = third.browser.expect("it is one");
        assert!(browser.head.is_some_and(|head| head.starts_with("HTTP/1.1 503 ")));
        assert_eq!(browser.body, b"the server is full; try again later\n");
        rig.turn_until("the connection is closed", |rig| rig.event_loop.hub().connections() == 2);
    }
    assert_eq!(rig.left(LeaveReason::Rejected(Rejection::Full), LeavePath::Accept), 2);
}

/// The listener is edge-triggered: whoever waits in its queue makes no second edge. A failed accept
/// must not forget them, nor ask again and again without a pause.
#[test]
fn a_failed_accept_forgets_nobody() {
    for failure in [AcceptFailure::OutOfMemory, AcceptFailure::PeerAborted] {
        let mut rig = Rig::new(AT_ONCE);
        rig.event_loop.net_mut().fail_accept(failure);
        let mut player = Player::connect(rig.address);
        player.hello("", "ada");
        rig.turn_until("the player is welcome", |_| player.try_welcome().is_some());
        assert!(rig.event_loop.hub().metrics().turns < 100, "asked again and again");
    }
}

/// An address with too many connections, or that makes them too fast, is turned away at the door;
/// others are not, and once it has gone it may come again.
#[test]
fn one_address_has_its_share_and_no_more() {
    let guarded = Limits { guard_loopback: 1, ..AT_ONCE };
    let mut rig = Rig::new(Limits { connections_per_address_max: 2, ..guarded.clone() });
    let seated = [rig.join("ada"), rig.join("bob")];
    let mut third = Player::connect(rig.address);
    rig.turn_until("the third is turned away", |_| {
        third.listen();
        third.end.is_some()
    });
    assert_eq!((rig.event_loop.hub().connections(), rig.left_in_all()), (2, 0));
    seated.into_iter().for_each(Player::leave_by_fin);
    rig.turn_until("both have left", |rig| rig.event_loop.hub().connections() == 0);
    rig.join("eve");

    let slow = Limits { arrivals_per_address_burst: 3, ..guarded };
    let mut rig = Rig::new(Limits { arrivals_per_address_per_second: 1, ..slow });
    let mut storm: Vec<Player> = (0..10).map(|_| Player::connect(rig.address)).collect();
    rig.turn_until("the others are turned away", |_| {
        storm.iter_mut().for_each(Player::listen);
        storm.iter().filter(|player| player.end.is_some()).count() == 7
    });
    assert_eq!(rig.event_loop.hub().connections(), 3);
    assert!(rig.event_loop.hub().ledger_balances());
}

/// A connection that is reset before it is accepted harms nobody.
#[test]
fn dead_before_it_is_accepted() {
    let mut rig = Rig::new(AT_ONCE);
    for _ in 0..50 {
        Player::connect(rig.address).leave_by_reset();
    }
    rig.turn_until("all are counted", |rig| rig.left_in_all() == 50);
    assert_eq!(rig.event_loop.hub().connections(), 0);
    let mut late = rig.join("ada");
    rig.turn_ticks(2);
    late.listen();
    assert_eq!(late.end, None);
}

/// Whoever leaves in the middle of its bytes is still in the loop's list of those with more to
/// read. Its slot is free again within the turn, and the next one to get it has said hello already.
#[test]
fn whoever_gets_a_used_slot_is_heard() {
    let mut rig = Rig::new(QUICK);
    let mut first = rig.join("ada");
    first.say(&ClientMessage::Goodbye);
    let mut second = Player::connect(rig.address);
    second.hello("", "bob");
    rig.turn_until("the second is in or out", |rig| {
        second.try_welcome().is_some() || rig.left_in_all() > 1
    });
    assert_eq!(rig.left(LeaveReason::Goodbye, LeavePath::Read), 1);
    assert_eq!(rig.left_in_all(), 1, "the hello of the second was lost");
}

/// A hundred resets in one poll: each survivor gets at most one membership frame for each tick.
#[test]
fn a_hundred_resets_at_one_instant() {
    let mut rig = Rig::with_room_size(AT_ONCE, 200);
    let mut survivor = rig.join("ada");
    let crowd: Vec<Player> = (0..100).map(|number| rig.join(&format!("bot {number}"))).collect();
    survivor.listen();
    survivor.heard.clear();
    crowd.into_iter().for_each(Player::leave_by_reset);
    rig.turn_until("all are counted", |rig| rig.left_in_all() == 100);
    rig.turn_ticks(2);
    survivor.listen();
    let notices = survivor.departures();
    assert_eq!(notices.iter().flatten().count(), 100);
    assert!(notices.len() <= 2, "coalesced: {} frames", notices.len());
    assert!(notices.iter().flatten().all(|gone| gone.cause == LeaveCause::Disconnected));
    assert_eq!(rig.left(LeaveReason::Reset, LeavePath::Event), 100);
}
