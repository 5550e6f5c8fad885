//! The few socket calls that a bot needs, nonblocking, for TCP and Unix sockets alike.
//!
//! Every send carries MSG_NOSIGNAL: a write to a connection that the server has reset must be an
//! error that ends one bot, and never a signal that ends the process.

use std::{
    io::{self, Read},
    net::{Shutdown, SocketAddr},
    os::fd::{AsRawFd, RawFd},
    time::Duration,
};

use rustix::net::{SendFlags, send};
use socket2::{Socket, Type};

use super::{Endpoint, network};
use crate::limits::STALL_RECEIVE_BUFFER_BYTES;

/// A nonblocking socket. Dropping it closes it.
#[derive(Debug)]
pub(super) struct BotSocket {
    socket: Socket,
    /// Our end, once it is connected.
    local: Option<SocketAddr>,
}

/// What a nonblocking call came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now; an event will say when.
    WouldBlock,
    /// The other side has closed its direction.
    Eof,
    /// Anything else, known or not, ends the connection.
    Failed(io::Error),
}

/// How far a connect has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Connected,
    Pending,
    /// Nothing has begun: the server's queue is full for the moment.
    TryLater,
}

impl BotSocket {
    /// Makes a socket. An error is this machine's problem: no descriptors, no memory.
    pub(super) fn open(endpoint: &Endpoint, small_receive_buffer: bool) -> io::Result<Self> {
        let socket = Socket::new(endpoint.domain(), Type::STREAM.nonblocking(), None)?;
        if let Endpoint::Tcp(_) = endpoint {
            // A game sends small messages that must not wait for each other.
            socket.set_tcp_nodelay(true)?;
        }
        if small_receive_buffer {
            // Must happen before the connect, which announces the window.
            socket.set_recv_buffer_size(STALL_RECEIVE_BUFFER_BYTES)?;
        }
        Ok(Self { socket, local: None })
    }

    /// Begins to connect.
    pub(super) fn connect(&self, endpoint: &Endpoint) -> io::Result<Progress> {
        match self.socket.connect(&endpoint.socket_address()?) {
            Ok(()) => Ok(Progress::Connected),
            Err(error) => match rustix::io::Errno::from_io_error(&error) {
                Some(rustix::io::Errno::INPROGRESS) => Ok(Progress::Pending),
                // A Unix socket has no queue for connects that the server has no room for yet.
                Some(rustix::io::Errno::AGAIN) => Ok(Progress::TryLater),
                _ => Err(error),
            },
        }
    }

    /// How a connect that was pending has ended, if it has.
    pub(super) fn progress(&self) -> io::Result<Progress> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        match self.socket.peer_addr() {
            Ok(_) => Ok(Progress::Connected),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(Progress::Pending),
            Err(error) => Err(error),
        }
    }

    /// Our end of the connection, if that is TCP and [`Self::learn_local`] was called.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// Asks for our end of a connection that was made: when it is over it is too late.
    pub(super) fn learn_local(&mut self) {
        self.local = self.socket.local_addr().ok().and_then(|address| address.as_socket());
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> Outcome {
        loop {
            match (&self.socket).read(buffer) {
                Ok(0) => return Outcome::Eof,
                Ok(bytes) => return Outcome::Bytes(bytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Outcome::WouldBlock;
                }
                Err(error) => return Outcome::Failed(error),
            }
        }
    }

    pub(super) fn send(&self, bytes: &[u8]) -> Outcome {
        loop {
            match send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(bytes) => return Outcome::Bytes(bytes),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Outcome::WouldBlock,
                Err(errno) => return Outcome::Failed(errno.into()),
            }
        }
    }

    /// Throws away what has been received, up to `reads_max` buffers full.
    pub(super) fn drain(&self, buffer: &mut [u8], reads_max: usize) {
        for _ in 0..reads_max {
            let Outcome::Bytes(_) = self.read(buffer) else { return };
        }
    }

    /// How much has been received that is not read.
    pub(super) fn unread_bytes(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.socket).unwrap_or(0)
    }

    /// Sends a byte of urgent data. That it may not fit now is no harm: there will be others.
    pub(super) fn send_urgent_byte(&self) {
        let _ = send(&self.socket, b"!", SendFlags::NOSIGNAL | SendFlags::OOB);
    }

    /// See [`network::lose_everything`].
    pub(super) fn lose_everything(&self) -> io::Result<()> {
        network::lose_everything(&self.socket)
    }

    /// See [`network::lose_some`].
    pub(super) fn lose_some(&self, percent: u32) -> io::Result<()> {
        network::lose_some(&self.socket, percent)
    }

    /// See [`network::lose_nothing`].
    pub(super) fn lose_nothing(&self) -> io::Result<()> {
        network::lose_nothing(&self.socket)
    }

    /// See [`network::forget_on_close`].
    pub(super) fn forget_on_close(&self) -> io::Result<()> {
        network::forget_on_close(&self.socket)
    }

    /// Ends our direction. If the connection is gone already there is nothing to end, and reading
    /// will say so.
    pub(super) fn shutdown_write(&self) {
        drop(self.socket.shutdown(Shutdown::Write));
    }

    /// Makes the close that follows a reset. If this fails the connection is gone already.
    pub(super) fn reset_on_close(&self) {
        drop(self.socket.set_linger(Some(Duration::ZERO)));
    }

    /// The error that waits on the socket, without reading from it.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.socket.take_error().unwrap_or_else(Some)
    }

    pub(super) fn raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
