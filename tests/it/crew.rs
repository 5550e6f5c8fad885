//! A load test whose bots are in several processes: judged as one, and none of them left behind.

use std::{
    fs::{self, File},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use gamekeeper_tests::{
    PATIENCE,
    program::{Program, ServerProgram, run},
};
use rustix::process::{Pid, Signal, getpgid, kill_process};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");
const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest-under-test");

/// How often a run is made in which the bots were the limit.
const TRIES_MAX: u32 = 3;

/// The exit code of such a run.
const INVALID: i32 = 4;

/// Everybody who vanishes is missed by bots of other processes, comes back to its own, and the bad
/// tickets are those of its own; and the figures do not depend on the number of processes.
#[test]
fn bots_of_several_processes_are_judged_as_one() {
    let reports = [1, 3].map(|processes: u32| {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("crew{processes}.json"));
        let processes = processes.to_string();
        let args = ["run", "--bots", "30", "--duration", "2s", "--churn", "15/s", "--seed", "3"];
        let ways = ["--departures", "goodbye,close,reset,half-close,half-frame,garbage"];
        let more = ["--resume", "60%", "--input-hz", "4", "--processes", &processes];
        let own = ["--server-bin", SERVER, "--json", path.to_str().expect("an ordinary path")];
        let server = ["--", "--frame-timeout-ms", "1700", "--resume-window-ms", "2500"];
        let args = [&args[..], &ways, &more, &own, &server].concat();
        let mut remains = run(LOADTEST, &args, &[]);
        // A run in which the bots were the limit says nothing, and is made again.
        for _ in 1..TRIES_MAX {
            if remains.status.code() == Some(INVALID) {
                remains = run(LOADTEST, &args, &[]);
            }
        }
        assert_eq!(remains.status.code(), Some(0), "{remains:?}");
        let report = fs::read_to_string(path).expect("the report was written");
        serde_json::from_str::<Value>(&report).expect("the report is JSON")
    });
    let [one, three] = &reports;
    assert_eq!(
        (&one["generator"]["processes"], &three["generator"]["processes"]),
        (&1.into(), &3.into())
    );
    for figure in
        ["/joins/joined", "/seats/returns/planned", "/seats/returns/back", "/seats/bad_tickets"]
    {
        let [one, three] = [one, three].map(|report| report.pointer(figure).expect(figure));
        assert_eq!(one, three, "{figure}");
    }
    let causes = |report: &Value| report["causes"].as_array().expect("a list").clone();
    for (one, three) in causes(one).iter().zip(&causes(three)) {
        for figure in ["departure", "planned", "injected"] {
            assert_eq!(one[figure], three[figure], "{one} {three}");
        }
        // Each of them was seen to go by somebody, wherever that was, unless it was back at once.
        let (seen, injected) = (&three["announce"]["count"], &three["injected"]);
        let is_for_good =
            ["goodbye", "garbage"].contains(&three["departure"].as_str().expect("a name"));
        assert!(seen == injected || (!is_for_good && seen.as_u64() > Some(0)), "{three}");
    }
    assert!(three["generator"]["order_lag"]["count"].as_u64() >= Some(30), "{three}");
    assert!(three["timeline"][0]["playing"].as_u64() > Some(20), "{three}");
}

/// A process of bots that dies makes the run worthless, and is named with what it has said.
#[test]
fn a_process_of_bots_that_dies_is_reported() {
    let crew = CrewProgram::start("killed");
    let [first, _] = crew.workers[..] else { panic!("two processes: {:?}", crew.workers) };
    kill_process(first, Signal::KILL).expect("a process of ours");
    let (code, stderr) = crew.end_without_workers();
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("of bots is lost") && stderr.contains("signal: 9"), "{stderr}");
}

/// An interrupt on the terminal is for the run. It ends the bots, and reports.
#[test]
fn no_process_of_bots_outlives_an_interrupt() {
    let crew = CrewProgram::start("interrupted");
    for worker in &crew.workers {
        assert_eq!(getpgid(Some(*worker)), Ok(*worker), "an interrupt does not reach it");
    }
    crew.program.signal(Signal::INT);
    let (code, stderr) = crew.end_without_workers();
    assert_eq!(code, Some(130), "{stderr}");
}

/// Whoever is killed cannot clean up. What it has started ends all the same.
#[test]
fn no_process_of_bots_outlives_a_run_that_is_killed() {
    let crew = CrewProgram::start("orphaned");
    crew.program.signal(Signal::KILL);
    let (code, stderr) = crew.end_without_workers();
    assert_eq!(code, None, "{stderr}");
}

/// A process of bots to which nobody speaks ends, and one that is told nonsense says so.
#[test]
fn a_process_of_bots_is_not_for_people() {
    let remains = run(LOADTEST, &["worker"], &[]);
    assert_eq!((remains.status.code(), remains.stdout.as_str()), (Some(0), ""), "{remains:?}");
    let help = run(LOADTEST, &["--help"], &[]);
    assert!(!help.stdout.contains("worker"), "{}", help.stdout);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nonsense.log");
    let stderr = File::create(&path).expect("a folder of ours");
    let mut program = Program::start_with(LOADTEST, &["worker"], stderr.into());
    // The length of a message is four bytes.
    (0..4).for_each(|_| program.poke());
    assert_eq!(program.wait().code(), Some(1));
    let said = fs::read_to_string(path).expect("a file of ours");
    assert!(said.contains("the run cannot be spoken with"), "{said}");
}

/// More bots than there are ports to one address cannot be, in however many processes.
#[test]
fn too_many_bots_for_the_ports_of_a_machine_are_refused() {
    let args = ["run", "--bots", "70000", "--churn", "0/s", "--processes", "64"];
    let remains = run(LOADTEST, &[&args[..], &["--server-bin", SERVER]].concat(), &[]);
    assert_eq!(remains.status.code(), Some(1), "{remains:?}");
    assert!(remains.stderr.contains("ip_local_port_range"), "{}", remains.stderr);
}

/// A run with two processes of bots under way, on a server of its own.
struct CrewProgram {
    program: Program,
    workers: Vec<Pid>,
    server: ServerProgram,
    stderr: PathBuf,
}

impl CrewProgram {
    /// Starts it and waits until all play. `name` is that of the test.
    fn start(name: &str) -> Self {
        let server = ServerProgram::start(SERVER, &[]);
        let (target, admin) = (server.address.to_string(), server.admin.to_string());
        let args = ["run", "--target", &target, "--admin", &admin, "--bots", "20"];
        let more = ["--duration", "600s", "--churn", "1/s", "--processes", "2"];
        let stderr = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.log"));
        let file = File::create(&stderr).expect("a folder of ours");
        let program = Program::start_with(LOADTEST, &[&args[..], &more].concat(), file.into());
        server.stats_until("all play", |stats| stats["players"] == 20);
        let workers = children(program.id());
        assert_eq!(workers.len(), 2, "{workers:?}");
        Self { program, workers, server, stderr }
    }

    /// Waits for the end of the program and of all that it has started; its exit code and stderr.
    fn end_without_workers(mut self) -> (Option<i32>, String) {
        let status = self.program.wait();
        let deadline = Instant::now() + PATIENCE;
        while self.workers.iter().any(|worker| parent_of_live(*worker).is_some()) {
            assert!(Instant::now() < deadline, "a process of bots is left behind");
            thread::sleep(Duration::from_millis(5));
        }
        self.server.stats_until("all are gone", |stats| stats["players"] == 0);
        let stderr = fs::read_to_string(&self.stderr).expect("a file of ours");
        (status.code(), stderr)
    }
}

impl Drop for CrewProgram {
    fn drop(&mut self) {
        // Whatever a test has found, nothing stays.
        for worker in &self.workers {
            if parent_of_live(*worker).is_some() {
                let _ = kill_process(*worker, Signal::KILL);
            }
        }
    }
}

/// The live processes that this process has started.
fn children(parent: u32) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").expect("there is a /proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let of_parent = |pid: &Pid| parent_of_live(*pid) == Some(parent);
    let mut children: Vec<Pid> = pids.filter_map(Pid::from_raw).filter(of_parent).collect();
    children.sort_unstable_by_key(|pid| pid.as_raw_nonzero());
    children
}

/// The parent of a process that is there and has not ended, waited for or not.
fn parent_of_live(pid: Pid) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // What follows the name, which may have spaces in it: state and parent.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    fields.next()?.parse().ok().filter(|_| !ended)
}
