//! The command `faulty-server`: says where it listens, what happens, and what happened.
//!
//! Data flow: options -> **`serve`** -> [`Server`] -> lines -> terminal, exit code.

use std::{io, process::ExitCode};

use gamekeeper_bot::machine;

use super::output;
use crate::{
    exit::ExitStatus,
    faulty::{FaultyOptions, Mode, Server},
};

/// Serves until an interrupt.
pub(super) fn serve(options: FaultyOptions) -> ExitCode {
    machine::raise_open_files_limit();
    let (listen, choice, seed) = (options.listen, options.choice.to_string(), options.terms.seed);
    let bound = Server::bind(options).and_then(|server| Ok((server.address()?, server)));
    let (address, server) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            output::error(&format!("cannot listen on {listen}: {error}; {}", remedy(&error)));
            return ExitStatus::Internal.into();
        }
    };
    output::status(&format!("misbehaves on purpose: {choice}, seed {seed}; an interrupt ends it"));
    output::result(&format!("listening tcp {address}\nready\n"));
    match server.run(&mut output::status) {
        Ok(tally) => {
            output::result(&tally.to_string());
            ExitCode::SUCCESS
        }
        Err(error) => {
            output::error(&format!("the poll failed: {error}"));
            ExitStatus::Internal.into()
        }
    }
}

/// Shows the catalogue.
pub(super) fn list() -> ExitCode {
    let entry = |mode: Mode| {
        let good = mode.what_a_good_client_does();
        format!("{mode}\n    {}\n    A good client: {good}\n", mode.what_happens())
    };
    output::result(&Mode::ALL.map(entry).concat());
    ExitCode::SUCCESS
}

/// What to do about an address that cannot be used.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "end what listens there, or choose another --listen address",
        io::ErrorKind::AddrNotAvailable => "--listen must be an address of this machine",
        io::ErrorKind::PermissionDenied => "choose a port of 1024 or higher with --listen",
        _ => "choose another --listen address",
    }
}
