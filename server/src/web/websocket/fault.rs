//! What a client can do wrong in WebSocket, each with a sentence and a code for its close frame.
//!
//! Data flow: `Decoder` -> **`Fault`** -> the reason for which a connection ends. It decides
//! nothing.

use std::fmt;

/// Why a byte stream is not what a WebSocket client may send here. Always the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Bits of the first byte that only extensions use, and none was agreed on.
    ReservedBits,
    /// A kind of frame that does not exist.
    UnknownOpcode {
        /// Its number, from 3 to 7 or from 11 to 15.
        opcode: u8,
    },
    /// A text frame; this protocol is binary.
    Text,
    /// A ping, pong or close that is not in one piece.
    FragmentedControl,
    /// A ping, pong or close with more than 125 bytes.
    LongControl,
    /// A continuation where no message has begun.
    LoneContinuation,
    /// A message that begins before the one before it has ended.
    UnfinishedMessage,
    /// A frame without a mask; clients must have one.
    Unmasked,
    /// A length written with more bytes than it takes.
    WideLength,
    /// A length of 64 bits whose highest bit is set.
    LengthSign,
    /// A message, with all its fragments so far, is longer than this side accepts.
    TooLong {
        /// What the headers of the message have announced up to now, in bytes.
        announced_bytes: u64,
        /// What would have been accepted, in bytes.
        limit_bytes: usize,
    },
    /// A message without bytes; every message of this protocol has at least one.
    Empty,
    /// A close with one byte, which is half a code.
    HalfCloseCode,
    /// A close with a code that must not be on the wire.
    CloseCode {
        /// The code.
        code: u16,
    },
    /// A close whose text is not UTF-8.
    CloseText,
}

impl Fault {
    /// The code for the close frame that tells the client.
    pub fn close_code(self) -> u16 {
        match self {
            Self::Text => 1003,
            Self::CloseText => 1007,
            // WebSocket itself allows it, so it is our rule that is broken and not the protocol.
            Self::Empty => 1008,
            Self::TooLong { .. } => 1009,
            Self::ReservedBits
            | Self::UnknownOpcode { .. }
            | Self::FragmentedControl
            | Self::LongControl
            | Self::LoneContinuation
            | Self::UnfinishedMessage
            | Self::Unmasked
            | Self::WideLength
            | Self::LengthSign
            | Self::HalfCloseCode
            | Self::CloseCode { .. } => 1002,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::ReservedBits => "a frame has reserved bits, but no extension was agreed on",
            Self::UnknownOpcode { opcode } => {
                return write!(f, "a frame has the unknown opcode {opcode}");
            }
            Self::Text => "a frame is text, but this protocol is binary",
            Self::FragmentedControl => "a control frame is fragmented",
            Self::LongControl => "a control frame announces more than 125 bytes",
            Self::LoneContinuation => "a frame continues a message that has not begun",
            Self::UnfinishedMessage => "a message begins inside a fragmented one",
            Self::Unmasked => "a frame is not masked, but frames of clients must be",
            Self::WideLength => "a length takes more bytes than it needs",
            Self::LengthSign => "a length of 64 bits has its highest bit set",
            Self::TooLong { announced_bytes, limit_bytes } => {
                return write!(
                    f,
                    "a message announces {announced_bytes} bytes, but at most {limit_bytes} are \
                     accepted here"
                );
            }
            Self::Empty => "a message has 0 bytes, but a message has at least 1",
            Self::HalfCloseCode => "a close frame has 1 byte, but a code has 2",
            Self::CloseCode { code } => {
                return write!(f, "a close frame has the code {code}, which may not be sent");
            }
            Self::CloseText => "the text of a close frame is not UTF-8",
        };
        f.write_str(text)
    }
}

impl std::error::Error for Fault {}
