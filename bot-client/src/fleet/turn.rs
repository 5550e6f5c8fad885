//! One turn: connects, readiness, deadlines.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
    time::Duration,
};

use mio::{Interest, Token, event::Event as Readiness, unix::SourceFd};

use super::{
    BotId, BotPlan, DriverError, Fleet,
    bot::State,
    manners::Habit,
    socket::{BotSocket, Outcome, Progress},
    wire::Wire,
};
use crate::{
    clock::Moment,
    connection::{Connection, Ended, Operation},
    limits::INPUT_LAG_MAX,
};

/// When a server's queue for connects is full, it is asked again after this.
const CONNECT_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// The token of what is not a bot's. No bot has it: there are not so many.
const WAKE: Token = Token(usize::MAX);

/// A readiness event, copied out of the kernel's list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    token: Token,
    /// The peer has closed or the socket has failed: a short read is not the last word then.
    pub(super) closing: bool,
}

impl From<&Readiness> for Ready {
    fn from(event: &Readiness) -> Self {
        let closing = event.is_read_closed() || event.is_write_closed() || event.is_error();
        Self { token: event.token(), closing }
    }
}

impl Ready {
    /// Has a socket looked at although nothing was reported.
    pub(super) fn unreported(slot: usize, generation: u32) -> Self {
        Self { token: token(slot, generation), closing: false }
    }

    /// Has it read until there is no more, or it is the end.
    pub(super) fn to_the_end(self) -> Self {
        Self { closing: true, ..self }
    }
}

fn token(slot: usize, generation: u32) -> Token {
    Token((generation as usize) << 32 | slot)
}

impl Fleet {
    /// Has turns end early when there is something to read from `source`, which is nonblocking and
    /// is read until it has no more before each turn.
    ///
    /// # Errors
    ///
    /// If the kernel cannot watch it.
    pub fn wake_for(&mut self, source: impl AsFd) -> io::Result<()> {
        let fd = source.as_fd().as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&fd), WAKE, Interest::READABLE)
    }

    /// One turn, which ends at `until` at the latest, give or take what the bots have to do.
    ///
    /// # Errors
    ///
    /// [`DriverError::Poll`] if the readiness queue fails. What happens to single bots is in
    /// [`Fleet::take_ends`].
    pub fn turn(&mut self, until: Moment) -> Result<(), DriverError> {
        self.begin_connects();
        let now = Moment::now();
        let due = [self.timers.next_due(), self.vanished.next_due()].into_iter().flatten();
        let wake = due.fold(until, Moment::min);
        let more_to_do = !self.connect_queue.is_empty() || !self.ready.is_empty();
        let timeout = if more_to_do { Duration::ZERO } else { wake.since(now) };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Ok(()) => {}
            // A signal: the caller has set a flag and wants to look at it.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(DriverError::Poll(error)),
        }
        // What had more to read than its share comes first, then what is new.
        let mut ready = std::mem::take(&mut self.ready);
        let of_bots = self.events.iter().filter(|event| event.token() != WAKE);
        ready.extend(of_bots.map(Ready::from));
        for event in ready {
            self.handle_ready(event);
        }
        let now = Moment::now();
        while let Some((due, bot)) = self.timers.pop_due(now) {
            self.handle_timer(bot, due);
        }
        self.vanished.let_go(now);
        Ok(())
    }

    fn begin_connects(&mut self) {
        for _ in 0..self.config.connects_per_turn {
            let Some(bot) = self.connect_queue.pop_front() else { return };
            if let Some(slot) = self.slot(bot) {
                self.begin_connect(slot);
            }
        }
    }

    fn begin_connect(&mut self, slot: usize) {
        let now = Moment::now();
        let bot = &mut self.bots[slot];
        bot.generation = self.next_generation;
        self.next_generation = self.next_generation.wrapping_add(1);
        bot.play.restart(now);
        let BotPlan { departure, manner, .. } = bot.plan;
        let small = departure.is_some_and(|way| way.needs_small_receive_buffer())
            || manner.needs_small_receive_buffer();
        let socket = match BotSocket::open(&self.config.endpoint, small) {
            Ok(socket) => socket,
            Err(error) => return self.end(slot, Ended::failed(Operation::Open, &error), now),
        };
        self.stats.connects += 1;
        // Registered after the connect: a socket that has not begun one is reported as hung up.
        let begun = socket.connect(&self.config.endpoint).and_then(|progress| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            let fd = socket.raw_fd();
            let registry = self.poll.registry();
            registry.register(&mut SourceFd(&fd), token(slot, bot.generation), interest)?;
            Ok(progress)
        });
        bot.state = State::Connecting { socket, since: now };
        match begun {
            Ok(Progress::Connected) => self.finish_connect(slot),
            Ok(Progress::Pending) => self.schedule(slot),
            Ok(Progress::TryLater) => {
                bot.state = State::Waiting { until: now + CONNECT_AGAIN_AFTER };
                self.schedule(slot);
            }
            Err(error) => self.end(slot, Ended::failed(Operation::Connect, &error), now),
        }
    }

    fn finish_connect(&mut self, slot: usize) {
        let now = Moment::now();
        let bot = &mut self.bots[slot];
        let State::Connecting { socket, since } = std::mem::replace(&mut bot.state, State::Queued)
        else {
            unreachable!("only a connect can be finished");
        };
        self.stats.connect_time.record(now.since(since));
        self.converse(slot, socket, now);
        self.settle(slot, now);
    }

    /// Opens the conversation over a connection that has been made.
    pub(super) fn converse(&mut self, slot: usize, mut socket: BotSocket, now: Moment) {
        socket.learn_local();
        let bot = &mut self.bots[slot];
        bot.play.restart(now);
        bot.habit = Habit::new(bot.plan.manner);
        let connection = match bot.way_back.take() {
            Some(way_back) => Connection::resume(&way_back, now),
            None => {
                let name = format!("{}-{}", self.config.name_prefix, bot.id);
                Connection::new(&self.config.game, &name, now)
                    .expect("the names were checked when the fleet was made")
            }
        };
        let wire = Wire::new(&self.config.endpoint, bot.transport(&self.config));
        bot.state = State::Talking { socket, wire, connection };
    }

    fn handle_ready(&mut self, event: Ready) {
        let Token(number) = event.token;
        let slot = number & u32::MAX as usize;
        let generation = (number >> 32) as u32;
        let Some(bot) = self.bots.get(slot).filter(|bot| bot.generation == generation) else {
            self.stats.stale_events += 1;
            return;
        };
        if let State::Connecting { socket, .. } = &bot.state {
            match socket.progress() {
                Ok(Progress::Pending | Progress::TryLater) => return,
                Ok(Progress::Connected) => self.finish_connect(slot),
                Err(error) => return self.end_connect(slot, &error),
            }
        }
        // The bot may have ended while its hello was sent.
        let Some(bot) = self.bots.get(slot).filter(|bot| bot.generation == generation) else {
            return;
        };
        if bot.listens() {
            self.read(slot, event);
        } else if event.closing {
            self.look_without_reading(slot);
        } else {
            self.settle(slot, Moment::now());
        }
    }

    fn handle_timer(&mut self, bot: BotId, due: Moment) {
        let Some(slot) = self.slot(bot).filter(|slot| self.bots[*slot].timer == Some(due)) else {
            return;
        };
        let now = Moment::now();
        self.bots[slot].timer = None;
        match &self.bots[slot].state {
            State::Queued => {}
            State::Waiting { until } if now >= *until => {
                self.bots[slot].state = State::Queued;
                self.connect_queue.push_back(bot);
            }
            State::Waiting { .. } => self.schedule(slot),
            State::Connecting { .. } => {
                let timed_out = io::Error::from(io::ErrorKind::TimedOut);
                self.end(slot, Ended::failed(Operation::Connect, &timed_out), now);
            }
            State::Talking { .. } => {
                if self.take_over_if_due(slot, now) {
                    return self.settle(slot, now);
                }
                self.send_due_inputs(slot, now);
                let bot = &mut self.bots[slot];
                if bot.expects_answers()
                    && let State::Talking { connection, .. } = &mut bot.state
                {
                    connection.handle_timeout(now);
                }
                self.settle(slot, now);
            }
        }
    }

    /// Queues the inputs whose planned time has come.
    fn send_due_inputs(&mut self, slot: usize, now: Moment) {
        let Some(period) = self.config.input_period() else { return };
        let bot = &mut self.bots[slot];
        if !bot.sends_inputs() {
            return;
        }
        let State::Talking { connection, .. } = &mut bot.state else { return };
        while bot.play.next_input <= now {
            let lag = now.since(bot.play.next_input);
            bot.play.next_input += period;
            self.stats.input_lag.record(lag);
            if lag > INPUT_LAG_MAX {
                self.stats.inputs_skipped += 1;
                continue;
            }
            self.input_body.clear();
            // A full queue refuses the input: the server does not read, and silence will tell.
            if bot.play.decide(&mut self.input_body)
                && connection.send_input(&self.input_body).is_ok()
            {
                self.stats.inputs += 1;
            }
        }
    }

    /// What follows whatever happened to a bot: departures, writes, the end, the next deadline.
    pub(super) fn settle(&mut self, slot: usize, now: Moment) {
        self.note_return(slot, now);
        self.follow_habit(slot, now);
        let transport = self.bots[slot].transport(&self.config);
        let mut order = self.bots[slot].take_order(transport);
        if order.is_none() {
            self.flush(slot, now);
            // Its hello is out, perhaps.
            order = self.bots.get_mut(slot).and_then(|bot| bot.take_order(transport));
        }
        if let Some(order) = order {
            self.carry_out(slot, order, now);
        }
        let Some(bot) = self.bots.get(slot) else { return };
        if bot.fraud.is_some() && bot.is_playing() {
            // It has no business there; that it got in is in the record.
            return self.end(slot, Ended::Left, now);
        }
        if let State::Talking { connection, .. } = &bot.state
            && let Some(ended) = connection.ended().cloned()
        {
            return self.end(slot, ended, now);
        }
        self.schedule(slot);
    }

    /// Writes what waits, until the socket takes no more.
    fn flush(&mut self, slot: usize, now: Moment) {
        let bot = &mut self.bots[slot];
        if let Some(leaving) = &bot.leaving
            && leaving.departure != crate::departure::Departure::Stall
        {
            return self.flush_last_bytes(slot, now);
        }
        if bot.holds_back(now) {
            return;
        }
        let State::Talking { socket, wire, connection } = &mut bot.state else { return };
        loop {
            wire.prepare(connection);
            let unsent = wire.unsent(connection);
            if unsent.is_empty() {
                return;
            }
            match socket.send(&unsent[..unsent.len().min(bot.habit.write_bytes_max())]) {
                Outcome::Bytes(count) => {
                    self.stats.sends += 1;
                    self.stats.sent_bytes += count as u64;
                    if bot.play.player.is_some() {
                        bot.play.spoke_at.get_or_insert(now);
                    }
                    wire.advance(connection, count);
                    bot.habit.has_spoken(now);
                }
                Outcome::WouldBlock => return,
                Outcome::Eof => return connection.handle_eof(),
                Outcome::Failed(error) => {
                    self.stats.sends_failed += 1;
                    return self.end_write(slot, &error, now);
                }
            }
        }
    }

    /// Makes sure that the bot is looked at when it wants to be.
    pub(super) fn schedule(&mut self, slot: usize) {
        let plays_inputs = self.config.input_hz > 0;
        let bot = &mut self.bots[slot];
        let Some(due) = bot.next_deadline(plays_inputs) else { return };
        // An entry that comes up earlier will do: the deadline is looked up again then.
        if bot.timer.is_none_or(|scheduled| due < scheduled) {
            bot.timer = Some(due);
            self.timers.push(due, bot.id);
        }
    }
}
