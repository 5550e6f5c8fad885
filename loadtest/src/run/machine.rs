//! What this machine allows, looked at before a run; and who is kept on which core.
//!
//! Part of [`run`](super).

use std::fs;

use gamekeeper_bot::{departure::Transport, machine};
use rustix::{process::Pid, thread::CpuSet};

use super::RunError;
use crate::server::ServerProcess;

/// Which ports the kernel gives to connections that do not ask for one: the first and the last.
const PORT_RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// Whether there can be sockets for so many bots, which may have so many connections.
pub(super) fn check(
    bots: u32,
    connections: u32,
    processes: u32,
    transport: Transport,
) -> Result<(), RunError> {
    let limit = machine::raise_open_files_limit();
    let each = connections.div_ceil(processes.max(1));
    machine::check_descriptors(each, limit).map_err(RunError::Descriptors)?;
    match fs::read_to_string(PORT_RANGE).ok().and_then(|range| ports(&range)) {
        Some(ports) if transport == Transport::Tcp && bots > ports => {
            Err(RunError::Ports { bots, ports })
        }
        // A connect tells if ports run out all the same.
        _ => Ok(()),
    }
}

/// How many ports there are in a range, from the first to the last.
fn ports(range: &str) -> Option<u32> {
    let mut ends = range.split_whitespace().map(|end| end.parse::<u16>().ok());
    let (first, last) = (u32::from(ends.next()??), u32::from(ends.next()??));
    (last + 1).checked_sub(first)
}

/// Keeps the server on the first core, and this process and those that it starts on the others: on
/// the second, if it has the bots itself.
pub(super) fn pin(
    server: Option<&ServerProcess>,
    cores: usize,
    processes: u32,
) -> Result<(), String> {
    let needed = processes.max(1) as usize + 1;
    if cores < needed {
        return Err(match cores {
            1 => "there is only one core".to_owned(),
            _ => format!(
                "{processes} processes of bots and the server need a core each, and there are \
                 {cores}; leave out --pin, or ask for fewer --processes"
            ),
        });
    }
    let set = |pid, cores: std::ops::Range<usize>| {
        let mut set = CpuSet::new();
        cores.for_each(|core| set.set(core));
        rustix::thread::sched_setaffinity(pid, &set).map_err(|errno| errno.to_string())
    };
    if let Some(server) = server {
        set(i32::try_from(server.pid()).ok().and_then(Pid::from_raw), 0..1)?;
    }
    set(None, 1..if processes > 1 { cores } else { 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_counted_from_the_first_to_the_last() {
        assert_eq!(ports("32768\t60999\n"), Some(28_232));
        assert_eq!(ports("1024 1024"), Some(1));
        for nonsense in ["", "32768", "60999 32768", "a b"] {
            assert_eq!(ports(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn without_enough_cores_nobody_is_pinned() {
        assert_eq!(pin(None, 1, 1), Err("there is only one core".to_owned()));
        let error = pin(None, 2, 2).expect_err("three are needed");
        assert!(error.contains("--processes"), "{error}");
    }
}
