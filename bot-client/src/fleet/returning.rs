//! Coming back: after a connection is lost, or while the server still believes in it.
//!
//! Part of [`Fleet`]. Departure -> **wait** -> connect, hello with the ticket -> welcome -> record.
//!
//! A bot that takes over from itself is two for a while: the *husk*, which keeps the old connection
//! and only watches it end, and the heir, which has the name, the ticket and the future.

use std::time::Duration;

use gamekeeper_protocol::PlayerId;
use serde::{Deserialize, Serialize};

use super::{
    BotId, BotPlan, DepartError, Fleet, Return, ReturnOutcome,
    bot::{Bot, Play, State},
    leaving::Order,
    turn::Ready,
};
use crate::{
    clock::Moment,
    connection::WayBack,
    departure::{Departure, PlayerState},
};

/// How a bot that leaves comes back to its seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comeback {
    /// How long after its connection has ended, or, if it takes over, after it has left. Never
    /// longer than three quarters of the time for which the server holds the seat.
    pub after: Duration,
    /// Whether it comes back while its old connection is open, if its departure leaves it open.
    pub takes_over: bool,
    /// What is known of it before it connects again.
    pub plan: BotPlan,
}

/// A bot on its way back.
#[derive(Debug)]
pub(super) struct Homing {
    player: PlayerId,
    departure: Departure,
    took_over: bool,
    /// The way that it goes, if the server has offered one.
    way_back: Option<WayBack>,
}

impl Homing {
    pub(super) fn record(&self, bot: BotId, outcome: ReturnOutcome, at: Moment) -> Return {
        let Self { player, departure, took_over, .. } = *self;
        Return { bot, player, departure, took_over, at, outcome }
    }
}

impl Fleet {
    /// Tells a bot to leave and to come back. Until it is back it can be told once to leave again,
    /// and then does so as soon as it is.
    ///
    /// # Errors
    ///
    /// [`DepartError`] as for [`Self::depart`].
    pub fn depart_and_return(
        &mut self,
        bot: BotId,
        departure: Departure,
        state: PlayerState,
        comeback: Comeback,
    ) -> Result<(), DepartError> {
        self.order(bot, Order { departure, state, comeback: Some(comeback) })
    }

    /// Bots that have left, or are about to, and are to come back.
    pub fn returning(&self) -> usize {
        self.bots.iter().filter(|(_, bot)| bot.is_to_return()).count()
    }

    /// Lets a bot whose connection is over wait for its return.
    pub(super) fn await_return(
        &mut self,
        slot: usize,
        player: PlayerId,
        departure: Departure,
        comeback: Comeback,
        now: Moment,
    ) {
        let bot = &mut self.bots[slot];
        let held = bot.way_back.as_ref().map(|way_back| way_back.window * 3 / 4);
        let way_back = bot.way_back.clone();
        bot.homing = Some(Homing { player, departure, took_over: false, way_back });
        bot.plan = comeback.plan;
        bot.play = Play::new(self.config.seed, bot.id, bot.plan.survives());
        self.wait(slot, now + held.map_or(comeback.after, |held| comeback.after.min(held)));
    }

    /// Comes back while the old connection is open, if it is time. Whether it was.
    pub(super) fn take_over_if_due(&mut self, slot: usize, now: Moment) -> bool {
        let bot = &mut self.bots[slot];
        let (State::Talking { connection, .. }, Some(leaving), Some(player)) =
            (&bot.state, &mut bot.leaving, bot.play.player)
        else {
            return false;
        };
        if leaving.take_over_at.is_none_or(|due| now < due) {
            return false;
        }
        leaving.take_over_at = None;
        let Some(comeback) = leaving.comeback.take() else { return false };
        leaving.is_husk = true;
        let (departure, way_back) = (leaving.departure, connection.way_back());
        let homing = Homing { player, departure, took_over: true, way_back: way_back.clone() };
        let heir = Bot {
            retry: bot.retry.clone(),
            wanted: bot.wanted.take(),
            homing: Some(homing),
            way_back,
            ..Bot::new(bot.id, comeback.plan, &self.config)
        };
        // What the husk has not read is reported to nobody any more.
        self.ready.push(Ready::unreported(slot, bot.generation));
        let id = bot.id;
        let heir = self.bots.insert(heir);
        self.slots.insert(id, heir);
        self.connect_queue.push_back(id);
        true
    }

    /// Writes down that a bot is back, once it has seen what it was told on the way in.
    pub(super) fn note_return(&mut self, slot: usize, now: Moment) {
        let bot = &mut self.bots[slot];
        if !(bot.is_playing() && bot.play.has_seen_the_game()) {
            return;
        }
        let Some(homing) = bot.homing.take() else { return };
        let outcome = bot.play.homecoming.map_or(ReturnOutcome::Anew, ReturnOutcome::Back);
        self.returns.push(homing.record(bot.id, outcome, now));
        bot.spent = homing.way_back;
    }
}

#[cfg(test)]
mod tests;
