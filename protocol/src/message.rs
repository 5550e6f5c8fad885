//! The messages: what a frame's bytes say.
//!
//! Data flow: frame -> **`ClientMessage`** -> server; server -> **`ServerMessage`** -> frame.
//!
//! Messages borrow from the frame they were read from, so reading one allocates nothing (but for
//! the short member lists). What a message means, and when it is allowed, is decided by the server
//! and the client, not here.
//!
//! A conversation, from the client's side:
//!
//! ```text
//!   Hello ->            first frame, within the server's hello deadline
//!         <- Welcome    you are in: your ids, the tick rate, who is here
//!         <- Snapshot   the state at one tick; some are skipped if you read slowly
//!         <- Event      things that happened; each exactly once, in order
//!         <- Members    who came, who went, who is away for now
//!   Input ->            whenever you like; at most a few count per tick
//!   Pong  <-> Ping      either side asks, the other answers with the same nonce
//!   Goodbye ->          I am leaving on purpose (an end of file says it less politely)
//!         <- Goodbye    always the last frame: why, for machines and for people
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    PROTOCOL_VERSION,
    codec::{self, Bytes, DecodeError, EncodeError},
    ids::{InputSequence, PlayerId, RoomId, Tick},
    limits::{CLIENT_FRAME_BYTES_MAX, SERVER_FRAME_BYTES_MAX},
    seat::{Presence, PresenceChange, Resume, ResumeOffer},
};

/// The first bytes of every hello, in every version of the protocol.
pub const HELLO_MAGIC: [u8; 4] = *b"GKPR";

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientMessage<'a> {
    /// Opens the conversation. Must be the first message, and only the first.
    #[serde(borrow)]
    Hello(Hello<'a>),
    /// What the player asks for.
    Input {
        /// The client's number for it.
        sequence: InputSequence,
        /// The game's own input type, encoded.
        #[serde(borrow)]
        body: Bytes<'a>,
    },
    /// Asks for a [`ServerMessage::Pong`]: how a client measures the round trip.
    Ping {
        /// Comes back unchanged.
        nonce: u32,
    },
    /// Answers a [`ServerMessage::Ping`].
    Pong {
        /// The nonce of the ping.
        nonce: u32,
    },
    /// The player leaves on purpose. Nothing after it is read.
    Goodbye,
}

/// A client's first message.
///
/// The variant number, the magic and the version come first and are the same in all versions of
/// the protocol, so that a server can always say which version it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello<'a> {
    /// Always [`HELLO_MAGIC`].
    pub magic: [u8; 4],
    /// Which version the rest of this message is in.
    pub version: u16,
    /// The game to play; empty for the server's default game. At most
    /// [`NAME_BYTES_MAX`](crate::limits::NAME_BYTES_MAX) bytes.
    pub game: &'a str,
    /// The player's name as others see it. At most
    /// [`NAME_BYTES_MAX`](crate::limits::NAME_BYTES_MAX) bytes.
    pub name: &'a str,
    /// The seat to take again; nothing for a new one. With it the two names do not count.
    pub resume: Option<Resume>,
}

impl<'a> Hello<'a> {
    /// A hello in this crate's version of the protocol, for a new seat.
    pub fn new(game: &'a str, name: &'a str) -> Self {
        Self { magic: HELLO_MAGIC, version: PROTOCOL_VERSION, game, name, resume: None }
    }

    /// A hello in this crate's version of the protocol, for a seat that the client has had.
    pub fn resuming(resume: Resume) -> Self {
        Self { resume: Some(resume), ..Self::new("", "") }
    }
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerMessage<'a> {
    /// The hello was accepted and the player has a seat.
    #[serde(borrow)]
    Welcome(Welcome<'a>),
    /// The state of the room at one tick, complete in itself.
    Snapshot {
        /// When.
        tick: Tick,
        /// The game's own snapshot type, encoded.
        #[serde(borrow)]
        body: Bytes<'a>,
    },
    /// Something happened. Arrives exactly once, in order.
    Event {
        /// When.
        tick: Tick,
        /// The game's own event type, encoded.
        #[serde(borrow)]
        body: Bytes<'a>,
    },
    /// Who came, who went and who can be reached: at most one of these per tick.
    Members {
        /// When.
        tick: Tick,
        /// Players that are in the room from this tick on.
        #[serde(borrow)]
        joined: Vec<Member<'a>>,
        /// Players that are not in the room from this tick on.
        left: Vec<Departed>,
        /// Players that are in the room and can, or cannot, be reached from this tick on.
        changed: Vec<PresenceChange>,
    },
    /// Asks for a [`ClientMessage::Pong`]: a client that has been silent is asked whether it lives.
    Ping {
        /// Must come back unchanged.
        nonce: u32,
    },
    /// Answers a [`ClientMessage::Ping`].
    Pong {
        /// The nonce of the ping.
        nonce: u32,
    },
    /// The last frame of a connection that the server ends.
    Goodbye {
        /// Why, for a machine.
        reason: GoodbyeReason,
        /// Why and what to do, for a person. At most
        /// [`GOODBYE_TEXT_BYTES_MAX`](crate::limits::GOODBYE_TEXT_BYTES_MAX) bytes.
        text: &'a str,
    },
}

/// The answer to an accepted hello, for a new seat and for one taken again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome<'a> {
    /// Who you are.
    pub player: PlayerId,
    /// Where you are.
    pub room: RoomId,
    /// The room's tick at which you joined, or came back.
    pub tick: Tick,
    /// Ticks per second; 0 for a turn-based game, which steps only when somebody acts.
    pub tick_hz: u16,
    /// How many players fit into the room.
    pub seats: u16,
    /// The name of the game that is played here.
    pub game: &'a str,
    /// Everybody in the room at that tick, you included, in the order of joining.
    #[serde(borrow)]
    pub members: Vec<Member<'a>>,
    /// How many events for this seat came before those that follow: 0 for a new one. More than
    /// the client has counted means that the others were too old to be kept, and are lost.
    pub events_before: u32,
    /// How to get the seat back; nothing if the server holds no seats.
    pub resume: Option<ResumeOffer>,
}

/// A player as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member<'a> {
    /// Who.
    pub player: PlayerId,
    /// The name given in the hello.
    pub name: &'a str,
    /// Whether it can be reached.
    pub presence: Presence,
}

/// A player that is not in the room any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departed {
    /// Who.
    pub player: PlayerId,
    /// Why, as far as it is the other players' business.
    pub cause: LeaveCause,
}

/// Why a player left a room, as far as other players and games are concerned.
///
/// The server knows more (see its leave reasons); this is what is shown to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LeaveCause {
    /// The player said goodbye.
    Goodbye,
    /// The connection ended without a goodbye: closed, reset, or lost on the way.
    Disconnected,
    /// Nothing was heard from the player for too long.
    TimedOut,
    /// The player's connection could not keep up.
    TooSlow,
    /// The player's client broke the protocol.
    Misbehaved,
    /// The game or an operator removed the player.
    Kicked,
    /// The room or the server is closing.
    Closed,
}

/// Why a server ended a connection, in its last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GoodbyeReason {
    /// The hello's version is not the server's.
    VersionUnsupported {
        /// The version that the server speaks.
        server: u16,
    },
    /// The server does not host the game that the hello names.
    UnknownGame,
    /// The hello's name is empty, too long, or has control characters.
    BadName,
    /// The server has no free seat.
    Full,
    /// No hello came within the deadline.
    HelloTimeout,
    /// A frame was begun and not finished within the deadline.
    FrameTimeout,
    /// A frame header announced more bytes than are accepted.
    Oversize,
    /// A frame was not a message, or not one that is allowed at this point.
    Protocol,
    /// The game or an operator removed the player.
    Kicked,
    /// The server is stopping.
    Shutdown,
    /// A bug in the server.
    Internal,
    /// A bug in the game: the player's room is closed.
    RoomFailed,
    /// The client sends more frames or bytes than any client may.
    Flood,
    /// The player has come back over another connection, which has the seat now.
    Replaced,
    /// The ticket in the hello is not good (any more). A hello without one gets a new seat.
    ResumeRefused,
}

impl fmt::Display for GoodbyeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VersionUnsupported { server } => {
                write!(f, "unsupported protocol version (the server speaks {server})")
            }
            Self::UnknownGame => f.write_str("unknown game"),
            Self::BadName => f.write_str("bad name"),
            Self::Full => f.write_str("full"),
            Self::HelloTimeout => f.write_str("no hello in time"),
            Self::FrameTimeout => f.write_str("unfinished frame"),
            Self::Oversize => f.write_str("frame too long"),
            Self::Protocol => f.write_str("protocol error"),
            Self::Kicked => f.write_str("kicked"),
            Self::Shutdown => f.write_str("the server is stopping"),
            Self::Internal => f.write_str("internal error"),
            Self::Flood => f.write_str("too many frames or bytes"),
            Self::RoomFailed => f.write_str("the game in this room has failed"),
            Self::Replaced => f.write_str("the player is connected elsewhere"),
            Self::ResumeRefused => f.write_str("the seat cannot be taken again"),
        }
    }
}

impl<'a> ClientMessage<'a> {
    /// Appends this message to `out` as a frame.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if it is longer than [`CLIENT_FRAME_BYTES_MAX`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        codec::encode_frame(self, CLIENT_FRAME_BYTES_MAX, out)
    }

    /// Reads the message that is in a frame's body.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not exactly one message.
    pub fn decode(frame: &'a [u8]) -> Result<Self, DecodeError> {
        codec::decode_from_client(frame)
    }
}

impl<'a> ServerMessage<'a> {
    /// Appends this message to `out` as a frame.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if it is longer than [`SERVER_FRAME_BYTES_MAX`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        codec::encode_frame(self, SERVER_FRAME_BYTES_MAX, out)
    }

    /// Reads the message that is in a frame's body.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not exactly one message.
    pub fn decode(frame: &'a [u8]) -> Result<Self, DecodeError> {
        codec::decode_from_server(frame)
    }
}

/// The version of a frame that begins like a hello, or `None` if it does not.
///
/// Works for hellos of any version: only the part that never changes is read.
pub fn hello_version(frame: &[u8]) -> Option<u16> {
    let (variant, magic, version) = codec::decode_prefix::<(u32, [u8; 4], u16)>(frame).ok()?;
    (variant == 0 && magic == HELLO_MAGIC).then_some(version)
}

/// The version that a server speaks, from the frame in which it refuses another one; `None` for
/// any other frame.
///
/// Works for servers of any version: only the part that never changes is read.
pub fn refused_version(frame: &[u8]) -> Option<u16> {
    let (variant, reason, server) = codec::decode_prefix::<(u32, u32, u16)>(frame).ok()?;
    (variant == 6 && reason == 0).then_some(server)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        limits::{HELLO_FRAME_BYTES_MAX, NAME_BYTES_MAX},
        seat::Ticket,
    };

    #[test]
    fn the_version_of_a_hello_is_readable_whatever_follows() {
        let mut frame = Vec::new();
        let hello = Hello { version: 999, ..Hello::new("arena", "ada") };
        ClientMessage::Hello(hello).encode(&mut frame).expect("encodes");
        assert_eq!(hello_version(&frame[4..]), Some(999));
        frame.extend_from_slice(b"fields of the future");
        assert_eq!(hello_version(&frame[4..]), Some(999));
        assert_eq!(hello_version(b"GET / HTTP/1.1\r\n"), None);
        assert_eq!(hello_version(&[]), None);
    }

    #[test]
    fn the_version_of_a_server_is_readable_whatever_follows() {
        let mut frame = Vec::new();
        let reason = GoodbyeReason::VersionUnsupported { server: 999 };
        let text = "fields of the future";
        ServerMessage::Goodbye { reason, text }.encode(&mut frame).expect("encodes");
        assert_eq!(refused_version(&frame[4..]), Some(999));
        // Not a string in a later version, perhaps.
        assert_eq!(refused_version(&frame[4..10]), Some(999));
        frame.clear();
        let reason = GoodbyeReason::UnknownGame;
        ServerMessage::Goodbye { reason, text }.encode(&mut frame).expect("encodes");
        assert_eq!(refused_version(&frame[4..]), None);
        assert_eq!(refused_version(&[]), None);
    }

    #[test]
    fn the_longest_hello_fits_its_limit() {
        let name = "x".repeat(NAME_BYTES_MAX);
        let resume = Resume { ticket: Ticket([u8::MAX; 32]), events_seen: u32::MAX };
        let hello = Hello { version: u16::MAX, resume: Some(resume), ..Hello::new(&name, &name) };
        let mut frame = Vec::new();
        ClientMessage::Hello(hello).encode(&mut frame).expect("encodes");
        assert!(frame.len() - 4 <= HELLO_FRAME_BYTES_MAX);
    }

    proptest! {
        /// No bytes make a decoder panic or spin, and what decodes encodes to something that
        /// decodes to the same value.
        #[test]
        fn any_bytes_decode_or_fail_cleanly(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut again = Vec::new();
            if let Ok(message) = ClientMessage::decode(&bytes) {
                message.encode(&mut again).expect("what was read can be written");
                prop_assert_eq!(ClientMessage::decode(&again[4..]), Ok(message));
            }
            again.clear();
            if let Ok(message) = ServerMessage::decode(&bytes) {
                message.encode(&mut again).expect("what was read can be written");
                prop_assert_eq!(ServerMessage::decode(&again[4..]), Ok(message));
            }
            let _ = hello_version(&bytes);
            let _ = refused_version(&bytes);
        }

        /// A message cut short anywhere is an error, never another message.
        #[test]
        fn a_cut_message_is_an_error(
            sequence in any::<u32>(),
            body in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut frame = Vec::new();
            let message =
                ClientMessage::Input { sequence: InputSequence(sequence), body: Bytes(&body) };
            message.encode(&mut frame).expect("encodes");
            for end in 4..frame.len() {
                prop_assert!(ClientMessage::decode(&frame[4..end]).is_err());
            }
            prop_assert_eq!(ClientMessage::decode(&frame[4..]), Ok(message));
        }
    }
}
