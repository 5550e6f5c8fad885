//! Every limit of the client side, with its unit in its name.
//!
//! The limits of the wire format are in [`gamekeeper_protocol::limits`]; these here are the
//! client's own and do not show in the bytes.

use std::time::Duration;

/// Unsent bytes that a connection may hold. A server that does not read for so long that this
/// fills up is not worth talking to.
pub const OUTBOUND_BYTES_MAX: usize = 64 * 1024;

/// When no whole message has been received for this long, the client asks whether the server lives.
pub const PING_AFTER: Duration = Duration::from_secs(2);

/// When no whole message has been received for this long, no welcome, or nothing has been taken of
/// what waits for it, the server is given up. The same as the
/// server's patience with a silent client, so that both sides of a dead link let go together.
pub const SERVER_LOST_AFTER: Duration = Duration::from_secs(6);

/// How long a connect may take before it is given up.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A game that lasted for this long was worth its connect: the next attempt after it is a first
/// one. With less, a client of a server that loses it again and again would never slow down.
pub const STEADY_AFTER: Duration = Duration::from_secs(5);

/// How many departed players a roster remembers, to tell a ghost from a stranger.
pub const DEPARTED_REMEMBERED: usize = 256;

/// Bytes read from a socket at once.
pub const READ_BYTES: usize = 64 * 1024;

/// Reads from one socket in one turn, so that no server can own a fleet's thread.
pub const READS_PER_TURN: usize = 16;

/// Connects begun in one turn. A burst beyond the server's listen backlog would be answered by
/// silence and a retry after a second, and would measure the kernel instead of the server.
pub const CONNECTS_PER_TURN: usize = 32;

/// Receive buffer asked for by a bot that will stall, in bytes. The kernel doubles it.
pub const STALL_RECEIVE_BUFFER_BYTES: usize = 4096;

/// Behind this much on its input schedule, a bot skips to the present instead of sending a burst.
pub const INPUT_LAG_MAX: Duration = Duration::from_secs(1);

const _: () = {
    assert!(PING_AFTER.as_millis() < SERVER_LOST_AFTER.as_millis());
    assert!(OUTBOUND_BYTES_MAX > gamekeeper_protocol::limits::CLIENT_FRAME_BYTES_MAX);
};
