//! What a tick says: who is here, what happened, how things stand.
//!
//! Part of [`Room`]. Game -> **frames** -> sink. Everything is encoded once for all who get the
//! same bytes. This file decides who is told what, and in which order; not who is here.

use gamekeeper_protocol::{
    Departed, EncodeError, PlayerId, PresenceChange, ResumeOffer, ServerMessage, Welcome,
    codec::Bytes,
};

use super::{
    Room, Sink,
    seat::{Link, ResumeTerms, Seat},
    ticket::TicketOffice,
};
use crate::{
    frames::{SharedFrame, shared_frame},
    game::{Audience, Effect},
    ids::{ConnectionId, Place},
    time::Time,
};

/// Newcomers of one tick for whom there is always room.
const ARRIVALS_KEPT: usize = 4;

impl Room {
    /// One membership frame for all that were here; a welcome for those that are new or back.
    pub(super) fn announce(
        &mut self,
        left: Vec<Departed>,
        changed: Vec<PresenceChange>,
        office: &TicketOffice,
        sink: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        if !(left.is_empty() && changed.is_empty() && self.arrivals.is_empty()) {
            let joined = self.arrivals.iter().map(Seat::member).collect();
            let message = ServerMessage::Members { tick: self.tick, joined, left, changed };
            let mut frame = None;
            for seat in &self.members {
                // Whoever is back learns all this from its welcome.
                let Link::On(connection) = seat.link else { continue };
                if frame.is_none() {
                    frame = Some(shared_frame(&message)?);
                }
                frame.iter().for_each(|frame| sink.reliable(connection, frame));
            }
        }
        self.members.append(&mut self.arrivals);
        // Room for a crowd that came in one tick is not kept for ever.
        self.arrivals.shrink_to(ARRIVALS_KEPT);
        self.welcome(office, sink)
    }

    /// Welcomes whoever has a seat and has not been welcomed on its connection.
    fn welcome(&mut self, office: &TicketOffice, sink: &mut impl Sink) -> Result<(), EncodeError> {
        for index in 0..self.members.len() {
            let seat = &self.members[index];
            let (connection, events_seen) = match seat.link {
                Link::New(connection) => (connection, 0),
                Link::Back { connection, events_seen } => (connection, events_seen),
                Link::On(_) | Link::Away { .. } => continue,
            };
            let (events_before, missed) = seat.events.missed(events_seen);
            let place = Place { room: self.id, player: seat.player };
            let resume = (self.terms.window_ms > 0).then(|| ResumeOffer {
                ticket: office.ticket(place, &seat.keys),
                window_ms: u32::try_from(self.terms.window_ms).unwrap_or(u32::MAX),
            });
            let frame = shared_frame(&ServerMessage::Welcome(Welcome {
                player: seat.player,
                room: self.id,
                tick: self.tick,
                tick_hz: self.tick_hz,
                seats: self.seats,
                game: self.game,
                members: self.members.iter().map(Seat::member).collect(),
                events_before,
                resume,
            }))?;
            sink.reliable(connection, &frame);
            missed.for_each(|frame| sink.reliable(connection, frame));
            self.members[index].link = Link::On(connection);
        }
        Ok(())
    }

    /// What the game said during the tick: events, reliable and in order, and kicks.
    pub(super) fn publish_effects(&mut self, sink: &mut impl Sink) -> Result<(), EncodeError> {
        let Self { session, members, dismissed, terms, tick, .. } = self;
        let mut outcome = Ok(());
        session.drain_effects(&mut |effect| match effect {
            Effect::Broadcast(body) => match event(*tick, body) {
                Ok(frame) => members.iter_mut().for_each(|seat| tell(seat, &frame, terms, sink)),
                Err(error) => outcome = Err(error),
            },
            Effect::Send(player, body) => {
                let Some(seat) = seat_of(members, player) else { return };
                match event(*tick, body) {
                    Ok(frame) => tell(seat, &frame, terms, sink),
                    Err(error) => fail_one(seat.connection(), &error, sink),
                }
            }
            Effect::Kick(player, text) => {
                let Some(seat) = seat_of(members, player) else { return };
                match seat.connection() {
                    Some(connection) => sink.kick(connection, text),
                    None if dismissed.contains(&player) => {}
                    None => dismissed.push(player),
                }
            }
        })?;
        outcome
    }

    /// The state after the tick: encoded once per audience, queued for each member.
    ///
    /// A state that cannot be encoded ends those who should see it; the room if that is everybody.
    pub(super) fn publish_snapshots(
        &mut self,
        now: Time,
        sink: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        // Few audiences: usually one, at most one per seat. A list beats a map.
        let mut encoded: Vec<(Audience, Result<SharedFrame, EncodeError>)> = Vec::with_capacity(1);
        let mut failed = Vec::new();
        for index in 0..self.members.len() {
            let seat = &self.members[index];
            let Some(connection) = seat.connection() else { continue };
            let audience = self.session.audience(seat.player);
            let known = encoded.iter().position(|(other, _)| *other == audience);
            let known = known.unwrap_or_else(|| {
                let frame = self.snapshot(audience, now);
                encoded.push((audience, frame));
                encoded.len() - 1
            });
            match &encoded[known].1 {
                Ok(frame) => sink.latest(connection, frame),
                Err(error) => failed.push((connection, error.clone())),
            }
        }
        if failed.len() == self.connections().count() {
            return failed.pop().map_or(Ok(()), |(_, error)| Err(error));
        }
        failed.iter().for_each(|(connection, error)| fail_one(Some(*connection), error, sink));
        Ok(())
    }

    fn snapshot(&mut self, audience: Audience, now: Time) -> Result<SharedFrame, EncodeError> {
        self.scratch.clear();
        self.session.encode_snapshot(audience, self.tick, now, &mut self.scratch)?;
        let body = Bytes(&self.scratch);
        shared_frame(&ServerMessage::Snapshot { tick: self.tick, body })
    }
}

fn event(tick: gamekeeper_protocol::Tick, body: &[u8]) -> Result<SharedFrame, EncodeError> {
    shared_frame(&ServerMessage::Event { tick, body: Bytes(body) })
}

fn seat_of(members: &mut [Seat], player: PlayerId) -> Option<&mut Seat> {
    let index = members.binary_search_by_key(&player, |seat| seat.player).ok()?;
    Some(&mut members[index])
}

/// Tells one player of an event: now, or when it comes back.
fn tell(seat: &mut Seat, frame: &SharedFrame, terms: &ResumeTerms, sink: &mut impl Sink) {
    seat.events.push(frame, terms);
    if let Some(connection) = seat.connection() {
        sink.reliable(connection, frame);
    }
}

/// One player cannot be told what only it should know.
fn fail_one(connection: Option<ConnectionId>, error: &EncodeError, sink: &mut impl Sink) {
    if let Some(connection) = connection {
        sink.unreadable(connection, error);
    }
}
