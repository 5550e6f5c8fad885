//! The processes of bots that the lab has ordered.
//!
//! Data flow: [`Lab`] -> order -> **`LabDesk`** -> process -> lines -> [`Lab`]. It starts them,
//! reads along, and ends those that take for ever. Part of the loop's turn, and looked at now and
//! then, because nobody's game depends on it. What is ordered and what lines mean is in
//! [`crate::lab`].

use std::time::Duration;

use crate::{
    company::{Bots, Company},
    lab::{Gate, Lab, Order},
    time::Time,
};

/// How often processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The longest that a process may take; the slowest leave takes about ten seconds.
const PROCESS_TIME_MAX: Duration = Duration::from_secs(60);

/// What the bots' program puts before its complaints. Whatever else it writes is progress.
const SPEAKER: &str = "gamekeeper-bot: ";

/// Bytes of a line that is not complete that are kept, at most. A longer one is none of theirs.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// The lab and its processes.
pub(super) struct LabDesk {
    pub(super) lab: Lab,
    /// Nothing where the lab is closed.
    bots: Option<Bots>,
    out: Vec<Out>,
    look_at: Time,
}

/// A process of bots.
struct Out {
    run: u32,
    company: Company,
    said: Vec<u8>,
    complaints: Vec<u8>,
    /// The last line that it has complained of.
    last_words: String,
    until: Time,
}

impl LabDesk {
    /// A lab that nobody can send anything into.
    pub(super) fn closed() -> Self {
        Self::new(Lab::new(Gate::Closed("this server has no lab".to_owned()), None), None)
    }

    pub(super) fn new(lab: Lab, bots: Option<Bots>) -> Self {
        Self { lab, bots, out: Vec::new(), look_at: Time::ZERO }
    }

    /// When there is something to do.
    pub(super) fn wake_at(&self) -> Option<Time> {
        (!self.out.is_empty()).then_some(self.look_at)
    }

    /// Starts what was ordered, and looks at what is out.
    pub(super) fn serve(&mut self, now: Time) {
        for order in self.lab.take_orders() {
            self.start(&order, now);
        }
        if self.out.is_empty() || now < self.look_at {
            return;
        }
        self.look_at = now + LOOK_EVERY;
        let lab = &mut self.lab;
        self.out.retain_mut(|out| out.look(lab, now));
    }

    fn start(&mut self, order: &Order, now: Time) {
        let started = match &self.bots {
            Some(bots) => bots.leave(order).map_err(|error| error.to_string()),
            None => Err("there are no bots".to_owned()),
        };
        match started {
            Ok(company) => self.out.push(Out {
                run: order.run,
                company,
                said: Vec::new(),
                complaints: Vec::new(),
                last_words: String::new(),
                until: now + PROCESS_TIME_MAX,
            }),
            Err(error) => {
                tracing::warn!(error, "the bots of the lab cannot be started");
                self.lab.end(order.run, Err(&format!("they cannot be started: {error}")));
            }
        }
    }
}

impl Out {
    /// Passes on what is new. Whether the process is still there.
    fn look(&mut self, lab: &mut Lab, now: Time) -> bool {
        // First whether it has ended: what it said before that is in the pipe now.
        let ended = self.company.has_ended();
        self.company.listen(&mut self.said, &mut self.complaints);
        for line in lines(&mut self.said) {
            lab.hear(self.run, &line);
        }
        if ended.is_some() {
            // What has no end is all that there is of its last line.
            self.complaints.push(b'\n');
        }
        let complaints = lines(&mut self.complaints);
        if let Some(words) = complaints.iter().rev().find_map(|line| line.strip_prefix(SPEAKER)) {
            words.clone_into(&mut self.last_words);
        }
        match ended {
            Some(true) => lab.end(self.run, Ok(())),
            Some(false) => lab.end(self.run, Err(&self.last_words)),
            None if now >= self.until => {
                // It is waited for at the next looks, not here.
                self.company.kill();
                let seconds = PROCESS_TIME_MAX.as_secs();
                self.last_words = format!("they were ended after {seconds} s");
            }
            None => {}
        }
        ended.is_none()
    }
}

/// Takes the complete lines.
fn lines(bytes: &mut Vec<u8>) -> Vec<String> {
    let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let rest = bytes.split_off(complete);
    let text = std::mem::replace(bytes, rest);
    if bytes.len() > LINE_BYTES_MAX {
        bytes.clear();
    }
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_when_they_are_complete() {
        let mut bytes = b"one\ntw".to_vec();
        assert_eq!(lines(&mut bytes), ["one"]);
        bytes.extend_from_slice(b"o\n\xff\n");
        assert_eq!(lines(&mut bytes), ["two", "\u{fffd}"]);
        assert!(lines(&mut bytes).is_empty());
        bytes = vec![b'x'; LINE_BYTES_MAX + 1];
        assert!(lines(&mut bytes).is_empty() && bytes.is_empty(), "what has no end is dropped");
    }
}
