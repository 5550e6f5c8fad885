//! Who is in the room, according to the server.
//!
//! The roster is the sum of the welcome and of all membership notices. It also remembers who left
//! last, because that is how a client notices a ghost: a player that has been announced as gone
//! and shows up in a later snapshot, or is announced as gone again.

use std::collections::VecDeque;

use gamekeeper_protocol::{Member, PlayerId, Tick};

use crate::limits::DEPARTED_REMEMBERED;

/// How a player stands in the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In the room.
    Present,
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
    members: Vec<(PlayerId, Box<str>)>,
    /// The players that left last, oldest first.
    departed: VecDeque<PlayerId>,
    /// The tick of the welcome or of the last membership notice.
    as_of: Tick,
}

impl Roster {
    /// The tick from which on this is who is in the room. A snapshot of an earlier tick may still
    /// show somebody who has left since.
    pub fn as_of(&self) -> Tick {
        self.as_of
    }

    /// Everybody in the room with their names, in the order of their numbers.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (PlayerId, &str)> {
        self.members.iter().map(|(player, name)| (*player, &**name))
    }

    /// How many are in the room.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is in the room, as before the welcome.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The name of a member.
    pub fn name(&self, player: PlayerId) -> Option<&str> {
        self.find(player).ok().map(|index| &*self.members[index].1)
    }

    /// How a player stands.
    pub fn standing(&self, player: PlayerId) -> Standing {
        if self.find(player).is_ok() {
            Standing::Present
        } else if self.departed.contains(&player) {
            Standing::Departed
        } else {
            Standing::Unknown
        }
    }

    /// Notes from which tick on the changes that follow hold.
    pub(super) fn set_as_of(&mut self, tick: Tick) {
        self.as_of = self.as_of.max(tick);
    }

    /// Adds a member.
    pub(super) fn join(&mut self, member: Member<'_>) {
        self.departed.retain(|player| *player != member.player);
        match self.find(member.player) {
            Ok(index) => self.members[index].1 = member.name.into(),
            // Numbers count up, so this is nearly always the end.
            Err(index) => self.members.insert(index, (member.player, member.name.into())),
        }
        self.check_invariants();
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
        self.members.binary_search_by_key(&player, |(member, _)| *member)
    }

    fn check_invariants(&self) {
        debug_assert!(self.members.is_sorted_by(|a, b| a.0 < b.0));
        debug_assert!(self.departed.len() <= DEPARTED_REMEMBERED);
        debug_assert!(self.departed.iter().all(|player| self.find(*player).is_err()));
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::Presence;

    use super::*;

    fn member(player: u32) -> Member<'static> {
        Member { player: PlayerId(player), name: "ada", presence: Presence::Here }
    }

    #[test]
    fn who_left_twice_is_told_from_who_was_never_here() {
        let mut roster = Roster::default();
        roster.join(member(2));
        roster.join(member(1));
        assert_eq!(roster.members().map(|(player, _)| player.0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(roster.leave(PlayerId(1)), Standing::Present);
        assert_eq!(roster.leave(PlayerId(1)), Standing::Departed);
        assert_eq!(roster.leave(PlayerId(9)), Standing::Unknown);
        assert_eq!(roster.len(), 1);
        assert_eq!(roster.name(PlayerId(2)), Some("ada"));
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
