//! A host program whose SIGPIPE has its default action: a write to a broken pipe without
//! `MSG_NOSIGNAL` kills it.
//!
//! With `--prove` it does just that, to show that the action really is the default one. Without, it
//! runs the production loop on real sockets, blind to closed peers, so that every peer that goes
//! is found by a failing write. It serves until a byte comes in on stdin, then prints its
//! counters.

use std::{
    io::{self, Read, Write as _},
    net::{TcpListener, TcpStream},
    process::ExitCode,
    thread,
};

use gamekeeper::{
    hub::Hub,
    limits::Limits,
    shell::{EventLoop, net::Net as _},
};
use gamekeeper_tests::meddler::Meddler;
use gamekeeper_tests::rig::{AT_ONCE, lobby, real_net};

fn main() -> ExitCode {
    sigpipe::reset();
    let outcome = if std::env::args().any(|arg| arg == "--prove") { prove() } else { serve() };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Writes to a peer that is gone, in the way that carries no flag: a vectored write.
fn prove() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut gone = TcpStream::connect(listener.local_addr()?)?;
    drop(listener.accept()?);
    while gone.write_vectored(&[io::IoSlice::new(b"anybody there?")])? > 0 {}
    Ok(())
}

fn serve() -> io::Result<()> {
    // Blind to what players say, the loop hears no sign of life: nobody may leave for that.
    let limits = Limits { heartbeat_timeout_ms: 300_000, ..AT_ONCE };
    let (net, address) = real_net(&limits);
    let waker = net.waker();
    let lobby = lobby(&limits, 50);
    let hub = Hub::new(limits, "arena".to_owned(), lobby, net.now());
    let mut event_loop = EventLoop::new(Meddler::blind(net), hub, 1, false);
    let mut stdout = io::stdout();
    writeln!(stdout, "listening tcp {address}\nready")?;
    stdout.flush()?;
    thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]);
        waker.wake()
    });
    event_loop.run()?;
    let metrics = event_loop.hub().metrics();
    writeln!(stdout, "accepted {} left {}", metrics.accepted, metrics.left())?;
    writeln!(stdout, "by write {}", metrics.leaves.iter().map(|paths| paths[2]).sum::<u64>())
}
