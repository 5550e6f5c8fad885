//! What a process uses, as the kernel says: the same source for every contender.

use std::{fs, io, time::Duration};

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time in its own code.
    pub user: Duration,
    /// Processor time in the kernel on its behalf.
    pub system: Duration,
    /// Resident memory now, in bytes.
    pub rss_bytes: u64,
}

/// What the process with this number has used so far, all its threads together.
///
/// # Errors
///
/// If there is no such process, or /proc cannot be read.
pub fn of_process(pid: u32) -> io::Result<Usage> {
    let read = |name| fs::read_to_string(format!("/proc/{pid}/{name}"));
    let hz = rustix::param::clock_ticks_per_second().max(1);
    let page_bytes = rustix::param::page_size() as u64;
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "/proc is not what it should be");
    let (user, system) = cpu_time(&read("stat")?, hz).ok_or_else(invalid)?;
    let pages = resident_pages(&read("statm")?).ok_or_else(invalid)?;
    Ok(Usage { user, system, rss_bytes: pages * page_bytes })
}

/// Processor time that everything on this machine has used so far, on all cores together, and what
/// other machines have taken from it. What server and bots did not use is somebody else's, and
/// disturbs a measurement.
///
/// # Errors
///
/// If /proc cannot be read.
pub fn of_machine() -> io::Result<Duration> {
    let hz = rustix::param::clock_ticks_per_second().max(1);
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "/proc is not what it should be");
    busy_time(&fs::read_to_string("/proc/stat")?, hz).ok_or_else(invalid)
}

/// All but the idle time in the text of /proc/stat.
fn busy_time(stat: &str, hz: u64) -> Option<Duration> {
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in user.
    const IDLE: [usize; 2] = [3, 4];
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace().take(8);
    let busy = fields.enumerate().filter(|(index, _)| !IDLE.contains(index));
    let ticks: u64 = busy.map(|(_, field)| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Duration::from_secs_f64(ticks as f64 / hz as f64))
}

/// User and system time in the text of /proc/PID/stat, whose unit is 1/`hz` seconds.
fn cpu_time(stat: &str, hz: u64) -> Option<(Duration, Duration)> {
    // The second field is the program's name in parentheses and may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut time = || -> Option<Duration> {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(Duration::from_secs_f64(ticks as f64 / hz as f64))
    };
    Some((time()?, time()?))
}

fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_matter() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 90 0 0 0 150 250 0 0 20 0 1 0 123 4096 5\n";
        let expected = (Duration::from_millis(1500), Duration::from_millis(2500));
        assert_eq!(cpu_time(stat, 100), Some(expected));
        assert_eq!(cpu_time("7 (a) S 1", 100), None);
        assert_eq!(resident_pages("100 42 7 1 0 9 0\n"), Some(42));
    }

    #[test]
    fn a_machine_is_busy_when_it_is_not_idle() {
        let stat = "cpu  100 10 200 9000 900 5 15 70 100 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy_time(stat, 100), Some(Duration::from_secs(4)));
        assert_eq!(busy_time("intr 1", 100), None);
    }

    #[test]
    fn this_process_has_memory_and_nobody_has_number_zero() {
        let own = of_process(std::process::id()).expect("this process is there");
        assert!(own.rss_bytes > 0);
        assert!(of_machine().expect("this machine is there") >= own.user + own.system);
        assert!(of_process(0).is_err());
    }
}
