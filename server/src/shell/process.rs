//! What the process uses: CPU time, memory and descriptors, as the operators see them.
//!
//! Data flow: /proc -> **`ProcessFiles`** -> `Net::process_stats` -> admin pages. Decides nothing.
//!
//! The files stay open. The figures matter most when the server has run out of descriptors, and
//! then none could be opened; counters that fall to zero would look like a new process.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
};

use crate::metrics::ProcessStats;

/// Longer than what either file ever says.
const TEXT_BYTES_MAX: usize = 1024;

/// This process's files in /proc, as far as there are any.
#[derive(Debug)]
pub(super) struct ProcessFiles {
    stat: Option<File>,
    statm: Option<File>,
}

impl ProcessFiles {
    pub(super) fn open() -> Self {
        let open = |path: &str| File::open(path).ok();
        Self { stat: open("/proc/self/stat"), statm: open("/proc/self/statm") }
    }

    /// What the process uses now; zero for what cannot be known.
    pub(super) fn stats(&self) -> ProcessStats {
        let (cpu_user_seconds, cpu_system_seconds) = self.cpu_seconds().unwrap_or_default();
        ProcessStats {
            pid: std::process::id(),
            cpu_user_seconds,
            cpu_system_seconds,
            rss_bytes: self.rss_bytes().unwrap_or_default(),
            open_fds: open_fds(),
        }
    }

    /// User and system time of this process.
    fn cpu_seconds(&self) -> Option<(f64, f64)> {
        let stat = text_of(self.stat.as_ref()?)?;
        // The second field is the program's name in parentheses and may contain anything.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
        let mut seconds = || -> Option<f64> {
            let ticks: u32 = fields.next()?.parse().ok()?;
            // USER_HZ, the unit of /proc, is 100 on every Linux that Rust runs on.
            Some(f64::from(ticks) / 100.0)
        };
        Some((seconds()?, seconds()?))
    }

    /// Resident memory.
    fn rss_bytes(&self) -> Option<u64> {
        let statm = text_of(self.statm.as_ref()?)?;
        let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }
}

/// What a file of /proc says now: it is made anew for each read from its start.
fn text_of(file: &File) -> Option<String> {
    let mut text = [0; TEXT_BYTES_MAX];
    let count = file.read_at(&mut text, 0).ok()?;
    Some(String::from_utf8_lossy(&text[..count]).into_owned())
}

/// Open descriptors. Linux 6.2 and later tell it as the directory's size, at no cost that grows
/// with their number; before that they are counted.
fn open_fds() -> u64 {
    match fs::metadata("/proc/self/fd").map(|directory| directory.len()) {
        Ok(0) | Err(_) => fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
        Ok(count) => count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_now_and_not_of_when_the_files_were_opened() {
        let files = ProcessFiles::open();
        let before = files.stats();
        assert!(before.rss_bytes > 0);
        let many = vec![1_u8; 64 * 1024 * 1024];
        let burnt = |now: &ProcessStats| now.cpu_user_seconds + now.cpu_system_seconds;
        let mut now = files.stats();
        for _ in 0..100 {
            if burnt(&now) > burnt(&before) {
                break;
            }
            std::hint::black_box(many.iter().map(|byte| u64::from(*byte)).sum::<u64>());
            now = files.stats();
        }
        assert!(burnt(&now) > burnt(&before), "{before:?} {now:?}");
        assert!(now.rss_bytes >= before.rss_bytes + 32 * 1024 * 1024, "{before:?} {now:?}");
    }
}
