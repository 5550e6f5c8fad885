//! A server put together: sockets bound, hub made, loop ready to run.
//!
//! Data flow: configuration and games -> **`Server`** -> `EventLoop`.

use std::{fmt, io, sync::Arc};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    company::{Bots, NoBots},
    config::{Config, ConfigError, ListenAddr},
    hub::{Hub, WebOptions},
    lab::{Gate, Lab, NO_WAY, RUNS_OUT_MAX, Way},
    limits::Limits,
    room::{
        games::{Games, Options},
        lobby::Lobby,
        seat::ResumeTerms,
    },
    shell::{EventLoop, Flow, listen::listen, net::Net as _, real::RealNet},
    web::origin::OriginPolicy,
};

/// Descriptors kept free for everything that is not a game connection: 64, and up to four for each
/// process of the lab.
const DESCRIPTORS_RESERVED: u64 = 64 + 4 * RUNS_OUT_MAX as u64;

/// A server that listens and is ready to run.
///
/// It stays on the thread that bound it; a [`StopHandle`] may go to others.
pub struct Server {
    event_loop: EventLoop<RealNet>,
    addresses: Addresses,
    stop: StopHandle,
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
        config.validate().map_err(StartError::Config)?;
        let game = default_game(config, &games)?;
        let limits = fit_descriptors(config.limits.clone());
        let mut bound = Addresses { listen: Vec::new(), admin: None };
        let mut listeners = Vec::new();
        for address in &config.listen {
            let listener = listen(address, &limits).map_err(refused(address))?;
            bound.listen.push(listener.address().clone());
            listeners.push(listener);
        }
        let mut admin = None;
        if let Some(address) = &config.admin {
            let listener = listen(address, &limits).map_err(refused(address))?;
            bound.admin = Some(listener.address().clone());
            admin = Some(listener);
        }
        let (count, has_admin) = (listeners.len(), admin.is_some());
        let net = RealNet::new(listeners, admin, on_signals).map_err(StartError::System)?;
        let stop = StopHandle(net.waker());
        let way = way_in(config, &bound);
        let (gate, bots) = lab_gate(config, &bound, way.is_some())?;
        let lobby = Lobby::new(games, options(config, &limits), seed(config)?, ticket_seed()?);
        let mut hub = Hub::new(limits, game, lobby, net.now());
        hub.serve_browsers(WebOptions {
            enabled: config.web,
            origins: origins(config, &gate, bound.admin.as_ref()),
        });
        let mut event_loop = EventLoop::new(net, hub, count, has_admin);
        if bound.admin.is_some() {
            event_loop.set_lab(Lab::new(gate, way), bots);
        }
        Ok(Self { event_loop, addresses: bound, stop })
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
        self.event_loop.run()
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
    /// The configuration contradicts itself.
    Config(ConfigError),
    /// Bots were asked for.
    NoBots(NoBots),
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
            Self::Config(error) => error.fmt(f),
            Self::NoBots(error) => error.fmt(f),
            Self::System(error) => write!(f, "the system refused a resource: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// The game of a hello that names none.
fn default_game(config: &Config, games: &Games) -> Result<String, StartError> {
    let fallback = || {
        let arena = gamekeeper_protocol::games::arena::NAME;
        games.get(arena).map(|game| game.name).or_else(|| games.names().next()).unwrap_or(arena)
    };
    let game = config.game.clone().unwrap_or_else(|| fallback().to_owned());
    if games.get(&game).is_none() {
        let hosted: Vec<_> = games.names().collect();
        return Err(StartError::UnknownGame { game, hosted: hosted.join(", ") });
    }
    Ok(game)
}

/// Whose pages may connect: also that of the lab, which plays.
fn origins(config: &Config, gate: &Gate, admin: Option<&ListenAddr>) -> OriginPolicy {
    let own = OriginPolicy::new(true, config.web_origins.clone());
    match (gate, admin) {
        (Gate::Open, Some(ListenAddr::Tcp(admin))) => own.with_neighbour(admin.port()),
        _ => own,
    }
}

/// How players get in over TCP, if they do.
fn way_in(config: &Config, bound: &Addresses) -> Option<Way> {
    bound.listen.iter().find_map(|address| match address {
        ListenAddr::Tcp(listen) => Some(Way { listen: *listen, web: config.web }),
        ListenAddr::Unix(_) => None,
    })
}

/// Whether the lab is open, and the bots for it. Unless it was asked for, it is open only where
/// this looks like a trial on somebody's own machine, and closed where something is missing.
fn lab_gate(
    config: &Config,
    bound: &Addresses,
    has_way: bool,
) -> Result<(Gate, Option<Bots>), StartError> {
    let is_local = |address: &ListenAddr| match address {
        ListenAddr::Tcp(address) => address.ip().is_loopback(),
        ListenAddr::Unix(_) => true,
    };
    let closed = |why: &str| (Gate::Closed(why.to_owned()), None);
    // Whoever lets in pages of elsewhere has a proxy in front, and strangers behind it.
    let is_a_trial =
        config.web_origins.is_empty() && bound.listen.iter().chain(&bound.admin).all(is_local);
    if !config.lab.unwrap_or(is_a_trial) {
        return Ok(closed(if config.lab.is_some() {
            "no bots are sent in here, because the server was started with --lab false"
        } else {
            "no bots are sent in here, because others can reach this server; start it with --lab \
             if they may be sent in all the same"
        }));
    }
    if !has_way {
        return Ok(closed(NO_WAY));
    }
    match Bots::find() {
        Ok(bots) => Ok((Gate::Open, Some(bots))),
        Err(missing) if config.lab.is_some() => Err(StartError::NoBots(missing)),
        Err(missing) => Ok(closed(&format!("no bots are sent in here: {missing}"))),
    }
}

/// What cannot be listened on, and why.
fn refused(address: &ListenAddr) -> impl Fn(io::Error) -> StartError + '_ {
    |error| StartError::Listen { address: address.clone(), error }
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
        resume: ResumeTerms::of(limits),
    }
}

fn seed(config: &Config) -> Result<u64, StartError> {
    match config.seed {
        Some(seed) => Ok(seed),
        None => getrandom::u64().map_err(no_randomness),
    }
}

/// Never from the configuration: who knows the seed could take anybody's seat.
fn ticket_seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(no_randomness)?;
    Ok(seed)
}

fn no_randomness(error: getrandom::Error) -> StartError {
    StartError::System(io::Error::other(error.to_string()))
}
