//! A WebSocket begins: tungstenite as a client asks, and our answer satisfies it.

use gamekeeper::web::request::{Asked, Head, OriginPolicy, next_asked, upgrade_response};
use proptest::prelude::*;
use tungstenite::{HandshakeError, client::client, handshake::derive_accept_key, http::Uri};

use super::reading::Pipe;

#[test]
fn a_client_asks_and_is_satisfied_with_the_answer() {
    let uri: Uri = "ws://play.example:7777/ws?room=7".parse().expect("an address");
    let Err(HandshakeError::Interrupted(mut waiting)) = client(uri, Pipe::default()) else {
        panic!("nobody has answered yet");
    };
    let pipe = waiting.get_mut().get_mut();
    let mut request = &pipe.written[..];
    let asked = next_asked(&mut Head::new(), &mut request, &OriginPolicy::default());
    let Some(Asked::Upgrade { accept }) = asked else { panic!("{asked:?}") };
    assert!(request.is_empty(), "a client waits for its answer");
    pipe.arriving.extend(upgrade_response(&accept));
    let (_, response) = waiting.handshake().expect("the answer is right");
    assert_eq!(response.status(), 101);
}

proptest! {
    #[test]
    fn any_key_is_confirmed(bytes in any::<[u8; 16]>()) {
        let key = data_encoding::BASE64.encode(&bytes);
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        );
        let policy = OriginPolicy::default();
        let asked = next_asked(&mut Head::new(), &mut request.as_bytes(), &policy);
        let accept = derive_accept_key(key.as_bytes());
        prop_assert_eq!(asked, Some(Asked::Upgrade { accept }));
    }

    /// Whatever comes, it is asked for or refused, the same however it is cut.
    #[test]
    fn any_bytes_are_a_request_or_refused(
        line in "(GET|HEAD|POST|get) /(ws|a)? HTTP/1\\.[01]",
        headers in prop::collection::vec(
            "(Host|Origin|Connection|Upgrade|Content-Length|X): ?[0a-c,: -]{0,4}(upgrade)?", 0..8,
        ),
        tail in prop::collection::vec(any::<u8>(), 0..20),
        sizes in prop::collection::vec(1usize..40, 1..20),
    ) {
        let text = [&[line], &headers[..]].concat().join("\r\n") + "\r\n\r\n";
        let stream = [text.as_bytes(), &tail].concat();
        let policy = OriginPolicy::default();
        let mut rest = &stream[..];
        let whole = next_asked(&mut Head::new(), &mut rest, &policy);
        prop_assert!(whole.is_some());
        prop_assert!(matches!(whole, Some(Asked::Refused(_))) || rest == &tail[..]);
        let mut head = Head::new();
        let mut chunks = super::reading::cut(&stream, &sizes).into_iter();
        let asked = chunks.find_map(|mut chunk| next_asked(&mut head, &mut chunk, &policy));
        prop_assert_eq!(asked, whole);
        prop_assert_eq!(head.buffered_bytes(), 0);
    }
}
