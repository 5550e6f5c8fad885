//! What the bots of a fleet do and hear of each other, written down for whoever judges it.
//!
//! Part of [`Fleet`]. Bot -> **`Watch`** -> player events -> [`People`](crate::people::People).
//!
//! A fleet does not judge itself: a player of whom its bots hear may be a bot of another fleet.

use std::{collections::BTreeMap, mem};

use gamekeeper_protocol::PlayerId;

use super::{
    Fleet,
    bot::{Bot, State},
};
use crate::{
    clock::Moment,
    people::{PlayerChange, PlayerEvent, RosterEntry},
};

/// What the bots did and heard since somebody asked last.
#[derive(Debug, Default)]
pub(super) struct Watch {
    is_on: bool,
    events: Vec<PlayerEvent>,
}

impl Watch {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, events: Vec::new() }
    }

    pub(super) fn note(&mut self, at: Moment, player: PlayerId, what: PlayerChange) {
        if self.is_on {
            self.events.push(PlayerEvent { at, player, what });
        }
    }
}

impl Fleet {
    /// Takes the record of who joined and left and was told of whom since the last call. The next
    /// ones are of a later time than this call.
    pub fn take_player_events(&mut self) -> Vec<PlayerEvent> {
        mem::take(&mut self.watch.events)
    }

    /// Whom the bots that play have in their rooms, and as what. Bots that are late to hear of
    /// changes do not count: what they believe is old, and right for them.
    pub fn rosters(&self) -> Vec<RosterEntry> {
        let mut bots = BTreeMap::new();
        let up_to_date = |bot: &Bot| bot.is_playing() && !bot.plan.manner.hears_late();
        for (_, bot) in self.bots.iter().filter(|(_, bot)| up_to_date(bot)) {
            if let State::Talking { connection, .. } = &bot.state {
                for member in connection.roster().members() {
                    *bots.entry((member.player, member.presence)).or_insert(0) += 1;
                }
            }
        }
        let entry = |((player, presence), bots)| RosterEntry { player, presence, bots };
        bots.into_iter().map(entry).collect()
    }
}
