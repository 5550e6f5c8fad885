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
/// what waits for it, the server is given up. The same as the server's patience with a silent
/// client, so that both sides of a dead link let go together.
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

/// A server's patience with a frame that is not complete, with a socket that takes nothing and with
/// a ping that is not answered. It is the server's own setting; this is its usual value.
pub const SERVER_PATIENCE: Duration = Duration::from_secs(5);

/// A server's patience with a connection that does not say hello, usually.
pub const SERVER_HELLO_PATIENCE: Duration = Duration::from_secs(5);

/// After how much silence a server asks whether the client lives, usually.
pub const SERVER_ASKS_AFTER: Duration = Duration::from_secs(1);

/// How long a bot floods a server that does not mind.
pub const FLOODS_FOR: Duration = Duration::from_secs(2);

/// How many times in one turn a bot that floods says something, if the socket takes it: the other
/// bots want to have their turn.
pub const FLOOD_BURST_MAX: usize = 64;

/// How many things a bot says before it resets, and each time that it goes on flooding.
pub const LAST_WORDS: usize = 8;

/// A byte of a frame that is sent too slowly follows the one before it after this long. The
/// shortest hello then takes longer than a server waits.
pub const TRICKLE_EVERY: Duration = Duration::from_millis(500);

/// A bot that wants to close with something unread waits so long for something to read. A server
/// that has nothing to say asks it sooner whether it lives.
pub const UNREAD_WITHIN: Duration = Duration::from_secs(5);

/// The socket of a bot that has vanished stays open for so much longer than the server may take to
/// notice.
pub const VANISHED_KEPT_FOR: Duration = Duration::from_secs(1);

/// The shortest hello, in bytes with its header: no game, a name of one byte.
const HELLO_BYTES_MIN: u128 = 4 + 9;

const _: () = {
    assert!(HELLO_BYTES_MIN * TRICKLE_EVERY.as_millis() > SERVER_HELLO_PATIENCE.as_millis());
    assert!(UNREAD_WITHIN.as_millis() > SERVER_ASKS_AFTER.as_millis());
    // Who is silent is asked, and then the patience with the answer begins.
    assert!(
        SERVER_ASKS_AFTER.as_millis() + SERVER_PATIENCE.as_millis()
            == SERVER_LOST_AFTER.as_millis()
    );
    assert!(PING_AFTER.as_millis() < SERVER_LOST_AFTER.as_millis());
    assert!(OUTBOUND_BYTES_MAX > gamekeeper_protocol::limits::CLIENT_FRAME_BYTES_MAX);
};
