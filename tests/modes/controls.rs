//! Negative controls: odd, slow or unlucky, and yet nobody may be thrown out. (More of them are
//! modes of the catalogue: M24, M27, M30, M36, M53.)

use std::time::{Duration, Instant};

use gamekeeper::limits::Limits;
use gamekeeper_protocol::{ClientMessage, InputSequence, codec::Bytes};
use gamekeeper_tests::{
    player::{Heard, Transport},
    rig::{AT_ONCE, Rig},
};

use crate::{
    Shown, modes,
    scene::{QUICK, Scene},
};

modes! {
    over both {
        c01_one_byte_at_a_time
        c02_a_late_pong_inside_the_deadline
        c03_half_a_second_of_stall
        c04_silent_but_answering
    }
}

/// Bytes that come one at a time make a frame all the same, if they come within its deadline.
fn c01_one_byte_at_a_time(over: Transport) -> Shown {
    // A turn of the loop may last as long as a tick, so a frame may take half a second.
    let mut scene = Scene::new(over, Limits { frame_timeout_ms: 2_000, ..QUICK });
    let mut actor = scene.join("eve");
    let inputs = scene.rig.event_loop.hub().metrics().inputs;
    let sequence = InputSequence(1);
    let frame = actor.bytes_of(&ClientMessage::Input { sequence, body: Bytes(&[0; 4]) });
    for _ in 0..6 {
        for byte in &frame {
            actor.send(&[*byte]);
            scene.turn_for(Duration::from_millis(5));
        }
        // Not in the middle of a frame.
        actor.answer_pings();
    }
    scene.turn_until("all six are heard", |scene| {
        scene.rig.event_loop.hub().metrics().inputs == inputs + 6
    });
    scene.nobody_left(&mut actor);
    Ok(())
}

/// The ping is answered at nine tenths of the deadline, again and again.
fn c02_a_late_pong_inside_the_deadline(over: Transport) -> Shown {
    let limits = Limits { heartbeat_timeout_ms: 2_000, stalled_after_ms: 10_000, ..QUICK };
    let mut scene = Scene::new(over, limits);
    let mut actor = scene.join("eve");
    let mut asked_at = None;
    let mut answers = 0;
    scene.turn_until("it has answered twice", |_| {
        actor.listen();
        if asked_at.is_none() && actor.heard.iter().any(|heard| matches!(heard, Heard::Ping(_))) {
            asked_at = Some(Instant::now());
        }
        if asked_at.is_some_and(|at: Instant| at.elapsed() > Duration::from_millis(1_600)) {
            actor.answer_heard_pings();
            actor.forget();
            (asked_at, answers) = (None, answers + 1);
        }
        answers == 2
    });
    scene.turn_ticks(4);
    scene.nobody_left(&mut actor);
    Ok(())
}

/// It reads nothing for half a second, and then everything: a garbage collector, say.
fn c03_half_a_second_of_stall(over: Transport) -> Shown {
    let mut scene =
        Scene::on(over, Rig::benchmark(Limits { socket_send_buffer_bytes: 4_096, ..AT_ONCE }));
    let narrow = scene.connect_narrow();
    let mut actor = scene.join_on(narrow, "eve");
    for _ in 0..3 {
        scene.turn_for(Duration::from_millis(500));
        actor.answer_pings();
    }
    scene.turn_ticks(4);
    actor.answer_pings();
    let last = *actor.ticks().last().expect("it sees the game");
    let now = scene.rig.event_loop.hub().lobby().rooms().next().expect("the room").last_tick().0;
    assert!(now - last <= 4, "and what it sees is fresh: tick {last} of {now}");
    scene.nobody_left(&mut actor);
    Ok(())
}

/// It has nothing to say for many heartbeats and answers each ping: that is all it takes.
fn c04_silent_but_answering(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let end = Instant::now() + Duration::from_secs(3);
    scene.turn_until("three heartbeats are over", |_| {
        actor.answer_pings();
        Instant::now() >= end
    });
    scene.nobody_left(&mut actor);
    Ok(())
}
