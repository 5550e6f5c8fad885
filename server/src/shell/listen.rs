//! Listening sockets, with the options that every accepted connection inherits from them.
//!
//! Linux copies them at accept, which saves half a dozen calls for each connection.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::fs::FileTypeExt as _},
    path::Path,
    time::Duration,
};

use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use crate::{config::ListenAddr, limits::Limits};

/// Connections that the kernel holds for us until we accept them. mio's and std's 128 overflow in
/// a reconnect storm, and an overflow costs the client seconds.
const BACKLOG: i32 = 1024;

/// Opens a listening socket; also says where it really listens, if the port was 0.
///
/// # Errors
///
/// The system's; [`io::ErrorKind::AddrInUse`] if a server is there already.
pub fn listen(address: &ListenAddr, limits: &Limits) -> io::Result<(OwnedFd, ListenAddr)> {
    match address {
        ListenAddr::Tcp(socket_address) => listen_tcp(*socket_address, limits),
        ListenAddr::Unix(path) => listen_unix(path),
    }
}

fn listen_tcp(address: std::net::SocketAddr, limits: &Limits) -> io::Result<(OwnedFd, ListenAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(
        usize::try_from(limits.socket_send_buffer_bytes).expect("64-bit system"),
    )?;
    // Backstops under the heartbeat, for a connection that lingers or has not said hello.
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(5))
        .with_interval(Duration::from_secs(4))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(Duration::from_millis(limits.tcp_user_timeout_ms)))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let bound = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok((socket.into(), ListenAddr::Tcp(bound)))
}

fn listen_unix(path: &Path) -> io::Result<(OwnedFd, ListenAddr)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    let address = SockAddr::unix(path)?;
    let is_socket = fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
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
    Ok((socket.into(), ListenAddr::Unix(path.to_owned())))
}
