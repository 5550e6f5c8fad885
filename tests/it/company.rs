//! `--bots N`: bots that keep a player company, and end with the server however it ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    time::{Duration, Instant},
};

use gamekeeper_tests::{
    PATIENCE,
    program::{ServerProgram, run},
};
use rustix::process::Signal;

/// A folder with programs under the names that they have for users, for one test.
pub(crate) struct Installed(PathBuf);

impl Installed {
    pub(crate) fn new(test: &str, programs: &[(&str, &str)]) -> Self {
        let name = format!("company-{test}-{}", process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("a new folder");
        for (name, program) in programs {
            fs::copy(program, folder.join(name)).expect("a program is a file");
        }
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("an ordinary path").to_owned()
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) const SERVER: (&str, &str) = ("gamekeeper", env!("CARGO_BIN_EXE_server-under-test"));
pub(crate) const BOTS: (&str, &str) = ("gamekeeper-bot", env!("CARGO_BIN_EXE_bot-under-test"));

/// The processes that this one has started and that have not ended.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("this is Linux");
    let ids = processes.filter_map(|it| it.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // Behind the name in parentheses: the state, then the parent.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let state = fields.next();
        state != Some("Z") && fields.next() == Some(&parent.to_string())
    })
    .collect()
}

#[track_caller]
pub(crate) fn ends(process: u32) {
    let deadline = Instant::now() + PATIENCE;
    while Path::new(&format!("/proc/{process}")).exists() {
        assert!(Instant::now() < deadline, "the bots have outlived their server");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn bots_come_in_and_end_with_the_server_however_it_ends() {
    let installed = Installed::new("ends", &[SERVER, BOTS]);
    for signal in [Signal::KILL, Signal::TERM] {
        let mut server = ServerProgram::start(&installed.path("gamekeeper"), &["--bots", "3"]);
        server.stats_until("three bots play", |stats| stats["players"] == 3);
        let bots = children(server.program.id());
        assert_eq!(bots.len(), 1, "one process for all of them");
        server.program.signal(signal);
        server.program.wait();
        ends(bots[0]);
    }
}

#[test]
fn without_their_program_it_is_said_how_to_build_it() {
    let installed = Installed::new("missing", &[SERVER]);
    let remains =
        run(&installed.path("gamekeeper"), &["--bots", "3", "--listen", "127.0.0.1:0"], &[]);
    assert_eq!(remains.status.code(), Some(2), "{remains:?}");
    assert!(remains.stderr.contains("cargo build --release -p gamekeeper-bot"), "{remains:?}");
    assert!(!remains.stdout.contains("ready"), "{remains:?}");
}
