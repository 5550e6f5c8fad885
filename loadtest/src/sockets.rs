//! What the kernel says about a server's sockets.
//!
//! Data flow: `/proc/net/tcp` -> **number** -> evidence. A socket in CLOSE_WAIT is one whose client
//! has gone and which the server has not closed: the commonest leak there is.

use std::{fs, net::SocketAddr};

/// The kernel's number for the state CLOSE_WAIT.
const CLOSE_WAIT: &str = "08";

/// Connections to this address in CLOSE_WAIT; nothing if the kernel does not say, or if the address
/// is not on this machine.
pub fn close_wait(server: SocketAddr) -> Option<usize> {
    if !server.ip().is_loopback() {
        return None;
    }
    // A server on both has the connections of the older protocol in the table of the newer one.
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let mut counts = tables.into_iter().flatten().map(|table| count(&table, server.port()));
    let first = counts.next()?;
    Some(first + counts.sum::<usize>())
}

/// How many lines of a table are about sockets with this port, in that state.
fn count(table: &str, port: u16) -> usize {
    let port = format!(":{port:04X}");
    let waits = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().is_some_and(|local| local.ends_with(&port));
        local && words.nth(1) == Some(CLOSE_WAIT)
    };
    table.lines().filter(waits).count()
}

#[cfg(test)]
mod tests {
    use std::{
        net::{TcpListener, TcpStream},
        time::{Duration, Instant},
    };

    use super::*;

    #[test]
    fn a_socket_that_is_not_closed_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        assert_eq!(close_wait(address), Some(0));
        let client = TcpStream::connect(address).expect("it listens");
        let (server, _) = listener.accept().expect("somebody has connected");
        drop(client);
        let deadline = Instant::now() + Duration::from_secs(10);
        while close_wait(address) != Some(1) {
            assert!(Instant::now() < deadline, "the kernel has not noticed");
            std::thread::yield_now();
        }
        drop(server);
        assert_eq!(close_wait(address), Some(0));
        let both = TcpListener::bind("[::]:0").expect("a free port");
        let port = both.local_addr().expect("it is bound").port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        drop(TcpStream::connect(address).expect("it listens"));
        let (_server, _) = both.accept().expect("somebody has connected");
        while close_wait(address) != Some(1) {
            assert!(Instant::now() < deadline, "the kernel has not noticed");
            std::thread::yield_now();
        }
        assert_eq!(close_wait(SocketAddr::from(([10, 0, 0, 1], 80))), None);
    }
}
