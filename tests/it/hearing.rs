//! Who plays in a room that ticks often is read just before its ticks, and at no other time.
//!
//! That its end is seen at once all the same is shown by `broken_pipe` and by the catalogue of
//! leaves: those peers go between two ticks.

use std::time::Duration;

use gamekeeper::{
    client::leave::{LeavePath, LeaveReason},
    limits::{Limits, ms},
    shell::{EventLoop, net::Net as _},
};
use gamekeeper_tests::{
    memory_net::{MemoryNet, full_rooms},
    rig::{AT_ONCE, Rig},
};

/// Players of the simulated server: one room.
const PLAYERS: u64 = 50;

/// The time between two ticks.
const PERIOD: Duration = Duration::from_millis(50);

#[test]
fn an_input_wakes_nobody_and_is_heard_at_the_tick() {
    let mut rig = Rig::new(AT_ONCE);
    let mut player = rig.join("ada");
    rig.turn_ticks(2);
    let seen = |rig: &Rig| {
        let metrics = rig.event_loop.hub().metrics();
        (metrics.ticks, metrics.inputs, metrics.turns)
    };
    let (first_tick, _, first_turn) = seen(&rig);
    for round in 1..=20 {
        let (ticks, inputs, _) = seen(&rig);
        player.input(round, &[0, 0, 0, 0]);
        rig.turn_until("the input was heard", |rig| seen(rig).1 > inputs);
        assert_eq!(seen(&rig).1, inputs + 1);
        assert!(seen(&rig).0 > ticks, "it was heard in a turn with a tick");
    }
    let (last_tick, _, last_turn) = seen(&rig);
    let (ticks, turns) = (last_tick - first_tick, last_turn - first_turn);
    assert!(turns < 2 * ticks, "{turns} turns for {ticks} ticks, and 20 inputs");
}

/// A server whose players have all been asked whether they live, and have until shortly after the
/// next tick to say so.
fn nearly_too_late() -> EventLoop<MemoryNet> {
    let mut server = full_rooms("benchmark", usize::try_from(PLAYERS).expect("few"));
    server.net_mut().everybody_is_silent();
    let answer = ms(Limits::DEFAULT.heartbeat_timeout_ms - Limits::DEFAULT.ping_after_ms);
    loop {
        server.turn().expect("this poll does not fail");
        let (_, first) = server.hub().in_slot(0).expect("nobody has left yet");
        let asked_at = first.pulse.pinged_at;
        if asked_at.is_some_and(|at| server.net().now() + PERIOD > at + answer) {
            return server;
        }
    }
}

/// How many have left for silence when the next tick is over.
fn silent_after_the_next_tick(mut server: EventLoop<MemoryNet>) -> u64 {
    let ticks = server.hub().metrics().ticks;
    while server.hub().metrics().ticks == ticks && !server.hub().is_empty() {
        server.turn().expect("this poll does not fail");
    }
    let leaves = server.hub().metrics().leaves;
    leaves[LeaveReason::Heartbeat.index()][LeavePath::Timer.index()]
}

/// Their deadline comes between two ticks, and so does their answer: it lies in the kernel.
#[test]
fn who_has_answered_since_the_last_tick_is_not_late() {
    let mut server = nearly_too_late();
    server.net_mut().everybody_speaks();
    assert_eq!(silent_after_the_next_tick(server), 0);
    assert_eq!(silent_after_the_next_tick(nearly_too_late()), PLAYERS, "the others are late");
}
