//! The processes of one Chromium: started with a folder of their own, and ended with it.
//!
//! Data flow: flags -> Chromium -> a file in which it says where it can be driven. It drives
//! nothing.

use std::{
    env, fs,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process_group};

use crate::PATIENCE;

/// No screen, no network, nothing in the background; tabs that are not in front run like others.
const FLAGS: [&str; 18] = [
    "--headless=new",
    "--remote-debugging-port=0",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
];

/// Between two looks at whether it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How long killed processes may take to be gone.
const DYING: Duration = Duration::from_secs(5);

/// The processes of one Chromium, and the folder of everything that it writes.
#[derive(Debug)]
pub(super) struct Process {
    /// The first process, which leads a group of them all.
    child: Child,
    profile: PathBuf,
}

impl Process {
    /// Starts the program, with a new folder for everything that it writes.
    #[track_caller]
    pub(super) fn start(program: &str) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("gamekeeper-tests-{}-chromium-{number}", process::id());
        let profile = env::temp_dir().join(name);
        fs::create_dir_all(&profile).expect("the temporary folder can be written to");
        let stderr = fs::File::create(profile.join("stderr")).expect("a new file in it, too");
        let mut command = Command::new(program);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.display()));
        if geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        let child = command
            .arg("about:blank")
            .env("HOME", &profile)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .expect("it was found a moment ago");
        Self { child, profile }
    }

    /// The port and the path at which it is driven; panics if it takes too long.
    #[track_caller]
    pub(super) fn wait_until_ready(&mut self) -> (u16, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = fs::read_to_string(self.profile.join("DevToolsActivePort"));
            // A file that is only half there has no second line yet.
            if let Some((port, path)) = said.unwrap_or_default().split_once('\n')
                && let Ok(port) = port.parse()
                && path.starts_with("/devtools/browser/")
            {
                return (port, path.trim().to_owned());
            }
            let ended = self.child.try_wait().expect("a child can be waited for");
            if ended.is_some() || Instant::now() >= deadline {
                let stderr = fs::read_to_string(self.profile.join("stderr")).unwrap_or_default();
                panic!("Chromium cannot be driven: ended {ended:?}, stderr {stderr}");
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
        // The other processes may be in the middle of their last write.
        let deadline = Instant::now() + DYING;
        while fs::remove_dir_all(&self.profile).is_err() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
