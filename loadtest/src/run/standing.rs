//! What was done so far, and what the server has noticed of it so far.
//!
//! Part of [`run`](super). Injections, ends, the server's lines as they come -> **`Standing`** ->
//! status.
//!
//! This is for people who watch. The verdict is made in the end by [`matching`], from all lines at
//! once; joining all of them anew many times a second would hold up the bots. So each line is
//! looked at when it comes, and one that comes before its departure is kept for a moment.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::Duration,
};

use gamekeeper_bot::{
    clock::Moment,
    departure::Departure,
    fleet::{End, Injection, Stage},
};
use gamekeeper_protocol::PlayerId;

use crate::{ledger::Entry, matching};

/// How long a line may be there before the news of its departure.
const NEWS_TRAVEL: Duration = Duration::from_secs(1);

/// What was done so far, and what the server has noticed of it so far.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// By the way of leaving.
    pub causes: BTreeMap<Departure, SoFar>,
    /// Bots that played and were ended without having been told to leave.
    pub evicted: u64,
    /// Bots that did not get to play.
    pub refused: u64,
    /// Departures whose deadline is over and that the server has not noticed.
    pub overdue: u64,
    /// Whether the server tells what it notices.
    pub has_ledger: bool,
    /// Departures that wait for their line, by number.
    open: HashMap<u64, Injection>,
    /// The number of the next departure.
    next: u64,
    /// The numbers by which the two sides know a connection: its address, its player.
    addresses: HashMap<SocketAddr, u64>,
    players: HashMap<PlayerId, u64>,
    /// Lines without a departure so far.
    early: Vec<Entry>,
}

/// How a way of leaving stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoFar {
    /// Departures that were carried out.
    pub left: u64,
    /// Those that the server has noticed for a right reason.
    pub right: u64,
    /// Those that it has noticed for a wrong reason.
    pub wrong: u64,
    /// Those of both that it has noticed after their deadline.
    pub late: u64,
}

impl Standing {
    /// How all ways of leaving stand together.
    pub fn total(&self) -> SoFar {
        let add = |sum: SoFar, it: &SoFar| SoFar {
            left: sum.left + it.left,
            right: sum.right + it.right,
            wrong: sum.wrong + it.wrong,
            late: sum.late + it.late,
        };
        self.causes.values().fold(SoFar::default(), add)
    }

    /// Takes in what the bots did, and what became of them.
    pub(super) fn note(&mut self, injections: &[Injection], ends: &[End]) {
        for injection in injections {
            self.causes.entry(injection.departure).or_default().left += 1;
            let number = self.next;
            self.next += 1;
            self.open.insert(number, *injection);
            injection.local.and_then(|local| self.addresses.insert(local, number));
            injection.player.and_then(|player| self.players.insert(player, number));
        }
        if !injections.is_empty() {
            let early = std::mem::take(&mut self.early);
            self.hear_lines(early);
        }
        for end in ends.iter().filter(|end| end.departure.is_none()) {
            match end.stage {
                Stage::Playing => self.evicted += 1,
                Stage::Connecting | Stage::Greeting if !end.returning => self.refused += 1,
                Stage::Connecting | Stage::Greeting => {}
            }
        }
    }

    /// Takes in what the server has noticed, when it was asked at this moment.
    pub(super) fn hear(&mut self, lines: &[Entry], asked_at: Moment) {
        self.has_ledger = true;
        self.hear_lines(lines.to_vec());
        self.early.retain(|line| asked_at.since(line.at) < NEWS_TRAVEL);
        let overdue = self.open.values().filter(|open| open.noticed_by < asked_at);
        self.overdue = overdue.count() as u64;
    }

    fn hear_lines(&mut self, lines: Vec<Entry>) {
        for line in lines {
            let by_address = line.peer.and_then(|peer| self.addresses.get(&peer));
            let by_player = || line.player.and_then(|player| self.players.get(&player));
            let is_open = |number: &&u64| self.open.contains_key(number);
            let number = by_address.filter(is_open).or_else(|| by_player().filter(is_open));
            let Some(injection) = number.copied().and_then(|number| self.open.remove(&number))
            else {
                self.early.push(line);
                continue;
            };
            let cause = self.causes.entry(injection.departure).or_default();
            match matching::is_right(&injection, &line.reason) {
                true => cause.right += 1,
                false => cause.wrong += 1,
            }
            cause.late += u64::from(line.at > injection.noticed_by);
        }
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_bot::{
        connection::Ended,
        departure::{PlayerState, Transport},
        fleet::BotId,
    };

    use super::*;

    fn left(bot: u32, local: Option<&str>) -> Injection {
        Injection {
            bot: BotId(bot),
            player: Some(PlayerId(bot)),
            local: local.map(|local| local.parse().expect("an address")),
            transport: Transport::Tcp,
            departure: Departure::Close,
            state: PlayerState::Match,
            returns: false,
            silent: false,
            at: Moment(1_000),
            noticed_by: Moment(2_000),
        }
    }

    fn line(player: u32, peer: Option<&str>, reason: &str, at: u64) -> Entry {
        Entry {
            number: 1,
            at: Moment(at),
            reason: reason.to_owned(),
            path: "read".to_owned(),
            detail: String::new(),
            peer: peer.map(|peer| peer.parse().expect("an address")),
            player: Some(PlayerId(player)),
        }
    }

    #[test]
    fn lines_are_joined_by_address_and_else_by_player() {
        let mut standing = Standing::default();
        let (a, b) = (Some("127.0.0.1:1"), Some("127.0.0.1:2"));
        standing.note(&[left(1, a), left(2, b), left(3, None), left(4, None)], &[]);
        assert_eq!((standing.total().left, standing.has_ledger), (4, false));
        let lines =
            [line(9, a, "fin", 1_500), line(2, b, "reset", 3_000), line(3, None, "fin", 1_500)];
        standing.hear(&lines, Moment(1_900));
        let so_far = SoFar { left: 4, right: 2, wrong: 1, late: 1 };
        assert_eq!(standing.causes[&Departure::Close], so_far);
        assert_eq!(standing.overdue, 0);
        standing.hear(&[], Moment(2_001));
        assert_eq!(standing.overdue, 1, "the fourth");
    }

    #[test]
    fn a_line_may_come_before_the_news_of_its_departure() {
        let mut standing = Standing::default();
        standing.hear(&[line(1, None, "fin", 1_500)], Moment(1_600));
        assert_eq!(standing.total(), SoFar::default());
        standing.note(&[left(1, None)], &[]);
        assert_eq!((standing.total().left, standing.total().right), (1, 1));
        standing.note(&[left(1, None)], &[]);
        assert_eq!(standing.total().right, 1, "a line is of one departure");
        let later = Moment(1_500) + NEWS_TRAVEL;
        standing.hear(&[line(5, None, "fin", 1_500)], later);
        standing.note(&[left(5, None)], &[]);
        assert_eq!(standing.total().right, 1, "a line of long ago is of something else");
    }

    #[test]
    fn ends_that_nobody_asked_for_are_findings() {
        let mut standing = Standing::default();
        let end = |stage, departure, returning| End {
            bot: BotId(1),
            player: None,
            local: None,
            departure,
            stage,
            returning,
            at: Moment(0),
            ended: Ended::Closed,
            retry_in: None,
        };
        let ends = [
            end(Stage::Playing, None, false),
            end(Stage::Playing, Some(Departure::Close), false),
            end(Stage::Greeting, None, false),
            end(Stage::Connecting, None, true),
        ];
        standing.note(&[], &ends);
        assert_eq!((standing.evicted, standing.refused), (1, 1));
    }
}
