//! One measurement: a contender, its players, a window, and one player that vanishes.

use std::{
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use gamekeeper_bot::{
    clock::Moment,
    departure::{Departure, PlayerState},
    fleet::{BotId, BotPlan, Endpoint, Fleet, FleetConfig},
    machine,
};

use super::{
    process::ContenderProcess,
    sample::{Aftermath, Sample},
    usage, workload,
};

/// Joining may take this long, and a second more for every [`JOINS_PER_SECOND`] players.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// A contender that lets in fewer than this many players per second is too slow to wait for.
const JOINS_PER_SECOND: u32 = 200;

/// Play before the window: what joining has stirred up settles.
const WARM_UP: Duration = Duration::from_secs(1);

/// After one player has vanished, the others' states count from here on.
const AFTERMATH_BEGINS: Duration = Duration::from_millis(300);

/// By then the others must have got states again.
const AFTERMATH_ENDS: Duration = Duration::from_secs(3);

/// How often the measurement looks up from the bots.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How a measurement is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions<'a> {
    pub(super) players: u32,
    pub(super) seed: u64,
    pub(super) duration: Duration,
    pub(super) pin: bool,
    pub(super) stop: &'a AtomicBool,
}

/// Starts a contender, lets the players play on it, and says what was seen, or why nothing was.
pub(super) fn measure(command: Command, conditions: Conditions<'_>) -> Result<Sample, String> {
    let process = ContenderProcess::start(command, conditions.pin)?;
    let config = FleetConfig {
        game: gamekeeper_protocol::games::benchmark::NAME.to_owned(),
        seed: conditions.seed,
        input_hz: workload::INPUT_HZ,
        ..FleetConfig::new(Endpoint::Tcp(process.listen))
    };
    let fleet = Fleet::new(config).map_err(|error| error.to_string())?;
    Measurement { conditions, fleet, process }.run()
}

/// A measurement under way. The players go before the contender does.
struct Measurement<'a> {
    conditions: Conditions<'a>,
    fleet: Fleet,
    process: ContenderProcess,
}

impl Measurement<'_> {
    fn run(&mut self) -> Result<Sample, String> {
        let used = |process: &ContenderProcess| process.usage().map_err(|error| error.to_string());
        let idle = used(&self.process)?;
        self.join()?;
        self.play_for(WARM_UP)?;
        self.fleet.take_ends();
        self.fleet.take_stats();
        let all = || usage::of_machine().map_err(|error| error.to_string());
        let (before, bots_before, all_before) =
            (used(&self.process)?, machine::own_cpu_time(), all()?);
        let start = Moment::now();
        self.play_for(self.conditions.duration)?;
        let window = Moment::now().since(start);
        let stats = self.fleet.take_stats();
        let (after, bots_after, all_after) =
            (used(&self.process)?, machine::own_cpu_time(), all()?);
        let lost = self.fleet.take_ends().len() as u64;
        let aftermath = self.vanish()?;
        Ok(Sample {
            players: self.conditions.players,
            window,
            idle,
            before,
            after,
            seen: stats.everyone,
            lost,
            bots_cpu: bots_after.saturating_sub(bots_before),
            machine_cpu: all_after.saturating_sub(all_before),
            input_lag_p99: stats.input_lag.quantile(0.99),
            aftermath,
        })
    }

    fn join(&mut self) -> Result<(), String> {
        let players = self.conditions.players;
        for _ in 0..players {
            self.fleet.spawn(BotPlan::default());
        }
        let patience = JOIN_WITHIN + Duration::from_secs(u64::from(players / JOINS_PER_SECOND));
        let deadline = Moment::now() + patience;
        loop {
            self.play_for(LOOK_EVERY)?;
            let playing = self.fleet.playing();
            if playing == players as usize {
                return Ok(());
            }
            // Bots do not try again: whoever is not there any more has been refused.
            let first = self.fleet.take_ends().first().map(|end| end.ended.to_string());
            if let Some(why) = first {
                return Err(format!("{playing} of {players} joined, and one did not: {why}"));
            }
            if Moment::now() >= deadline {
                let seconds = patience.as_secs();
                return Err(format!("only {playing} of {players} joined within {seconds} s"));
            }
        }
    }

    /// Lets the bots play, and fails if the contender ends.
    fn play_for(&mut self, duration: Duration) -> Result<(), String> {
        let end = Moment::now() + duration;
        while Moment::now() < end {
            let look = end.min(Moment::now() + LOOK_EVERY);
            while Moment::now() < look {
                self.fleet.turn(look).map_err(|error| error.to_string())?;
            }
            if let Some(why) = self.process.has_ended() {
                return Err(format!("the server died: {why}"));
            }
            if self.conditions.stop.load(Ordering::Relaxed) {
                return Err("interrupted".to_owned());
            }
        }
        Ok(())
    }

    /// Resets one player's connection and looks what becomes of the others.
    fn vanish(&mut self) -> Result<Aftermath, String> {
        let told = self.fleet.players().first().copied();
        let told =
            told.map(|bot: BotId| self.fleet.depart(bot, Departure::Reset, PlayerState::Match));
        if !matches!(told, Some(Ok(()))) {
            return Err("nobody was left to vanish".to_owned());
        }
        let others = u64::from(self.conditions.players - 1);
        let vanished = Moment::now();
        while Moment::now() < vanished + AFTERMATH_ENDS {
            if Moment::now() < vanished + AFTERMATH_BEGINS {
                self.fleet.take_stats();
            } else if self.fleet.stats().everyone.snapshots >= others {
                return Ok(Aftermath::PlaysOn);
            }
            self.fleet.turn(Moment::now() + LOOK_EVERY / 5).map_err(|error| error.to_string())?;
            if let Some(why) = self.process.has_ended() {
                return Ok(Aftermath::Dies(why));
            }
        }
        Ok(Aftermath::FallsSilent)
    }
}
