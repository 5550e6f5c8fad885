//! The state of a conversation: what a message means in which phase.
//!
//! Data flow: message -> **`Session`** -> event, answer. The bytes are cut into messages by
//! [`Connection`](super::Connection).

use std::time::Duration;

use gamekeeper_protocol::{
    ClientMessage, Departed, Hello, InputSequence, Member, PlayerId, PresenceChange, ServerMessage,
    Tick, Welcome, codec::Bytes, limits::NAME_BYTES_MAX,
};

use super::{Arrival, Ended, Event, Roster, SendError, ServerFault, WayBack, outbound::Outbound};
use crate::{
    clock::Moment,
    limits::{PING_AFTER, SERVER_LOST_AFTER},
};

/// Where the conversation stands.
#[derive(Debug)]
enum Phase {
    /// The hello is queued or sent; only a welcome, a ping or a goodbye may come.
    Greeting,
    /// We have a seat.
    Playing(Seat),
    /// We have said goodbye and wait for the server to close.
    Leaving(Option<Seat>),
    /// It is over. Nothing is sent and nothing is understood any more.
    Over(Ended),
}

/// What the welcome said and does not change.
#[derive(Clone, Copy, Debug)]
struct Seat {
    player: PlayerId,
    tick_hz: u16,
    seats: u16,
}

/// One conversation.
#[derive(Debug)]
pub(super) struct Session {
    phase: Phase,
    outbound: Outbound,
    roster: Roster,
    /// While we play, when the last whole message came. Before that, when the conversation was
    /// opened: bytes that never make a message, and pings that no welcome follows, are no answer.
    heard_at: Moment,
    /// When the welcome came.
    joined_at: Option<Moment>,
    /// Since when the server has taken nothing of what waits for it, and what it had taken until
    /// then.
    stuck: Option<(u64, Moment)>,
    /// Our ping that has not been answered: its nonce and when it was queued.
    pinged: Option<(u32, Moment)>,
    next_nonce: u32,
    round_trip: Option<Duration>,
    last_snapshot: Option<Tick>,
    last_input: InputSequence,
    /// How to come back: until the welcome the way that we came, from then on the one that it
    /// offered. `events_seen` counts; the last input is filled in when somebody asks.
    way_back: Option<WayBack>,
}

impl Session {
    /// A conversation whose hello is queued. The names fit; the caller has checked it.
    pub(super) fn open(game: &str, name: &str, now: Moment) -> Self {
        Self::say_hello(Hello::new(game, name), now)
    }

    /// A conversation whose hello, for a seat that we have had, is queued.
    pub(super) fn resume(way_back: &WayBack, now: Moment) -> Self {
        let mut session = Self::say_hello(Hello::resuming(way_back.resume()), now);
        session.last_input = way_back.last_input;
        session.way_back = Some(way_back.clone());
        session
    }

    fn say_hello(hello: Hello<'_>, now: Moment) -> Self {
        let mut outbound = Outbound::default();
        outbound
            .push(&ClientMessage::Hello(hello))
            .expect("a hello of checked names, or with a ticket, fits into an empty queue");
        Self {
            phase: Phase::Greeting,
            outbound,
            roster: Roster::default(),
            heard_at: now,
            joined_at: None,
            stuck: None,
            pinged: None,
            next_nonce: 1,
            round_trip: None,
            last_snapshot: None,
            last_input: InputSequence(0),
            way_back: None,
        }
    }

    pub(super) fn handle_message(
        &mut self,
        message: ServerMessage<'_>,
        now: Moment,
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), ServerFault> {
        if let Phase::Playing(_) = self.phase {
            self.heard_at = self.heard_at.max(now);
        }
        if self.is_deaf(now) {
            let unsent_bytes = self.unsent().len();
            self.end(Ended::Deaf { unsent_bytes });
            return Ok(());
        }
        match message {
            ServerMessage::Ping { nonce } => self.send_or_end(&ClientMessage::Pong { nonce }),
            ServerMessage::Pong { nonce } => self.handle_pong(nonce, now),
            ServerMessage::Goodbye { reason, text } => {
                self.end(Ended::goodbye(reason, text));
            }
            ServerMessage::Welcome(welcome) => return self.handle_welcome(&welcome, now, on_event),
            ServerMessage::Snapshot { tick, body } => {
                self.expect_seat("a snapshot")?;
                let missed_ticks = self.advance_tick(tick);
                on_event(Event::Snapshot {
                    tick,
                    body: body.0,
                    missed_ticks,
                    roster: &self.roster,
                });
            }
            ServerMessage::Event { tick, body } => {
                self.expect_seat("an event")?;
                if let Some(way_back) = &mut self.way_back {
                    way_back.events_seen = way_back.events_seen.saturating_add(1);
                }
                on_event(Event::Happened { tick, body: body.0 });
            }
            ServerMessage::Members { tick, joined, left, changed } => {
                let seats = self.expect_seat("a membership notice")?.seats;
                names_fit(&joined)?;
                self.handle_members(tick, &joined, &left, &changed, on_event);
                return self.expect_room(seats);
            }
        }
        Ok(())
    }

    /// Whether the server has taken nothing for too long of what waits for it. While it speaks its
    /// messages are the clock that tells; when it does not, its silence ends the conversation.
    fn is_deaf(&mut self, now: Moment) -> bool {
        let taken = self.outbound.taken_bytes();
        match self.stuck {
            _ if self.outbound.unsent().is_empty() => self.stuck = None,
            Some((before, since)) if before == taken => {
                return now.since(since) >= SERVER_LOST_AFTER;
            }
            _ => self.stuck = Some((taken, now)),
        }
        false
    }

    fn handle_welcome(
        &mut self,
        welcome: &Welcome<'_>,
        now: Moment,
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), ServerFault> {
        let &Welcome { player, tick_hz, seats, .. } = welcome;
        let seat = Seat { player, tick_hz, seats };
        let next = match self.phase {
            Phase::Greeting => Phase::Playing(seat),
            Phase::Leaving(None) => Phase::Leaving(Some(seat)),
            Phase::Playing(_) | Phase::Leaving(Some(_)) | Phase::Over(_) => {
                return Err(ServerFault::WelcomeTwice);
            }
        };
        let arrival = self.arrival(welcome)?;
        names_fit(&welcome.members)?;
        self.roster.replace(welcome.tick, &welcome.members);
        self.expect_room(seats)?;
        self.phase = next;
        self.heard_at = self.heard_at.max(now);
        self.joined_at = Some(self.heard_at);
        self.way_back = WayBack::offered(welcome, self.last_input);
        on_event(Event::Joined { welcome, arrival });
        Ok(())
    }

    /// How we came to the seat of a welcome.
    fn arrival(&self, welcome: &Welcome<'_>) -> Result<Arrival, ServerFault> {
        let Some(asked_for) = &self.way_back else { return Ok(Arrival::New) };
        if (welcome.player, welcome.room) != (asked_for.player, asked_for.room) {
            let (player, given) = (asked_for.player, welcome.player);
            return Err(ServerFault::OtherSeat { player, given });
        }
        let (seen, before) = (asked_for.events_seen, welcome.events_before);
        let events_lost = before.checked_sub(seen);
        let events_lost = events_lost.ok_or(ServerFault::EventsTwice { seen, before })?;
        Ok(Arrival::Back { events_lost })
    }

    fn handle_members(
        &mut self,
        tick: Tick,
        joined: &[Member<'_>],
        left: &[Departed],
        changed: &[PresenceChange],
        on_event: &mut impl FnMut(Event<'_>),
    ) {
        self.roster.set_as_of(tick);
        for member in joined {
            self.roster.join(*member);
        }
        // After the joins: somebody who came and went within one tick is in both lists.
        let left: Vec<_> =
            left.iter().map(|gone| (*gone, self.roster.leave(gone.player))).collect();
        let changed: Vec<_> =
            changed.iter().map(|change| (*change, self.roster.change(*change))).collect();
        on_event(Event::MembersChanged { tick, joined, left: &left, changed: &changed });
    }

    fn handle_pong(&mut self, nonce: u32, now: Moment) {
        // A pong that was not asked for, or comes late, is harmless.
        if let Some((_, pinged_at)) = self.pinged.take_if(|(asked, _)| *asked == nonce) {
            self.round_trip = Some(now.since(pinged_at));
        }
    }

    fn expect_seat(&self, message: &'static str) -> Result<Seat, ServerFault> {
        match self.phase {
            Phase::Playing(seat) | Phase::Leaving(Some(seat)) => Ok(seat),
            Phase::Greeting | Phase::Leaving(None) | Phase::Over(_) => {
                Err(ServerFault::BeforeWelcome { message: message.into() })
            }
        }
    }

    /// A room in which there are ever more players would cost ever more memory.
    fn expect_room(&self, seats: u16) -> Result<(), ServerFault> {
        let fits = self.roster.len() <= usize::from(seats);
        if fits { Ok(()) } else { Err(ServerFault::Overcrowded { seats }) }
    }

    /// Notes the tick of a snapshot and counts the ticks that were left out.
    fn advance_tick(&mut self, tick: Tick) -> u32 {
        let missed = self.last_snapshot.map_or(0, |last| tick.0.saturating_sub(last.0).max(1) - 1);
        self.last_snapshot = self.last_snapshot.max(Some(tick));
        missed
    }

    pub(super) fn next_timeout(&self) -> Option<Moment> {
        let patience = match (&self.phase, self.pinged) {
            (Phase::Over(_), _) => return None,
            (Phase::Playing(_), None) => PING_AFTER,
            (Phase::Playing(_), Some((_, pinged_at))) if pinged_at < self.heard_at => PING_AFTER,
            (Phase::Playing(_) | Phase::Greeting | Phase::Leaving(_), _) => SERVER_LOST_AFTER,
        };
        Some(self.heard_at + patience)
    }

    pub(super) fn handle_timeout(&mut self, now: Moment) {
        if self.next_timeout().is_none_or(|due| now < due) {
            return;
        }
        let silence = now.since(self.heard_at);
        if silence >= SERVER_LOST_AFTER {
            self.end(Ended::Silent { silence, joined: self.player().is_some() });
            return;
        }
        self.ping(now);
    }

    /// Asks for a pong.
    pub(super) fn ping(&mut self, now: Moment) {
        if self.ended().is_some() {
            return;
        }
        let nonce = self.next_nonce;
        self.next_nonce = self.next_nonce.wrapping_add(1);
        self.pinged = Some((nonce, now));
        self.send_or_end(&ClientMessage::Ping { nonce });
    }

    pub(super) fn send_input(&mut self, body: &[u8]) -> Result<InputSequence, SendError> {
        if !matches!(self.phase, Phase::Playing(_)) {
            return Err(SendError::NotPlaying);
        }
        let sequence = InputSequence(self.last_input.0.wrapping_add(1));
        self.outbound.push(&ClientMessage::Input { sequence, body: Bytes(body) })?;
        self.last_input = sequence;
        Ok(sequence)
    }

    pub(super) fn say_goodbye(&mut self) {
        let seat = match self.phase {
            Phase::Greeting => None,
            Phase::Playing(seat) => Some(seat),
            Phase::Leaving(_) | Phase::Over(_) => return,
        };
        self.send_or_end(&ClientMessage::Goodbye);
        if self.ended().is_none() {
            self.phase = Phase::Leaving(seat);
        }
    }

    /// Queues an answer that the conversation cannot do without.
    fn send_or_end(&mut self, message: &ClientMessage<'_>) {
        match self.outbound.push(message) {
            Ok(()) => {}
            Err(SendError::Full { unsent_bytes }) => self.end(Ended::Deaf { unsent_bytes }),
            Err(error @ (SendError::NotPlaying | SendError::Unencodable(_))) => {
                unreachable!("pings, pongs and goodbyes always fit a frame: {error}")
            }
        }
    }

    /// Ends the conversation. The first reason stays; after our goodbye every reason is our own.
    pub(super) fn end(&mut self, why: Ended) {
        self.phase = match self.phase {
            Phase::Over(_) => return,
            Phase::Leaving(_) => Phase::Over(Ended::Left),
            Phase::Greeting | Phase::Playing(_) => Phase::Over(why),
        };
        self.outbound.clear();
    }

    pub(super) fn ended(&self) -> Option<&Ended> {
        match &self.phase {
            Phase::Over(ended) => Some(ended),
            Phase::Greeting | Phase::Playing(_) | Phase::Leaving(_) => None,
        }
    }

    fn seat(&self) -> Option<Seat> {
        match self.phase {
            Phase::Playing(seat) => Some(seat),
            Phase::Leaving(seat) => seat,
            Phase::Greeting | Phase::Over(_) => None,
        }
    }

    pub(super) fn player(&self) -> Option<PlayerId> {
        self.seat().map(|seat| seat.player)
    }

    pub(super) fn tick_hz(&self) -> Option<u16> {
        self.seat().map(|seat| seat.tick_hz)
    }

    /// How to come back, as long as the server has not taken the seat away, nor we have left it.
    pub(super) fn way_back(&self) -> Option<WayBack> {
        let keeps_seat = match &self.phase {
            Phase::Greeting | Phase::Playing(_) => true,
            Phase::Leaving(_) => false,
            Phase::Over(ended) => ended.keeps_seat(),
        };
        let way_back = self.way_back.as_ref().filter(|_| keeps_seat)?;
        Some(WayBack { last_input: self.last_input, ..way_back.clone() })
    }

    pub(super) fn played_for(&self) -> Duration {
        self.joined_at.map_or(Duration::ZERO, |joined_at| self.heard_at.since(joined_at))
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(super) fn unsent(&self) -> &[u8] {
        self.outbound.unsent()
    }

    pub(super) fn advance(&mut self, written: usize) {
        self.outbound.advance(written);
    }
}

/// Whether nobody's name is longer than a name may be.
fn names_fit(members: &[Member<'_>]) -> Result<(), ServerFault> {
    let longest = members.iter().map(|member| member.name.len()).max().unwrap_or_default();
    if longest > NAME_BYTES_MAX { Err(ServerFault::LongName { bytes: longest }) } else { Ok(()) }
}
