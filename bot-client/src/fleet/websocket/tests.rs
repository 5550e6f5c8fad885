//! The other end is tungstenite as a server, over memory.

use tungstenite::{accept, protocol::CloseFrame, protocol::frame::coding::CloseCode};

use super::*;

/// A WebSocket and the server to which it speaks.
struct Ends {
    client: WebSocket,
    server: tungstenite::WebSocket<Pipe>,
    /// What the server wrote to grant it.
    granted: Vec<u8>,
}

/// What a client makes of bytes that come in pieces of this size.
fn hear(client: &mut WebSocket, bytes: &[u8], piece: usize) -> (Vec<Vec<u8>>, Result<(), Shut>) {
    let (mut frame, mut heard) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        let outcome = client.receive(piece, &mut frame, |bytes| heard.push(bytes.to_vec()));
        if outcome.is_err() {
            return (heard, outcome);
        }
    }
    (heard, Ok(()))
}

/// All that waits for the socket, which takes it.
fn written(client: &mut WebSocket) -> Vec<u8> {
    let bytes = client.unsent().to_vec();
    client.advance(bytes.len());
    bytes
}

fn asked() -> Ends {
    let mut client = WebSocket::new("127.0.0.1:7777");
    let request = written(&mut client);
    assert!(request.starts_with(b"GET /ws HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&request));
    let pipe = Pipe { incoming: request, ..Pipe::default() };
    let mut server = accept(pipe).expect("the request is in order");
    let granted = std::mem::take(&mut server.get_mut().outgoing);
    Ends { client, server, granted }
}

fn open() -> Ends {
    let mut ends = asked();
    let (heard, outcome) = hear(&mut ends.client, &ends.granted, usize::MAX);
    assert_eq!((heard.len(), outcome, ends.client.is_open()), (0, Ok(()), true));
    ends
}

impl Ends {
    /// What the server's messages are as bytes.
    fn server_says(&mut self, messages: &[Message]) -> Vec<u8> {
        for message in messages {
            self.server.send(message.clone()).expect("memory takes everything");
        }
        std::mem::take(&mut self.server.get_mut().outgoing)
    }

    /// What the server hears of all that waits for it.
    fn server_hears(&mut self) -> Vec<Message> {
        self.server.get_mut().incoming.extend(written(&mut self.client));
        std::iter::from_fn(|| self.server.read().ok()).collect()
    }
}

fn native(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes(), body].concat()
}

#[test]
fn chunking_does_not_matter() {
    let bodies = [vec![1; 3], vec![2; 200], vec![3; 70_000], vec![4; 1]];
    let expected = bodies.clone().map(|body| native(&body));
    for piece in [1, 2, 3, 4, 7, 100, 4096, 5000, usize::MAX] {
        let mut ends = asked();
        let messages = bodies.clone().map(Message::binary);
        let bytes = [ends.granted.clone(), ends.server_says(&messages)].concat();
        let (heard, outcome) = hear(&mut ends.client, &bytes, piece);
        assert_eq!(outcome, Ok(()), "in pieces of {piece}");
        assert!(heard == expected, "in pieces of {piece}: {} frames", heard.len());
        assert!(ends.client.is_open());
    }
}

#[test]
fn frames_are_cut_where_they_end_and_nothing_is_said_before_the_upgrade() {
    let frames = [native(b"one"), native(b""), native(&[7; 4000])].concat();
    let mut early = asked();
    early.client.say(&frames);
    assert!(early.client.unsent().is_empty() && !early.client.is_open());
    let mut ends = open();
    ends.client.say(&frames);
    let heard = ends.server_hears();
    let expected = [b"one".to_vec(), Vec::new(), vec![7; 4000]].map(Message::binary);
    assert_eq!(heard, expected);
}

#[test]
fn a_ping_is_answered_and_is_no_frame() {
    let mut ends = open();
    let bytes = ends.server_says(&[Message::Ping(b"there?".to_vec().into())]);
    let (heard, outcome) = hear(&mut ends.client, &bytes, 1);
    assert_eq!((heard.len(), outcome), (0, Ok(())));
    assert_eq!(ends.server_hears(), [Message::Pong(b"there?".to_vec().into())]);
}

#[test]
fn what_comes_before_a_close_is_heard_and_the_close_is_answered() {
    let mut ends = open();
    let close = CloseFrame { code: CloseCode::Away, reason: "later".into() };
    let last = [Message::binary(b"bye".to_vec()), Message::Close(Some(close.clone()))];
    let bytes = ends.server_says(&last);
    let (heard, outcome) = hear(&mut ends.client, &bytes, 3);
    assert_eq!((heard, outcome), (vec![native(b"bye")], Err(Shut::Closed)));
    assert_eq!(ends.server_hears(), [Message::Close(Some(close))]);
}

#[test]
fn who_speaks_natively_is_heard_as_it_is() {
    let goodbye = native(b"we are full");
    for piece in [1, 3, 100] {
        let mut client = asked().client;
        let (heard, outcome) = hear(&mut client, &goodbye, piece);
        assert_eq!((heard.concat(), outcome), (goodbye.clone(), Ok(())));
        assert!(!client.is_open());
    }
}

/// The server knows by then what we speak; it means the same.
#[test]
fn a_server_without_a_place_says_goodbye() {
    let answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nlater\n";
    let (heard, outcome) = hear(&mut asked().client, answer, usize::MAX);
    assert_eq!(outcome, Err(Shut::Closed));
    let frame = heard.concat();
    let message = ServerMessage::decode(&frame[FRAME_HEADER_BYTES..]).expect("a message");
    assert_eq!(message, ServerMessage::Goodbye { reason: GoodbyeReason::Full, text: "later" });
}

#[test]
fn what_is_no_websocket_is_told_so_that_it_can_be_shown() {
    let refusal = b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno\x1b[31mway";
    let (_, outcome) = hear(&mut asked().client, refusal, usize::MAX);
    let Err(Shut::Broken(what)) = outcome else { panic!("{outcome:?}") };
    assert!(what.contains("404") && what.contains("no") && !what.contains('\x1b'), "{what}");
    let endless = [&HTTP[..], &[b'x'; 70_000]].concat();
    let (_, outcome) = hear(&mut asked().client, &endless, 1000);
    assert!(matches!(outcome, Err(Shut::Broken(_))), "{outcome:?}");
    let mut ends = open();
    let bytes = ends.server_says(&[Message::text("hello")]);
    let (_, outcome) = hear(&mut ends.client, &bytes, usize::MAX);
    assert_eq!(outcome, Err(Shut::Broken("a message is text".to_owned())));
}

/// Two thousand messages later a client holds no more than after the first ones.
#[test]
fn memory_does_not_grow_with_what_was_said() {
    let mut ends = open();
    for _ in 0..2000 {
        let bytes = ends.server_says(&[Message::binary(vec![1; 1024])]);
        assert_eq!(hear(&mut ends.client, &bytes, usize::MAX).0.len(), 1);
        ends.client.say(&native(&[2; 32]));
        assert_eq!(ends.server_hears().len(), 1);
    }
    let Stage::Open(open) = &ends.client.stage else { panic!("it is open") };
    let held = ends.client.unsent.capacity() + open.get_ref().incoming.capacity();
    assert!(held <= 2 * CHUNK_BYTES, "{held} bytes");
    assert!(ends.client.unsent().is_empty());
}
