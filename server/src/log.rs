//! Log lines to stderr, without ever stalling the loop.
//!
//! A blocked pipe (`gamekeeper 2>&1 | less`) would stop the whole server if the loop wrote to it
//! itself. So lines go through a bounded queue to a thread that writes; when the queue is full,
//! lines are dropped and counted, and the count is written when there is room again.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::LogFormat;

/// Lines that may wait for the writing thread.
const LINES_WAITING_MAX: usize = 4096;
/// How long the end of the process waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Writes the lines that still wait when it is dropped, for at most a second.
#[derive(Debug)]
pub struct LogGuard {
    lines: Option<Lines>,
    written: Receiver<()>,
    _thread: JoinHandle<()>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(lines) = self.lines.take() {
            // The thread ends at an empty line, or when the last sender is gone.
            let _ = lines.queue.try_send(Vec::new());
        }
        let _ = self.written.recv_timeout(LAST_LINES);
    }
}

/// Makes this process's log: `level` and worse, in `format`, to stderr.
///
/// Returns `None` if the host program has set up its own log already; that one is used then.
pub fn start(format: LogFormat, level: &str) -> Option<LogGuard> {
    let (queue, waiting) = sync_channel(LINES_WAITING_MAX);
    let dropped = Arc::new(AtomicU64::new(0));
    let lines = Lines { queue, dropped: Arc::clone(&dropped) };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(lines.clone())
        .with_ansi(
            io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none(),
        );
    let installed = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    installed.ok()?;
    let (done, written) = sync_channel(1);
    let thread = thread::Builder::new().name("log".to_owned()).spawn(move || {
        write_lines(&waiting, &dropped);
        let _ = done.send(());
    });
    Some(LogGuard { lines: Some(lines), written, _thread: thread.ok()? })
}

/// Reports panics (of games, that is) as log lines instead of writing to stderr on the spot, which
/// would stall the loop if stderr is blocked.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        let text = panic.payload_as_str().unwrap_or("no message");
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(place, %backtrace, "panicked: {text}");
    }));
}

fn write_lines(waiting: &Receiver<Vec<u8>>, dropped: &AtomicU64) {
    let mut stderr = io::stderr();
    while let Ok(line) = waiting.recv() {
        if line.is_empty() {
            break;
        }
        // Nobody reads stderr: there is nobody to tell.
        let _ = stderr.write_all(&line);
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(stderr, "{lost} log lines were dropped: stderr was too slow");
        }
    }
}

/// The loop's end of the queue.
#[derive(Clone, Debug)]
struct Lines {
    queue: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

/// One line while it is formatted.
struct Line<'a> {
    bytes: Vec<u8>,
    lines: &'a Lines,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { bytes: Vec::new(), lines: self }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.bytes);
        if !line.is_empty() && self.lines.queue.try_send(line).is_err() {
            self.lines.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_lines_and_counts_them_instead_of_waiting() {
        let (queue, waiting) = sync_channel(2);
        let lines = Lines { queue, dropped: Arc::new(AtomicU64::new(0)) };
        for number in 0..5 {
            write!(lines.make_writer(), "line {number}").expect("never fails");
        }
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 3);
        assert_eq!(waiting.try_iter().count(), 2);
    }
}
