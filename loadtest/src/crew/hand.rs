//! One fleet, and what it is to do when.
//!
//! Part of [`crew`](super). Order -> **`Hand`** -> fleet -> **`Hand`** -> news.

use std::{collections::BTreeMap, mem};

use gamekeeper_bot::{
    clock::Moment,
    departure::Departure,
    fleet::{BotId, DriverError, Fleet, Latency, TicketFault},
    machine,
};

use super::news::{News, Order, Question};

/// One fleet, and what it is to do when.
#[derive(Debug)]
pub(super) struct Hand {
    fleet: Fleet,
    /// By time, and by the order in which they were given.
    orders: BTreeMap<(Moment, u64), Order>,
    /// Orders given so far.
    given: u64,
    /// Bad tickets whose time has come and that are not bad yet.
    tickets: Vec<(BotId, TicketFault)>,
    /// Departures that could not be carried out since the last question.
    not_injected: u64,
    /// How late orders were carried out since that was asked for.
    order_lag: Latency,
}

impl Hand {
    pub(super) fn new(fleet: Fleet) -> Self {
        Self {
            fleet,
            orders: BTreeMap::new(),
            given: 0,
            tickets: Vec::new(),
            not_injected: 0,
            order_lag: Latency::default(),
        }
    }

    pub(super) fn take(&mut self, at: Moment, order: Order) {
        self.orders.insert((at, self.given), order);
        self.given += 1;
    }

    /// Lets the bots play until then, or for a while, and do what is due meanwhile.
    pub(super) fn turn(&mut self, until: Moment) -> Result<(), DriverError> {
        self.carry_out_due();
        let next = self.orders.first_key_value().map_or(until, |((at, _), _)| *at);
        self.fleet.turn(until.min(next))
    }

    /// What has happened since the last question, and what is asked.
    pub(super) fn answer(&mut self, question: Question) -> News {
        self.carry_out_due();
        let Self { tickets, fleet, .. } = self;
        tickets.retain(|(bot, fault)| !fleet.show_bad_ticket(*bot, *fault));
        let mut news = News {
            injections: self.fleet.take_injections(),
            not_injected: mem::take(&mut self.not_injected),
            ..News::default()
        };
        match question {
            Question::News => {}
            Question::Stats => {
                news.stats = self.fleet.take_stats();
                news.order_lag = mem::take(&mut self.order_lag);
            }
            Question::Rosters => {
                news.rosters = self.fleet.rosters();
                news.longest_waits = self.fleet.longest_waits();
            }
            Question::Goodbye => {
                self.orders.clear();
                self.tickets.clear();
                news.abandoned = self.fleet.abandon_leaving() as u64;
                self.fleet.depart_all(Departure::Goodbye);
                news.goodbyes = self.fleet.take_injections();
            }
        }
        News {
            counts: self.fleet.counts(),
            orders: (self.orders.len() + self.tickets.len()) as u64,
            ends: self.fleet.take_ends(),
            returns: self.fleet.take_returns(),
            frauds: self.fleet.take_frauds(),
            player_events: self.fleet.take_player_events(),
            cpu: machine::own_cpu_time(),
            as_of: Moment::now(),
            ..news
        }
    }

    fn carry_out_due(&mut self) {
        let now = Moment::now();
        while let Some(next) = self.orders.first_entry()
            && next.key().0 <= now
        {
            let planned_at = next.key().0;
            self.order_lag.record(now.since(planned_at));
            let mut order = next.remove();
            if let Order::Spawn { plan, .. } = &mut order {
                plan.planned_at = Some(planned_at);
            }
            self.carry_out(order);
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Spawn { bot, plan } => {
                let spawned = self.fleet.spawn(plan);
                debug_assert_eq!(spawned, bot, "bots are spawned in the order of their numbers");
            }
            Order::Depart { bot, departure, state, comeback } => {
                let told = match comeback {
                    Some(comeback) => self.fleet.depart_and_return(bot, departure, state, comeback),
                    None => self.fleet.depart(bot, departure, state),
                };
                self.not_injected += u64::from(told.is_err());
            }
            Order::ShowBadTicket { bot, fault } => self.tickets.push((bot, fault)),
        }
    }
}
