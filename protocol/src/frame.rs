//! Bytes to frames: the length prefix, and the decoder that survives any chunking.
//!
//! Data flow: socket -> **`FrameDecoder`** -> frame -> message.
//!
//! The decoder does no I/O and does not look inside a frame. However a stream is cut into chunks,
//! it yields the same frames, or the same single error at the same place. A length is checked
//! before anything is allocated for it, so four hostile bytes cost four bytes.

use std::fmt;

use crate::limits::FRAME_HEADER_BYTES;

/// Cuts a byte stream into frames.
///
/// A frame that arrives whole is lent from the caller's own buffer; only a frame that is split
/// over two reads is copied. An idle connection therefore owns no buffer at all.
///
/// Invariant: `partial` is empty, or holds the header and the body so far of one frame.
/// Invariant: `partial.capacity()` never exceeds header + `limit_bytes` by a peer's doing.
pub struct FrameDecoder {
    partial: Vec<u8>,
    /// The frame in `partial` has been lent to the caller and is dropped at the next call.
    lent: bool,
    limit_bytes: usize,
    /// A stream that broke the framing has no next frame boundary: the error is final.
    failed: Option<FrameError>,
}

impl fmt::Debug for FrameDecoder {
    /// Not the bytes: there may be a ticket among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of a frame", self.partial.len())?;
        self.failed.map_or(Ok(()), |error| write!(f, ", failed: {error}"))
    }
}

impl FrameDecoder {
    /// A decoder that refuses frames longer than `limit_bytes` (without their header).
    pub fn new(limit_bytes: usize) -> Self {
        Self { partial: Vec::new(), lent: false, limit_bytes, failed: None }
    }

    /// Changes the limit for the frames whose header has not been read yet.
    pub fn set_limit_bytes(&mut self, limit_bytes: usize) {
        self.limit_bytes = limit_bytes;
    }

    /// Takes the next frame's body out of `input`, advancing it.
    ///
    /// Call it until it returns `Ok(None)`: then `input` is empty and the rest of a frame, if there
    /// is one, is kept for the next chunk.
    ///
    /// # Errors
    ///
    /// [`FrameError`], once the stream cannot be cut any more. Every later call repeats it.
    pub fn next_frame<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
    ) -> Result<Option<&'a [u8]>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.lent {
            self.release();
        }
        if self.partial.is_empty() {
            match whole_frame(input, self.limit_bytes) {
                Ok(Some(body)) => return Ok(Some(body)),
                Ok(None) => {}
                Err(error) => return Err(self.fail(error)),
            }
        }
        if input.is_empty() || !self.fill(input)? {
            return Ok(None);
        }
        self.lent = true;
        Ok(Some(&self.partial[FRAME_HEADER_BYTES..]))
    }

    /// Whether the stream stands inside a frame: an end of file here cuts a frame in two.
    pub fn is_mid_frame(&self) -> bool {
        !self.lent && !self.partial.is_empty()
    }

    /// Bytes of memory this decoder holds.
    pub fn buffered_bytes(&self) -> usize {
        self.partial.capacity()
    }

    /// Moves bytes of one frame from `input` into `partial`; true when the frame is complete.
    fn fill(&mut self, input: &mut &[u8]) -> Result<bool, FrameError> {
        if self.partial.len() < FRAME_HEADER_BYTES {
            take(&mut self.partial, input, FRAME_HEADER_BYTES);
            if self.partial.len() < FRAME_HEADER_BYTES {
                return Ok(false);
            }
        }
        let body_bytes = match body_length(&self.partial, self.limit_bytes) {
            Ok(body_bytes) => body_bytes,
            Err(error) => return Err(self.fail(error)),
        };
        let frame_bytes = FRAME_HEADER_BYTES + body_bytes;
        take(&mut self.partial, input, frame_bytes);
        debug_assert!(self.partial.len() <= frame_bytes, "took more than one frame");
        Ok(self.partial.len() == frame_bytes)
    }

    fn release(&mut self) {
        // The memory goes back as well: most clients never split a frame again for minutes.
        self.partial = Vec::new();
        self.lent = false;
    }

    fn fail(&mut self, error: FrameError) -> FrameError {
        self.release();
        self.failed = Some(error);
        error
    }
}

/// Why a byte stream cannot be cut into frames. Always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The header announces more bytes than this side accepts.
    Oversize {
        /// What the header says, in bytes.
        announced_bytes: u32,
        /// What would have been accepted, in bytes.
        limit_bytes: usize,
    },
    /// The header announces no bytes at all; every message has at least one.
    Empty,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oversize { announced_bytes, limit_bytes } => write!(
                f,
                "a frame header announces {announced_bytes} bytes, but at most {limit_bytes} are \
                 accepted here"
            ),
            Self::Empty => {
                write!(f, "a frame header announces 0 bytes, but a frame has at least 1")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// The first frame of `input`, when it is there whole.
fn whole_frame<'a>(
    input: &mut &'a [u8],
    limit_bytes: usize,
) -> Result<Option<&'a [u8]>, FrameError> {
    if input.len() < FRAME_HEADER_BYTES {
        return Ok(None);
    }
    let end = FRAME_HEADER_BYTES + body_length(input, limit_bytes)?;
    if input.len() < end {
        return Ok(None);
    }
    let (frame, rest) = input.split_at(end);
    *input = rest;
    Ok(Some(&frame[FRAME_HEADER_BYTES..]))
}

/// Reads and checks the header at the start of `bytes`, which holds at least a header.
fn body_length(bytes: &[u8], limit_bytes: usize) -> Result<usize, FrameError> {
    let header = [bytes[0], bytes[1], bytes[2], bytes[3]];
    let announced_bytes = u32::from_le_bytes(header);
    match announced_bytes as usize {
        0 => Err(FrameError::Empty),
        length if length > limit_bytes => {
            Err(FrameError::Oversize { announced_bytes, limit_bytes })
        }
        length => Ok(length),
    }
}

/// Moves bytes from `input` to `buffer` until it holds `target_bytes` or `input` is empty.
fn take(buffer: &mut Vec<u8>, input: &mut &[u8], target_bytes: usize) {
    let count = input.len().min(target_bytes - buffer.len());
    let (taken, rest) = input.split_at(count);
    buffer.reserve_exact(count);
    buffer.extend_from_slice(taken);
    *input = rest;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `chunks` and collects what comes out, up to and including the error.
    fn drain<'a>(
        decoder: &mut FrameDecoder,
        chunks: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<Vec<u8>>, Option<FrameError>) {
        let mut frames = Vec::new();
        for mut chunk in chunks {
            loop {
                match decoder.next_frame(&mut chunk) {
                    Ok(Some(frame)) => frames.push(frame.to_vec()),
                    Ok(None) => break,
                    Err(error) => return (frames, Some(error)),
                }
            }
            assert!(chunk.is_empty(), "Ok(None) leaves no input behind");
        }
        (frames, None)
    }

    #[test]
    fn four_gibibytes_are_refused_before_anything_is_allocated() {
        let mut decoder = FrameDecoder::new(64);
        let (frames, error) = drain(&mut decoder, [&[0xff, 0xff, 0xff, 0xff, 1, 2, 3][..]]);
        assert!(frames.is_empty());
        assert_eq!(
            error,
            Some(FrameError::Oversize { announced_bytes: u32::MAX, limit_bytes: 64 })
        );
        assert_eq!(decoder.buffered_bytes(), 0);
    }

    /// Memory comes with the bytes, not with the announcement of them; and an announcement that is
    /// too long is refused wherever the header is cut.
    #[test]
    fn a_header_alone_costs_its_own_four_bytes() {
        let mut decoder = FrameDecoder::new(1 << 20);
        let (frames, error) = drain(&mut decoder, [&[0, 0][..], &[16, 0][..]]);
        assert_eq!((frames.len(), error), (0, None));
        assert!(decoder.buffered_bytes() <= 64, "{} bytes", decoder.buffered_bytes());
        let mut decoder = FrameDecoder::new(64);
        let (_, error) = drain(&mut decoder, [&[0xff, 0xff][..], &[0xff, 0xff][..]]);
        assert!(matches!(error, Some(FrameError::Oversize { .. })), "{error:?}");
    }

    #[test]
    fn an_error_is_final() {
        let mut decoder = FrameDecoder::new(64);
        assert_eq!(drain(&mut decoder, [&[0, 0, 0, 0][..]]).1, Some(FrameError::Empty));
        assert_eq!(drain(&mut decoder, [&[1, 0, 0, 0, 7][..]]).1, Some(FrameError::Empty));
    }

    #[test]
    fn the_end_of_a_stream_inside_a_frame_is_seen() {
        let mut decoder = FrameDecoder::new(64);
        assert!(!decoder.is_mid_frame());
        drain(&mut decoder, [&[3, 0, 0, 0, 1][..]]);
        assert!(decoder.is_mid_frame());
        let (frames, _) = drain(&mut decoder, [&[2, 3][..]]);
        assert_eq!(frames, [[1, 2, 3]]);
        assert!(!decoder.is_mid_frame());
    }

    proptest! {
        /// Any bytes, cut in any way, give the same frames and the same error as in one piece.
        #[test]
        fn chunking_does_not_matter(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            tail in prop::collection::vec(any::<u8>(), 0..12),
            cuts in prop::collection::vec(1usize..9, 1..64),
        ) {
            let mut stream = Vec::new();
            for body in &bodies {
                stream.extend_from_slice(&(body.len() as u32).to_le_bytes());
                stream.extend_from_slice(body);
            }
            stream.extend_from_slice(&tail);

            let mut whole = FrameDecoder::new(32);
            let expected = drain(&mut whole, [&stream[..]]);

            let mut chunks = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, after) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            let mut cut = FrameDecoder::new(32);
            prop_assert_eq!(drain(&mut cut, chunks), expected);
            prop_assert_eq!(whole.is_mid_frame(), cut.is_mid_frame());
            prop_assert!(cut.buffered_bytes() <= FRAME_HEADER_BYTES + 32);
        }
    }
}
