//! How many bots of a fleet do what.
//!
//! Part of [`Fleet`]. One look at every bot, for whoever watches a fleet from afar.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Fleet,
    bot::{Bot, State},
};

/// How many bots do what, and what their server is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetCounts {
    /// Bots of all kinds.
    pub bots: u64,
    /// Those that have a seat and have not been told to leave.
    pub playing: u64,
    /// Those that have been told to leave and wait for the server to notice.
    pub leaving: u64,
    /// Those that have left, or are about to, and are to come back.
    pub returning: u64,
    /// For how long the server holds the seat of a bot that loses its connection; nothing if it
    /// does not, or if nobody plays.
    pub seat_window: Option<Duration>,
    /// The longest time between two ticks of a room in which one plays; nothing if none has a tick.
    pub tick: Option<Duration>,
}

impl FleetCounts {
    /// Adds the bots of another fleet on the same server.
    pub fn merge(&mut self, other: &Self) {
        self.bots += other.bots;
        self.playing += other.playing;
        self.leaving += other.leaving;
        self.returning += other.returning;
        self.seat_window = self.seat_window.max(other.seat_window);
        self.tick = self.tick.max(other.tick);
    }

    fn add(&mut self, bot: &Bot) {
        self.bots += 1;
        self.leaving += u64::from(bot.leaving.is_some());
        self.returning += u64::from(bot.is_to_return());
        if let State::Talking { connection, .. } = &bot.state
            && bot.is_playing()
        {
            self.playing += 1;
            let window = connection.way_back().map(|way_back| way_back.window);
            let hz = connection.tick_hz().filter(|hz| *hz > 0);
            self.seat_window = self.seat_window.max(window);
            self.tick = self.tick.max(hz.map(|hz| Duration::from_secs(1) / u32::from(hz)));
        }
    }
}

impl Fleet {
    /// How many bots do what.
    pub fn counts(&self) -> FleetCounts {
        let mut counts = FleetCounts::default();
        self.bots.iter().for_each(|(_, bot)| counts.add(bot));
        counts
    }
}
