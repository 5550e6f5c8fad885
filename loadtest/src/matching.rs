//! Joining each departure with the server's own line about that very connection.
//!
//! Data flow: injections, bad tickets + [`Ledger`](crate::ledger::Ledger) -> **`Matching`** ->
//! report. Nothing is matched by numbers alone. A connection is known by its two addresses, of
//! which each side says one; where they say nothing, as behind a proxy or on a Unix socket, by its
//! player, whose departures and lines come in the same order, because nobody has two connections to
//! one seat. What is left over on either side is a finding.

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    time::Duration,
};

use gamekeeper_bot::{
    departure::{Departure, PlayerState},
    fleet::{Injection, Latency},
};
use gamekeeper_protocol::PlayerId;

use crate::ledger::Entry;

/// The server's reason for ending a connection whose player is back over another one.
pub const REPLACED: &str = "replaced";

/// The server's reason for ending a connection that has shown a bad ticket.
pub const REJECTED: &str = "rejected";

/// A server says of all that it learns in one turn that it was at the beginning of that turn. A
/// leave may seem to be so much earlier than what caused it.
const TURN_MAX: Duration = Duration::from_millis(500);

/// What the server made of a departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It noticed it for a right reason: the place of its line in the ledger.
    Right(usize),
    /// It noticed it for a wrong reason.
    Wrong(usize),
    /// It did not notice it.
    Missed,
}

/// The result of joining both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// In the order of the departures.
    pub verdicts: Vec<Verdict>,
    /// Bad tickets for which there is a line.
    pub tickets: u64,
    /// Lines, by their place in the ledger, that nothing explains.
    pub unexplained: Vec<usize>,
}

impl Matching {
    /// Joins departures in the order of time, and bad tickets, with the server's lines.
    pub fn new(injections: &[Injection], bad_tickets: u64, entries: &[Entry]) -> Self {
        let mut matching =
            Self { verdicts: vec![Verdict::Missed; injections.len()], ..Self::default() };
        let keys = Keys::new(injections, entries);
        // The departures over each connection or of each player, the next one that has no line
        // last.
        let mut awaited: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (index, injection) in injections.iter().enumerate().rev() {
            if let Some(key) = keys.of_injection(injection) {
                awaited.entry(key).or_default().push(index);
            }
        }
        for (line, entry) in entries.iter().enumerate() {
            let next = keys.of_entry(entry).and_then(|key| awaited.get_mut(&key));
            let next = next
                .and_then(|next| next.pop_if(|index| injections[*index].at <= entry.at + TURN_MAX));
            match next {
                Some(index) if is_right(&injections[index], &entry.reason) => {
                    matching.verdicts[index] = Verdict::Right(line);
                }
                Some(index) => matching.verdicts[index] = Verdict::Wrong(line),
                None if entry.player.is_none()
                    && entry.reason == REJECTED
                    && matching.tickets < bad_tickets =>
                {
                    matching.tickets += 1;
                }
                None => matching.unexplained.push(line),
            }
        }
        matching
    }

    /// Departures that were noticed for a right reason.
    pub fn right(&self) -> u64 {
        self.count(|verdict| matches!(verdict, Verdict::Right(_)))
    }

    /// Departures that were noticed for a wrong reason.
    pub fn wrong(&self) -> u64 {
        self.count(|verdict| matches!(verdict, Verdict::Wrong(_)))
    }

    /// Departures that were not noticed at all.
    pub fn missed(&self) -> u64 {
        self.count(|verdict| verdict == Verdict::Missed)
    }

    /// Lines that nothing explains, by reason.
    pub fn unexplained_reasons(&self, entries: &[Entry]) -> BTreeMap<String, u64> {
        let mut reasons = BTreeMap::new();
        for line in &self.unexplained {
            *reasons.entry(entries[*line].reason.clone()).or_default() += 1;
        }
        reasons
    }

    fn count(&self, which: impl Fn(Verdict) -> bool) -> u64 {
        self.verdicts.iter().filter(|verdict| which(**verdict)).count() as u64
    }
}

/// By what both sides know a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Address(SocketAddr),
    Player(PlayerId),
}

/// How the keys are made.
struct Keys {
    /// Whether both sides say the same addresses.
    addresses: bool,
}

impl Keys {
    /// If a single connection of a player has the same address on both sides, all have. A proxy may
    /// use an address that a bot has, but not for that bot; only where there are but strangers the
    /// address alone has to do.
    fn new(injections: &[Injection], entries: &[Entry]) -> Self {
        let pairs = injections.iter().filter_map(|it| Some((it.local?, it.player)));
        let mut local: HashSet<(SocketAddr, Option<PlayerId>)> = pairs.collect();
        if local.iter().any(|(_, player)| player.is_some()) {
            local.retain(|(_, player)| player.is_some());
        }
        let is_known =
            |entry: &Entry| entry.peer.is_some_and(|peer| local.contains(&(peer, entry.player)));
        Self { addresses: entries.iter().any(is_known) }
    }

    fn of_injection(&self, injection: &Injection) -> Option<Key> {
        let local = injection.local.filter(|_| self.addresses).map(Key::Address);
        local.or_else(|| injection.player.map(Key::Player))
    }

    fn of_entry(&self, entry: &Entry) -> Option<Key> {
        let peer = entry.peer.filter(|_| self.addresses).map(Key::Address);
        peer.or_else(|| entry.player.map(Key::Player))
    }
}

/// Whether the server may rightly give this reason.
pub(crate) fn is_right(injection: &Injection, reason: &str) -> bool {
    // Who comes back may be quicker than the server, which then learns it by that.
    let is_back = injection.returns && reason == REPLACED;
    is_back || injection.expected_reasons().contains(&reason)
}

/// What the server made of all departures of one kind.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Departures that were carried out.
    pub injected: u64,
    /// Those that were noticed for a right reason, by reason.
    pub right: BTreeMap<String, u64>,
    /// Those that were noticed for a wrong reason, by reason.
    pub wrong: BTreeMap<String, u64>,
    /// Those that were not noticed.
    pub missed: u64,
    /// Those that were noticed too late.
    pub late: u64,
    /// How the server learnt of them.
    pub paths: BTreeMap<String, u64>,
    /// From the departure to the server's knowing.
    pub time_to_detect: Latency,
}

impl Tally {
    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        self.injected += other.injected;
        for (to, from) in [
            (&mut self.right, &other.right),
            (&mut self.wrong, &other.wrong),
            (&mut self.paths, &other.paths),
        ] {
            for (name, count) in from {
                *to.entry(name.clone()).or_default() += count;
            }
        }
        self.missed += other.missed;
        self.late += other.late;
        self.time_to_detect.merge(&other.time_to_detect);
    }
}

/// Sums up by kind.
pub fn tally(
    injections: &[Injection],
    matching: &Matching,
    entries: &[Entry],
) -> BTreeMap<(Departure, PlayerState), Tally> {
    let mut tallies: BTreeMap<(Departure, PlayerState), Tally> = BTreeMap::new();
    for (injection, verdict) in injections.iter().zip(&matching.verdicts) {
        let tally = tallies.entry((injection.departure, injection.state)).or_default();
        tally.injected += 1;
        let (line, reasons) = match verdict {
            Verdict::Right(line) => (*line, &mut tally.right),
            Verdict::Wrong(line) => (*line, &mut tally.wrong),
            Verdict::Missed => {
                tally.missed += 1;
                continue;
            }
        };
        let entry = &entries[line];
        *reasons.entry(entry.reason.clone()).or_default() += 1;
        *tally.paths.entry(entry.path.clone()).or_default() += 1;
        tally.late += u64::from(entry.at > injection.noticed_by);
        tally.time_to_detect.record(entry.at.since(injection.at));
    }
    tallies
}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::{clock::Moment, departure::PlayerState, fleet::BotId};

    use gamekeeper_bot::departure::Transport;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn left(player: u32, departure: Departure, at_s: u64) -> Injection {
        let at = Moment(at_s * SECOND);
        Injection {
            bot: BotId(player),
            player: Some(PlayerId(player)),
            local: None,
            transport: Transport::Tcp,
            departure,
            state: PlayerState::Match,
            returns: false,
            silent: false,
            at,
            noticed_by: at + Duration::from_secs(2),
        }
    }

    fn line(player: impl Into<Option<u32>>, reason: &str, at_s: u64) -> Entry {
        Entry {
            number: 0,
            at: Moment(at_s * SECOND),
            reason: reason.to_owned(),
            path: "event".to_owned(),
            detail: String::new(),
            peer: None,
            player: player.into().map(PlayerId),
        }
    }

    fn matching(injections: &[Injection], entries: &[Entry]) -> Matching {
        Matching::new(injections, 0, entries)
    }

    #[test]
    fn each_departure_has_its_own_line() {
        let injections = [left(1, Departure::Close, 1), left(2, Departure::Reset, 1)];
        let entries = [line(2, "reset", 1), line(1, "fin", 2)];
        let matching = matching(&injections, &entries);
        assert_eq!(matching.verdicts, [Verdict::Right(1), Verdict::Right(0)]);
        assert!(matching.unexplained.is_empty());
    }

    /// By numbers alone this would be right: one fin and one reset, and one of each was done.
    #[test]
    fn a_reason_that_is_right_for_another_one_is_wrong() {
        let injections = [left(1, Departure::Close, 1), left(2, Departure::Reset, 1)];
        let matching = matching(&injections, &[line(1, "reset", 1), line(2, "fin", 1)]);
        assert_eq!((matching.right(), matching.wrong(), matching.missed()), (0, 2, 0));
    }

    #[test]
    fn who_was_thrown_out_without_a_cause_is_found() {
        let injections = [left(1, Departure::Close, 5)];
        let early = matching(&injections, &[line(1, "heartbeat", 2), line(3, "kicked", 2)]);
        assert_eq!((early.missed(), early.unexplained), (1, vec![0, 1]));
        let stranger = matching(&[], &[line(None, "hello_timeout", 1)]);
        assert_eq!(stranger.unexplained, [0]);
    }

    /// What is learnt within a turn is dated to its beginning.
    #[test]
    fn a_line_may_be_a_little_earlier_than_its_cause() {
        let mut injection = left(1, Departure::Close, 5);
        injection.at = Moment(5 * SECOND + SECOND / 10);
        let matching = matching(&[injection], &[line(1, "fin", 5)]);
        assert_eq!(matching.right(), 1);
        let tallies = tally(&[injection], &matching, &[line(1, "fin", 5)]);
        assert_eq!(
            tallies[&(Departure::Close, PlayerState::Match)].time_to_detect.max(),
            Some(Duration::ZERO)
        );
    }

    /// A player that leaves, is back, and leaves again has two lines, in that order.
    #[test]
    fn who_comes_back_has_a_line_for_each_time() {
        let mut first = left(1, Departure::Freeze, 1);
        first.returns = true;
        let injections = [first, left(1, Departure::Close, 4)];
        let both = matching(&injections, &[line(1, REPLACED, 2), line(1, "fin", 4)]);
        assert_eq!(both.verdicts, [Verdict::Right(0), Verdict::Right(1)]);
        let one = matching(&injections, &[line(1, REPLACED, 2)]);
        assert_eq!((one.right(), one.missed()), (1, 1));
        first.returns = false;
        let stays = matching(&[first], &[line(1, REPLACED, 2)]);
        assert_eq!(stays.wrong(), 1, "nobody was to take over");
    }

    /// A reader that has stopped, in a game in which nobody says much, is silent above all.
    #[test]
    fn who_stalls_and_has_nothing_to_say_is_frozen() {
        let mut injection = left(1, Departure::Stall, 1);
        let entries = [line(1, "heartbeat", 7)];
        assert_eq!(matching(&[injection], &entries).wrong(), 1);
        injection.silent = true;
        assert_eq!(matching(&[injection], &entries).right(), 1);
    }

    /// A stranger has no player, and two connections of one player are two connections.
    #[test]
    fn a_connection_is_known_by_its_address() {
        let at = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        let mut stranger = left(0, Departure::Reset, 1);
        (stranger.player, stranger.local) = (None, at(1));
        let mut player = left(7, Departure::Close, 1);
        player.local = at(2);
        let mut entries = [line(None, "reset", 1), line(7, "heartbeat", 1), line(7, "fin", 1)];
        for (entry, port) in entries.iter_mut().zip([1, 3, 2]) {
            entry.peer = at(port);
        }
        let known = matching(&[stranger, player], &entries);
        assert_eq!(known.verdicts, [Verdict::Right(0), Verdict::Right(2)]);
        assert_eq!(known.unexplained, [1], "the other connection of this player");
        // Behind a proxy no address is the same but by chance, and only players can be known.
        for entry in &mut entries {
            entry.peer = at(9);
        }
        entries[2].peer = at(1);
        let unknown = matching(&[stranger, player], &entries);
        assert_eq!(unknown.verdicts, [Verdict::Missed, Verdict::Wrong(1)]);
    }

    #[test]
    fn a_bad_ticket_is_a_rejection_without_a_seat() {
        let entries = [line(None, REJECTED, 1), line(None, REJECTED, 1), line(7, REJECTED, 1)];
        let matching = Matching::new(&[], 1, &entries);
        assert_eq!((matching.tickets, matching.unexplained.len()), (1, 2));
    }

    #[test]
    fn what_comes_too_late_is_late() {
        let injections = [left(1, Departure::Close, 1), left(2, Departure::Close, 1)];
        let entries = [line(1, "fin", 2), line(2, "fin", 4)];
        let joined = matching(&injections, &entries);
        let tallies = tally(&injections, &joined, &entries);
        let close = &tallies[&(Departure::Close, PlayerState::Match)];
        assert_eq!((close.injected, close.late, close.right["fin"]), (2, 1, 2));
        let longest = close.time_to_detect.max().expect("two samples");
        assert!(longest.abs_diff(Duration::from_secs(3)) < Duration::from_millis(3));
    }
}
