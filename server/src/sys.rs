//! The one system call that has no safe wrapper: how much a peer has not acknowledged.
//!
//! This is the only unsafe code of the project (a test checks that).

use std::{ffi::c_int, os::fd::AsFd};

use rustix::{
    io,
    ioctl::{Getter, Opcode, ioctl},
};

/// `SIOCOUTQ` of Linux: bytes in the send queue that the peer's kernel has not acknowledged.
const SIOCOUTQ: Opcode = 0x5411;

/// Bytes that were written to a stream socket and that the peer's kernel has not acknowledged,
/// a FIN included.
///
/// # Errors
///
/// The kernel's, if `socket` is not a stream socket.
pub(crate) fn unsent_bytes(socket: impl AsFd) -> io::Result<usize> {
    #[expect(unsafe_code, reason = "SIOCOUTQ has no safe wrapper in rustix or socket2")]
    // SAFETY: SIOCOUTQ writes exactly one C int through its argument, which is what this Getter
    // passes; on a descriptor that is not a socket it fails without writing.
    let unsent = unsafe { ioctl(socket, Getter::<SIOCOUTQ, c_int>::new()) }?;
    Ok(usize::try_from(unsent).unwrap_or(0))
}
