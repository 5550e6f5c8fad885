//! Games that watch how they are called.
//!
//! [`Echo`] counts: each input is an event for everybody, and each state says how many events there
//! have been, so a client can check what it was told and when. It also checks that the room calls
//! it as the trait promises. [`Bomb`] has a bug.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use gamekeeper::{Audience, Game, LeaveCause, Outbox, PlayerId, PlayerInput, Setup, Tick};
use serde::{Deserialize, Serialize};

thread_local! {
    /// A panic of a game ends its room, so what it finds must be told in another way.
    static FINDINGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static LONG: Cell<u32> = const { Cell::new(LONG_EVERY) };
}

/// How many events of this thread's games there are for each long one, from now on.
pub fn one_event_is_long_of(events: u32) {
    LONG.set(events);
}

/// What the games of this thread have found since the last time.
pub fn take_findings() -> Vec<String> {
    FINDINGS.with_borrow_mut(std::mem::take)
}

fn check(holds: bool, what: impl FnOnce() -> String) {
    if !holds {
        FINDINGS.with_borrow_mut(|findings| findings.push(what()));
    }
}

/// A game of echoes.
#[derive(Debug, Default)]
pub struct Echo {
    /// Who plays, and whether it is connected.
    players: BTreeMap<PlayerId, bool>,
    events: u32,
    tick: Tick,
}

/// An input that was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The how manieth event of the room this is.
    pub number: u32,
    /// Whose input it was.
    pub player: u32,
    /// The player's own number for it.
    pub input: u32,
    /// Now and then an event is a long one, and takes many turns to be sent.
    pub padding: Vec<u8>,
}

/// One event of so many is long, in most worlds, and so many bytes long.
pub const LONG_EVERY: u32 = 29;
const LONG_BYTES: usize = 3_000;

/// An input for which a player is kicked.
pub const UNFORGIVABLE: u32 = u32::MAX;

/// What there has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// At which tick.
    pub tick: u32,
    /// Events so far.
    pub events: u32,
}

impl Game for Echo {
    const NAME: &'static str = "echo";
    type Input = u32;
    type Snapshot = Count;
    type Event = Heard;

    fn new(_setup: Setup) -> Self {
        Self::default()
    }

    fn joined(&mut self, player: PlayerId, _name: &str, _out: &mut Outbox<Heard>) {
        let before = self.players.insert(player, true);
        check(before.is_none(), || format!("{player:?} joined twice"));
    }

    fn disconnected(&mut self, player: PlayerId, _out: &mut Outbox<Heard>) {
        let before = self.players.insert(player, false);
        check(before == Some(true), || format!("{player:?} disconnected, but was {before:?}"));
    }

    fn resumed(&mut self, player: PlayerId, _out: &mut Outbox<Heard>) {
        let before = self.players.insert(player, true);
        check(before == Some(false), || format!("{player:?} resumed, but was {before:?}"));
    }

    fn stalled(&mut self, player: PlayerId, _stalled: bool, _out: &mut Outbox<Heard>) {
        let is = self.players.get(&player);
        check(is == Some(&true), || format!("{player:?} stalled, but was {is:?}"));
    }

    fn left(&mut self, player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<Heard>) {
        let before = self.players.remove(&player);
        check(before.is_some(), || format!("{player:?} left, but had not joined"));
    }

    fn step(&mut self, tick: Tick, inputs: &[PlayerInput<u32>], out: &mut Outbox<Heard>) {
        check(tick > self.tick, || format!("{tick:?} after {:?}", self.tick));
        self.tick = tick;
        for PlayerInput { player, input, .. } in inputs {
            let is = self.players.get(player);
            check(is == Some(&true), || format!("an input of {player:?}, which is {is:?}"));
            if *input == UNFORGIVABLE {
                out.kick(*player, "what you have done is unforgivable");
                continue;
            }
            self.events += 1;
            let long = self.events.is_multiple_of(LONG.get());
            let padding = if long { vec![7; LONG_BYTES] } else { Vec::new() };
            let (number, player, input) = (self.events, player.0, *input);
            let heard = Heard { number, player, input, padding };
            out.broadcast(heard);
        }
    }

    fn snapshot(&self, _audience: Audience) -> Count {
        Count { tick: self.tick.0, events: self.events }
    }
}

/// A game that panics at the first input.
#[derive(Debug)]
pub struct Bomb;

/// What the bomb says: nobody needs to be shown it.
pub const BANG: &str = "the bomb went off, as it should";

impl Game for Bomb {
    const NAME: &'static str = "bomb";
    type Input = u32;
    type Snapshot = ();
    type Event = ();

    fn new(_setup: Setup) -> Self {
        Self
    }

    fn joined(&mut self, _player: PlayerId, _name: &str, _out: &mut Outbox<()>) {}

    fn left(&mut self, _player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<()>) {}

    fn step(&mut self, _tick: Tick, inputs: &[PlayerInput<u32>], _out: &mut Outbox<()>) {
        assert!(inputs.is_empty(), "{BANG}");
    }

    fn snapshot(&self, _audience: Audience) {}
}
