//! Noughts and crosses: a whole game on one page, to learn the [`Game`] trait from.
//!
//! Turn-based: the room steps only when a player acts, joins or leaves. Two seats. The first
//! player to sit down begins; whoever wins or loses, the next game starts on an empty board.

use gamekeeper_protocol::{
    LeaveCause, PlayerId, Tick,
    games::noughts::{Event, Input, NAME, Snapshot},
};

use super::{Audience, Game, Outbox, PlayerInput, Setup};

/// The eight ways to have three in a row.
const LINES: [[usize; 3]; 8] =
    [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

/// One board and the players at it.
#[derive(Debug, Default)]
pub struct Noughts {
    /// At most two, in the order of joining.
    players: Vec<PlayerId>,
    cells: [Option<PlayerId>; 9],
    /// Index into `players` of whoever moves next.
    turn: usize,
}

impl Game for Noughts {
    const NAME: &'static str = NAME;
    const TICK_HZ: u16 = 0;
    const SEATS_MAX: u16 = 2;
    type Input = Input;
    type Snapshot = Snapshot;
    type Event = Event;

    fn new(_setup: Setup) -> Self {
        Self::default()
    }

    fn joined(&mut self, player: PlayerId, _name: &str, _out: &mut Outbox<Event>) {
        self.players.push(player);
    }

    fn left(&mut self, player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<Event>) {
        self.players.retain(|other| *other != player);
        self.cells = Default::default();
        self.turn = 0;
    }

    fn step(&mut self, _tick: Tick, inputs: &[PlayerInput<Input>], out: &mut Outbox<Event>) {
        for PlayerInput { player, input, .. } in inputs {
            match self.cells.get_mut(usize::from(input.cell)) {
                Some(cell @ None)
                    if self.players.len() == 2 && self.players[self.turn] == *player =>
                {
                    *cell = Some(*player);
                    self.turn = 1 - self.turn;
                    self.finish(*player, out);
                }
                _ => out.send(*player, Event::Refused),
            }
        }
    }

    fn snapshot(&self, _audience: Audience) -> Snapshot {
        let ready = self.players.len() == 2;
        Snapshot { cells: self.cells, turn: ready.then(|| self.players[self.turn]) }
    }
}

impl Noughts {
    /// Ends the game if `player`'s move won it or filled the board.
    fn finish(&mut self, player: PlayerId, out: &mut Outbox<Event>) {
        let won =
            LINES.iter().any(|line| line.iter().all(|&cell| self.cells[cell] == Some(player)));
        if won {
            out.broadcast(Event::Won { player });
        } else if self.cells.iter().all(Option::is_some) {
            out.broadcast(Event::Drawn);
        } else {
            return;
        }
        self.cells = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::InputSequence;

    use super::*;
    use crate::game::Effect;

    const ADA: PlayerId = PlayerId(1);
    const BOB: PlayerId = PlayerId(2);

    fn play(moves: &[(PlayerId, u8)]) -> (Noughts, Vec<Effect<Event>>) {
        let mut game = Noughts::new(Setup { seed: 0, seats: 2, tick_hz: 0 });
        let mut out = Outbox::default();
        game.joined(ADA, "ada", &mut out);
        game.joined(BOB, "bob", &mut out);
        for &(player, cell) in moves {
            let sequence = InputSequence(1);
            let input = PlayerInput { player, sequence, input: Input { cell } };
            game.step(Tick(1), &[input], &mut out);
        }
        let effects = out.drain().collect();
        (game, effects)
    }

    #[test]
    fn three_in_a_row_win_and_clear_the_board() {
        let (game, effects) = play(&[(ADA, 0), (BOB, 3), (ADA, 1), (BOB, 4), (ADA, 2)]);
        assert_eq!(effects, [Effect::Broadcast(Event::Won { player: ADA })]);
        assert_eq!(game.snapshot(Audience::ALL).cells, [None; 9]);
        assert_eq!(game.snapshot(Audience::ALL).turn, Some(BOB));
    }

    #[test]
    fn a_move_out_of_turn_on_a_taken_cell_or_off_the_board_is_refused() {
        let (game, effects) = play(&[(BOB, 0), (ADA, 4), (BOB, 4), (BOB, 9), (BOB, 255)]);
        let refused = Effect::Send(BOB, Event::Refused);
        assert_eq!(effects, [refused.clone(), refused.clone(), refused.clone(), refused]);
        assert_eq!(game.snapshot(Audience::ALL).turn, Some(BOB));
    }

    #[test]
    fn whoever_is_left_alone_waits_at_an_empty_board() {
        let (mut game, _) = play(&[(ADA, 0)]);
        game.left(ADA, LeaveCause::Disconnected, &mut Outbox::default());
        assert_eq!(game.snapshot(Audience::ALL), Snapshot::default());
    }
}
