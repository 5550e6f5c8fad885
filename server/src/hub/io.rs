//! The contract between the hub and the shell: what goes in, what comes out.
//!
//! Both are closed. The shell tells the hub everything that happens as an [`Input`], and carries
//! out every [`Output`] before the next input. The hub never does I/O, the shell never decides.

use crate::{client::leave::LeavePath, ids::ConnectionId};

/// Something that happened on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// Bytes were read.
    Bytes {
        /// On which connection.
        from: ConnectionId,
        /// At least one byte.
        bytes: &'a [u8],
    },
    /// The peer's side is closed or the connection is broken. Comes after all bytes before it.
    Ended {
        /// Which connection.
        connection: ConnectionId,
        /// What the kernel said.
        how: End,
        /// Which call it said it to.
        path: LeavePath,
    },
    /// The socket took bytes that were offered to it; zero of them if it is full.
    Wrote {
        /// Which connection.
        connection: ConnectionId,
        /// How many bytes it took.
        taken_bytes: usize,
    },
    /// The answer to [`Output::AskUnsent`].
    Unsent {
        /// Which connection.
        connection: ConnectionId,
        /// Bytes that the peer's kernel has not acknowledged yet; `None` if it cannot be known.
        unsent_bytes: Option<usize>,
    },
}

/// How the kernel says that a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A read returned no bytes: the peer's sending half is closed.
    Eof,
    /// A call failed with this error number.
    Errno(Errno),
}

/// An error number of the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::io::Error::from_raw_os_error(self.0).fmt(f)
    }
}

/// When a connection is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// As soon as something has arrived.
    AtOnce,
    /// Just before each tick of its room: nothing that it says counts before. Its end is still
    /// noticed at once.
    AtTicks,
}

/// Something that the shell must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Read a connection at other times from now on.
    Hear {
        /// Which connection.
        connection: ConnectionId,
        /// When.
        when: Hearing,
    },
    /// Everything for this client is written: shut down our sending half.
    ShutdownWrite(ConnectionId),
    /// Find out how much of what was written the peer has not acknowledged.
    AskUnsent(ConnectionId),
    /// Close the socket and tell the hub by [`Hub::closed`](super::Hub::closed).
    Close {
        /// Which connection.
        connection: ConnectionId,
        /// Whether to reset it, so that the kernel frees what it holds at once.
        reset: bool,
    },
}
