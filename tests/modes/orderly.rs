//! Section A of the catalogue: orderly leaves. The peer's FIN arrives, with or without a goodbye.

use gamekeeper::client::leave::{LeavePath::*, LeaveReason};
use gamekeeper_protocol::ClientMessage;

use crate::{
    Shown, modes,
    scene::{Ending, QUICK, Scene},
};

modes! {
    m01_goodbye_then_fin
    m02_clean_close
}

fn m01_goodbye_then_fin() -> Shown {
    let mut scene = Scene::new(QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Goodbye, &[Read]);
    actor.say(&ClientMessage::Goodbye);
    actor.leave_by_fin();
    scene.ends(&ending);
    Ok(())
}

fn m02_clean_close() -> Shown {
    let mut scene = Scene::new(QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Fin, &[Event]);
    actor.leave_by_fin();
    scene.ends(&ending);
    Ok(())
}
