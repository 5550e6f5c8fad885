//! Streams of clients, good and bad: ours and tungstenite make the same of them.
//!
//! Ours is stricter in five points, each on purpose: it refuses text, empty messages, lengths that
//! take more bytes than they need, and closes with a code that may not be sent (tungstenite tells
//! its user 1002 instead); and it knows the code 1014, which was registered after RFC 6455.

use gamekeeper::web::websocket::Fault;
use proptest::{collection::vec, prelude::*};
use tungstenite::protocol::{Role, frame::coding::OpCode};

use super::reading::{BINARY, CLOSE, CONTINUE, Ours, PING, PONG, Theirs, Told, cut, frame};

const LIMIT_BYTES: usize = 300;

/// What tungstenite tells of a close whose code it does not like.
fn is_replaced_close(told: &Told) -> bool {
    *told == Told::Close(Some(1002), "Protocol violation".to_owned())
}

/// One thing that a client says, in pieces, with controls between them.
#[derive(Clone, Debug)]
struct Utterance {
    fragments: Vec<Vec<u8>>,
    controls: Vec<(bool, Vec<u8>)>,
    mask: [u8; 4],
}

prop_compose! {
    fn utterance()(
        fragments in vec(vec(any::<u8>(), 0..75), 1..5),
        first in any::<u8>(),
        controls in vec((any::<bool>(), vec(any::<u8>(), 0..=125)), 0..4),
        mask in any::<[u8; 4]>(),
    ) -> Utterance {
        let mut fragments = fragments;
        // A message has at least one byte.
        fragments[0].insert(0, first);
        Utterance { fragments, controls, mask }
    }
}

/// The bytes of a conversation, and what is said in it.
fn write(utterances: &[Utterance]) -> (Vec<u8>, Vec<Told>) {
    let (mut stream, mut told) = (Vec::new(), Vec::new());
    for Utterance { fragments, controls, mask } in utterances {
        let mut controls = controls.iter();
        for (index, fragment) in fragments.iter().enumerate() {
            let opcode = if index == 0 { BINARY } else { CONTINUE };
            let is_final = index + 1 == fragments.len();
            stream.extend(frame(opcode, is_final, *mask, fragment));
            if is_final {
                told.push(Told::Message(fragments.concat()));
            }
            if let Some((is_ping, payload)) = controls.next() {
                let opcode = if *is_ping { PING } else { PONG };
                stream.extend(frame(opcode, true, *mask, payload));
                told.push(if *is_ping { Told::Ping(payload.clone()) } else { Told::Pong });
            }
        }
    }
    (stream, told)
}

/// How a length is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Length {
    Shortest,
    Wide16,
    Wide64,
    /// A lie, with many bytes to come.
    Huge(u64),
}

/// A frame with anything in it, complete unless its length is a lie.
#[derive(Clone, Debug)]
struct AnyFrame {
    first: u8,
    length: Length,
    mask: Option<[u8; 4]>,
    payload: Vec<u8>,
}

prop_compose! {
    fn any_frame()(
        first in prop_oneof![
            12 => prop::sample::select(vec![0x82, 0x02, 0x00, 0x80, 0x89, 0x8a, 0x88]),
            1 => any::<u8>(),
            1 => prop::sample::select(vec![0x01, 0x81]),
        ],
        length in prop_oneof![
            20 => Just(Length::Shortest),
            1 => Just(Length::Wide16),
            1 => Just(Length::Wide64),
            1 => (LIMIT_BYTES as u64 + 1..).prop_map(Length::Huge),
        ],
        mask in prop_oneof![15 => any::<[u8; 4]>().prop_map(Some), 1 => Just(None)],
        payload in prop_oneof![
            3 => vec(any::<u8>(), 0..10),
            1 => vec(any::<u8>(), 100..310),
            1 => "[a-zä]{0,4}".prop_map(String::into_bytes),
            1 => ((990u16..5_010), "[a-zä]{0,4}").prop_map(|(code, text)| {
                [&code.to_be_bytes()[..], text.as_bytes()].concat()
            }),
            1 => (999u16..1_018).prop_map(|code| code.to_be_bytes().to_vec()),
        ],
    ) -> AnyFrame {
        AnyFrame { first, length, mask, payload }
    }
}

impl AnyFrame {
    fn is_wide(&self) -> bool {
        match self.length {
            Length::Shortest | Length::Huge(_) => false,
            Length::Wide16 => self.payload.len() < 126,
            Length::Wide64 => true,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let length = self.payload.len() as u64;
        let mut bytes = vec![self.first];
        match (self.length, length) {
            (Length::Shortest, 0..126) => bytes.push(masked | length as u8),
            (Length::Shortest | Length::Wide16, _) => {
                bytes.push(masked | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            (Length::Wide64, _) | (Length::Huge(_), _) => {
                bytes.push(masked | 127);
                let length = if let Length::Huge(huge) = self.length { huge } else { length };
                bytes.extend(length.to_be_bytes());
            }
        }
        bytes.extend(self.mask.unwrap_or_default().iter().take(4 * usize::from(masked != 0)));
        let mask = self.mask.unwrap_or_default();
        bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// What tungstenite writes for a client is understood, however it is cut.
    #[test]
    fn a_conversation_is_the_same_for_both(
        utterances in vec(utterance(), 0..5),
        ending in prop::option::of((3_000u16..5_000, "[a-zä]{0,40}")),
        sizes in vec(1usize..40, 1..20),
    ) {
        let (mut stream, mut expected) = write(&utterances);
        if let Some((code, text)) = ending {
            let payload = [&code.to_be_bytes()[..], text.as_bytes()].concat();
            stream.extend(frame(CLOSE, true, [1, 2, 3, 4], &payload));
            expected.push(Told::Close(Some(code), text));
        }
        let mut ours = Ours::new(LIMIT_BYTES);
        let mut told = Vec::new();
        for chunk in cut(&stream, &sizes) {
            let (some, fault) = ours.read(chunk);
            prop_assert_eq!(fault, None);
            told.extend(some);
        }
        prop_assert_eq!(&told, &expected);
        prop_assert!(!ours.decoder.is_mid_frame());
        prop_assert_eq!(ours.decoder.buffered_bytes(), 0);
        let (told, error) = Theirs::new(Role::Server, LIMIT_BYTES).read(&stream);
        prop_assert!(error.is_none(), "{:?}", error);
        prop_assert_eq!(told, expected);
    }

    /// Frame by frame, both say the same or both refuse, but for the differences named above.
    #[test]
    fn a_frame_is_refused_by_both_or_by_none(frames in vec(any_frame(), 1..12)) {
        let mut ours = Ours::new(LIMIT_BYTES);
        let mut theirs = Theirs::new(Role::Server, LIMIT_BYTES);
        for frame in frames {
            let bytes = frame.to_bytes();
            let (told, fault) = ours.read(&bytes);
            let (they_told, error) = theirs.read(&bytes);
            match (fault, &error) {
                (None, None) if told == they_told => {}
                (None, None) => {
                    let is_known = matches!(told[..], [Told::Close(Some(1014), _)]);
                    prop_assert!(is_known && is_replaced_close(&they_told[0]), "{:?}", told);
                }
                (None, Some(error)) => prop_assert!(false, "only they refuse: {}", error),
                (Some(_), Some(_)) => {}
                (Some(fault), None) => {
                    let is_stricter = match fault {
                        Fault::Text | Fault::Empty => true,
                        Fault::CloseCode { .. } => is_replaced_close(&they_told[0]),
                        _ => frame.is_wide(),
                    };
                    prop_assert!(is_stricter, "only we refuse: {}", fault);
                }
            }
            if fault.is_some() || matches!(told.last(), Some(Told::Close(..))) {
                break;
            }
        }
    }

    /// Whatever comes, cut in whatever way: it is the same as in one piece, and what we accept as a
    /// whole tungstenite accepts as well.
    #[test]
    fn any_bytes_are_read_or_refused(
        utterances in vec(utterance(), 0..4),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        tail in vec(any::<u8>(), 0..60),
        sizes in vec(1usize..40, 1..20),
    ) {
        let (mut stream, _) = write(&utterances);
        for (index, byte) in changes.iter().filter(|_| !utterances.is_empty()) {
            let index = index.index(stream.len());
            stream[index] = *byte;
        }
        stream.extend(tail);

        let mut whole = Ours::new(LIMIT_BYTES);
        let (told, fault) = whole.read(&stream);
        let mut ours = Ours::new(LIMIT_BYTES);
        let (mut told_in_pieces, mut fault_in_pieces) = (Vec::new(), None);
        for chunk in cut(&stream, &sizes) {
            let (some, fault) = ours.read(chunk);
            told_in_pieces.extend(some);
            fault_in_pieces = fault_in_pieces.or(fault);
        }
        prop_assert_eq!((&told_in_pieces, fault_in_pieces), (&told, fault));
        prop_assert_eq!(ours.decoder.is_mid_frame(), whole.decoder.is_mid_frame());

        let (they_told, error) = Theirs::new(Role::Server, LIMIT_BYTES).read(&stream);
        for (ours, theirs) in told.iter().zip(&they_told) {
            let is_known = matches!(ours, Told::Close(Some(1014), _)) && is_replaced_close(theirs);
            prop_assert!(is_known || ours == theirs, "{:?} and {:?}", ours, theirs);
        }
        // We may have refused earlier, never later.
        prop_assert!(they_told.len() >= told.len());
        if fault.is_none() {
            prop_assert!(error.is_none(), "only they refuse: {:?}", error);
            prop_assert_eq!(they_told.len(), told.len());
        }
    }
}

/// The differences are there, and not only allowed: when tungstenite becomes as strict, this test
/// says so.
#[test]
fn the_known_differences() {
    let text = OpCode::Data(tungstenite::protocol::frame::coding::Data::Text);
    let mask = [9, 8, 7, 6];
    let code = |code: u16| frame(CLOSE, true, mask, &code.to_be_bytes());
    let wide = AnyFrame { first: 0x82, length: Length::Wide64, mask: Some(mask), payload: vec![1] };
    for (stream, fault) in [
        (frame(text, true, mask, b"hello"), Some(Fault::Text)),
        (frame(BINARY, true, mask, b""), Some(Fault::Empty)),
        (wide.to_bytes(), Some(Fault::WideLength)),
        (code(1005), Some(Fault::CloseCode { code: 1005 })),
        (code(1014), None),
    ] {
        assert_eq!(Ours::new(LIMIT_BYTES).read(&stream).1, fault);
        let (told, error) = Theirs::new(Role::Server, LIMIT_BYTES).read(&stream);
        assert!(error.is_none() && told.len() == 1, "{told:?} {error:?}");
    }
}
