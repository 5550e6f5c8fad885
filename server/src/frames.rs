//! Messages as frames that many clients share.
//!
//! Data flow: room, client -> `ServerMessage` -> **`SharedFrame`** -> outbound queues.
//!
//! A room's snapshot is encoded once and queued fifty times; what is queued is a pointer. Native
//! clients and browsers share it, too: what differs is a few bytes in front of the message, and
//! both are in the frame.

use std::rc::Rc;

use gamekeeper_protocol::{EncodeError, ServerMessage, limits::FRAME_HEADER_BYTES};

use crate::web::websocket::{HEADER_BYTES_MAX, Opcode, header};

/// How messages are cut out of a connection's stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Each has its length in front of it.
    #[default]
    Native,
    /// Each is a message of a WebSocket.
    Web,
}

/// A message that is encoded once and shared by everybody it is for, with what goes in front of it.
///
/// In memory: how long the header of a WebSocket's frame is, room for the longest, and then a whole
/// native frame, which is the length of the message and the message. A browser gets the header and
/// the message, as two slices of one vectored send. What is no message (the answer to an HTTP
/// request) has no such header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFrame(Rc<[u8]>);

/// Bytes in front of the native frame: one that says how many of the others count.
const FRONT_BYTES: usize = 1 + HEADER_BYTES_MAX;

impl SharedFrame {
    /// Bytes to which a native frame is to be appended, and then [`Self::finish`]ed.
    fn begin() -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&[0; FRONT_BYTES]);
        bytes
    }

    fn finish(mut bytes: Vec<u8>, header: &[u8]) -> Self {
        bytes[0] = u8::try_from(header.len()).expect("a header is short");
        bytes[1..=header.len()].copy_from_slice(header);
        Self(Rc::from(bytes))
    }

    /// What only browsers are sent and is no message: the control frame of a WebSocket.
    pub fn control(opcode: Opcode, payload: &[u8]) -> Self {
        Self::of_body(payload, header(opcode, payload.len()).as_slice())
    }

    /// What only browsers are sent and is no frame: the answer to an HTTP request.
    pub fn plain(bytes: &[u8]) -> Self {
        Self::of_body(bytes, &[])
    }

    fn of_body(body: &[u8], header: &[u8]) -> Self {
        let mut bytes = Self::begin();
        let length = u32::try_from(body.len()).expect("far less than 4 GiB");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(body);
        Self::finish(bytes, header)
    }

    /// What native clients are sent.
    pub fn native(&self) -> &[u8] {
        &self.0[FRONT_BYTES..]
    }

    /// What browsers are sent: what goes in front, which may be empty, and the message.
    pub fn web(&self) -> [&[u8]; 2] {
        [&self.0[1..=usize::from(self.0[0])], self.message()]
    }

    /// How many bytes are sent.
    pub fn wire_bytes(&self, framing: Framing) -> usize {
        match framing {
            Framing::Native => self.0.len() - FRONT_BYTES,
            Framing::Web => usize::from(self.0[0]) + self.message().len(),
        }
    }

    /// The message alone.
    pub fn message(&self) -> &[u8] {
        &self.0[FRONT_BYTES + FRAME_HEADER_BYTES..]
    }
}

/// Encodes one message as a frame to share.
///
/// # Errors
///
/// [`EncodeError`] if the message is too long: its game makes states that no client could read.
pub fn shared_frame(message: &ServerMessage<'_>) -> Result<SharedFrame, EncodeError> {
    let mut bytes = SharedFrame::begin();
    message.encode(&mut bytes)?;
    let message_bytes = bytes.len() - FRONT_BYTES - FRAME_HEADER_BYTES;
    Ok(SharedFrame::finish(bytes, header(Opcode::Binary, message_bytes).as_slice()))
}

/// Encodes a message that is short by construction (a ping, a goodbye).
pub fn short_frame(message: &ServerMessage<'_>) -> SharedFrame {
    shared_frame(message).expect("pings, pongs and goodbyes are far below the frame limit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_the_same_message_behind_its_own_header() {
        let frame = short_frame(&ServerMessage::Ping { nonce: 7 });
        let native = frame.native();
        let web = frame.web().concat();
        let message = frame.message();
        assert_eq!(
            native,
            [&[u8::try_from(message.len()).expect("short"), 0, 0, 0], message].concat()
        );
        assert_eq!(web, [&[0x82, u8::try_from(message.len()).expect("short")], message].concat());
        assert_eq!(frame.wire_bytes(Framing::Native), native.len());
        assert_eq!(frame.wire_bytes(Framing::Web), web.len());
    }

    #[test]
    fn what_is_no_message_is_sent_as_it_is() {
        let answer = SharedFrame::plain(b"HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(answer.web().concat(), b"HTTP/1.1 200 OK\r\n\r\n");
        let pong = SharedFrame::control(Opcode::Pong, b"hi");
        assert_eq!(pong.web().concat(), b"\x8a\x02hi");
        assert_eq!(pong.wire_bytes(Framing::Web), 4);
    }
}
