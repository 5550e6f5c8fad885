//! Behaving in an ugly way: slowly, late, in pieces, over a bad network.
//!
//! Part of [`Fleet`]. Plan -> **habit** -> when a bot reads, how it writes, what its network does.
//! A habit begins with the welcome and ends with the order to leave.

use std::{io, time::Duration};

use super::{
    Fleet,
    bot::{Bot, State},
    socket::Outcome,
    turn::Ready,
};
use crate::{
    clock::Moment,
    connection::Operation,
    limits::{SERVER_ASKS_AFTER, SERVER_PATIENCE},
    manner::Manner,
};

/// Nine tenths of a server's patience with silence.
const LATE_AFTER: Duration = Duration::from_millis(
    (SERVER_ASKS_AFTER.as_millis() + SERVER_PATIENCE.as_millis()) as u64 / 10 * 9,
);

/// How long a reader pauses, and how often.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_EVERY: Duration = Duration::from_secs(2);

/// A slow reader reads so much, so often: six kilobytes a second.
const SLOW_READ_BYTES: usize = 600;
const SLOW_READ_EVERY: Duration = Duration::from_millis(100);

/// How often an urgent byte is sent.
const URGENT_EVERY: Duration = Duration::from_secs(1);

/// How long a network is gone, and how often.
const BLIP: Duration = Duration::from_secs(1);
const BLIP_EVERY: Duration = Duration::from_secs(10);

/// Of what is sent to a bot with a bad network, so many percent are lost.
const LOSS_PERCENT: u32 = 20;

/// What a bot makes of its manner, for one connection.
#[derive(Debug)]
pub(super) struct Habit {
    manner: Manner,
    has_begun: bool,
    /// When it does the next thing, if time decides that.
    next: Option<Moment>,
    /// In the middle of a pause or of a blip.
    is_away: bool,
}

impl Habit {
    pub(super) fn new(manner: Manner) -> Self {
        Self { manner, has_begun: false, next: None, is_away: false }
    }

    /// How many bytes are written at once, at most.
    pub(super) fn write_bytes_max(&self) -> usize {
        if self.manner == Manner::Slicer { 1 } else { usize::MAX }
    }

    /// Everything that it had to say is said.
    pub(super) fn has_spoken(&mut self, now: Moment) {
        if self.manner == Manner::LatePong {
            self.next = Some(now + LATE_AFTER);
        }
    }

    /// Whether it keeps to itself what it has to say.
    fn holds_back(&self, now: Moment) -> bool {
        self.manner == Manner::LatePong && self.next.is_some_and(|next| now < next)
    }
}

impl Bot {
    /// Whether its manner has a say in what it does now.
    fn has_habit(&self) -> bool {
        self.is_playing() && self.habit.manner != Manner::Plain
    }

    /// Whether it wants to read as soon as something comes.
    pub(super) fn reads_eagerly(&self) -> bool {
        match self.habit.manner {
            _ if !self.has_habit() => true,
            Manner::PauseReading => !self.habit.is_away,
            manner => manner != Manner::SlowReader,
        }
    }

    /// Whether it keeps to itself what it has to say.
    pub(super) fn holds_back(&self, now: Moment) -> bool {
        self.has_habit() && self.habit.holds_back(now)
    }

    /// Whether its manner leaves it anything to say in the game.
    pub(super) fn is_talkative(&self) -> bool {
        let mute = matches!(self.habit.manner, Manner::Idle | Manner::LatePong);
        self.play.is_talkative() && !mute
    }

    /// When its manner wants something.
    pub(super) fn next_habit(&self) -> Option<Moment> {
        self.habit.next.filter(|_| self.has_habit())
    }
}

impl Fleet {
    /// Does what a bot's manner wants now.
    pub(super) fn follow_habit(&mut self, slot: usize, now: Moment) {
        let bot = &mut self.bots[slot];
        if !bot.has_habit() {
            return;
        }
        if !bot.habit.has_begun {
            bot.habit.has_begun = true;
            if let Err(error) = self.begin_habit(slot, now) {
                // It could only go on as somebody that it is not.
                return self.give_up_habit(slot, &error);
            }
        }
        let bot = &mut self.bots[slot];
        if bot.habit.next.is_none_or(|next| now < next) {
            return;
        }
        if let Err(error) = self.take_habit_step(slot, now) {
            self.give_up_habit(slot, &error);
        }
    }

    fn begin_habit(&mut self, slot: usize, now: Moment) -> io::Result<()> {
        let bot = &mut self.bots[slot];
        let transport = bot.transport(&self.config);
        let State::Talking { socket, .. } = &mut bot.state else { return Ok(()) };
        if !bot.habit.manner.can_happen_on(transport) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        bot.habit.next = match bot.habit.manner {
            Manner::Plain | Manner::Slicer | Manner::Idle => None,
            Manner::LatePong => bot.habit.next,
            Manner::PauseReading => Some(now + PAUSE_EVERY),
            Manner::SlowReader => Some(now + SLOW_READ_EVERY),
            Manner::Urgent => Some(now + URGENT_EVERY),
            Manner::Blip => Some(now + BLIP),
            Manner::Loss => {
                socket.lose_some(LOSS_PERCENT)?;
                None
            }
        };
        Ok(())
    }

    /// Something of a bot's manner is due.
    fn take_habit_step(&mut self, slot: usize, now: Moment) -> io::Result<()> {
        let bot = &mut self.bots[slot];
        let State::Talking { socket, connection, .. } = &mut bot.state else { return Ok(()) };
        let habit = &mut bot.habit;
        match habit.manner {
            Manner::Plain | Manner::Slicer | Manner::Idle | Manner::Loss => habit.next = None,
            // What it has held back is written now. If there is nothing, the next word is not late.
            Manner::LatePong => habit.next = None,
            Manner::PauseReading => {
                habit.is_away = !habit.is_away;
                let span = if habit.is_away { PAUSE } else { PAUSE_EVERY - PAUSE };
                habit.next = Some(now + span);
                if !habit.is_away {
                    // What came meanwhile was reported once, and perhaps with the end behind it.
                    self.ready.push(Ready::unreported(slot, bot.generation).to_the_end());
                }
            }
            Manner::Urgent => {
                habit.next = Some(now + URGENT_EVERY);
                socket.send_urgent_byte();
            }
            Manner::Blip => {
                if habit.is_away {
                    socket.lose_nothing()?;
                } else {
                    socket.lose_everything()?;
                }
                habit.is_away = !habit.is_away;
                habit.next = Some(now + if habit.is_away { BLIP } else { BLIP_EVERY - BLIP });
            }
            Manner::SlowReader => {
                habit.next = Some(now + SLOW_READ_EVERY);
                if self.config.input_hz == 0 || !bot.play.is_talkative() {
                    // Its answers come late: only that it speaks shows that it lives.
                    connection.ping(now);
                }
                self.read_a_little(slot, SLOW_READ_BYTES, now);
            }
        }
        Ok(())
    }

    fn give_up_habit(&mut self, slot: usize, error: &io::Error) {
        if let State::Talking { connection, .. } = &mut self.bots[slot].state {
            connection.handle_error(Operation::Open, error);
        }
    }

    fn read_a_little(&mut self, slot: usize, bytes_max: usize, now: Moment) {
        let State::Talking { socket, connection, .. } = &mut self.bots[slot].state else { return };
        match socket.read(&mut self.read_buffer[..bytes_max]) {
            Outcome::Bytes(count) => self.hear(slot, count, now),
            Outcome::WouldBlock => {}
            Outcome::Eof => connection.handle_eof(),
            Outcome::Failed(error) => connection.handle_error(Operation::Read, &error),
        }
    }
}
