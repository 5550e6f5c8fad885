//! Messages as frames that many clients share.
//!
//! Data flow: room, client -> `ServerMessage` -> **`SharedFrame`** -> outbound queues.
//!
//! A room's snapshot is encoded once and queued fifty times; what is queued is a pointer.

use std::rc::Rc;

use gamekeeper_protocol::{EncodeError, ServerMessage};

/// A whole frame, header included, encoded once and shared by everybody it is for.
pub type SharedFrame = Rc<[u8]>;

/// Encodes one message as a frame to share.
///
/// # Errors
///
/// [`EncodeError`] if the message is too long: its game makes states that no client could read.
pub fn shared_frame(message: &ServerMessage<'_>) -> Result<SharedFrame, EncodeError> {
    let mut bytes = Vec::with_capacity(64);
    message.encode(&mut bytes)?;
    Ok(Rc::from(bytes))
}

/// Encodes a message that is short by construction (a ping, a goodbye).
pub fn short_frame(message: &ServerMessage<'_>) -> SharedFrame {
    shared_frame(message).expect("pings, pongs and goodbyes are far below the frame limit")
}
