//! Values to frames and frames to values: the only place that names bincode.
//!
//! Data flow: frame <-> **`codec`** <-> message, game input, game snapshot, game event.
//!
//! One encoding for everything: bincode 2 `standard()`, that is little-endian with variable-length
//! integers. The rules of use, each held by a test in this crate:
//!
//! 1. Decode only from a slice that is one complete, length-checked frame; never without a limit.
//!    (Without one, ten bytes can make bincode 2 abort the process.)
//! 2. Every byte of the frame must be used.
//! 3. No zero-sized elements in sequences, no recursive types, no `usize`, no floats, and none of
//!    serde's `flatten`, `untagged`, `tag` or `skip` on the wire.
//! 4. New enum variants go to the end.
//! 5. Large or hot payloads are one opaque [`Bytes`], not a sequence of fields.

use std::fmt;

use bincode::{
    config::{self, Configuration, Limit, LittleEndian, Varint},
    serde::{borrow_decode_from_slice, encode_into_std_write},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::{CLIENT_DECODE_BYTES_MAX, FRAME_HEADER_BYTES, SERVER_DECODE_BYTES_MAX};

type Limited<const N: usize> = Configuration<LittleEndian, Varint, Limit<N>>;

/// Appends `value` to `out` as one frame: header and body.
///
/// # Errors
///
/// [`EncodeError::Oversize`] if the body is longer than `limit_bytes`, [`EncodeError::Value`] if
/// the type cannot be encoded (an unsized sequence, say). `out` is then as it was before.
pub fn encode_frame<T: Serialize>(
    value: &T,
    limit_bytes: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
    let outcome = encode_value(value, out).and_then(|body_bytes| {
        if body_bytes > limit_bytes {
            return Err(EncodeError::Oversize { body_bytes, limit_bytes });
        }
        u32::try_from(body_bytes).map_err(|_| EncodeError::Oversize { body_bytes, limit_bytes })
    });
    match outcome {
        Ok(body_bytes) => {
            out[start..start + FRAME_HEADER_BYTES].copy_from_slice(&body_bytes.to_le_bytes());
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// Appends `value` to `out` without a header, and returns how many bytes that took.
///
/// # Errors
///
/// [`EncodeError::Value`] if the type cannot be encoded. `out` may then hold a part of it.
pub fn encode_value<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<usize, EncodeError> {
    encode_into_std_write(value, out, config::standard())
        .map_err(|error| EncodeError::Value(error.to_string()))
}

/// Reads one value that a client sent and that fills `bytes` exactly.
///
/// # Errors
///
/// [`DecodeError`]; nothing more than [`CLIENT_DECODE_BYTES_MAX`] was allocated on the way.
pub fn decode_from_client<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    decode_within::<T, CLIENT_DECODE_BYTES_MAX>(bytes)
}

/// Reads one value that a server sent and that fills `bytes` exactly.
///
/// # Errors
///
/// [`DecodeError`]; nothing more than [`SERVER_DECODE_BYTES_MAX`] was allocated on the way.
pub fn decode_from_server<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    decode_within::<T, SERVER_DECODE_BYTES_MAX>(bytes)
}

/// Reads the value at the start of `bytes`, whatever follows it.
///
/// Only for the part of a hello that is the same in all protocol versions.
pub(crate) fn decode_prefix<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let (value, _used) = decode_some::<T, CLIENT_DECODE_BYTES_MAX>(bytes)?;
    Ok(value)
}

/// Reads one value that another process of the same program wrote and that fills `bytes` exactly.
///
/// # Errors
///
/// [`DecodeError`]; nothing more than `N` bytes were allocated on the way.
pub fn decode_within<'a, T: Deserialize<'a>, const N: usize>(
    bytes: &'a [u8],
) -> Result<T, DecodeError> {
    let (value, used_bytes) = decode_some::<T, N>(bytes)?;
    if used_bytes != bytes.len() {
        return Err(DecodeError::TrailingBytes { used_bytes, frame_bytes: bytes.len() });
    }
    Ok(value)
}

fn decode_some<'a, T: Deserialize<'a>, const N: usize>(
    bytes: &'a [u8],
) -> Result<(T, usize), DecodeError> {
    let limited: Limited<N> = config::standard().with_limit::<N>();
    borrow_decode_from_slice(bytes, limited)
        .map_err(|error| DecodeError::Undecodable(in_words(&error)))
}

/// What is wrong, for a person; bincode's own text is its Rust value.
fn in_words(error: &bincode::error::DecodeError) -> String {
    use bincode::error::DecodeError as Error;
    match error {
        Error::UnexpectedEnd { additional } => format!("{additional} or more bytes are missing"),
        Error::LimitExceeded => "it claims more memory than is allowed".to_owned(),
        Error::InvalidIntegerType { .. } => "a number is wider than its type".to_owned(),
        Error::InvalidBooleanValue(byte) => format!("a bool is {byte}, not 0 or 1"),
        Error::UnexpectedVariant { found, .. } => format!("there is no variant {found}"),
        Error::Utf8 { .. } => "a text is not UTF-8".to_owned(),
        Error::OtherString(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Opaque bytes inside a message: a varint length and then the bytes as they are.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes<'a>(pub &'a [u8]);

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> de::Visitor<'de> for Borrow {
            type Value = Bytes<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_borrowed_bytes<E: de::Error>(
                self,
                bytes: &'de [u8],
            ) -> Result<Self::Value, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_bytes(Borrow)
    }
}

/// A frame's bytes are not the message they should be. Always the sender's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end too early, name an unknown variant, are not UTF-8, or claim too much memory.
    Undecodable(String),
    /// A message was read, and bytes are left over.
    TrailingBytes {
        /// Bytes that the message took.
        used_bytes: usize,
        /// Bytes that the frame has.
        frame_bytes: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undecodable(why) => write!(f, "the frame is not a message: {why}"),
            Self::TrailingBytes { used_bytes, frame_bytes } => {
                write!(f, "the message takes {used_bytes} of the frame's {frame_bytes} bytes")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// A value does not fit into a frame. Our own side's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The body is longer than the format allows.
    Oversize {
        /// Length of the body, in bytes.
        body_bytes: usize,
        /// What is allowed, in bytes.
        limit_bytes: usize,
    },
    /// serde or bincode cannot encode this type.
    Value(String),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oversize { body_bytes, limit_bytes } => {
                write!(f, "a message of {body_bytes} bytes is over the limit of {limit_bytes}")
            }
            Self::Value(why) => write!(f, "the value cannot be encoded: {why}"),
        }
    }
}

impl std::error::Error for EncodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// bincode's varint for a 64-bit length.
    fn claim(length: u64) -> Vec<u8> {
        let mut bytes = vec![253];
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes
    }

    #[test]
    fn a_claim_of_a_terabyte_is_an_error_and_not_an_abort() {
        for length in [1 << 40, u64::MAX] {
            assert!(decode_from_client::<Vec<u8>>(&claim(length)).is_err());
            assert!(decode_from_server::<String>(&claim(length)).is_err());
        }
    }

    #[test]
    fn an_error_is_told_in_words() {
        let told = |error: DecodeError| error.to_string();
        let of = |bytes: &[u8]| told(decode_from_client::<bool>(bytes).expect_err("not a bool"));
        assert_eq!(of(&[]), "the frame is not a message: 1 or more bytes are missing");
        assert_eq!(of(&[2]), "the frame is not a message: a bool is 2, not 0 or 1");
        let text = told(decode_from_client::<&str>(&[1, 0xff]).expect_err("not UTF-8"));
        assert!(text.ends_with("a text is not UTF-8"), "{text}");
        let option = told(decode_from_client::<Option<u8>>(&[2]).expect_err("not an option"));
        assert!(option.ends_with("there is no variant 2"), "{option}");
        let wide = told(decode_from_client::<u16>(&[253, 0]).expect_err("not a u16"));
        assert!(wide.ends_with("a number is wider than its type"), "{wide}");
        let variant = told(decode_from_client::<crate::LeaveCause>(&[9]).expect_err("no cause"));
        assert!(variant.contains("expected variant index"), "{variant}");
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let error = decode_from_client::<u8>(&[7, 8]).expect_err("one byte too many");
        assert_eq!(error, DecodeError::TrailingBytes { used_bytes: 1, frame_bytes: 2 });
    }

    #[test]
    fn an_oversize_value_leaves_the_buffer_as_it_was() {
        let mut out = vec![1, 2];
        let error = encode_frame(&[0u8; 9], 8, &mut out).expect_err("9 bytes into 8");
        assert_eq!(error, EncodeError::Oversize { body_bytes: 9, limit_bytes: 8 });
        assert_eq!(out, [1, 2]);
    }

    #[test]
    fn bytes_are_borrowed_and_not_copied() {
        let mut out = Vec::new();
        encode_value(&Bytes(b"hello"), &mut out).expect("encodes");
        assert_eq!(out, b"\x05hello");
        let Bytes(back) = decode_from_client(&out).expect("decodes");
        assert!(std::ptr::eq(back.as_ptr(), out[1..].as_ptr()));
    }
}
