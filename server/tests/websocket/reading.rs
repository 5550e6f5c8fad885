//! What both implementations make of a stream of a client, in the same words.

use std::io::{self, Read, Write};

use gamekeeper::web::websocket::{CONTROL_BYTES_MAX, Decoder, Fault, Incoming};
use tungstenite::{
    Error, Message, WebSocket,
    protocol::{
        Role, WebSocketConfig,
        frame::{
            Frame, FrameHeader,
            coding::{Control, Data, OpCode},
        },
    },
};

pub(crate) const BINARY: OpCode = OpCode::Data(Data::Binary);
pub(crate) const CONTINUE: OpCode = OpCode::Data(Data::Continue);
pub(crate) const PING: OpCode = OpCode::Control(Control::Ping);
pub(crate) const PONG: OpCode = OpCode::Control(Control::Pong);
pub(crate) const CLOSE: OpCode = OpCode::Control(Control::Close);

/// What a frame meant. Fragments that complete nothing are left out: tungstenite does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Message(Vec<u8>),
    /// Only tungstenite tells this; ours refuses text.
    Text(String),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>, String),
}

/// A frame as tungstenite writes it for a client.
pub(crate) fn frame(opcode: OpCode, is_final: bool, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader { is_final, opcode, mask: Some(mask), ..FrameHeader::default() };
    let mut bytes = Vec::new();
    let frame = Frame::from_payload(header, payload.to_vec().into());
    frame.format(&mut bytes).expect("a Vec takes everything");
    bytes
}

/// Our decoder, and the bound of its memory.
pub(crate) struct Ours {
    pub(crate) decoder: Decoder,
    limit_bytes: usize,
}

impl Ours {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { decoder: Decoder::new(limit_bytes), limit_bytes }
    }

    /// What comes out for these bytes, and the fault if there is one.
    pub(crate) fn read(&mut self, mut input: &[u8]) -> (Vec<Told>, Option<Fault>) {
        let mut told = Vec::new();
        loop {
            match self.decoder.next(&mut input) {
                Ok(Some(Incoming::Message(bytes))) => told.push(Told::Message(bytes.to_vec())),
                Ok(Some(Incoming::Part)) => {}
                Ok(Some(Incoming::Ping(bytes))) => told.push(Told::Ping(bytes.to_vec())),
                Ok(Some(Incoming::Pong)) => told.push(Told::Pong),
                Ok(Some(Incoming::Close { code, text })) => {
                    told.push(Told::Close(code, text.to_owned()));
                }
                Ok(None) => {
                    assert!(input.is_empty(), "Ok(None) leaves no input behind");
                    return (told, None);
                }
                Err(fault) => return (told, Some(fault)),
            }
            let bound_bytes = self.limit_bytes + CONTROL_BYTES_MAX;
            assert!(self.decoder.buffered_bytes() <= bound_bytes, "more memory than is allowed");
        }
    }
}

/// A socket without a network: it has what was put in, and keeps what is written.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) arriving: Vec<u8>,
    pub(crate) written: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.arriving.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(self.arriving.len());
        buffer[..count].copy_from_slice(&self.arriving[..count]);
        self.arriving.drain(..count);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// tungstenite, on either side.
pub(crate) struct Theirs {
    socket: WebSocket<Pipe>,
}

impl Theirs {
    pub(crate) fn new(role: Role, limit_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(512)
            .max_message_size(Some(limit_bytes))
            .max_frame_size(Some(limit_bytes));
        Self { socket: WebSocket::from_raw_socket(Pipe::default(), role, Some(config)) }
    }

    /// What comes out for these bytes, and the error if there is one. A close is not an error.
    pub(crate) fn read(&mut self, input: &[u8]) -> (Vec<Told>, Option<Error>) {
        self.socket.get_mut().arriving.extend_from_slice(input);
        let mut told = Vec::new();
        loop {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => told.push(Told::Message(bytes.to_vec())),
                Ok(Message::Text(text)) => told.push(Told::Text(text.to_string())),
                Ok(Message::Ping(bytes)) => told.push(Told::Ping(bytes.to_vec())),
                Ok(Message::Pong(_)) => told.push(Told::Pong),
                Ok(Message::Close(frame)) => {
                    let code = frame.as_ref().map(|frame| frame.code.into());
                    let text = frame.map_or_else(String::new, |frame| frame.reason.to_string());
                    told.push(Told::Close(code, text));
                    return (told, None);
                }
                Ok(Message::Frame(_)) => unreachable!("it is never read, says its documentation"),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return (told, None);
                }
                Err(error) => return (told, Some(error)),
            }
        }
    }
}

/// Cuts a stream into chunks of these sizes, in turn.
pub(crate) fn cut<'a>(stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let (mut chunks, mut rest) = (Vec::new(), stream);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}
