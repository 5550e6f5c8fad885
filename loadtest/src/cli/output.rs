//! The only module that writes to the terminal.

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use crate::{render::Text, report::Report};

/// Progress, for people: to stderr.
#[expect(clippy::print_stderr, reason = "the status lines of a command-line program")]
pub(super) fn status(line: &str) {
    eprintln!("{line}");
}

/// Lines that are redrawn in place, with what moves the cursor: to stderr, in one piece. If the
/// terminal has gone away, nobody misses them.
pub(super) fn draw(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Why the program failed and what to do: to stderr.
#[expect(clippy::print_stderr, reason = "the error of a command-line program")]
pub(super) fn error(line: &str) {
    eprintln!("gamekeeper-loadtest: {line}");
}

/// The report: to stdout. A reader that has gone away (`| head`) is no reason to fail.
pub(super) fn result(text: &str) {
    let mut stdout = io::stdout();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// The report of a run, for people: to stdout.
pub(super) fn report(report: &Report) {
    result(&Text { report, colour: colour() }.to_string());
}

/// Whether results may have colour: on a terminal, unless the environment says no.
pub(super) fn colour() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none()
}
