//! The command line program: settings, log, server, exit status.
//!
//! A library function, so that a game's own binary is one line: see the README.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use crate::{
    company::{Bots, reachable},
    config::{self, Config, Invocation, ListenAddr},
    log,
    room::games::Games,
    server::{Addresses, Server, StartError},
    shell::Flow,
};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExitStatus {
    /// Stopped gracefully, or printed what was asked for.
    Success = 0,
    /// Could not start, failed, or was stopped before everybody had been told.
    Failure = 1,
    /// The command line or the configuration cannot be used.
    Usage = 2,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}

/// Hosts `games` as the process's command line and environment say, until SIGTERM or SIGINT.
///
/// Prints one line per listener and then `ready` to stdout; the log goes to stderr.
pub fn main(games: Games) -> ExitCode {
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    run(games, env::args_os(), variables).into()
}

fn run(
    games: Games,
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> ExitStatus {
    match config::from_process(args, variables) {
        Ok(Invocation::Host(config)) => host(&config, games),
        Ok(Invocation::Print(text)) => {
            say(&mut io::stdout(), &text);
            ExitStatus::Success
        }
        Ok(Invocation::Misuse(text)) => {
            say(&mut io::stderr(), &text);
            ExitStatus::Usage
        }
        Err(error) => {
            say(&mut io::stderr(), &format!("error: {error}\n"));
            ExitStatus::Usage
        }
    }
}

fn host(config: &Config, games: Games) -> ExitStatus {
    let bots = match (config.bots > 0).then(Bots::find).transpose() {
        Ok(bots) => bots,
        Err(error) => {
            say(&mut io::stderr(), &format!("error: {error}\n"));
            return ExitStatus::Usage;
        }
    };
    let _log = log::start(config.log_format, &config.log_level);
    log::report_panics();
    let server = match Server::bind(config, games, true) {
        Ok(server) => server,
        Err(error) => {
            say(&mut io::stderr(), &format!("error: {error}\n"));
            return match error {
                StartError::UnknownGame { .. } | StartError::Config(_) | StartError::NoBots(_) => {
                    ExitStatus::Usage
                }
                StartError::Listen { .. } | StartError::System(_) => ExitStatus::Failure,
            };
        }
    };
    announce(&server);
    point_out_pages(server.addresses(), config.web);
    let company = bots.zip(server.addresses().listen.first());
    let company = company.map(|(bots, address)| bots.play(config.bots, address));
    if let Some(Err(error)) = &company {
        tracing::error!(%error, "the bots cannot be started");
    }
    match server.run() {
        Ok(Flow::Stopped | Flow::Continue) => {
            tracing::info!("stopped");
            ExitStatus::Success
        }
        Ok(Flow::Aborted) => {
            tracing::warn!("stopped at once, without waiting for anybody");
            ExitStatus::Failure
        }
        Err(error) => {
            tracing::error!(%error, "the poll failed");
            ExitStatus::Failure
        }
    }
}

/// What scripts wait for.
fn announce(server: &Server) {
    let addresses = server.addresses();
    let mut lines = String::new();
    for address in &addresses.listen {
        let line = match address {
            ListenAddr::Tcp(address) => format!("listening tcp {address}\n"),
            ListenAddr::Unix(path) => format!("listening unix {}\n", path.display()),
        };
        lines.push_str(&line);
    }
    match &addresses.admin {
        Some(ListenAddr::Tcp(address)) => lines.push_str(&format!("admin http {address}\n")),
        Some(ListenAddr::Unix(path)) => {
            lines.push_str(&format!("admin unix {}\n", path.display()));
        }
        None => {}
    }
    lines.push_str("ready\n");
    say(&mut io::stdout(), &lines);
}

/// What people may want to open.
fn point_out_pages(addresses: &Addresses, web: bool) {
    let on_tcp = |address: &&ListenAddr| matches!(address, ListenAddr::Tcp(_));
    let page =
        |address, path| tracing::field::display(format!("http://{}{path}", reachable(address)));
    let play = addresses.listen.iter().find(on_tcp).filter(|_| web);
    let lab = addresses.admin.iter().find(on_tcp);
    if play.is_some() || lab.is_some() {
        let (play, lab) = (play.map(|it| page(it, "/")), lab.map(|it| page(it, "/lab")));
        tracing::info!(play, lab, "open in a browser");
    }
}

/// Prints. A reader that is gone is no reason to fail.
fn say(to: &mut impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes());
    let _ = to.flush();
}
