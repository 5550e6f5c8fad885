//! What we write is read by tungstenite as a client.

use gamekeeper::web::websocket::{Opcode, close_payload, header};
use proptest::{collection::vec, prelude::*};
use tungstenite::protocol::Role;

use super::reading::{Theirs, Told};

const LIMIT_BYTES: usize = 1 << 20;

fn read(stream: &[u8]) -> Vec<Told> {
    let (told, error) = Theirs::new(Role::Client, LIMIT_BYTES).read(stream);
    assert!(error.is_none(), "{error:?}");
    told
}

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    [header(opcode, payload.len()).as_slice(), payload].concat()
}

#[test]
fn a_length_at_every_edge_is_read() {
    for payload_bytes in [0, 1, 125, 126, 127, 65_535, 65_536, 262_144] {
        let payload = vec![7; payload_bytes];
        assert_eq!(read(&frame(Opcode::Binary, &payload)), [Told::Message(payload)]);
    }
}

proptest! {
    #[test]
    fn what_we_write_is_what_a_client_reads(
        messages in vec(vec(any::<u8>(), 0..300), 0..5),
        ping in vec(any::<u8>(), 0..=125),
        code in 3_000u16..5_000,
        text in "[ -~]{0,90}[ä-ü]{0,40}",
    ) {
        let mut stream = frame(Opcode::Ping, &ping);
        stream.extend(frame(Opcode::Pong, &ping));
        stream.extend(messages.iter().flat_map(|message| frame(Opcode::Binary, message)));
        stream.extend(frame(Opcode::Close, &close_payload(code, &text)));

        let told = read(&stream);
        prop_assert_eq!(&told[..2], &[Told::Ping(ping), Told::Pong]);
        let expected: Vec<_> = messages.into_iter().map(Told::Message).collect();
        prop_assert_eq!(&told[2..told.len() - 1], &expected[..]);
        let Some(Told::Close(Some(found), cut)) = told.last() else {
            return Err(TestCaseError::fail("there is no close"));
        };
        prop_assert_eq!(*found, code);
        // As much as fits: a character has at most two bytes here.
        prop_assert!(text.starts_with(cut) && (cut.len() == text.len() || cut.len() >= 122));
    }
}
