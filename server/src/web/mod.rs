//! What browsers speak on the port of the game: HTTP, and WebSocket after it.
//!
//! Data flow: bytes -> **`request`** -> upgrade -> **`websocket`** -> messages; and back,
//! messages -> **header** -> queue. A native client's bytes go past this folder.
//!
//! All of it is pure: bytes in, values or bytes out. It does no I/O, knows no connection, counts
//! and limits nothing but lengths, and does not look inside a message.

pub mod files;
pub mod head;
pub mod origin;
pub mod request;
pub mod response;
pub mod websocket;
