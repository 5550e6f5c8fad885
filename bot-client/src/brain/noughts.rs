//! A bot's mind for noughts and crosses: any free cell, when it is its turn.

use gamekeeper_protocol::{
    DecodeError, PlayerId, codec,
    games::noughts::{Input, Snapshot},
};

use crate::dice::Dice;

/// Plays noughts and crosses.
#[derive(Debug)]
pub struct NoughtsBrain {
    dice: Dice,
    seen: Snapshot,
    /// A move is on its way; another one would be out of turn.
    waiting: bool,
}

impl NoughtsBrain {
    /// A mind that draws from `dice`.
    pub fn new(dice: Dice) -> Self {
        Self { dice, seen: Snapshot::default(), waiting: false }
    }

    pub(super) fn observe(&mut self, body: &[u8]) -> Result<(), DecodeError> {
        self.seen = codec::decode_from_server(body)?;
        self.waiting = false;
        Ok(())
    }

    /// The last move may have been refused: think again.
    pub(super) fn reconsider(&mut self) {
        self.waiting = false;
    }

    /// The move to make now, being the player `me`, if there is one.
    pub fn decide(&mut self, me: PlayerId) -> Option<Input> {
        if self.waiting || self.seen.turn != Some(me) {
            return None;
        }
        let free: Vec<u8> =
            (0..9).filter(|cell| self.seen.cells[usize::from(*cell)].is_none()).collect();
        let chosen = self.dice.below(free.len() as u32) as usize;
        let cell = *free.get(chosen)?;
        self.waiting = true;
        Some(Input { cell })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Purpose;

    fn show(brain: &mut NoughtsBrain, cells: [Option<PlayerId>; 9], turn: Option<u32>) {
        let mut body = Vec::new();
        let snapshot = Snapshot { cells, turn: turn.map(PlayerId) };
        codec::encode_value(&snapshot, &mut body).expect("encodes");
        brain.observe(&body).expect("decodes");
    }

    #[test]
    fn it_moves_once_per_turn_and_only_to_free_cells() {
        let me = PlayerId(1);
        let mut brain = NoughtsBrain::new(Dice::new(1, 1, Purpose::Play));
        assert_eq!(brain.decide(me), None, "nothing seen yet");
        let mut cells = [Some(PlayerId(2)); 9];
        cells[4] = None;
        show(&mut brain, cells, Some(2));
        assert_eq!(brain.decide(me), None, "not my turn");
        show(&mut brain, cells, Some(1));
        assert_eq!(brain.decide(me), Some(Input { cell: 4 }));
        assert_eq!(brain.decide(me), None, "already moved");
        brain.reconsider();
        assert_eq!(brain.decide(me), Some(Input { cell: 4 }));
        show(&mut brain, [Some(me); 9], Some(1));
        assert_eq!(brain.decide(me), None, "no cell is free");
    }
}
