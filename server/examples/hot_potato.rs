//! Hot potato: a whole game of your own, and the server for it.
//!
//! ```text
//! cargo run --release --example hot_potato
//! ```
//!
//! `README.md` shows everything from the first `use` to the end; keep the two the same.

use gamekeeper::{Audience, Game, Games, LeaveCause, Outbox, PlayerId, PlayerInput, Setup, Tick};

struct HotPotato {
    players: Vec<PlayerId>, // The first one has the potato.
}

impl Game for HotPotato {
    const NAME: &'static str = "hot-potato";
    type Input = PlayerId; // Who shall have it?
    type Snapshot = Option<PlayerId>; // Who has it?
    type Event = PlayerId; // Whose fingers burnt?

    fn new(_setup: Setup) -> Self {
        Self { players: Vec::new() }
    }
    fn joined(&mut self, player: PlayerId, _name: &str, _out: &mut Outbox<PlayerId>) {
        self.players.push(player);
    }
    fn disconnected(&mut self, player: PlayerId, _out: &mut Outbox<PlayerId>) {
        self.players.retain(|other| *other != player); // If it was the first, the next has it.
    }
    fn resumed(&mut self, player: PlayerId, _out: &mut Outbox<PlayerId>) {
        self.players.push(player); // Back again, at the end of the line.
    }
    fn left(&mut self, player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<PlayerId>) {
        self.players.retain(|other| *other != player);
    }
    fn step(&mut self, tick: Tick, inputs: &[PlayerInput<PlayerId>], out: &mut Outbox<PlayerId>) {
        for PlayerInput { player, input: to, .. } in inputs {
            let has_it = self.players.first() == Some(player);
            if let Some(seat) = self.players.iter().position(|other| has_it && other == to) {
                self.players.swap(0, seat);
            }
        }
        if tick.0.is_multiple_of(100) && !self.players.is_empty() {
            out.broadcast(self.players[0]); // Every 5 seconds at 20 ticks per second.
            self.players.rotate_left(1); // The burnt one goes to the end of the line.
        }
    }
    fn snapshot(&self, _audience: Audience) -> Option<PlayerId> {
        self.players.first().copied()
    }
}

fn main() -> std::process::ExitCode {
    gamekeeper::cli::main(Games::none().with::<HotPotato>())
}
