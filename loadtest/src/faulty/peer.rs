//! One client's socket and the conversation over it.
//!
//! Data flow: readiness -> **`Peer`** -> bytes -> [`Conversation`] -> bytes, fate -> **`Peer`**.
//!
//! Whatever a call on the socket says ends at most this one conversation.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
    time::Duration,
};

use gamekeeper_bot::clock::Moment;
use mio::net::TcpStream;
use socket2::SockRef;

use super::conversation::{Conversation, Fate, Over};

/// Reads from one socket in one turn, so that no client can own the thread.
const READS_PER_TURN: usize = 16;

/// A connected client.
#[derive(Debug)]
pub(super) struct Peer {
    stream: TcpStream,
    conversation: Conversation,
    number: u32,
    since: Moment,
    /// There may be something to read.
    readable: bool,
    /// The other end is closed, or the connection is dead, as far as flags tell.
    hung_up: bool,
    /// Our direction has been ended.
    shut: bool,
    received_bytes: u64,
    sent_bytes: u64,
}

impl Peer {
    pub(super) fn new(stream: TcpStream, conversation: Conversation, number: u32) -> Self {
        Self {
            stream,
            conversation,
            number,
            since: Moment::now(),
            readable: true,
            hung_up: false,
            shut: false,
            received_bytes: 0,
            sent_bytes: 0,
        }
    }

    /// Notes what the poll said.
    pub(super) fn note(&mut self, event: &mio::event::Event) {
        self.readable = true;
        self.hung_up |= event.is_read_closed() || event.is_write_closed() || event.is_error();
    }

    /// Whether it is to be looked at again without waiting.
    pub(super) fn has_more(&self) -> bool {
        self.readable && self.conversation.reads()
    }

    /// When it is to be looked at next.
    pub(super) fn next_timeout(&self) -> Option<Moment> {
        self.conversation.next_timeout()
    }

    /// Reads, does what it is time for, writes. Whether the socket is still wanted.
    pub(super) fn turn(&mut self, buffer: &mut [u8], now: Moment) -> bool {
        self.read(buffer, now);
        self.conversation.handle_timeout(now);
        self.write(now);
        match self.conversation.fate() {
            Fate::Open => true,
            Fate::Close => {
                if !self.shut {
                    self.shut = true;
                    // If the connection is gone already, reading says so.
                    let _ = self.stream.shutdown(Shutdown::Write);
                }
                true
            }
            Fate::Reset => {
                reset_on_close(&self.stream);
                false
            }
            Fate::Drop => false,
        }
    }

    /// How it went, for a person.
    pub(super) fn epitaph(&self, now: Moment) -> String {
        let Self { number, received_bytes, sent_bytes, .. } = self;
        let seconds = now.since(self.since).as_secs_f64();
        let over = self.conversation.over().map(Over::to_string);
        let over = over.unwrap_or_else(|| "still open when the server stopped".to_owned());
        let mode = self.conversation.mode();
        format!(
            "connection {number}: {mode}: {over}, after {seconds:.1} s, {received_bytes} bytes \
             from the client and {sent_bytes} bytes to it"
        )
    }

    fn read(&mut self, buffer: &mut [u8], now: Moment) {
        if !self.conversation.reads() {
            // It does not even look; but a socket that is dead must not be kept for ever.
            if self.hung_up {
                self.conversation.handle_eof();
            }
            return;
        }
        for _ in 0..READS_PER_TURN {
            if !self.has_more() {
                return;
            }
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.readable = false;
                    self.conversation.handle_eof();
                }
                Ok(count) => {
                    self.received_bytes += count as u64;
                    self.conversation.handle_bytes(&buffer[..count], now);
                }
                Err(error) => self.note_error(&error),
            }
        }
    }

    fn write(&mut self, now: Moment) {
        loop {
            let unsent = self.conversation.unsent(now);
            if unsent.is_empty() {
                return;
            }
            match self.stream.write(unsent) {
                Ok(count) => {
                    self.sent_bytes += count as u64;
                    self.conversation.advance(count, now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.conversation.advance(0, now);
                }
                Err(error) => self.note_error(&error),
            }
        }
    }

    fn note_error(&mut self, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::WouldBlock => self.readable = false,
            kind => {
                self.readable = false;
                self.conversation.handle_error(kind);
            }
        }
    }
}

/// Makes the close that follows a reset. If this fails the connection is gone already.
pub(super) fn reset_on_close(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// The address of a client, for a person. It may be gone already.
pub(super) fn address(stream: &TcpStream) -> String {
    stream.peer_addr().map_or_else(|_| "somewhere".to_owned(), |at: SocketAddr| at.to_string())
}
