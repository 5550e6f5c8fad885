//! Section D of the catalogue: clients that misbehave, by mistake or on purpose.

use gamekeeper::client::leave::{LeavePath::*, LeaveReason};
use gamekeeper_tests::player::Player;

use crate::{
    Shown, modes,
    scene::{Ending, QUICK, Scene},
};

modes! {
    m31_connects_and_says_nothing
}

fn m31_connects_and_says_nothing() -> Shown {
    let scene = Scene::new(QUICK);
    let actor = Player::connect(scene.rig.address);
    let ending = Ending::of_a_stranger(LeaveReason::HelloTimeout, &[Timer]);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}
