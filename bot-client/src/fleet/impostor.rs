//! Showing the server tickets that are not good.
//!
//! Part of [`Fleet`]. A ticket that a bot has, or has had -> **impostor** -> refusal -> record.
//!
//! To a client a ticket is opaque. What has to be changed in one so that it is of another run, or
//! was never given out, is known here all the same: a wrong ticket must be wrong in a known way.

use std::time::Duration;

use super::{
    BotId, BotPlan, Fleet, TicketFault,
    bot::{Bot, Play, State},
};
use crate::{
    clock::Moment,
    connection::WayBack,
    departure::{Departure, PlayerState},
};

/// How long the server may take to read what a bot has sent, and to give up a seat in time.
const SURELY_KNOWN_AFTER: Duration = Duration::from_secs(1);

/// A seat that a bot has left for good.
#[derive(Debug)]
pub(super) struct LostSeat {
    /// Leads nowhere.
    way_back: WayBack,
    /// From then on, surely.
    since: Moment,
    /// Whether its bot spoke WebSocket.
    websocket: bool,
}

impl LostSeat {
    /// The seat of a bot that left in this way, and whose connection was over at `at`.
    pub(super) fn new(
        way_back: WayBack,
        websocket: bool,
        (departure, state): (Departure, PlayerState),
        at: Moment,
    ) -> Self {
        let held = if departure.holds_seat(state) { way_back.window } else { Duration::ZERO };
        // Who has gone without a word does not see when the server notices.
        let unseen = departure.needs().map(|_| departure.noticed_within(state)).unwrap_or_default();
        Self { since: at + unseen + held + SURELY_KNOWN_AFTER, way_back, websocket }
    }
}

impl Fleet {
    /// Shows the server, over a connection of its own, a ticket that `bot` has or has had and that
    /// is not good. False, and nothing else, if the bot has no such ticket now.
    ///
    /// - [`TicketFault::Forged`] and [`TicketFault::Stale`]: while it plays;
    /// - [`TicketFault::Replayed`]: a while after it has come back;
    /// - [`TicketFault::Expired`]: a while after it has left for good, and its seat is given up.
    pub fn show_bad_ticket(&mut self, bot: BotId, fault: TicketFault) -> bool {
        let Some((way_back, websocket)) = self.bad_ticket(bot, fault, Moment::now()) else {
            return false;
        };
        // From the other end, so that it takes no number of a bot.
        self.impostors += 1;
        let id = BotId(u32::MAX - self.impostors);
        let impostor = Bot {
            fraud: Some(fault),
            way_back: Some(way_back),
            play: Play::new(self.config.seed, id, false),
            ..Bot::new(id, BotPlan { websocket, ..BotPlan::default() }, &self.config)
        };
        let slot = self.bots.insert(impostor);
        self.slots.insert(id, slot);
        self.connect_queue.push_back(id);
        true
    }

    /// A bad ticket, and whether the bot speaks WebSocket of which it is.
    fn bad_ticket(&self, bot: BotId, fault: TicketFault, now: Moment) -> Option<(WayBack, bool)> {
        if fault == TicketFault::Expired {
            let lost = self.lost.get(&bot).filter(|lost| lost.since <= now)?;
            return Some((lost.way_back.clone(), lost.websocket));
        }
        let bot = &self.bots[self.slot(bot)?];
        let State::Talking { connection, .. } = &bot.state else { return None };
        if !bot.is_at_home() {
            return None;
        }
        let way_back = match fault {
            TicketFault::Replayed => {
                // Spent as soon as the server has heard anything over the new connection.
                let spoke_at = bot.play.spoke_at?;
                bot.spent.clone().filter(|_| spoke_at + SURELY_KNOWN_AFTER <= now)?
            }
            TicketFault::Forged | TicketFault::Stale => {
                let mut way_back = connection.way_back()?;
                // The first bytes say which run of the server it is from; the last are the secret.
                let byte =
                    if fault == TicketFault::Stale { 0 } else { way_back.ticket.0.len() - 1 };
                way_back.ticket.0[byte] ^= 1;
                way_back
            }
            TicketFault::Expired => return None,
        };
        Some((way_back, bot.plan.websocket))
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::{InputSequence, PlayerId, RoomId, Ticket};

    use super::*;

    #[test]
    fn a_seat_is_lost_when_it_is_surely_given_up() {
        let way_back = WayBack {
            player: PlayerId(1),
            room: RoomId(1),
            ticket: Ticket([1; 32]),
            window: Duration::from_secs(2),
            events_seen: 0,
            last_input: InputSequence(0),
        };
        let since = |departure| {
            LostSeat::new(way_back.clone(), false, (departure, PlayerState::Match), Moment(0)).since
        };
        assert_eq!(since(Departure::Reset), Moment(0) + Duration::from_secs(3));
        assert_eq!(since(Departure::Goodbye), Moment(0) + Duration::from_secs(1));
        assert!(since(Departure::Vanish) > since(Departure::Reset) + Duration::from_secs(6));
    }
}
