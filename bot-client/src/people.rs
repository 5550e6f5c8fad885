//! Which players are our own bots', and when each of them left.
//!
//! Data flow: fleet -> player event -> **`People`** -> report.
//!
//! Bots watch each other: when one leaves, the others are told by the server, and the time between
//! is what players would call the delay of the news. News is that the player is away, if its seat
//! is held, or else that it has left.
//!
//! Pure. The bots may be spread over several fleets, in several processes: a fleet says what its
//! own bots did and heard, and whoever has heard all of them, in the order of time, judges.

use std::collections::{BTreeMap, HashMap};

use gamekeeper_protocol::{PlayerId, Presence};
use serde::{Deserialize, Serialize};

use crate::{
    clock::Moment,
    departure::{Departure, PlayerState},
    fleet::Latency,
};

/// How a player has gone, and where it stood.
type Way = (Departure, PlayerState);

/// Something that one of our bots did, or heard of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerEvent {
    /// When.
    pub at: Moment,
    /// Who did it, or whom the news is about.
    pub player: PlayerId,
    /// What.
    pub what: PlayerChange,
}

/// What a bot did, or heard of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayerChange {
    /// It has a seat, or has it again.
    Joined,
    /// It carries out a departure.
    Leaves {
        /// Which one.
        departure: Departure,
        /// Where it stands.
        state: PlayerState,
    },
    /// Its connection is over.
    Gone {
        /// How it was told to leave, and where it stood, if it was.
        how: Option<(Departure, PlayerState)>,
    },
    /// Another bot, which was not told to leave, was told that it is away.
    AnnouncedAway,
    /// Another bot, which was not told to leave, was told that it has left.
    AnnouncedLeft,
}

/// Somebody whom bots have in their rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterEntry {
    /// Who.
    pub player: PlayerId,
    /// As what.
    pub presence: Presence,
    /// How many bots do.
    pub bots: u32,
}

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

/// Our own players.
#[derive(Clone, Debug, Default)]
pub struct People {
    fates: HashMap<PlayerId, Fate>,
    announce: BTreeMap<Departure, Latency>,
    announcements_false: u64,
}

impl People {
    /// Takes in what has happened. Of each fleet in the order in which it says it, of several in
    /// the order of time.
    pub fn handle(&mut self, event: PlayerEvent) {
        let PlayerEvent { at, player, what } = event;
        match what {
            PlayerChange::Joined => {
                self.fates.insert(player, Fate::Playing);
            }
            PlayerChange::Leaves { departure, state } => {
                self.leaves(player, (departure, state), at);
            }
            PlayerChange::Gone { how } => self.gone(player, how, at),
            PlayerChange::AnnouncedAway => self.announced(player, at),
            PlayerChange::AnnouncedLeft => {
                let plays = matches!(self.fates.get(&player), Some(Fate::Playing));
                self.announcements_false += u64::from(plays);
                self.announced(player, at);
            }
        }
    }

    /// From a departure to the first notice that any other bot received, once per departure, by
    /// the way of leaving: that the player is away, or has left.
    pub fn announce(&self) -> &BTreeMap<Departure, Latency> {
        &self.announce
    }

    /// Notices that one of our players has left that has its seat, perhaps again. Must be 0, unless
    /// the server itself has ended that player's stay.
    pub fn announcements_false(&self) -> u64 {
        self.announcements_false
    }

    /// What a member of somebody's roster is in truth, after everybody has had the time to be told.
    pub fn appearance(&self, player: PlayerId, presence: Presence) -> Appearance {
        let how = match self.fates.get(&player) {
            Some(Fate::Gone { how, .. }) => how,
            Some(Fate::Playing) if presence == Presence::Away => return Appearance::Missed,
            Some(Fate::Playing) | None => return Appearance::Real,
        };
        let may_be_held = how.is_none_or(|(departure, state)| departure.holds_seat(state));
        match presence {
            Presence::Away if may_be_held => Appearance::Held,
            Presence::Away | Presence::Stalled | Presence::Here => Appearance::Ghost,
        }
    }

    /// How many members of rosters appear as what, once per pair of a bot and a member.
    pub fn count(&self, rosters: &[RosterEntry], wanted: Appearance) -> u64 {
        let appears = |it: &&RosterEntry| self.appearance(it.player, it.presence) == wanted;
        rosters.iter().filter(appears).map(|entry| u64::from(entry.bots)).sum()
    }

    /// Only the first time counts.
    fn gone(&mut self, player: PlayerId, how: Option<Way>, at: Moment) {
        if let Some(fate @ Fate::Playing) = self.fates.get_mut(&player) {
            *fate = Fate::Gone { how, at, announced: false };
        }
    }

    /// One that had gone before and was about to come back is gone in another way now; that this is
    /// no news need not be told.
    fn leaves(&mut self, player: PlayerId, way: Way, at: Moment) {
        let announced = matches!(self.fates.get(&player), Some(Fate::Gone { .. }));
        self.fates.insert(player, Fate::Gone { how: Some(way), at, announced });
    }

    /// Measures how fresh the news is, if it is about somebody who was told to go, and the first.
    fn announced(&mut self, player: PlayerId, now: Moment) {
        if let Some(Fate::Gone { how, at, announced: announced @ false }) =
            self.fates.get_mut(&player)
        {
            *announced = true;
            if let Some((departure, _)) = how {
                self.announce.entry(*departure).or_default().record(now.since(*at));
            }
        }
    }
}

/// What a member of a roster is in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appearance {
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
    use std::time::Duration;

    use super::{
        PlayerChange::{AnnouncedAway, AnnouncedLeft, Gone, Joined, Leaves},
        *,
    };

    const LEFT: Moment = Moment(1_000_000);
    const DELAY: Duration = Duration::from_millis(40);

    fn people(events: &[(u32, PlayerChange, Moment)]) -> People {
        let mut people = People::default();
        for (player, what, at) in events {
            people.handle(PlayerEvent { at: *at, player: PlayerId(*player), what: *what });
        }
        people
    }

    fn leaves(departure: Departure) -> PlayerChange {
        Leaves { departure, state: PlayerState::Match }
    }

    #[test]
    fn only_the_first_notice_is_timed() {
        let people = people(&[
            (1, Joined, Moment(0)),
            (1, AnnouncedAway, LEFT),
            (1, leaves(Departure::Reset), LEFT),
            (1, Gone { how: None }, LEFT + DELAY / 2),
            (1, AnnouncedAway, LEFT + DELAY),
            (1, AnnouncedLeft, LEFT + 2 * DELAY),
            (9, AnnouncedLeft, LEFT),
        ]);
        assert_eq!(people.announce().len(), 1, "that is one departure, and a stranger");
        let latency = &people.announce()[&Departure::Reset];
        assert_eq!(latency.count(), 1);
        assert!(latency.max().expect("a sample").abs_diff(DELAY) < DELAY / 1000);
        assert_eq!(people.announcements_false(), 0);
    }

    #[test]
    fn whoever_plays_has_not_left() {
        let mut people = people(&[
            (1, Joined, Moment(0)),
            (1, AnnouncedLeft, LEFT),
            (1, leaves(Departure::Close), LEFT),
            (1, AnnouncedAway, LEFT),
            (1, Joined, LEFT),
            (1, AnnouncedLeft, LEFT),
        ]);
        assert_eq!(people.announcements_false(), 2);
        people.handle(PlayerEvent {
            at: LEFT,
            player: PlayerId(1),
            what: leaves(Departure::Reset),
        });
        people.handle(PlayerEvent { at: LEFT, player: PlayerId(1), what: AnnouncedLeft });
        assert_eq!(people.announcements_false(), 2, "it can go again");
        let announced: Vec<_> = people.announce().keys().copied().collect();
        assert_eq!(announced, [Departure::Close, Departure::Reset]);
    }

    /// Who was to come back and has misbehaved on the way has no seat, whatever it had before.
    #[test]
    fn who_leaves_again_on_the_way_back_is_gone_in_the_new_way() {
        let mut people = people(&[(1, Joined, Moment(0)), (1, leaves(Departure::Close), LEFT)]);
        let away = |people: &People| people.appearance(PlayerId(1), Presence::Away);
        assert_eq!(away(&people), Appearance::Held);
        let what = Leaves { departure: Departure::Garbage, state: PlayerState::ResumeWindow };
        people.handle(PlayerEvent { at: LEFT, player: PlayerId(1), what });
        assert_eq!(away(&people), Appearance::Ghost);
        people.handle(PlayerEvent { at: LEFT, player: PlayerId(1), what: AnnouncedLeft });
        assert!(people.announce().is_empty(), "the others knew that it was away");
    }

    #[test]
    fn only_a_seat_that_may_be_held_is_no_ghost() {
        let appearance = |departure: Option<Departure>, presence| {
            let how = departure.map(|departure| (departure, PlayerState::Match));
            let gone = people(&[(1, Joined, Moment(0)), (1, Gone { how }, LEFT)]);
            gone.appearance(PlayerId(1), presence)
        };
        use Appearance::{Ghost, Held, Missed, Real};
        assert_eq!(appearance(Some(Departure::Close), Presence::Away), Held);
        assert_eq!(appearance(Some(Departure::Close), Presence::Here), Ghost);
        assert_eq!(appearance(Some(Departure::Freeze), Presence::Stalled), Ghost);
        assert_eq!(appearance(Some(Departure::Goodbye), Presence::Away), Ghost);
        assert_eq!(appearance(None, Presence::Away), Held);
        let here = people(&[(1, Joined, Moment(0))]);
        let entry =
            |player, presence, bots| RosterEntry { player: PlayerId(player), presence, bots };
        let rosters =
            [entry(1, Presence::Away, 3), entry(1, Presence::Here, 4), entry(2, Presence::Here, 5)];
        assert_eq!([Real, Missed, Held, Ghost].map(|it| here.count(&rosters, it)), [9, 3, 0, 0]);
    }
}
