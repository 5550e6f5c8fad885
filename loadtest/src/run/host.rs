//! The server that a run is about: one that runs already, or a process of our own.
//!
//! Part of [`run`](super). Options -> **`Host`** -> addresses.

use std::net::SocketAddr;

use gamekeeper_bot::fleet::Endpoint;

use super::{RunError, machine};
use crate::{
    options::{Options, Target},
    server::{self, ServerProcess},
};

/// A server, and whether it is ours.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) endpoint: Endpoint,
    pub(super) admin: Option<SocketAddr>,
    pub(super) server: Option<ServerProcess>,
    /// Cores that this process could use before it pinned itself to some.
    pub(super) cores: usize,
}

impl Host {
    /// Finds it, or starts one with room for so many connections.
    pub(super) fn start(options: &Options, connections: u32) -> Result<Self, RunError> {
        let (endpoint, admin, server) = match &options.target {
            Target::Running { endpoint, admin } => (endpoint.clone(), *admin, None),
            Target::Own { program, .. } => {
                let (game, extra) = (&options.scenario.game, options.server_args());
                let program = server::locate(program.as_deref()).map_err(RunError::Server)?;
                let server = ServerProcess::start(&program, game, connections, &extra)
                    .map_err(RunError::Server)?;
                (Endpoint::Tcp(server.listen), Some(server.admin), Some(server))
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if options.pin {
            machine::pin(server.as_ref(), cores, options.processes).map_err(RunError::Pin)?;
        }
        Ok(Self { endpoint, admin, server, cores })
    }

    /// Ends it, if it is ours; and says how it has stopped.
    pub(super) fn stop(self) -> Option<Result<(), String>> {
        self.server.map(|server| server.stop().map_err(|error| error.to_string()))
    }
}
