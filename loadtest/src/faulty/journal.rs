//! What the server tells a person who watches: a few lines per second, and the rest as a number.
//!
//! Data flow: accepts and ends -> **`Journal`** -> stderr. A client that connects a thousand times
//! per second is a finding that one line can tell.

use std::time::Duration;

use gamekeeper_bot::clock::Moment;

/// Lines in one span of time.
const LINES_PER_SPAN: u32 = 40;

/// The span of time.
const SPAN: Duration = Duration::from_secs(1);

/// Shares out the lines.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// When the span ends.
    until: Moment,
    /// Lines in this span.
    lines: u32,
    /// Lines that were not written since the last one that was.
    left_out: u64,
}

impl Journal {
    /// The line as it should be written, if it should be.
    pub(super) fn line(&mut self, now: Moment, text: impl FnOnce() -> String) -> Option<String> {
        if now >= self.until {
            self.until = now + SPAN;
            self.lines = 0;
        }
        if self.lines == LINES_PER_SPAN {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        let left_out = self.left_out().map_or_else(String::new, |line| line + "\n");
        Some(left_out + &text())
    }

    /// What was left out since the last line, if anything was; it is told once.
    pub(super) fn left_out(&mut self) -> Option<String> {
        match std::mem::take(&mut self.left_out) {
            0 => None,
            lines => Some(format!("({lines} lines were left out)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_a_few_lines_and_a_number() {
        let mut journal = Journal::default();
        let mut write = |at| journal.line(Moment(at), || "line".to_owned());
        let written = (0..100).filter(|at| write(*at).is_some()).count();
        assert_eq!(written, LINES_PER_SPAN as usize);
        let later = SPAN.as_nanos() as u64 + 1;
        assert_eq!(write(later).as_deref(), Some("(60 lines were left out)\nline"));
        assert_eq!(write(later).as_deref(), Some("line"));
        assert_eq!(journal.left_out(), None);
    }
}
