//! What a crew is told and asked, and what it says.
//!
//! Part of [`crew`](super). Run -> **`Order`**, **`Question`** -> hand -> **`News`** -> run.
//!
//! Plain values, which know nothing of how they travel.

use std::time::Duration;

use gamekeeper_bot::{
    clock::Moment,
    departure::Departure,
    fleet::{
        BotId, BotPlan, Comeback, End, FleetConfig, FleetStats, Fraud, Injection, Latency, Return,
        TicketFault,
    },
    people::{PlayerEvent, RosterEntry},
};
use serde::{Deserialize, Serialize};

/// What is said to a process of bots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Command {
    /// What its fleet is to be: the first thing that is said.
    Begin(Box<FleetConfig>),
    /// What is to be done, and when.
    Order(Moment, Order),
    /// What it is to answer.
    Ask(Question),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// The bot with this number joins. It is the number of bots that were spawned before.
    Spawn {
        /// Its number.
        bot: BotId,
        /// What is known of it before.
        plan: BotPlan,
    },
    /// A bot leaves. If it cannot, it is counted in [`News::not_injected`].
    Depart {
        /// Which bot.
        bot: BotId,
        /// How.
        departure: Departure,
        /// How it comes back, if it does.
        comeback: Option<Comeback>,
    },
    /// The server is shown a bad ticket, as soon as it is bad.
    ShowBadTicket {
        /// Whose ticket.
        bot: BotId,
        /// What is wrong with it.
        fault: TicketFault,
    },
}

impl Order {
    /// The bot that it is about.
    pub(super) fn bot(&self) -> BotId {
        match self {
            Self::Spawn { bot, .. }
            | Self::Depart { bot, .. }
            | Self::ShowBadTicket { bot, .. } => *bot,
        }
    }
}

/// What is asked besides the news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// Nothing.
    News,
    /// What was measured since it was asked for last.
    Stats,
    /// Whom the bots have in their rooms.
    Rosters,
    /// To let go of those whom the server has not let go, to forget all orders, and to have
    /// everybody else say goodbye.
    Goodbye,
}

/// What has happened since the last question, and answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// When this was said. What is said later is not about earlier times.
    pub as_of: Moment,
    /// How many bots do what.
    pub counts: Counts,
    /// Departures that were carried out, in the order of time.
    pub injections: Vec<Injection>,
    /// Departures whose bot was gone already, or that it did not know of in time.
    pub not_injected: u64,
    /// Connections that are over.
    pub ends: Vec<End>,
    /// Bots that were to come back, and what became of them.
    pub returns: Vec<Return>,
    /// Bad tickets that were answered.
    pub frauds: Vec<Fraud>,
    /// What the bots did and heard of each other.
    pub player_events: Vec<PlayerEvent>,
    /// Processor time of the process that the bots are in, since it began.
    pub cpu: Duration,
    /// What was measured, if that was asked.
    pub stats: FleetStats,
    /// From the time of an order to its being carried out, if what was measured was asked.
    pub order_lag: Latency,
    /// Whom the bots have in their rooms, if that was asked.
    pub rosters: Vec<RosterEntry>,
    /// Bots that the server had not let go, if they were to be let go.
    pub abandoned: u64,
    /// Who then said goodbye.
    pub goodbyes: Vec<Injection>,
}

impl News {
    /// Adds what another process says.
    pub(super) fn merge(&mut self, mut other: Self) {
        self.as_of = self.as_of.min(other.as_of);
        self.counts.merge(&other.counts);
        self.injections.append(&mut other.injections);
        self.injections.sort_by_key(|injection| injection.at);
        self.not_injected += other.not_injected;
        self.ends.append(&mut other.ends);
        self.returns.append(&mut other.returns);
        self.frauds.append(&mut other.frauds);
        self.player_events.append(&mut other.player_events);
        self.cpu += other.cpu;
        self.stats.merge(&other.stats);
        self.order_lag.merge(&other.order_lag);
        self.rosters.append(&mut other.rosters);
        self.abandoned += other.abandoned;
        self.goodbyes.append(&mut other.goodbyes);
    }
}

/// How many bots do what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Bots of all kinds.
    pub bots: u64,
    /// Those that have a seat and have not been told to leave.
    pub playing: u64,
    /// Those that have been told to leave and wait for the server to notice.
    pub leaving: u64,
    /// Those that have left, or are about to, and are to come back.
    pub returning: u64,
    /// Orders that have not been carried out.
    pub orders: u64,
    /// For how long the server holds the seat of a bot that loses its connection; nothing if it
    /// does not, or if nobody plays.
    pub seat_window: Option<Duration>,
}

impl Counts {
    fn merge(&mut self, other: &Self) {
        self.bots += other.bots;
        self.playing += other.playing;
        self.leaving += other.leaving;
        self.returning += other.returning;
        self.orders += other.orders;
        self.seat_window = self.seat_window.max(other.seat_window);
    }
}
