//! The server's own account of who left: one line for each connection, in order.
//!
//! Data flow: server -> `/api/departures` -> [`admin`](crate::admin) -> **`Ledger`** -> matching.
//! The structures repeat the server's format on purpose: a load test that shared the server's code
//! could not notice when the format changes.

use std::{net::SocketAddr, time::Duration};

use gamekeeper_bot::clock::Moment;
use gamekeeper_protocol::PlayerId;
use serde::Deserialize;

/// A page of the ledger, as the server sends it.
#[derive(Clone, Debug, Deserialize)]
pub struct Page {
    /// Connections that have left since the start.
    pub total: u64,
    /// How many behind the number that was asked for are not remembered any more.
    pub forgotten: u64,
    /// What to ask for next.
    pub next: u64,
    /// The server's clock, in nanoseconds.
    pub now_ns: u64,
    /// The oldest first.
    pub departures: Vec<Line>,
}

/// A line of a page.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    /// The how manieth departure it is.
    pub number: u64,
    /// When, on the server's clock.
    pub left_at_ns: u64,
    /// Why.
    pub reason: String,
    /// How that was learnt.
    pub path: String,
    /// What exactly happened.
    pub detail: String,
    /// Where the connection came from.
    pub address: String,
    /// Which player it was; nothing if it had no seat.
    pub player: Option<u32>,
}

/// A connection that has left, on this machine's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The how manieth departure of the server it is.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// Why.
    pub reason: String,
    /// How that was learnt.
    pub path: String,
    /// What exactly happened.
    pub detail: String,
    /// Where the connection came from; nothing if it was not from an address of the internet.
    pub peer: Option<SocketAddr>,
    /// Which player it was; nothing if it had no seat.
    pub player: Option<PlayerId>,
}

/// Everything that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// In the order in which they left.
    pub entries: Vec<Entry>,
    /// Departures that the server did not remember any more when it was asked.
    pub forgotten: u64,
}

impl Ledger {
    /// Adds what was read since.
    pub fn extend(&mut self, more: Self) {
        self.entries.extend(more.entries);
        self.forgotten += more.forgotten;
    }

    /// Departures that are not among the entries and are not said to be forgotten, by the gaps in
    /// the numbers.
    pub fn withheld(&self) -> u64 {
        let gap = |pair: &[Entry]| pair[1].number.saturating_sub(pair[0].number + 1);
        let gaps = self.entries.windows(2).map(gap).sum::<u64>();
        gaps.saturating_sub(self.forgotten)
    }

    /// The number of the last entry; 0 if there is none.
    pub fn last_number(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.number)
    }
}

impl Page {
    /// The entries, on the clock of this machine, if the page was asked for and was here at these
    /// times.
    pub fn into_entries(self, asked_at: Moment, here_at: Moment) -> Vec<Entry> {
        let clock = Clock::new(self.now_ns, asked_at, here_at);
        let entry = |line: Line| Entry {
            number: line.number,
            at: clock.moment(line.left_at_ns),
            reason: line.reason,
            path: line.path,
            detail: line.detail,
            peer: line.address.parse().ok(),
            player: line.player.map(PlayerId),
        };
        self.departures.into_iter().map(entry).collect()
    }
}

/// How the server's clock stands to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    /// What to add to the server's time, in nanoseconds, modulo 2^64.
    add_ns: u64,
}

impl Clock {
    /// A server that says this time while it is asked. On one machine the clocks are the same, and
    /// its time lies between ours; else ours is taken from the middle, which is wrong by half of
    /// the round trip at most.
    fn new(now_ns: u64, asked_at: Moment, here_at: Moment) -> Self {
        if (asked_at.0..=here_at.0).contains(&now_ns) {
            return Self { add_ns: 0 };
        }
        let middle = asked_at + Duration::from_nanos(here_at.0.saturating_sub(asked_at.0) / 2);
        Self { add_ns: middle.0.wrapping_sub(now_ns) }
    }

    fn moment(self, server_ns: u64) -> Moment {
        Moment(server_ns.wrapping_add(self.add_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(now_ns: u64, left_at_ns: u64) -> Page {
        let text = format!(
            r#"{{"total":3,"forgotten":0,"next":3,"now_ns":{now_ns},"departures":[{{"number":3,
            "left_at_ns":{left_at_ns},"id":"0.1","address":"127.0.0.1:1","reason":"fin",
            "path":"event","detail":"x","age_seconds":1.0,"left_seconds_ago":0.1,"room":1,
            "player":7,"bytes_in":1,"bytes_out":2}}]}}"#
        );
        serde_json::from_str(&text).expect("what the server sends")
    }

    #[test]
    fn times_of_the_same_clock_stay_as_they_are() {
        let entries = page(1_500, 900).into_entries(Moment(1_000), Moment(2_000));
        assert_eq!((entries[0].at, entries[0].player), (Moment(900), Some(PlayerId(7))));
    }

    #[test]
    fn times_of_another_clock_are_moved() {
        let entries = page(500, 400).into_entries(Moment(1_000), Moment(2_000));
        assert_eq!(entries[0].at, Moment(1_400));
        let entries = page(10_000, 9_900).into_entries(Moment(1_000), Moment(2_000));
        assert_eq!(entries[0].at, Moment(1_400), "a clock that is ahead");
    }
}
