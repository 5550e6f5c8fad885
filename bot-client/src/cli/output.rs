//! The only module that writes to the terminal.

use std::io::{self, Write as _};

/// Progress, for people: to stderr.
#[expect(clippy::print_stderr, reason = "the status lines of a command-line program")]
pub(super) fn status(line: &str) {
    eprintln!("{line}");
}

/// Why the program failed and what to do: to stderr.
#[expect(clippy::print_stderr, reason = "the error of a command-line program")]
pub(super) fn error(line: &str) {
    eprintln!("gamekeeper-bot: {line}");
}

/// What the program was run for: to stdout.
#[expect(clippy::print_stdout, reason = "the result of a command-line program")]
pub(super) fn result(text: &str) {
    print!("{text}");
}

/// Something for a program that reads along: a line on stdout. If it reads no more, so be it.
pub(super) fn event(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
