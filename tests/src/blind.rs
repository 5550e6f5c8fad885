//! A network that hides from the loop that a peer is gone, so that only a write can find out.
//!
//! It stands for the race that no poll can close: the peer goes after the last look and before the
//! write. Real sockets, real error numbers; only the hints are kept back.

use std::io::{self, IoSlice};

use gamekeeper::{
    hub::Errno,
    metrics::ProcessStats,
    shell::net::{Accept, Flags, Net, NetEvent, Read, Send, Token, TokenKind},
    time::Time,
};

/// A network without hints about players that have said hello.
///
/// The first readiness of each connection passes, so that its hello is read; from then on it only
/// ever is writable.
#[derive(Debug)]
pub struct Blind<N> {
    inner: N,
    /// Tokens whose hello has passed.
    seen: Vec<Token>,
    /// What came of each send, in order.
    pub sends: Vec<Send>,
}

impl<N: Net> Blind<N> {
    /// Blinds a network.
    pub fn new(inner: N) -> Self {
        Self { inner, seen: Vec::new(), sends: Vec::new() }
    }
}

impl<N: Net> Net for Blind<N> {
    type Stream = N::Stream;

    fn now(&self) -> Time {
        self.inner.now()
    }

    fn poll(&mut self, until: Option<Time>, events: &mut Vec<NetEvent>) -> io::Result<()> {
        self.inner.poll(until, events)?;
        for event in events {
            let NetEvent::Ready { token, flags } = event else { continue };
            if token.kind != TokenKind::Player || !flags.readable {
                continue;
            }
            if self.seen.contains(token) {
                *flags = Flags { writable: flags.writable, ..Flags::default() };
            } else {
                self.seen.push(*token);
            }
        }
        Ok(())
    }

    fn accept(&mut self, listener: usize) -> Accept<N::Stream> {
        self.inner.accept(listener)
    }

    fn register(&mut self, stream: &N::Stream, token: Token) -> Result<(), Errno> {
        self.inner.register(stream, token)
    }

    fn read(&mut self, stream: &N::Stream, buffer: &mut [u8]) -> Read {
        self.inner.read(stream, buffer)
    }

    fn send(&mut self, stream: &N::Stream, slices: &[IoSlice<'_>]) -> Send {
        let outcome = self.inner.send(stream, slices);
        self.sends.push(outcome);
        outcome
    }

    fn shutdown_write(&mut self, stream: &N::Stream) -> Result<(), Errno> {
        self.inner.shutdown_write(stream)
    }

    fn reset_on_close(&mut self, stream: &N::Stream) {
        self.inner.reset_on_close(stream);
    }

    fn unsent_bytes(&mut self, stream: &N::Stream) -> Option<usize> {
        self.inner.unsent_bytes(stream)
    }

    fn close(&mut self, stream: N::Stream) {
        self.inner.close(stream);
    }

    fn close_listeners(&mut self) {
        self.inner.close_listeners();
    }

    fn process_stats(&self) -> ProcessStats {
        self.inner.process_stats()
    }
}
