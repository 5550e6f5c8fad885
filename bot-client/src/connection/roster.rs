//! Who is in the room, according to the server.
//!
//! The roster is the sum of the last welcome and of all membership notices since. It also remembers
//! who left last, because that is how a client notices a ghost: a player that has been announced as
//! gone and shows up in a later snapshot, or is announced as gone again.

use std::collections::VecDeque;

use gamekeeper_protocol::{Member, PlayerId, Presence, PresenceChange, Tick};

use crate::limits::DEPARTED_REMEMBERED;

/// How a player stands in the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In the room; whether it can be reached is another matter.
    Present(Presence),
    /// Announced as gone, not long ago.
    Departed,
    /// Never heard of, or forgotten.
    Unknown,
}

/// Who is in the room.
///
/// Invariant: `members` is strictly ascending by player.
/// Invariant: `departed` holds at most [`DEPARTED_REMEMBERED`] players, none of them a member.
#[derive(Debug, Default)]
pub struct Roster {
    members: Vec<Known>,
    /// The players that left last, oldest first.
    departed: VecDeque<PlayerId>,
    /// The tick of the welcome or of the last membership notice.
    as_of: Tick,
}

/// A member of the room.
#[derive(Debug)]
struct Known {
    player: PlayerId,
    name: Box<str>,
    presence: Presence,
}

impl Known {
    fn member(&self) -> Member<'_> {
        Member { player: self.player, name: &self.name, presence: self.presence }
    }
}

impl Roster {
    /// The tick from which on this is who is in the room. A snapshot of an earlier tick may still
    /// show somebody who has left since.
    pub fn as_of(&self) -> Tick {
        self.as_of
    }

    /// Everybody in the room, those who are away as well, in the order of their numbers.
    pub fn members(&self) -> impl ExactSizeIterator<Item = Member<'_>> {
        self.members.iter().map(Known::member)
    }

    /// How many are in the room.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is in the room, as before the welcome.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A member of the room.
    pub fn member(&self, player: PlayerId) -> Option<Member<'_>> {
        self.find(player).ok().map(|index| self.members[index].member())
    }

    /// How a player stands.
    pub fn standing(&self, player: PlayerId) -> Standing {
        match self.member(player) {
            Some(member) => Standing::Present(member.presence),
            None if self.departed.contains(&player) => Standing::Departed,
            None => Standing::Unknown,
        }
    }

    /// Forgets everything and takes over what a welcome says.
    pub(super) fn replace(&mut self, tick: Tick, members: &[Member<'_>]) {
        *self = Self { as_of: tick, ..Self::default() };
        members.iter().for_each(|member| self.join(*member));
    }

    /// Notes from which tick on the changes that follow hold.
    pub(super) fn set_as_of(&mut self, tick: Tick) {
        self.as_of = self.as_of.max(tick);
    }

    /// Adds a member.
    pub(super) fn join(&mut self, Member { player, name, presence }: Member<'_>) {
        self.departed.retain(|departed| *departed != player);
        let known = Known { player, name: name.into(), presence };
        match self.find(player) {
            Ok(index) => self.members[index] = known,
            // Numbers count up, so this is nearly always the end.
            Err(index) => self.members.insert(index, known),
        }
        self.check_invariants();
    }

    /// Notes a player's presence and says how it stood before.
    pub(super) fn change(&mut self, change: PresenceChange) -> Standing {
        let standing = self.standing(change.player);
        if let Ok(index) = self.find(change.player) {
            self.members[index].presence = change.presence;
        }
        standing
    }

    /// Removes a player and says how it stood before.
    pub(super) fn leave(&mut self, player: PlayerId) -> Standing {
        let standing = self.standing(player);
        if let Ok(index) = self.find(player) {
            self.members.remove(index);
        }
        if standing != Standing::Departed {
            if self.departed.len() == DEPARTED_REMEMBERED {
                self.departed.pop_front();
            }
            self.departed.push_back(player);
        }
        self.check_invariants();
        standing
    }

    fn find(&self, player: PlayerId) -> Result<usize, usize> {
        self.members.binary_search_by_key(&player, |member| member.player)
    }

    fn check_invariants(&self) {
        debug_assert!(self.members.is_sorted_by(|a, b| a.player < b.player));
        debug_assert!(self.departed.len() <= DEPARTED_REMEMBERED);
        debug_assert!(self.departed.iter().all(|player| self.find(*player).is_err()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(player: u32) -> Member<'static> {
        Member { player: PlayerId(player), name: "ada", presence: Presence::Here }
    }

    fn numbers(roster: &Roster) -> Vec<u32> {
        roster.members().map(|member| member.player.0).collect()
    }

    #[test]
    fn who_left_twice_is_told_from_who_was_never_here() {
        let mut roster = Roster::default();
        roster.join(member(2));
        roster.join(member(1));
        assert_eq!(numbers(&roster), [1, 2]);
        assert_eq!(roster.leave(PlayerId(1)), Standing::Present(Presence::Here));
        assert_eq!(roster.leave(PlayerId(1)), Standing::Departed);
        assert_eq!(roster.leave(PlayerId(9)), Standing::Unknown);
        assert_eq!(roster.len(), 1);
        assert_eq!(roster.member(PlayerId(2)), Some(member(2)));
    }

    #[test]
    fn a_presence_is_noted_of_members_alone() {
        let mut roster = Roster::default();
        roster.join(member(1));
        let change = |player, presence| PresenceChange { player: PlayerId(player), presence };
        let (here, away) = (Presence::Here, Presence::Away);
        assert_eq!(roster.change(change(1, away)), Standing::Present(here));
        assert_eq!(roster.change(change(1, here)), Standing::Present(away));
        roster.change(change(1, away));
        assert_eq!(roster.leave(PlayerId(1)), Standing::Present(away));
        assert_eq!(roster.change(change(1, here)), Standing::Departed);
        assert_eq!(roster.change(change(2, here)), Standing::Unknown);
        assert!(roster.is_empty());
    }

    #[test]
    fn a_welcome_replaces_everything() {
        let mut roster = Roster::default();
        roster.replace(Tick(9), &[member(1), member(2), member(3)]);
        roster.leave(PlayerId(1));
        roster.replace(Tick(4), &[member(3), member(4)]);
        assert_eq!(numbers(&roster), [3, 4]);
        assert_eq!(roster.standing(PlayerId(1)), Standing::Unknown);
        assert_eq!(roster.as_of(), Tick(4), "also when the ticks begin anew");
    }

    #[test]
    fn memory_for_the_departed_is_bounded() {
        let mut roster = Roster::default();
        for player in 0..10_000 {
            roster.join(member(player));
            roster.leave(PlayerId(player));
        }
        assert!(roster.is_empty());
        assert_eq!(roster.departed.len(), DEPARTED_REMEMBERED);
        assert_eq!(roster.standing(PlayerId(9_999)), Standing::Departed);
        assert_eq!(roster.standing(PlayerId(0)), Standing::Unknown);
    }
}
