//! Carrying out departures.

use gamekeeper_protocol::limits::CLIENT_FRAME_BYTES_MAX;

use super::{
    BotId, Comeback, DepartError, Fleet, Injection,
    bot::{Leaving, Order, State},
    socket::Outcome,
};
use crate::{
    clock::Moment,
    connection::{Ended, Operation},
    departure::Departure,
    dice::{Dice, Purpose},
    limits::READS_PER_TURN,
    people::PlayerChange,
};

/// Body bytes that the header of a half frame announces; half of them follow.
const HALF_FRAME_BODY_BYTES: usize = 64;

/// Longest body of a frame of nonsense, in bytes.
const GARBAGE_BODY_BYTES_MAX: u32 = 200;

impl Fleet {
    /// Tells a bot to leave. One that has not joined yet leaves as soon as it has.
    ///
    /// # Errors
    ///
    /// [`DepartError`] if there is nobody to tell, or if it had to be known before the connect.
    pub fn depart(&mut self, bot: BotId, departure: Departure) -> Result<(), DepartError> {
        self.order(bot, Order { departure, comeback: None })
    }

    pub(super) fn order(&mut self, bot: BotId, order: Order) -> Result<(), DepartError> {
        let slot = self.slot(bot).ok_or(DepartError::Gone)?;
        let bot = &mut self.bots[slot];
        let comeback = bot.leaving.as_ref().and_then(|leaving| leaving.comeback);
        if bot.wanted.is_some() || (bot.leaving.is_some() && comeback.is_none()) {
            return Err(DepartError::LeavingAlready);
        }
        let plan = comeback.map_or(bot.plan, |comeback| comeback.plan);
        let departure = order.departure;
        if departure.needs_small_receive_buffer() && plan.departure != Some(departure) {
            return Err(DepartError::NotPlanned);
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
            let _ = self.depart(bot, departure);
        }
        self.connect_queue.clear();
        let idle: Vec<usize> = self
            .bots
            .iter()
            .filter(|(_, bot)| bot.play.player.is_none())
            .map(|(slot, _)| slot)
            .collect();
        for slot in idle {
            self.end(slot, Ended::Left, Moment::now());
        }
    }

    /// Closes the sockets of bots that have left and that the server has not let go. Says how many
    /// there were.
    pub fn abandon_leaving(&mut self) -> usize {
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

    /// Does to the connection what the departure says. The bot has a seat.
    pub(super) fn carry_out(&mut self, slot: usize, order: Order, now: Moment) {
        let Order { departure, comeback } = order;
        let bot = &mut self.bots[slot];
        let (State::Talking { socket, connection }, Some(player)) =
            (&mut bot.state, bot.play.player)
        else {
            return;
        };
        if connection.ended().is_some() {
            return;
        }
        let noticed_by = now + departure.noticed_within();
        let (bot_id, returns) = (bot.id, comeback.is_some());
        let silent = self.config.input_hz == 0 || !bot.play.is_talkative();
        let injection =
            Injection { bot: bot_id, player, departure, returns, silent, at: now, noticed_by };
        self.injections.push(injection);
        self.watch.note(now, player, PlayerChange::Gone { departure: Some(departure) });
        let way_back = connection.way_back();
        if departure == Departure::Goodbye {
            connection.say_goodbye();
        }
        let mut last_bytes = match departure {
            // These do not even finish what they were saying.
            Departure::Reset | Departure::Freeze | Departure::Stall => Vec::new(),
            _ => connection.unsent().to_vec(),
        };
        last_bytes.extend(nonsense(departure, self.config.seed, bot.id));
        // Without a ticket it could only play beside itself.
        let can_take_over = departure.stays_connected() && way_back.is_some();
        let takes_over = |comeback: &Comeback| comeback.takes_over && can_take_over;
        let take_over_at = comeback.filter(takes_over).map(|comeback| now + comeback.after);
        let is_husk = false;
        bot.leaving =
            Some(Leaving { departure, last_bytes, way_back, comeback, take_over_at, is_husk });
        if departure == Departure::Reset {
            socket.reset_on_close();
            return self.end(slot, Ended::Left, now);
        }
        self.flush_last_bytes(slot, now);
    }

    /// Sends what a leaving bot still has to say, and then closes as its departure says.
    pub(super) fn flush_last_bytes(&mut self, slot: usize, now: Moment) {
        let bot = &mut self.bots[slot];
        let Some(leaving) = &mut bot.leaving else { return };
        let State::Talking { socket, connection } = &mut bot.state else { return };
        if leaving.last_bytes.is_empty() && !closes(leaving.departure) {
            return;
        }
        while !leaving.last_bytes.is_empty() {
            match socket.send(&leaving.last_bytes) {
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
        match leaving.departure {
            Departure::Goodbye | Departure::Close => {
                // The end of our stream goes out first. Closing with unread bytes sends a reset,
                // which must not overtake it.
                socket.drain(&mut self.read_buffer, READS_PER_TURN);
                socket.shutdown_write();
                self.end(slot, Ended::Left, now);
            }
            Departure::HalfClose => socket.shutdown_write(),
            Departure::Reset
            | Departure::Stall
            | Departure::Freeze
            | Departure::HalfFrame
            | Departure::Garbage
            | Departure::Oversize => {}
        }
    }
}

/// Whether the departure ends our direction once everything is sent.
fn closes(departure: Departure) -> bool {
    matches!(departure, Departure::Goodbye | Departure::Close | Departure::HalfClose)
}

/// The bytes that a misbehaving departure sends last.
fn nonsense(departure: Departure, seed: u64, bot: BotId) -> Vec<u8> {
    match departure {
        Departure::HalfFrame => {
            let mut bytes = (HALF_FRAME_BODY_BYTES as u32).to_le_bytes().to_vec();
            bytes.resize(bytes.len() + HALF_FRAME_BODY_BYTES / 2, 1);
            bytes
        }
        Departure::Garbage => {
            let mut dice = Dice::new(seed, bot.0, Purpose::Nonsense);
            let mut body = vec![0; 1 + dice.below(GARBAGE_BODY_BYTES_MAX) as usize];
            dice.fill(&mut body);
            // No message begins with this byte: it is not a number in the encoding.
            body[0] = 0xff;
            let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
            bytes.append(&mut body);
            bytes
        }
        Departure::Oversize => vec![0xff; 16],
        Departure::Goodbye
        | Departure::Close
        | Departure::Reset
        | Departure::HalfClose
        | Departure::Stall
        | Departure::Freeze => Vec::new(),
    }
}

const _: () = {
    assert!(GARBAGE_BODY_BYTES_MAX as usize <= CLIENT_FRAME_BYTES_MAX);
    assert!(HALF_FRAME_BODY_BYTES <= CLIENT_FRAME_BYTES_MAX);
};

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::{ClientMessage, FrameDecoder, FrameError};

    use super::*;

    #[test]
    fn nonsense_is_what_it_should_be() {
        for bot in 0..500 {
            let garbage = nonsense(Departure::Garbage, 1, BotId(bot));
            let mut decoder = FrameDecoder::new(CLIENT_FRAME_BYTES_MAX);
            let mut input = &garbage[..];
            let frame = decoder.next_frame(&mut input).expect("well framed").expect("whole");
            assert!(ClientMessage::decode(frame).is_err(), "bot {bot}");
        }
        let half = nonsense(Departure::HalfFrame, 1, BotId(0));
        let mut decoder = FrameDecoder::new(CLIENT_FRAME_BYTES_MAX);
        assert_eq!(decoder.next_frame(&mut &half[..]), Ok(None));
        assert!(decoder.is_mid_frame());
        let oversize = nonsense(Departure::Oversize, 1, BotId(0));
        let refused =
            FrameDecoder::new(CLIENT_FRAME_BYTES_MAX).next_frame(&mut &oversize[..]).err();
        assert!(matches!(refused, Some(FrameError::Oversize { announced_bytes: u32::MAX, .. })));
    }
}
