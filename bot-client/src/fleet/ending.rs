//! The end of a connection, and what a bot does then: comes back, tries again, or is gone.
//!
//! Part of [`Fleet`]. Whatever ended it, the socket is closed here, and the end is written down.

use std::net::SocketAddr;

use super::{
    End, Fleet, Fraud, ReturnOutcome, Stage,
    bot::{Bot, State},
    impostor::LostSeat,
    leaving::Leaving,
};
use crate::{clock::Moment, connection::Ended, departure::PlayerState, people::PlayerChange};

impl Fleet {
    /// The connection is over: closes the socket, writes it down, and tries again or lets go.
    pub(super) fn end(&mut self, slot: usize, ended: Ended, now: Moment) {
        let bot = &mut self.bots[slot];
        let traces = Traces::of(bot);
        if let State::Talking { connection, .. } = &bot.state {
            bot.way_back = connection.way_back();
            bot.retry.lasted(connection.played_for());
        }
        self.end_with(slot, traces, ended, now);
    }

    /// The same for a connection that is not the bot's any more.
    pub(super) fn end_with(&mut self, slot: usize, traces: Traces, ended: Ended, now: Moment) {
        let Traces { stage, local } = traces;
        let bot = &mut self.bots[slot];
        let player = bot.play.player.take();
        bot.timer = None;
        self.stats.resumes_refused += u64::from(ended.is_refused_resume());
        if let Some(fault) = bot.fraud {
            let refused = (stage != Stage::Playing).then_some(ended);
            self.frauds.push(Fraud { fault, refused });
            return self.let_go(slot);
        }
        let leaving = bot.leaving.take();
        let departure = leaving.as_ref().map(|leaving| leaving.departure);
        let returning = bot.homing.is_some();
        let id = bot.id;
        let retry_in = None;
        let end =
            End { bot: id, player, local, departure, stage, returning, at: now, ended, retry_in };
        match leaving {
            Some(leaving) => self.end_of_departure(slot, leaving, end),
            None => self.end_unasked(slot, end),
        }
    }

    /// A bot that was told to leave has left.
    fn end_of_departure(&mut self, slot: usize, leaving: Leaving, end: End) {
        let (player, departure, at) = (end.player, leaving.departure, end.at);
        let how = (departure, leaving.state);
        self.ends.push(end);
        if leaving.is_husk {
            // Its player is there, over another connection.
            return self.let_go(slot);
        }
        if let Some(player) = player {
            self.watch.note(at, player, PlayerChange::Gone { how: Some(how) });
        }
        match (leaving.comeback, player) {
            (Some(comeback), Some(player)) => {
                self.await_return(slot, player, departure, comeback, at);
            }
            _ => {
                // Whether it had its seat again it does not know.
                let known = how.1 != PlayerState::ResumeWindow;
                let way_back = leaving.way_back.filter(|_| known);
                let websocket = self.bots[slot].plan.websocket;
                let lost = way_back.map(|way_back| LostSeat::new(way_back, websocket, how, at));
                let id = self.bots[slot].id;
                lost.and_then(|lost| self.lost.insert(id, lost));
                self.let_go(slot);
            }
        }
    }

    /// A bot was ended that was not told to leave, or did not get to play.
    fn end_unasked(&mut self, slot: usize, mut end: End) {
        let bot = &mut self.bots[slot];
        if bot.wanted.is_none() && end.ended.is_worth_a_retry() {
            end.retry_in = bot.retry.failed();
        }
        if end.retry_in.is_none()
            && let Some(homing) = bot.homing.take()
        {
            let outcome = ReturnOutcome::Failed(end.ended.clone());
            self.returns.push(homing.record(bot.id, outcome, end.at));
        }
        if let Some(player) = end.player {
            self.watch.note(end.at, player, PlayerChange::Gone { how: None });
        }
        match end.retry_in {
            Some(wait) => self.wait(slot, end.at + wait),
            None => self.let_go(slot),
        }
        self.ends.push(end);
    }

    /// Lets a bot without a connection wait before it connects again.
    pub(super) fn wait(&mut self, slot: usize, until: Moment) {
        // This drops the socket, and with it its registration.
        self.bots[slot].state = State::Waiting { until };
        self.schedule(slot);
    }

    fn let_go(&mut self, slot: usize) {
        let bot = self.bots.remove(slot);
        // A husk has left its name to the bot that took over.
        if self.slots.get(&bot.id) == Some(&slot) {
            self.slots.remove(&bot.id);
        }
    }
}

/// What is known of a connection when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traces {
    stage: Stage,
    local: Option<SocketAddr>,
}

impl Traces {
    pub(super) fn of(bot: &Bot) -> Self {
        let local = match &bot.state {
            State::Talking { socket, .. } => socket.local(),
            State::Queued | State::Waiting { .. } | State::Connecting { .. } => None,
        };
        Self { stage: stage_of(bot), local }
    }
}

fn stage_of(bot: &Bot) -> Stage {
    match (&bot.state, bot.play.player) {
        (State::Talking { .. }, Some(_)) => Stage::Playing,
        (State::Talking { .. }, None) => Stage::Greeting,
        (State::Queued | State::Waiting { .. } | State::Connecting { .. }, _) => Stage::Connecting,
    }
}
