//! The bytes of the protocol, exactly: `docs/protocol.md` against this crate, in both directions.
//!
//! The document holds the bytes, this test holds the values. Every `hex` block of the document has
//! a name, every name has a value here, and every variant that the code can decode has a block. So
//! neither a change of the format nor a change of the document can go unnoticed, and an author of a
//! client in another language can use the same blocks as test vectors.
//!
//! A failure here means that existing clients cannot talk to this server any more. If that is
//! wanted, raise [`gamekeeper_protocol::PROTOCOL_VERSION`] and change the document.

mod document;
mod values;
mod vectors;

use std::collections::{BTreeMap, BTreeSet};

use gamekeeper_protocol::{
    ClientMessage, GoodbyeReason, LeaveCause, Presence, ServerMessage, codec, games, limits,
};

use document::{Document, PROTOCOL_MD};

#[test]
fn every_example_of_the_document_is_what_the_code_encodes_and_decodes() {
    let examples = Document::parse(PROTOCOL_MD).examples;
    for vector in vectors::all() {
        let Some(bytes) = examples.get(vector.name) else {
            panic!("docs/protocol.md has no example named {:?}", vector.name);
        };
        assert_eq!(
            document::hex(&vector.encoded),
            document::hex(bytes),
            "left: what the code encodes; right: what the document says of {:?}",
            vector.name
        );
        assert!((vector.decodes)(bytes), "{:?} decodes to another value", vector.name);
    }
}

#[test]
fn the_document_has_no_example_that_nobody_checks() {
    let known: BTreeSet<_> = vectors::all().iter().map(|vector| vector.name).collect();
    let examples = Document::parse(PROTOCOL_MD).examples;
    let written: BTreeSet<_> = examples.keys().map(String::as_str).collect();
    assert_eq!(written, known, "left: in the document; right: in the test");
}

#[test]
fn every_line_about_the_encoding_of_values_is_true() {
    let lines = Document::parse(PROTOCOL_MD).values;
    assert!(lines.len() > 40, "the document explains the encoding by {} examples", lines.len());
    for line in lines {
        values::check(line);
    }
}

#[test]
fn every_limit_in_the_document_is_the_limit_in_the_code() {
    let expected: BTreeMap<_, _> = [
        ("FRAME_HEADER_BYTES", limits::FRAME_HEADER_BYTES),
        ("HELLO_FRAME_BYTES_MAX", limits::HELLO_FRAME_BYTES_MAX),
        ("CLIENT_FRAME_BYTES_MAX", limits::CLIENT_FRAME_BYTES_MAX),
        ("SERVER_FRAME_BYTES_MAX", limits::SERVER_FRAME_BYTES_MAX),
        ("NAME_BYTES_MAX", limits::NAME_BYTES_MAX),
        ("GOODBYE_TEXT_BYTES_MAX", limits::GOODBYE_TEXT_BYTES_MAX),
        ("PROTOCOL_VERSION", usize::from(gamekeeper_protocol::PROTOCOL_VERSION)),
        ("FIELD_SIZE", games::arena::FIELD_SIZE as usize),
        ("PLAYER_RADIUS", games::arena::PLAYER_RADIUS as usize),
        ("HEALTH_MAX", usize::from(games::arena::HEALTH_MAX)),
        ("PLAYER_SPEED", games::arena::PLAYER_SPEED as usize),
        ("SHOT_SPEED", games::arena::SHOT_SPEED as usize),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    assert_eq!(Document::parse(PROTOCOL_MD).constants, expected);
}

/// New variants go to the end, because every number that was ever used has an example here.
#[test]
fn every_variant_that_decodes_has_an_example() {
    let examples = Document::parse(PROTOCOL_MD).examples;
    let first_bytes = |prefix: &str, offset: usize| -> BTreeSet<u8> {
        let of_kind = examples.iter().filter(|(name, _)| name.starts_with(prefix));
        of_kind.map(|(_, bytes)| bytes[offset]).collect()
    };
    let header = limits::FRAME_HEADER_BYTES;

    let client = variants_that_decode(|bytes| ClientMessage::decode(bytes).is_ok());
    assert_eq!(first_bytes("client.", header), client, "client messages");

    let server = variants_that_decode(|bytes| ServerMessage::decode(bytes).is_ok());
    assert_eq!(first_bytes("server.", header), server, "server messages");

    let reasons = variants_that_decode(decodes::<GoodbyeReason>);
    assert_eq!(first_bytes("server.goodbye.", header + 1), reasons, "goodbye reasons");

    let causes = variants_that_decode(decodes::<LeaveCause>);
    assert_eq!(first_bytes("cause.", 0), causes, "leave causes");

    let changed = examples["server.members.changed"].iter().copied();
    let presences = variants_that_decode(decodes::<Presence>);
    assert!(presences.iter().copied().eq(changed.skip(12).step_by(2)), "presences");

    let arena = variants_that_decode(decodes::<games::arena::Event>);
    assert_eq!(first_bytes("arena.event.", 0), arena, "events of the arena");

    let noughts = variants_that_decode(decodes::<games::noughts::Event>);
    assert_eq!(first_bytes("noughts.event.", 0), noughts, "events of noughts");
}

fn decodes<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> bool {
    codec::decode_from_server::<T>(bytes).is_ok()
}

/// The variant numbers that decode when enough zeros follow.
///
/// Zero is a legal value of every field that the protocol has, so this finds each variant without a
/// list that somebody would have to keep.
fn variants_that_decode(decodes: impl Fn(&[u8]) -> bool) -> BTreeSet<u8> {
    let with_zeros = |variant: u8, zeros: usize| {
        let mut bytes = vec![variant];
        bytes.resize(1 + zeros, 0);
        bytes
    };
    (0..=250).filter(|variant| (0..64).any(|zeros| decodes(&with_zeros(*variant, zeros)))).collect()
}
