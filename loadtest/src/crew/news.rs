//! What a crew is told and asked, and what it says.
//!
//! Part of [`crew`](super). Run -> **`Order`**, **`Question`** -> hand -> **`News`** -> run.
//!
//! Plain values, which know nothing of how they travel.

use std::time::Duration;

use gamekeeper_bot::{
    departure::{Departure, PlayerState},
    fleet::{
        BotId, BotPlan, Comeback, End, FleetStats, Fraud, Injection, Latency, Return, TicketFault,
    },
};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// Where it stands then.
        state: PlayerState,
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

/// What is asked besides the news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Nothing.
    News,
    /// What was measured since it was asked for last.
    Stats,
    /// Who believes what about whom, and how long they had to wait for a state.
    Rosters,
    /// To let go of those whom the server has not let go, to forget all orders, and to have
    /// everybody else say goodbye.
    Goodbye,
}

/// What has happened since the last question, and answers.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// How many bots do what.
    pub counts: Counts,
    /// Departures that were carried out.
    pub injections: Vec<Injection>,
    /// Departures whose bot was gone already, or that it did not know of in time.
    pub not_injected: u64,
    /// Connections that are over.
    pub ends: Vec<End>,
    /// Bots that were to come back, and what became of them.
    pub returns: Vec<Return>,
    /// Bad tickets that were answered.
    pub frauds: Vec<Fraud>,
    /// What was measured, if that was asked.
    pub stats: FleetStats,
    /// What is in the rosters, if that was asked.
    pub rosters: RosterCounts,
    /// The longest time that each survivor had to wait for a state, if that was asked.
    pub longest_waits: Latency,
    /// Bots that the server had not let go, if they were to be let go.
    pub abandoned: u64,
    /// Who then said goodbye.
    pub goodbyes: Vec<Injection>,
}

/// What bots believe about others, once per pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RosterCounts {
    /// Players that have left and are there.
    pub ghosts: u64,
    /// Players that have left and are away, and may be.
    pub held: u64,
    /// Players that are there and away.
    pub missed: u64,
}

/// How many bots do what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
