//! How many instructions the server's hot paths take.
//!
//! Data flow: `MemoryNet` -> **the production loop, or a part of it** -> a number. Valgrind counts,
//! so the kernel is left out and a busy machine makes no difference. It does not say how long
//! anything takes; that is what `gamekeeper-loadtest bench` is for.
//!
//! Each bench has a limit, and the run fails if one is passed. The limits are those of a release
//! build by rustc 1.95.0, and a twelfth of room. Another compiler makes other code, so there they
//! are only a hint, and `.ci/run` says so. Who makes a path shorter lowers its limit.

#![allow(
    missing_docs,
    unused_qualifications,
    reason = "the macros of the harness make modules, and write out what is imported"
)]

use std::{hint::black_box, time::Duration};

use gamekeeper::{
    client::outbound::OutboundQueue,
    frames::{SharedFrame, shared_frame},
    hub::{Hub, Input, wheel::TimerWheel},
    ids::{ConnectionId, PeerAddr},
    limits::Limits,
    shell::EventLoop,
    time::Time,
};
use gamekeeper_protocol::{ServerMessage, Tick, codec::Bytes};
use gamekeeper_tests::{
    memory_net::{MemoryNet, full_rooms, hello_frame, input_frame},
    rig::{lobby, turn_alone},
};
use gungraun::{Callgrind, EventKind, prelude::*};

type Server = EventLoop<MemoryNet>;

/// Bytes of a state, as in the table of the README.
const STATE_BYTES: usize = 1_024;

/// Connections of the benches that have no server.
const SLOTS: u32 = 1_000;

/// The C library copies and compares memory with the widest registers that the processor has, which
/// makes up to a seventh of the smallest bench. Without these it takes the instructions that every
/// x86-64 processor has, so that each machine counts the same. Other C libraries do not read it.
const PLAIN_COPIES: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,\
                            -SSSE3,-SSE4_1,-SSE4_2,-MOVBE,-BMI1,-BMI2,-LZCNT,-RTM";

/// At most so many instructions.
fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.env("GLIBC_TUNABLES", PLAIN_COPIES);
    config.tool(callgrind);
    config
}

// A turn in which one room of fifty ticks: fifty reads of an input each, the tick, fifty sends.
#[library_benchmark(config = at_most(88_500))]
#[bench::alone(full_rooms("benchmark", 50))]
#[bench::among_a_thousand(full_rooms("benchmark", 1_000))]
fn one_tick(mut server: Server) -> Server {
    black_box(server.turn()).expect("this poll does not fail");
    server
}

/// A hub with a full room, the connections of its players, and what each of them says.
fn fifty_inputs() -> (Hub, Vec<ConnectionId>, Vec<u8>) {
    let (limits, hello) = (Limits::DEFAULT, hello_frame());
    let lobby = lobby(&limits, 50);
    let mut hub = Hub::new(limits, "benchmark".to_owned(), lobby, Time::ZERO);
    let players: Vec<_> = (0..50)
        .map(|_| hub.admit(PeerAddr::Unix, Time::ZERO).expect("nobody counts these"))
        .collect();
    for &from in &players {
        hub.handle(Input::Bytes { from, bytes: &hello }, Time::ZERO);
    }
    turn_alone(&mut hub, after(50), |_, _| {});
    (hub, players, input_frame())
}

// Fifty inputs, from bytes to the room, without the loop.
#[library_benchmark(config = at_most(43_100))]
#[bench::of_fifty(fifty_inputs())]
fn inputs((mut hub, players, frame): (Hub, Vec<ConnectionId>, Vec<u8>)) -> Hub {
    for from in players {
        hub.handle(Input::Bytes { from, bytes: &frame }, after(90));
    }
    hub
}

// A state of the usual size, from bytes to a frame to share.
#[library_benchmark(config = at_most(1_650))]
#[bench::of_a_kibibyte(vec![7; STATE_BYTES])]
fn snapshot(body: Vec<u8>) -> SharedFrame {
    let message = ServerMessage::Snapshot { tick: Tick(7), body: Bytes(&body) };
    shared_frame(black_box(&message)).expect("it fits into a frame")
}

/// A frame and as many queues as there are players in a room.
fn fifty_queues() -> (SharedFrame, Vec<OutboundQueue>) {
    let queues = (0..50).map(|_| OutboundQueue::default()).collect();
    (SharedFrame::plain(&[7; STATE_BYTES]), queues)
}

// A frame into fifty queues, and out of them.
#[library_benchmark(config = at_most(5_810))]
#[bench::of_fifty(fifty_queues())]
fn queues((frame, mut queues): (SharedFrame, Vec<OutboundQueue>)) -> Vec<OutboundQueue> {
    for queue in &mut queues {
        queue.set_latest(SharedFrame::clone(&frame));
        let mut slices = [std::io::IoSlice::new(&[]); 8];
        black_box(queue.slices(&mut slices, usize::MAX));
        queue.advance(frame.wire_bytes(queue.framing()));
    }
    queues
}

/// A wheel with a timer for each slot, spread over a second.
fn thousand_timers() -> (TimerWheel, Vec<u32>) {
    let mut wheel = TimerWheel::new();
    (0..SLOTS).for_each(|slot| wheel.set(slot, after(u64::from(slot)), Time::ZERO));
    (wheel, Vec::with_capacity(SLOTS as usize))
}

// Looks and sets of a thousand timers in a second: each fires once and is set again.
#[library_benchmark(config = at_most(156_300))]
#[bench::of_a_thousand(thousand_timers())]
fn timers((mut wheel, mut fired): (TimerWheel, Vec<u32>)) -> TimerWheel {
    for now in (0..1_000).step_by(50).map(after) {
        wheel.expire(now, &mut fired);
        for slot in fired.drain(..) {
            wheel.set(slot, now + Duration::from_secs(1), now);
        }
        black_box(wheel.next_due());
    }
    wheel
}

fn after(milliseconds: u64) -> Time {
    Time::ZERO + Duration::from_millis(milliseconds)
}

library_benchmark_group!(
    name = hot_paths,
    benchmarks = [one_tick, inputs, snapshot, queues, timers]
);
main!(library_benchmark_groups = hot_paths);
