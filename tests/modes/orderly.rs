//! Section A of the catalogue: orderly leaves. The peer's FIN arrives, with or without a goodbye.

use std::time::{Duration, Instant};

use gamekeeper::{
    client::leave::{LeavePath::*, LeaveReason},
    metrics::Farewell,
};
use gamekeeper_protocol::ClientMessage;
use gamekeeper_tests::player::{End, Player, Transport};
use rustix::process::Signal;

use crate::{
    Shown, modes,
    scene::{DEAF, Ending, QUICK, Scene},
    transports::empty_message,
};

modes! {
    over both {
        m01_goodbye_then_fin
        m02_clean_close
        m02_killed_with_nothing_unread
        m03_data_and_fin_in_one_event
        m04_fin_inside_a_frame
        m05_half_close
        m06_half_close_found_by_a_write
        m07_stops_receiving_and_says_nothing_of_it
        m08_both_sides_close_at_once
    }
}

fn m01_goodbye_then_fin(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Goodbye, &[Read]);
    actor.say(&ClientMessage::Goodbye);
    actor.leave_by_fin();
    scene.ends(&ending);
    Ok(())
}

fn m02_clean_close(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Fin, &[Event]);
    actor.leave_by_fin();
    scene.ends(&ending);
    Ok(())
}

/// The kernel of a process that is killed closes its sockets; with nothing unread that is a FIN.
fn m02_killed_with_nothing_unread(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let (process, who) = scene.join_process(true);
    process.signal(Signal::KILL);
    // Whether the last state was read before the signal is a matter of luck.
    let reasons = [LeaveReason::Fin, LeaveReason::Reset];
    scene.turn_until("the leave is counted", |scene| scene.left() > 0);
    let reset = scene.rig.left(LeaveReason::Reset, Event) > 0;
    let ending = Ending { reason: reasons[usize::from(reset)], paths: &[Event], who: Some(who) };
    scene.ends_with(process, &ending, |_| {});
    Ok(())
}

/// The edge that brought the data is the only one: the end must be found without another.
fn m03_data_and_fin_in_one_event(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Fin, &[Event]);
    let inputs = scene.rig.event_loop.hub().metrics().inputs;
    actor.listen();
    actor.input(1, &[0; 4]);
    actor.leave_by_fin();
    scene.turn_until("the leave is counted", |scene| scene.left() > 0);
    assert_eq!(scene.rig.event_loop.hub().metrics().inputs, inputs + 1, "what came first was read");
    scene.ends(&ending);
    Ok(())
}

fn m04_fin_inside_a_frame(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::FinMidframe, &[Event]);
    actor.send(&actor.begun(16, &[1, 2, 3]));
    actor.leave_by_fin();
    scene.ends(&ending);
    Ok(())
}

/// On the wire the same as a close: the client has left, even if it goes on reading.
fn m05_half_close(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Fin, &[Event]);
    actor.half_close();
    scene.ends_with(actor, &ending, |actor| {
        actor.listen();
        assert_ne!(actor.end, Some(End::Broken(std::io::ErrorKind::ConnectionReset)));
    });
    Ok(())
}

/// With the hint of the FIN kept from the loop, writes go well as long as the peer reads; its close
/// is then found by a write, as EPIPE.
fn m06_half_close_found_by_a_write(over: Transport) -> Shown {
    let mut scene = Scene::new(over, DEAF);
    let mut actor = scene.join("eve");
    scene.blindfold();
    let ending = Ending::of(&actor, LeaveReason::Fin, &[Write]);
    actor.half_close();
    scene.turn_ticks(4);
    assert_eq!(scene.left(), 0, "it still reads, so nothing shows");
    actor.leave_by_fin();
    scene.ends(&ending);
    Ok(())
}

/// Nothing is on the wire, so only that it does not answer shows it: M26.
fn m07_stops_receiving_and_says_nothing_of_it(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::SlowConsumerTime, &[Timer]);
    actor.stop_receiving();
    let mut next_input = Instant::now();
    scene.ends_with(actor, &ending, |actor| {
        if Instant::now() >= next_input {
            next_input += Duration::from_millis(50);
            actor.try_input(1, &[0; 4]);
        }
    });
    Ok(())
}

/// Our farewell and the peer's FIN cross: one leave, for what came first.
fn m08_both_sides_close_at_once(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, empty_message(over), &[Read]);
    actor.listen();
    actor.send(&actor.wrapped(&[]));
    actor.half_close();
    scene.turn_until("the farewell has arrived", |scene| scene.farewells(Farewell::Delivered) == 1);
    scene.ends_with(actor, &ending, Player::listen);
    Ok(())
}
