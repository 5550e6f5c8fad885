//! One conversation with a server, without a socket.
//!
//! Data flow: socket -> bytes -> **`Connection`** -> [`Event`]s;
//! input -> **`Connection`** -> unsent bytes -> socket.
//!
//! The connection does no I/O and knows no clock. Whoever owns the socket
//!
//! 1. hands what it reads to [`Connection::handle_bytes`], an end of file to
//!    [`Connection::handle_eof`], and an error of any socket call to [`Connection::handle_error`];
//! 2. calls [`Connection::handle_timeout`] once [`Connection::next_timeout`] has come;
//! 3. after each of these, writes [`Connection::unsent`] and reports what the socket took with
//!    [`Connection::advance`];
//! 4. drops the socket as soon as [`Connection::ended`] says why the conversation is over.
//!
//! A connection that is lost is not a seat that is lost: [`Connection::way_back`] is what
//! [`Connection::resume`] needs to take the seat again, for as long as the server holds it.
//!
//! Step 4 is what keeps a client from writing into a dead socket again and again: after the first
//! failed write there is nothing left to write, and no call that would add to it.

mod ended;
mod foreign;
mod outbound;
mod roster;
mod session;
mod way_back;

pub use ended::{Ended, Operation, ServerFault, Side};
pub use outbound::SendError;
pub use roster::{Roster, Standing};
pub use way_back::{Arrival, WayBack};

use std::{fmt, io, time::Duration};

use gamekeeper_protocol::{
    Departed, FrameDecoder, InputSequence, Member, PROTOCOL_VERSION, PlayerId, PresenceChange,
    ServerMessage, Tick, Welcome,
    limits::{NAME_BYTES_MAX, SERVER_FRAME_BYTES_MAX},
    message::refused_version,
};

use crate::clock::Moment;
use session::Session;

/// The client's side of one conversation.
#[derive(Debug)]
pub struct Connection {
    decoder: FrameDecoder,
    /// Apart from the decoder, because a message borrows from the decoder while it is handled.
    session: Session,
}

impl Connection {
    /// Opens a conversation: the hello is waiting to be sent.
    ///
    /// `game` may be empty, which means the server's default game.
    ///
    /// # Errors
    ///
    /// [`NameTooLong`] if a name does not fit into a hello.
    pub fn new(game: &str, name: &str, now: Moment) -> Result<Self, NameTooLong> {
        for text in [game, name] {
            if text.len() > NAME_BYTES_MAX {
                return Err(NameTooLong(text.to_owned()));
            }
        }
        Ok(Self::on(Session::open(game, name, now)))
    }

    /// Opens a conversation that takes a seat again: the hello is waiting to be sent.
    ///
    /// It need not wait for the end of the earlier conversation: a connection that the server still
    /// believes in is replaced. If the seat is not held any more, this conversation ends with
    /// [`GoodbyeReason::ResumeRefused`](gamekeeper_protocol::GoodbyeReason::ResumeRefused).
    pub fn resume(way_back: &WayBack, now: Moment) -> Self {
        Self::on(Session::resume(way_back, now))
    }

    fn on(session: Session) -> Self {
        Self { decoder: FrameDecoder::new(SERVER_FRAME_BYTES_MAX), session }
    }

    /// Takes what the socket gave and tells `on_event` what it means, in order.
    ///
    /// Bytes that follow the end of the conversation are ignored.
    pub fn handle_bytes(
        &mut self,
        mut bytes: &[u8],
        now: Moment,
        mut on_event: impl FnMut(Event<'_>),
    ) {
        let Self { decoder, session } = self;
        if session.ended().is_some() {
            return;
        }
        while session.ended().is_none() {
            let outcome = match decoder.next_frame(&mut bytes) {
                Ok(Some(frame)) => match (ServerMessage::decode(frame), refused_version(frame)) {
                    (Ok(message), _) => session.handle_message(message, now, &mut on_event),
                    // Only the beginning of such a frame is for us.
                    (Err(_), Some(version)) if version != PROTOCOL_VERSION => {
                        session.end(Ended::of_version(version));
                        Ok(())
                    }
                    (Err(error), _) => Err(ServerFault::Undecodable(error)),
                },
                Ok(None) => return,
                Err(error) => Err(ServerFault::Framing(error)),
            };
            if let Err(fault) = outcome {
                session.end(Ended::ServerMisbehaved(fault));
            }
        }
        if let Some(ended) = session.ended() {
            on_event(Event::Ended(ended));
        }
    }

    /// The server closed its direction.
    pub fn handle_eof(&mut self) {
        let mid_frame = self.decoder.is_mid_frame();
        self.session.end(if mid_frame { Ended::ClosedMidFrame } else { Ended::Closed });
    }

    /// What carries the messages, below this protocol, was broken by the server.
    pub(crate) fn handle_fault(&mut self, fault: ServerFault) {
        self.session.end(Ended::ServerMisbehaved(fault));
    }

    /// A socket call failed. Any error but "would block" and "interrupted" ends the conversation,
    /// known or not.
    pub fn handle_error(&mut self, during: Operation, error: &io::Error) {
        self.session.end(Ended::failed(during, error));
    }

    /// When [`Self::handle_timeout`] wants to be called; `None` once the conversation is over.
    pub fn next_timeout(&self) -> Option<Moment> {
        self.session.next_timeout()
    }

    /// Asks a silent server whether it lives, or gives it up.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.session.handle_timeout(now);
    }

    /// Queues what the player asks for and says which number it got.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing is queued then.
    pub fn send_input(&mut self, body: &[u8]) -> Result<InputSequence, SendError> {
        self.session.send_input(body)
    }

    /// Queues a ping of our own accord: its answer is a new [`Self::round_trip`], unless another
    /// ping follows before it comes.
    pub fn ping(&mut self, now: Moment) {
        self.session.ping(now);
    }

    /// Queues a goodbye. Whatever ends the conversation after it counts as [`Ended::Left`].
    pub fn say_goodbye(&mut self) {
        self.session.say_goodbye();
    }

    /// The bytes to write next; empty when there is nothing to say or nobody to say it to.
    pub fn unsent(&self) -> &[u8] {
        self.session.unsent()
    }

    /// Records that the socket took the first `written` bytes of [`Self::unsent`].
    ///
    /// # Panics
    ///
    /// If that is more than there was.
    pub fn advance(&mut self, written: usize) {
        self.session.advance(written);
    }

    /// Why the conversation is over, once it is.
    pub fn ended(&self) -> Option<&Ended> {
        self.session.ended()
    }

    /// How to take our seat again, once we have joined; nothing if the server holds no seats, if we
    /// have left, or if the server has ended our stay.
    ///
    /// A conversation that was to take a seat again and never got an answer hands out the way that
    /// it was given.
    pub fn way_back(&self) -> Option<WayBack> {
        self.session.way_back()
    }

    /// Who we are, once we have joined.
    pub fn player(&self) -> Option<PlayerId> {
        self.session.player()
    }

    /// Ticks per second of our room, once we have joined; 0 for a turn-based game.
    pub fn tick_hz(&self) -> Option<u16> {
        self.session.tick_hz()
    }

    /// For how long after its welcome the server has been heard: whether this connection was worth
    /// something, see [`Retry::lasted`](crate::retry::Retry::lasted).
    pub fn played_for(&self) -> Duration {
        self.session.played_for()
    }

    /// Who is in our room.
    pub fn roster(&self) -> &Roster {
        self.session.roster()
    }

    /// The last measured round trip.
    pub fn round_trip(&self) -> Option<Duration> {
        self.session.round_trip()
    }
}

/// What a server's bytes mean to the player.
#[derive(Debug)]
pub enum Event<'a> {
    /// We are in. The roster already holds the members, and nobody else.
    Joined {
        /// What the server says.
        welcome: &'a Welcome<'a>,
        /// Whether the seat is new to us.
        arrival: Arrival,
    },
    /// The state of the room.
    Snapshot {
        /// At which tick.
        tick: Tick,
        /// The game's own snapshot type, encoded.
        body: &'a [u8],
        /// Ticks between the last snapshot and this one of which we saw none.
        missed_ticks: u32,
        /// Who is in the room at this point of the conversation.
        roster: &'a Roster,
    },
    /// Something happened in the game.
    Happened {
        /// At which tick.
        tick: Tick,
        /// The game's own event type, encoded.
        body: &'a [u8],
    },
    /// Players came or went, or can or cannot be reached. The roster is already up to date.
    MembersChanged {
        /// From which tick on.
        tick: Tick,
        /// Who came.
        joined: &'a [Member<'a>],
        /// Who went, and how each of them stood in the roster before.
        left: &'a [(Departed, Standing)],
        /// Whose presence is another one, we ourselves perhaps, and how each of them stood before.
        changed: &'a [(PresenceChange, Standing)],
    },
    /// The conversation is over; nothing follows.
    Ended(&'a Ended),
}

/// A game's or a player's name that does not fit into a hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTooLong(pub String);

impl fmt::Display for NameTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.len();
        write!(f, "\"{}\" has {bytes} bytes; a name has at most {NAME_BYTES_MAX}", self.0)
    }
}

impl std::error::Error for NameTooLong {}

#[cfg(test)]
mod tests;
