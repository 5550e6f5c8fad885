//! Listening sockets, with the options that every accepted connection inherits from them.
//!
//! Linux copies them at accept, which saves half a dozen calls for each connection; but for those
//! of a Unix socket, of which there is one, which accepting gives them.

use std::{
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::Path,
    time::Duration,
};

use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use crate::{config::ListenAddr, limits::Limits};

/// Connections that the kernel holds for us until we accept them. mio's and std's 128 overflow in
/// a reconnect storm, and an overflow costs the client seconds.
const BACKLOG: i32 = 1024;

/// A listening socket. Its path, if it has one, goes when it does.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    address: ListenAddr,
    /// What accepted connections do not inherit: SO_SNDBUF, if this is a Unix socket.
    send_buffer_bytes: Option<usize>,
    /// Which file the path was when it was bound: device and inode.
    file: Option<(u64, u64)>,
}

impl Listener {
    /// Where it really listens: the port that the system picked, if it was 0.
    pub fn address(&self) -> &ListenAddr {
        &self.address
    }

    /// The SO_SNDBUF, in bytes, that an accepted connection has to be given; nothing if it has
    /// inherited it.
    pub(super) fn send_buffer_bytes(&self) -> Option<usize> {
        self.send_buffer_bytes
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let ListenAddr::Unix(path) = &self.address else { return };
        // A server that started meanwhile may have bound the path anew; that file is not ours.
        if self.file.is_some() && file_at(path) == self.file {
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens a listening socket.
///
/// # Errors
///
/// The system's; [`io::ErrorKind::AddrInUse`] if a server is there already.
pub fn listen(address: &ListenAddr, limits: &Limits) -> io::Result<Listener> {
    match address {
        ListenAddr::Tcp(socket_address) => listen_tcp(*socket_address, limits),
        ListenAddr::Unix(path) => listen_unix(path, limits),
    }
}

fn listen_tcp(address: std::net::SocketAddr, limits: &Limits) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(send_buffer_bytes(limits))?;
    socket.set_tcp_notsent_lowat(
        u32::try_from(limits.socket_notsent_lowat_bytes).expect("in the range of the limit"),
    )?;
    // Backstops under the heartbeat, for a connection that lingers or has not said hello.
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(5))
        .with_interval(Duration::from_secs(4))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    if limits.tcp_user_timeout_ms > 0 {
        let timeout = Duration::from_millis(limits.tcp_user_timeout_ms);
        socket.set_tcp_user_timeout(Some(timeout))?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let bound = socket.local_addr()?.as_socket().unwrap_or(address);
    let address = ListenAddr::Tcp(bound);
    Ok(Listener { socket: socket.into(), address, send_buffer_bytes: None, file: None })
}

fn listen_unix(path: &Path, limits: &Limits) -> io::Result<Listener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    let address = SockAddr::unix(path)?;
    let there = fs::symlink_metadata(path).ok();
    let is_socket = there.as_ref().is_some_and(|meta| meta.file_type().is_socket());
    if there.is_some() && !is_socket {
        let text = "something that is no socket is there; move it away, or choose another path";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    if is_socket {
        // A server that was killed leaves its socket behind; one that lives answers on it.
        let probe = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        match probe.connect(&address) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path)?;
            }
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    socket.bind(&address)?;
    socket.listen(BACKLOG)?;
    let address = ListenAddr::Unix(path.to_owned());
    let send_buffer_bytes = Some(send_buffer_bytes(limits));
    Ok(Listener { socket: socket.into(), address, send_buffer_bytes, file: file_at(path) })
}

fn send_buffer_bytes(limits: &Limits) -> usize {
    usize::try_from(limits.socket_send_buffer_bytes).expect("64-bit system")
}

/// Which file is at `path`: its device and inode.
fn file_at(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
