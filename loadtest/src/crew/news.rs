//! What a crew is told and asked, and what it says.
//!
//! Part of [`crew`](super). Run -> **`Order`**, **`Question`** -> hand -> **`News`** -> run.
//!
//! Plain values, which know nothing of how they travel.

use std::time::Duration;

use gamekeeper_bot::{
    clock::Moment,
    departure::{Departure, PlayerState},
    fleet::{
        BotId, BotPlan, Comeback, End, FleetConfig, FleetCounts, FleetStats, Fraud, Injection,
        Latency, Return, TicketFault,
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
    /// Whom the bots have in their rooms, and how long they had to wait for a state.
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
    pub counts: FleetCounts,
    /// Orders that have not been carried out.
    pub orders: u64,
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
    /// The longest time that each survivor had to wait for a state, if that was asked.
    pub longest_waits: Latency,
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
        self.orders += other.orders;
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
        self.longest_waits.merge(&other.longest_waits);
        self.abandoned += other.abandoned;
        self.goodbyes.append(&mut other.goodbyes);
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::{
        connection::{Ended, Operation, ServerFault},
        departure::Transport,
        fleet::{Endpoint, Homecoming, ReturnOutcome, Stage},
        manner::Manner,
        people::PlayerChange,
    };
    use gamekeeper_protocol::{GoodbyeReason, PlayerId, Presence, codec};
    use serde::de::DeserializeOwned;

    use super::*;

    fn read_back<T: Serialize + DeserializeOwned>(value: &T) -> T {
        let mut bytes = Vec::new();
        codec::encode_value(value, &mut bytes).expect("it can be written");
        codec::decode_within::<T, { 1 << 20 }>(&bytes).expect("it can be read")
    }

    fn injection(bot: u32, at: u64) -> Injection {
        Injection {
            bot: BotId(bot),
            player: Some(PlayerId(bot + 1)),
            local: Some(([127, 0, 0, 1], 4000).into()),
            transport: Transport::Ws,
            departure: Departure::HalfFrame,
            state: PlayerState::ResumeWindow,
            returns: true,
            silent: true,
            at: Moment(at),
            noticed_by: Moment(at + 7),
        }
    }

    /// News in which nothing is as if it had not been said.
    fn news(bot: u32, at: u64) -> News {
        let (player, departure) = (PlayerId(bot + 1), Departure::Stall);
        let errno = std::io::Error::from_raw_os_error(104);
        let (id, at) = (BotId(bot), Moment(at));
        let mut lag = Latency::default();
        lag.record(Duration::from_millis(u64::from(bot)));
        let returned =
            |outcome| Return { bot: id, player, departure, took_over: true, at, outcome };
        let home = Homecoming { events_lost: 1, events_resent: 2, events_resent_bytes: 3 };
        let goodbye = Ended::Goodbye { reason: GoodbyeReason::Full, text: "full".to_owned() };
        let end = |ended, player| End {
            bot: id,
            player,
            departure: player.map(|_| departure),
            stage: Stage::Greeting,
            local: player.map(|_| ([127, 0, 0, 1], 4001).into()),
            returning: true,
            at,
            ended,
            retry_in: Some(Duration::from_millis(5)),
        };
        let fault = Ended::ServerMisbehaved(ServerFault::LongName { bytes: 99 });
        News {
            as_of: at,
            counts: FleetCounts {
                bots: 1,
                playing: 2,
                leaving: 3,
                returning: 4,
                seat_window: Some(Duration::from_secs(u64::from(bot))),
                tick: Some(Duration::from_millis(50)),
            },
            orders: 5,
            injections: vec![injection(bot, at.0)],
            not_injected: 6,
            ends: vec![end(Ended::failed(Operation::Read, &errno), None), end(fault, Some(player))],
            returns: vec![
                returned(ReturnOutcome::Back(home)),
                returned(ReturnOutcome::Anew),
                returned(ReturnOutcome::Failed(goodbye.clone())),
            ],
            frauds: vec![Fraud { fault: TicketFault::Stale, refused: Some(goodbye) }],
            player_events: vec![PlayerEvent { at, player, what: PlayerChange::AnnouncedLeft }],
            cpu: Duration::from_millis(7),
            stats: FleetStats { joins: 8, connect_time: lag.clone(), ..FleetStats::default() },
            order_lag: lag.clone(),
            longest_waits: lag,
            rosters: vec![RosterEntry { player, presence: Presence::Stalled, bots: 9 }],
            abandoned: 10,
            goodbyes: vec![injection(bot, at.0 + 1)],
        }
    }

    #[test]
    fn what_is_said_over_a_pipe_is_what_is_heard() {
        let plan = BotPlan {
            departure: Some(Departure::Freeze),
            state: PlayerState::Lobby,
            manner: Manner::ALL[1],
            websocket: true,
            planned_at: Some(Moment(7)),
        };
        let comeback = Comeback { after: Duration::from_millis(3), takes_over: true, plan };
        let (bot, departure, comeback) = (BotId(7), Departure::Reset, Some(comeback));
        let state = PlayerState::MidFrame;
        let endpoint: Endpoint = "127.0.0.1:7777".parse().expect("valid");
        let config = FleetConfig { first_bot: 3, bot_step: 4, ..FleetConfig::new(endpoint) };
        for command in [
            Command::Begin(Box::new(config)),
            Command::Order(Moment(u64::MAX), Order::Spawn { bot, plan }),
            Command::Order(Moment(1), Order::Depart { bot, departure, state, comeback }),
            Command::Order(Moment(0), Order::ShowBadTicket { bot, fault: TicketFault::Forged }),
            Command::Ask(Question::Goodbye),
        ] {
            assert_eq!(read_back(&command), command);
        }
        let news = news(1, 1000);
        assert_eq!(read_back(&news), news);
    }

    /// Nothing that one of them says is lost, and nothing is said twice.
    #[test]
    fn news_of_two_processes_are_the_news_of_both() {
        let (a, b) = (news(2, 2000), news(1, 1000));
        let mut both = a.clone();
        both.merge(b.clone());
        assert_eq!(both.as_of, b.as_of, "complete up to the earlier of both");
        assert_eq!(both.injections, [b.injections[0], a.injections[0]], "in the order of time");
        assert_eq!((both.counts.bots, both.counts.returning, both.orders), (2, 8, 10));
        assert_eq!(both.counts.seat_window, a.counts.seat_window);
        assert_eq!((both.not_injected, both.abandoned), (12, 20));
        assert_eq!((both.ends.len(), both.returns.len(), both.frauds.len()), (4, 6, 2));
        assert_eq!((both.player_events.len(), both.rosters.len(), both.goodbyes.len()), (2, 2, 2));
        assert_eq!((both.cpu, both.stats.joins), (a.cpu + b.cpu, 16));
        assert_eq!((both.order_lag.count(), both.longest_waits.count()), (2, 2));
        assert_eq!(both.stats.connect_time.count(), 2);
    }
}
