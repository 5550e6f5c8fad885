//! Bytes that wait for the server's socket, bounded.
//!
//! Data flow: message -> frame -> **`Outbound`** -> socket. No I/O.

use std::fmt;

use gamekeeper_protocol::{ClientMessage, EncodeError};

use crate::limits::OUTBOUND_BYTES_MAX;

/// Unsent frames, back to back.
///
/// Invariant: `sent <= bytes.len()`, and both are 0 when everything is sent.
/// Invariant: `bytes.len() - sent <= OUTBOUND_BYTES_MAX`.
#[derive(Default)]
pub(super) struct Outbound {
    bytes: Vec<u8>,
    /// How much of `bytes` the socket has taken.
    sent: usize,
    /// How much the socket has ever taken.
    taken_bytes: u64,
}

impl fmt::Debug for Outbound {
    /// Not the bytes: a hello may have a ticket in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes unsent", self.unsent().len())
    }
}

impl Outbound {
    /// Queues a whole message, or refuses it and changes nothing.
    pub(super) fn push(&mut self, message: &ClientMessage<'_>) -> Result<(), SendError> {
        let before = self.bytes.len();
        message.encode(&mut self.bytes).map_err(SendError::Unencodable)?;
        let unsent_bytes = self.unsent().len();
        if unsent_bytes > OUTBOUND_BYTES_MAX {
            self.bytes.truncate(before);
            return Err(SendError::Full { unsent_bytes: before - self.sent });
        }
        Ok(())
    }

    pub(super) fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    pub(super) fn advance(&mut self, written: usize) {
        assert!(written <= self.unsent().len(), "the socket took more than it was given");
        self.sent += written;
        self.taken_bytes += written as u64;
        if self.sent == self.bytes.len() {
            self.clear();
        } else if self.sent > OUTBOUND_BYTES_MAX {
            // A server that takes a little at a time must not make the queue grow for ever.
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// How much the socket has ever taken.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }
}

/// Why a message was not queued. Nothing of it will be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// We have not joined yet, or the conversation is over.
    NotPlaying,
    /// The server does not take what was sent before.
    Full {
        /// What has piled up.
        unsent_bytes: usize,
    },
    /// Our own mistake: the message does not fit into a frame.
    Unencodable(EncodeError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPlaying => f.write_str("there is no game to send it to"),
            Self::Full { unsent_bytes } => {
                write!(f, "the server does not read: {unsent_bytes} bytes are unsent")
            }
            Self::Unencodable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the socket cuts the writes, the server sees the same bytes.
    #[test]
    fn every_write_size_preserves_the_byte_stream() {
        let mut expected = Vec::new();
        for nonce in 0..20 {
            ClientMessage::Ping { nonce }.encode(&mut expected).expect("encodes");
        }
        for write_size in 1..=expected.len() {
            let mut outbound = Outbound::default();
            for nonce in 0..20 {
                outbound.push(&ClientMessage::Ping { nonce }).expect("fits");
            }
            let mut received = Vec::new();
            while !outbound.unsent().is_empty() {
                let written = write_size.min(outbound.unsent().len());
                received.extend_from_slice(&outbound.unsent()[..written]);
                outbound.advance(written);
            }
            assert_eq!(received, expected, "write_size={write_size}");
        }
    }

    #[test]
    fn a_queue_that_nobody_empties_stays_bounded() {
        let mut outbound = Outbound::default();
        let refused =
            (0..1_000_000).find_map(|nonce| outbound.push(&ClientMessage::Ping { nonce }).err());
        assert!(matches!(refused, Some(SendError::Full { .. })));
        assert!(outbound.unsent().len() <= OUTBOUND_BYTES_MAX);
        outbound.advance(1);
        assert!(outbound.bytes.len() <= OUTBOUND_BYTES_MAX + 16);
    }
}
