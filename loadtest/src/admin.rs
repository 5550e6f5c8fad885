//! Asking the server what it knows: a minimal HTTP client, the statistics and the ledger.
//!
//! Data flow: server -> `/api/stats`, `/api/departures` -> **`Scrape`** -> evidence. The
//! structures repeat the server's format on purpose: a load test that shared the server's code
//! could not notice when the format changes.

mod buckets;

pub use buckets::Buckets;

use std::{
    collections::BTreeMap,
    error, fmt,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread,
    time::Duration,
};

use gamekeeper_bot::clock::Moment;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::ledger::{Ledger, Page};

/// How long each step of a request may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Where the statistics are.
const STATS: &str = "/api/stats";

/// Where the ledger is.
const LEDGER: &str = "/api/departures";

/// The state of a connection that has left and has not been let go.
const LINGERING: &str = "lingering";

/// Entries of the ledger that are asked for at once: the most that the server gives.
const PAGE_ENTRIES: u32 = 1_000;

/// Pages that are read in one go; what is left is read the next time.
const PAGES_MAX: u32 = 200;

/// What the server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct ServerStats {
    /// The server's version.
    pub version: String,
    /// Seconds since it started.
    pub uptime_seconds: f64,
    /// Connections by state: handshake, playing, lingering.
    pub connections: BTreeMap<String, u64>,
    /// Players with a seat and a connection.
    pub players: u64,
    /// Players without a connection whose seat is held.
    #[serde(default)]
    pub players_away: u64,
    /// Rooms.
    pub rooms: u64,
    /// Connections accepted since the start.
    pub accepted_total: u64,
    /// Connections ended since the start, by reason and path.
    pub leaves: Vec<LeaveCount>,
    /// Whether accepted = live + left.
    pub ledger_balanced: bool,
    /// Ticks of all rooms.
    pub ticks_total: u64,
    /// Ticks that a room should have had and did not.
    pub ticks_missed_total: u64,
    /// Sum over all ticks of the players in the room.
    pub player_ticks_total: u64,
    /// How long ticks took.
    pub tick_seconds: Quantiles,
    /// How late ticks began.
    pub tick_late_seconds: Quantiles,
    /// How many ticks took how long; nothing from a server that does not say.
    #[serde(default)]
    pub tick_seconds_buckets: Buckets,
    /// How many ticks began how late.
    #[serde(default)]
    pub tick_late_seconds_buckets: Buckets,
    /// Bytes by direction.
    pub bytes_total: Bytes,
    /// Snapshots handed to sockets.
    pub snapshots_sent_total: u64,
    /// Snapshots replaced by newer ones, because the client was slow.
    pub snapshots_skipped_total: u64,
    /// Inputs taken.
    pub inputs_total: u64,
    /// Inputs beyond a player's share of a tick.
    pub inputs_dropped_total: u64,
    /// Readiness events for connections that were gone.
    pub events_stale_total: u64,
    /// Attempts to take a seat again, by outcome; nothing from a server that does not count them.
    #[serde(default)]
    pub resumes: Option<BTreeMap<String, u64>>,
    /// Held seats whose player did not come back in time; nothing from a server that does not
    /// count them.
    #[serde(default)]
    pub seats_given_up_total: Option<u64>,
    /// The process.
    pub process: Process,
}

/// How many connections ended for one reason, noticed in one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct LeaveCount {
    /// Why.
    pub reason: String,
    /// How the server learnt of it.
    pub path: String,
    /// How many.
    pub count: u64,
}

/// Quantiles, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Quantiles {
    /// Half are below.
    pub p50: f64,
    /// 99 % are below.
    pub p99: f64,
    /// 99.9 % are below.
    pub p999: f64,
    /// The largest.
    pub max: f64,
}

/// Bytes by direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Bytes {
    /// From clients.
    #[serde(rename = "in")]
    pub received: u64,
    /// To clients.
    #[serde(rename = "out")]
    pub sent: u64,
}

/// What the server's process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Processor time in its own code, in seconds.
    pub cpu_user_seconds: f64,
    /// Processor time in the kernel on its behalf, in seconds.
    pub cpu_system_seconds: f64,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// Open descriptors.
    pub open_fds: u64,
}

impl ServerStats {
    /// Whether every connection that was accepted is there or has been counted as left: in the
    /// server's own words, and by its figures.
    pub fn balances(&self) -> bool {
        // Whoever lingers has left, and is only told why.
        let states = self.connections.iter().filter(|(state, _)| state.as_str() != LINGERING);
        let live = states.map(|(_, count)| count).sum::<u64>();
        let left = self.leaves.iter().map(|leave| leave.count).sum::<u64>();
        self.ledger_balanced && self.accepted_total == live + left
    }

    /// Leaves since `earlier`, by reason and path.
    pub fn leaves_since(&self, earlier: &Self) -> BTreeMap<(String, String), u64> {
        let key = |leave: &LeaveCount| (leave.reason.clone(), leave.path.clone());
        let before: BTreeMap<_, u64> =
            earlier.leaves.iter().map(|leave| (key(leave), leave.count)).collect();
        let mut since: BTreeMap<(String, String), u64> = BTreeMap::new();
        for leave in &self.leaves {
            *since.entry(key(leave)).or_default() += leave.count;
        }
        for (key, count) in &mut since {
            *count = count.saturating_sub(before.get(key).copied().unwrap_or(0));
        }
        since.retain(|_, count| *count > 0);
        since
    }

    /// Attempts to take a seat again since `earlier`, by outcome.
    pub fn resumes_since(&self, earlier: &Self) -> Option<BTreeMap<String, u64>> {
        let before = |outcome: &String| {
            earlier.resumes.as_ref().and_then(|resumes| resumes.get(outcome)).copied().unwrap_or(0)
        };
        let now = self.resumes.as_ref()?.iter();
        Some(
            now.map(|(label, count)| (label.clone(), count.saturating_sub(before(label))))
                .collect(),
        )
    }

    /// Leaves since `earlier`, by reason alone.
    pub fn reasons_since(&self, earlier: &Self) -> BTreeMap<String, u64> {
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        for ((reason, _), count) in self.leaves_since(earlier) {
            *reasons.entry(reason).or_default() += count;
        }
        reasons
    }
}

/// What the server said, and when it was asked.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// When the request was sent: everything that happened before it is in the answer.
    pub asked_at: Moment,
    /// The statistics.
    pub stats: ServerStats,
    /// Who has left since the scrape before this one; those included whom the statistics do not
    /// count yet.
    pub ledger: Ledger,
}

/// How far the ledger has been read: the number of the last departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bookmark(u64);

/// Fetches the statistics once, waiting for them, and where the ledger ends.
///
/// # Errors
///
/// [`AdminError`] if the server is not there or does not answer as it should.
pub fn fetch_first(admin: SocketAddr) -> Result<(ServerStats, Bookmark), AdminError> {
    let stats = ask(admin, STATS)?;
    let page: Page = ask(admin, &format!("{LEDGER}?limit=1"))?;
    Ok((stats, Bookmark(page.total)))
}

/// Fetches the statistics and what is new in the ledger.
fn fetch(admin: SocketAddr, bookmark: &mut Bookmark) -> Result<Scrape, AdminError> {
    let asked_at = Moment::now();
    let stats = ask(admin, STATS)?;
    let mut ledger = Ledger::default();
    for _ in 0..PAGES_MAX {
        let page_asked_at = Moment::now();
        let path = format!("{LEDGER}?after={}&limit={PAGE_ENTRIES}", bookmark.0);
        let page: Page = ask(admin, &path)?;
        let (forgotten, next, is_last) = (page.forgotten, page.next, page.next >= page.total);
        let entries = page.into_entries(page_asked_at, Moment::now());
        ledger.extend(Ledger { entries, forgotten });
        *bookmark = Bookmark(next);
        if is_last {
            break;
        }
    }
    Ok(Scrape { asked_at, stats, ledger })
}

fn ask<T: DeserializeOwned>(admin: SocketAddr, path: &str) -> Result<T, AdminError> {
    let fault = |why: String| AdminError::Answer { admin, path: path.to_owned(), why };
    let answer = get(admin, path).map_err(|source| AdminError::Io { admin, source })?;
    let body = body_of(&answer).map_err(fault)?;
    serde_json::from_slice(body).map_err(|error| fault(error.to_string()))
}

fn get(admin: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect_timeout(&admin, TIMEOUT)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let (mut answer, mut part) = (Vec::new(), [0; 16_384]);
    // All of it has to be here in time, however it comes.
    let deadline = Moment::now() + TIMEOUT;
    while answer.len() < ANSWER_BYTES_MAX {
        let left = deadline.since(Moment::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        match socket.read(&mut part) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

fn body_of(answer: &[u8]) -> Result<&[u8], String> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or("it is not HTTP, or it was cut off")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some("200") => Ok(&answer[end + 4..]),
        _ => Err(format!("the answer is \"{status}\"")),
    }
}

/// Fetches statistics on a thread of its own, so that bots never wait for them.
#[derive(Debug)]
pub struct Scraper {
    requests: Sender<()>,
    answers: Receiver<Result<Scrape, AdminError>>,
    pending: bool,
}

impl Scraper {
    /// A scraper of the server whose admin listener this is, that reads the ledger from a bookmark
    /// on.
    pub fn new(admin: SocketAddr, mut bookmark: Bookmark) -> Self {
        let (requests, asked) = channel();
        let (tell, answers) = channel();
        // The thread ends when the scraper is dropped: its channel is closed then.
        thread::spawn(move || {
            while asked.recv().is_ok() && tell.send(fetch(admin, &mut bookmark)).is_ok() {}
        });
        Self { requests, answers, pending: false }
    }

    /// Asks, unless an answer is still awaited.
    pub fn ask(&mut self) {
        if !self.pending {
            self.pending = self.requests.send(()).is_ok();
        }
    }

    /// The answer, if it is here.
    pub fn poll(&mut self) -> Option<Result<Scrape, AdminError>> {
        match self.answers.try_recv() {
            Ok(answer) => {
                self.pending = false;
                Some(answer)
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }
}

/// Why the server's statistics cannot be had.
#[derive(Debug)]
pub enum AdminError {
    /// No connection, or it broke.
    Io {
        /// Who was asked.
        admin: SocketAddr,
        /// What went wrong.
        source: io::Error,
    },
    /// The answer is not what it should be.
    Answer {
        /// Who was asked.
        admin: SocketAddr,
        /// For what.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { admin, source } => {
                write!(f, "the server's admin listener at {admin} cannot be asked: {source}")
            }
            Self::Answer { admin, path, why } => write!(
                f,
                "http://{admin}{path} does not answer as a Gamekeeper server should: {why}"
            ),
        }
    }
}

impl error::Error for AdminError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Answer { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const EXAMPLE: &str = r#"{"version":"0.1.0","uptime_seconds":12.3,
        "connections":{"handshake":0,"playing":500,"lingering":0},"players":500,"rooms":10,
        "accepted_total":1234,"leaves":[{"reason":"fin","path":"read","count":3}],
        "ledger_balanced":true,"ticks_total":1,"ticks_missed_total":0,"player_ticks_total":1,
        "tick_seconds":{"p50":0.0,"p99":0.0,"p999":0.0,"max":0.0},
        "tick_late_seconds":{"p50":0.0,"p99":0.0,"p999":0.0,"max":0.0},
        "bytes_total":{"in":1,"out":1},"snapshots_sent_total":1,"snapshots_skipped_total":0,
        "inputs_total":1,"inputs_dropped_total":0,"events_stale_total":0,
        "process":{"pid":1,"cpu_user_seconds":0.1,"cpu_system_seconds":0.2,"rss_bytes":1,
        "open_fds":20}}"#;

    const PAGE: &str = r#"{"total":1,"forgotten":2,"next":1,"now_ns":5,"departures":[{"number":1,
        "left_at_ns":4,"reason":"fin","path":"event","detail":"","address":"127.0.0.1:1",
        "player":null}]}"#;

    /// A server that gives each of these answers to one connection.
    fn answering(answers: Vec<String>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        thread::spawn(move || {
            for answer in answers {
                let (mut socket, _) = listener.accept().expect("somebody asks");
                let mut request = [0; 1024];
                let _ = socket.read(&mut request);
                socket.write_all(answer.as_bytes()).expect("the client reads");
            }
        });
        address
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn statistics_are_fetched_and_read() {
        let admin = answering(vec![ok(EXAMPLE), ok(PAGE)]);
        let (stats, bookmark) = fetch_first(admin).expect("a good answer");
        assert_eq!((stats.players, stats.connections["playing"]), (500, 500));
        assert_eq!(stats.leaves[0].count, 3);
        assert_eq!(stats.process.open_fds, 20);
        assert_eq!(bookmark, Bookmark(1));
    }

    #[test]
    fn other_answers_are_named() {
        for (answer, hint) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n".to_owned(), "404"),
            (ok("{}"), "missing field"),
            ("nonsense".to_owned(), "not HTTP"),
        ] {
            let error = fetch_first(answering(vec![answer])).expect_err("not the statistics");
            assert!(error.to_string().contains(hint), "{error}");
            assert!(error.to_string().contains("/api/stats"), "{error}");
        }
        let old = answering(vec![ok(EXAMPLE), "HTTP/1.1 404 Not Found\r\n\r\n".to_owned()]);
        let error = fetch_first(old).expect_err("no ledger");
        assert!(error.to_string().contains("/api/departures"), "{error}");
    }

    #[test]
    fn a_scraper_answers_later() {
        let admin = answering(vec![ok(EXAMPLE), ok(PAGE)]);
        let mut scraper = Scraper::new(admin, Bookmark(0));
        assert!(scraper.poll().is_none());
        scraper.ask();
        scraper.ask();
        let deadline = Moment::now() + Duration::from_secs(10);
        let answer = loop {
            if let Some(answer) = scraper.poll() {
                break answer.expect("a good answer");
            }
            assert!(Moment::now() < deadline, "no answer in time");
            thread::yield_now();
        };
        assert_eq!(answer.stats.rooms, 10);
        assert_eq!((answer.ledger.entries.len(), answer.ledger.forgotten), (1, 2));
    }

    #[test]
    fn leaves_are_counted_from_the_baseline_on() {
        let leave = |reason: &str, path: &str, count| LeaveCount {
            reason: reason.to_owned(),
            path: path.to_owned(),
            count,
        };
        let stats = |leaves| ServerStats { leaves, ..ServerStats::default() };
        let before = stats(vec![leave("fin", "read", 3), leave("reset", "read", 1)]);
        let after = stats(vec![
            leave("fin", "read", 5),
            leave("fin", "write", 1),
            leave("reset", "read", 1),
        ]);
        let reasons = after.reasons_since(&before);
        assert_eq!(reasons, BTreeMap::from([("fin".to_owned(), 3)]));
        assert_eq!(after.leaves_since(&before).len(), 2);
    }

    #[test]
    fn resumes_are_counted_from_the_baseline_on() {
        let stats = |count| ServerStats {
            resumes: Some(BTreeMap::from([("resumed".to_owned(), count)])),
            ..ServerStats::default()
        };
        assert_eq!(stats(5).resumes_since(&stats(3)), stats(2).resumes);
        assert_eq!(stats(5).resumes_since(&ServerStats::default()), stats(5).resumes);
        assert_eq!(ServerStats::default().resumes_since(&stats(3)), None);
    }
}
