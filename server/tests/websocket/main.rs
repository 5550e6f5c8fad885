//! The server's WebSocket codec from outside: against another implementation, and by the cases of
//! the protocol.
//!
//! The other implementation is tungstenite. It shares no code with ours, so a mistake would have to
//! be made twice to go unseen.

mod cases;
mod differential;
mod handshake;
mod reading;
mod writing;
