//! How values of other libraries are written down and read back.
//!
//! Part of [`Ended`](super::Ended), which processes of bots tell each other. The compiler sees to
//! it that the copies here have the fields of the originals.

use gamekeeper_protocol::{DecodeError, FrameError};
use serde::{Deserialize, Serialize};

/// The fields of a [`FrameError`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "FrameError")]
pub(super) enum FrameErrorFields {
    Oversize { announced_bytes: u32, limit_bytes: usize },
    Empty,
}

/// The fields of a [`DecodeError`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "DecodeError")]
pub(super) enum DecodeErrorFields {
    Undecodable(String),
    TrailingBytes { used_bytes: usize, frame_bytes: usize },
}

/// A kind of error is its place in a list.
pub(super) mod error_kind {
    use std::io::{self, ErrorKind};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// What can become of a socket. Every other kind is one that has no name.
    const KINDS: [ErrorKind; 22] = [
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::BrokenPipe,
        ErrorKind::TimedOut,
        ErrorKind::NotConnected,
        ErrorKind::AddrInUse,
        ErrorKind::AddrNotAvailable,
        ErrorKind::HostUnreachable,
        ErrorKind::NetworkUnreachable,
        ErrorKind::NetworkDown,
        ErrorKind::WouldBlock,
        ErrorKind::Interrupted,
        ErrorKind::PermissionDenied,
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::InvalidInput,
        ErrorKind::InvalidData,
        ErrorKind::UnexpectedEof,
        ErrorKind::OutOfMemory,
        ErrorKind::Unsupported,
        ErrorKind::Other,
    ];

    /// No error has this number, so its kind is the one without a name.
    const NO_ERRNO: i32 = i32::MAX;

    pub(crate) fn serialize<S: Serializer>(kind: &ErrorKind, to: S) -> Result<S::Ok, S::Error> {
        let place = KINDS.iter().position(|known| known == kind).unwrap_or(KINDS.len());
        (place as u8).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ErrorKind, D::Error> {
        let place = usize::from(u8::deserialize(from)?);
        let nameless = || io::Error::from_raw_os_error(NO_ERRNO).kind();
        Ok(KINDS.get(place).copied().unwrap_or_else(nameless))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use gamekeeper_protocol::{DecodeError, FrameError, GoodbyeReason, PlayerId, codec};

    use crate::connection::{Ended, Operation, ServerFault};

    /// What one process of bots says, another one reads, to the last field.
    #[test]
    fn every_end_reads_back() {
        let faults = [
            ServerFault::Framing(FrameError::Oversize { announced_bytes: 9, limit_bytes: 8 }),
            ServerFault::Framing(FrameError::Empty),
            ServerFault::Undecodable(DecodeError::Undecodable("nonsense".to_owned())),
            ServerFault::Undecodable(DecodeError::TrailingBytes { used_bytes: 1, frame_bytes: 2 }),
            ServerFault::WebSocket { what: "it answers with 404".to_owned() },
            ServerFault::BeforeWelcome { message: "a snapshot".into() },
            ServerFault::OtherSeat { player: PlayerId(1), given: PlayerId(2) },
        ];
        // What the manual pages list for the calls that a bot makes, and kinds without a number.
        let numbers = [
            1, 2, 4, 11, 12, 13, 17, 22, 24, 32, 98, 99, 100, 101, 103, 104, 105, 107, 110, 111,
            113,
        ];
        let errors = numbers.map(io::Error::from_raw_os_error).into_iter();
        let errors = errors.chain([io::ErrorKind::TimedOut.into(), io::ErrorKind::Other.into()]);
        let goodbye = Ended::Goodbye { reason: GoodbyeReason::Full, text: "later".to_owned() };
        let ends = faults
            .map(Ended::ServerMisbehaved)
            .into_iter()
            .chain(errors.map(|error| Ended::failed(Operation::Connect, &error)))
            .chain([Ended::Left, Ended::Deaf { unsent_bytes: 7 }, goodbye]);
        for end in ends {
            let mut bytes = Vec::new();
            codec::encode_value(&end, &mut bytes).expect("it can be written");
            let again: Ended = codec::decode_from_client(&bytes).expect("it can be read");
            assert_eq!(again, end);
        }
    }
}
