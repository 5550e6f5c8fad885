//! What this machine allows a fleet, and what the fleet costs it.

use std::{fmt, time::Duration};

use rustix::{
    process::{Resource, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};

/// Descriptors that a program needs besides one per bot.
const SPARE_DESCRIPTORS: u64 = 64;

/// Raises the soft limit of open files to the hard one, and says what it is then.
///
/// A limit that cannot be raised stays as it is; [`check_descriptors`] says whether that is enough.
pub fn raise_open_files_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let current = if setrlimit(Resource::Nofile, limit).is_ok() { limit.maximum } else { before };
    current.unwrap_or(u64::MAX)
}

/// Whether there can be a socket for each of so many connections.
///
/// # Errors
///
/// [`TooFewDescriptors`] if not, with what to do.
pub fn check_descriptors(connections: u32, limit: u64) -> Result<(), TooFewDescriptors> {
    if u64::from(connections) + SPARE_DESCRIPTORS > limit {
        return Err(TooFewDescriptors { connections, limit });
    }
    Ok(())
}

/// Processor time that this process has used so far, user and system together.
pub fn own_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Neither part of a used time is ever negative, and nanoseconds fit 32 bits.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// There are more connections than sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFewDescriptors {
    connections: u32,
    limit: u64,
}

impl fmt::Display for TooFewDescriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, limit } = self;
        write!(f, "{connections} connections need a socket each, but this process may open ")?;
        write!(f, "{limit} files; ")?;
        write!(f, "raise the hard limit (ulimit -Hn) or use fewer bots")
    }
}

impl std::error::Error for TooFewDescriptors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_checked() {
        let limit = raise_open_files_limit();
        assert_eq!(raise_open_files_limit(), limit, "it is as high as it gets");
        assert_eq!(check_descriptors(1, limit), Ok(()));
        let error = check_descriptors(1000, 1024).expect_err("too few").to_string();
        assert!(error.contains("1000 connections") && error.contains("ulimit -Hn"), "{error}");
    }

    #[test]
    fn used_time_only_grows() {
        let before = own_cpu_time();
        assert!(own_cpu_time() >= before);
    }
}
