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

/// How a player has gone, and where it stood.
type Way = (Departure, PlayerState);

/// What has become of one of our players.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Playing,
    Gone {
        /// How and from where, if it was told to.
        how: Option<Way>,
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
    pub(super) fn gone(&mut self, player: PlayerId, how: Option<Way>, at: Moment) {
        if let Some(fate @ Fate::Playing) = self.fates.get_mut(&player) {
            *fate = Fate::Gone { how, at, announced: false };
        }
    }

    /// A player carries out a departure. One that had gone before and was about to come back is
    /// gone in another way now; that this is no news need not be told.
    pub(super) fn told_to_go(&mut self, player: PlayerId, way: Way, at: Moment) {
        let announced = matches!(self.fates.get(&player), Some(Fate::Gone { .. }));
        self.fates.insert(player, Fate::Gone { how: Some(way), at, announced });
    }

    /// A bot has been told that a player is away or has left. Yields how and how long ago it went,
    /// if it was told to and this is the first notice of it.
    pub(super) fn announced(
        &mut self,
        player: PlayerId,
        now: Moment,
    ) -> Option<(Departure, Duration)> {
        match self.fates.get_mut(&player)? {
            Fate::Gone { how, at, announced: announced @ false } => {
                *announced = true;
                how.map(|(departure, _)| (departure, now.since(*at)))
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
        let how = match self.fates.get(&member.player) {
            Some(Fate::Gone { how, .. }) => how,
            Some(Fate::Playing) if member.presence == Presence::Away => return Appearance::Missed,
            Some(Fate::Playing) | None => return Appearance::Real,
        };
        let may_be_held = how.is_none_or(|(departure, state)| departure.holds_seat(state));
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
        people.gone(player, Some((Departure::Reset, PlayerState::Match)), left);
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
        people.gone(player, Some((Departure::Close, PlayerState::Match)), left);
        people.announced(player, left);
        people.joined(player);
        assert!(people.is_playing(player));
        people.gone(player, Some((Departure::Reset, PlayerState::Match)), left);
        assert_eq!(people.announced(player, left), Some((Departure::Reset, Duration::ZERO)));
    }

    /// Who was to come back and has misbehaved on the way has no seat, whatever it had before.
    #[test]
    fn who_leaves_again_on_the_way_back_is_gone_in_the_new_way() {
        let mut people = People::default();
        let (player, left) = (PlayerId(1), Moment(1_000_000));
        people.joined(player);
        people.told_to_go(player, (Departure::Close, PlayerState::Match), left);
        let away = Member { player, name: "", presence: Presence::Away };
        assert_eq!(people.appearance(&away), Appearance::Held);
        people.told_to_go(player, (Departure::Garbage, PlayerState::ResumeWindow), left);
        assert_eq!(people.appearance(&away), Appearance::Ghost);
        assert_eq!(people.announced(player, left), None, "the others knew that it was away");
    }

    #[test]
    fn only_a_seat_that_may_be_held_is_no_ghost() {
        let appearance = |departure: Option<Departure>, presence| {
            let mut people = People::default();
            people.joined(PlayerId(1));
            let how = departure.map(|departure| (departure, PlayerState::Match));
            people.gone(PlayerId(1), how, Moment(0));
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
