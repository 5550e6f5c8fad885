//! When the floor's rooms tick. Pure: the time is an argument.

use std::{str::FromStr, time::Duration};

use gamekeeper_bot::clock::Moment;
use gamekeeper_protocol::Tick;

/// When the rooms tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All at the same moment, as a server with one game loop does.
    Burst,
    /// Spread evenly over the period.
    Staggered,
}

impl Form {
    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Staggered => "staggered",
        }
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::Burst, Self::Staggered].into_iter().find(|form| form.name() == text);
        found.ok_or_else(|| format!("\"{text}\" is neither burst nor staggered"))
    }
}

/// The ticks of all rooms in the order of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    start: Moment,
    period: Duration,
    /// Groups of rooms that tick together.
    groups: u32,
    /// Steps so far, those that were left out as well.
    steps: u64,
}

/// One group's tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// When it is planned.
    pub(super) at: Moment,
    /// Which tick of these rooms it is.
    pub(super) tick: Tick,
    group: usize,
    groups: usize,
}

impl Step {
    /// Whether the room with this number ticks now.
    pub(super) fn is_for(self, room: usize) -> bool {
        room % self.groups == self.group
    }
}

impl Schedule {
    pub(super) fn new(form: Form, rooms: u32, tick_hz: u16, start: Moment) -> Self {
        let groups = match form {
            Form::Burst => 1,
            Form::Staggered => rooms.max(1),
        };
        let period = Duration::from_secs(1) / u32::from(tick_hz.max(1));
        Self { start, period, groups, steps: 0 }
    }

    /// The next step. Whoever asks more than a period late has missed ticks, which are left out
    /// for all rooms.
    pub(super) fn next(&mut self, now: Moment) -> Step {
        let groups = u64::from(self.groups);
        let late = now.since(self.planned(self.steps));
        let missed = late.as_nanos() / self.period.as_nanos();
        self.steps += groups * u64::try_from(missed).unwrap_or(0);
        let step = Step {
            at: self.planned(self.steps),
            tick: Tick(u32::try_from(self.steps / groups + 1).unwrap_or(u32::MAX)),
            group: (self.steps % groups) as usize,
            groups: self.groups as usize,
        };
        self.steps += 1;
        step
    }

    fn planned(&self, step: u64) -> Moment {
        let nanos = u128::from(step) * self.period.as_nanos() / u128::from(self.groups);
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment(1_000_000_000);

    fn after(ms: u64) -> Moment {
        START + Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_is_all_rooms_at_once() {
        let mut schedule = Schedule::new(Form::Burst, 20, 20, START);
        for tick in 0..3 {
            let step = schedule.next(after(50 * u64::from(tick)));
            assert_eq!((step.at, step.tick), (after(50 * u64::from(tick)), Tick(tick + 1)));
            assert!((0..40).all(|room| step.is_for(room)));
        }
    }

    #[test]
    fn staggered_rooms_share_the_period_and_each_ticks_once_in_it() {
        let mut schedule = Schedule::new(Form::Staggered, 5, 20, START);
        for index in 0..15_u64 {
            let step = schedule.next(START);
            assert_eq!(step.at, after(10 * index));
            assert_eq!(u64::from(step.tick.0), index / 5 + 1);
            let rooms: Vec<usize> = (0..5).filter(|room| step.is_for(*room)).collect();
            assert_eq!(rooms, [(index % 5) as usize]);
        }
    }

    #[test]
    fn who_is_late_by_more_than_a_period_misses_ticks() {
        let mut schedule = Schedule::new(Form::Staggered, 2, 20, START);
        schedule.next(START);
        let step = schedule.next(after(49));
        assert_eq!((step.at, step.tick), (after(25), Tick(1)), "late, and in time");
        let step = schedule.next(after(170));
        assert_eq!((step.at, step.tick), (after(150), Tick(4)), "two ticks are missing");
        assert_eq!(schedule.next(after(170)).at, after(175));
    }
}
