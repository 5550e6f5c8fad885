//! Who comes back to its seat, how, and who tries to without right.
//!
//! Part of [`Plan`]. A departure -> **comeback** -> the next stay of the same bot.

use std::time::Duration;

use gamekeeper_bot::{
    departure::{Departure, PlayerState},
    dice::Dice,
    fleet::{BotPlan, Comeback, TicketFault},
};

use super::{Plan, PlannedDeparture, PlannedFraud, playing::Stay};
use crate::scenario::Resume;

/// Who is back so soon, and stays, still has its seat when the ticket that it has spent is shown
/// again.
const SOON: Duration = Duration::from_millis(1500);

/// Of those whose old connection stays open, one in so many takes over from it.
const TAKES_OVER_ONE_IN: u32 = 2;

/// About how long a server takes to end a connection that stays open. A bot that is told to leave
/// again before it is back does so when it is.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

/// Of each kind, one bad ticket for so many returns; at least one.
const RETURNS_PER_FRAUD: u64 = 20;

/// Draws whether a bot comes back, and how. `seat` says whether there is a seat to come back to.
pub(super) fn draw(
    departure: Departure,
    seat: bool,
    resume: &Resume,
    dice: &mut Dice,
) -> Option<Comeback> {
    if !seat || dice.fraction() >= resume.share {
        return None;
    }
    let after = resume.after.at(dice.fraction());
    let takes_over = departure.stays_connected() && dice.one_in(TAKES_OVER_ONE_IN);
    Some(Comeback { after, takes_over, plan: BotPlan::default() })
}

/// About how long it takes from a departure until the bot is back.
pub(super) fn takes(departure: Departure, comeback: &Comeback) -> Duration {
    let waits = departure.stays_connected() && !comeback.takes_over;
    comeback.after + if waits { NOTICED_WITHIN } else { Duration::ZERO }
}

/// Draws the bad tickets, in the order of time. `staying` are those who are there in the end.
pub(super) fn frauds(
    plan: &Plan,
    staying: &[Stay],
    duration: Duration,
    dice: &mut Dice,
) -> Vec<PlannedFraud> {
    let returns = plan.returns();
    if returns == 0 {
        return Vec::new();
    }
    let count = (returns / RETURNS_PER_FRAUD).max(1);
    let mut frauds = Vec::new();
    for fault in TicketFault::ALL {
        let candidates = match fault {
            TicketFault::Replayed => replays(plan),
            TicketFault::Expired => expired(plan),
            TicketFault::Forged | TicketFault::Stale => {
                let anytime = |stay: &Stay| {
                    // Whoever is back still later is waited for.
                    let first = stay.from.min(duration);
                    let from = first + (duration - first).mul_f64(dice.fraction());
                    let bot = stay.bot;
                    PlannedFraud { from, bot, fault, awaits_window: false }
                };
                staying.iter().map(anytime).collect()
            }
        };
        frauds.append(&mut pick(candidates, count, dice));
    }
    frauds.sort_by_key(|fraud| (fraud.from, fraud.bot, fraud.fault));
    frauds
}

/// The spent tickets of those that are soon back, and then stay: the seat must still be theirs.
fn replays(plan: &Plan) -> Vec<PlannedFraud> {
    let stays = |planned: &&PlannedDeparture| {
        planned.comeback.is_some_and(|comeback| {
            comeback.plan.departure.is_none() && takes(planned.departure, &comeback) <= SOON
        })
    };
    let fault = TicketFault::Replayed;
    let replay = |planned: &PlannedDeparture| PlannedFraud {
        from: planned.at,
        bot: planned.bot,
        fault,
        awaits_window: false,
    };
    plan.departures().filter(stays).map(replay).collect()
}

/// The tickets of those who are gone for good.
fn expired(plan: &Plan) -> Vec<PlannedFraud> {
    // Nobody in the lobby has a ticket yet, and who breaks off its return may still come to its
    // seat.
    let gone = plan.departures().filter(|planned| {
        let had_a_seat = [PlayerState::Match, PlayerState::MidFrame].contains(&planned.state);
        planned.comeback.is_none() && had_a_seat
    });
    let late = |planned: &PlannedDeparture| PlannedFraud {
        from: planned.at,
        bot: planned.bot,
        fault: TicketFault::Expired,
        awaits_window: planned.departure.holds_seat(planned.state),
    };
    gone.map(late).collect()
}

/// So many of them, or all there are.
fn pick<T>(mut from: Vec<T>, count: u64, dice: &mut Dice) -> Vec<T> {
    let mut picked = Vec::new();
    while !from.is_empty() && (picked.len() as u64) < count {
        picked.push(from.swap_remove(dice.below(from.len() as u32) as usize));
    }
    picked
}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::{departure::Transport, transport::TransportMix};

    use super::*;
    use crate::{mix::DepartureMix, plan::Means, scenario::Quick};

    fn plan(resume_share: f64) -> Plan {
        let quick = Quick {
            game: String::new(),
            transport: TransportMix::Tcp,
            bots: 500,
            duration: Duration::from_secs(40),
            churn_per_second: 50.0,
            mix: DepartureMix::default(),
            resume_share,
            input_hz: 20,
        };
        Plan::new(&quick.scenario(), 1, &Means::all(Transport::Tcp))
    }

    #[test]
    fn the_share_is_of_those_whose_seat_is_held() {
        for (share, expected) in [(0.0, 0..1), (0.25, 300..420), (1.0, 1380..1560)] {
            let plan = plan(share);
            assert!(expected.contains(&plan.returns()), "{share}: {}", plan.returns());
            let held = plan.departures().filter(|it| it.departure.holds_seat(it.state));
            if share == 1.0 {
                assert_eq!(held.count() as u64, plan.returns());
            }
        }
    }

    #[test]
    fn returns_do_not_change_when_and_how_bots_leave() {
        let [none, some] = [0.0, 0.5].map(plan);
        let leaves = |plan: &Plan| -> Vec<(Duration, Departure)> {
            plan.departures().map(|planned| (planned.at, planned.departure)).collect()
        };
        assert_eq!(leaves(&none), leaves(&some));
        assert!(none.frauds.is_empty(), "no returns, no bad tickets");
    }

    #[test]
    fn some_take_over_and_nobody_is_late_for_the_seat() {
        let plan = plan(0.5);
        let back = plan.departures().filter_map(|it| Some((it.departure, it.comeback?)));
        let back: Vec<_> = back.collect();
        let usual = Resume::USUALLY_AFTER;
        assert!(back.iter().all(|(_, it)| (usual.from..=usual.to).contains(&it.after)));
        let open = |over| {
            let open = back.iter().filter(|(departure, _)| departure.stays_connected());
            open.filter(|(_, it)| it.takes_over == over).count()
        };
        assert!(open(true) > 50 && open(false) > 50, "{} {}", open(true), open(false));
        let over = back.iter().filter(|(_, it)| it.takes_over);
        assert_eq!(over.count(), open(true), "a connection that is closed cannot be taken over");
        let again = back.iter().filter(|(_, it)| it.plan.departure.is_some()).count();
        assert!(again > 50, "{again} leave again");
    }

    /// Each bad ticket is bad in the end, and nobody else's doing makes it bad in another way.
    #[test]
    fn bad_tickets_are_of_the_right_bots() {
        let plan = plan(0.25);
        for fault in TicketFault::ALL {
            let of_kind: Vec<_> = plan.frauds.iter().filter(|it| it.fault == fault).collect();
            assert_eq!(of_kind.len() as u64, plan.returns() / RETURNS_PER_FRAUD, "{fault:?}");
            for fraud in of_kind {
                let last = plan.departures().filter(|planned| planned.bot == fraud.bot).last();
                match (fault, last) {
                    (TicketFault::Forged | TicketFault::Stale, None) => {
                        assert_eq!(plan.bots[fraud.bot as usize].departure, None);
                    }
                    (TicketFault::Forged | TicketFault::Stale, Some(last)) => {
                        assert!(last.comeback.is_some() && last.at < fraud.from);
                    }
                    (TicketFault::Replayed, Some(last)) => {
                        assert!(last.comeback.is_some() && last.at == fraud.from);
                    }
                    (TicketFault::Expired, Some(last)) => {
                        assert!(last.comeback.is_none());
                        assert_eq!(last.departure.holds_seat(last.state), fraud.awaits_window);
                    }
                    wrong => panic!("{wrong:?}"),
                }
            }
        }
        assert!(plan.frauds.is_sorted_by_key(|fraud| fraud.from));
    }
}
