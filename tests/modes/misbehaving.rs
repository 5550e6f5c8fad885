//! Section D of the catalogue: clients that misbehave, by mistake or on purpose.

use std::time::{Duration, Instant};

use gamekeeper::{
    client::{
        close,
        leave::{LeavePath::*, LeaveReason, ProtocolFault, Rejection},
    },
    limits::Limits,
    metrics::{Farewell, ResumeOutcome},
};
use gamekeeper_protocol::{ClientMessage, GoodbyeReason, Hello};
use gamekeeper_tests::{
    player::{End, Player, Transport},
    rig::Rig,
};

use crate::{
    Shown, modes,
    scene::{Ending, QUICK, STUFFED, Scene},
    transports::{check_close_code, empty_message},
};

modes! {
    over both {
        m31_connects_and_says_nothing
        m32_byte_dribble
        m33_oversize_prefix
        m34_garbage
        m34_trailing_bytes
        m34_wrong_version
        m35_flood
        m36_urgent_byte
        m37_connect_and_close_storm
        m38_same_player_twice
        m39_streams_after_the_kick
        m40_never_answers_our_fin
        m40_never_reads_our_farewell
        m41_tiny_window
    }
}

fn m31_connects_and_says_nothing(over: Transport) -> Shown {
    let scene = Scene::new(over, QUICK);
    let actor = scene.connect();
    let ending = Ending::of_a_stranger(LeaveReason::HelloTimeout, &[Timer]);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// A byte now and then is no sign of life: the deadline is for the frame, of either kind.
fn m32_byte_dribble(over: Transport) -> Shown {
    let limits = Limits { frame_timeout_ms: 800, ..QUICK };
    let mut scene = Scene::new(over, limits);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::FrameTimeout, &[Timer]);
    actor.send(&actor.begun(200, &[]));
    let mut next_byte = Instant::now();
    scene.ends_with(actor, &ending, |actor| {
        if Instant::now() >= next_byte {
            next_byte += Duration::from_millis(20);
            actor.try_send(&[1]);
        }
    });
    Ok(())
}

/// The farewell arrives, and is followed by an orderly end; before that comes this number, if a
/// WebSocket is closed.
#[track_caller]
fn hears(
    scene: &mut Scene,
    actor: &mut Player,
    reason: GoodbyeReason,
    words: &str,
    close_code: u16,
) {
    scene.turn_until("the farewell is heard", |_| {
        actor.listen();
        actor.end.is_some()
    });
    let (said, text) = actor.goodbye().expect("the last frame is a goodbye");
    assert_eq!(said, reason);
    assert!(text.contains(words), "{text:?} should say {words:?}");
    assert_eq!(actor.end, Some(End::Eof), "the farewell ends in an orderly way");
    check_close_code(actor, close_code);
}

/// Refused before anything is allocated for it, with a word on what was wrong.
fn m33_oversize_prefix(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Oversize, &[Read]);
    actor.listen();
    actor.send(&actor.begun(u32::MAX.into(), &[]));
    let words = "4294967295 bytes, but at most 4096";
    hears(&mut scene, &mut actor, GoodbyeReason::Oversize, words, close::TOO_BIG);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

fn m34_garbage(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let reason = LeaveReason::Protocol(ProtocolFault::Undecodable);
    let ending = Ending::of(&actor, reason, &[Read]);
    actor.send(&actor.wrapped(&[0xfe; 3]));
    hears(&mut scene, &mut actor, GoodbyeReason::Protocol, "not a message", close::PROTOCOL);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// A message and a byte more is no message.
fn m34_trailing_bytes(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let reason = LeaveReason::Protocol(ProtocolFault::Undecodable);
    let ending = Ending::of(&actor, reason, &[Read]);
    // A goodbye, and a byte that belongs to nothing.
    actor.send(&actor.wrapped(&[4, 0]));
    hears(&mut scene, &mut actor, GoodbyeReason::Protocol, "", close::PROTOCOL);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

fn m34_wrong_version(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.connect();
    scene.let_speak(&mut actor);
    actor.say(&ClientMessage::Hello(Hello { version: 999, ..Hello::new("", "eve") }));
    let reason = LeaveReason::Rejected(Rejection::Version);
    let goodbye = GoodbyeReason::VersionUnsupported { server: 1 };
    let words = "speaks protocol version 999";
    hears(&mut scene, &mut actor, goodbye, words, close::code_of(reason));
    scene.ends_with(actor, &Ending::of_a_stranger(reason, &[Read]), |_| {});
    Ok(())
}

fn m35_flood(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Flood, &[Read]);
    let mut frames = Vec::new();
    for nonce in 0..700 {
        frames.extend(actor.bytes_of(&ClientMessage::Ping { nonce }));
    }
    actor.send(&frames);
    let words = "more than 120 frames a second, 600 at once";
    let close_code = close::code_of(LeaveReason::Flood);
    hears(&mut scene, &mut actor, GoodbyeReason::Flood, words, close_code);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// An event without data is nothing to trip over.
fn m36_urgent_byte(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    actor.send_urgent(7);
    scene.turn_ticks(3);
    actor.say(&ClientMessage::Ping { nonce: 1 });
    scene.turn_until("what follows is read", |_| {
        actor.answer_pings();
        actor.heard.contains(&gamekeeper_tests::player::Heard::Pong(1))
    });
    scene.nobody_left(&mut actor);
    Ok(())
}

/// A port scan, or a herd that comes and goes: each is counted once, and nobody in a room notices.
fn m37_connect_and_close_storm(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    storm(&mut scene);
    // The first storm makes room for two hundred connections; the second needs nothing more.
    scene.begin_again();
    let before = by_fin_and_reset(&scene);
    storm(&mut scene);
    let after = by_fin_and_reset(&scene);
    assert_eq!([after[0] - before[0], after[1] - before[1]], [100, 100]);
    scene.check_bystanders(&[]);
    scene.check_baseline();
    Ok(())
}

fn storm(scene: &mut Scene) {
    let accepted = scene.rig.event_loop.hub().metrics().accepted;
    for round in 0..200 {
        let stranger = scene.connect();
        if round % 2 == 0 {
            stranger.leave_by_reset();
        } else {
            stranger.leave_by_fin();
        }
    }
    scene.turn_until("all have left", |scene| scene.left() == 200);
    scene.turn_ticks(3);
    assert_eq!(scene.rig.event_loop.hub().metrics().accepted - accepted, 200);
}

fn by_fin_and_reset(scene: &Scene) -> [u64; 2] {
    let leaves = scene.rig.event_loop.hub().metrics().leaves;
    [LeaveReason::Fin, LeaveReason::Reset].map(|reason| leaves[reason.index()].iter().sum())
}

/// The newer connection has the seat; what the older one does later is nobody's business.
fn m38_same_player_twice(over: Transport) -> Shown {
    let mut scene = Scene::new(over, Limits { resume_window_ms: 30_000, ..QUICK });
    let mut old = scene.join("eve");
    old.listen();
    let ending = Ending { who: None, ..Ending::of(&old, LeaveReason::Replaced, &[App]) };
    let mut new = scene.connect();
    scene.let_speak(&mut new);
    new.resume(&old);
    scene.turn_until("she is welcome again", |_| new.try_welcome().is_some());
    assert_eq!(new.id, old.id, "the same player");
    let taken_over =
        scene.rig.event_loop.hub().metrics().resumes[ResumeOutcome::TakenOver as usize];
    assert_eq!(taken_over, 1);
    let close_code = close::code_of(LeaveReason::Replaced);
    hears(&mut scene, &mut old, GoodbyeReason::Replaced, "another connection", close_code);
    old.leave_by_reset();
    scene.turn_ticks(3);
    new.answer_pings();
    assert_eq!(new.end, None, "its late end changes nothing");
    assert_eq!(scene.left(), 1, "one leave, of the old connection");
    scene.check_counts(&ending);
    scene.check_bystanders(&[]);
    let who = new.id.expect("it has joined");
    new.say(&ClientMessage::Goodbye);
    scene.turn_until("she has left", |scene| scene.left() == 2);
    scene.turn_ticks(3);
    scene.check_bystanders(&[(who, LeaveReason::Goodbye.cause())]);
    drop(new);
    scene.check_baseline();
    Ok(())
}

/// What it sends after the farewell is read and dropped, up to a bound; then it is cut.
fn m39_streams_after_the_kick(over: Transport) -> Shown {
    let limits = Limits { linger_ms: 20_000, linger_discard_bytes: 1_000, ..STUFFED };
    let mut scene = Scene::on(over, Rig::benchmark(limits));
    let mut actor = scene.join_stuffed();
    let ending = Ending::of(&actor, empty_message(over), &[Read]);
    actor.send(&actor.wrapped(&[]));
    scene.turn_until("it is cut", |scene| {
        actor.try_send(&[7; 100]);
        scene.farewells(Farewell::Lost) == 1
    });
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// It has read the farewell and keeps its socket open. That its kernel has everything is enough.
fn m40_never_answers_our_fin(over: Transport) -> Shown {
    let mut scene = Scene::new(over, Limits { linger_ms: 20_000, ..QUICK });
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, empty_message(over), &[Read]);
    actor.send(&actor.wrapped(&[]));
    scene.turn_until("the server has let it go", |scene| scene.farewells(Farewell::Delivered) == 1);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// It does not read at all, so the farewell cannot arrive: the deadline ends the wait.
fn m40_never_reads_our_farewell(over: Transport) -> Shown {
    let mut scene = Scene::on(over, Rig::benchmark(STUFFED));
    let mut actor = scene.join_stuffed();
    let ending = Ending::of(&actor, empty_message(over), &[Read]);
    actor.send(&actor.wrapped(&[]));
    scene.turn_until("the server has waited long enough", |scene| {
        scene.farewells(Farewell::Deadline) == 1
    });
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// A tiny window pins memory: one state in the server's own, and what `SO_SNDBUF` allows.
fn m41_tiny_window(over: Transport) -> Shown {
    let limits = Limits { out_stall_ms: 1_500, ..STUFFED };
    let mut scene = Scene::on(over, Rig::benchmark(limits));
    let actor = scene.join_stuffed();
    let ending = Ending::of(&actor, LeaveReason::SlowConsumerTime, &[Timer]);
    let (id, mut most_bytes) = (*scene.guests().last().expect("it is in"), 0);
    let mut next_input = Instant::now();
    let mut actor = actor;
    scene.turn_until("the leave is counted", |scene| {
        let hub = scene.rig.event_loop.hub();
        most_bytes = most_bytes.max(hub.unsent_bytes(id));
        if Instant::now() >= next_input {
            next_input += Duration::from_millis(50);
            actor.try_input(1, &[0; 4]);
        }
        scene.left() > 0
    });
    // The rest of a state that is partly written, a newer state, and a ping.
    assert!(most_bytes < 3 * 1_100, "{most_bytes} bytes were kept for it");
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}
