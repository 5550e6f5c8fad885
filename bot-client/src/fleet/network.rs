//! Bad networks for single sockets: what arrives is lost, or the socket goes without a word.
//!
//! Socket -> **filter** -> nothing. A filter of the classic kind (cBPF) looks at each segment that
//! arrives, before the connection does; what it drops is never acknowledged. What the socket sends
//! goes out all the same. Both this and a silent close need `CAP_NET_ADMIN`.

use std::io;

use nix::sys::socket::{setsockopt, sockopt::TcpRepair};
use socket2::{Domain, SockFilter, Socket, Type};

/// The opcodes of a filter that are used here, see `linux/bpf_common.h`.
const LOAD_WORD: u16 = 0x20;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Loading from here loads a random number (`SKF_AD_OFF + SKF_AD_RANDOM`).
const RANDOM: u32 = 0xffff_f000 + 56;

/// The whole segment gets through.
const PASS: SockFilter = SockFilter::new(RETURN, 0, 0, u32::MAX);
/// The segment is lost.
const DROP: SockFilter = SockFilter::new(RETURN, 0, 0, 0);

/// From now on nothing that is sent to this socket arrives.
pub(super) fn lose_everything(socket: &Socket) -> io::Result<()> {
    socket.attach_filter(&[DROP])
}

/// From now on so many percent of what is sent to this socket are lost.
pub(super) fn lose_some(socket: &Socket, percent: u32) -> io::Result<()> {
    let threshold = u32::MAX / 100 * percent;
    socket.attach_filter(&[
        SockFilter::new(LOAD_WORD, 0, 0, RANDOM),
        SockFilter::new(JUMP_IF_AT_LEAST, 0, 1, threshold),
        PASS,
        DROP,
    ])
}

/// What is sent to this socket arrives again.
pub(super) fn lose_nothing(socket: &Socket) -> io::Result<()> {
    socket.detach_filter()
}

/// When this socket is closed, its other end is not told: neither a FIN nor a reset is sent.
pub(super) fn forget_on_close(socket: &Socket) -> io::Result<()> {
    Ok(setsockopt(socket, TcpRepair, &1)?)
}

/// Tries all of it on a socket that is connected to nothing.
pub(crate) fn probe() -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    lose_everything(&socket)?;
    lose_nothing(&socket)?;
    forget_on_close(&socket)
}
