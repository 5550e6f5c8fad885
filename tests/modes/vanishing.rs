//! Section C of the catalogue: vanishing and stalling. No news arrives, only silence.

use std::{net::SocketAddr, time::Duration};

use gamekeeper::client::leave::{LeavePath::*, LeaveReason};
use gamekeeper_tests::{
    player::Player,
    rig::{Rig, listener},
    wire::Wire,
};

use crate::{
    Shown, Skipped, modes,
    scene::{Ending, QUICK, Scene},
};

modes! {
    m21_vanishes_without_a_word
    m28_reads_but_never_speaks
}

/// The cable is pulled: neither a FIN nor a reset ever comes.
fn m21_vanishes_without_a_word() -> Shown {
    let wire = Wire::lay(Duration::from_millis(1)).map_err(Skipped::because)?;
    let address = SocketAddr::from((Wire::SERVER, 7777));
    let listener = wire.on_server(|| listener(address, &QUICK));
    let mut scene = Scene::on(Rig::arena_on(QUICK, listener));
    let actor = wire.on_client(|| Player::connect(address));
    let actor = scene.join_on(actor, "eve");
    let ending = Ending::of(&actor, LeaveReason::Heartbeat, &[Timer]);
    wire.cut(true);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

fn m28_reads_but_never_speaks() -> Shown {
    let mut scene = Scene::new(QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Heartbeat, &[Timer]);
    scene.ends_with(actor, &ending, Player::listen);
    Ok(())
}
