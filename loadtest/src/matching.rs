//! Joining what was done to the server with what the server says about it.
//!
//! The server counts leaves by reason. Some departures may rightly be counted under one of
//! several reasons (a frozen client is noticed by its silence or by its full buffers), and some
//! reasons are right for several departures (a half-close cannot be told from a close). So this is
//! an assignment: as many departures as possible are matched with a leave each, and what is left
//! over on either side is a finding. It is computed as a maximum flow, which never blames a
//! departure for another one's choice.

use std::collections::BTreeMap;

use gamekeeper_bot::departure::{Departure, Transport};
use serde::Serialize;

/// Departures by kind.
pub type Injected = BTreeMap<Departure, u64>;

/// Leaves by the server's reason.
pub type Leaves = BTreeMap<String, u64>;

/// The result of joining both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Matching {
    /// For each kind of departure, how many were counted under which right reason.
    pub detected: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Departures for which there is no leave with a right reason.
    pub undetected: BTreeMap<&'static str, u64>,
    /// Leaves for which there is no departure.
    pub unexplained: BTreeMap<String, u64>,
}

impl Matching {
    /// Matches as many departures as possible.
    pub fn new(injected: &Injected, leaves: &Leaves, transport: Transport) -> Self {
        let mut flow = Flow::new(injected, leaves, transport);
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

/// A flow from departures to leaves. Both sides have less than twenty kinds, so nothing clever.
struct Flow {
    transport: Transport,
    departures: Vec<(Departure, u64)>,
    reasons: Vec<(String, u64)>,
    /// `matched[d][r]`: departures of kind `d` that are matched with leaves of reason `r`.
    matched: Vec<Vec<u64>>,
}

impl Flow {
    fn new(injected: &Injected, leaves: &Leaves, transport: Transport) -> Self {
        let departures: Vec<_> = injected.iter().map(|(kind, count)| (*kind, *count)).collect();
        let reasons: Vec<_> =
            leaves.iter().map(|(reason, count)| (reason.clone(), *count)).collect();
        let matched = vec![vec![0; reasons.len()]; departures.len()];
        Self { transport, departures, reasons, matched }
    }

    fn maximise(&mut self) {
        for departure in 0..self.departures.len() {
            while self.free_departures(departure) > 0 {
                let mut seen = vec![false; self.reasons.len()];
                let wanted = self.free_departures(departure);
                if self.push(departure, wanted, &mut seen) == 0 {
                    break;
                }
            }
        }
    }

    /// Matches up to `wanted` departures of one kind, moving others to another of their own right
    /// reasons where that makes room. Says how many.
    fn push(&mut self, departure: usize, wanted: u64, seen: &mut [bool]) -> u64 {
        for reason in 0..self.reasons.len() {
            let name = self.reasons[reason].0.as_str();
            let kind = self.departures[departure].0;
            let right = kind.expected_reasons(self.transport).contains(&name);
            if !right || std::mem::replace(&mut seen[reason], true) {
                continue;
            }
            let free = self.free_leaves(reason).min(wanted);
            if free > 0 {
                self.matched[departure][reason] += free;
                return free;
            }
            for other in 0..self.departures.len() {
                let movable = self.matched[other][reason].min(wanted);
                if other == departure || movable == 0 {
                    continue;
                }
                let moved = self.push(other, movable, seen);
                if moved > 0 {
                    self.matched[other][reason] -= moved;
                    self.matched[departure][reason] += moved;
                    return moved;
                }
            }
        }
        0
    }

    fn free_departures(&self, departure: usize) -> u64 {
        self.departures[departure].1 - self.matched[departure].iter().sum::<u64>()
    }

    fn free_leaves(&self, reason: usize) -> u64 {
        self.reasons[reason].1 - self.matched.iter().map(|row| row[reason]).sum::<u64>()
    }

    fn into_matching(self) -> Matching {
        let mut matching = Matching::default();
        for (index, (departure, _)) in self.departures.iter().enumerate() {
            let row = self.matched[index].iter().zip(&self.reasons);
            let detected: BTreeMap<String, u64> = row
                .filter(|(count, _)| **count > 0)
                .map(|(count, (reason, _))| (reason.clone(), *count))
                .collect();
            matching.detected.insert(departure.name(), detected);
            let undetected = self.free_departures(index);
            if undetected > 0 {
                matching.undetected.insert(departure.name(), undetected);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(injected: &[(Departure, u64)], leaves: &[(&str, u64)]) -> Matching {
        let leaves = leaves.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        Matching::new(&injected.iter().copied().collect(), &leaves, Transport::Tcp)
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
        let injected = Injected::from([(Departure::Stall, 6), (Departure::Freeze, 4)]);
        let leaves =
            Leaves::from([("heartbeat".to_owned(), 4), ("slow_consumer_time".to_owned(), 6)]);
        let mut flow = Flow::new(&injected, &leaves, Transport::Tcp);
        flow.departures.reverse();
        flow.reasons.reverse();
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
}
