//! Every limit of the wire format, with its unit in its name.
//!
//! The server has more limits (time, queues, rates); those are its own and do not show in the
//! bytes. These here are part of the format: both sides check them.

/// Bytes of the length prefix in front of each frame.
pub const FRAME_HEADER_BYTES: usize = 4;

/// Longest first frame of a client, in bytes without the header.
///
/// Until a connection has said hello nothing is known about it, so it gets the smallest buffer.
pub const HELLO_FRAME_BYTES_MAX: usize = 256;

/// Longest frame a client may send after its hello, in bytes without the header.
pub const CLIENT_FRAME_BYTES_MAX: usize = 4 * 1024;

/// Longest frame a server may send, in bytes without the header.
pub const SERVER_FRAME_BYTES_MAX: usize = 256 * 1024;

/// Longest player name and longest game name, in UTF-8 bytes.
pub const NAME_BYTES_MAX: usize = 32;

/// Longest human text in a goodbye, in UTF-8 bytes.
pub const GOODBYE_TEXT_BYTES_MAX: usize = 256;

/// What decoding one client message may claim in memory, in bytes.
///
/// bincode counts the width of decoded types, not the bytes on the wire, so this is wider than
/// the frame it reads from.
pub const CLIENT_DECODE_BYTES_MAX: usize = 16 * CLIENT_FRAME_BYTES_MAX;

/// What decoding one server message may claim in memory, in bytes.
pub const SERVER_DECODE_BYTES_MAX: usize = 16 * SERVER_FRAME_BYTES_MAX;

const _: () = {
    assert!(HELLO_FRAME_BYTES_MAX <= CLIENT_FRAME_BYTES_MAX);
    assert!(CLIENT_FRAME_BYTES_MAX <= SERVER_FRAME_BYTES_MAX);
    assert!(SERVER_FRAME_BYTES_MAX <= u32::MAX as usize);
    // A hello is two names, a ticket and a few bytes; it must fit whatever the names are.
    assert!(2 * (NAME_BYTES_MAX + 1) + 32 + 24 <= HELLO_FRAME_BYTES_MAX);
    assert!(GOODBYE_TEXT_BYTES_MAX + 64 <= CLIENT_FRAME_BYTES_MAX);
};
