//! Finding the contenders' programs, and building those that come as sources.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    contender::{Contender, Program},
    options::BenchOptions,
    report::NotRun,
};
use crate::server;

/// Where the sources of the other servers are in this repository.
const PEERS: &str = "loadtest/peers";

/// The program that the tokio peer is built into.
const TOKIO_PROGRAM: &str = "gamekeeper-peer-tokio";

/// The interpreter of the Python peers.
const PYTHON: &str = "python3";

/// How to start each kind of program: the program, and its first arguments.
#[derive(Debug, Default)]
pub(super) struct Programs {
    found: BTreeMap<Contender, (PathBuf, Vec<PathBuf>)>,
}

impl Programs {
    /// Finds the programs of all contenders, and says of the others why they cannot be run.
    pub(super) fn find(
        options: &BenchOptions,
        on_status: &mut dyn FnMut(&str),
    ) -> (Self, Vec<NotRun>) {
        let mut programs = Self::default();
        let mut not_run = Vec::new();
        for contender in options.contenders() {
            let found = match contender.program() {
                Program::Server => server::locate(options.server_bin.as_deref())
                    .map(|program| (program, Vec::new()))
                    .map_err(|error| error.to_string()),
                Program::Own => env::current_exe()
                    .map(|program| (program, Vec::new()))
                    .map_err(|error| error.to_string()),
                Program::TokioPeer => peers_dir(options).and_then(|dir| {
                    on_status("building the tokio peer");
                    build_tokio(&dir.join("tokio")).map(|program| (program, Vec::new()))
                }),
                Program::PythonPeer => peers_dir(options).and_then(|dir| find_python(&dir)),
            };
            match found {
                Ok(program) => drop(programs.found.insert(contender, program)),
                Err(why) => not_run.push(NotRun { contender, why }),
            }
        }
        (programs, not_run)
    }

    /// The contenders that can be run, in the order in which they take turns.
    pub(super) fn contenders(&self) -> Vec<Contender> {
        self.found.keys().copied().collect()
    }

    /// The command that starts a contender for so many players.
    pub(super) fn command(&self, contender: Contender, players: u32) -> Command {
        let (program, first) =
            self.found.get(&contender).expect("only contenders that were found take turns");
        let mut command = Command::new(program);
        command.args(first).args(contender.arguments(players));
        if contender.program() == Program::Server && env::var_os(server::LOG_LEVEL).is_none() {
            // A line for each of thousands of joins would be a load of its own.
            command.env(server::LOG_LEVEL, "warn");
        }
        command
    }
}

/// The folder with the sources: the one that is given, or the one of the repository in which this
/// program is run.
fn peers_dir(options: &BenchOptions) -> Result<PathBuf, String> {
    if let Some(dir) = &options.peers_dir {
        return if dir.is_dir() {
            Ok(dir.clone())
        } else {
            Err(format!("{} is no folder", dir.display()))
        };
    }
    let current = env::current_dir().map_err(|error| error.to_string())?;
    let found = current.ancestors().map(|folder| folder.join(PEERS)).find(|dir| dir.is_dir());
    found.ok_or_else(|| {
        format!("there is no {PEERS} here; run this in the repository, or say --peers-dir")
    })
}

/// Builds the tokio peer with its own lock file and into its own folder, so that none of it comes
/// near the product. What is built already is not built again.
fn build_tokio(dir: &Path) -> Result<PathBuf, String> {
    let target = dir.join("target");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]);
    command.arg(dir.join("Cargo.toml")).arg("--target-dir").arg(&target);
    let built = command.stdin(Stdio::null()).stdout(Stdio::null()).output();
    let program = target.join("release").join(TOKIO_PROGRAM);
    let why = match built {
        Ok(output) if output.status.success() => return Ok(program),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let error = text.lines().find(|line| line.starts_with("error")).map(str::to_owned);
            error.unwrap_or_else(|| format!("cargo ended with {}", output.status))
        }
        Err(error) => format!("cargo cannot be started: {error}"),
    };
    // Without cargo or a network, one that was built before will do.
    if program.is_file() { Ok(program) } else { Err(format!("it could not be built: {why}")) }
}

fn find_python(dir: &Path) -> Result<(PathBuf, Vec<PathBuf>), String> {
    let script = dir.join("python").join("server.py");
    if !script.is_file() {
        return Err(format!("there is no {}", script.display()));
    }
    let mut version = Command::new(PYTHON);
    version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match version.status() {
        Ok(status) if status.success() => Ok((PathBuf::from(PYTHON), vec![script])),
        Ok(status) => Err(format!("{PYTHON} --version ended with {status}")),
        Err(error) => Err(format!("{PYTHON} cannot be started: {error}")),
    }
}
