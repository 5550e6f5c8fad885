//! The arena's vocabulary: move, aim, shoot, score.
//!
//! All positions are integers, so that every machine computes the same game. The field is
//! [`FIELD_SIZE`] units in both directions, the origin is the top left corner, y grows downwards.

use serde::{Deserialize, Serialize};

use crate::ids::{InputSequence, PlayerId};

/// The game's name in a hello.
pub const NAME: &str = "arena";
/// Width and height of the field, in units.
pub const FIELD_SIZE: i16 = 4_000;
/// A player is a circle of this radius, in units.
pub const PLAYER_RADIUS: i16 = 40;
/// Health of a player that has just (re)appeared, in points.
pub const HEALTH_MAX: u8 = 100;
/// Speed of a player at full tilt, in units per second. Clients need it to show their own player
/// ahead of the server.
pub const PLAYER_SPEED: i16 = 600;
/// Speed of a shot, in units per second.
pub const SHOT_SPEED: i16 = 1_600;

/// What a player wants to do, until it says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Input {
    /// Horizontal wish: negative is left, positive right, 127 full speed. Capped to a circle.
    pub move_x: i8,
    /// Vertical wish: negative is up, positive down, 127 full speed.
    pub move_y: i8,
    /// Where to look, in 1/256 of a turn, clockwise from east.
    pub aim: u8,
    /// Whether to shoot. A shot leaves when the weapon is ready.
    pub fire: bool,
}

/// The state of the arena at one tick.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Everybody in the room, in the order of joining.
    pub players: Vec<Player>,
    /// Every shot in the air.
    pub shots: Vec<Shot>,
}

/// One player at one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Player {
    /// Who.
    pub player: PlayerId,
    /// Position, 0 to [`FIELD_SIZE`].
    pub x: i16,
    /// Position, 0 to [`FIELD_SIZE`].
    pub y: i16,
    /// Where the player looks, in 1/256 of a turn, clockwise from east.
    pub aim: u8,
    /// 0 while waiting to reappear, else up to [`HEALTH_MAX`].
    pub health: u8,
    /// Ticks until the player reappears; 0 while in play.
    pub respawn_ticks: u8,
    /// Opponents brought down.
    pub score: u16,
    /// The last input of this player that counted.
    pub last_input: InputSequence,
}

/// One shot at one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shot {
    /// Who fired it.
    pub owner: PlayerId,
    /// Position.
    pub x: i16,
    /// Position.
    pub y: i16,
    /// Direction of flight, in 1/256 of a turn, clockwise from east.
    pub direction: u8,
}

/// Something that happened in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// A player was brought down by another.
    Down {
        /// Whose shot it was.
        by: PlayerId,
        /// Who is down.
        player: PlayerId,
    },
    /// A player is back in play.
    Respawned {
        /// Who.
        player: PlayerId,
    },
}
