//! The clients of a simulation: honest ones, and those who do everything that clients do.
//!
//! Data flow: luck, time -> **`Clients`** -> [`Kernel`] <- the server. Each speaks through the
//! client that is shipped, `gamekeeper_bot`'s `Connection`, until it begins to misbehave; so that
//! one is simulated, too.
//!
//! A client knows for which reasons each of its connections may end: for none while it is honest,
//! and for those that follow from what it has done since. What it is told it checks: whole frames,
//! each event once and in order, states that agree with them.

mod agent;
mod kinds;
mod ledger;
mod mischief;
mod speech;
mod wire;

use std::{collections::BTreeMap, time::Duration};

use gamekeeper::{client::leave::LeaveReason, time::Time};
use gamekeeper_bot::connection::WayBack;

use self::agent::Agent;
pub use self::kinds::Kind;
use super::{
    dice::Luck,
    kernel::{ConnNo, Kernel},
};

/// A set of reasons to leave, by their index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(u32);

impl Reasons {
    /// These, by their labels.
    pub fn of(labels: &[&str]) -> Self {
        let bit = |label: &&str| {
            let index = LeaveReason::LABELS.iter().position(|known| known == label);
            1 << index.expect("a reason of the server")
        };
        Self(labels.iter().map(bit).fold(0, |all, bit: u32| all | bit))
    }

    /// Whether this is one of them.
    pub fn contain(self, reason: LeaveReason) -> bool {
        self.0 & 1 << reason.index() != 0
    }

    fn add(&mut self, more: Self) {
        self.0 |= more.0;
    }
}

/// What a client knows about one of its connections.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Who.
    pub client: u32,
    /// What it is, or was then.
    pub kind: Kind,
    /// For which reasons the server may end it.
    pub may_end_by: Reasons,
    /// When it did what the server must end it for, if it did.
    pub must_end_after: Option<Time>,
}

/// All clients.
#[derive(Debug)]
pub struct Clients {
    agents: Vec<Agent>,
    /// What is expected of each connection, for ever: the server may say late why one ended.
    pub expectations: BTreeMap<ConnNo, Expectation>,
    /// What should not have happened.
    pub findings: Vec<String>,
    /// Ways back that were taken: good for nobody any more.
    spent: Vec<WayBack>,
    /// Set when nothing new is to be begun.
    healing: bool,
    /// Set when the server was asked to stop.
    pub stopping: bool,
    /// Set when the server may be too slow, or too short of something, to be in time.
    pub slow: bool,
    /// Set when the server hears at once what has arrived.
    pub prompt: bool,
}

impl Clients {
    /// So many clients, each of these kinds in turn as its luck has it.
    pub fn new(luck: &Luck, count: usize, kinds: &[Kind], now: Time) -> Self {
        let agent = |number: usize| {
            let number = u32::try_from(number).expect("few clients");
            Agent::new(number, luck.dice(1_000 + u64::from(number)), kinds.to_vec(), now)
        };
        Self {
            agents: (0..count).map(agent).collect(),
            expectations: BTreeMap::new(),
            findings: Vec::new(),
            spent: Vec::new(),
            healing: false,
            stopping: false,
            slow: false,
            prompt: false,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// When the next one wants to act.
    pub fn next_at(&self) -> Option<Time> {
        self.agents.iter().map(|agent| agent.next_at).min()
    }

    /// One that wants to act by now.
    pub fn next_due(&self, now: Time) -> Option<usize> {
        self.agents.iter().position(|agent| agent.next_at <= now)
    }

    /// Whose connection this is.
    pub fn owner(&self, conn: ConnNo) -> u32 {
        self.expectations.get(&conn).map_or(0, |expectation| expectation.client)
    }

    /// Nobody begins anything new: the honest play on, the others go on as they are.
    pub fn heal(&mut self) {
        self.healing = true;
    }

    /// The kernel has broken this connection.
    pub fn cursed(&mut self, conn: ConnNo) {
        for agent in &mut self.agents {
            agent.cursed(conn);
        }
    }

    /// Those who are, as far as they know, in a game and have done nothing wrong.
    pub fn honest(&self) -> impl Iterator<Item = ConnNo> + '_ {
        self.agents.iter().filter_map(Agent::honest_connection)
    }

    /// What of the honest ones is not as it should be after a quiet time.
    pub fn out_of_sync(&self, now: Time) -> Vec<String> {
        self.agents.iter().filter_map(|agent| agent.out_of_sync(now)).collect()
    }

    /// What a client was told, if it keeps that.
    pub fn transcript(&self, number: usize) -> &[String] {
        self.agents[number].transcript()
    }

    /// Makes a client keep what it is told.
    pub fn keep_transcript(&mut self, number: usize) {
        self.agents[number].keep_transcript();
    }

    /// Everybody is near, and has room for whatever it is told as long as it reads.
    pub fn bring_near(&mut self) {
        for agent in &mut self.agents {
            agent.delay = Duration::ZERO;
            agent.rx_bytes = Some(agent::RX_BYTES_MAX);
        }
    }

    /// Everybody is far away, and has little room: much of what is sent is still to come.
    pub fn send_away(&mut self) {
        for agent in &mut self.agents {
            agent.delay = Duration::from_millis(120);
            agent.rx_bytes = Some(2_048);
        }
    }

    /// Makes a client honest for ever, as if there were no other kind.
    pub fn make_honest(&mut self, number: usize) {
        self.agents[number].make_honest();
    }

    /// Lets one act.
    pub fn act(&mut self, number: usize, kernel: &mut Kernel, trace: &mut Option<Vec<String>>) {
        let Self { agents, expectations, findings, spent, healing, stopping, slow, prompt } = self;
        let mut scene = agent::Scene {
            kernel,
            expectations,
            findings,
            spent,
            healing: *healing,
            stopping: *stopping,
            slow: *slow,
            prompt: *prompt,
            trace,
        };
        agents[number].act(&mut scene);
    }
}
