//! What the bots of all fleets say about each other, in the order of time.
//!
//! Part of [`crew`](super). Player events of each hand -> **`Tidings`** -> people.
//!
//! Whether a player was announced in time, or falsely, can only be said by whoever knows what all
//! bots did: a bot hears of players of other processes as well. All processes of a machine have one
//! clock, and a bot's departure is stamped before its bytes are sent, so what follows from it has
//! a later time wherever it is heard. What a hand says when it is asked is complete up to then; so
//! everything up to the earliest such moment of all hands can be put into one order.

use std::collections::VecDeque;

use gamekeeper_bot::{
    clock::Moment,
    people::{People, PlayerEvent},
};

/// What all hands have said.
#[derive(Debug)]
pub(super) struct Tidings {
    hands: Vec<Told>,
    people: People,
}

/// What one hand has said.
#[derive(Clone, Debug, Default)]
struct Told {
    /// What others may still have something to say before, in the hand's own order.
    events: VecDeque<PlayerEvent>,
    /// Nothing that it will say is earlier.
    complete_until: Moment,
}

impl Tidings {
    pub(super) fn new(hands: usize) -> Self {
        Self { hands: vec![Told::default(); hands], people: People::default() }
    }

    /// Takes in what a hand says, which is complete until then.
    pub(super) fn tell(&mut self, hand: usize, events: Vec<PlayerEvent>, complete_until: Moment) {
        let told = &mut self.hands[hand];
        told.events.extend(events);
        told.complete_until = complete_until;
    }

    /// Passes on what is complete.
    pub(super) fn settle(&mut self) {
        let complete = self.hands.iter().map(|told| told.complete_until).min().unwrap_or_default();
        let next = |hands: &mut Vec<Told>| {
            let at = |told: &Told| told.events.front().map(|event| event.at);
            let first =
                hands.iter_mut().filter(|told| at(told).is_some()).min_by_key(|told| at(told));
            first?.events.pop_front_if(|event| event.at <= complete)
        };
        while let Some(event) = next(&mut self.hands) {
            self.people.handle(event);
        }
    }

    pub(super) fn people(&self) -> &People {
        &self.people
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::{
        departure::{Departure, PlayerState},
        people::PlayerChange,
    };
    use gamekeeper_protocol::{PlayerId, Presence};
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn leaves(departure: Departure, state: PlayerState) -> PlayerChange {
        PlayerChange::Leaves { departure, state }
    }

    /// A story of some players: who does what, who tells it, and how often hands are asked.
    fn story() -> impl Strategy<Value = Vec<(PlayerEvent, usize, bool)>> {
        let what = prop_oneof![
            Just(PlayerChange::Joined),
            Just(PlayerChange::Gone { how: None }),
            Just(leaves(Departure::Reset, PlayerState::Match)),
            Just(leaves(Departure::Garbage, PlayerState::ResumeWindow)),
            Just(PlayerChange::AnnouncedAway),
            Just(PlayerChange::AnnouncedLeft),
        ];
        let step = (1..50_u64, 0..4_u32, what, 0..3_usize, any::<bool>());
        vec(step, 0..100).prop_map(|steps| {
            let mut at = Moment(0);
            let event = |(after, player, what, hand, asked)| {
                at = Moment(at.0 + after * 1_000_000);
                (PlayerEvent { at, player: PlayerId(player), what }, hand, asked)
            };
            steps.into_iter().map(event).collect()
        })
    }

    proptest! {
        /// However the bots are spread over hands, and whenever these are asked, the judgement is
        /// that of one who saw everything.
        #[test]
        fn several_hands_tell_the_same_story_as_one(story in story()) {
            let mut alone = People::default();
            story.iter().for_each(|(event, ..)| alone.handle(*event));
            let mut tidings = Tidings::new(3);
            let mut untold = vec![Vec::new(); 3];
            for (event, hand, asked) in &story {
                untold[*hand].push(*event);
                if *asked {
                    tidings.tell(*hand, std::mem::take(&mut untold[*hand]), event.at);
                    tidings.settle();
                }
            }
            for (hand, events) in untold.into_iter().enumerate() {
                tidings.tell(hand, events, Moment(u64::MAX));
                tidings.settle();
            }
            let together = tidings.people();
            prop_assert_eq!(together.announce(), alone.announce());
            prop_assert_eq!(together.announcements_false(), alone.announcements_false());
            for player in (0..4).map(PlayerId) {
                for presence in [Presence::Here, Presence::Away] {
                    let [one, all] = [&alone, together].map(|it| it.appearance(player, presence));
                    prop_assert_eq!(one, all);
                }
            }
        }
    }
}
