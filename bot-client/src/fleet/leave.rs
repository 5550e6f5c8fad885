//! Carrying out departures.
//!
//! Part of [`Fleet`]. Order or plan -> **last bytes** -> socket -> the end that the departure says.
//! What the bytes are is in `nonsense`, what a bad network does in `network`.

use std::mem;

use mio::unix::SourceFd;

use super::{
    BotId, Comeback, DepartError, Fleet, Injection, ReturnOutcome,
    bot::State,
    ending::Traces,
    leaving::{Leaving, Order},
    nonsense::{nonsense, web_nonsense},
    socket::Outcome,
    turn::Ready,
};
use crate::{
    clock::Moment,
    connection::{Ended, Operation},
    departure::{Departure, PlayerState, Transport},
    limits::{
        FLOOD_BURST_MAX, FLOODS_FOR, LAST_WORDS, READS_PER_TURN, UNREAD_WITHIN, VANISHED_KEPT_FOR,
    },
    people::PlayerChange,
};

impl Fleet {
    /// Tells a bot to leave from [`PlayerState::Match`] or [`PlayerState::MidFrame`]. One that has
    /// not joined yet leaves as soon as it has.
    ///
    /// # Errors
    ///
    /// [`DepartError`] if there is nobody to tell, if it had to be known before the connect, or if
    /// it cannot be done from that state or by this process.
    pub fn depart(
        &mut self,
        bot: BotId,
        departure: Departure,
        state: PlayerState,
    ) -> Result<(), DepartError> {
        self.order(bot, Order { departure, state, comeback: None })
    }

    pub(super) fn order(&mut self, bot: BotId, order: Order) -> Result<(), DepartError> {
        let Order { departure, state, .. } = order;
        let slot = self.slot(bot).ok_or(DepartError::Gone)?;
        let can_be_told = matches!(state, PlayerState::Match | PlayerState::MidFrame);
        if !(can_be_told && departure.can_happen_in(state, self.bots[slot].transport(&self.config)))
        {
            return Err(DepartError::NotPossible);
        }
        let bot = &mut self.bots[slot];
        let comeback = bot.leaving.as_ref().and_then(|leaving| leaving.comeback);
        if bot.wanted.is_some() || (bot.leaving.is_some() && comeback.is_none()) {
            return Err(DepartError::LeavingAlready);
        }
        let plan = comeback.map_or(bot.plan, |comeback| comeback.plan);
        if departure.needs_small_receive_buffer() && plan.departure != Some(departure) {
            return Err(DepartError::NotPlanned);
        }
        if departure.needs().is_some_and(|privilege| privilege.probe().is_err()) {
            return Err(DepartError::NotAllowed);
        }
        bot.wanted = Some(order);
        if bot.is_at_home() {
            self.settle(slot, Moment::now());
        }
        Ok(())
    }

    /// Tells every bot that plays to leave, and those that do not play yet to give up.
    pub fn depart_all(&mut self, departure: Departure) {
        for bot in self.players() {
            // A bot whose departure has to be planned, and was not, keeps playing.
            let _ = self.depart(bot, departure, PlayerState::Match);
        }
        self.connect_queue.clear();
        let idle: Vec<usize> = self
            .bots
            .iter()
            .filter(|(_, bot)| bot.play.player.is_none() && bot.leaving.is_none())
            .map(|(slot, _)| slot)
            .collect();
        for slot in idle {
            self.end(slot, Ended::Left, Moment::now());
        }
    }

    /// Closes the sockets of bots that have left and that the server has not let go. Says how many
    /// there were, but for those that have vanished: they cannot know.
    pub fn abandon_leaving(&mut self) -> usize {
        self.vanished.let_go_all();
        let leaving: Vec<usize> = self
            .bots
            .iter()
            .filter(|(_, bot)| bot.leaving.is_some())
            .map(|(slot, _)| slot)
            .collect();
        for slot in &leaving {
            // Too late to come back.
            if let Some(leaving) = &mut self.bots[*slot].leaving {
                leaving.comeback = None;
            }
            self.end(*slot, Ended::Left, Moment::now());
        }
        leaving.len()
    }

    /// Does to the connection what the departure says.
    pub(super) fn carry_out(&mut self, slot: usize, order: Order, now: Moment) {
        let Order { departure, state, comeback } = order;
        let bot = &mut self.bots[slot];
        let State::Talking { socket, connection, .. } = &mut bot.state else { return };
        if connection.ended().is_some() {
            return;
        }
        if departure.needs().is_some() && socket.lose_everything().is_err() {
            // Whoever plays goes on; whoever has come for nothing else is of no use.
            if !bot.is_playing() {
                self.end(slot, Ended::Left, now);
            }
            return;
        }
        let way_back = connection.way_back();
        if departure == Departure::Goodbye {
            connection.say_goodbye();
        }
        if departure == Departure::LastWords {
            bot.speak(LAST_WORDS, &mut self.input_body, now);
        }
        let mut last_bytes = bot.say_to_the_end(departure, state);
        last_bytes.extend(match bot.transport(&self.config) {
            Transport::Ws => web_nonsense(departure, state, bot.id, &self.config),
            Transport::Tcp | Transport::Unix => nonsense(departure, state, bot.id, &self.config),
        });
        // Without a ticket it could only play beside itself.
        let can_take_over = departure.stays_connected() && way_back.is_some();
        let takes_over = |comeback: &Comeback| comeback.takes_over && can_take_over;
        let take_over_at = comeback.filter(takes_over).map(|comeback| now + comeback.after);
        let due = match departure {
            Departure::Trickle => Some(now),
            Departure::Flood => Some(now + FLOODS_FOR),
            _ => None,
        };
        bot.leaving = Some(Leaving {
            departure,
            state,
            last_bytes,
            due,
            way_back,
            comeback,
            take_over_at,
            is_husk: false,
        });
        if departure != Departure::UnreadClose {
            self.note_departure(slot, now);
        }
        self.flush_last_bytes(slot, now);
    }

    /// Writes down that a departure is carried out at this moment.
    fn note_departure(&mut self, slot: usize, now: Moment) {
        let bot = &mut self.bots[slot];
        let (State::Talking { socket, .. }, Some(leaving)) = (&bot.state, &bot.leaving) else {
            return;
        };
        let Leaving { departure, state, .. } = *leaving;
        let returning = leaving.way_back.as_ref().filter(|_| state == PlayerState::ResumeWindow);
        let player = bot.play.player.or(returning.map(|way_back| way_back.player));
        self.injections.push(Injection {
            bot: bot.id,
            player,
            local: socket.local(),
            transport: bot.transport(&self.config),
            departure,
            state,
            returns: leaving.comeback.is_some(),
            silent: self.config.input_hz == 0 || !bot.is_talkative(),
            at: now,
            noticed_by: now + departure.noticed_within(state),
        });
        if let Some(player) = player {
            self.watch.note(now, player, PlayerChange::Leaves { departure, state });
        }
        if state == PlayerState::ResumeWindow
            && let Some(homing) = bot.homing.take()
        {
            self.returns.push(homing.record(bot.id, ReturnOutcome::LeftAgain, now));
        }
    }

    /// Sends what a leaving bot still has to say, and then ends as its departure says.
    pub(super) fn flush_last_bytes(&mut self, slot: usize, now: Moment) {
        for _ in 0..FLOOD_BURST_MAX {
            let bot = &mut self.bots[slot];
            let Some(leaving) = &mut bot.leaving else { return };
            let State::Talking { socket, connection, .. } = &mut bot.state else { return };
            while !leaving.last_bytes.is_empty() {
                let Some(count) = leaving.sends_now(now) else { return };
                match socket.send(&leaving.last_bytes[..count]) {
                    Outcome::Bytes(count) => {
                        self.stats.sends += 1;
                        self.stats.sent_bytes += count as u64;
                        leaving.last_bytes.drain(..count);
                    }
                    Outcome::WouldBlock => return,
                    Outcome::Eof => return connection.handle_eof(),
                    Outcome::Failed(error) => {
                        self.stats.sends_failed += 1;
                        return connection.handle_error(Operation::Write, &error);
                    }
                }
            }
            if !leaving.floods(now) {
                return self.finish_departure(slot, now);
            }
            bot.speak(LAST_WORDS, &mut self.input_body, now);
            bot.say_last();
        }
        // The flood goes on after the others had their turn.
        self.ready.push(Ready::unreported(slot, self.bots[slot].generation));
    }

    /// Everything is sent: what remains is how it ends.
    fn finish_departure(&mut self, slot: usize, now: Moment) {
        let bot = &mut self.bots[slot];
        let is_web = bot.transport(&self.config) == Transport::Ws;
        let Some(leaving) = &mut bot.leaving else { return };
        let State::Talking { socket, .. } = &mut bot.state else { return };
        match leaving.departure {
            // The server answers the close, and ends the stream.
            Departure::Goodbye if is_web => {}
            Departure::Goodbye | Departure::Close | Departure::WsClose => {
                // The end of our stream goes out first. Closing with unread bytes sends a reset,
                // which must not overtake it.
                socket.drain(&mut self.read_buffer, READS_PER_TURN);
                socket.shutdown_write();
                self.end(slot, Ended::Left, now);
            }
            Departure::HalfClose => socket.shutdown_write(),
            Departure::Reset | Departure::LastWords => {
                socket.reset_on_close();
                self.end(slot, Ended::Left, now);
            }
            Departure::UnreadClose => {
                let until = *leaving.due.get_or_insert(now + UNREAD_WITHIN);
                let nothing = socket.unread_bytes() == 0;
                if nothing && now < until {
                    return;
                }
                if nothing {
                    // A server that says nothing at all: what it would see is the same.
                    socket.reset_on_close();
                }
                self.note_departure(slot, now);
                self.end(slot, Ended::Left, now);
            }
            Departure::Vanish | Departure::PowerCut => self.vanish(slot, now),
            Departure::Stall
            | Departure::Freeze
            | Departure::HalfFrame
            | Departure::Trickle
            | Departure::Garbage
            | Departure::Oversize
            | Departure::Flood => {}
        }
    }

    /// The bot is gone without a word. After a power cut so is its socket; else that stays, and
    /// acknowledges nothing, until the server has surely noticed.
    fn vanish(&mut self, slot: usize, now: Moment) {
        let bot = &mut self.bots[slot];
        let Some(Leaving { departure, state, .. }) = bot.leaving else { return };
        let traces = Traces::of(bot);
        let State::Talking { socket, connection, .. } = mem::replace(&mut bot.state, State::Queued)
        else {
            unreachable!("only a connection can vanish");
        };
        bot.way_back = connection.way_back();
        // It was registered; if it is not any more, nothing comes from it either.
        let _ = self.poll.registry().deregister(&mut SourceFd(&socket.raw_fd()));
        // Filtering was allowed, and this needs the same privilege.
        let forgets = socket.forget_on_close().is_ok();
        if departure == Departure::Vanish || !forgets {
            let noticed_by = now + departure.noticed_within(state);
            self.vanished.keep(socket, noticed_by + VANISHED_KEPT_FOR);
        }
        self.end_with(slot, traces, Ended::Left, now);
    }
}

#[cfg(test)]
mod tests;
