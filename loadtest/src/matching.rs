//! Joining what was done to the server with what the server says about it.
//!
//! The server counts leaves by reason. What was done to it are [`Deed`]s: departures and, now and
//! then, bad tickets. Some deeds may rightly be counted under one of several reasons (a frozen
//! client is noticed by its silence or by its full buffers, or it is back before), and some reasons
//! are right for several deeds (a half-close cannot be told from a close). So this is an
//! assignment: as many deeds as possible are matched with a leave each, and what is left over on
//! either side is a finding. It is computed as a maximum flow, which never blames a departure for
//! another one's choice.

use std::collections::BTreeMap;

use gamekeeper_bot::departure::{Departure, Transport};
use serde::Serialize;

/// Something that was done to the server, and ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A bot left for good.
    Departure(Departure),
    /// A bot left and was back while its old connection was open, as far as it could tell.
    TakeOver(Departure),
    /// A bot left and was to come back later. That may still be before the server has noticed.
    Return(Departure),
    /// Somebody showed a bad ticket.
    BadTicket,
}

impl Deed {
    /// What it is listed under.
    fn name(self) -> &'static str {
        match self {
            Self::Departure(departure) | Self::TakeOver(departure) | Self::Return(departure) => {
                departure.name()
            }
            Self::BadTicket => "bad-ticket",
        }
    }

    /// How unlikely a reason is that the server may rightly give; `None` for a wrong one.
    fn rank(self, reason: &str, transport: Transport) -> Option<usize> {
        let of = |departure: Departure| {
            departure.expected_reasons(transport).iter().position(|right| *right == reason)
        };
        let replaced = (reason == REPLACED).then_some(0);
        match self {
            Self::Departure(departure) => of(departure),
            Self::TakeOver(departure) => replaced.or(of(departure).map(|rank| rank + 1)),
            Self::Return(departure) => of(departure).or(replaced.map(|_| usize::MAX)),
            Self::BadTicket => (reason == "rejected").then_some(0),
        }
    }
}

/// The server's reason for ending a connection whose player is back over another one.
pub const REPLACED: &str = "replaced";

/// Deeds by kind.
pub type Deeds = BTreeMap<Deed, u64>;

/// Leaves by the server's reason.
pub type Leaves = BTreeMap<String, u64>;

/// The result of joining both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Matching {
    /// For each way of leaving, and for bad tickets, how many were counted under which reason.
    pub detected: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Deeds for which there is no leave with a right reason.
    pub undetected: BTreeMap<&'static str, u64>,
    /// Leaves for which there is no deed.
    pub unexplained: BTreeMap<String, u64>,
}

impl Matching {
    /// Matches as many deeds as possible.
    pub fn new(deeds: &Deeds, leaves: &Leaves, transport: Transport) -> Self {
        let mut flow = Flow::new(deeds, leaves, transport);
        flow.maximise();
        flow.into_matching()
    }

    /// Departures that were detected under a right reason.
    pub fn detected_total(&self) -> u64 {
        self.detected.values().flat_map(BTreeMap::values).sum()
    }

    /// Departures that the server noticed, but for a wrong reason: at most as many as there are
    /// leaves that nothing explains.
    pub fn wrong_total(&self) -> u64 {
        self.undetected.values().sum::<u64>().min(self.unexplained.values().sum())
    }

    /// Departures that the server did not notice at all.
    pub fn missed_total(&self) -> u64 {
        self.undetected.values().sum::<u64>() - self.wrong_total()
    }

    /// Leaves that no departure explains, not even one for a wrong reason.
    pub fn uncaused_total(&self) -> u64 {
        self.unexplained.values().sum::<u64>() - self.wrong_total()
    }
}

/// A flow from deeds to leaves. Both sides have about twenty kinds, so nothing clever.
struct Flow {
    deeds: Vec<(Deed, u64)>,
    reasons: Vec<(String, u64)>,
    /// `right[d]`: the reasons that are right for deeds of kind `d`, the most likely one first.
    right: Vec<Vec<usize>>,
    /// `matched[d][r]`: deeds of kind `d` that are matched with leaves of reason `r`.
    matched: Vec<Vec<u64>>,
}

impl Flow {
    fn new(deeds: &Deeds, leaves: &Leaves, transport: Transport) -> Self {
        let deeds: Vec<_> = deeds.iter().map(|(kind, count)| (*kind, *count)).collect();
        let reasons: Vec<_> =
            leaves.iter().map(|(reason, count)| (reason.clone(), *count)).collect();
        let matched = vec![vec![0; reasons.len()]; deeds.len()];
        let right = deeds.iter().map(|(deed, _)| right_reasons(*deed, &reasons, transport));
        Self { right: right.collect(), deeds, reasons, matched }
    }

    fn maximise(&mut self) {
        for deed in 0..self.deeds.len() {
            while self.free_deeds(deed) > 0 {
                let mut seen = vec![false; self.reasons.len()];
                let wanted = self.free_deeds(deed);
                if self.push(deed, wanted, &mut seen) == 0 {
                    break;
                }
            }
        }
    }

    /// Matches up to `wanted` deeds of one kind, moving others to another of their own right
    /// reasons where that makes room. Says how many.
    fn push(&mut self, deed: usize, wanted: u64, seen: &mut [bool]) -> u64 {
        for index in 0..self.right[deed].len() {
            let reason = self.right[deed][index];
            if std::mem::replace(&mut seen[reason], true) {
                continue;
            }
            let free = self.free_leaves(reason).min(wanted);
            if free > 0 {
                self.matched[deed][reason] += free;
                return free;
            }
            for other in 0..self.deeds.len() {
                let movable = self.matched[other][reason].min(wanted);
                if other == deed || movable == 0 {
                    continue;
                }
                let moved = self.push(other, movable, seen);
                if moved > 0 {
                    self.matched[other][reason] -= moved;
                    self.matched[deed][reason] += moved;
                    return moved;
                }
            }
        }
        0
    }

    fn free_deeds(&self, deed: usize) -> u64 {
        self.deeds[deed].1 - self.matched[deed].iter().sum::<u64>()
    }

    fn free_leaves(&self, reason: usize) -> u64 {
        self.reasons[reason].1 - self.matched.iter().map(|row| row[reason]).sum::<u64>()
    }

    fn into_matching(self) -> Matching {
        let mut matching = Matching::default();
        for (index, (deed, _)) in self.deeds.iter().enumerate() {
            // Those who were to come back are listed with those who were not.
            let detected = matching.detected.entry(deed.name()).or_default();
            let row = self.matched[index].iter().zip(&self.reasons);
            for (count, (reason, _)) in row.filter(|(count, _)| **count > 0) {
                *detected.entry(reason.clone()).or_default() += count;
            }
            let undetected = self.free_deeds(index);
            if undetected > 0 {
                *matching.undetected.entry(deed.name()).or_default() += undetected;
            }
        }
        for (index, (reason, _)) in self.reasons.iter().enumerate() {
            let unexplained = self.free_leaves(index);
            if unexplained > 0 {
                matching.unexplained.insert(reason.clone(), unexplained);
            }
        }
        matching
    }
}

/// The places of the reasons that are right for a deed, the most likely one first.
fn right_reasons(deed: Deed, reasons: &[(String, u64)], transport: Transport) -> Vec<usize> {
    let ranked = reasons.iter().enumerate();
    let mut ranked: Vec<(usize, usize)> = ranked
        .filter_map(|(index, (reason, _))| Some((deed.rank(reason, transport)?, index)))
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(injected: &[(Departure, u64)], leaves: &[(&str, u64)]) -> Matching {
        let leaves = leaves.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        let deeds = injected.iter().map(|(kind, count)| (Deed::Departure(*kind), *count));
        Matching::new(&deeds.collect(), &leaves, Transport::Tcp)
    }

    #[test]
    fn closes_and_half_closes_share_a_reason() {
        let all = matching(&[(Departure::Close, 3), (Departure::HalfClose, 2)], &[("fin", 5)]);
        assert_eq!(all.detected_total(), 5);
        assert!(all.undetected.is_empty() && all.unexplained.is_empty());
        let one_short =
            matching(&[(Departure::Close, 3), (Departure::HalfClose, 2)], &[("fin", 4)]);
        assert_eq!((one_short.detected_total(), one_short.missed_total()), (4, 1));
    }

    /// A greedy matching would give the slow-consumer leaves to the frozen bots, which come first
    /// in some order, and then blame the stalled ones.
    #[test]
    fn a_choice_of_one_departure_never_blames_another() {
        for leaves in [
            [("heartbeat", 4), ("slow_consumer_time", 6)],
            [("heartbeat", 0), ("slow_consumer_time", 10)],
        ] {
            let matching = matching(&[(Departure::Stall, 6), (Departure::Freeze, 4)], &leaves);
            assert_eq!(matching.detected_total(), 10, "{matching:?}");
            assert!(matching.unexplained.is_empty());
        }
    }

    /// The same in the order that is worst for it: frozen bots first, and they are offered the
    /// slow-consumer leaves first. Only moving them to their other reason makes room.
    #[test]
    fn a_choice_that_was_made_first_is_taken_back() {
        let deeds = Deeds::from([
            (Deed::Departure(Departure::Stall), 6),
            (Deed::Departure(Departure::Freeze), 4),
        ]);
        let leaves =
            Leaves::from([("heartbeat".to_owned(), 4), ("slow_consumer_time".to_owned(), 6)]);
        let mut flow = Flow::new(&deeds, &leaves, Transport::Tcp);
        flow.deeds.reverse();
        flow.right.reverse();
        flow.right.iter_mut().for_each(|right| right.reverse());
        flow.maximise();
        let matching = flow.into_matching();
        assert_eq!(matching.detected_total(), 10, "{matching:?}");
    }

    #[test]
    fn a_wrong_reason_is_told_from_no_leave_at_all() {
        let wrong = matching(&[(Departure::Reset, 2)], &[("reset", 1), ("fin", 1)]);
        assert_eq!((wrong.wrong_total(), wrong.missed_total(), wrong.uncaused_total()), (1, 0, 0));
        let missed = matching(&[(Departure::Reset, 2)], &[("reset", 1)]);
        assert_eq!((missed.wrong_total(), missed.missed_total()), (0, 1));
        let uncaused = matching(&[], &[("internal", 2)]);
        assert_eq!((uncaused.wrong_total(), uncaused.uncaused_total()), (0, 2));
    }

    /// A bot that came back may have been quicker than the server, and a bot that did not cannot.
    #[test]
    fn only_who_comes_back_can_be_replaced() {
        let count = |deeds: &[(Deed, u64)], leaves: &[(&str, u64)]| {
            let deeds = deeds.iter().copied().collect();
            let leaves = leaves.iter().map(|(reason, n)| ((*reason).to_owned(), *n)).collect();
            Matching::new(&deeds, &leaves, Transport::Tcp)
        };
        let (stays, returns) =
            (Deed::Departure(Departure::Freeze), Deed::Return(Departure::Freeze));
        let all = count(&[(stays, 3), (returns, 2)], &[("heartbeat", 4), ("replaced", 1)]);
        assert_eq!((all.detected_total(), all.unexplained.len()), (5, 0));
        let listed = BTreeMap::from([("heartbeat".to_owned(), 4), ("replaced".to_owned(), 1)]);
        assert_eq!(all.detected, BTreeMap::from([("freeze", listed)]));
        let wrong = count(&[(stays, 3)], &[("heartbeat", 2), ("replaced", 1)]);
        assert_eq!((wrong.wrong_total(), wrong.detected_total()), (1, 2));
    }

    /// Which of those who came back were replaced is known, and shows.
    #[test]
    fn whoever_took_over_was_replaced_first() {
        let deeds = Deeds::from([
            (Deed::TakeOver(Departure::Freeze), 1),
            (Deed::Return(Departure::Freeze), 1),
            (Deed::Return(Departure::Stall), 1),
        ]);
        let leaves = ["heartbeat", "replaced", "slow_consumer_time"].map(|it| (it.to_owned(), 1));
        let matching = Matching::new(&deeds, &leaves.into_iter().collect(), Transport::Tcp);
        let frozen: Vec<_> = matching.detected["freeze"].keys().collect();
        assert_eq!(frozen, ["heartbeat", "replaced"]);
        assert_eq!(matching.detected["stall"].keys().collect::<Vec<_>>(), ["slow_consumer_time"]);
        let slow = Leaves::from([("heartbeat".to_owned(), 1)]);
        let deeds = Deeds::from([(Deed::TakeOver(Departure::Freeze), 1)]);
        let quick = Matching::new(&deeds, &slow, Transport::Tcp);
        assert_eq!(quick.detected_total(), 1, "the server was quicker than it seemed");
        let both = ["frame_timeout", "replaced"].map(|reason| (reason.to_owned(), 1));
        let deeds = Deeds::from([(Deed::TakeOver(Departure::HalfFrame), 1)]);
        let matching = Matching::new(&deeds, &both.into_iter().collect(), Transport::Tcp);
        assert_eq!(matching.unexplained.keys().collect::<Vec<_>>(), ["frame_timeout"]);
    }

    #[test]
    fn a_bad_ticket_is_a_rejection_and_nothing_else_is() {
        let leaves = Leaves::from([("rejected".to_owned(), 3)]);
        let deeds = Deeds::from([(Deed::BadTicket, 2)]);
        let matching = Matching::new(&deeds, &leaves, Transport::Tcp);
        assert_eq!((matching.detected_total(), matching.uncaused_total()), (2, 1));
    }
}
