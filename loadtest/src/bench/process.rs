//! The process of one contender: started on its core, watched, and ended.

use std::{
    io,
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::mpsc::Receiver,
    thread,
    time::Duration,
};

use gamekeeper_bot::clock::Moment;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::usage::{self, Usage};
use crate::server::{self, Ready};

/// The core of the server when it has one of its own.
const SERVER_CORE: usize = 0;

/// The core of the bots then.
const BOTS_CORE: usize = 1;

/// How long a contender may take to end after it was asked to.
const ENDED_WITHIN: Duration = Duration::from_secs(5);

/// A contender that runs. It does not outlive this value.
#[derive(Debug)]
pub(super) struct ContenderProcess {
    child: Child,
    /// Where players connect.
    pub(super) listen: SocketAddr,
    errors: Receiver<String>,
}

impl ContenderProcess {
    /// Starts a program and waits until it says that it is ready. With `pin` it gets the first
    /// core and this thread, which is the bots', the second.
    pub(super) fn start(mut command: Command, pin: bool) -> Result<Self, String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // An interrupt on the terminal is for us.
        command.process_group(0);
        // A child inherits the core, and so do all threads that it will ever have.
        if pin {
            stay_on(SERVER_CORE)?;
        }
        let child = command.spawn();
        if pin {
            stay_on(BOTS_CORE)?;
        }
        let mut child = child.map_err(|error| {
            format!("{} cannot be started: {error}", command.get_program().display())
        })?;
        let lines = server::read_lines(child.stdout.take());
        let errors = server::read_lines(child.stderr.take());
        match server::wait_until_ready(&lines) {
            Ok(Ready { listen, .. }) => Ok(Self { child, listen, errors }),
            Err(why) => {
                server::end(&mut child);
                let last = errors.iter().last();
                Err(last.map_or(why.clone(), |line| format!("{why}: {line}")))
            }
        }
    }

    /// What the process uses.
    pub(super) fn usage(&self) -> io::Result<Usage> {
        usage::of_process(self.child.id())
    }

    /// Why the process has ended, if it has: its last words.
    pub(super) fn has_ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        // The channel is closed by now or soon: nobody writes to it any more.
        let last = self.errors.iter().last();
        Some(last.unwrap_or_else(|| format!("it ended with {status}")))
    }
}

impl Drop for ContenderProcess {
    fn drop(&mut self) {
        server::terminate(&self.child);
        let deadline = Moment::now() + ENDED_WITHIN;
        while Moment::now() < deadline {
            if self.child.try_wait().ok().flatten().is_some() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        server::end(&mut self.child);
    }
}

/// Whether there are two cores to give away.
pub(super) fn can_pin() -> Result<(), String> {
    let allowed = sched_getaffinity(None).map_err(|errno| errno.to_string())?;
    if allowed.is_set(SERVER_CORE) && allowed.is_set(BOTS_CORE) {
        return Ok(());
    }
    Err("this program may not use two cores".to_owned())
}

fn stay_on(core: usize) -> Result<(), String> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(|errno| format!("core {core}: {errno}"))
}
