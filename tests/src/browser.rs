//! The client's half of a WebSocket, as little as a test needs, and also what no browser would do.
//!
//! It shares no code with the server, nor with the bots.

/// What was heard of a connection that was to become a WebSocket.
#[derive(Debug, Default)]
pub struct Browser {
    /// What was received and is no whole frame yet; before the upgrade, the answer to the request.
    received: Vec<u8>,
    /// The head of the answer, once it is whole.
    pub head: Option<String>,
    /// What came behind the head of an answer that is no upgrade.
    pub body: Vec<u8>,
    /// The pongs that were heard.
    pub pongs: Vec<Vec<u8>>,
    /// The number and the words of the server's close frame.
    pub closed: Option<(u16, String)>,
}

/// A frame's first byte: whole, and of this kind.
pub const BINARY: u8 = 0x82;
/// See [`BINARY`].
pub const TEXT: u8 = 0x81;
/// See [`BINARY`].
pub const CLOSE: u8 = 0x88;
/// See [`BINARY`].
pub const PING: u8 = 0x89;

/// The request for a WebSocket, with these lines more.
pub fn upgrade(lines: &str) -> Vec<u8> {
    format!(
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
    .into_bytes()
}

/// A frame of a client: its first byte, and its payload under a mask.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    begun(first, payload.len() as u64, payload)
}

/// A frame of a client that announces so many bytes, as far as these of its payload.
pub fn begun(first: u8, announced_bytes: u64, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match announced_bytes {
        short @ 0..126 => bytes.push(0x80 | u8::try_from(short).expect("it is short")),
        long @ 126..0x1_0000 => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(long).expect("two bytes").to_be_bytes());
        }
        longer => {
            bytes.push(0x80 | 127);
            bytes.extend(longer.to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

impl Browser {
    /// Whether the server has made it a WebSocket.
    pub fn is_open(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.starts_with("HTTP/1.1 101 "))
    }

    /// Gives back the memory that it does not need now.
    pub fn let_go(&mut self) {
        self.received.shrink_to_fit();
    }

    /// Takes in what was received; each message in it is handed to `hear`.
    pub fn take_in(&mut self, bytes: &[u8], mut hear: impl FnMut(&[u8])) {
        self.received.extend_from_slice(bytes);
        if self.head.is_none() {
            let end = self.received.windows(4).position(|four| four == b"\r\n\r\n");
            let Some(end) = end else { return };
            let head: Vec<u8> = self.received.drain(..end + 4).collect();
            self.head = Some(String::from_utf8(head).expect("an answer is ASCII"));
        }
        if !self.is_open() {
            self.body.append(&mut self.received);
            return;
        }
        while let Some((first, payload, whole)) = whole_frame(&self.received) {
            assert!(self.closed.is_none(), "nothing comes after a close frame");
            match first {
                BINARY => hear(payload),
                CLOSE => {
                    let code = u16::from_be_bytes([payload[0], payload[1]]);
                    let text = String::from_utf8(payload[2..].to_vec()).expect("UTF-8");
                    self.closed = Some((code, text));
                }
                0x8a => self.pongs.push(payload.to_vec()),
                other => panic!("the server sends a frame that begins {other:#x}"),
            }
            self.received.drain(..whole);
        }
    }
}

/// The first frame of a server: its first byte, its payload, and how long it is.
fn whole_frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let &[first, length, ..] = bytes else { return None };
    assert!(length < 128, "a server's frame has no mask");
    let (start, length) = match length {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().expect("two")))),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().expect("eight"));
            (10, usize::try_from(length).expect("tests hear less"))
        }
        short => (2, usize::from(short)),
    };
    Some((first, bytes.get(start..start + length)?, start + length))
}
