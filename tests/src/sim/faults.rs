//! What can go wrong, and how often it does in the world of one seed.
//!
//! The chances themselves are drawn: in most worlds most faults never happen, and some happen all
//! the time. A fault that is rare everywhere would never meet another one.

use super::dice::Dice;

/// Chances, in parts of 65,536 for each opportunity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    chances: [u16; Fault::ALL.len()],
    /// Events that a poll returns at most; 0 for any number.
    pub events_max: usize,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A read returns a part of what is there; the rest arrives right after it.
    ShortRead,
    /// A read finds nothing; what was there arrives right after it.
    NothingToRead,
    /// A write takes a part.
    ShortWrite,
    /// A write takes nothing, and there is room right after it.
    NothingToWrite,
    /// A poll reports a connection for no reason.
    SpuriousEvent,
    /// A poll reports something twice.
    DuplicateEvent,
    /// A poll keeps back what it could report.
    WithheldEvents,
    /// A poll reports in another order.
    ShuffledEvents,
    /// A poll is interrupted.
    InterruptedPoll,
    /// A connection breaks, with any error, before a call on it.
    BrokenConnection,
    /// A connection cannot be registered.
    FailedRegister,
    /// An accept fails for the connection that was to be accepted.
    FailedAccept,
    /// An accept fails for want of memory.
    NoMemory,
    /// Nearly all descriptors are taken by something else for a while.
    NoDescriptors,
    /// What was not acknowledged cannot be known.
    UnknownUnsent,
    /// A client acts between two calls of the server.
    Interlude,
    /// All clients act between two calls of the server.
    Storm,
    /// The server does not run for up to three seconds.
    Pause,
    /// A call takes up to a third of a second.
    SlowCall,
}

impl Fault {
    /// All of them, with their names and their highest chances.
    pub const ALL: [(Self, &'static str, u16); 19] = [
        (Self::ShortRead, "short-read", 30_000),
        (Self::NothingToRead, "nothing-to-read", 20_000),
        (Self::ShortWrite, "short-write", 30_000),
        (Self::NothingToWrite, "nothing-to-write", 20_000),
        (Self::SpuriousEvent, "spurious-event", 20_000),
        (Self::DuplicateEvent, "duplicate-event", 20_000),
        (Self::WithheldEvents, "withheld-events", 30_000),
        (Self::ShuffledEvents, "shuffled-events", 60_000),
        (Self::InterruptedPoll, "interrupted-poll", 20_000),
        (Self::BrokenConnection, "broken-connection", 300),
        (Self::FailedRegister, "failed-register", 10_000),
        (Self::FailedAccept, "failed-accept", 10_000),
        (Self::NoMemory, "no-memory", 10_000),
        (Self::NoDescriptors, "no-descriptors", 200),
        (Self::UnknownUnsent, "unknown-unsent", 30_000),
        (Self::Interlude, "interlude", 40_000),
        (Self::Storm, "storm", 300),
        (Self::Pause, "pause", 250),
        (Self::SlowCall, "slow-call", 50),
    ];
}

impl Faults {
    /// A world in which nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// The faults of a world.
    pub fn draw(dice: &mut Dice) -> Self {
        let mut chances = [0; Fault::ALL.len()];
        for (chance, (_, _, chance_max)) in chances.iter_mut().zip(Fault::ALL) {
            // Half of them are off; the others are anything from rare to constant.
            if dice.chance(32_768) {
                let shift = dice.between(0, 6);
                *chance = (chance_max >> shift).max(1);
            }
        }
        let events_max = *dice.pick(&[0, 0, 0, 1, 2, 5]);
        Self { chances, events_max }
    }

    /// How often this one happens.
    pub fn chance(&self, fault: Fault) -> u16 {
        self.chances[fault as usize]
    }

    /// Switches a fault off.
    pub fn remove(&mut self, fault: Fault) {
        self.chances[fault as usize] = 0;
    }

    /// Whether the server hears at once whatever has arrived, as long as it runs.
    pub fn hears_at_once(&self) -> bool {
        let delays = [Fault::ShortRead, Fault::NothingToRead, Fault::WithheldEvents];
        delays.into_iter().all(|fault| self.chance(fault) == 0)
    }

    /// Those that happen at all.
    pub fn present(&self) -> impl Iterator<Item = (Fault, &'static str)> + '_ {
        let all = Fault::ALL.into_iter().map(|(fault, name, _)| (fault, name));
        all.filter(|(fault, _)| self.chance(*fault) > 0)
    }
}
