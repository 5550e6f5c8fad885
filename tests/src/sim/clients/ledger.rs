//! What a player of [`Echo`](crate::sim::games::Echo) was told, and whether it can be true.

use gamekeeper::time::Time;
use gamekeeper_bot::connection::{Arrival, Event};
use gamekeeper_protocol::{PlayerId, codec::decode_from_server};

use crate::sim::games::{Count, Heard};

/// If events are too old to be kept, so many others are there, or so many bytes of them.
const KEPT_EVENTS_MIN: usize = 60;
const KEPT_BYTES_MIN: usize = 12_000;

/// The account of one player.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    player: PlayerId,
    /// The number of the last event, once one is known.
    events: Option<u32>,
    /// Since it came back and was told that events are lost: events and their bytes. The server has
    /// kept no more, so these are many.
    kept: Option<(usize, usize)>,
    /// The last of its own inputs that it has heard of.
    echoed: u32,
    /// The last of its inputs, and when it said it.
    said: Option<(u32, Time)>,
    /// The last input that should have been heard by now, and when it was said.
    due: Option<(u32, Time)>,
    /// Everything that was told, for those who want to compare.
    pub(super) transcript: Option<Vec<String>>,
}

impl Ledger {
    /// The number of the next input.
    pub(super) fn next_input(&mut self, now: Time) -> u32 {
        let number = self.said.map_or(1, |(number, _)| number + 1);
        if self.due.is_none_or(|(number, _)| number <= self.echoed) {
            self.due = Some((number, now));
        }
        self.said = Some((number, now));
        number
    }

    /// What it says may be lost with its connection.
    pub(super) fn lost(&mut self) {
        self.due = None;
    }

    /// Whether this input of its own has come back.
    pub(super) fn has_heard(&self, input: u32) -> bool {
        self.echoed >= input
    }

    /// The oldest input that was not heard of, if that is older than it may be.
    pub(super) fn unheard(&self) -> Option<(u32, Time)> {
        self.due.filter(|(number, _)| *number > self.echoed)
    }

    /// Takes in what happened; what of it cannot be.
    pub(super) fn take(&mut self, event: &Event<'_>) -> Option<String> {
        match event {
            Event::Joined { welcome, arrival } => {
                match arrival {
                    Arrival::New => {
                        let transcript = self.transcript.take();
                        *self = Self { player: welcome.player, transcript, ..Self::default() };
                    }
                    Arrival::Back { events_lost } => {
                        self.events = self.events.map(|events| events + events_lost);
                        self.kept = (*events_lost > 0).then_some((0, 0));
                    }
                }
                self.write(|| "welcome".to_owned());
                None
            }
            Event::Happened { body, .. } => {
                let Ok(heard) = decode_from_server::<Heard>(body) else {
                    return Some(format!("an event that is none: {body:?}"));
                };
                if let Some((count, bytes)) = &mut self.kept {
                    *count += 1;
                    *bytes += body.len();
                }
                let expected = self.events.map(|events| events + 1);
                self.events = Some(heard.number);
                if heard.player == self.player.0 {
                    self.echoed = heard.input;
                }
                self.write(|| format!("event {} {}", heard.number, heard.input));
                let wrong = expected.is_some_and(|expected| expected != heard.number);
                wrong.then(|| format!("event {} where {expected:?} was due", heard.number))
            }
            Event::Snapshot { body, tick, missed_ticks, .. } => {
                let Ok(count) = decode_from_server::<Count>(body) else {
                    return Some(format!("a state that is none: {body:?}"));
                };
                let events = *self.events.get_or_insert(count.events);
                // Which ticks fall between which inputs depends on when its room ticks, and that on
                // the other rooms. That none is missed does not.
                if *missed_ticks > 0 {
                    self.write(|| format!("{missed_ticks} states are missing"));
                }
                if let Some((kept, bytes)) = self.kept.take()
                    && kept < KEPT_EVENTS_MIN
                    && bytes < KEPT_BYTES_MIN
                {
                    return Some(format!(
                        "events are lost, and only {kept} were kept, {bytes} bytes"
                    ));
                }
                if count.tick != tick.0 {
                    return Some(format!(
                        "the state of tick {} came as that of {tick:?}",
                        count.tick
                    ));
                }
                let wrong = events != count.events;
                wrong.then(|| format!("{} events in the state, and {events} heard", count.events))
            }
            Event::MembersChanged { .. } | Event::Ended(_) => None,
        }
    }

    fn write(&mut self, what: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(what());
        }
    }
}
