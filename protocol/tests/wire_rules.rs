//! The rules under which bincode is safe to use on bytes of strangers, each one a test.
//!
//! 1. Decode only one complete frame, never without a limit.
//! 2. Every byte of the frame is used.
//! 3. Nothing on the wire that bincode cannot bound or that serde cannot encode without names.
//! 4. New enum variants go to the end (`golden` holds the numbers).
//! 5. A hot body is opaque bytes, borrowed from the frame.
//! 6. No floating-point numbers.
//! 7. Whatever the bytes are: no panic, bounded work, and what decodes encodes again.
//!
//! Several of these have more tests beside the code, in `codec.rs` and `message.rs`.

use std::fmt::Debug;

use gamekeeper_protocol::{
    ClientMessage, DecodeError, Departed, Hello, InputSequence, LeaveCause, Member, PlayerId,
    Presence, PresenceChange, Resume, ResumeOffer, RoomId, ServerMessage, Tick, Ticket, Welcome,
    codec::{self, Bytes},
    games::{arena, noughts},
    limits::{CLIENT_FRAME_BYTES_MAX, FRAME_HEADER_BYTES, SERVER_FRAME_BYTES_MAX},
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

/// Every file whose types go over the wire.
const WIRE_SOURCES: [(&str, &str); 7] = [
    ("codec.rs", include_str!("../src/codec.rs")),
    ("ids.rs", include_str!("../src/ids.rs")),
    ("message.rs", include_str!("../src/message.rs")),
    ("seat.rs", include_str!("../src/seat.rs")),
    ("games/arena.rs", include_str!("../src/games/arena.rs")),
    ("games/benchmark.rs", include_str!("../src/games/benchmark.rs")),
    ("games/noughts.rs", include_str!("../src/games/noughts.rs")),
];

/// A varint that claims `length` elements or bytes.
fn claim(length: u64) -> Vec<u8> {
    let mut bytes = vec![253];
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes
}

fn body_of(frame: &[u8]) -> &[u8] {
    &frame[FRAME_HEADER_BYTES..]
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode_value(value, &mut bytes).expect("a plain value encodes");
    bytes
}

#[test]
fn rule_1_the_limit_is_wide_enough_for_every_frame_that_is_allowed() {
    let mut frame = Vec::new();
    let largest = vec![7; CLIENT_FRAME_BYTES_MAX - 9];
    let input = ClientMessage::Input { sequence: InputSequence(u32::MAX), body: Bytes(&largest) };
    input.encode(&mut frame).expect("fits exactly");
    assert_eq!(body_of(&frame).len(), CLIENT_FRAME_BYTES_MAX);
    assert_eq!(ClientMessage::decode(body_of(&frame)), Ok(input));

    frame.clear();
    let largest = vec![7; SERVER_FRAME_BYTES_MAX - 11];
    let snapshot = ServerMessage::Snapshot { tick: Tick(u32::MAX), body: Bytes(&largest) };
    snapshot.encode(&mut frame).expect("fits exactly");
    assert_eq!(body_of(&frame).len(), SERVER_FRAME_BYTES_MAX);
    assert_eq!(ServerMessage::decode(body_of(&frame)), Ok(snapshot));

    // The decoder counts what the elements take in memory. The shortest names are the worst case.
    frame.clear();
    let left = vec![Departed { player: PlayerId(0), cause: LeaveCause::Goodbye }; 50_000];
    let joined = vec![Member { player: PlayerId(0), name: "", presence: Presence::Here }; 50_000];
    let members = ServerMessage::Members { tick: Tick(0), joined, left, changed: vec![] };
    members.encode(&mut frame).expect("fits");
    assert_eq!(ServerMessage::decode(body_of(&frame)), Ok(members));

    frame.clear();
    let away = PresenceChange { player: PlayerId(0), presence: Presence::Away };
    let (joined, left, changed) = (vec![], vec![], vec![away; 120_000]);
    let members = ServerMessage::Members { tick: Tick(0), joined, left, changed };
    members.encode(&mut frame).expect("fits");
    assert_eq!(ServerMessage::decode(body_of(&frame)), Ok(members));
}

#[test]
fn rule_1_a_claim_in_any_field_is_an_error_and_not_an_allocation() {
    for length in [1 << 20, 1 << 32, 1 << 40, u64::MAX] {
        let hello_game = [vec![0, b'G', b'K', b'P', b'R', 1], claim(length)].concat();
        let input = [vec![1, 1], claim(length)].concat();
        for bytes in [hello_game, input] {
            assert!(ClientMessage::decode(&bytes).is_err(), "{bytes:?}");
        }
        let welcome_members = [vec![0, 1, 1, 1, 20, 16, 0], claim(length)].concat();
        let snapshot = [vec![1, 1], claim(length)].concat();
        let event = [vec![2, 1], claim(length)].concat();
        let joined = [vec![3, 1], claim(length)].concat();
        let left = [vec![3, 1, 0], claim(length)].concat();
        let goodbye = [vec![6, 1], claim(length)].concat();
        for bytes in [welcome_members, snapshot, event, joined, left, goodbye] {
            assert!(ServerMessage::decode(&bytes).is_err(), "{bytes:?}");
        }
        let shots = [vec![0], claim(length)].concat();
        for bytes in [claim(length), shots] {
            assert!(codec::decode_from_server::<arena::Snapshot>(&bytes).is_err(), "{bytes:?}");
        }
    }
}

#[test]
fn rule_1_only_codec_names_bincode_and_it_never_reads_from_a_stream() {
    for (file, source) in WIRE_SOURCES {
        let uses = source.matches("bincode::").count();
        assert_eq!(uses > 0, file == "codec.rs", "{file} names bincode {uses} times");
        assert!(!source.contains("decode_from_std_read"), "{file} decodes from a stream");
        assert!(!source.contains("decode_from_reader"), "{file} decodes from a stream");
    }
}

#[test]
fn rule_2_bytes_left_over_are_refused_in_every_message() {
    let messages = [
        ClientMessage::Hello(Hello::new("arena", "ada")),
        ClientMessage::Hello(Hello::resuming(Resume { ticket: Ticket([7; 32]), events_seen: 1 })),
        ClientMessage::Input { sequence: InputSequence(1), body: Bytes(b"body") },
        ClientMessage::Ping { nonce: 1 },
        ClientMessage::Pong { nonce: 1 },
        ClientMessage::Goodbye,
    ];
    for message in messages {
        let mut frame = Vec::new();
        message.encode(&mut frame).expect("encodes");
        frame.push(0);
        let used_bytes = body_of(&frame).len() - 1;
        let error = DecodeError::TrailingBytes { used_bytes, frame_bytes: used_bytes + 1 };
        assert_eq!(ClientMessage::decode(body_of(&frame)), Err(error), "{message:?}");
    }
}

/// A list of elements that take no bytes can claim 2^64 of them in a frame of ten bytes, and the
/// decoder would count to 2^64. With one byte for each element it stops at the end of the frame.
#[test]
fn rule_3_every_element_of_a_list_takes_at_least_one_byte() {
    let shortest = [
        encoded(&Member { player: PlayerId(0), name: "", presence: Presence::Here }).len(),
        encoded(&Departed { player: PlayerId(0), cause: LeaveCause::Goodbye }).len(),
        encoded(&arena::Shot { owner: PlayerId(0), x: 0, y: 0, direction: 0 }).len(),
        encoded(&PresenceChange { player: PlayerId(0), presence: Presence::Here }).len(),
        encoded(&None::<PlayerId>).len(),
    ];
    assert!(shortest.iter().all(|bytes| *bytes > 0), "{shortest:?}");
    let lists: usize = WIRE_SOURCES.iter().map(|(_, source)| lists_in(source)).sum();
    assert_eq!(lists, 6, "a list is new: add its element above, and its claim to rule 1");
}

/// How many fields are lists: `members`, `joined`, `left`, `changed`, `players` and `shots`.
fn lists_in(source: &str) -> usize {
    let fields = production_lines(source).filter(|line| line.contains(": Vec<"));
    fields.filter(|line| line.ends_with(',')).count()
}

#[test]
fn rules_3_and_6_no_type_that_the_wire_cannot_carry() {
    let forbidden_types = ["usize", "isize", "f32", "f64", "Box<", "HashMap", "HashSet", ": ()"];
    let forbidden_attributes = ["flatten", "untagged", "tag =", "skip"];
    for (file, source) in WIRE_SOURCES {
        for line in production_lines(source) {
            if let Some(attribute) = line.strip_prefix("#[serde(") {
                let bad = forbidden_attributes.iter().find(|word| attribute.contains(**word));
                assert_eq!(bad, None, "{file}: {line}");
            }
            // A field of a type that derives serde; codec.rs has none.
            let is_field = line.ends_with(',') && line.contains(": ") && file != "codec.rs";
            if is_field {
                let bad = forbidden_types.iter().find(|word| line.contains(**word));
                assert_eq!(bad, None, "{file}: {line}");
            }
        }
    }
}

/// Lines without indentation and comments, up to the unit tests.
fn production_lines(source: &str) -> impl Iterator<Item = &str> {
    let lines = source.lines().map(str::trim).take_while(|line| *line != "#[cfg(test)]");
    lines.filter(|line| !line.starts_with("//"))
}

#[test]
fn rule_5_a_body_is_carried_as_it_is_and_lent_from_the_frame() {
    let body = [0, 250, 251, 252, 253, 254, 255];
    let mut frame = Vec::new();
    let message = ServerMessage::Snapshot { tick: Tick(1), body: Bytes(&body) };
    message.encode(&mut frame).expect("encodes");
    assert!(frame.ends_with(&body));
    let Ok(ServerMessage::Snapshot { body: Bytes(lent), .. }) =
        ServerMessage::decode(body_of(&frame))
    else {
        panic!("a snapshot decodes as one");
    };
    assert!(std::ptr::eq(lent, &raw const frame[frame.len() - body.len()..]));
}

/// Longer varints are legal, so bytes are no identity. This is why nobody compares or signs them.
#[test]
fn two_encodings_of_one_message_are_one_message() {
    let short = ClientMessage::decode(&[2, 3]);
    assert_eq!(short, Ok(ClientMessage::Ping { nonce: 3 }));
    assert_eq!(ClientMessage::decode(&[251, 2, 0, 252, 3, 0, 0, 0]), short);
}

/// What decodes encodes to something that decodes to the same value, and takes no more bytes.
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = codec::decode_from_server::<T>(bytes) {
        let again = encoded(&value);
        assert!(again.len() <= bytes.len(), "the shortest encoding is not the shortest");
        assert_eq!(codec::decode_from_server::<T>(&again), Ok(value));
    }
}

prop_compose! {
    fn players()(
        player in any::<u32>(), x in any::<i16>(), y in any::<i16>(), aim in any::<u8>(),
        health in any::<u8>(), respawn_ticks in any::<u8>(), score in any::<u16>(),
        last_input in any::<u32>(),
    ) -> arena::Player {
        let (player, last_input) = (PlayerId(player), InputSequence(last_input));
        arena::Player { player, x, y, aim, health, respawn_ticks, score, last_input }
    }
}

prop_compose! {
    fn shots()(
        owner in any::<u32>(), x in any::<i16>(), y in any::<i16>(), direction in any::<u8>(),
    ) -> arena::Shot {
        arena::Shot { owner: PlayerId(owner), x, y, direction }
    }
}

proptest! {
    /// Rule 7 for messages that are nearly right: the decoder gets much further with these than
    /// with bytes that are random from the start.
    #[test]
    fn rule_7_a_damaged_message_is_read_or_refused_cleanly(
        name in "\\PC{0,8}",
        numbers in any::<[u32; 3]>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        chop in any::<bool>(),
    ) {
        let [player, room, tick] = numbers;
        let member = Member { player: PlayerId(player), name: &name, presence: Presence::Stalled };
        let left = Departed { player: PlayerId(player), cause: LeaveCause::Closed };
        let changed = PresenceChange { player: PlayerId(player), presence: Presence::Away };
        let messages = [
            ServerMessage::Welcome(Welcome {
                player: PlayerId(player), room: RoomId(room), tick: Tick(tick), tick_hz: 20,
                seats: 16, game: &name, members: vec![member; 3], events_before: tick,
                resume: Some(ResumeOffer { ticket: Ticket([7; 32]), window_ms: room }),
            }),
            ServerMessage::Members {
                tick: Tick(tick),
                joined: vec![member],
                left: vec![left; 2],
                changed: vec![changed; 3],
            },
        ];
        for message in messages {
            let mut frame = Vec::new();
            message.encode(&mut frame).expect("encodes");
            let mut bytes = body_of(&frame).to_vec();
            for (place, value) in &damage {
                let place = place.index(bytes.len());
                bytes[place] = *value;
            }
            if chop {
                bytes.truncate(cut.index(bytes.len()));
            }
            if let Ok(read) = ServerMessage::decode(&bytes) {
                let mut again = Vec::new();
                read.encode(&mut again).expect("what was read can be written");
                prop_assert!(body_of(&again).len() <= bytes.len());
                prop_assert_eq!(ServerMessage::decode(body_of(&again)), Ok(read));
            }
            let _ = ClientMessage::decode(&bytes);
        }
    }

    /// Rule 7 for the bodies of the built-in games.
    #[test]
    fn rule_7_any_bytes_are_a_body_or_are_refused(
        bytes in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..64),
    ) {
        survives::<arena::Input>(&bytes);
        survives::<arena::Snapshot>(&bytes);
        survives::<arena::Event>(&bytes);
        survives::<noughts::Input>(&bytes);
        survives::<noughts::Snapshot>(&bytes);
        survives::<noughts::Event>(&bytes);
    }

    #[test]
    fn an_arena_snapshot_survives_the_wire(
        players in prop::collection::vec(players(), 0..6),
        shots in prop::collection::vec(shots(), 0..6),
    ) {
        let snapshot = arena::Snapshot { players, shots };
        let bytes = encoded(&snapshot);
        prop_assert_eq!(codec::decode_from_server::<arena::Snapshot>(&bytes), Ok(snapshot));
        // Every element and every field is there in full: no prefix is a snapshot.
        for end in 0..bytes.len() {
            prop_assert!(codec::decode_from_server::<arena::Snapshot>(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn an_arena_input_is_always_four_bytes(
        move_x in any::<i8>(), move_y in any::<i8>(), aim in any::<u8>(), fire in any::<bool>(),
    ) {
        let input = arena::Input { move_x, move_y, aim, fire };
        let bytes = encoded(&input);
        prop_assert_eq!(&bytes[..], [move_x as u8, move_y as u8, aim, u8::from(fire)]);
        prop_assert_eq!(codec::decode_from_client::<arena::Input>(&bytes), Ok(input));
    }
}
