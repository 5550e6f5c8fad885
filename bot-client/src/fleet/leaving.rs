//! A bot that leaves: what it was told, how far it is, and what it still says and hears.
//!
//! Part of one bot's state. Order -> **`Leaving`** -> what the fleet does to the socket, in
//! `leave`.

use super::{
    BotPlan, Comeback,
    bot::{Bot, State},
};
use crate::{
    clock::Moment,
    connection::WayBack,
    departure::{Departure, PlayerState, Transport},
    limits::TRICKLE_EVERY,
};

/// What a bot has been told to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) departure: Departure,
    /// Where it stands then.
    pub(super) state: PlayerState,
    /// How it comes back afterwards, if it does.
    pub(super) comeback: Option<Comeback>,
}

/// A departure that is being carried out.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) departure: Departure,
    /// Where the bot stood.
    pub(super) state: PlayerState,
    /// The last bytes that the bot will ever send; what is sent is removed.
    pub(super) last_bytes: Vec<u8>,
    /// When the next byte of a trickle is due, a flood is over, or the wait for something to leave
    /// unread.
    pub(super) due: Option<Moment>,
    /// The way back from here, whether the bot is to go it or not.
    pub(super) way_back: Option<WayBack>,
    /// How the bot comes back, if it does.
    pub(super) comeback: Option<Comeback>,
    /// When it comes back, if that is before this connection ends.
    pub(super) take_over_at: Option<Moment>,
    /// The bot has come back over another connection. This one is only watched to its end.
    pub(super) is_husk: bool,
}

impl Leaving {
    /// Whether nothing is read any more that the server sends. To a stranger it sends nothing but
    /// a farewell: that it is over, the bot must hear.
    fn stops_reading(&self) -> bool {
        let stops = matches!(
            self.departure,
            Departure::Stall
                | Departure::Freeze
                | Departure::UnreadClose
                | Departure::Vanish
                | Departure::PowerCut
        );
        stops && self.state != PlayerState::Lobby
    }

    /// When it does something more, if time decides that.
    pub(super) fn next_act(&self) -> Option<Moment> {
        match self.departure {
            Departure::Trickle if self.last_bytes.is_empty() => None,
            Departure::Trickle | Departure::UnreadClose => self.due,
            _ => None,
        }
    }

    /// How many of its last bytes may be sent at once now, if any may.
    pub(super) fn sends_now(&mut self, now: Moment) -> Option<usize> {
        if self.departure != Departure::Trickle {
            return Some(self.last_bytes.len());
        }
        let due = self.due.filter(|due| *due <= now)?;
        self.due = Some(due.max(now) + TRICKLE_EVERY);
        Some(1)
    }

    /// Whether it goes on flooding.
    pub(super) fn floods(&self, now: Moment) -> bool {
        self.departure == Departure::Flood && self.due.is_some_and(|until| now < until)
    }
}

impl Bot {
    /// Whether it reads what comes, and therefore may conclude something from silence.
    pub(super) fn listens(&self) -> bool {
        match &self.leaving {
            Some(leaving) => leaving.is_husk || !leaving.stops_reading(),
            None => self.reads_eagerly(),
        }
    }

    /// Whether the server's silence would mean something: it owes a stranger no answer.
    pub(super) fn expects_answers(&self) -> bool {
        let stranger = |leaving: &Leaving| leaving.state == PlayerState::Lobby;
        self.listens() && !self.leaving.as_ref().is_some_and(stranger)
    }

    /// What it is to carry out now: what it was told, once it is at home, or what its plan says, as
    /// soon as it stands where the plan says. A plan that cannot be carried out is none.
    pub(super) fn take_order(&mut self, transport: Transport) -> Option<Order> {
        if self.is_at_home() {
            return self.wanted.take();
        }
        let State::Talking { wire, connection, .. } = &self.state else { return None };
        let BotPlan { departure: Some(departure), state, .. } = self.plan else { return None };
        let is_there = match state {
            PlayerState::Lobby => wire.is_open(),
            PlayerState::ResumeWindow => {
                connection.way_back().is_some() && wire.has_said_all(connection)
            }
            PlayerState::Match | PlayerState::MidFrame => false,
        };
        let is_there = is_there && departure.can_happen_in(state, transport);
        let is_unheard = self.leaving.is_none() && self.play.player.is_none();
        (is_there && is_unheard).then_some(Order { departure, state, comeback: None })
    }

    /// Queues so many things to say: inputs, or pings if its game has none.
    pub(super) fn speak(&mut self, count: usize, body: &mut Vec<u8>, now: Moment) {
        let State::Talking { connection, .. } = &mut self.state else { return };
        for _ in 0..count {
            body.clear();
            if !(self.play.decide(body) && connection.send_input(body).is_ok()) {
                connection.ping(now);
            }
        }
    }

    /// Makes what it has queued its last bytes.
    pub(super) fn say_last(&mut self) {
        let (State::Talking { wire, connection, .. }, Some(leaving)) =
            (&mut self.state, &mut self.leaving)
        else {
            return;
        };
        leaving.last_bytes.append(&mut wire.take_unsent(connection));
    }

    /// What it still says of all that it was about to say, when it leaves in this way.
    pub(super) fn say_to_the_end(&mut self, departure: Departure, state: PlayerState) -> Vec<u8> {
        let State::Talking { wire, connection, .. } = &mut self.state else { return Vec::new() };
        let finishes = match (departure, state) {
            // It was about to say hello.
            (_, PlayerState::Lobby) => false,
            (_, PlayerState::MidFrame) => true,
            // These do not even finish what they were saying.
            (
                Departure::Reset
                | Departure::Freeze
                | Departure::Stall
                | Departure::UnreadClose
                | Departure::Vanish
                | Departure::PowerCut,
                _,
            ) => false,
            _ => true,
        };
        if finishes { wire.take_unsent(connection) } else { Vec::new() }
    }
}
