//! One frame of a client, understood and acted upon.
//!
//! Part of [`Hub`](super::Hub). Frame -> message -> **`Conversation`** -> room. What is wrong with
//! a message is returned; `inbound`, which cuts the bytes into frames, marks.

use std::{borrow::Cow, time::Duration};

use gamekeeper_protocol::{
    ClientMessage, DecodeError, Hello, PROTOCOL_VERSION, Resume, limits::NAME_BYTES_MAX,
    message::hello_version,
};

use crate::{
    client::{
        flight::{FlightRecorder, Moment},
        leave::{LeaveReason, ProtocolFault, Rejection},
        phase::Phase,
        pulse::Pulse,
    },
    ids::{ConnectionId, Place},
    metrics::{Metrics, ResumeOutcome},
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
pub(super) type Fault = (LeaveReason, Cow<'static, str>);

/// What frames leave to be done when they are read.
#[derive(Default)]
pub(super) struct Effects {
    /// The connection whose seat was taken over, if one was.
    pub(super) replaced: Option<ConnectionId>,
    /// Whether the connection's next deadline may be nearer than it was: it was asked and has
    /// answered, or it has begun to play. Every other frame only moves deadlines away.
    pub(super) is_nearer: bool,
}

/// One client's side of the hub while a frame of it is read.
pub(super) struct Conversation<'a> {
    pub(super) id: ConnectionId,
    pub(super) phase: &'a mut Phase,
    pub(super) pulse: &'a mut Pulse,
    pub(super) flight: &'a mut FlightRecorder,
    pub(super) pong_due: &'a mut Option<u32>,
    pub(super) came_back: &'a mut bool,
    pub(super) effects: &'a mut Effects,
    pub(super) lobby: &'a mut Lobby,
    pub(super) metrics: &'a mut Metrics,
    pub(super) default_game: &'a str,
    pub(super) now: Time,
}

impl Conversation<'_> {
    /// One complete frame.
    pub(super) fn frame(&mut self, frame: &[u8]) -> Result<(), Fault> {
        let silence = self.now.since(self.pulse.heard_at);
        self.effects.is_nearer |=
            self.pulse.pinged_at.is_some() || matches!(self.phase, Phase::Handshake);
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
                self.effects.replaced = replaces;
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
