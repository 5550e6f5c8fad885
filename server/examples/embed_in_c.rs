//! A game server inside a program in C: the two functions that such a program calls.
//!
//! `embed_in_c.c` beside this file is that program. Built as a static library:
//!
//! ```text
//! cargo build --release --example embed_in_c
//! cc server/examples/embed_in_c.c target/release/examples/libembed_in_c.a -o host -lm
//! ```
//!
//! The server runs on a thread of its own. It leaves the program's signals alone: SIGPIPE may have
//! its default action, which ends a process, because no send of the server raises it.

use std::{
    ffi::c_int,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Mutex, PoisonError, mpsc::channel},
    thread::{self, JoinHandle},
};

use gamekeeper::{
    Games,
    config::{Config, ListenAddr},
    server::{Server, StopHandle},
    shell::Flow,
};

/// The one server that this program hosts.
static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

struct Running {
    stop: StopHandle,
    thread: JoinHandle<io::Result<Flow>>,
}

/// Starts hosting the built-in games on a port of the loopback; 0 picks a free one.
///
/// Returns the port, or -1 if that is not possible or a server runs already.
#[expect(unsafe_code, reason = "a name that C can link to; nothing behind it is unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn gamekeeper_start(port: u16) -> c_int {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if running.is_some() {
        return -1;
    }
    match start(port) {
        Some((port, server)) => {
            *running = Some(server);
            c_int::from(port)
        }
        None => -1,
    }
}

/// Tells everybody goodbye and ends the server.
///
/// Returns 0 if it ended well, and -1 if it did not or if none was running.
#[expect(unsafe_code, reason = "a name that C can link to; nothing behind it is unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn gamekeeper_stop() -> c_int {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Running { stop, thread }) = running else { return -1 };
    let stopped = stop.stop().is_ok() && matches!(thread.join(), Ok(Ok(Flow::Stopped)));
    if stopped { 0 } else { -1 }
}

#[expect(clippy::disallowed_methods, reason = "the loop has this one thread, C keeps its own")]
fn start(port: u16) -> Option<(u16, Running)> {
    let listen = vec![ListenAddr::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))];
    let config = Config { listen, admin: None, ..Config::default() };
    let (bound, binding) = channel();
    let thread = thread::spawn(move || {
        // A server stays on the thread that has bound it.
        let server = Server::bind(&config, Games::built_in(), false).map_err(io::Error::other)?;
        let ListenAddr::Tcp(address) = server.addresses().listen[0] else {
            return Err(io::Error::other("a TCP address was asked for"));
        };
        let _ = bound.send((address.port(), server.stop_handle()));
        server.run()
    });
    let (port, stop) = binding.recv().ok()?;
    Some((port, Running { stop, thread }))
}
