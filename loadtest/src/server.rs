//! A server process of our own: found, built if need be, started, and ended.

mod args;

use std::{
    env, error, fmt, fs,
    io::{self, BufRead, BufReader, Read},
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use gamekeeper_bot::clock::Moment;
use rustix::process::{Pid, Signal, kill_process};

use args::{given, says_how_long_seats_are_held};
pub use args::{kept_events, without};

/// How long the server may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(15);

/// How long a graceful stop may take.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// How often the end of the process is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Lines of the server's log that are shown when it fails.
const LOG_LINES_SHOWN: usize = 20;

/// The server's setting for what it logs.
pub(crate) const LOG_LEVEL: &str = "GAMEKEEPER_LOG_LEVEL";

/// For how long the seats of those who vanish are held, unless somebody says otherwise: long enough
/// to come back to, and short enough for the test to see that they are given up.
const RESUME_WINDOW_MS: &str = "2000";

/// The name of the server's program.
const PROGRAM: &str = "gamekeeper";

/// A running server.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// Where players connect.
    pub listen: SocketAddr,
    /// Where the statistics are.
    pub admin: SocketAddr,
    log: PathBuf,
}

/// How many connections a server takes, unless it is told otherwise.
const CONNECTIONS_MAX: u32 = 16_000;

/// How many departures our server remembers: more than happen between two looks at its ledger.
const DEPARTURES_KEPT_MAX: &str = "50000";

impl ServerProcess {
    /// Starts `program` on free ports of this machine, with room for so many connections, and waits
    /// until it is ready.
    ///
    /// # Errors
    ///
    /// [`ServerError`] if it cannot be started or does not get ready; it is not running then.
    pub fn start(
        program: &Path,
        game: &str,
        connections: u32,
        extra: &[String],
    ) -> Result<Self, ServerError> {
        let spawn = |source| ServerError::Spawn { program: program.to_owned(), source };
        // The time makes the name one that nobody else has, in this process or another.
        let name = format!("gamekeeper-loadtest-{}-{}.log", std::process::id(), Moment::now().0);
        let log = env::temp_dir().join(name);
        let stderr = fs::File::create_new(&log).map_err(spawn)?;
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        if !game.is_empty() {
            command.args(["--game", game]);
        }
        if !says_how_long_seats_are_held(extra, |name| env::var_os(name).is_some()) {
            command.args(["--resume-window-ms", RESUME_WINDOW_MS]);
        }
        if given(extra, "--departures-kept-max").is_none() {
            command.args(["--departures-kept-max", DEPARTURES_KEPT_MAX]);
        }
        if connections > CONNECTIONS_MAX && given(extra, "--connections-max").is_none() {
            command.args(["--connections-max", &connections.to_string()]);
        }
        command.args(extra).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        if env::var_os(LOG_LEVEL).is_none() {
            // A line for each of thousands of leaves would be a load of its own.
            command.env(LOG_LEVEL, "warn");
        }
        // An interrupt on the terminal is for us: we want the server's last statistics.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| {
            discard(&log);
            spawn(error)
        })?;
        let lines = read_lines(child.stdout.take());
        let ready = wait_until_ready(&lines).and_then(|Ready { listen, admin }| {
            Ok((listen, admin.ok_or("it is ready but has not said where its statistics are")?))
        });
        match ready {
            Ok((listen, admin)) => Ok(Self { child, listen, admin, log }),
            Err(why) => {
                end(&mut child);
                let text = tail(&log);
                discard(&log);
                Err(ServerError::NotReady { why, log: text })
            }
        }
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the server has ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        // An error means that there is nothing to wait for any more.
        self.child.try_wait().ok().flatten()
    }

    /// The last lines of its log, and where the rest is.
    pub fn log_tail(&self) -> String {
        format!("{}\nthe whole log is in {}", tail(&self.log), self.log.display())
    }

    /// Asks the server to stop and waits for it.
    ///
    /// # Errors
    ///
    /// [`ServerError::Stopped`] if its exit code is not 0, [`ServerError::DoesNotStop`] if it has
    /// none in time; the server is killed then.
    pub fn stop(mut self) -> Result<(), ServerError> {
        terminate(&self.child);
        let deadline = Moment::now() + STOPPED_WITHIN;
        loop {
            if let Some(status) = self.has_ended() {
                if status.success() {
                    discard(&self.log);
                    return Ok(());
                }
                return Err(ServerError::Stopped { status, log: self.log_tail() });
            }
            if Moment::now() >= deadline {
                return Err(ServerError::DoesNotStop { log: self.log_tail() });
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for ServerProcess {
    /// However a run ends, the server does not outlive it.
    fn drop(&mut self) {
        if self.has_ended().is_none() {
            end(&mut self.child);
        }
    }
}

/// Finds the server's program, and builds it first if this program was started by cargo.
///
/// # Errors
///
/// [`ServerError`], with what to do.
pub fn locate(given: Option<&Path>) -> Result<PathBuf, ServerError> {
    if let Some(program) = given {
        return Ok(program.to_owned());
    }
    let own = env::current_exe().map_err(ServerError::Own)?;
    let folder = own.parent().unwrap_or(Path::new("."));
    if let Some(cargo) = env::var_os("CARGO") {
        build(Path::new(&cargo), folder)?;
    }
    let program = folder.join(PROGRAM);
    if program.is_file() { Ok(program) } else { Err(ServerError::NotFound { program }) }
}

/// Builds the server with the profile and into the folder of this program, so that a fresh clone
/// needs one command. `cargo run` does not hold its lock any more when this program runs.
fn build(cargo: &Path, folder: &Path) -> Result<(), ServerError> {
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", PROGRAM, "--bin", PROGRAM]);
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(profile) => {
            command.args(["--profile", profile]);
        }
    }
    if let Some(manifest) = env::var_os("CARGO_MANIFEST_DIR") {
        command.current_dir(manifest);
    }
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ServerError::Build { why: format!("cargo ended with {status}") }),
        Err(error) => Err(ServerError::Build { why: error.to_string() }),
    }
}

/// The lines that a process writes, until it closes the pipe. They are read to the end, so that the
/// process never waits for us.
pub(crate) fn read_lines(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (tell, lines) = channel();
    if let Some(pipe) = pipe {
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                // Once it is ready nobody listens any more.
                let _ = tell.send(line);
            }
        });
    }
    lines
}

/// What a server has said when it is ready.
pub(crate) struct Ready {
    /// Where players connect.
    pub(crate) listen: SocketAddr,
    /// Where the statistics are, if it has any.
    pub(crate) admin: Option<SocketAddr>,
}

/// Waits until a server says that it is ready.
pub(crate) fn wait_until_ready(lines: &Receiver<String>) -> Result<Ready, String> {
    let deadline = Moment::now() + READY_WITHIN;
    let (mut listen, mut admin) = (None, None);
    loop {
        let line = match lines.recv_timeout(deadline.since(Moment::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("it was not ready within {} s", READY_WITHIN.as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err("it ended before it was ready".to_owned());
            }
        };
        if let Some(address) = line.strip_prefix("listening tcp ") {
            listen = address.parse().ok();
        } else if let Some(address) = line.strip_prefix("admin http ") {
            admin = address.parse().ok();
        } else if line == "ready" {
            let missing = || "it is ready but has not said where it listens".to_owned();
            return Ok(Ready { listen: listen.ok_or_else(missing)?, admin });
        }
    }
}

/// Asks the process to end.
pub(crate) fn terminate(child: &Child) {
    // It fails only for a process that has ended, which is what is wanted.
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
}

/// Ends the process for certain: nobody is left to be polite to.
pub(crate) fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Removes a log that nobody needs. If that fails, a small file stays behind.
fn discard(log: &Path) {
    let _ = fs::remove_file(log);
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}

/// Why there is no server of our own, or why it ended badly.
#[derive(Debug)]
pub enum ServerError {
    /// This program does not know where it is itself.
    Own(io::Error),
    /// There is no server beside this program.
    NotFound {
        /// Where it should be.
        program: PathBuf,
    },
    /// It could not be built.
    Build {
        /// Why.
        why: String,
    },
    /// It could not be started.
    Spawn {
        /// What was started.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It was started and did not get ready.
    NotReady {
        /// What happened instead.
        why: String,
        /// The end of its log.
        log: String,
    },
    /// It stopped with something else than success.
    Stopped {
        /// With what.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// It did not stop when it was asked to.
    DoesNotStop {
        /// The end of its log.
        log: String,
    },
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(error) => write!(f, "cannot find this program's own folder: {error}"),
            Self::NotFound { program } => {
                write!(f, "there is no server at {}; ", program.display())?;
                f.write_str("build it with `cargo build --release -p gamekeeper`, or name one ")?;
                f.write_str("with --server-bin, or a running one with --target")
            }
            Self::Build { why } => write!(f, "the server could not be built: {why}"),
            Self::Spawn { program, source } => {
                write!(f, "cannot start the server {}: {source}", program.display())
            }
            Self::NotReady { why, log } => {
                write!(f, "the server did not get ready: {why}")?;
                write_log(f, log)
            }
            Self::Stopped { status, log } => {
                write!(f, "the server did not stop cleanly: {status}")?;
                write_log(f, log)
            }
            Self::DoesNotStop { log } => {
                write!(f, "the server did not stop within {} s", STOPPED_WITHIN.as_secs())?;
                write_log(f, log)
            }
        }
    }
}

fn write_log(f: &mut fmt::Formatter<'_>, log: &str) -> fmt::Result {
    if log.is_empty() { f.write_str("; its log is empty") } else { write!(f, "\n{log}") }
}

impl error::Error for ServerError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Own(error) | Self::Spawn { source: error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program that behaves as `script` says. The file is removed by the returned guard.
    fn program(name: &str, script: &str) -> PathBuf {
        let path = env::temp_dir().join(format!("gamekeeper-{name}-{}", std::process::id()));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a writable folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a file of ours");
        path
    }

    #[test]
    fn a_server_is_started_and_stopped() {
        let path = program(
            "good",
            "trap 'exit 0' TERM
             echo listening tcp 127.0.0.1:1
             echo admin http 127.0.0.1:2
             echo ready
             while true; do sleep 0.05; done",
        );
        let mut server = ServerProcess::start(&path, "arena", 1, &[]).expect("it gets ready");
        assert_eq!((server.listen.port(), server.admin.port()), (1, 2));
        assert!(server.has_ended().is_none());
        server.stop().expect("it stops cleanly");
        fs::remove_file(path).expect("a file of ours");
    }

    #[test]
    fn a_server_is_given_room_for_many_bots_and_keeps_its_own_limit_for_few() {
        let path = program("roomy", "echo \"$@\" >&2; exit 1");
        let told = |connections, extra: &[&str]| {
            let extra: Vec<String> = extra.iter().map(|word| (*word).to_owned()).collect();
            let error = ServerProcess::start(&path, "", connections, &extra);
            error.expect_err("it does not get ready").to_string()
        };
        assert!(told(19_000, &[]).contains("--connections-max 19000"));
        assert!(!told(16_000, &[]).contains("--connections-max"));
        let own = told(19_000, &["--connections-max", "5"]);
        assert!(own.contains("--connections-max 5") && !own.contains("19000"), "{own}");
        fs::remove_file(path).expect("a file of ours");
    }

    #[test]
    fn a_server_that_fails_shows_its_log() {
        let path = program("bad", "echo port 7777 is in use >&2; exit 1");
        let error = ServerProcess::start(&path, "", 1, &[]).expect_err("it does not get ready");
        let text = error.to_string();
        assert!(text.contains("ended before it was ready"), "{text}");
        assert!(text.contains("port 7777 is in use"), "{text}");
        fs::remove_file(path).expect("a file of ours");
    }

    #[test]
    fn a_missing_server_says_what_to_do() {
        let error = ServerProcess::start(Path::new("/nowhere/gamekeeper"), "", 1, &[]);
        assert!(matches!(error, Err(ServerError::Spawn { .. })));
        let text = ServerError::NotFound { program: PathBuf::from("x") }.to_string();
        assert!(text.contains("--server-bin") && text.contains("cargo build"), "{text}");
    }
}
