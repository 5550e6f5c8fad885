//! Negative controls: odd, slow or unlucky, and yet nobody may be thrown out.

use std::time::Duration;

use gamekeeper::limits::Limits;

use crate::{
    Shown, modes,
    scene::{QUICK, Scene},
};

modes! {
    c01_one_byte_at_a_time
}

fn c01_one_byte_at_a_time() -> Shown {
    // A turn of the loop may last as long as a tick, so a frame may take half a second.
    let mut scene = Scene::new(Limits { frame_timeout_ms: 2_000, ..QUICK });
    let mut actor = scene.join("eve");
    // An input of the arena: four bytes of header, and seven of body.
    let frame = [7, 0, 0, 0, 1, 1, 4, 0, 0, 0, 0];
    for _ in 0..6 {
        for byte in frame {
            actor.send(&[byte]);
            scene.turn_for(Duration::from_millis(5));
        }
        // Not in the middle of a frame.
        actor.answer_pings();
        assert_eq!(actor.goodbye(), None);
    }
    scene.nobody_left(&mut actor);
    Ok(())
}
