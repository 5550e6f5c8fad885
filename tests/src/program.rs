//! The programs as their users start them: processes with arguments, output and an exit code.

use std::{
    env,
    fs::{self, File},
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{self, Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::PATIENCE;

/// Free ports of this machine, for players and for operators.
const FREE_PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

/// A running program. Killed when it is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    stdin: Option<ChildStdin>,
    /// Lines of stdout read so far.
    pub said: Vec<String>,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Remains {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// Runs a program to its end; panics if it takes too long.
#[track_caller]
pub fn run(path: &str, args: &[&str], variables: &[(&str, &str)]) -> Remains {
    let child = Command::new(path)
        .args(args)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built with this crate");
    let pid = pid_of(&child);
    let (done, watched) = channel::<()>();
    let watchdog = thread::spawn(move || {
        if watched.recv_timeout(2 * PATIENCE).is_err() {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let output = child.wait_with_output().expect("a child can be waited for");
    let _ = done.send(());
    let _ = watchdog.join();
    Remains {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Program {
    /// Starts a program; its stderr goes to ours.
    pub fn start(path: &str, args: &[&str]) -> Self {
        Self::start_with(path, args, Stdio::inherit())
    }

    /// Starts a program whose stderr goes somewhere.
    pub fn start_with(path: &str, args: &[&str], stderr: Stdio) -> Self {
        let mut child = Command::new(path)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the program was built with this crate");
        let stdout = child.stdout.take().expect("stdout is piped");
        let stdin = child.stdin.take();
        let (send, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, stdin, said: Vec::new() }
    }

    /// Reads stdout up to a line that starts with `start`; the rest of that line.
    #[track_caller]
    pub fn wait_for_line(&mut self, start: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line {start:?} in {:?}", self.said));
            self.said.push(line.clone());
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
    }

    /// The rest of a line of stdout that starts with `start`, if there is one by now.
    pub fn line_by_now(&mut self, start: &str) -> Option<String> {
        self.said.extend(self.lines.try_iter());
        let rest = self.said.iter().rev().find_map(|line| line.strip_prefix(start))?;
        Some(rest.trim().to_owned())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(pid_of(&self.child), signal).expect("the child has not been waited for");
    }

    /// Writes a byte to its stdin.
    pub fn poke(&mut self) {
        let stdin = self.stdin.as_mut().expect("stdin is piped");
        stdin.write_all(b"\n").expect("the program reads its stdin");
    }

    /// Waits for its end; panics if it takes too long.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running server program.
#[derive(Debug)]
pub struct ServerProgram {
    /// The process.
    pub program: Program,
    /// Where players connect.
    pub address: SocketAddr,
    /// Where operators look.
    pub admin: SocketAddr,
    /// What it logs, if somebody wants to know.
    log: Option<PathBuf>,
}

impl ServerProgram {
    /// Starts a server on free ports and waits until it is ready.
    #[track_caller]
    pub fn start(path: &str, args: &[&str]) -> Self {
        let quiet = ["--log-level", "warn"];
        Self::ready(Program::start(path, &[&FREE_PORTS[..], &quiet, args].concat()), None)
    }

    /// Starts a server where another one has been, and waits until it is ready.
    #[track_caller]
    pub fn start_again(path: &str, before: &Self, args: &[&str]) -> Self {
        let (address, admin) = (before.address.to_string(), before.admin.to_string());
        let ports = ["--listen", &address, "--admin", &admin, "--log-level", "warn"];
        Self::ready(Program::start(path, &[&ports[..], args].concat()), None)
    }

    /// Starts a server that logs at `level`; see [`Self::log_lines`]. `name` is that of the test.
    #[track_caller]
    pub fn start_logging(path: &str, args: &[&str], level: &str, name: &str) -> Self {
        let log = env::temp_dir().join(format!("gamekeeper-tests-{}-{name}", process::id()));
        let stderr = File::create(&log).expect("the temporary folder can be written to");
        let logging = ["--log-format", "json", "--log-level", level];
        let args = [&FREE_PORTS[..], &logging, args].concat();
        Self::ready(Program::start_with(path, &args, stderr.into()), Some(log))
    }

    #[track_caller]
    fn ready(mut program: Program, log: Option<PathBuf>) -> Self {
        let parse = |line: String| line.parse().expect("an address");
        let address = parse(program.wait_for_line("listening tcp "));
        let admin = parse(program.wait_for_line("admin http "));
        program.wait_for_line("ready");
        Self { program, address, admin, log }
    }

    /// All whole lines that were logged so far and whose message is `message`.
    #[track_caller]
    pub fn log_lines(&self, message: &str) -> Vec<Value> {
        let log = self.log.as_ref().expect("the server was started to log");
        let text = fs::read_to_string(log).expect("the log is a file of ours");
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        let lines = whole.lines().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not a log line: {line:?}"))
        });
        lines.filter(|line: &Value| line["message"] == message).collect()
    }

    /// Reads the log until `done` with the lines of this message; panics if it takes too long.
    #[track_caller]
    pub fn log_lines_until(
        &self,
        message: &str,
        mut done: impl FnMut(&[Value]) -> bool,
    ) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.log_lines(message);
            if done(&lines) {
                return lines;
            }
            assert!(Instant::now() < deadline, "waited too long for {message:?}: {lines:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks the admin listener; status and body.
    #[track_caller]
    pub fn get(&self, path: &str) -> (u16, String) {
        get(self.admin, path)
    }

    /// The server's statistics.
    #[track_caller]
    pub fn stats(&self) -> Value {
        let (status, body) = self.get("/api/stats");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("statistics are JSON")
    }

    /// Asks for the statistics until `done`; panics if it takes too long.
    #[track_caller]
    pub fn stats_until(&self, what: &str, mut done: impl FnMut(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stats = self.stats();
            if done(&stats) {
                return stats;
            }
            assert!(Instant::now() < deadline, "waited too long until {what}: {stats}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for ServerProgram {
    fn drop(&mut self) {
        if let Some(log) = &self.log {
            let _ = fs::remove_file(log);
        }
    }
}

/// How often `reason` was counted in statistics, over all paths.
pub fn leaves(stats: &Value, reason: &str) -> u64 {
    let of_reason = |leave: &&Value| leave["reason"] == reason;
    let all = stats["leaves"].as_array().expect("a list");
    all.iter().filter(of_reason).map(|leave| leave["count"].as_u64().expect("a count")).sum()
}

/// An HTTP GET; status and body.
#[track_caller]
pub fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the admin listener listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a fresh socket takes any option");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a short request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer and an end");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_else(|| panic!("no status in {answer:?}")), body.to_owned())
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}
