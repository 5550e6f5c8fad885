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

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Read, Write},
        net::{TcpListener, TcpStream},
        time::{Duration, Instant},
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(15);

    /// Two ends of a connection, or nothing where this may not be tried, which is said.
    fn pair() -> Option<(Socket, TcpStream)> {
        if let Err(error) = probe() {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            assert!(std::env::var_os("STRICT_TESTS").is_none(), "nothing may be skipped here");
            let _ = writeln!(io::stderr(), "SKIPPED, not tested here: bad networks: {error}");
            return None;
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let ours = TcpStream::connect(address).expect("it listens");
        ours.set_nonblocking(true).expect("a socket of ours");
        let (theirs, _) = listener.accept().expect("we have connected");
        theirs.set_nodelay(true).expect("a socket of ours");
        theirs.set_read_timeout(Some(PATIENCE)).expect("a socket of ours");
        Some((ours.into(), theirs))
    }

    /// Reads until so many bytes are there; how long that took.
    fn read_bytes(mut socket: &Socket, wanted: usize) -> Duration {
        let (start, mut count, mut buffer) = (Instant::now(), 0, [0; 4096]);
        while count < wanted {
            assert!(start.elapsed() < PATIENCE, "{count} of {wanted} bytes have come");
            match socket.read(&mut buffer) {
                Ok(bytes) => count += bytes,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        start.elapsed()
    }

    /// Nothing arrives while the network is gone, and everything once it is back; what is sent the
    /// other way arrives all the time.
    #[test]
    fn a_network_that_is_gone_and_back() {
        let Some((mut ours, mut theirs)) = pair() else { return };
        lose_everything(&ours).expect("it is allowed");
        theirs.write_all(&[1; 1000]).expect("there is room");
        ours.write_all(b"heard").expect("there is room");
        theirs.read_exact(&mut [0; 5]).expect("only one direction is gone");
        let nothing = ours.read(&mut [0; 10]).expect_err("nothing has come");
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        lose_nothing(&ours).expect("it is allowed");
        read_bytes(&ours, 1000);
    }

    /// With one of five lost, some have to be sent again, which takes longer than a round trip on
    /// loopback; all arrive in the end.
    #[test]
    fn a_network_that_loses_some_loses_some() {
        let Some((ours, mut theirs)) = pair() else { return };
        lose_some(&ours, 20).expect("it is allowed");
        let slow = (0..100).filter(|_| {
            theirs.write_all(&[1; 100]).expect("there is room");
            read_bytes(&ours, 100) > Duration::from_millis(100)
        });
        let slow = slow.take(3).count();
        assert_eq!(slow, 3, "of 100 at least 3 are lost");
    }

    /// Its other end hears nothing of the close, until it says something.
    #[test]
    fn a_socket_that_is_forgotten_says_nothing() {
        let Some((ours, mut theirs)) = pair() else { return };
        forget_on_close(&ours).expect("it is allowed");
        drop(ours);
        theirs.set_nonblocking(true).expect("a socket of ours");
        let nothing = theirs.read(&mut [0; 10]).expect_err("neither an end nor a reset");
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        theirs.set_nonblocking(false).expect("a socket of ours");
        theirs.write_all(b"hello?").expect("it does not know");
        let reset = theirs.read(&mut [0; 10]).expect_err("nobody knows this connection");
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    }
}
