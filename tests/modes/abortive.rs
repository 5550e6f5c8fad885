//! Section B of the catalogue: abortive leaves. A reset arrives, or the kernel gives up.

use gamekeeper::client::leave::{LeavePath::*, LeaveReason};

use crate::{
    Shown, modes,
    scene::{Ending, QUICK, Scene},
};

modes! {
    m09_reset
}

fn m09_reset() -> Shown {
    let mut scene = Scene::new(QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Reset, &[Event]);
    actor.leave_by_reset();
    scene.ends(&ending);
    Ok(())
}
