//! The workload, the same for everybody and in every run, so that figures can be compared.

/// Players in a room.
pub const ROOM_SIZE: u16 = 50;

/// Ticks per second of every room.
pub const TICK_HZ: u16 = 20;

/// Bytes of each state.
pub const STATE_BYTES: usize = 1024;

/// Inputs per second of every player.
pub const INPUT_HZ: u32 = 20;

/// Rooms that so many players fill.
pub fn rooms(players: u32) -> u32 {
    players.div_ceil(u32::from(ROOM_SIZE))
}
