//! Messages as frames that many clients share.
//!
//! Data flow: room, client -> `ServerMessage` -> **`SharedFrame`** -> outbound queues.
//!
//! A room's snapshot is encoded once and queued fifty times; what is queued is a pointer. Native
//! clients and browsers share it, too: what differs is a few bytes in front of the message, and
//! both are in the frame.

use std::rc::Rc;

use gamekeeper_protocol::{EncodeError, ServerMessage, limits::FRAME_HEADER_BYTES};

use crate::web::websocket::{Opcode, header};

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
/// In memory: the length in front of a native frame, the message, and the header of a WebSocket's
/// frame, which goes in front of it there, as a slice of its own in the same vectored send. What is
/// no message (the answer to an HTTP request) has no such header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFrame(Rc<[u8]>);

impl SharedFrame {
    /// A frame of this message, as native clients get it: with its length in front.
    fn of_native(mut bytes: Vec<u8>) -> Self {
        let message_bytes = bytes.len() - FRAME_HEADER_BYTES;
        bytes.extend_from_slice(header(Opcode::Binary, message_bytes).as_slice());
        Self(Rc::from(bytes))
    }

    /// What only browsers are sent and is no message: the control frame of a WebSocket.
    pub fn control(opcode: Opcode, payload: &[u8]) -> Self {
        Self::with_header(payload, header(opcode, payload.len()).as_slice())
    }

    /// What only browsers are sent and is no frame: the answer to an HTTP request.
    pub fn plain(bytes: &[u8]) -> Self {
        Self::with_header(bytes, &[])
    }

    fn with_header(body: &[u8], header: &[u8]) -> Self {
        let length = u32::try_from(body.len()).expect("far less than 4 GiB").to_le_bytes();
        Self(Rc::from([&length, body, header].concat()))
    }

    /// Where the message ends.
    fn end(&self) -> usize {
        let [a, b, c, d, ..] = *self.0 else { unreachable!("it begins with its length") };
        FRAME_HEADER_BYTES + u32::from_le_bytes([a, b, c, d]) as usize
    }

    /// What is sent, in two parts of which either may be empty.
    pub fn parts(&self, framing: Framing) -> [&[u8]; 2] {
        let (native, web_header) = self.0.split_at(self.end());
        match framing {
            Framing::Native => [native, &[]],
            Framing::Web => [web_header, &native[FRAME_HEADER_BYTES..]],
        }
    }

    /// How many bytes are sent.
    pub fn wire_bytes(&self, framing: Framing) -> usize {
        match framing {
            Framing::Native => self.end(),
            Framing::Web => self.0.len() - FRAME_HEADER_BYTES,
        }
    }

    /// The message alone.
    pub fn message(&self) -> &[u8] {
        &self.0[FRAME_HEADER_BYTES..self.end()]
    }
}

/// Encodes one message as a frame to share.
///
/// # Errors
///
/// [`EncodeError`] if the message is too long: its game makes states that no client could read.
pub fn shared_frame(message: &ServerMessage<'_>) -> Result<SharedFrame, EncodeError> {
    let mut bytes = Vec::with_capacity(64);
    message.encode(&mut bytes)?;
    Ok(SharedFrame::of_native(bytes))
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
        let native = frame.parts(Framing::Native).concat();
        let web = frame.parts(Framing::Web).concat();
        let message = frame.message();
        assert_eq!(
            native,
            [&[u8::try_from(message.len()).expect("short"), 0, 0, 0], message].concat()
        );
        assert_eq!(web, [&[0x82, u8::try_from(message.len()).expect("short")], message].concat());
        for framing in [Framing::Native, Framing::Web] {
            assert_eq!(frame.wire_bytes(framing), frame.parts(framing).concat().len());
        }
    }

    #[test]
    fn what_is_no_message_is_sent_as_it_is() {
        let answer = SharedFrame::plain(b"HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(answer.parts(Framing::Web).concat(), b"HTTP/1.1 200 OK\r\n\r\n");
        let pong = SharedFrame::control(Opcode::Pong, b"hi");
        assert_eq!(pong.parts(Framing::Web).concat(), b"\x8a\x02hi");
        assert_eq!(pong.wire_bytes(Framing::Web), 4);
    }
}
