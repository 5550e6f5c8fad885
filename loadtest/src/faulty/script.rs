//! What a server of each mode says and does, frame by frame.
//!
//! Data flow: frame -> **`Script`** -> bytes, [`Fate`]. The bytes of a client are cut into frames
//! by [`Conversation`](super::Conversation).
//!
//! Modes that fail before the game do not care what the first frame of the client is. Those that
//! play hold the client to the protocol, and tell it when it is wrong.

use std::time::Duration;

use gamekeeper_bot::clock::Moment;
use gamekeeper_protocol::{
    ClientMessage, FrameError, GoodbyeReason, Hello, PROTOCOL_VERSION, ServerMessage,
    message::hello_version,
};

use super::{
    conversation::{Fate, Over, Terms},
    mode::Mode,
    outbox::Outbox,
    room::{Room, TICK_NANOS, frame},
    wrong,
};

/// How long a connection that we have ended may stay half open, so that a client that is still
/// sending does not lose our last words to a reset.
const LINGER: Duration = Duration::from_secs(2);

/// Between two pings to a client that is never let in.
const PING_EVERY: Duration = Duration::from_millis(500);

/// Unsent bytes at which a client that does not read is given up.
const UNSENT_BYTES_MAX: usize = 256 * 1024;

/// The script of one conversation.
#[derive(Debug)]
pub(super) struct Script {
    mode: Mode,
    /// The how-manieth connection this is.
    number: u32,
    terms: Terms,
    phase: Phase,
    outbox: Outbox,
    fate: Fate,
    over: Option<Over>,
    /// Whether a hello came, good or not.
    greeted: bool,
}

/// Where a conversation stands.
#[derive(Debug)]
enum Phase {
    /// Waits for the hello.
    Greeting,
    /// Asks again and again.
    Pinging { nonce: u32, next: Moment },
    /// Plays. The room ticks until the end.
    Playing { room: Room, next_tick: Option<Moment>, end: Option<Moment> },
    /// Has nothing more to say, and does not care what comes.
    Mute,
    /// Has ended our direction and waits for the client's.
    Lingering { until: Moment },
}

impl Script {
    pub(super) fn new(mode: Mode, number: u32, terms: Terms, now: Moment) -> Self {
        let outbox = if mode == Mode::Slow { Outbox::paced(terms.pace) } else { Outbox::default() };
        let mut new = Self {
            mode,
            number,
            terms,
            phase: Phase::Greeting,
            outbox,
            fate: Fate::Open,
            over: None,
            greeted: false,
        };
        match mode {
            Mode::Reset => new.reset(Over::AsPlanned),
            Mode::CloseAfterAccept => new.close(Over::AsPlanned, now),
            Mode::Refuse | Mode::RefuseAndReset => {
                let (reason, text) = (GoodbyeReason::Full, "come back later");
                new.push(&frame(&ServerMessage::Goodbye { reason, text }));
                match mode {
                    Mode::Refuse => new.close(Over::AsPlanned, now),
                    _ => new.reset(Over::AsPlanned),
                }
            }
            _ => {}
        }
        new
    }

    pub(super) fn handle_timeout(&mut self, now: Moment) {
        match &mut self.phase {
            Phase::Pinging { nonce, next } if now >= *next => {
                *nonce = nonce.wrapping_add(1);
                *next = now + PING_EVERY;
                let nonce = *nonce;
                self.push(&frame(&ServerMessage::Ping { nonce }));
            }
            Phase::Playing { end: Some(end), .. } if now >= *end => self.end_the_game(now),
            Phase::Playing { room, next_tick: Some(next_tick), .. } if now >= *next_tick => {
                *next_tick = next_tick_after(now);
                // Of states only the newest is worth sending.
                if self.outbox.is_empty() {
                    if self.mode == Mode::Crowd {
                        self.outbox.push(&room.grow_crowd(now));
                    }
                    self.outbox.push(&room.snapshot(now));
                }
            }
            Phase::Lingering { until } if now >= *until => self.drop_socket(Over::AsPlanned),
            Phase::Greeting
            | Phase::Pinging { .. }
            | Phase::Playing { .. }
            | Phase::Mute
            | Phase::Lingering { .. } => {}
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Moment> {
        let phase = match &self.phase {
            Phase::Greeting | Phase::Mute => None,
            Phase::Pinging { next, .. } => Some(*next),
            Phase::Playing { next_tick, end, .. } => [*next_tick, *end].into_iter().flatten().min(),
            Phase::Lingering { until } => Some(*until),
        };
        [phase, self.outbox.next_due()].into_iter().flatten().min()
    }

    pub(super) fn unsent(&self, now: Moment) -> &[u8] {
        if self.fate == Fate::Drop { &[] } else { self.outbox.due(now) }
    }

    pub(super) fn advance(&mut self, written: usize, now: Moment) {
        self.outbox.advance(written, now);
    }

    /// Whether more frames make a difference.
    pub(super) fn listens(&self) -> bool {
        self.fate == Fate::Open && self.reads()
    }

    pub(super) fn reads(&self) -> bool {
        !(self.mode == Mode::StopsReading && self.greeted && self.fate == Fate::Open)
    }

    /// What is to happen to the socket now.
    pub(super) fn fate(&self) -> Fate {
        match self.fate {
            Fate::Close | Fate::Reset if !self.outbox.is_empty() => Fate::Open,
            fate => fate,
        }
    }

    pub(super) fn over(&self) -> Option<&Over> {
        self.over.as_ref()
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn handle_frame(&mut self, outcome: Result<&[u8], FrameError>, now: Moment) {
        match &mut self.phase {
            Phase::Greeting => {
                self.greeted = true;
                self.handle_hello(outcome, now);
            }
            Phase::Playing { .. } => match outcome.map(ClientMessage::decode) {
                Ok(Ok(message)) => self.handle_message(&message, now),
                Ok(Err(_)) => self.object("what came is not a message", now),
                Err(_) => self.object("what came is not a frame", now),
            },
            Phase::Pinging { .. } | Phase::Mute | Phase::Lingering { .. } => {}
        }
    }

    fn handle_hello(&mut self, outcome: Result<&[u8], FrameError>, now: Moment) {
        self.phase = Phase::Mute;
        match self.mode {
            Mode::Reset | Mode::CloseAfterAccept | Mode::Refuse | Mode::RefuseAndReset => {
                unreachable!("{} has ended before the hello", self.mode)
            }
            Mode::Silent => {}
            Mode::WrongVersion => {
                self.push(&wrong::other_version());
                self.close(Over::AsPlanned, now);
            }
            Mode::ResetAfterHello => self.reset(Over::AsPlanned),
            Mode::Garbage => self.push(&wrong::garbage(self.terms.seed, self.number)),
            Mode::HalfFrame => self.push(&wrong::half_frame(self.number, now)),
            Mode::CloseMidFrame => {
                self.push(&wrong::half_frame(self.number, now));
                self.close(Over::AsPlanned, now);
            }
            Mode::Huge => self.push(&wrong::huge()),
            Mode::EmptyFrame => self.push(&wrong::empty_frame()),
            Mode::UnknownMessage => self.push(&wrong::unknown_message()),
            Mode::NoWelcome => self.phase = Phase::Pinging { nonce: 0, next: now },
            Mode::NoTicks
            | Mode::Slow
            | Mode::StopsReading
            | Mode::ResetInGame
            | Mode::GoodbyeInGame
            | Mode::LongGoodbye
            | Mode::Crowd => match outcome.map(read_hello) {
                Ok(Ok(hello)) => self.let_in(&hello, now),
                Ok(Err(mistake)) => self.object(mistake, now),
                Err(_) => self.object("the first frame is longer than a hello may be", now),
            },
        }
    }

    fn let_in(&mut self, hello: &Hello<'_>, now: Moment) {
        let Some(room) = Room::open(hello, self.number) else {
            let text = "this ticket is not one of mine; say hello without one";
            let over = Over::Mistake("its ticket is not one of ours");
            return self.say_goodbye(GoodbyeReason::ResumeRefused, text, now, over);
        };
        self.push(&room.welcome(now));
        if self.mode == Mode::NoTicks {
            return;
        }
        let ends = matches!(self.mode, Mode::ResetInGame | Mode::GoodbyeInGame | Mode::LongGoodbye);
        self.phase = Phase::Playing {
            next_tick: room.has_ticks().then(|| next_tick_after(now)),
            end: ends.then(|| now + self.terms.after),
            room,
        };
    }

    fn handle_message(&mut self, message: &ClientMessage<'_>, now: Moment) {
        let Phase::Playing { room, .. } = &mut self.phase else { return };
        match message {
            ClientMessage::Hello(_) => self.object("it said hello twice", now),
            ClientMessage::Input { sequence, .. } => room.last_input = *sequence,
            ClientMessage::Ping { nonce } => {
                self.push(&frame(&ServerMessage::Pong { nonce: *nonce }));
            }
            ClientMessage::Pong { .. } => {}
            ClientMessage::Goodbye => self.close(Over::Left, now),
        }
    }

    fn end_the_game(&mut self, now: Moment) {
        match self.mode {
            Mode::GoodbyeInGame => {
                let text = "this server stops for a moment; come back";
                self.say_goodbye(GoodbyeReason::Shutdown, text, now, Over::AsPlanned);
            }
            Mode::LongGoodbye => {
                self.push(&wrong::long_goodbye());
                self.close(Over::AsPlanned, now);
            }
            _ => self.reset(Over::AsPlanned),
        }
    }

    /// Tells a client that it was wrong: people who test a client want to know that first.
    fn object(&mut self, mistake: &'static str, now: Moment) {
        self.say_goodbye(GoodbyeReason::Protocol, mistake, now, Over::Mistake(mistake));
    }

    fn say_goodbye(&mut self, reason: GoodbyeReason, text: &str, now: Moment, over: Over) {
        self.push(&frame(&ServerMessage::Goodbye { reason, text }));
        self.close(over, now);
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.outbox.len() + bytes.len() > UNSENT_BYTES_MAX {
            return self.drop_socket(Over::NotReading);
        }
        self.outbox.push(bytes);
    }

    fn close(&mut self, over: Over, now: Moment) {
        self.end(Fate::Close, over);
        self.phase = Phase::Lingering { until: now + LINGER };
    }

    fn reset(&mut self, over: Over) {
        self.end(Fate::Reset, over);
        self.phase = Phase::Mute;
    }

    pub(super) fn drop_socket(&mut self, over: Over) {
        self.end(Fate::Drop, over);
        self.phase = Phase::Mute;
    }

    /// The first reason stays, and a socket that is to be dropped is not opened again.
    fn end(&mut self, fate: Fate, over: Over) {
        if self.fate != Fate::Drop {
            self.fate = fate;
        }
        self.over.get_or_insert(over);
    }
}

/// The next tick of all rooms after a point in time.
fn next_tick_after(now: Moment) -> Moment {
    Moment((now.0 / TICK_NANOS + 1) * TICK_NANOS)
}

/// Reads a hello, or says what is wrong with it.
fn read_hello(body: &[u8]) -> Result<Hello<'_>, &'static str> {
    match hello_version(body) {
        Some(PROTOCOL_VERSION) => {}
        Some(_) => return Err("its hello is in another version of the protocol"),
        None => return Err("its first frame is not a hello"),
    }
    match ClientMessage::decode(body) {
        Ok(ClientMessage::Hello(hello)) => Ok(hello),
        _ => Err("its hello cannot be read to its end"),
    }
}
