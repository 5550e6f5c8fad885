//! Section B of the catalogue: abortive leaves. A reset arrives, or the kernel gives up.

use std::{net::SocketAddr, process::Command, time::Duration};

use gamekeeper::{
    client::leave::{LeavePath::*, LeaveReason},
    limits::Limits,
    metrics::Farewell,
    shell::net::Send,
};
use gamekeeper_tests::{
    browser::upgrade,
    player::{Player, Transport},
    rig::{Rig, listener},
    wire::Wire,
};
use rustix::process::Signal;

use crate::{
    Shown, Skipped, modes,
    scene::{DEAF, Ending, QUICK, STUFFED, Scene},
    transports::empty_message,
};

modes! {
    over both {
        m09_reset
        m10_data_then_reset
        m11_dies_with_unread_snapshots
        m12_reset_after_fin
        m13_writes_succeed_for_a_while
        m14_reset_before_accept
        m15_fin_before_accept
        m16_gone_between_the_look_and_the_write
        m17_reset_while_its_socket_is_full
        m18_killed_by_an_administrator
        m19_the_client_has_rebooted
        m20_reset_while_we_linger
    }
}

fn m09_reset(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Reset, &[Event]);
    actor.leave_by_reset();
    scene.ends(&ending);
    Ok(())
}

/// What was received before a reset can still be read, and is; then comes the error, once.
fn m10_data_then_reset(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Reset, &[Event]);
    let inputs = scene.rig.event_loop.hub().metrics().inputs;
    actor.input(1, &[0; 4]);
    actor.leave_by_reset();
    scene.turn_until("the leave is counted", |scene| scene.left() > 0);
    assert_eq!(scene.rig.event_loop.hub().metrics().inputs, inputs + 1, "what came first was read");
    scene.ends(&ending);
    Ok(())
}

/// The ordinary crash of a game client: states lie unread in its buffer, so its kernel sends a
/// reset and not a FIN.
fn m11_dies_with_unread_snapshots(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let (process, who) = scene.join_process(false);
    scene.turn_ticks(4);
    process.signal(Signal::KILL);
    let ending = Ending { reason: LeaveReason::Reset, paths: &[Event], who: Some(who) };
    scene.ends_with(process, &ending, |_| {});
    Ok(())
}

/// Whether a write says EPIPE or ECONNRESET tells only whether a FIN came before the reset.
fn m12_reset_after_fin(over: Transport) -> Shown {
    let mut scene = Scene::new(over, DEAF);
    let mut actor = scene.join("eve");
    scene.blindfold();
    let ending = Ending::of(&actor, LeaveReason::Fin, &[Write]);
    actor.half_close();
    scene.turn_ticks(2);
    actor.leave_by_reset();
    scene.ends(&ending);
    Ok(())
}

/// Between the peer's close and the news of it every write succeeds.
fn m13_writes_succeed_for_a_while(over: Transport) -> Shown {
    let wire = Wire::lay(Duration::from_millis(100)).map_err(Skipped::because)?;
    let (mut scene, address) = on_wire(over, &wire, DEAF);
    let actor = wire.on_client(|| Player::connect(address).speaking(over));
    let actor = scene.join_on(actor, "eve");
    let ending = Ending::of(&actor, LeaveReason::Fin, &[Event]);
    scene.turn_ticks(5);
    let before = scene.rig.event_loop.net().sends.len();
    let innocent_sends_per_tick = 2;
    let ticks = scene.rig.event_loop.hub().metrics().ticks;
    actor.leave_by_fin();
    scene.turn_until("the leave is counted", |scene| scene.left() > 0);
    let sends = &scene.rig.event_loop.net().sends[before..];
    let ticks = scene.rig.event_loop.hub().metrics().ticks - ticks;
    let taken = sends.iter().filter(|send| matches!(send, Send::Bytes(_))).count() as u64;
    assert!(taken > innocent_sends_per_tick * ticks, "some went to the one that was gone");
    assert!(!sends.iter().any(|send| matches!(send, Send::Failed(_))), "and none of them failed");
    scene.ends(&ending);
    Ok(())
}

/// A scene that listens at the server's end of a wire as well.
fn on_wire(over: Transport, wire: &Wire, limits: Limits) -> (Scene, SocketAddr) {
    let address = SocketAddr::from((Wire::SERVER, 7777));
    let listener = wire.on_server(|| listener(address, &limits));
    (Scene::on(over, Rig::arena_on(limits, listener)), address)
}

/// Accept hands out a connection that is dead already, and whose peer has no address any more. A
/// browser has asked for its WebSocket by then.
fn m14_reset_before_accept(over: Transport) -> Shown {
    let scene = Scene::new(over, QUICK);
    let actor = scene.connect();
    actor.leave_by_reset();
    scene.ends(&Ending::of_a_stranger(LeaveReason::Reset, &[Event]));
    Ok(())
}

fn m15_fin_before_accept(over: Transport) -> Shown {
    let scene = Scene::new(over, QUICK);
    let mut actor = Player::connect(scene.rig.address);
    // Half a hello, or half a request, so that there is data before the end.
    match over {
        Transport::Native => actor.send(&[1, 0]),
        Transport::WebSocket => actor.send(&upgrade("")[..20]),
    }
    actor.leave_by_fin();
    scene.ends(&Ending::of_a_stranger(LeaveReason::FinMidframe, &[Event]));
    Ok(())
}

/// The race that no look can close, made certain: the hint is kept from the loop.
fn m16_gone_between_the_look_and_the_write(over: Transport) -> Shown {
    let mut scene = Scene::new(over, DEAF);
    let actor = scene.join("eve");
    scene.blindfold();
    let ending = Ending::of(&actor, LeaveReason::Reset, &[Write]);
    actor.leave_by_reset();
    scene.ends(&ending);
    Ok(())
}

fn m17_reset_while_its_socket_is_full(over: Transport) -> Shown {
    let mut scene = Scene::on(over, Rig::benchmark(STUFFED));
    let actor = scene.join_stuffed();
    let ending = Ending::of(&actor, LeaveReason::Reset, &[Event]);
    actor.leave_by_reset();
    scene.ends(&ending);
    Ok(())
}

/// `ss -K` destroys a socket inside the kernel: an error number that no list of usual ones has.
fn m18_killed_by_an_administrator(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Aborted, &[Event]);
    let (server, client) = (scene.rig.address.port(), actor.local_address().port());
    let filter = format!("sport = :{server} and dport = :{client}");
    let kill = Command::new("ss").args(["-K", "-H", "-n", "-t", &filter]).output();
    let kill = kill.map_err(|error| Skipped::because(format!("ss cannot be run: {error}")))?;
    let killed = String::from_utf8_lossy(&kill.stdout);
    if !killed.contains(&client.to_string()) {
        let why = String::from_utf8_lossy(&kill.stderr);
        return Err(Skipped::because(format!("ss -K is not allowed here: {why}")));
    }
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// Its reset is lost with the network; when that is back, what we send meets a kernel that knows
/// nothing of the connection.
fn m19_the_client_has_rebooted(over: Transport) -> Shown {
    let wire = Wire::lay(Duration::from_millis(1)).map_err(Skipped::because)?;
    let patient = Limits { heartbeat_timeout_ms: 60_000, out_stall_ms: 60_000, ..QUICK };
    let (mut scene, address) = on_wire(over, &wire, patient);
    let actor = wire.on_client(|| Player::connect(address).speaking(over));
    let actor = scene.join_on(actor, "eve");
    let ending = Ending::of(&actor, LeaveReason::Reset, &[Event]);
    wire.cut(true);
    actor.leave_by_reset();
    scene.turn_for(Duration::from_millis(300));
    assert_eq!(scene.left(), 0, "nothing has arrived");
    wire.cut(false);
    scene.ends(&ending);
    Ok(())
}

/// A reset during the farewell is the end of the farewell, and no second leave.
fn m20_reset_while_we_linger(over: Transport) -> Shown {
    let mut scene = Scene::on(over, Rig::benchmark(Limits { linger_ms: 5_000, ..STUFFED }));
    let mut actor = scene.join_stuffed();
    let ending = Ending::of(&actor, empty_message(over), &[Read]);
    actor.send(&actor.wrapped(&[]));
    scene.turn_until("the farewell waits", |scene| {
        scene.rig.event_loop.hub().population().lingering == 1
    });
    actor.leave_by_reset();
    scene.turn_until("the farewell is over", |scene| scene.farewells(Farewell::Lost) == 1);
    scene.ends(&ending);
    Ok(())
}
