//! Which players are the fleet's own, and when each of them left.
//!
//! The bots of a fleet watch each other: when one leaves, the others are told by the server, and
//! the time between is what players would call the delay of the news.

use std::{collections::HashMap, time::Duration};

use gamekeeper_protocol::PlayerId;

use crate::{clock::Moment, departure::Departure};

/// What has become of one of our players.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Playing,
    Gone {
        /// How, if it was told to.
        departure: Option<Departure>,
        at: Moment,
        /// Another bot has been told of it.
        announced: bool,
    },
}

/// The fleet's own players.
#[derive(Debug, Default)]
pub(super) struct People {
    fates: HashMap<PlayerId, Fate>,
}

impl People {
    pub(super) fn joined(&mut self, player: PlayerId) {
        self.fates.insert(player, Fate::Playing);
    }

    /// A player has left, or has been told to. Only the first time counts.
    pub(super) fn gone(&mut self, player: PlayerId, departure: Option<Departure>, at: Moment) {
        if let Some(fate @ Fate::Playing) = self.fates.get_mut(&player) {
            *fate = Fate::Gone { departure, at, announced: false };
        }
    }

    /// A bot has been told that a player is gone. Yields how and how long ago it left, if it was
    /// told to leave and this is the first notice of it.
    pub(super) fn announced(
        &mut self,
        player: PlayerId,
        now: Moment,
    ) -> Option<(Departure, Duration)> {
        match self.fates.get_mut(&player)? {
            Fate::Gone { departure, at, announced: announced @ false } => {
                *announced = true;
                departure.map(|departure| (departure, now.since(*at)))
            }
            Fate::Gone { announced: true, .. } | Fate::Playing => None,
        }
    }

    /// Whether this is one of ours and has left.
    pub(super) fn is_gone(&self, player: PlayerId) -> bool {
        matches!(self.fates.get(&player), Some(Fate::Gone { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_notice_is_timed() {
        let mut people = People::default();
        let (player, left) = (PlayerId(1), Moment(1_000_000));
        people.joined(player);
        assert_eq!(people.announced(player, left), None, "it has not left");
        people.gone(player, Some(Departure::Reset), left);
        people.gone(player, None, left + Duration::from_secs(1));
        assert!(people.is_gone(player));
        let delay = Duration::from_millis(40);
        assert_eq!(people.announced(player, left + delay), Some((Departure::Reset, delay)));
        assert_eq!(people.announced(player, left + delay), None);
        assert_eq!(people.announced(PlayerId(9), left), None, "a stranger's player");
    }
}
