//! Which games a server hosts: names, rates, seats, and how to start one.

use std::collections::BTreeMap;

use gamekeeper_protocol::games::benchmark;

use super::{
    benchmark::Benchmark,
    seat::ResumeTerms,
    session::{Session, Typed},
};
use crate::game::{Game, Setup};

/// The games of one server, by name.
#[derive(Default)]
pub struct Games {
    by_name: BTreeMap<&'static str, GameInfo>,
}

/// How one game is hosted.
pub struct GameInfo {
    /// What clients name in their hello.
    pub name: &'static str,
    /// Steps per second; 0 if the game is turn-based.
    pub tick_hz: u16,
    /// Seats per room.
    pub seats: u16,
    start: Box<Start>,
}

/// Starts the session of a new room.
type Start = dyn Fn(Setup, &Options) -> Box<dyn Session>;

/// What a server's configuration says about its games.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Overrides the steps per second of real-time games.
    pub tick_hz: Option<u16>,
    /// Most seats in a room.
    pub room_size: u16,
    /// Inputs of one player that count in one tick.
    pub inputs_per_tick_max: usize,
    /// Size of the benchmark's snapshots, in bytes.
    pub state_bytes: usize,
    /// How long seats are held for players that lost their connection.
    pub resume: ResumeTerms,
}

impl Games {
    /// No game at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The games that come with Gamekeeper: `arena`, `noughts` and `benchmark`.
    pub fn built_in() -> Self {
        Self::none()
            .with::<crate::game::arena::Arena>()
            .with::<crate::game::noughts::Noughts>()
            .with_benchmark()
    }

    /// These games and `G`, in place of one with the same name.
    #[must_use]
    pub fn with<G: Game>(self) -> Self {
        self.insert(GameInfo {
            name: G::NAME,
            tick_hz: G::TICK_HZ,
            seats: G::SEATS_MAX,
            start: Box::new(|setup, options| {
                Box::new(Typed::<G>::new(setup, options.inputs_per_tick_max))
            }),
        })
    }

    fn with_benchmark(self) -> Self {
        self.insert(GameInfo {
            name: benchmark::NAME,
            tick_hz: 20,
            seats: u16::MAX,
            start: Box::new(|_setup, options| Box::new(Benchmark::new(options.state_bytes))),
        })
    }

    fn insert(mut self, game: GameInfo) -> Self {
        self.by_name.insert(game.name, game);
        self
    }

    /// The names of all games, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.by_name.keys().copied()
    }

    /// The game called `name`.
    pub fn get(&self, name: &str) -> Option<&GameInfo> {
        self.by_name.get(name)
    }
}

impl GameInfo {
    /// Steps per second under `options`; 0 stays 0.
    pub fn tick_hz(&self, options: &Options) -> u16 {
        match self.tick_hz {
            0 => 0,
            own => options.tick_hz.unwrap_or(own),
        }
    }

    /// Seats per room under `options`.
    pub fn seats(&self, options: &Options) -> u16 {
        self.seats.min(options.room_size).max(1)
    }

    /// Starts the game for a new room.
    pub fn start(&self, setup: Setup, options: &Options) -> Box<dyn Session> {
        (self.start)(setup, options)
    }
}

impl std::fmt::Debug for Games {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
