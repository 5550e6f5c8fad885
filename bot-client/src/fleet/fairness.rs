//! Whether all bots of a fleet are served alike.
//!
//! Part of [`Fleet`]. A server on one thread could serve those better who are first in its tables,
//! and no average would show it. What is kept for that is one duration for each bot.

use super::{Fleet, Latency};

impl Fleet {
    /// The longest time that each bot had to wait for a snapshot after another one, since it has
    /// joined: one sample for each bot that plays and is not planned to leave.
    pub fn longest_waits(&self) -> Latency {
        let mut waits = Latency::default();
        let playing = self.bots.iter().filter(|(_, bot)| bot.is_playing());
        let longest = playing.filter_map(|(_, bot)| bot.play.longest_wait());
        longest.for_each(|wait| waits.record(wait));
        waits
    }
}
