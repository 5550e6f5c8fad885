//! The header of a client's frame, byte by byte, and all that can be wrong with it.
//!
//! Data flow: bytes -> **`PartialHeader`** -> header -> `Decoder`. Each byte is judged when it
//! comes, so a fault is the same wherever the stream is cut. It has no payload and no memory but
//! its 14 bytes.

use super::{departing::CONTROL_BYTES_MAX, fault::Fault};

/// Longest header of a client's frame: two bytes, a length of eight, a mask of four.
const HEADER_BYTES_MAX: usize = 14;
/// Bytes of the mask, at the end of the header.
pub(super) const MASK_BYTES: usize = 4;

/// A header, as far as it has arrived.
///
/// Invariant: `bytes[..len]` is without fault, and is not a whole header.
#[derive(Default)]
pub(super) struct PartialHeader {
    bytes: [u8; HEADER_BYTES_MAX],
    len: usize,
}

/// A whole header, without fault.
#[derive(Clone, Copy)]
pub(super) struct FrameHeader {
    /// Its message ends with this frame.
    pub(super) is_final: bool,
    pub(super) kind: Kind,
    pub(super) payload_bytes: usize,
    pub(super) mask: [u8; MASK_BYTES],
}

/// What a client may send.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message or a fragment of one, the first or a later one.
    Data,
    Close,
    Ping,
    Pong,
}

/// Where in the stream a frame begins, and what is accepted there.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    /// A fragmented message has begun and has not ended.
    pub(super) is_mid_message: bool,
    /// Bytes of that message so far.
    pub(super) message_bytes: usize,
    /// Most bytes of a message.
    pub(super) limit_bytes: usize,
}

impl PartialHeader {
    /// Takes bytes out of `input` until the header is whole, or `input` is empty (`None`).
    pub(super) fn take(
        &mut self,
        input: &mut &[u8],
        standing: Standing,
    ) -> Result<Option<FrameHeader>, Fault> {
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            self.bytes[self.len] = *byte;
            self.len += 1;
            let header = match self.len {
                1 => kind(*byte, standing.is_mid_message).map(|_| None),
                _ => self.judge(standing),
            }?;
            if header.is_some() {
                self.len = 0;
                return Ok(header);
            }
        }
        Ok(None)
    }

    /// Whether no byte has arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Judges what the byte that came last has made known, from the second one on.
    fn judge(&self, standing: Standing) -> Result<Option<FrameHeader>, Fault> {
        let kind = kind(self.bytes[0], standing.is_mid_message)?;
        let is_final = self.bytes[0] & 0x80 != 0;
        let short_length = self.bytes[1] & 0x7f;
        if self.bytes[1] & 0x80 == 0 {
            return Err(Fault::Unmasked);
        }
        if kind != Kind::Data && usize::from(short_length) > CONTROL_BYTES_MAX {
            return Err(Fault::LongControl);
        }
        let mask_at = match short_length {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        if self.len < mask_at {
            return Ok(None);
        }
        let length = length(short_length, &self.bytes[2..mask_at])?;
        if kind == Kind::Data {
            check_message(length, is_final, standing)?;
        }
        if self.len < mask_at + MASK_BYTES {
            return Ok(None);
        }
        let mask = std::array::from_fn(|index| self.bytes[mask_at + index]);
        let payload_bytes = usize::try_from(length).expect("a length within the limit fits");
        Ok(Some(FrameHeader { is_final, kind, payload_bytes, mask }))
    }
}

/// Judges the first byte.
fn kind(first: u8, is_mid_message: bool) -> Result<Kind, Fault> {
    if first & 0x70 != 0 {
        return Err(Fault::ReservedBits);
    }
    let kind = match first & 0x0f {
        0 if !is_mid_message => return Err(Fault::LoneContinuation),
        0 => Kind::Data,
        1 => return Err(Fault::Text),
        2 if is_mid_message => return Err(Fault::UnfinishedMessage),
        2 => Kind::Data,
        8 => Kind::Close,
        9 => Kind::Ping,
        10 => Kind::Pong,
        opcode => return Err(Fault::UnknownOpcode { opcode }),
    };
    if kind != Kind::Data && first & 0x80 == 0 {
        return Err(Fault::FragmentedControl);
    }
    Ok(kind)
}

/// The length in the header: the short one, or that of the 2 or 8 bytes which `wide` then has.
fn length(short: u8, wide: &[u8]) -> Result<u64, Fault> {
    let length = wide.iter().fold(0, |length: u64, byte| length << 8 | u64::from(*byte));
    match short {
        126 if length < 126 => Err(Fault::WideLength),
        127 if length >> 63 != 0 => Err(Fault::LengthSign),
        127 if length <= 0xffff => Err(Fault::WideLength),
        126 | 127 => Ok(length),
        short => Ok(u64::from(short)),
    }
}

/// Judges the length of a frame of a message, before there is any memory for it.
fn check_message(length: u64, is_final: bool, standing: Standing) -> Result<(), Fault> {
    let limit_bytes = standing.limit_bytes;
    // Neither can overflow: a message is in memory, and a length has 63 bits.
    let announced_bytes = standing.message_bytes as u64 + length;
    if announced_bytes > limit_bytes as u64 {
        return Err(Fault::TooLong { announced_bytes, limit_bytes });
    }
    if is_final && announced_bytes == 0 {
        return Err(Fault::Empty);
    }
    Ok(())
}
