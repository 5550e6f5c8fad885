//! The benchmark's snapshot body: not a serde value, but raw bytes of a chosen size.
//!
//! ```text
//!   offset 0   u64 little-endian   CLOCK_MONOTONIC of the server at encode time, in nanoseconds
//!   offset 8   u32 little-endian   tick
//!   offset 12  zeros up to the size chosen with --state-bytes
//! ```
//!
//! Inputs are opaque bytes that the server counts and drops.

use crate::ids::Tick;

/// The game's name in a hello.
pub const NAME: &str = "benchmark";
/// Bytes of the stamp at the start of each snapshot.
pub const STAMP_BYTES: usize = 12;

/// What stands at the start of each benchmark snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// CLOCK_MONOTONIC of the server when the snapshot was encoded, in nanoseconds.
    ///
    /// Clients on the same machine share that clock, so the difference is a one-way time.
    pub encoded_at_ns: u64,
    /// The tick that the snapshot shows.
    pub tick: Tick,
}

impl Stamp {
    /// The stamp as bytes.
    pub fn to_bytes(self) -> [u8; STAMP_BYTES] {
        let mut bytes = [0; STAMP_BYTES];
        bytes[..8].copy_from_slice(&self.encoded_at_ns.to_le_bytes());
        bytes[8..].copy_from_slice(&self.tick.0.to_le_bytes());
        bytes
    }

    /// Reads the stamp at the start of a snapshot's body; `None` if the body is too short.
    pub fn from_body(body: &[u8]) -> Option<Self> {
        let (nanos, rest) = body.split_first_chunk::<8>()?;
        let (tick, _) = rest.split_first_chunk::<4>()?;
        Some(Self {
            encoded_at_ns: u64::from_le_bytes(*nanos),
            tick: Tick(u32::from_le_bytes(*tick)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_the_wire() {
        let stamp = Stamp { encoded_at_ns: 0x0102_0304_0506_0708, tick: Tick(9) };
        let mut body = stamp.to_bytes().to_vec();
        assert_eq!(body, [8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0]);
        body.resize(1024, 0);
        assert_eq!(Stamp::from_body(&body), Some(stamp));
        assert_eq!(Stamp::from_body(&body[..11]), None);
    }
}
