//! What the server writes around its messages: headers of frames, and the contents of a close.
//!
//! Data flow: message -> **`header`** -> queue, the header first and the message as it is behind
//! it. Frames of a server are not masked, and these are never fragmented, so what goes to many is
//! the same bytes for all. It neither copies nor sends a message.

/// The frames that a server sends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// A message.
    Binary,
    /// The last frame.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping, with its bytes.
    Pong,
}

/// Longest payload of a close, a ping and a pong, in bytes.
pub const CONTROL_BYTES_MAX: usize = 125;

/// Bytes of the code in a close.
const CODE_BYTES: usize = 2;

/// The header of one frame of a server: 2, 4 or 10 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; 10],
    len: u8,
}

impl Header {
    /// What goes to the socket.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The header of a frame with `payload_bytes` bytes.
///
/// # Panics
///
/// If a control frame has more than [`CONTROL_BYTES_MAX`]: what goes into one is ours to bound.
pub fn header(opcode: Opcode, payload_bytes: usize) -> Header {
    assert!(
        opcode == Opcode::Binary || payload_bytes <= CONTROL_BYTES_MAX,
        "a control frame has at most {CONTROL_BYTES_MAX} bytes, not {payload_bytes}"
    );
    // The highest bit says that the frame is the whole message.
    let first = match opcode {
        Opcode::Binary => 0x82,
        Opcode::Close => 0x88,
        Opcode::Ping => 0x89,
        Opcode::Pong => 0x8a,
    };
    let mut bytes = [0; 10];
    bytes[0] = first;
    let length = (payload_bytes as u64).to_be_bytes();
    let len = match payload_bytes {
        0..=125 => {
            bytes[1] = length[7];
            2
        }
        126..=0xffff => {
            bytes[1] = 126;
            bytes[2..4].copy_from_slice(&length[6..]);
            4
        }
        _ => {
            bytes[1] = 127;
            bytes[2..].copy_from_slice(&length);
            10
        }
    };
    Header { bytes, len }
}

/// The payload of a close: `code`, and as much of `text` as fits, in whole characters.
pub fn close_payload(code: u16, text: &str) -> Vec<u8> {
    let text = &text[..text.floor_char_boundary(CONTROL_BYTES_MAX - CODE_BYTES)];
    [&code.to_be_bytes()[..], text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_as_few_bytes_as_it_can() {
        for (payload_bytes, expected) in [
            (0, &[0x82, 0][..]),
            (1, &[0x82, 1]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (127, &[0x82, 126, 0, 127]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(header(Opcode::Binary, payload_bytes).as_slice(), expected);
        }
        assert_eq!(header(Opcode::Close, 2).as_slice(), [0x88, 2]);
        assert_eq!(header(Opcode::Ping, 0).as_slice(), [0x89, 0]);
        assert_eq!(header(Opcode::Pong, 125).as_slice(), [0x8a, 125]);
    }

    #[test]
    #[should_panic(expected = "at most 125 bytes, not 126")]
    fn a_ping_that_nobody_may_send_is_a_bug() {
        header(Opcode::Ping, 126);
    }

    #[test]
    fn the_text_of_a_close_is_cut_between_characters() {
        assert_eq!(close_payload(1000, ""), [0x03, 0xe8]);
        assert_eq!(close_payload(1001, "bye"), [&[0x03, 0xe9][..], b"bye"].concat());
        for (text, kept_bytes) in
            [("x".repeat(123), 123), ("x".repeat(124), 123), ("ä".repeat(62), 122)]
        {
            let payload = close_payload(1000, &text);
            assert_eq!(payload.len(), CODE_BYTES + kept_bytes);
            assert_eq!(&payload[CODE_BYTES..], &text.as_bytes()[..kept_bytes]);
        }
    }
}
