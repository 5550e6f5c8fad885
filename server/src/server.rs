//! A server put together: sockets bound, hub made, loop ready to run.
//!
//! Data flow: configuration and games -> **`Server`** -> `EventLoop`.

use std::{
    fmt, fs, io,
    os::{fd::OwnedFd, unix::fs::FileTypeExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use crate::{
    config::{Config, ListenAddr},
    hub::Hub,
    limits::Limits,
    room::{
        games::{Games, Options},
        lobby::Lobby,
    },
    shell::{EventLoop, Flow, net::Net as _, real::RealNet},
};

/// Connections that the kernel holds for us until we accept them.
const BACKLOG: i32 = 1024;
/// Descriptors kept free for everything that is not a game connection.
const DESCRIPTORS_RESERVED: u64 = 64;

/// A server that listens and is ready to run.
pub struct Server {
    event_loop: EventLoop<RealNet>,
    addresses: Addresses,
    stop: StopHandle,
    /// Removed from the file system at the end.
    unix_paths: Vec<std::path::PathBuf>,
}

/// Where a server really listens: ports that were 0 are the ones that the system picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// For players.
    pub listen: Vec<ListenAddr>,
    /// For operators.
    pub admin: Option<ListenAddr>,
}

/// Stops a server from another thread: gracefully at the first call, at once at the second.
#[derive(Clone, Debug)]
pub struct StopHandle(Arc<mio::Waker>);

impl StopHandle {
    /// Asks the server to stop.
    ///
    /// # Errors
    ///
    /// If the server's poll cannot be woken.
    pub fn stop(&self) -> io::Result<()> {
        self.0.wake()
    }
}

impl Server {
    /// Binds every address of `config` and gets ready to host `games`.
    ///
    /// `on_signals` makes SIGTERM and SIGINT stop this server.
    ///
    /// # Errors
    ///
    /// [`StartError`], which says what to do about it.
    pub fn bind(config: &Config, games: Games, on_signals: bool) -> Result<Self, StartError> {
        if games.get(&config.game).is_none() {
            let hosted: Vec<_> = games.names().collect();
            return Err(StartError::UnknownGame {
                game: config.game.clone(),
                hosted: hosted.join(", "),
            });
        }
        let limits = fit_descriptors(config.limits.clone());
        let mut bound = Addresses { listen: Vec::new(), admin: None };
        let mut unix_paths = Vec::new();
        let mut listeners = Vec::new();
        for address in &config.listen {
            let (listener, address) = listen(address, &limits)?;
            listeners.push(listener);
            bound.listen.push(address);
        }
        let mut admin = None;
        if let Some(address) = &config.admin {
            let (listener, address) = listen(address, &limits)?;
            admin = Some(listener);
            bound.admin = Some(address);
        }
        for address in bound.listen.iter().chain(&bound.admin) {
            if let ListenAddr::Unix(path) = address {
                unix_paths.push(path.clone());
            }
        }
        let (count, has_admin) = (listeners.len(), admin.is_some());
        let net = RealNet::new(listeners, admin, on_signals).map_err(StartError::System)?;
        let stop = StopHandle(net.waker());
        let lobby = Lobby::new(games, options(config, &limits), seed(config)?);
        let hub = Hub::new(limits, config.game.clone(), lobby, net.now());
        let event_loop = EventLoop::new(net, hub, count, has_admin);
        Ok(Self { event_loop, addresses: bound, stop, unix_paths })
    }

    /// Where the server listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// A way to stop the server from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Hosts until the server is stopped.
    ///
    /// # Errors
    ///
    /// Only if polling itself fails. No client can cause that.
    pub fn run(mut self) -> io::Result<Flow> {
        let outcome = self.event_loop.run();
        for path in &self.unix_paths {
            // Somebody may have removed it meanwhile; it is gone either way.
            let _ = fs::remove_file(path);
        }
        outcome
    }
}

/// Why a server cannot start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be listened on.
    Listen {
        /// Which.
        address: ListenAddr,
        /// Why.
        error: io::Error,
    },
    /// The default game is not hosted.
    UnknownGame {
        /// The game that was named.
        game: String,
        /// The games that are hosted.
        hosted: String,
    },
    /// The system refused something that every server needs.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, error } if error.kind() == io::ErrorKind::AddrInUse => write!(
                f,
                "cannot listen on {address}: it is in use. Another server may be running there; \
                 stop it, or choose another address with --listen or --admin (port 0 picks a free \
                 one)"
            ),
            Self::Listen { address, error } => {
                write!(
                    f,
                    "cannot listen on {address}: {error}. Choose another with --listen or --admin"
                )
            }
            Self::UnknownGame { game, hosted } => {
                write!(f, "no game is called {game:?}; choose one of these with --game: {hosted}")
            }
            Self::System(error) => write!(f, "the system refused a resource: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Opens a listening socket. Accepted connections inherit its options, which saves the calls.
fn listen(address: &ListenAddr, limits: &Limits) -> Result<(OwnedFd, ListenAddr), StartError> {
    let outcome = match address {
        ListenAddr::Tcp(socket_address) => listen_tcp(*socket_address, limits),
        ListenAddr::Unix(path) => listen_unix(path),
    };
    outcome.map_err(|error| StartError::Listen { address: address.clone(), error })
}

fn listen_tcp(address: std::net::SocketAddr, limits: &Limits) -> io::Result<(OwnedFd, ListenAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(
        usize::try_from(limits.socket_send_buffer_bytes).expect("64-bit system"),
    )?;
    // Backstops under the heartbeat, for a connection that lingers or has not said hello.
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(5))
        .with_interval(Duration::from_secs(4))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(Duration::from_millis(limits.tcp_user_timeout_ms)))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let bound = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok((socket.into(), ListenAddr::Tcp(bound)))
}

fn listen_unix(path: &Path) -> io::Result<(OwnedFd, ListenAddr)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    let address = SockAddr::unix(path)?;
    let is_socket = fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if is_socket {
        // A server that was killed leaves its socket behind; one that lives answers on it.
        let probe = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        match probe.connect(&address) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path)?;
            }
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    socket.bind(&address)?;
    socket.listen(BACKLOG)?;
    Ok((socket.into(), ListenAddr::Unix(path.to_owned())))
}

/// Raises the soft descriptor limit to the hard one, and keeps the connections below it.
fn fit_descriptors(mut limits: Limits) -> Limits {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let descriptors = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    let Some(descriptors) = descriptors else { return limits };
    let spoken_for = DESCRIPTORS_RESERVED + limits.lingering_max + limits.admin_connections_max;
    let fitting = descriptors.saturating_sub(spoken_for).max(1);
    if limits.connections_max > fitting {
        tracing::warn!(
            descriptors,
            connections_max = fitting,
            "fewer connections than configured: raise the descriptor limit (ulimit -n)"
        );
        limits.connections_max = fitting;
    }
    limits
}

fn options(config: &Config, limits: &Limits) -> Options {
    Options {
        tick_hz: config.tick_rate,
        room_size: config.room_size,
        inputs_per_tick_max: usize::try_from(limits.inputs_per_tick_max).expect("64-bit system"),
        state_bytes: config.state_bytes,
    }
}

fn seed(config: &Config) -> Result<u64, StartError> {
    match config.seed {
        Some(seed) => Ok(seed),
        None => getrandom::u64()
            .map_err(|error| StartError::System(io::Error::other(error.to_string()))),
    }
}
