//! What was read of a connection and is no whole message yet; and what kind of a client it is.
//!
//! Data flow: bytes -> **`Inbox`** -> what was said -> hub.
//!
//! Native clients and browsers come to the same port. The first four bytes tell them apart: the
//! length of a first native frame is small, and as a number the first letters of an HTTP request
//! are larger than any length that is accepted. From there on the stream is cut into native frames,
//! or is one HTTP request, and after an upgrade the frames of a WebSocket. This file cuts and
//! decides nothing else.

use gamekeeper_protocol::{
    FrameDecoder, FrameError,
    limits::{FRAME_HEADER_BYTES, HELLO_FRAME_BYTES_MAX},
};

use crate::web::{
    request::{Asked, Head, OriginPolicy, next_asked},
    websocket,
};

/// What was read and is no whole message yet.
#[derive(Debug)]
pub enum Inbox {
    /// Fewer bytes than tell what it is, and how many.
    Unknown([u8; FRAME_HEADER_BYTES], usize),
    /// A native client.
    Native(FrameDecoder),
    /// A browser, or something else that speaks HTTP, before its request is whole.
    Request(Box<Head>),
    /// It was answered, and nothing that it says counts.
    Answered,
    /// A WebSocket.
    Web(Box<websocket::Decoder>),
}

/// What a client has said.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// A message of the protocol.
    Message(&'a [u8]),
    /// An HTTP request.
    Asked(Asked),
    /// A WebSocket's ping, to be answered with the same bytes.
    WebPing(&'a [u8]),
    /// A frame of a WebSocket that is no message: a fragment, or the answer to a ping.
    WebPart,
    /// That it closes its WebSocket.
    WebClose {
        /// The number that says why, if it gave one.
        code: Option<u16>,
        /// Its words for it.
        text: &'a str,
    },
}

/// Why a stream cannot be cut any more. Always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutError {
    /// Into native frames.
    Native(FrameError),
    /// Into frames of a WebSocket.
    Web(websocket::Fault),
}

impl Default for Inbox {
    fn default() -> Self {
        Self::Unknown([0; FRAME_HEADER_BYTES], 0)
    }
}

impl Inbox {
    /// Takes the next thing that was said out of `input`, advancing it. `Ok(None)` leaves nothing
    /// behind: what is there of the next one is kept.
    ///
    /// # Errors
    ///
    /// [`CutError`], which is final.
    pub fn next<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
        origins: &OriginPolicy,
    ) -> Result<Option<Said<'a>>, CutError> {
        if let Self::Unknown(..) = self
            && let Some(asked) = self.decide(input, origins)
        {
            *self = Self::Answered;
            return Ok(Some(Said::Asked(asked)));
        }
        match self {
            Self::Unknown(..) => Ok(None),
            Self::Native(decoder) => {
                let frame = decoder.next_frame(input).map_err(CutError::Native)?;
                Ok(frame.map(Said::Message))
            }
            Self::Request(head) => {
                let asked = next_asked(head, input, origins);
                if asked.is_some() {
                    *self = Self::Answered;
                }
                Ok(asked.map(Said::Asked))
            }
            Self::Answered => {
                *input = &[];
                Ok(None)
            }
            Self::Web(decoder) => {
                let said = decoder.next(input).map_err(CutError::Web)?;
                Ok(said.map(|said| match said {
                    websocket::Incoming::Message(message) => Said::Message(message),
                    websocket::Incoming::Ping(payload) => Said::WebPing(payload),
                    websocket::Incoming::Part | websocket::Incoming::Pong => Said::WebPart,
                    websocket::Incoming::Close { code, text } => Said::WebClose { code, text },
                }))
            }
        }
    }

    /// Finds out what kind of a client it is that has said this, and takes nothing in: of somebody
    /// who leaves already, so that it can be told so in its language.
    pub fn recognize(&mut self, mut bytes: &[u8]) {
        if let Self::Unknown(..) = self {
            // What it asks for does not matter any more.
            let _ = self.decide(&mut bytes, &OriginPolicy::default());
        }
    }

    /// The request to become a WebSocket was granted: what follows are its frames.
    pub fn upgrade(&mut self) {
        *self = Self::Web(Box::new(websocket::Decoder::new(HELLO_FRAME_BYTES_MAX)));
    }

    /// Changes how long a message may be whose beginning has not been read yet.
    pub fn set_limit_bytes(&mut self, limit_bytes: usize) {
        match self {
            Self::Native(decoder) => decoder.set_limit_bytes(limit_bytes),
            Self::Web(decoder) => decoder.set_limit_bytes(limit_bytes),
            Self::Unknown(..) | Self::Request(_) | Self::Answered => {}
        }
    }

    /// Whether the stream stands inside something: an end of file here cuts it in two.
    pub fn is_mid_frame(&self) -> bool {
        match self {
            Self::Unknown(_, held) => *held > 0,
            Self::Native(decoder) => decoder.is_mid_frame(),
            Self::Request(_) => true,
            Self::Answered => false,
            Self::Web(decoder) => decoder.is_mid_frame(),
        }
    }

    /// Whether it is a WebSocket.
    pub fn is_web(&self) -> bool {
        matches!(self, Self::Web(_))
    }

    /// Whether it has spoken HTTP, and was not made a WebSocket.
    pub fn is_http(&self) -> bool {
        matches!(self, Self::Request(_) | Self::Answered)
    }

    /// What kind of a client it is, in answers to operators.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unknown(..) => "unknown",
            Self::Native(_) => "native",
            Self::Request(_) | Self::Answered => "http",
            Self::Web(_) => "websocket",
        }
    }

    /// Finds out what it is, if enough is there. A request whose first bytes are none already is
    /// what comes out.
    fn decide(&mut self, input: &mut &[u8], origins: &OriginPolicy) -> Option<Asked> {
        let Self::Unknown(start, held) = self else { return None };
        if *held == 0
            && let Some(first) = input.first_chunk()
        {
            *self = Self::beginning_with(*first);
            return None;
        }
        let (taken, rest) = input.split_at(input.len().min(FRAME_HEADER_BYTES - *held));
        start[*held..*held + taken.len()].copy_from_slice(taken);
        *held += taken.len();
        *input = rest;
        if *held < FRAME_HEADER_BYTES {
            return None;
        }
        let start = *start;
        *self = Self::beginning_with(start);
        match self {
            // What is wrong with these bytes comes up again with the next call.
            Self::Native(decoder) => {
                let _ = decoder.next_frame(&mut &start[..]);
                None
            }
            Self::Request(head) => next_asked(head, &mut &start[..], origins),
            Self::Unknown(..) | Self::Answered | Self::Web(_) => None,
        }
    }

    fn beginning_with(start: [u8; FRAME_HEADER_BYTES]) -> Self {
        if is_request(&start) {
            Self::Request(Box::default())
        } else {
            Self::Native(FrameDecoder::new(HELLO_FRAME_BYTES_MAX))
        }
    }
}

/// Whether these are the first bytes of an HTTP request. Fewer than a header has tell nothing.
pub fn is_request(bytes: &[u8]) -> bool {
    let start: Option<&[u8; FRAME_HEADER_BYTES]> = bytes.first_chunk();
    start.is_some_and(|[first @ .., last]| {
        first.iter().all(u8::is_ascii_uppercase) && (last.is_ascii_uppercase() || *last == b' ')
    })
}

impl CutError {
    /// The number by which a browser is told why its WebSocket is closed.
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Self::Native(_) => None,
            Self::Web(fault) => Some(fault.close_code()),
        }
    }
}

const _: () = {
    // The smallest number that four such letters can be is no length of a hello.
    assert!(u32::from_le_bytes(*b"AAA ") as usize > HELLO_FRAME_BYTES_MAX);
};

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::{ClientMessage, Hello};

    use super::*;

    fn hello() -> Vec<u8> {
        let mut bytes = Vec::new();
        ClientMessage::Hello(Hello::new("arena", "ada")).encode(&mut bytes).expect("short");
        bytes
    }

    /// What is said in these pieces, as text, one for each.
    fn say(pieces: &[&[u8]]) -> (Vec<String>, Inbox) {
        let (mut inbox, mut said) = (Inbox::default(), Vec::new());
        let origins = OriginPolicy::default();
        for piece in pieces {
            let mut piece = *piece;
            while let Some(one) = inbox.next(&mut piece, &origins).transpose() {
                match one {
                    Ok(Said::Message(message)) => said.push(format!("{} bytes", message.len())),
                    Ok(Said::Asked(asked)) => said.push(format!("{asked:?}")),
                    other => said.push(format!("{other:?}")),
                }
                if said.len() > 10 || said.last().is_some_and(|last| last.starts_with("Err")) {
                    break;
                }
            }
        }
        (said, inbox)
    }

    #[test]
    fn a_native_client_is_known_however_its_hello_is_cut() {
        let hello = hello();
        for cut in 0..hello.len() {
            let (said, inbox) = say(&[&hello[..cut], &hello[cut..]]);
            assert_eq!(
                said,
                [format!("{} bytes", hello.len() - FRAME_HEADER_BYTES)],
                "cut at {cut}"
            );
            assert_eq!((inbox.label(), inbox.is_mid_frame()), ("native", false));
        }
    }

    #[test]
    fn a_browser_is_known_however_its_request_is_cut() {
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for cut in 0..request.len() {
            let (said, inbox) = say(&[&request[..cut], &request[cut..]]);
            assert!(said.len() == 1 && said[0].starts_with("File"), "cut at {cut}: {said:?}");
            assert_eq!(inbox.label(), "http");
        }
    }

    #[test]
    fn a_length_that_nobody_accepts_is_an_error_however_it_is_cut() {
        for cut in 0..4 {
            let (said, _) = say(&[&[0xff, 0xff, 0xff, 0xff][..cut], &[0xff; 5][cut..]]);
            assert!(said[0].contains("Oversize"), "cut at {cut}: {said:?}");
        }
    }

    /// What begins with other letters, or with letters of which no request can, is refused however
    /// it is cut, and nothing is read of what comes next.
    #[test]
    fn what_only_looks_like_a_request_is_refused_however_it_is_cut() {
        for bytes in [b"    x", b" GETx", b"A  Bx", b"GET\0x", b"GETTx", b"XYZ x"] {
            for cut in 0..=bytes.len() {
                let pieces = [&bytes[..cut], &bytes[cut..], b"\0\0\r\n\r\n"];
                let (mut said, inbox) = say(&pieces);
                // An error is final, and said again.
                said.dedup();
                let refused = said.iter().any(|it| it.contains("Refused") || it.contains("Err"));
                assert!(refused, "{bytes:?} cut at {cut}: {said:?}");
                assert!(said.len() == 1, "{bytes:?} cut at {cut}: {said:?} {inbox:?}");
            }
        }
    }

    /// Somebody who leaves already is not read, only recognized.
    #[test]
    fn who_is_not_listened_to_is_recognized_all_the_same() {
        let known = |pieces: &[&[u8]]| {
            let mut inbox = Inbox::default();
            pieces.iter().for_each(|piece| inbox.recognize(piece));
            inbox.label()
        };
        let request = b"GET /ws HTTP/1.1\r\n\r\n";
        assert_eq!([known(&[request]), known(&[&request[..3], &request[3..]])], ["http"; 2]);
        assert_eq!([known(&[&hello()]), known(&[&[0xff; 9]])], ["native"; 2]);
        assert_eq!([known(&[]), known(&[b"GE"])], ["unknown"; 2]);
    }

    #[test]
    fn one_byte_tells_nothing() {
        let (said, inbox) = say(&[b"G"]);
        assert_eq!((said.len(), inbox.label(), inbox.is_mid_frame()), (0, "unknown", true));
    }
}
