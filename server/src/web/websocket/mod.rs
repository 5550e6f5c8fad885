//! Bytes to messages of WebSocket (RFC 6455), for the server's side of a connection.
//!
//! Data flow: socket -> **`Decoder`** -> message; and message -> **`header`** -> queue.
//!
//! The decoder does no I/O, answers nothing and does not look inside a message; pings and closes
//! are told to the caller. However a stream is cut into chunks, it yields the same, or the same
//! single fault at the same byte. A length is checked before anything is allocated for it. No
//! extension is spoken, and messages are binary.

mod arriving;
mod departing;
mod fault;

use std::fmt;

use self::arriving::{FrameHeader, Kind, MASK_BYTES, PartialHeader, Standing};
pub use self::{
    departing::{CONTROL_BYTES_MAX, Header, Opcode, close_payload, header},
    fault::Fault,
};

/// Cuts the stream of one client into messages.
///
/// Every payload is masked, so it is copied to be unmasked; the buffer is there from the first byte
/// of a payload until its message has been looked at. An idle connection owns none.
///
/// Invariant: `buffer` is the message so far (`message_bytes`), and behind it the payload so far of
/// the frame that is being received, or of the one that is lent.
/// Invariant: `buffer.capacity()` never exceeds `limit_bytes` + [`CONTROL_BYTES_MAX`] by a peer's
/// doing.
pub struct Decoder {
    header: PartialHeader,
    /// The frame whose header is complete and whose payload is not.
    frame: Option<FrameHeader>,
    buffer: Vec<u8>,
    /// Bytes at the beginning of `buffer` that are complete fragments of an unfinished message.
    message_bytes: usize,
    /// A fragmented message has begun and has not ended.
    is_mid_message: bool,
    /// What is behind `message_bytes` has been lent to the caller and is dropped at the next call.
    lent: bool,
    limit_bytes: usize,
    /// A close was received: nothing counts that comes after it.
    is_closed: bool,
    /// A stream that broke the framing has no next frame: the fault is final.
    failed: Option<Fault>,
}

/// What one frame of a client was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A message, complete with this frame. It has at least one byte.
    Message(&'a [u8]),
    /// A fragment of a message that is not complete yet.
    Part,
    /// The client wants these bytes back in a pong, at most [`CONTROL_BYTES_MAX`].
    Ping(&'a [u8]),
    /// The answer to a ping, or a sign of life.
    Pong,
    /// The client ends the conversation. Nothing comes out of the decoder after it.
    Close {
        /// Why, if it says so. A code that may be on the wire.
        code: Option<u16>,
        /// More about it; mostly empty.
        text: &'a str,
    },
}

impl fmt::Debug for Decoder {
    /// Not the bytes: there may be a ticket among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of a message", self.buffer.len())?;
        self.failed.map_or(Ok(()), |fault| write!(f, ", failed: {fault}"))
    }
}

impl fmt::Debug for Incoming<'_> {
    /// Not the bytes: there may be a ticket among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => write!(f, "a message of {} bytes", message.len()),
            Self::Part => write!(f, "a part"),
            Self::Ping(payload) => write!(f, "a ping of {} bytes", payload.len()),
            Self::Pong => write!(f, "a pong"),
            Self::Close { code, text } => write!(f, "a close, {code:?} {text:?}"),
        }
    }
}

impl Decoder {
    /// A decoder that refuses messages longer than `message_bytes_max`, however fragmented.
    pub fn new(message_bytes_max: usize) -> Self {
        Self {
            header: PartialHeader::default(),
            frame: None,
            buffer: Vec::new(),
            message_bytes: 0,
            is_mid_message: false,
            lent: false,
            limit_bytes: message_bytes_max,
            is_closed: false,
            failed: None,
        }
    }

    /// Changes the limit for the frames whose header has not been read yet.
    pub fn set_limit_bytes(&mut self, limit_bytes: usize) {
        self.limit_bytes = limit_bytes;
    }

    /// Takes the next frame out of `input`, advancing it by one frame at most: a flood of frames
    /// that say nothing can be counted.
    ///
    /// Call it until it returns `Ok(None)`: then `input` is empty and the rest of a frame, if there
    /// is one, is kept for the next chunk.
    ///
    /// # Errors
    ///
    /// [`Fault`], once the client has broken the rules. Every later call repeats it.
    pub fn next<'a>(&'a mut self, input: &mut &[u8]) -> Result<Option<Incoming<'a>>, Fault> {
        self.release_lent();
        if let Some(fault) = self.failed {
            return Err(fault);
        }
        if self.is_closed {
            *input = &[];
            return Ok(None);
        }
        match self.fill(input) {
            Ok(Some(frame)) => self.finish(frame).map(Some),
            Ok(None) => Ok(None),
            Err(fault) => Err(self.fail(fault)),
        }
    }

    /// Whether the stream stands inside a frame or a message: an end of file here cuts it in two.
    pub fn is_mid_frame(&self) -> bool {
        self.is_mid_message || self.frame.is_some() || !self.header.is_empty()
    }

    /// Bytes of memory this decoder holds on the heap.
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Moves bytes of one frame from `input` to where they belong; the frame when it is complete.
    fn fill(&mut self, input: &mut &[u8]) -> Result<Option<FrameHeader>, Fault> {
        if self.frame.is_none() {
            let standing = Standing {
                is_mid_message: self.is_mid_message,
                message_bytes: self.message_bytes,
                limit_bytes: self.limit_bytes,
            };
            self.frame = self.header.take(input, standing)?;
        }
        let Some(frame) = self.frame else { return Ok(None) };
        let received_bytes = self.buffer.len() - self.message_bytes;
        let (taken, rest) = input.split_at(input.len().min(frame.payload_bytes - received_bytes));
        *input = rest;
        let end = self.buffer.len();
        self.buffer.reserve_exact(taken.len());
        self.buffer.extend_from_slice(taken);
        unmask(&mut self.buffer[end..], frame.mask, received_bytes);
        let is_complete = received_bytes + taken.len() == frame.payload_bytes;
        Ok(if is_complete { self.frame.take() } else { None })
    }

    /// Says what a frame was, all of which is in `buffer`.
    fn finish(&mut self, frame: FrameHeader) -> Result<Incoming<'_>, Fault> {
        if frame.kind == Kind::Data {
            self.is_mid_message = !frame.is_final;
            self.message_bytes = if frame.is_final { 0 } else { self.buffer.len() };
        }
        self.lent = true;
        let payload = &self.buffer[self.message_bytes..];
        match frame.kind {
            Kind::Data if frame.is_final => Ok(Incoming::Message(payload)),
            Kind::Data => Ok(Incoming::Part),
            Kind::Ping => Ok(Incoming::Ping(payload)),
            Kind::Pong => Ok(Incoming::Pong),
            Kind::Close => {
                self.is_closed = true;
                self.is_mid_message = false;
                let close = close(payload);
                self.failed = close.as_ref().err().copied();
                close
            }
        }
    }

    fn release_lent(&mut self) {
        if std::mem::take(&mut self.lent) {
            // The memory goes back as well: who speaks seldom need not own any.
            if self.is_mid_message {
                self.buffer.truncate(self.message_bytes);
            } else {
                self.buffer = Vec::new();
                self.message_bytes = 0;
            }
        }
    }

    fn fail(&mut self, fault: Fault) -> Fault {
        *self = Self { failed: Some(fault), ..Self::new(self.limit_bytes) };
        fault
    }
}

/// Takes the mask off `bytes`, which stand at `offset` in their payload.
fn unmask(bytes: &mut [u8], mut mask: [u8; MASK_BYTES], offset: usize) {
    mask.rotate_left(offset % MASK_BYTES);
    for chunk in bytes.chunks_mut(MASK_BYTES) {
        for (byte, mask) in chunk.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

/// What a close with this payload says.
fn close(payload: &[u8]) -> Result<Incoming<'_>, Fault> {
    match payload {
        [] => Ok(Incoming::Close { code: None, text: "" }),
        [_] => Err(Fault::HalfCloseCode),
        [high, low, text @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !may_be_sent(code) {
                return Err(Fault::CloseCode { code });
            }
            let text = std::str::from_utf8(text).map_err(|_| Fault::CloseText)?;
            Ok(Incoming::Close { code: Some(code), text })
        }
    }
}

/// Codes that RFC 6455 (section 7.4) and the registry which it founded let a client send. 1004 to
/// 1006 and 1015 are for use inside a program.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; MASK_BYTES] = [0x1f, 0x2e, 0x3d, 0x4c];

    /// A frame of a client; `first` is its first byte.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        assert!(payload.len() < 126, "these tests need short frames only");
        let mut bytes = vec![first, 0x80 | payload.len() as u8];
        bytes.extend_from_slice(&MASK);
        bytes.extend_from_slice(payload);
        unmask(&mut bytes[6..], MASK, 0);
        bytes
    }

    /// Feeds `chunks` and tells what comes out, up to and including the fault.
    fn drain(decoder: &mut Decoder, chunks: &[&[u8]]) -> (Vec<String>, Option<Fault>) {
        let mut told = Vec::new();
        for mut chunk in chunks.iter().copied() {
            loop {
                let before_bytes = chunk.len();
                match decoder.next(&mut chunk) {
                    Ok(Some(Incoming::Message(bytes))) => told.push(format!("message {bytes:?}")),
                    Ok(Some(Incoming::Ping(bytes))) => told.push(format!("ping {bytes:?}")),
                    Ok(Some(incoming)) => told.push(format!("{incoming:?}")),
                    Ok(None) => break,
                    Err(fault) => return (told, Some(fault)),
                }
                assert!(chunk.len() < before_bytes, "a frame has bytes");
            }
            assert!(chunk.is_empty(), "Ok(None) leaves no input behind");
        }
        (told, None)
    }

    #[test]
    fn a_conversation_is_read_however_it_is_cut() {
        let stream = [
            frame(0x82, b"abcde"),
            frame(0x02, b"f"),
            frame(0x89, b"why"),
            frame(0x00, b""),
            frame(0x8a, b"x"),
            frame(0x00, b"gh"),
            frame(0x80, b"i"),
            frame(0x88, &[&4000u16.to_be_bytes()[..], "ü".as_bytes()].concat()),
            frame(0x82, b"nobody hears this"),
        ]
        .concat();
        let expected = [
            "message [97, 98, 99, 100, 101]",
            "a part",
            "ping [119, 104, 121]",
            "a part",
            "a pong",
            "a part",
            "message [102, 103, 104, 105]",
            "a close, Some(4000) \"ü\"",
        ];
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
                let mut decoder = Decoder::new(5);
                let (told, fault) = drain(&mut decoder, &chunks);
                assert_eq!(fault, None, "cut at {first} and {second}");
                assert_eq!(told, expected, "cut at {first} and {second}");
                assert_eq!((decoder.is_mid_frame(), decoder.buffered_bytes()), (false, 0));
            }
        }
    }

    /// Each stream, the byte that is too much, and what is wrong with it.
    #[test]
    fn every_fault_is_found_at_its_byte_and_is_final() {
        let part = frame(0x02, b"123456");
        let (close, code) =
            (|payload: &[u8]| frame(0x88, payload), |code| Fault::CloseCode { code });
        let too_long = |announced_bytes| Fault::TooLong { announced_bytes, limit_bytes: 8 };
        let cases: [(Vec<u8>, usize, Fault, u16); 25] = [
            (vec![0xc2], 1, Fault::ReservedBits, 1002),
            (vec![0xa2], 1, Fault::ReservedBits, 1002),
            (vec![0x92], 1, Fault::ReservedBits, 1002),
            (vec![0x83], 1, Fault::UnknownOpcode { opcode: 3 }, 1002),
            (vec![0x8b], 1, Fault::UnknownOpcode { opcode: 11 }, 1002),
            (vec![0x81], 1, Fault::Text, 1003),
            (vec![0x01], 1, Fault::Text, 1003),
            (vec![0x09], 1, Fault::FragmentedControl, 1002),
            (vec![0x80], 1, Fault::LoneContinuation, 1002),
            ([&part[..], &[0x82]].concat(), 13, Fault::UnfinishedMessage, 1002),
            (vec![0x82, 0x01], 2, Fault::Unmasked, 1002),
            (vec![0x89, 0xfe], 2, Fault::LongControl, 1002),
            (vec![0x88, 0xff], 2, Fault::LongControl, 1002),
            (vec![0x82, 0xfe, 0, 125], 4, Fault::WideLength, 1002),
            ([&[0x82, 0xff][..], &0xffffu64.to_be_bytes()].concat(), 10, Fault::WideLength, 1002),
            ([&[0x82, 0xff, 0x80][..], &[0; 7]].concat(), 10, Fault::LengthSign, 1002),
            (vec![0x82, 0x89], 2, too_long(9), 1009),
            ([&[0x82, 0xff, 0x7f][..], &[0xff; 7]].concat(), 10, too_long(u64::MAX >> 1), 1009),
            ([&part[..], &[0x80, 0x83]].concat(), 14, too_long(9), 1009),
            (vec![0x82, 0x80], 2, Fault::Empty, 1008),
            ([frame(0x02, b""), vec![0x80, 0x80]].concat(), 8, Fault::Empty, 1008),
            (close(b"x"), 7, Fault::HalfCloseCode, 1002),
            (close(&999u16.to_be_bytes()), 8, code(999), 1002),
            (close(&1005u16.to_be_bytes()), 8, code(1005), 1002),
            (close(&[0x03, 0xe8, 0xc3]), 9, Fault::CloseText, 1007),
        ];
        for (stream, at, fault, close_code) in cases {
            let bytes = [&stream[..], b"whatever follows"].concat();
            for cut in 0..=bytes.len() {
                let mut decoder = Decoder::new(8);
                let (_, found) = drain(&mut decoder, &[&bytes[..cut], &bytes[cut..]]);
                assert_eq!(found, Some(fault), "{stream:x?} cut at {cut}");
                assert_eq!(drain(&mut decoder, &[&frame(0x82, b"a")]).1, Some(fault));
                assert_eq!((decoder.is_mid_frame(), decoder.buffered_bytes()), (false, 0));
            }
            let mut decoder = Decoder::new(8);
            assert_eq!(drain(&mut decoder, &[&stream[..at - 1]]).1, None, "{stream:x?}");
            assert!(drain(&mut decoder, &[&stream[at - 1..at]]).1.is_some(), "{stream:x?}");
            assert_eq!(fault.close_code(), close_code, "{fault}");
        }
    }

    #[test]
    fn the_end_of_a_stream_inside_a_message_is_seen() {
        let stream = [frame(0x02, b"a"), frame(0x89, b"b"), frame(0x80, b"c")].concat();
        for cut in 0..=stream.len() {
            let mut decoder = Decoder::new(8);
            drain(&mut decoder, &[&stream[..cut]]);
            assert_eq!(decoder.is_mid_frame(), cut > 0 && cut < stream.len(), "after {cut} bytes");
        }
    }

    /// Memory comes with the bytes, not with the announcement of them, and goes with the message.
    #[test]
    fn memory_is_owned_only_while_it_is_needed() {
        let mut decoder = Decoder::new(1 << 20);
        let header = [&[0x82, 0xff][..], &(1u64 << 20).to_be_bytes(), &MASK].concat();
        drain(&mut decoder, &[&header]);
        assert_eq!(decoder.buffered_bytes(), 0);
        drain(&mut decoder, &[&[0; 100]]);
        assert!(decoder.buffered_bytes() <= 200, "{} bytes", decoder.buffered_bytes());
        // Between its fragments a message owns its own bytes, and no ping with them.
        let mut decoder = Decoder::new(8);
        drain(&mut decoder, &[&frame(0x02, b"abc"), &frame(0x89, &[0; 125])]);
        assert_eq!(decoder.buffer, b"abc");
        drain(&mut decoder, &[&frame(0x80, b"d")]);
        assert_eq!(decoder.buffered_bytes(), 0);
    }

    #[test]
    fn one_call_takes_one_frame() {
        let stream = [frame(0x02, b"a"), frame(0x00, b"").repeat(3), frame(0x89, b"")].concat();
        let (mut decoder, mut input) = (Decoder::new(8), &stream[..]);
        for taken_bytes in [7, 13, 19, 25, 31] {
            assert!(decoder.next(&mut input).expect("no fault").is_some());
            assert_eq!(stream.len() - input.len(), taken_bytes);
        }
        assert_eq!(decoder.next(&mut input), Ok(None));
    }

    #[test]
    fn a_new_limit_counts_from_the_next_header_on() {
        let mut decoder = Decoder::new(3);
        let stream = frame(0x82, b"abc");
        drain(&mut decoder, &[&stream[..6]]);
        decoder.set_limit_bytes(2);
        assert_eq!(
            drain(&mut decoder, &[&stream[6..]]),
            (vec!["message [97, 98, 99]".into()], None)
        );
        assert!(matches!(drain(&mut decoder, &[&stream]).1, Some(Fault::TooLong { .. })));
    }

    #[test]
    fn nothing_that_a_client_said_is_in_the_log() {
        let mut decoder = Decoder::new(8);
        let stream = frame(0x82, b"secret");
        let mut input = &stream[..];
        let told = format!("{:?}", decoder.next(&mut input));
        assert_eq!(told, "Ok(Some(a message of 6 bytes))");
        assert_eq!(format!("{decoder:?}"), "6 bytes of a message");
    }
}
