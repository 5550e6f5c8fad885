//! Everything that a run has seen, before anybody judges it.
//!
//! Data flow: run -> **`Evidence`** -> report -> checks -> table, file, exit code.

use std::{collections::BTreeMap, time::Duration};

use gamekeeper_bot::{
    clock::Moment,
    connection::Ended,
    departure::{Departure, PlayerState},
    fleet::{BotId, End, FleetStats, Fraud, Injection, Latency, Return, ReturnOutcome, Stage},
};

use crate::{
    admin::ServerStats,
    ledger::Ledger,
    matching::{self, Matching, Tally, Verdict},
    timeline::{Headcount, Sample},
};

/// Seats that are held for longer than this are not waited for.
const SEATS_AWAITED_MAX: Duration = Duration::from_secs(5);

/// Why a run ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Somebody pressed Ctrl-C, or asked the process to stop.
    Interrupted,
    /// The server is gone.
    TargetDied(String),
}

/// How many events a server keeps for each player, to be sent again when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptEvents {
    /// Events.
    pub count_max: u64,
    /// Their bytes.
    pub bytes_max: u64,
}

impl Default for KeptEvents {
    /// A server's defaults, as the protocol's document has them.
    fn default() -> Self {
        Self { count_max: 64, bytes_max: 16_384 }
    }
}

/// Everything that a run has seen.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Why it ended early, if it did.
    pub halt: Option<Halt>,
    /// Whether the server has no other clients than these bots.
    pub exclusive: bool,
    /// When it began, in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// Cores that this process could use before it pinned itself to one.
    pub cores: usize,
    /// Bots that played when the run phase began.
    pub joined_at_start: u64,
    /// Departures that were carried out in the run phase, in order.
    pub injections: Vec<Injection>,
    /// Departures of the plan that this server leaves no room for: nobody comes back to a seat that
    /// is not held.
    pub not_possible: u64,
    /// Departures whose bot was gone already, or never joined.
    pub not_injected: u64,
    /// Bots that were to come back, and what became of them.
    pub returns: Vec<Return>,
    /// Bad tickets that are to be shown to this server.
    pub frauds_due: u64,
    /// Bad tickets that were shown, and what the server said.
    pub frauds: Vec<Fraud>,
    /// How much a server keeps for those who come back.
    pub kept_events: KeptEvents,
    /// Connections that ended, wanted or not.
    pub ends: Vec<End>,
    /// What the bots measured while everybody joined.
    pub warm_up: FleetStats,
    /// What the bots measured while some left.
    pub run: FleetStats,
    /// What the bots measured while the server noticed the rest.
    pub settle: FleetStats,
    /// When the run phase began.
    pub run_began: Moment,
    /// How it went, second by second, until things had settled.
    pub timeline: Vec<Sample>,
    /// Who was there, several times a second, until things had settled.
    pub headcounts: Vec<Headcount>,
    /// The longest time that each survivor had to wait for a state, until things had settled.
    pub longest_waits: Latency,
    /// How long the run phase took.
    pub run_time: Duration,
    /// Processor time in the run phase of each process of the load test; with several, the first
    /// one has no bots.
    pub own_cpu: Vec<Duration>,
    /// From the time of a departure or a join in the plan to its being carried out.
    pub order_lag: Latency,
    /// Before the first bot.
    pub before: Option<ServerStats>,
    /// At the start of the run phase.
    pub run_start: Option<ServerStats>,
    /// At its end.
    pub run_end: Option<ServerStats>,
    /// When every departure had had its time to be noticed.
    pub settled: Option<ServerStats>,
    /// When everybody had left.
    pub after: Option<ServerStats>,
    /// Who has left, in the server's own words; nothing if it cannot be asked.
    pub ledger: Option<Ledger>,
    /// The number of the last departure that the server knew when things had settled, or 0 if it
    /// knew none; nothing before that.
    pub settled_number: Option<u64>,
    /// Bots that the server had not let go when their time was over.
    pub never_let_go: u64,
    /// From a departure to the first notice that another bot received, by the way of leaving.
    pub announce: BTreeMap<Departure, Latency>,
    /// Notices that a bot has left that has its seat, perhaps again.
    pub announcements_false: u64,
    /// Players that have left and that some bot still had in its room after the settling.
    pub ghosts_in_rosters: u64,
    /// For how long the server holds the seat of a player that is away; nothing if it does not.
    pub seat_window: Option<Duration>,
    /// Players that have left, are away in some bot's room after the settling, and may be.
    pub held_in_rosters: u64,
    /// Players that were there after the settling and away in some bot's room.
    pub missed_in_rosters: u64,
    /// Bots that played after the settling.
    pub playing_when_settled: u64,
    /// Bots that said goodbye at the very end.
    pub closing: Vec<Injection>,
    /// Connections that their clients had ended and the server had not, after the last bot had
    /// left; unknown if the server is on another machine.
    pub close_wait: Option<usize>,
    /// How our own server stopped.
    pub server_stop: Option<Result<(), String>>,
}

impl Evidence {
    /// The departures by kind.
    pub fn injected(&self) -> BTreeMap<(Departure, PlayerState), u64> {
        let mut counts = BTreeMap::new();
        for injection in &self.injections {
            *counts.entry((injection.departure, injection.state)).or_default() += 1;
        }
        counts
    }

    /// How many bots have their seat again.
    pub fn back(&self) -> u64 {
        let back = |it: &&Return| matches!(it.outcome, ReturnOutcome::Back(_));
        self.returns.iter().filter(back).count() as u64
    }

    /// How many bots have come back to another seat, because the server holds none.
    pub fn anew(&self) -> u64 {
        let anew = |it: &&Return| it.outcome == ReturnOutcome::Anew;
        self.returns.iter().filter(anew).count() as u64
    }

    /// Old connections that were told that their player is back over another one.
    pub fn told_replaced(&self) -> u64 {
        let replaced = |end: &&End| end.departure.is_some() && end.ended.is_replaced();
        self.ends.iter().filter(replaced).count() as u64
    }

    /// For how long the end of the held seats is waited for; nothing if it is not.
    pub fn seats_awaited(&self) -> Option<Duration> {
        self.seat_window.filter(|window| *window <= SEATS_AWAITED_MAX)
    }

    /// Departures that lose a connection whose seat is then held.
    pub fn seats_lost(&self) -> u64 {
        // Who breaks off its return has lost its seat before.
        let lost = |it: &&Injection| {
            it.departure.holds_seat(it.state) && it.state != PlayerState::ResumeWindow
        };
        self.injections.iter().filter(lost).count() as u64
    }

    /// Departures of bots that were on their way back to their seat.
    pub fn broken_off(&self) -> impl Iterator<Item = &Injection> {
        self.injections.iter().filter(|it| it.state == PlayerState::ResumeWindow)
    }

    /// Whether the server is as it was before the first bot.
    pub fn is_as_before(&self, now: &ServerStats) -> bool {
        let connections = |stats: &ServerStats| stats.connections.values().sum::<u64>();
        self.gives_back_seats(now)
            && self.before.as_ref().is_none_or(|before| {
                connections(now) <= connections(before)
                    && now.process.open_fds <= before.process.open_fds
            })
    }

    /// Whether the server has no more players and rooms than before the first bot. Rooms may be
    /// left in which there is nobody, if seats in them are held for longer than the run waits for.
    pub fn gives_back_seats(&self, now: &ServerStats) -> bool {
        let Some(before) = &self.before else { return true };
        let away = now.players_away.saturating_sub(before.players_away);
        let held = if self.seats_awaited().is_some() { 0 } else { away };
        now.players <= before.players && away <= held && now.rooms <= before.rooms + held
    }

    /// Joins the departures with the server's lines of until things had settled.
    pub fn matching(&self) -> Option<Matching> {
        let entries = &self.ledger.as_ref()?.entries;
        let settled = match self.settled_number {
            None => entries.len(),
            Some(number) => entries.partition_point(|entry| entry.number <= number),
        };
        let tickets = self.frauds.len() as u64;
        Some(Matching::new(&self.injections, tickets, &entries[..settled]))
    }

    /// How many of those who said goodbye at the very end the server has heard.
    pub fn goodbyes_heard(&self) -> Option<u64> {
        let entries = &self.ledger.as_ref()?.entries;
        let last = self.settled_number.unwrap_or(0);
        let settled = entries.partition_point(|entry| entry.number <= last);
        Some(Matching::new(&self.closing, 0, &entries[settled..]).right())
    }

    /// What the server made of the departures, by kind.
    pub fn tallies(&self) -> Option<BTreeMap<(Departure, PlayerState), Tally>> {
        let matching = self.matching()?;
        Some(matching::tally(&self.injections, &matching, &self.ledger.as_ref()?.entries))
    }

    /// Departures that were noticed too late.
    pub fn late(&self) -> u64 {
        self.tallies().into_iter().flatten().map(|(_, tally)| tally.late).sum()
    }

    /// Whether statistics count all who are in the ledger. It is read right after them, so somebody
    /// may have left in between, and then they are too old to be compared with it.
    pub fn is_counted(&self, stats: &ServerStats) -> bool {
        let Some((before, ledger)) = self.before.as_ref().zip(self.ledger.as_ref()) else {
            return true;
        };
        let counted = stats.reasons_since(before).values().sum::<u64>();
        counted >= ledger.entries.len() as u64 + ledger.forgotten
    }

    /// Whether the server knows of every departure.
    pub fn is_all_noticed(&self) -> bool {
        self.matching().is_some_and(|matching| !matching.verdicts.contains(&Verdict::Missed))
    }

    /// Bots that played, were not told to leave, and were ended all the same; by what they saw.
    pub fn wrong_evictions(&self) -> BTreeMap<String, u64> {
        self.unasked_ends(|end| end.stage == Stage::Playing)
    }

    /// The bots among them, as often as they were ended.
    pub fn wrongly_evicted(&self) -> impl Iterator<Item = BotId> {
        let wrongly = |end: &&End| end.departure.is_none() && end.stage == Stage::Playing;
        self.ends.iter().filter(wrongly).map(|end| end.bot)
    }

    /// Bots that did not get to play for the first time, by what they saw.
    pub fn failed_joins(&self) -> BTreeMap<String, u64> {
        self.unasked_ends(|end| end.stage != Stage::Playing && !end.returning)
    }

    /// The same, by how far they had come.
    pub fn failed_joins_by_stage(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for end in self.ends.iter().filter(|end| end.departure.is_none() && !end.returning) {
            let stage = match end.stage {
                Stage::Connecting => "connecting",
                Stage::Greeting => "greeting",
                Stage::Playing => continue,
            };
            *counts.entry(stage).or_default() += 1;
        }
        counts
    }

    /// The longest that the server had to notice a departure, by kind.
    pub fn deadlines(&self) -> BTreeMap<(Departure, PlayerState), Duration> {
        let mut deadlines: BTreeMap<_, Duration> = BTreeMap::new();
        for injection in &self.injections {
            let deadline = deadlines.entry((injection.departure, injection.state)).or_default();
            *deadline = injection.noticed_by.since(injection.at).max(*deadline);
        }
        deadlines
    }

    /// Failed joins that are this machine's fault and not the server's.
    pub fn own_failures(&self) -> u64 {
        use gamekeeper_bot::connection::{Operation, Side};
        let own = |end: &&End| {
            let no_address = matches!(
                end.ended,
                Ended::Failed {
                    during: Operation::Connect,
                    kind: std::io::ErrorKind::AddrNotAvailable,
                    ..
                }
            );
            end.departure.is_none()
                && end.stage == Stage::Connecting
                && (no_address || (end.ended.side() == Side::Us && end.ended != Ended::Left))
        };
        self.ends.iter().filter(own).count() as u64
    }

    fn unasked_ends(&self, stage: impl Fn(&End) -> bool) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        let unasked = |end: &&End| end.departure.is_none() && stage(end);
        for end in self.ends.iter().filter(unasked) {
            *counts.entry(end.ended.to_string()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{admin::LeaveCount, ledger::Entry};

    /// A seat that is lost between the two answers is in the ledger, and not away yet.
    #[test]
    fn statistics_that_are_older_than_the_ledger_are_found_out() {
        let left = |count| ServerStats {
            leaves: vec![LeaveCount { count, ..LeaveCount::default() }],
            ..ServerStats::default()
        };
        let line = |number| Entry {
            number,
            at: Moment(0),
            reason: String::new(),
            path: String::new(),
            detail: String::new(),
            peer: None,
            player: None,
        };
        let ledger = Ledger { entries: [8, 9].map(line).to_vec(), forgotten: 1 };
        let evidence =
            Evidence { before: Some(left(6)), ledger: Some(ledger), ..Evidence::default() };
        assert!(!evidence.is_counted(&left(8)));
        assert!(evidence.is_counted(&left(9)));
        assert!(evidence.is_counted(&left(10)), "and one who is not in the ledger yet");
    }

    #[test]
    fn rooms_are_left_only_where_seats_are_held() {
        let stats =
            |players_away, rooms| ServerStats { players_away, rooms, ..ServerStats::default() };
        let evidence = |window_s| Evidence {
            before: Some(stats(1, 1)),
            seat_window: Some(Duration::from_secs(window_s)),
            ..Evidence::default()
        };
        assert!(evidence(2).gives_back_seats(&stats(1, 1)));
        assert!(!evidence(2).gives_back_seats(&stats(2, 1)), "that seat is given up any moment");
        assert!(!evidence(2).gives_back_seats(&stats(1, 2)));
        assert!(evidence(30).gives_back_seats(&stats(3, 2)));
        assert!(evidence(30).gives_back_seats(&stats(3, 3)));
        assert!(!evidence(30).gives_back_seats(&stats(3, 4)), "more rooms than held seats");
    }
}
