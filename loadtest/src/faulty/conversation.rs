//! One conversation with a client that goes wrong as planned, without a socket.
//!
//! Data flow: socket -> bytes -> **`Conversation`** -> bytes, [`Fate`] -> socket. The bytes are cut
//! into frames here; what follows from a frame is the script's business.
//!
//! Pure: `now` and the seed are arguments, and what is to happen to the socket is a returned
//! value. However the client's bytes are cut into chunks, the same comes out.
//!
//! Whoever owns the socket
//!
//! 1. hands over what it reads, as long as [`Conversation::reads`] says so, and the end of the
//!    stream and errors as well;
//! 2. calls [`Conversation::handle_timeout`] once [`Conversation::next_timeout`] has come;
//! 3. after each of these sends [`Conversation::unsent`], and then does what
//!    [`Conversation::fate`] says.

use std::{fmt, io, time::Duration};

use gamekeeper_bot::clock::Moment;
use gamekeeper_protocol::{
    FrameDecoder,
    limits::{CLIENT_FRAME_BYTES_MAX, HELLO_FRAME_BYTES_MAX},
};

use super::{mode::Mode, script::Script};

/// The server's side of one conversation.
#[derive(Debug)]
pub struct Conversation {
    decoder: FrameDecoder,
    /// Apart from the decoder, because a frame borrows from the decoder while it is handled.
    script: Script,
}

impl Conversation {
    /// Begins a conversation over the how-manieth connection.
    pub fn new(mode: Mode, number: u32, terms: Terms, now: Moment) -> Self {
        let decoder = FrameDecoder::new(HELLO_FRAME_BYTES_MAX);
        Self { decoder, script: Script::new(mode, number, terms, now) }
    }

    /// Takes what the client sent.
    pub fn handle_bytes(&mut self, mut bytes: &[u8], now: Moment) {
        let Self { decoder, script } = self;
        while script.listens() {
            match decoder.next_frame(&mut bytes) {
                Ok(None) => return,
                Ok(Some(frame)) => script.handle_frame(Ok(frame), now),
                Err(error) => return script.handle_frame(Err(error), now),
            }
            decoder.set_limit_bytes(CLIENT_FRAME_BYTES_MAX);
        }
    }

    /// The client closed its direction.
    pub fn handle_eof(&mut self) {
        self.script.drop_socket(Over::Closed);
    }

    /// A call on the socket failed.
    pub fn handle_error(&mut self, kind: io::ErrorKind) {
        self.script.drop_socket(Over::Failed(kind));
    }

    /// Does what it is time for.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.script.handle_timeout(now);
    }

    /// When [`Self::handle_timeout`], or a send, is due next.
    pub fn next_timeout(&self) -> Option<Moment> {
        self.script.next_timeout()
    }

    /// What may be sent now.
    pub fn unsent(&self, now: Moment) -> &[u8] {
        self.script.unsent(now)
    }

    /// Records that the socket took the first `written` bytes of [`Self::unsent`].
    ///
    /// # Panics
    ///
    /// If that is more than there was.
    pub fn advance(&mut self, written: usize, now: Moment) {
        self.script.advance(written, now);
    }

    /// Whether the client is read from.
    pub fn reads(&self) -> bool {
        self.script.reads()
    }

    /// What is to happen to the socket now.
    pub fn fate(&self) -> Fate {
        self.script.fate()
    }

    /// Why it is over, if it is.
    pub fn over(&self) -> Option<&Over> {
        self.script.over()
    }

    /// Its mode.
    pub fn mode(&self) -> Mode {
        self.script.mode()
    }
}

/// What all conversations of one server have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Random bytes are a function of this.
    pub seed: u64,
    /// How long a game goes well before it ends, in the modes that play first.
    pub after: Duration,
    /// Between two bytes of a slow server.
    pub pace: Duration,
}

/// What is to happen to the socket, once everything unsent is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays open.
    Open,
    /// Our direction ends. The other one is read until the client closes, too.
    Close,
    /// It is reset.
    Reset,
    /// It is dropped, whatever is unsent.
    Drop,
}

/// Why a conversation is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// The fault was carried out to its end.
    AsPlanned,
    /// The client said goodbye.
    Left,
    /// The client closed its direction.
    Closed,
    /// The socket failed.
    Failed(io::ErrorKind),
    /// The client does not read.
    NotReading,
    /// The client was wrong.
    Mistake(&'static str),
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsPlanned => f.write_str("ended as planned"),
            Self::Left => f.write_str("the client said goodbye"),
            Self::Closed => f.write_str("the client closed it"),
            Self::Failed(kind) => write!(f, "the client is gone: {kind}"),
            Self::NotReading => f.write_str("the client does not read"),
            Self::Mistake(mistake) => write!(f, "the client is at fault: {mistake}"),
        }
    }
}

#[cfg(test)]
mod tests;
