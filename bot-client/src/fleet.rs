//! Thousands of bots on one thread: the shell around connections and brains.
//!
//! Data flow: socket -> **`Fleet`** -> connection -> brain -> input -> **`Fleet`** -> socket.
//!
//! The fleet moves bytes and tells the time; what bytes mean is the connection's business, what
//! to do is the brain's. One call of [`Fleet::turn`] is one turn:
//!
//! 1. begin connects, a bounded number;
//! 2. wait for readiness, no longer than until the next deadline;
//! 3. for each ready socket: finish the connect, read until the kernel has no more, write what
//!    was waiting;
//! 4. for each deadline: send an input, ask a silent server, connect again.
//!
//! Readiness is edge-triggered and only a hint: what counts is what the calls return, and any
//! error other than "would block" and "interrupted" ends that one bot. An event names its bot by
//! slot and generation, so that one for a socket that is gone does nothing.

mod bot;
mod counts;
mod ending;
mod endpoint;
mod fairness;
mod impostor;
mod leave;
mod leaving;
mod ledger;
mod listening;
mod manners;
pub(crate) mod network;
mod nonsense;
mod returning;
mod socket;
mod stats;
mod timers;
mod turn;
mod vanished;
mod watch;
mod websocket;
mod wire;

pub use counts::FleetCounts;
pub use endpoint::{Endpoint, EndpointError};
pub use ledger::{
    DepartError, DriverError, End, Fraud, Homecoming, Injection, Return, ReturnOutcome, Stage,
    TicketFault,
};
pub use returning::Comeback;
pub use stats::{FleetStats, Latency, Observed};

use std::{
    collections::{HashMap, VecDeque},
    fmt, mem,
    time::Duration,
};

use mio::{Events, Poll};
use serde::{Deserialize, Serialize};
use slab::Slab;

use crate::{
    clock::Moment,
    connection::NameTooLong,
    departure::{Departure, PlayerState},
    limits::{CONNECTS_PER_TURN, READ_BYTES},
    manner::Manner,
    retry::RetryPolicy,
};
use bot::Bot;
use impostor::LostSeat;
use timers::Timers;
use vanished::Vanished;
use watch::Watch;

/// Readiness events taken from the kernel at once.
const EVENTS_PER_POLL: usize = 1024;

/// A bot's number: the how-manieth that was spawned, from 0, if its fleet is the only one. Never
/// reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BotId(pub u32);

impl fmt::Display for BotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What all bots of a fleet have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetConfig {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// The game to ask for; empty for the server's default game.
    pub game: String,
    /// Names are this and the bot's number.
    pub name_prefix: String,
    /// Everything random is a function of this.
    pub seed: u64,
    /// Inputs per second and bot; 0 for none.
    pub input_hz: u32,
    /// What a bot does after an end that it was not told to bring about. It takes its seat again if
    /// the server still holds it, and another one if not.
    pub retry: RetryPolicy,
    /// Connects begun in one turn.
    pub connects_per_turn: usize,
    /// The number of the first bot.
    pub first_bot: u32,
    /// From the number of one bot to that of the next: as many fleets as share the numbers.
    pub bot_step: u32,
    /// Whether [`Fleet::take_player_events`] has anything to take.
    pub tells_player_events: bool,
}

impl FleetConfig {
    /// The usual values: the server's default game, 20 inputs per second, no second connect.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            game: String::new(),
            name_prefix: "bot".to_owned(),
            seed: 0,
            input_hz: 20,
            retry: RetryPolicy::NEVER,
            connects_per_turn: CONNECTS_PER_TURN,
            first_bot: 0,
            bot_step: 1,
            tells_player_events: false,
        }
    }

    /// Time between two inputs of a bot; `None` if bots send none.
    pub fn input_period(&self) -> Option<Duration> {
        (self.input_hz > 0).then(|| Duration::from_secs(1) / self.input_hz)
    }
}

/// What is known of a bot before it connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotPlan {
    /// How it will leave, if it will. A bot without one, and with good manners, is a survivor: its
    /// measurements are those that count.
    pub departure: Option<Departure>,
    /// Where it stands then. From [`PlayerState::Match`] and [`PlayerState::MidFrame`] it leaves
    /// when it is told to; from the others by itself, as soon as it is there.
    pub state: PlayerState,
    /// How it behaves until then.
    pub manner: Manner,
    /// Whether it speaks WebSocket, as a browser does. Over a Unix socket nobody does.
    pub websocket: bool,
    /// When it was to connect, if that was planned: how long it takes to come in is counted from
    /// then as well, so that nothing is left out that made it late.
    pub planned_at: Option<Moment>,
}

impl BotPlan {
    /// Whether its measurements count as those of an innocent player.
    fn survives(&self) -> bool {
        self.departure.is_none() && self.manner == Manner::Plain
    }
}

/// Bots on one thread.
pub struct Fleet {
    config: FleetConfig,
    poll: Poll,
    events: Events,
    /// What the last poll reported, copied out so that bots can be changed while it is worked off.
    ready: Vec<turn::Ready>,
    bots: Slab<Bot>,
    /// The slot of each bot that has one, by number.
    slots: HashMap<BotId, usize>,
    /// Bots that have been spawned.
    spawned: u32,
    /// Bad tickets that have been shown.
    impostors: u32,
    /// What bots knew that have left for good.
    lost: HashMap<BotId, LostSeat>,
    /// Bots that want to connect.
    connect_queue: VecDeque<BotId>,
    timers: Timers,
    /// Sockets of bots that have gone without a word.
    vanished: Vanished,
    next_generation: u32,
    watch: Watch,
    stats: FleetStats,
    injections: Vec<Injection>,
    ends: Vec<End>,
    returns: Vec<Return>,
    frauds: Vec<Fraud>,
    read_buffer: Vec<u8>,
    /// Where a message of a WebSocket becomes a frame.
    frame_buffer: Vec<u8>,
    input_body: Vec<u8>,
}

impl fmt::Debug for Fleet {
    /// Not the buffers: there are tickets in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("bots", &self.bots).finish_non_exhaustive()
    }
}

impl Fleet {
    /// A fleet without bots.
    ///
    /// # Errors
    ///
    /// [`DriverError::Poll`] if the kernel gives us no readiness queue,
    /// [`DriverError::Name`] if the names do not fit into a hello.
    pub fn new(config: FleetConfig) -> Result<Self, DriverError> {
        for name in [&config.game, &format!("{}-{}", config.name_prefix, u32::MAX)] {
            if name.len() > gamekeeper_protocol::limits::NAME_BYTES_MAX {
                return Err(DriverError::Name(NameTooLong(name.clone())));
            }
        }
        let watch = Watch::new(config.tells_player_events);
        Ok(Self {
            config,
            poll: Poll::new().map_err(DriverError::Poll)?,
            events: Events::with_capacity(EVENTS_PER_POLL),
            ready: Vec::new(),
            bots: Slab::new(),
            slots: HashMap::new(),
            spawned: 0,
            impostors: 0,
            lost: HashMap::new(),
            connect_queue: VecDeque::new(),
            timers: Timers::default(),
            vanished: Vanished::default(),
            next_generation: 1,
            watch,
            stats: FleetStats::default(),
            injections: Vec::new(),
            ends: Vec::new(),
            returns: Vec::new(),
            frauds: Vec::new(),
            read_buffer: vec![0; READ_BYTES],
            frame_buffer: Vec::new(),
            input_body: Vec::new(),
        })
    }

    /// Adds a bot. It connects in one of the next turns.
    pub fn spawn(&mut self, plan: BotPlan) -> BotId {
        let id = BotId(self.config.first_bot + self.spawned * self.config.bot_step);
        self.spawned = self.spawned.checked_add(1).expect("fewer than four billion bots");
        let slot = self.bots.insert(Bot::new(id, plan, &self.config));
        self.slots.insert(id, slot);
        self.connect_queue.push_back(id);
        id
    }

    /// Bots that have a seat and have not been told to leave.
    pub fn playing(&self) -> usize {
        self.bots.iter().filter(|(_, bot)| bot.is_playing()).count()
    }

    /// Bots that have left, or are about to, and wait for the server to notice; those that have
    /// vanished wait for when it surely has.
    pub fn leaving(&self) -> usize {
        self.bots.iter().filter(|(_, bot)| bot.leaving.is_some()).count() + self.vanished.len()
    }

    /// Bots of all kinds: playing, leaving, connecting, waiting to connect again.
    pub fn len(&self) -> usize {
        self.bots.len()
    }

    /// Whether there are no bots.
    pub fn is_empty(&self) -> bool {
        self.bots.is_empty()
    }

    /// Whether this bot has a seat and has not been told to leave.
    pub fn is_playing(&self, bot: BotId) -> bool {
        self.slot(bot).is_some_and(|slot| self.bots[slot].is_playing())
    }

    /// The bots that play now, in the order in which they were spawned.
    pub fn players(&self) -> Vec<BotId> {
        let mut players: Vec<BotId> =
            self.bots.iter().filter(|(_, bot)| bot.is_playing()).map(|(_, bot)| bot.id).collect();
        players.sort_unstable();
        players
    }

    /// What has been measured since the last [`Self::take_stats`].
    pub fn stats(&self) -> &FleetStats {
        &self.stats
    }

    /// Takes what has been measured and begins anew.
    pub fn take_stats(&mut self) -> FleetStats {
        mem::take(&mut self.stats)
    }

    /// Takes the record of departures that have been carried out since the last call.
    pub fn take_injections(&mut self) -> Vec<Injection> {
        mem::take(&mut self.injections)
    }

    /// Takes the record of connections that have ended since the last call, wanted or not.
    pub fn take_ends(&mut self) -> Vec<End> {
        mem::take(&mut self.ends)
    }

    /// Takes the record of bots that were to come back, and did or did not, since the last call.
    pub fn take_returns(&mut self) -> Vec<Return> {
        mem::take(&mut self.returns)
    }

    /// Takes the record of bad tickets that have been answered since the last call.
    pub fn take_frauds(&mut self) -> Vec<Fraud> {
        mem::take(&mut self.frauds)
    }

    fn slot(&self, bot: BotId) -> Option<usize> {
        self.slots.get(&bot).copied()
    }
}

#[cfg(test)]
mod tests;
