//! A browser's side of a WebSocket, without a socket.
//!
//! Data flow: socket -> bytes -> **`WebSocket`** -> native frames -> connection;
//! connection -> native frames -> **`WebSocket`** -> bytes -> socket.
//!
//! A connection speaks native frames only. Here each of them becomes a binary message, and each
//! binary message a frame again. The rules of WebSocket are tungstenite's: the server has a codec
//! of its own, and a mistake in it would have to be made twice to stay hidden. It reads from and
//! writes to a [`Pipe`] of bytes and never touches a socket, so what the fleet does to sockets it
//! does to those of browsers in the same way.

use std::{
    fmt,
    io::{self, Read, Write},
};

use gamekeeper_protocol::{
    GoodbyeReason, ServerMessage,
    limits::{CLIENT_FRAME_BYTES_MAX, FRAME_HEADER_BYTES, SERVER_FRAME_BYTES_MAX},
};
use tungstenite::{
    Error, HandshakeError, Message,
    client::client_with_config,
    handshake::{MidHandshake, client::ClientHandshake},
    http::{Response, StatusCode, Uri},
    protocol::WebSocketConfig,
};

/// Bytes that tungstenite is given at once, and that it reads at once: with its usual buffers, a
/// thousand bots would take 128 MiB.
const CHUNK_BYTES: usize = 4096;

/// The path at which the server speaks WebSocket.
const PATH: &str = "/ws";

/// What every answer to a request begins with. As the length of a native frame it would be more
/// than is allowed.
const HTTP: [u8; 4] = *b"HTTP";

/// What ends the head of an answer.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Of an answer that refuses us, so many characters are told.
const REFUSAL_CHARS_MAX: usize = 120;

/// One WebSocket, from the request to upgrade on.
pub(super) struct WebSocket {
    stage: Stage,
    /// What was read before it was clear what the server speaks.
    beginning: Vec<u8>,
    /// What waits for the socket.
    unsent: Vec<u8>,
    /// How much of that the socket has taken.
    sent: usize,
}

/// How far a WebSocket has come.
enum Stage {
    /// Nothing of an answer has come.
    Asked(Box<MidHandshake<ClientHandshake<Pipe>>>),
    /// An answer is there, or a part of one that is far too long.
    Answered(Box<MidHandshake<ClientHandshake<Pipe>>>),
    /// The server says something in the native protocol instead. It does so when it has no place
    /// for us and does not know what we speak yet; if it does, it answers with 503.
    Native,
    /// Messages can come and go.
    Open(Box<tungstenite::WebSocket<Pipe>>),
    /// It is over.
    Over,
}

/// Why nothing more comes over a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// The server has closed it.
    Closed,
    /// The server speaks something else, or breaks the rules.
    Broken(String),
}

impl fmt::Debug for WebSocket {
    /// Not the bytes: there may be a ticket in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Asked(_) => "asked",
            Stage::Answered(_) => "answered",
            Stage::Native => "native",
            Stage::Open(_) => "open",
            Stage::Over => "over",
        };
        write!(f, "WebSocket {stage}, {} bytes unsent", self.unsent().len())
    }
}

impl WebSocket {
    /// A WebSocket to this host; the request to upgrade waits for the socket.
    pub(super) fn new(host: &str) -> Self {
        let uri = format!("ws://{host}{PATH}").parse::<Uri>();
        let uri = uri.expect("an address and a port are an authority");
        let mut unsent = Vec::new();
        let stage = match client_with_config(uri, Pipe::default(), Some(config())) {
            Err(HandshakeError::Interrupted(mut mid)) => {
                mid.get_mut().get_mut().take_outgoing(&mut unsent);
                Stage::Asked(Box::new(mid))
            }
            Ok(_) | Err(HandshakeError::Failure(_)) => {
                unreachable!("nothing has been read, and the request is in order")
            }
        };
        Self { stage, beginning: Vec::new(), unsent, sent: 0 }
    }

    /// Whether messages can be sent.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    /// Takes what the socket gave, and yields native frames, one at a time and whole, put together
    /// in `frame`; or whatever a server says that speaks the native protocol.
    ///
    /// # Errors
    ///
    /// [`Shut`] if nothing more will come.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        frame: &mut Vec<u8>,
        mut on_frame: impl FnMut(&[u8]),
    ) -> Result<(), Shut> {
        if let Stage::Asked(_) = self.stage {
            self.beginning.extend_from_slice(bytes);
            if self.is_undecided() {
                return Ok(());
            }
            let beginning = std::mem::take(&mut self.beginning);
            self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Asked(mid) if beginning.starts_with(&HTTP) => Stage::Answered(mid),
                _ => Stage::Native,
            };
            return self.receive(&beginning, frame, on_frame);
        }
        for chunk in bytes.chunks(CHUNK_BYTES) {
            self.take_in(chunk, frame, &mut on_frame)?;
        }
        Ok(())
    }

    /// Whether too little of an answer is there. tungstenite gets the head of it in one piece: it
    /// takes one in many small pieces for an attack.
    fn is_undecided(&self) -> bool {
        let beginning = &self.beginning;
        let is_whole = || beginning.windows(HEAD_END.len()).any(|bytes| bytes == HEAD_END);
        beginning.len() < HTTP.len()
            || beginning.starts_with(&HTTP) && beginning.len() < CHUNK_BYTES && !is_whole()
    }

    fn take_in(
        &mut self,
        chunk: &[u8],
        frame: &mut Vec<u8>,
        on_frame: &mut impl FnMut(&[u8]),
    ) -> Result<(), Shut> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Answered(mut mid) => {
                mid.get_mut().get_mut().incoming.extend_from_slice(chunk);
                match mid.handshake() {
                    Ok((open, _)) => Stage::Open(Box::new(open)),
                    Err(HandshakeError::Interrupted(mid)) => Stage::Answered(Box::new(mid)),
                    Err(HandshakeError::Failure(Error::Http(answer))) if is_full(&answer) => {
                        on_frame(&goodbye_full(&answer));
                        return Err(Shut::Closed);
                    }
                    Err(HandshakeError::Failure(error)) => return Err(broken(&error)),
                }
            }
            Stage::Open(mut open) => {
                open.get_mut().incoming.extend_from_slice(chunk);
                Stage::Open(open)
            }
            Stage::Native => {
                on_frame(chunk);
                Stage::Native
            }
            Stage::Asked(_) | Stage::Over => Stage::Over,
        };
        let Stage::Open(open) = &mut self.stage else { return Ok(()) };
        let outcome = loop {
            match open.read() {
                Ok(Message::Binary(payload)) => {
                    frame.clear();
                    frame.extend_from_slice(&(payload.len() as u32).to_le_bytes());
                    frame.extend_from_slice(&payload);
                    on_frame(frame);
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Text(_)) => break Err(Shut::Broken("a message is text".to_owned())),
                Ok(Message::Close(_)) => break Err(Shut::Closed),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(broken(&error)),
            }
        };
        // Answers to pings and to a close. Writing to memory does not fail.
        let _ = open.flush();
        open.get_mut().take_outgoing(&mut self.unsent);
        outcome
    }

    /// Makes whole native frames messages that wait for the socket. While messages cannot be sent
    /// nothing is: whoever asks looks at [`Self::is_open`] before.
    pub(super) fn say(&mut self, mut frames: &[u8]) {
        let Stage::Open(open) = &mut self.stage else { return };
        while let Some((header, rest)) = frames.split_first_chunk::<FRAME_HEADER_BYTES>() {
            let length = (u32::from_le_bytes(*header) as usize).min(rest.len());
            let (payload, next) = rest.split_at(length);
            // After the server's close nothing can be said, and nobody listens.
            let _ = open.write(Message::binary(payload.to_vec()));
            frames = next;
        }
        let _ = open.flush();
        open.get_mut().take_outgoing(&mut self.unsent);
    }

    /// The bytes to write next.
    pub(super) fn unsent(&self) -> &[u8] {
        &self.unsent[self.sent..]
    }

    /// Records that the socket took so many of them.
    pub(super) fn advance(&mut self, written: usize) {
        self.sent += written;
        if self.sent == self.unsent.len() {
            self.unsent.clear();
            self.sent = 0;
        }
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(CHUNK_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * CLIENT_FRAME_BYTES_MAX)
        .max_message_size(Some(SERVER_FRAME_BYTES_MAX))
        .max_frame_size(Some(SERVER_FRAME_BYTES_MAX))
}

/// Whether a server says in this way that it has no place for us.
fn is_full(answer: &Response<Option<Vec<u8>>>) -> bool {
    answer.status() == StatusCode::SERVICE_UNAVAILABLE
}

/// The same as a native client is told it, with the words of the answer.
fn goodbye_full(answer: &Response<Option<Vec<u8>>>) -> Vec<u8> {
    let body = String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default());
    let text: String = body.trim().chars().take(REFUSAL_CHARS_MAX).collect();
    let mut frame = Vec::new();
    let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::Full, text: &text };
    goodbye.encode(&mut frame).expect("a short message");
    frame
}

/// What is wrong, so that it can be shown.
fn broken(error: &Error) -> Shut {
    let what = match error {
        Error::Http(answer) => {
            let body = answer.body().as_deref().unwrap_or_default();
            format!("it answers with {}: {}", answer.status(), String::from_utf8_lossy(body).trim())
        }
        error => error.to_string(),
    };
    let shown = what.chars().take(REFUSAL_CHARS_MAX);
    Shut::Broken(shown.map(|c| if c.is_control() { ' ' } else { c }).collect())
}

/// What tungstenite takes for a socket: bytes that have come, and bytes that are to go.
#[derive(Debug, Default)]
struct Pipe {
    incoming: Vec<u8>,
    /// How much of `incoming` was read; everything, between two calls.
    read: usize,
    outgoing: Vec<u8>,
}

impl Pipe {
    fn take_outgoing(&mut self, to: &mut Vec<u8>) {
        to.append(&mut self.outgoing);
    }
}

impl Read for Pipe {
    /// That nothing is there is not the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.incoming[self.read..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        if self.read == self.incoming.len() {
            self.incoming.clear();
            self.read = 0;
        }
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
