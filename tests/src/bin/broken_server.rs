//! A server that is broken on purpose: what the load test must fail.
//!
//! It takes the flags of the real one, says the same lines and serves the same operators, so that a
//! load test can start it: `--server-bin .../broken-server -- --broken leaks-descriptors`. Without
//! `--broken` it is sound. What each fault does is told at [`Fault`].

use std::{
    env,
    error::Error,
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use gamekeeper::{
    Games,
    config::{self, Config, Invocation, ListenAddr},
    hub::Hub,
    limits::Limits,
    log,
    room::{games::Options, lobby::Lobby, seat::ResumeTerms},
    shell::{
        EventLoop, Flow,
        listen::{Listener, listen},
        net::Net as _,
        real::RealNet,
    },
};
use gamekeeper_tests::broken::{BrokenNet, Fault};

/// The flag that names the fault.
const FLAG: &str = "--broken";

fn main() -> ExitCode {
    match serve() {
        Ok(code) => code,
        Err(error) => {
            // Nobody may be reading it; the exit code says it as well.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn serve() -> Result<ExitCode, Box<dyn Error>> {
    let (fault, args) = take_fault(env::args_os().collect())?;
    let variables =
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let variables = variables.filter_map(|(name, value)| Some((name, value.into_string().ok()?)));
    match config::from_process(args, variables)? {
        Invocation::Host(config) => host(&config, fault),
        Invocation::Print(text) => {
            io::stdout().write_all(text.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Invocation::Misuse(text) => Err(text.into()),
    }
}

/// Takes the fault out of the arguments, if there is one; the others are the real server's.
fn take_fault(mut args: Vec<OsString>) -> Result<(Option<Fault>, Vec<OsString>), String> {
    let Some(flag) = args.iter().position(|arg| arg == FLAG) else { return Ok((None, args)) };
    let named = args.get(flag + 1).and_then(|name| name.to_str());
    let fault = named.and_then(Fault::by_name).ok_or_else(|| {
        format!("{FLAG} takes one of these: {}", Fault::ALL.map(Fault::name).join(", "))
    })?;
    args.drain(flag..flag + 2);
    Ok((Some(fault), args))
}

fn host(config: &Config, fault: Option<Fault>) -> Result<ExitCode, Box<dyn Error>> {
    if fault == Some(Fault::DiesOfABrokenPipe) {
        sigpipe::reset();
    }
    let _log = log::start(config.log_format, &config.log_level);
    log::report_panics();
    let asked = config.limits.clone();
    let limits = fault.map_or(asked.clone(), |fault| fault.spoil(asked));
    let open = |address: &ListenAddr| listen(address, &limits);
    let players = config.listen.iter().map(open).collect::<io::Result<Vec<_>>>()?;
    let admin = config.admin.as_ref().map(open).transpose()?;
    let lines = readiness(&players, admin.as_ref());
    let (count, has_admin) = (players.len(), admin.is_some());
    let net = BrokenNet::new(RealNet::new(players, admin, true)?, count, fault);
    let game = config.game.clone().unwrap_or_else(|| "arena".to_owned());
    let hub = Hub::new(limits.clone(), game, lobby(config, &limits)?, net.now());
    let mut event_loop = EventLoop::new(net, hub, count, has_admin);
    io::stdout().write_all(lines.as_bytes())?;
    match event_loop.run()? {
        Flow::Stopped | Flow::Continue if fault == Some(Fault::EndsBadly) => Ok(ExitCode::FAILURE),
        Flow::Stopped | Flow::Continue => Ok(ExitCode::SUCCESS),
        Flow::Aborted => Ok(ExitCode::FAILURE),
    }
}

/// What scripts wait for.
fn readiness(players: &[Listener], admin: Option<&Listener>) -> String {
    let mut lines = String::new();
    for listener in players {
        lines.push_str(&format!("listening tcp {}\n", listener.address()));
    }
    if let Some(listener) = admin {
        lines.push_str(&format!("admin http {}\n", listener.address()));
    }
    lines + "ready\n"
}

fn lobby(config: &Config, limits: &Limits) -> Result<Lobby, Box<dyn Error>> {
    let options = Options {
        tick_hz: config.tick_rate,
        room_size: config.room_size,
        inputs_per_tick_max: usize::try_from(limits.inputs_per_tick_max)?,
        state_bytes: config.state_bytes,
        resume: ResumeTerms::of(limits),
    };
    // Its players are bots of the same machine, who guess no tickets.
    Ok(Lobby::new(Games::built_in(), options, config.seed.unwrap_or(1), [7; 32]))
}
