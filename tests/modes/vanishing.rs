//! Section C of the catalogue: vanishing and stalling. No news arrives, only silence.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use gamekeeper::{
    client::leave::{LeavePath::*, LeaveReason},
    limits::Limits,
};
use gamekeeper_protocol::{ClientMessage, InputSequence, Presence, codec::Bytes};
use gamekeeper_tests::{
    player::{Player, Transport},
    rig::{Rig, listener},
    wire::Wire,
};
use rustix::process::Signal;

use crate::{
    Shown, Skipped, modes,
    scene::{Ending, QUICK, STUFFED, Scene},
};

modes! {
    over both {
        m21_vanishes_without_a_word
        m22_vanishes_in_the_middle_of_the_stream
        m23_no_way_leads_to_it_any_more
        m24_a_blip_that_heals
        m25_its_process_is_frozen
        m26_never_reads
        m26_never_reads_in_a_quiet_room
        m26_never_reads_far_away
        m27_slow_but_alive
        m28_reads_but_never_speaks
        m29_forgotten_by_a_nat
        m30_pauses_and_bursts
    }
}

/// The delay of a wire that is only there to be cut.
const SHORT: Duration = Duration::from_millis(1);

/// A wire, a scene that listens at its server's end as well, and an actor from the other end.
fn over_a_wire(
    over: Transport,
    one_way: Duration,
    limits: Limits,
) -> Result<(Wire, Scene, Player), Skipped> {
    let wire = Wire::lay(one_way).map_err(Skipped::because)?;
    let address = SocketAddr::from((Wire::SERVER, 7777));
    let listener = wire.on_server(|| listener(address, &limits));
    let mut scene = Scene::on(over, Rig::arena_on(limits, listener));
    let actor = wire.on_client(|| Player::connect(address).speaking(over));
    let actor = scene.join_on(actor, "eve");
    Ok((wire, scene, actor))
}

/// Our kernel gives up before any deadline of ours does.
const KERNEL_FIRST: Limits = Limits {
    tcp_user_timeout_ms: 1_000,
    heartbeat_timeout_ms: 60_000,
    out_stall_ms: 60_000,
    ..QUICK
};

/// The cable is pulled: neither a FIN nor a reset ever comes.
fn m21_vanishes_without_a_word(over: Transport) -> Shown {
    let (wire, scene, actor) = over_a_wire(over, SHORT, QUICK)?;
    let ending = Ending::of(&actor, LeaveReason::Heartbeat, &[Timer]);
    wire.cut(true);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// While data is under way, keepalive probes are not even sent. `TCP_USER_TIMEOUT` is the backstop.
fn m22_vanishes_in_the_middle_of_the_stream(over: Transport) -> Shown {
    let (wire, scene, actor) = over_a_wire(over, SHORT, KERNEL_FIRST)?;
    let ending = Ending::of(&actor, LeaveReason::TimedOut, &[Event]);
    wire.cut(true);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// The same timeout, and the network has said why: another error number.
fn m23_no_way_leads_to_it_any_more(over: Transport) -> Shown {
    let (wire, mut scene, actor) = over_a_wire(over, SHORT, KERNEL_FIRST)?;
    let ending = Ending::of(&actor, LeaveReason::Unreachable, &[Event]);
    // Linux remembers what the network says only when it sends something again. So a state must be
    // on its way when the device goes, or this is a plain timeout.
    wire.cut(true);
    let sent = |scene: &Scene| scene.rig.event_loop.hub().metrics().snapshots;
    let before = sent(&scene);
    scene.turn_until("states are on their way", |scene| sent(scene) > before + 1);
    wire.unplug_server();
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// Two seconds without a network cost nothing; the others see a stall, and that it is over.
fn m24_a_blip_that_heals(over: Transport) -> Shown {
    let patient =
        Limits { stalled_after_ms: 800, heartbeat_timeout_ms: 6_000, out_stall_ms: 5_000, ..QUICK };
    let (wire, mut scene, mut actor) = over_a_wire(over, SHORT, patient)?;
    let mut witness = scene.join("witness");
    witness.forget();
    wire.cut(true);
    let heals_at = Instant::now() + Duration::from_secs(2);
    scene.turn_until("the network is back", |_| {
        witness.answer_pings();
        actor.answer_pings();
        Instant::now() >= heals_at
    });
    wire.cut(false);
    let who = actor.id.expect("it has joined");
    let heard = actor.ticks().len();
    scene.turn_until("the actor plays on", |_| {
        witness.answer_pings();
        actor.answer_pings();
        witness.presences().last() == Some(&(who, Presence::Here)) && actor.ticks().len() > heard
    });
    assert_eq!(witness.presences(), [(who, Presence::Stalled), (who, Presence::Here)]);
    assert_eq!(scene.rig.event_loop.hub().metrics().silences.count(), 1);
    scene.nobody_left(&mut actor);
    Ok(())
}

/// SIGSTOP, a debugger, a closed lid: its kernel goes on acknowledging. Only an answer of the
/// client's own loop would show life.
fn m25_its_process_is_frozen(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let (process, who) = scene.join_process(true);
    process.signal(Signal::STOP);
    let ending = Ending { reason: LeaveReason::Heartbeat, paths: &[Timer], who: Some(who) };
    scene.ends_with(process, &ending, |_| {});
    Ok(())
}

/// Says an input now and then, and reads nothing.
fn speak(next_input: &mut Instant, actor: &mut Player) {
    if Instant::now() >= *next_input {
        *next_input += Duration::from_millis(50);
        // Its own kernel may have no room for it: then it falls silent, which is not its choice.
        actor.try_input(1, &[0; 4]);
    }
}

/// Its window is zero, which is legal for ever. It speaks, so that the heartbeat is content.
fn m26_never_reads(over: Transport) -> Shown {
    let limits = Limits { out_stall_ms: 600, ..STUFFED };
    let mut scene = Scene::on(over, Rig::benchmark(limits));
    let actor = scene.connect_narrow();
    let actor = scene.join_on(actor, "eve");
    let ending = Ending::of(&actor, LeaveReason::SlowConsumerTime, &[Timer]);
    let mut next_input = Instant::now();
    scene.ends_with(actor, &ending, |actor| speak(&mut next_input, actor));
    Ok(())
}

/// With little to send, the buffers between would take minutes to fill: a ping finds it.
fn m26_never_reads_in_a_quiet_room(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::SlowConsumerTime, &[Timer]);
    let mut next_input = Instant::now();
    scene.ends_with(actor, &ending, |actor| speak(&mut next_input, actor));
    Ok(())
}

/// At 200 ms for a round trip some state is always under way. So that something is being taken by
/// its kernel must not be mistaken for reading.
fn m26_never_reads_far_away(over: Transport) -> Shown {
    let limits = Limits { out_stall_ms: 2_000, heartbeat_timeout_ms: 10_000, ..QUICK };
    let (_wire, scene, actor) = over_a_wire(over, Duration::from_millis(100), limits)?;
    let ending = Ending::of(&actor, LeaveReason::SlowConsumerTime, &[Timer]);
    let mut next_input = Instant::now();
    scene.ends_with(actor, &ending, |actor| speak(&mut next_input, actor));
    Ok(())
}

/// It reads six kilobytes a second of the twenty that there are: it gets fewer states, and stays.
fn m27_slow_but_alive(over: Transport) -> Shown {
    let limits = Limits { socket_send_buffer_bytes: 4_096, ..gamekeeper_tests::rig::AT_ONCE };
    let mut scene = Scene::on(over, Rig::benchmark(limits));
    let actor = scene.connect_narrow();
    let mut actor = scene.join_on(actor, "slow");
    let skipped = scene.rig.event_loop.hub().metrics().snapshots_skipped;
    let (started, mut read_bytes) = (Instant::now(), 0);
    scene.turn_until("eight seconds are over", |_| {
        let elapsed = started.elapsed();
        let allowed = usize::try_from(elapsed.as_millis()).expect("small") * 6;
        if allowed > read_bytes + 600 {
            read_bytes += actor.listen_to(600);
            actor.answer_heard_pings();
        }
        elapsed > Duration::from_secs(8)
    });
    let skipped = scene.rig.event_loop.hub().metrics().snapshots_skipped - skipped;
    assert!(skipped > 20, "{skipped} states were left out for it");
    let ticks = actor.ticks();
    assert!(ticks.len() > 20 && ticks.is_sorted(), "it sees the game, if less of it: {ticks:?}");
    scene.nobody_left(&mut actor);
    Ok(())
}

fn m28_reads_but_never_speaks(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Heartbeat, &[Timer]);
    scene.ends_with(actor, &ending, Player::listen);
    Ok(())
}

/// In a turn-based game nothing is said for minutes, and routers forget who is silent. The pings
/// keep them awake; where they do not, it looks like M21.
fn m29_forgotten_by_a_nat(over: Transport) -> Shown {
    let wire = Wire::lay(Duration::from_millis(1)).map_err(Skipped::because)?;
    let address = SocketAddr::from((Wire::SERVER, 7777));
    let listener = wire.on_server(|| listener(address, &QUICK));
    let mut scene = Scene::on(over, Rig::arena_on(QUICK, listener));
    let mut actor = wire.on_client(|| Player::connect(address).speaking(over));
    scene.let_speak(&mut actor);
    actor.hello("noughts", "eve");
    scene.turn_until("the actor is welcome", |_| actor.try_welcome().is_some());
    let idle_until = Instant::now() + Duration::from_secs(2);
    scene.turn_until("it was idle for a while", |_| {
        actor.answer_pings();
        Instant::now() >= idle_until
    });
    assert_eq!(scene.left(), 0, "idle and reachable is no reason to leave");
    wire.cut(true);
    // In a room of its own, so nobody is told.
    let ending = Ending::of_a_stranger(LeaveReason::Heartbeat, &[Timer]);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// After a hitch a client delivers seconds of input at once. That is no flood: old inputs are
/// dropped, the others of the room have their share, and nobody leaves.
fn m30_pauses_and_bursts(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let dropped = scene.rig.event_loop.hub().metrics().inputs_dropped;
    let mut burst = Vec::new();
    for sequence in 1..=200 {
        let sequence = InputSequence(sequence);
        burst.extend(actor.bytes_of(&ClientMessage::Input { sequence, body: Bytes(&[0; 4]) }));
    }
    actor.send(&burst);
    scene.turn_ticks(5);
    let dropped = scene.rig.event_loop.hub().metrics().inputs_dropped - dropped;
    assert!(dropped >= 150, "{dropped} old inputs were dropped");
    scene.nobody_left(&mut actor);
    Ok(())
}
