//! Messages between a run and a process of bots, over two pipes.
//!
//! Data flow: command -> **`Pipe`** -> bytes -> **`Pipe`** -> command; and answers the other way.
//!
//! A message is a frame, as between players and servers: a length, and one encoded value. Neither
//! end ever waits here for the other. Who is to wait, and for how long, is the business of those
//! who use it.

use std::{
    error, fmt, io,
    os::fd::{AsFd, BorrowedFd},
};

use gamekeeper_protocol::{DecodeError, FrameDecoder, FrameError, codec};
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
};
use serde::{Serialize, de::DeserializeOwned};

/// No message is longer, in bytes. What a hundred thousand bots do in a second is shorter.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// What a message may take in memory, in bytes.
const DECODE_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// One end of a pair of pipes.
pub(super) struct Pipe<R, W> {
    reader: R,
    writer: W,
    decoder: FrameDecoder,
    buffer: Vec<u8>,
    /// Encoded messages, of which the first `sent` bytes are in the pipe.
    unsent: Vec<u8>,
    sent: usize,
}

impl<R: AsFd, W: AsFd> Pipe<R, W> {
    /// Takes both pipes, and makes them nonblocking.
    pub(super) fn new(reader: R, writer: W) -> io::Result<Self> {
        for fd in [reader.as_fd(), writer.as_fd()] {
            fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?;
        }
        Ok(Self {
            reader,
            writer,
            decoder: FrameDecoder::new(MESSAGE_BYTES_MAX),
            buffer: vec![0; READ_BYTES],
            unsent: Vec::new(),
            sent: 0,
        })
    }

    /// Queues a message.
    pub(super) fn push(&mut self, message: &impl Serialize) -> Result<(), PipeError> {
        let encoded = codec::encode_frame(message, MESSAGE_BYTES_MAX, &mut self.unsent);
        encoded.map_err(|error| PipeError::Unspeakable(error.to_string()))
    }

    /// Writes what is queued, until the pipe takes no more.
    pub(super) fn flush(&mut self) -> Result<(), PipeError> {
        while self.sent < self.unsent.len() {
            match rustix::io::write(&self.writer, &self.unsent[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::PIPE) => return Err(PipeError::Closed),
                Err(errno) => return Err(PipeError::Io(errno.into())),
            }
        }
        self.unsent.clear();
        self.sent = 0;
        Ok(())
    }

    /// Whether something is queued that the pipe has not taken.
    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Reads the messages that have arrived.
    pub(super) fn receive<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, PipeError> {
        let mut messages = Vec::new();
        loop {
            let count = match rustix::io::read(&self.reader, &mut self.buffer) {
                // What came before the end is of no use any more: nobody is left to answer.
                Ok(0) => return Err(PipeError::Closed),
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(messages),
                Err(errno) => return Err(PipeError::Io(errno.into())),
            };
            let mut input = &self.buffer[..count];
            while let Some(body) =
                self.decoder.next_frame(&mut input).map_err(PipeError::Framing)?
            {
                let message = codec::decode_within::<T, DECODE_BYTES_MAX>(body);
                messages.push(message.map_err(PipeError::Undecodable)?);
            }
        }
    }

    /// Where messages arrive, and where they go.
    pub(super) fn ends(&self) -> (BorrowedFd<'_>, BorrowedFd<'_>) {
        (self.reader.as_fd(), self.writer.as_fd())
    }
}

impl<R, W> fmt::Debug for Pipe<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a pipe with {} unsent bytes", self.unsent.len() - self.sent)
    }
}

/// Why nothing can be said to, or heard from, the other end.
#[derive(Debug)]
pub enum PipeError {
    /// It is gone.
    Closed,
    /// A call failed.
    Io(io::Error),
    /// What was to be said cannot be encoded.
    Unspeakable(String),
    /// What it says is not cut into messages.
    Framing(FrameError),
    /// What it says is no message.
    Undecodable(DecodeError),
}

impl fmt::Display for PipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("its pipe is closed"),
            Self::Io(error) => write!(f, "its pipe failed: {error}"),
            Self::Unspeakable(why) => write!(f, "it cannot be told: {why}"),
            Self::Framing(error) => write!(f, "what it says cannot be cut: {error}"),
            Self::Undecodable(error) => write!(f, "what it says cannot be read: {error}"),
        }
    }
}

impl error::Error for PipeError {}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    type BothEnds = (Pipe<OwnedFd, OwnedFd>, Pipe<OwnedFd, OwnedFd>);

    fn pipes() -> BothEnds {
        let pipe = || rustix::pipe::pipe().expect("two descriptors");
        let ((to_a, from_b), (to_b, from_a)) = (pipe(), pipe());
        let pipe = |reader, writer| Pipe::new(reader, writer).expect("pipes of ours");
        (pipe(to_a, from_a), pipe(to_b, from_b))
    }

    /// Messages that are longer than what a pipe holds, and many small ones.
    #[test]
    fn whatever_is_pushed_arrives_in_order() {
        let (mut a, mut b) = pipes();
        let said: Vec<Vec<u32>> =
            [100_000, 0, 1, 300_000].into_iter().map(|length| (0..length).collect()).collect();
        said.iter().for_each(|message| a.push(message).expect("it can be encoded"));
        let mut heard: Vec<Vec<u32>> = Vec::new();
        while heard.len() < said.len() {
            a.flush().expect("the other end is open");
            heard.extend(b.receive().expect("the other end is open"));
        }
        assert_eq!(heard, said);
        assert!(!a.has_unsent());
        assert!(b.receive::<Vec<u32>>().expect("still open").is_empty());
    }

    #[test]
    fn the_end_of_one_side_is_seen_by_the_other() {
        let (a, mut b) = pipes();
        drop(a);
        assert!(matches!(b.receive::<u32>(), Err(PipeError::Closed)));
        b.push(&1_u32).expect("it can be encoded");
        assert!(matches!(b.flush(), Err(PipeError::Closed)));
    }

    #[test]
    fn nonsense_is_an_error() {
        let (mut a, mut b) = pipes();
        a.push(&"no number").expect("it can be encoded");
        a.flush().expect("the other end is open");
        assert!(matches!(b.receive::<u32>(), Err(PipeError::Undecodable(_))));
        a.unsent.extend([0xff; 8]);
        a.flush().expect("the other end is open");
        assert!(matches!(b.receive::<u32>(), Err(PipeError::Framing(_))));
    }
}
