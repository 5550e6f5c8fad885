//! Which players are the fleet's own, and when each of them left.
//!
//! The bots of a fleet watch each other: when one leaves, the others are told by the server, and
//! the time between is what players would call the delay of the news. News is that the player is
//! away, if its seat is held, or else that it has left.

use std::{collections::HashMap, time::Duration};

use gamekeeper_protocol::{Member, PlayerId, Presence};

use crate::{
    clock::Moment,
    departure::{Departure, PlayerState},
};

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
    /// A player has a seat, or has it again.
    pub(super) fn joined(&mut self, player: PlayerId) {
        self.fates.insert(player, Fate::Playing);
    }

    /// A player has left, or has been told to. Only the first time counts.
    pub(super) fn gone(&mut self, player: PlayerId, departure: Option<Departure>, at: Moment) {
        if let Some(fate @ Fate::Playing) = self.fates.get_mut(&player) {
            *fate = Fate::Gone { departure, at, announced: false };
        }
    }

    /// A bot has been told that a player is away or has left. Yields how and how long ago it went,
    /// if it was told to and this is the first notice of it.
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

    /// Whether this is one of ours and has a seat.
    pub(super) fn is_playing(&self, player: PlayerId) -> bool {
        matches!(self.fates.get(&player), Some(Fate::Playing))
    }

    /// What a member of somebody's roster is in truth, after everybody has had the time to be told.
    pub(super) fn appearance(&self, member: &Member<'_>) -> Appearance {
        let departure = match self.fates.get(&member.player) {
            Some(Fate::Gone { departure, .. }) => departure,
            Some(Fate::Playing) if member.presence == Presence::Away => return Appearance::Missed,
            Some(Fate::Playing) | None => return Appearance::Real,
        };
        let may_be_held =
            departure.is_none_or(|departure| departure.holds_seat(PlayerState::Match));
        match member.presence {
            Presence::Away if may_be_held => Appearance::Held,
            Presence::Away | Presence::Stalled | Presence::Here => Appearance::Ghost,
        }
    }
}

/// What a member of a roster is in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appearance {
    /// Somebody who is here, or none of ours.
    Real,
    /// Somebody who is here and believed to be away.
    Missed,
    /// Somebody who has gone and whose seat is held.
    Held,
    /// Somebody who has gone and should not be there.
    Ghost,
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
        assert!(!people.is_playing(player));
        let delay = Duration::from_millis(40);
        assert_eq!(people.announced(player, left + delay), Some((Departure::Reset, delay)));
        assert_eq!(people.announced(player, left + delay), None);
        assert_eq!(people.announced(PlayerId(9), left), None, "a stranger's player");
    }

    #[test]
    fn whoever_is_back_is_no_ghost_and_can_go_again() {
        let mut people = People::default();
        let (player, left) = (PlayerId(1), Moment(1_000_000));
        people.joined(player);
        people.gone(player, Some(Departure::Close), left);
        people.announced(player, left);
        people.joined(player);
        assert!(people.is_playing(player));
        people.gone(player, Some(Departure::Reset), left);
        assert_eq!(people.announced(player, left), Some((Departure::Reset, Duration::ZERO)));
    }

    #[test]
    fn only_a_seat_that_may_be_held_is_no_ghost() {
        let appearance = |departure, presence| {
            let mut people = People::default();
            people.joined(PlayerId(1));
            people.gone(PlayerId(1), departure, Moment(0));
            people.appearance(&Member { player: PlayerId(1), name: "", presence })
        };
        use Appearance::{Ghost, Held};
        assert_eq!(appearance(Some(Departure::Close), Presence::Away), Held);
        assert_eq!(appearance(Some(Departure::Close), Presence::Here), Ghost);
        assert_eq!(appearance(Some(Departure::Freeze), Presence::Stalled), Ghost);
        assert_eq!(appearance(Some(Departure::Goodbye), Presence::Away), Ghost);
        assert_eq!(appearance(None, Presence::Away), Held);
        let mut people = People::default();
        people.joined(PlayerId(1));
        let away = Member { player: PlayerId(1), name: "", presence: Presence::Away };
        assert_eq!(people.appearance(&away), Appearance::Missed);
        let stranger = Member { player: PlayerId(2), name: "", presence: Presence::Here };
        assert_eq!(People::default().appearance(&stranger), Appearance::Real);
    }
}
