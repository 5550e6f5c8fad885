//! Bytes that no server should send.
//!
//! Data flow: fault -> **`wrong`** -> [`Conversation`](super::Conversation) -> client.

use gamekeeper_bot::{
    clock::Moment,
    dice::{Dice, Purpose},
};
use gamekeeper_protocol::{
    GoodbyeReason, Hello, PROTOCOL_VERSION, ServerMessage, limits::SERVER_FRAME_BYTES_MAX,
};

use super::room::{Room, frame};

/// Random bytes that are sent as garbage.
const GARBAGE_BYTES: usize = 4096;

/// Bytes that follow a header of four gibibytes: enough to be tempting.
const HUGE_FOLLOWED_BY_BYTES: usize = 1024;

/// Bytes of a goodbye's text that has 256 at most.
const LONG_TEXT_BYTES: usize = 200_000;

/// What a person would see if the text of a goodbye went to a terminal as it is: the title of the
/// window changes, the screen is cleared, and the bell rings.
const RUDE_TEXT: &str = "\u{1b}]0;gone\u{7}\u{1b}[2J\u{7}the server is going down ";

/// The version that a server of the wrong version speaks.
const OTHER_VERSION: u16 = PROTOCOL_VERSION + 1;

/// Random bytes, a function of the seed and the connection.
pub(super) fn garbage(seed: u64, connection: u32) -> Vec<u8> {
    let mut bytes = vec![0; GARBAGE_BYTES];
    Dice::new(seed, connection, Purpose::Nonsense).fill(&mut bytes);
    bytes
}

/// A header and a part of a good body.
pub(super) fn half_frame(connection: u32, now: Moment) -> Vec<u8> {
    let room = Room::open(&Hello::new("", "you"), connection);
    let mut bytes = room.expect("without a ticket there is always a room").welcome(now);
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// A header of four gibibytes, and a few of them.
pub(super) fn huge() -> Vec<u8> {
    let mut bytes = u32::MAX.to_le_bytes().to_vec();
    bytes.resize(bytes.len() + HUGE_FOLLOWED_BY_BYTES, 0);
    bytes
}

/// A header of no bytes.
pub(super) fn empty_frame() -> Vec<u8> {
    vec![0; 4]
}

/// A whole frame whose number no message has.
pub(super) fn unknown_message() -> Vec<u8> {
    vec![4, 0, 0, 0, 99, 1, 2, 3]
}

/// The refusal of a later version: its beginning is as in all versions, its text has become a list
/// of languages, and what follows is new.
pub(super) fn other_version() -> Vec<u8> {
    let reason = GoodbyeReason::VersionUnsupported { server: OTHER_VERSION };
    let mut bytes = frame(&ServerMessage::Goodbye { reason, text: "" });
    bytes.pop();
    bytes.extend_from_slice(&[2, 2, b'd', b'e', 2, b'e', b'n', 0xff, 0xff]);
    let body_bytes = u32::try_from(bytes.len() - 4).expect("a few bytes");
    bytes[..4].copy_from_slice(&body_bytes.to_le_bytes());
    bytes
}

/// A goodbye whose text is far too long and not fit to be shown.
pub(super) fn long_goodbye() -> Vec<u8> {
    let text = RUDE_TEXT.repeat(LONG_TEXT_BYTES / RUDE_TEXT.len());
    frame(&ServerMessage::Goodbye { reason: GoodbyeReason::Shutdown, text: &text })
}

const _: () = assert!(LONG_TEXT_BYTES < SERVER_FRAME_BYTES_MAX);

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::{FrameDecoder, FrameError, message::refused_version};

    use super::*;

    /// The body of the first frame, as a client's decoder sees it.
    fn body(bytes: &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        let mut decoder = FrameDecoder::new(SERVER_FRAME_BYTES_MAX);
        decoder.next_frame(&mut &bytes[..]).map(|body| body.map(<[u8]>::to_vec))
    }

    #[test]
    fn each_is_wrong_in_its_own_way() {
        assert_eq!(body(&half_frame(1, Moment(0))), Ok(None));
        assert!(matches!(
            body(&huge()),
            Err(FrameError::Oversize { announced_bytes: u32::MAX, .. })
        ));
        assert_eq!(body(&empty_frame()), Err(FrameError::Empty));
        for bytes in [unknown_message(), other_version()] {
            let body = body(&bytes).expect("well framed").expect("whole");
            assert!(ServerMessage::decode(&body).is_err());
        }
        let long = body(&long_goodbye()).expect("well framed").expect("whole");
        assert!(matches!(ServerMessage::decode(&long), Ok(ServerMessage::Goodbye { .. })));
    }

    #[test]
    fn the_version_is_where_every_version_has_it() {
        let body = body(&other_version()).expect("well framed").expect("whole");
        assert_eq!(refused_version(&body), Some(OTHER_VERSION));
    }

    #[test]
    fn garbage_is_a_function_of_seed_and_connection() {
        assert_eq!(garbage(1, 2), garbage(1, 2));
        assert_ne!(garbage(1, 2), garbage(1, 3));
        assert_ne!(garbage(1, 2), garbage(2, 2));
    }
}
