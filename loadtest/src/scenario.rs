//! What happens in a run: who plays, who leaves when and how, who must survive, what is demanded.
//!
//! Data flow: file or flags -> **`Scenario`** -> plan. A scenario knows nothing of a server's
//! address or of a seed: the same one can be played on many servers, with many seeds.
//!
//! [`mod@file`] reads one from TOML, [`shipped`] has those that come with the program, and
//! [`quick`] makes one from a few flags. Wherever it comes from, [`bounds`] says whether it can be
//! played.

pub mod bounds;
pub mod file;
pub mod quick;
pub mod shipped;
pub mod values;

pub use quick::Quick;

use std::time::Duration;

use gamekeeper_bot::{departure::PlayerState, manner::Manner, transport::TransportMix};

use crate::{mix::DepartureMix, threshold::Threshold};
use values::{Amount, Rate, Span};

/// Everything that happens in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it is for, in a line or two.
    pub about: String,
    /// The game to play; empty for the server's default game.
    pub game: String,
    /// What the bots speak.
    pub transport: TransportMix,
    /// Bots that play when the run begins, besides the controls.
    pub bots: u32,
    /// How many there are from then on.
    pub stages: Vec<Stage>,
    /// Inputs per second and bot.
    pub input_hz: u32,
    /// Departures that go on for some time.
    pub faults: Vec<Fault>,
    /// Departures of many at one instant.
    pub masses: Vec<Mass>,
    /// Players with ugly but legal manners, who must survive.
    pub controls: Vec<Control>,
    /// Demands on the figures, besides the checks that every run has.
    pub thresholds: Vec<Threshold>,
    /// What to tell a server that the run starts itself.
    pub server_args: Vec<String>,
    /// The seed, unless another one is given.
    pub seed: u64,
}

/// A span of time in which the number of bots goes to another one, evenly; or stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// How many there are at its end.
    pub to: u32,
    /// How long it takes.
    pub takes: Duration,
}

/// Departures that go on for some time, whatever the server does.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// In which ways.
    pub causes: DepartureMix,
    /// How many.
    pub rate: Rate,
    /// When, from the start of the run phase; all the time without.
    pub during: Option<Span>,
    /// Where the players stand then; each of them equally often.
    pub states: Vec<PlayerState>,
    /// Who comes back.
    pub resume: Resume,
}

/// Departures of many at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Mass {
    /// In which ways.
    pub causes: DepartureMix,
    /// When, from the start of the run phase.
    pub at: Duration,
    /// How many of those who play.
    pub amount: Amount,
    /// Who comes back.
    pub resume: Resume,
}

/// Who comes back to its seat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resume {
    /// Of those that lose their connection and not their seat, the share that comes back, from 0
    /// to 1.
    pub share: f64,
    /// How long afterwards.
    pub after: Span,
}

/// Players with ugly but legal manners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// What they do.
    pub manner: Manner,
    /// How many there are.
    pub bots: u32,
}

impl Resume {
    /// Nobody is back sooner: on the way, the end of the old connection must not be overtaken by
    /// accident. And nobody stays away longer by default, so that a seat that is held for two
    /// seconds is held long enough.
    pub const USUALLY_AFTER: Span =
        Span { from: Duration::from_millis(50), to: Duration::from_millis(1500) };

    /// This share, soon.
    pub fn usual(share: f64) -> Self {
        Self { share, after: Self::USUALLY_AFTER }
    }
}

impl Fault {
    /// From when to when, in a run of this duration.
    pub fn span(&self, duration: Duration) -> Span {
        self.during.unwrap_or(Span { from: Duration::ZERO, to: duration })
    }

    /// How many departures that are, with so many bots in the beginning.
    pub fn count(&self, bots: u32, duration: Duration) -> u64 {
        let seconds = self.span(duration).length().as_secs_f64();
        (seconds * self.rate.per_second(bots)).floor() as u64
    }
}

impl Scenario {
    /// How long the run phase is.
    pub fn duration(&self) -> Duration {
        self.stages.iter().fold(Duration::ZERO, |sum, stage| sum.saturating_add(stage.takes))
    }

    /// Bots with ugly but legal manners.
    pub fn controls_count(&self) -> u32 {
        self.controls.iter().fold(0, |sum, control| sum.saturating_add(control.bots))
    }

    /// Bots that are there when the run begins, the controls among them.
    pub fn initial(&self) -> u32 {
        self.bots.saturating_add(self.controls_count())
    }

    /// The most bots that are there at any time, besides the controls.
    pub fn most_plain(&self) -> u32 {
        self.stages.iter().map(|stage| stage.to).fold(self.bots, u32::max)
    }

    /// The most bots that are there at any time, the controls among them.
    pub fn most(&self) -> u32 {
        self.most_plain().saturating_add(self.controls_count())
    }

    /// The same with bots that speak so.
    #[must_use]
    pub fn over(mut self, transport: TransportMix) -> Self {
        self.transport = transport;
        let faults = self.faults.iter_mut().map(|fault| &mut fault.causes);
        for causes in faults.chain(self.masses.iter_mut().map(|mass| &mut mass.causes)) {
            *causes = std::mem::take(causes).over(transport);
        }
        self
    }

    /// The same with another number of bots: what is absolute in the stages is scaled with it, and
    /// rounded, but whoever was somebody stays somebody. [`bounds::check`] says whether the result
    /// can be played.
    #[must_use]
    pub fn with_bots(mut self, bots: u32) -> Self {
        let (now, then) = (u64::from(self.bots.max(1)), u64::from(bots));
        for stage in self.stages.iter_mut().filter(|stage| stage.to > 0) {
            let to = (u64::from(stage.to) * then + now / 2) / now;
            stage.to = u32::try_from(to.max(1)).unwrap_or(u32::MAX);
        }
        self.bots = bots;
        self
    }
}
