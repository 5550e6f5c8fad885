//! What clients say: bytes to frames to messages to rooms.
//!
//! Part of [`Hub`]. Every way in which a client's bytes can be wrong ends in a mark with a reason
//! and a sentence that says what was wrong.

use std::{borrow::Cow, time::Duration};

use gamekeeper_protocol::{
    ClientMessage, DecodeError, FrameError, Hello, PROTOCOL_VERSION, Resume,
    limits::{CLIENT_FRAME_BYTES_MAX, NAME_BYTES_MAX},
    message::hello_version,
};

use super::{End, Hearing, Hub, Output, leaving, list_for_flush, rearm_earlier};
use crate::{
    client::{
        flight::{FlightRecorder, Moment},
        leave::{Leave, LeavePath, LeaveReason, ProtocolFault, Rejection},
        phase::Phase,
        pulse::Pulse,
    },
    ids::{ConnectionId, Place},
    metrics::{Farewell, Metrics, ResumeOutcome},
    room::{
        lobby::{JoinError, Lobby},
        returning::{Resumed, TicketFault},
        session::Accepted,
    },
    time::Time,
};

/// A round trip that is worth remembering.
const LATE_ANSWER: Duration = Duration::from_secs(1);

/// A reason to end the connection, and the sentence that explains it.
type Fault = (LeaveReason, Cow<'static, str>);

impl Hub {
    /// Takes in bytes that were read from a connection.
    pub(super) fn handle_bytes(&mut self, id: ConnectionId, bytes: &[u8], now: Time) {
        self.metrics.bytes_in += bytes.len() as u64;
        let Some(client) = self.clients.get_mut(id) else { return };
        client.bytes_in += bytes.len() as u64;
        match &mut client.phase {
            Phase::Handshake | Phase::Playing(_) => {
                debug_assert!(client.backlog.is_empty(), "the backlog comes before new bytes");
                if !client.allowance.bytes(bytes.len(), &self.limits, now) {
                    let (per_second, burst) =
                        (self.limits.bytes_per_second, self.limits.bytes_burst);
                    let detail =
                        format!("it sends more than {per_second} bytes a second, {burst} at once");
                    let leave = Leave { reason: LeaveReason::Flood, path: LeavePath::Read };
                    self.mark(id, leave, detail.into());
                    return;
                }
                if matches!(client.phase, Phase::Handshake) {
                    client.flight.note(Moment::Bytes, now);
                }
                self.take_in(id, bytes, now);
            }
            Phase::Lingering(linger) => {
                linger.discarded_bytes += bytes.len() as u64;
                if linger.discarded_bytes > self.limits.linger_discard_bytes {
                    self.end_farewell(id, Farewell::Lost);
                }
            }
            Phase::Dying(_) | Phase::Dead => {}
        }
    }

    /// Goes on with what was read of a connection and was beyond its share of an earlier turn.
    ///
    /// True if some of it still waits: then nothing more is to be read from it in this turn.
    pub fn resume(&mut self, id: ConnectionId, now: Time) -> bool {
        let Some(client) = self.clients.get_mut(id) else { return false };
        if client.backlog.is_empty() {
            return false;
        }
        let backlog = std::mem::take(&mut client.backlog);
        if client.phase.is_open() {
            self.take_in(id, &backlog, now);
        }
        self.has_backlog(id)
    }

    /// Whether something that was read of a connection waits for the next turn.
    pub fn has_backlog(&self, id: ConnectionId) -> bool {
        self.clients.get(id).is_some_and(|client| !client.backlog.is_empty())
    }

    /// Reads as many frames as a client may have read in a turn, and keeps the rest.
    fn take_in(&mut self, id: ConnectionId, bytes: &[u8], now: Time) {
        let (mut rest, mut replaced) = (bytes, None);
        let fault = self.read_frames(id, &mut rest, &mut replaced, now).err();
        if let Some(old) = replaced {
            self.replace(old);
        }
        let Some(client) = self.clients.get_mut(id) else { return };
        let mid_frame = client.decoder.is_mid_frame();
        client.pulse.frame_since = match client.pulse.frame_since {
            // Still the same frame only if these bytes have completed none.
            Some(since) if mid_frame && client.pulse.heard_at != now => Some(since),
            _ => mid_frame.then_some(now),
        };
        if fault.is_none() {
            client.backlog = rest.to_vec();
            if !client.backlog.is_empty() {
                client.flight.note(Moment::Backlog, now);
            }
        }
        // What was said may have called for answers, and those wait for a reader like all else.
        let overflow = client.weigh(now, &self.limits);
        rearm_earlier(&mut self.wheel, id, client, now, &self.limits);
        let fault = fault
            .or_else(|| overflow.map(|reason| (reason, leaving::too_late(reason, &self.limits))));
        if let Some((reason, detail)) = fault {
            self.mark(id, Leave { reason, path: LeavePath::Read }, detail);
        }
    }

    /// The connection ended; the bytes before that were handed in already.
    pub(super) fn handle_ended(&mut self, id: ConnectionId, how: End, path: LeavePath) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if let Phase::Lingering(linger) = &client.phase {
            match how {
                End::Eof if linger.flushed => self.end_farewell(id, Farewell::Delivered),
                // It may have closed only its sending half, and still read what we have to say.
                End::Eof => {}
                End::Errno(_) => self.end_farewell(id, Farewell::Lost),
            }
            return;
        }
        let reason = match how {
            End::Eof if client.decoder.is_mid_frame() => LeaveReason::FinMidframe,
            End::Eof => LeaveReason::Fin,
            End::Errno(errno) => leaving::classify(errno),
        };
        let detail = match how {
            End::Eof => Cow::Borrowed("the client closed the connection"),
            End::Errno(errno) => errno.to_string().into(),
        };
        self.mark(id, Leave { reason, path }, detail);
    }

    /// The player of this connection came back over another one, which has the seat already.
    fn replace(&mut self, old: ConnectionId) {
        // It may be on its way out: then it keeps that reason.
        if self.clients.get(old).is_some_and(|client| client.phase.is_open()) {
            let leave = Leave { reason: LeaveReason::Replaced, path: LeavePath::App };
            self.mark(old, leave, "the player came back over another connection".into());
        }
    }

    /// Cuts bytes into frames and hands each to [`Conversation`]; stops at the first fault, or when
    /// the client's share of the turn is used up. `input` is then what is left, and `replaced` the
    /// connection whose seat was taken over, if one was.
    fn read_frames(
        &mut self,
        id: ConnectionId,
        input: &mut &[u8],
        replaced: &mut Option<ConnectionId>,
        now: Time,
    ) -> Result<(), Fault> {
        let Self { clients, lobby, metrics, flush_list, outputs, default_game, limits, .. } = self;
        let Some(client) = clients.get_mut(id) else { return Ok(()) };
        for _ in 0..limits.frames_per_turn_max {
            let frame = match client.decoder.next_frame(input) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(()),
                Err(error) => return Err(framing_fault(error)),
            };
            if !client.allowance.frame(limits, now) {
                let (per_second, burst) = (limits.frames_per_second, limits.frames_burst);
                let text =
                    format!("it sends more than {per_second} frames a second, {burst} at once");
                return Err((LeaveReason::Flood, text.into()));
            }
            let mut conversation = Conversation {
                id,
                phase: &mut client.phase,
                pulse: &mut client.pulse,
                flight: &mut client.flight,
                pong_due: &mut client.pong_due,
                came_back: &mut client.came_back,
                replaced,
                lobby,
                metrics,
                default_game,
                now,
            };
            let was_handshake = matches!(conversation.phase, Phase::Handshake);
            conversation.frame(frame)?;
            if was_handshake {
                // From here on the limit for players holds, not the one for strangers.
                client.decoder.set_limit_bytes(CLIENT_FRAME_BYTES_MAX);
                if let Phase::Playing(Place { room, .. }) = client.phase
                    && lobby.is_heard_at_ticks(room)
                {
                    client.heard_at_ticks = true;
                    outputs.push_back(Output::Hear { connection: id, when: Hearing::AtTicks });
                }
            }
            if client.pong_due.is_some() {
                list_for_flush(flush_list, id, client);
            }
        }
        Ok(())
    }
}

/// One client's side of the hub while a frame of it is read.
struct Conversation<'a> {
    id: ConnectionId,
    phase: &'a mut Phase,
    pulse: &'a mut Pulse,
    flight: &'a mut FlightRecorder,
    pong_due: &'a mut Option<u32>,
    came_back: &'a mut bool,
    replaced: &'a mut Option<ConnectionId>,
    lobby: &'a mut Lobby,
    metrics: &'a mut Metrics,
    default_game: &'a str,
    now: Time,
}

impl Conversation<'_> {
    /// One complete frame.
    fn frame(&mut self, frame: &[u8]) -> Result<(), Fault> {
        let silence = self.now.since(self.pulse.heard_at);
        let was_silent = self.pulse.heard(self.now);
        match *self.phase {
            Phase::Handshake => self.first_frame(frame),
            Phase::Playing(place) => {
                if was_silent {
                    self.flight.note(Moment::HeardAgain, self.now);
                    self.metrics.silences.record(silence);
                    self.lobby.set_stalled(place, self.id, false, self.now);
                }
                if *self.came_back && self.lobby.heard_again(place, self.id) {
                    *self.came_back = false;
                }
                let message = ClientMessage::decode(frame).map_err(undecodable)?;
                self.message(place, message)
            }
            Phase::Dying(_) | Phase::Lingering(_) | Phase::Dead => Ok(()),
        }
    }

    fn first_frame(&mut self, frame: &[u8]) -> Result<(), Fault> {
        let Some(version) = hello_version(frame) else {
            let text = "the first frame is not a hello; is this a Gamekeeper client?";
            return Err((LeaveReason::Protocol(ProtocolFault::NotAHello), text.into()));
        };
        if version != PROTOCOL_VERSION {
            let text = format!(
                "the client speaks protocol version {version}, this server speaks \
                 {PROTOCOL_VERSION}"
            );
            return Err((LeaveReason::Rejected(Rejection::Version), text.into()));
        }
        match ClientMessage::decode(frame).map_err(undecodable)? {
            ClientMessage::Hello(hello) => self.hello(hello),
            _ => unreachable!("a frame with a hello's version is a hello"),
        }
    }

    /// The player wants a seat that it has had.
    fn resume(&mut self, resume: &Resume) -> Result<(), Fault> {
        let outcome = self.lobby.resume(resume, self.id, self.now);
        self.metrics.resume(match outcome {
            Ok(Resumed { replaces: None, .. }) => ResumeOutcome::Resumed,
            Ok(Resumed { replaces: Some(_), .. }) => ResumeOutcome::TakenOver,
            Err(TicketFault::Stale) => ResumeOutcome::Stale,
            Err(TicketFault::Expired) => ResumeOutcome::Expired,
            Err(TicketFault::Replayed) => ResumeOutcome::Replayed,
            Err(TicketFault::Forged) => ResumeOutcome::Forged,
        });
        match outcome {
            Ok(Resumed { place, replaces }) => {
                self.phase.advance(Phase::Playing(place));
                self.flight.note(Moment::CameBack, self.now);
                *self.came_back = true;
                *self.replaced = replaces;
                Ok(())
            }
            Err(fault) => Err((LeaveReason::Rejected(Rejection::Ticket), fault.in_words().into())),
        }
    }

    fn hello(&mut self, hello: Hello<'_>) -> Result<(), Fault> {
        if let Some(resume) = &hello.resume {
            return self.resume(resume);
        }
        if let Some(text) = name_fault(hello.name) {
            return Err((LeaveReason::Rejected(Rejection::BadName), text));
        }
        let game = if hello.game.is_empty() { self.default_game } else { hello.game };
        match self.lobby.join(game, hello.name, self.id, self.now) {
            Ok(place) => {
                self.phase.advance(Phase::Playing(place));
                self.flight.note(Moment::Seated, self.now);
                Ok(())
            }
            Err(JoinError::UnknownGame) => {
                let games: Vec<&str> = self.lobby.games().names().collect();
                let (game, games) = (cut(game), games.join(", "));
                let text = format!("no game is called {game:?} here; hosted are: {games}");
                Err((LeaveReason::Rejected(Rejection::UnknownGame), text.into()))
            }
            Err(JoinError::GameFailed) => {
                tracing::error!(game, "a room cannot be made: the game panicked");
                Err((LeaveReason::RoomFailed, "the game on this server has failed".into()))
            }
            Err(JoinError::NoMoreIds) => {
                let text = "this server has used up all its numbers; it must be restarted";
                Err((LeaveReason::Rejected(Rejection::Full), text.into()))
            }
        }
    }

    fn message(&mut self, place: Place, message: ClientMessage<'_>) -> Result<(), Fault> {
        match message {
            ClientMessage::Hello(_) => {
                let text = "a second hello on the same connection";
                Err((LeaveReason::Protocol(ProtocolFault::SecondHello), text.into()))
            }
            ClientMessage::Input { sequence, body } => {
                let accepted =
                    self.lobby.input(place, sequence, body.0, self.now).map_err(|error| {
                        let text = format!("the game cannot read input {sequence}: {error}");
                        (LeaveReason::Protocol(ProtocolFault::BadInput), text.into())
                    })?;
                self.metrics.inputs += 1;
                self.metrics.inputs_dropped += u64::from(accepted == Accepted::KeptForOldest);
                Ok(())
            }
            ClientMessage::Ping { nonce } => {
                *self.pong_due = Some(nonce);
                Ok(())
            }
            ClientMessage::Pong { nonce } => {
                let round_trip = self.pulse.answered(nonce, self.now);
                if round_trip.is_some_and(|round_trip| round_trip > LATE_ANSWER) {
                    self.flight.note(Moment::Pong, self.now);
                }
                Ok(())
            }
            ClientMessage::Goodbye => {
                Err((LeaveReason::Goodbye, Cow::Borrowed("the client said goodbye")))
            }
        }
    }
}

fn framing_fault(error: FrameError) -> Fault {
    let reason = match error {
        FrameError::Oversize { .. } => LeaveReason::Oversize,
        FrameError::Empty => LeaveReason::Protocol(ProtocolFault::EmptyFrame),
    };
    (reason, error.to_string().into())
}

fn undecodable(error: DecodeError) -> Fault {
    (LeaveReason::Protocol(ProtocolFault::Undecodable), error.to_string().into())
}

/// What is wrong with a player's name, if anything is.
fn name_fault(name: &str) -> Option<Cow<'static, str>> {
    if name.trim().is_empty() {
        return Some("the name is empty; choose one".into());
    }
    if name.len() > NAME_BYTES_MAX {
        return Some(
            format!("the name has {} bytes, at most {NAME_BYTES_MAX} are allowed", name.len())
                .into(),
        );
    }
    if name.chars().any(char::is_control) {
        return Some("the name has control characters; choose another".into());
    }
    None
}

/// The start of a peer's text, short enough to be quoted back to it.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(NAME_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
