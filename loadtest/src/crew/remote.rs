//! A hand in a process of its own, seen from the run.
//!
//! Part of [`crew`](super). Order, question -> **`RemoteHand`** -> pipe -> worker; and its answers
//! back.
//!
//! The process lives no longer than this value: it ends when its standard input does, and is
//! killed if it does not.

use std::{
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command as Program, Stdio},
    sync::mpsc::Receiver,
    thread,
    time::Duration,
};

use gamekeeper_bot::{clock::Moment, fleet::FleetConfig};
use rustix::event::{PollFd, PollFlags};

use super::{
    error::CrewError,
    news::{Command, News},
    pipe::{Pipe, PipeError},
};
use crate::server::{self, read_lines};

/// How long a process may take to end when it has nobody to talk to any more.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How often its end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Lines that are shown of what it has written to stderr.
const LINES_SHOWN: usize = 20;

/// The subcommand of this program that is the other end.
pub(crate) const SUBCOMMAND: &str = "worker";

/// A hand in a process of its own.
#[derive(Debug)]
pub(super) struct RemoteHand {
    number: usize,
    child: Child,
    /// Nothing once it is gone.
    pipe: Option<Pipe<ChildStdout, ChildStdin>>,
    stderr: Receiver<String>,
    /// What it has answered.
    answers: Vec<News>,
}

impl RemoteHand {
    /// Starts a process of `program`, which is this one, for a fleet.
    pub(super) fn start(
        program: &Path,
        number: usize,
        config: FleetConfig,
    ) -> Result<Self, CrewError> {
        let mut child = Program::new(program)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // An interrupt on the terminal is for the run, which decides what becomes of the bots.
            .process_group(0)
            .spawn()
            .map_err(CrewError::Start)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = read_lines(child.stderr.take());
        let mut hand = Self { number, child, pipe: None, stderr, answers: Vec::new() };
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            unreachable!("both are piped, and were not taken before");
        };
        hand.pipe = Some(Pipe::new(stdout, stdin).map_err(CrewError::Start)?);
        hand.tell(&Command::Begin(Box::new(config)))?;
        Ok(hand)
    }

    /// Says something, as soon as the pipe takes it.
    pub(super) fn tell(&mut self, command: &Command) -> Result<(), CrewError> {
        let pipe = self.pipe.as_mut().ok_or(PipeError::Closed);
        let told = pipe.and_then(|pipe| pipe.push(command).and_then(|()| pipe.flush()));
        told.map_err(|error| self.lost(error))
    }

    /// Writes and reads what can be without waiting.
    pub(super) fn attend(&mut self) -> Result<(), CrewError> {
        let pipe = self.pipe.as_mut().ok_or(PipeError::Closed);
        match pipe.and_then(|pipe| pipe.flush().and_then(|()| pipe.receive())) {
            Ok(answers) => self.answers.extend(answers),
            Err(error) => return Err(self.lost(error)),
        }
        Ok(())
    }

    /// The answer to the last question, if it is there.
    pub(super) fn take_answer(&mut self) -> Option<News> {
        self.answers.pop()
    }

    /// Whether it has answered.
    pub(super) fn has_answered(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The events after which there is something to attend to.
    pub(super) fn interests(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.pipe.iter().flat_map(|pipe| {
            let (reader, writer) = pipe.ends();
            let write = pipe.has_unsent().then(|| PollFd::from_borrowed_fd(writer, PollFlags::OUT));
            [Some(PollFd::from_borrowed_fd(reader, PollFlags::IN)), write].into_iter().flatten()
        })
    }

    /// What to say of a process that does not answer.
    pub(super) fn silent(&self) -> CrewError {
        CrewError::Silent { worker: self.number }
    }

    /// What to say of a process that cannot be spoken with, which ends here at the latest.
    fn lost(&mut self, error: PipeError) -> CrewError {
        let status = match self.end() {
            Ok(status) => status,
            Err(error) => format!("an unknown status: {error}"),
        };
        // The process is gone, and with it the other end of its stderr.
        let lines: Vec<String> = self.stderr.iter().collect();
        let stderr = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
        CrewError::Lost { worker: self.number, error, status, stderr }
    }

    /// Lets the process end, or else kills it.
    fn end(&mut self) -> io::Result<String> {
        self.pipe = None;
        let deadline = Moment::now() + ENDS_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.to_string());
            }
            if Moment::now() >= deadline {
                server::end(&mut self.child);
                return Ok("no end of its own; it was killed".to_owned());
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for RemoteHand {
    fn drop(&mut self) {
        if self.end().is_err() {
            server::end(&mut self.child);
        }
    }
}
