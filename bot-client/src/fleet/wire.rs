//! What is between a connection and its socket: nothing, or a WebSocket.
//!
//! Part of one bot's state. Socket -> bytes -> **`Wire`** -> connection -> **`Wire`** -> bytes ->
//! socket. It decides nothing about the bot.

use super::{
    Endpoint,
    websocket::{Shut, WebSocket},
};
use crate::{
    clock::Moment,
    connection::{Connection, Event, ServerFault},
    departure::Transport,
};

/// What is between a connection and its socket.
#[derive(Debug)]
pub(super) enum Wire {
    /// The native protocol is on the socket as it is.
    Native,
    /// Each frame is a message of a WebSocket.
    Web(Box<WebSocket>),
}

impl Wire {
    /// What a new connection to this endpoint needs.
    pub(super) fn new(endpoint: &Endpoint, transport: Transport) -> Self {
        match (endpoint, transport) {
            (Endpoint::Tcp(address), Transport::Ws) => {
                Self::Web(Box::new(WebSocket::new(&address.to_string())))
            }
            _ => Self::Native,
        }
    }

    /// Whether the connection can be heard on the other side: of a WebSocket, once it is one.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Native => true,
            Self::Web(web) => web.is_open(),
        }
    }

    /// Hands the connection what the socket gave. `frame` is memory that all bots share.
    pub(super) fn hear(
        &mut self,
        connection: &mut Connection,
        bytes: &[u8],
        now: Moment,
        frame: &mut Vec<u8>,
        mut on_event: impl FnMut(Event<'_>),
    ) {
        let Self::Web(web) = self else { return connection.handle_bytes(bytes, now, on_event) };
        let shut = web.receive(bytes, frame, |bytes| {
            connection.handle_bytes(bytes, now, &mut on_event);
        });
        match shut {
            Ok(()) => {}
            Err(Shut::Closed) => connection.handle_eof(),
            Err(Shut::Broken(what)) => connection.handle_fault(ServerFault::WebSocket { what }),
        }
    }

    /// Has what the connection wants to say ready for the socket. As long as the socket has not
    /// taken what was ready before, the rest waits in the connection, which knows how long that may
    /// last.
    pub(super) fn prepare(&mut self, connection: &mut Connection) {
        if let Self::Web(web) = self
            && web.is_open()
            && web.unsent().is_empty()
        {
            web.say(connection.unsent());
            connection.advance(connection.unsent().len());
        }
    }

    /// The bytes to write next.
    pub(super) fn unsent<'a>(&'a self, connection: &'a Connection) -> &'a [u8] {
        match self {
            Self::Native => connection.unsent(),
            Self::Web(web) => web.unsent(),
        }
    }

    /// Records that the socket took so many of them.
    pub(super) fn advance(&mut self, connection: &mut Connection, written: usize) {
        match self {
            Self::Native => connection.advance(written),
            Self::Web(web) => web.advance(written),
        }
    }

    /// Whether the socket has taken all that was to be said.
    pub(super) fn has_said_all(&self, connection: &Connection) -> bool {
        connection.unsent().is_empty() && self.unsent(connection).is_empty()
    }

    /// Takes all that is still to be said, as bytes for the socket.
    pub(super) fn take_unsent(&mut self, connection: &mut Connection) -> Vec<u8> {
        if let Self::Web(web) = self {
            web.say(connection.unsent());
            connection.advance(connection.unsent().len());
        }
        let bytes = self.unsent(connection).to_vec();
        self.advance(connection, bytes.len());
        bytes
    }
}
