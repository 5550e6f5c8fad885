//! The line between the loop and the operating system: every call that it makes, as one trait.
//!
//! The loop is generic over [`Net`], so that the production loop itself runs on a simulated
//! kernel in tests. [`RealNet`](super::real::RealNet) is mio and system calls. An implementation
//! decides nothing: it reports what the kernel says, error numbers included.

use std::io::{self, IoSlice};

pub use crate::hub::{Errno, Hearing};
use crate::{
    ids::{ConnectionId, PeerAddr},
    metrics::ProcessStats,
    time::Time,
};

/// What the loop asks of the operating system.
///
/// No method blocks but [`Net::poll`]. Calls on a stream return an outcome and never an
/// [`io::Result`]: one client's error must not look like the server's.
pub trait Net {
    /// A nonblocking stream socket.
    type Stream;

    /// The time on a monotonic clock.
    fn now(&self) -> Time;

    /// Waits until something is ready, or until `until`; without it, until something is ready.
    ///
    /// Appends what happened to `events`. Readiness is edge-triggered: it is reported when it
    /// changes, not while it lasts. Events may be spurious and may be about sockets that are
    /// closed already.
    ///
    /// # Errors
    ///
    /// Only if the poll itself is broken, which ends the server. An interruption is not an error.
    fn poll(&mut self, until: Option<Time>, events: &mut Vec<NetEvent>) -> io::Result<Polled>;

    /// Takes a connection from a listener's queue.
    fn accept(&mut self, listener: usize) -> Accept<Self::Stream>;

    /// Keeps a descriptor in reserve, for the time when there is no other; whether there is one.
    fn keep_spare(&mut self) -> bool;

    /// Gives up the descriptor in reserve, so that the next accept has one; whether there was one.
    fn drop_spare(&mut self) -> bool;

    /// Asks for a stream's readiness under a token. Readiness that is there already is reported.
    ///
    /// # Errors
    ///
    /// The kernel's error number: the stream cannot be used.
    fn register(&mut self, stream: &Self::Stream, token: Token) -> Result<(), Errno>;

    /// Changes what is reported of a stream that is registered under this token.
    ///
    /// Of a stream that is heard [`Hearing::AtTicks`], bytes that arrive are not reported. Then an
    /// event about it is a hint at its end, whatever its flags say. What is there already at a
    /// change is reported, too.
    ///
    /// # Errors
    ///
    /// The kernel's error number: the stream cannot be used.
    fn hear(&mut self, stream: &Self::Stream, token: Token, when: Hearing) -> Result<(), Errno>;

    /// Reads what is there into `buffer`.
    fn read(&mut self, stream: &Self::Stream, buffer: &mut [u8]) -> Read;

    /// Writes as much of `slices` as fits. A broken pipe is an outcome, never a signal.
    fn send(&mut self, stream: &Self::Stream, slices: &[IoSlice<'_>]) -> Send;

    /// Ends our half: the peer reads everything sent so far and then an end of file.
    ///
    /// # Errors
    ///
    /// The kernel's error number: the connection is broken.
    fn shutdown_write(&mut self, stream: &Self::Stream) -> Result<(), Errno>;

    /// Makes the close a reset, which drops whatever is unsent.
    fn reset_on_close(&mut self, stream: &Self::Stream);

    /// Bytes that the peer's kernel has not acknowledged; `None` if that cannot be known.
    fn unsent_bytes(&mut self, stream: &Self::Stream) -> Option<usize>;

    /// Closes a stream; its token is never reported again, but for events polled already.
    fn close(&mut self, stream: Self::Stream);

    /// Stops listening on every listener for players.
    fn close_listeners(&mut self);

    /// What the process uses, for the operator.
    fn process_stats(&self) -> ProcessStats;
}

/// Whether a poll has reported all that there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// All of it.
    Everything,
    /// As much as it can at once; the next poll may have more.
    AsMuchAsFits,
}

/// What [`Net::poll`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// A socket's readiness changed.
    Ready {
        /// Whose.
        token: Token,
        /// What the kernel hints at; only a read or a write tells the truth.
        flags: Flags,
    },
    /// Somebody asks the server to stop: a signal, or the embedding program.
    Stop,
}

/// What a socket was registered under.
///
/// As a number: two bits of kind, 30 bits of slot, and the generation in the upper half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What kind of socket.
    pub kind: TokenKind,
    /// Which slot, or which listener.
    pub slot: u32,
    /// Which tenant of the slot.
    pub generation: u32,
}

/// The kinds of sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A game connection.
    Player,
    /// A connection to the admin listener.
    Admin,
    /// A listener.
    Listener,
    /// The network's own: timer, signals, waker.
    Internal,
}

impl Token {
    const SLOT_BITS: u32 = 30;

    /// The token of a player's connection.
    pub fn of_player(id: ConnectionId) -> Self {
        Self { kind: TokenKind::Player, slot: id.slot, generation: id.generation }
    }

    /// The token as the number that the kernel keeps.
    pub fn to_bits(self) -> u64 {
        assert!(self.slot < 1 << Self::SLOT_BITS, "descriptors end long before 2^30 slots");
        let low = (self.kind as u32) << Self::SLOT_BITS | self.slot;
        u64::from(self.generation) << 32 | u64::from(low)
    }

    /// The token of such a number.
    pub fn from_bits(bits: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the halves are taken apart")]
        let (low, generation) = (bits as u32, (bits >> 32) as u32);
        let kind = match low >> Self::SLOT_BITS {
            0 => TokenKind::Player,
            1 => TokenKind::Admin,
            2 => TokenKind::Listener,
            _ => TokenKind::Internal,
        };
        Self { kind, slot: low & ((1 << Self::SLOT_BITS) - 1), generation }
    }
}

/// What the kernel hints at. Hints: a flag alone never ends a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// A read may return something, the end included.
    pub readable: bool,
    /// A write may be taken.
    pub writable: bool,
    /// The peer's half is closed, or the connection is broken.
    pub closed: bool,
}

/// What came of [`Net::accept`].
#[derive(Debug)]
pub enum Accept<S> {
    /// A connection. It may be dead already.
    Stream(S, PeerAddr),
    /// The queue is empty.
    WouldBlock,
    /// The kernel reported an error of the new connection: there may be more behind it.
    Skip(Errno),
    /// Nobody can be accepted now: no descriptor, no memory, or the listener itself is broken.
    /// What is in the queue stays there.
    Failed(Errno),
}

/// What came of [`Net::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing is there now; there will be an event.
    WouldBlock,
    /// The peer's half is closed.
    Eof,
    /// The connection is broken.
    Failed(Errno),
}

/// What came of [`Net::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Send {
    /// So many bytes were taken, at least one.
    Bytes(usize),
    /// None fits now; there will be an event.
    WouldBlock,
    /// The connection is broken.
    Failed(Errno),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_being_a_number() {
        let kinds = [TokenKind::Player, TokenKind::Admin, TokenKind::Listener, TokenKind::Internal];
        for kind in kinds {
            for (slot, generation) in [(0, 0), (1, 2), ((1 << 30) - 1, u32::MAX)] {
                let token = Token { kind, slot, generation };
                assert_eq!(Token::from_bits(token.to_bits()), token);
            }
        }
        let token = Token { kind: TokenKind::Player, slot: 5, generation: 7 };
        assert_eq!(token.to_bits(), 7 << 32 | 5);
    }
}
