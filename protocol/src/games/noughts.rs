//! Noughts and crosses: the vocabulary of the turn-based teaching example.

use serde::{Deserialize, Serialize};

use crate::ids::PlayerId;

/// The game's name in a hello.
pub const NAME: &str = "noughts";

/// A move: the cell to mark, 0 to 8, row by row from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The cell to mark.
    pub cell: u8,
}

/// The board and whose turn it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Who marked each cell, row by row from the top left.
    pub cells: [Option<PlayerId>; 9],
    /// Who may move; nobody while a player is missing.
    pub turn: Option<PlayerId>,
}

/// Something that happened on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The move does not count: it is not your turn, or the cell is taken or does not exist.
    /// Only the player that moved sees this.
    Refused,
    /// Three in a row. The board is cleared for the next game.
    Won {
        /// By whom.
        player: PlayerId,
    },
    /// The board is full and nobody won. The board is cleared for the next game.
    Drawn,
}
