//! The teardown lab: bots that are sent in to leave in a chosen way, so that one can see it.
//!
//! Data flow: a request of the lab's page -> **`Lab`** -> order -> a process of bots, started by
//! `shell::lab` -> what its bots did -> **`Lab`** -> the page. What the server made of it is in its
//! departures; `account` says that in words.
//!
//! Pure: it starts nothing, and treats the bots like nobody else, because it never sees them. They
//! come in by the front door.

pub mod account;
pub mod causes;
pub mod manual;

use std::{collections::VecDeque, fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};

use self::causes::Cause;
use crate::{limits::Limits, time::Time};

/// Runs that are remembered, at most: what a page shows.
const RUNS_KEPT_MAX: usize = 16;
/// Runs that are out, at most. Each is a process, and takes up to four descriptors of ours.
pub const RUNS_OUT_MAX: usize = 16;
/// What bots did that is remembered, at most.
const LEFT_KEPT_MAX: usize = 1_024;
/// Longest complaint of a bot that is repeated, in characters.
const TROUBLE_CHARS_MAX: usize = 300;

/// Why no bots can be sent in where nobody can come in over TCP.
pub const NO_WAY: &str = "no bots are sent in here, because players come by Unix sockets only";

/// Everything about the lab but the processes.
#[derive(Debug)]
pub struct Lab {
    gate: Gate,
    way: Option<Way>,
    /// The oldest first.
    runs: VecDeque<Run>,
    /// How many there have been.
    runs_total: u32,
    /// The oldest first.
    left: VecDeque<Left>,
    /// How many there have been.
    left_total: u64,
    /// What is to be started.
    orders: Vec<Order>,
}

/// Whether bots can be sent in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// They can.
    Open,
    /// They cannot: why, and what to do about it, as a sentence.
    Closed(String),
}

/// How players get in, and so bots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where players connect, as it is listened on: perhaps every address of the machine.
    pub listen: SocketAddr,
    /// Whether they may speak WebSocket.
    pub web: bool,
}

/// Bots that were sent in together.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    number: u32,
    cause: &'static str,
    transport: Transport,
    bots: u32,
    state: RunState,
    /// What went wrong, as a sentence.
    trouble: Option<String>,
    started_ns: u64,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// The bots come in and play.
    Playing,
    /// They have left, and wait until they are let go.
    Leaving,
    /// All of it is over.
    Over,
    /// It could not be done.
    Failed,
}

/// What the bots speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// The native protocol.
    Tcp,
    /// What browsers speak.
    Ws,
}

/// A bot did what it was sent in for.
#[derive(Clone, Debug, Serialize)]
pub struct Left {
    /// The how manieth this is, from 1.
    pub number: u64,
    run: u32,
    /// Its own end of the connection, which is the far end for the server.
    address: Option<SocketAddr>,
    /// When, on the system's monotonic clock, which is the server's as well.
    at_ns: u64,
}

/// Bots to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The run that they are.
    pub run: u32,
    /// How they leave.
    pub cause: &'static str,
    /// What they speak.
    pub transport: Transport,
    /// How many.
    pub bots: u32,
    /// Where they connect.
    pub target: SocketAddr,
}

/// Why no bots are sent in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They never are.
    Closed(String),
    /// So many never are.
    OutOfRange {
        /// How many may be.
        max: u64,
    },
    /// There would be too many of them.
    TooMany {
        /// How many are out.
        out: u32,
        /// How many may be.
        max: u64,
    },
    /// There would be too many processes of them.
    TooManyRuns,
    /// Their way to leave needs the other transport.
    NeedsWebSocket,
    /// Nobody is let in over this transport.
    NoWebSocket,
    /// The server is more patient than its bots, who would go before it has noticed.
    TooPatient {
        /// How long the bots wait, in milliseconds.
        bots_ms: u64,
        /// How long the server does.
        server_ms: u64,
    },
}

impl Lab {
    /// Nothing has happened yet. Without a way in over TCP it is better closed.
    pub fn new(gate: Gate, way: Option<Way>) -> Self {
        Self {
            gate,
            way,
            runs: VecDeque::new(),
            runs_total: 0,
            left: VecDeque::new(),
            left_total: 0,
            orders: Vec::new(),
        }
    }

    /// Whether bots can be sent in.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// How players get in over TCP, if they do.
    pub fn way(&self) -> Option<&Way> {
        self.way.as_ref()
    }

    /// Sends in bots: from now on they count as being out. Gives the number of their run.
    ///
    /// # Errors
    ///
    /// [`Refusal`], if these may not be sent in, or not now.
    pub fn send(
        &mut self,
        cause: &Cause,
        bots: u32,
        transport: Transport,
        limits: &Limits,
        now: Time,
    ) -> Result<u32, Refusal> {
        let way = match (&self.gate, &self.way) {
            (Gate::Open, Some(way)) => way,
            (Gate::Open, None) => return Err(Refusal::Closed(NO_WAY.to_owned())),
            (Gate::Closed(why), _) => return Err(Refusal::Closed(why.clone())),
        };
        match transport {
            Transport::Tcp if cause.websocket_only => return Err(Refusal::NeedsWebSocket),
            Transport::Ws if !way.web => return Err(Refusal::NoWebSocket),
            Transport::Tcp | Transport::Ws => {}
        }
        if let Some(noticed_ms) = cause.noticed_ms {
            // The bots know the limits that every server has that was told none.
            let (bots_ms, server_ms) = (noticed_ms(&Limits::DEFAULT), noticed_ms(limits));
            if server_ms > bots_ms {
                return Err(Refusal::TooPatient { bots_ms, server_ms });
            }
        }
        let target = way.listen;
        if self.runs.iter().filter(|run| run.is_out()).count() >= RUNS_OUT_MAX {
            return Err(Refusal::TooManyRuns);
        }
        let (out, max) = (self.bots_out(), limits.lab_bots_max);
        if !(1..=max).contains(&u64::from(bots)) {
            return Err(Refusal::OutOfRange { max });
        }
        if u64::from(out) + u64::from(bots) > max {
            return Err(Refusal::TooMany { out, max });
        }
        self.runs_total += 1;
        let run = self.runs_total;
        self.orders.push(Order { run, cause: cause.name, transport, bots, target });
        self.runs.push_back(Run {
            number: run,
            cause: cause.name,
            transport,
            bots,
            state: RunState::Playing,
            trouble: None,
            started_ns: now.as_nanos(),
        });
        self.forget_old_runs();
        Ok(run)
    }

    /// What is to be started and was not handed out yet.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// A run's bots have said something: a line of `gamekeeper-bot --events`. What is none is
    /// ignored, because another version of the program may say more.
    pub fn hear(&mut self, run: u32, line: &str) {
        match serde_json::from_str(line) {
            Ok(Said::Left { address, at_ns }) => {
                self.left_total += 1;
                if self.left.len() == LEFT_KEPT_MAX {
                    self.left.pop_front();
                }
                self.left.push_back(Left { number: self.left_total, run, address, at_ns });
                if let Some(run) = self.run_mut(run).filter(|run| run.state == RunState::Playing) {
                    run.state = RunState::Leaving;
                }
            }
            Ok(Said::Lost { why }) => self.complain(run, &format!("a bot could not play: {why}")),
            Ok(Said::Other) | Err(_) => {}
        }
    }

    /// A run has something to say to people: the last thing counts.
    fn complain(&mut self, run: u32, trouble: &str) {
        if let Some(run) = self.run_mut(run) {
            run.trouble = Some(trouble.chars().take(TROUBLE_CHARS_MAX).collect());
        }
    }

    /// A run's process is gone: whether it did what it was for, and if not what its last words
    /// were. What was heard of a bot before says more than those.
    pub fn end(&mut self, run: u32, outcome: Result<(), &str>) {
        let complaint = match outcome {
            Ok(()) => None,
            Err("") => Some("the bots have ended without a word"),
            Err(last_words) => Some(last_words),
        };
        let Some(ended) = self.run_mut(run) else { return };
        ended.state = if outcome.is_ok() { RunState::Over } else { RunState::Failed };
        if let Some(complaint) = complaint.filter(|_| ended.trouble.is_none()) {
            self.complain(run, complaint);
        }
        self.forget_old_runs();
    }

    /// How many bots are out.
    pub fn bots_out(&self) -> u32 {
        self.runs.iter().filter(|run| run.is_out()).map(|run| run.bots).sum()
    }

    /// The runs that are remembered, the oldest first.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    /// What bots did behind the one with this number, the oldest first.
    pub fn left_after(&self, number: u64) -> impl Iterator<Item = &Left> {
        self.left.iter().filter(move |left| left.number > number)
    }

    /// How many of [`Left`] there have been.
    pub fn left_total(&self) -> u64 {
        self.left_total
    }

    fn run_mut(&mut self, number: u32) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.number == number)
    }

    fn forget_old_runs(&mut self) {
        while self.runs.len() > RUNS_KEPT_MAX
            && let Some(oldest) = self.runs.iter().position(|run| !run.is_out())
        {
            self.runs.remove(oldest);
        }
    }
}

impl Run {
    fn is_out(&self) -> bool {
        matches!(self.state, RunState::Playing | RunState::Leaving)
    }
}

impl Transport {
    /// The name in requests, and for `gamekeeper-bot`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Ws => "ws",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(why) => f.write_str(why),
            Self::OutOfRange { max } => {
                write!(f, "bots must be 1 to {max} (lab_bots_max)")
            }
            Self::TooMany { out, max } => write!(
                f,
                "at most {max} bots may be out at one time (lab_bots_max), and {out} are; wait \
                 until they are gone"
            ),
            Self::TooManyRuns => write!(
                f,
                "bots were sent in {RUNS_OUT_MAX} times and are still out; wait until some are gone"
            ),
            Self::NeedsWebSocket => {
                f.write_str("only a WebSocket can be left so: ask for transport=ws")
            }
            Self::NoWebSocket => f.write_str("browsers are not let in here (web is false)"),
            Self::TooPatient { bots_ms, server_ms } => write!(
                f,
                "with its limits this server waits {server_ms} ms for that, and bots only \
                 {bots_ms} ms; they would be gone before it has noticed"
            ),
        }
    }
}

/// A line of `gamekeeper-bot --events`.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Said {
    Left {
        address: Option<SocketAddr>,
        at_ns: u64,
    },
    Lost {
        why: String,
    },
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Lab {
        let listen = SocketAddr::from(([127, 0, 0, 1], 7_777));
        Lab::new(Gate::Open, Some(Way { listen, web: true }))
    }

    fn send(lab: &mut Lab, name: &str, bots: u32) -> Result<u32, Refusal> {
        let cause = causes::find(name).expect("there is such a cause");
        lab.send(cause, bots, Transport::Tcp, &Limits::DEFAULT, Time::ZERO)
    }

    fn states(lab: &Lab) -> Vec<RunState> {
        lab.runs().map(|run| run.state).collect()
    }

    #[test]
    fn a_run_is_ordered_once_and_goes_through_its_states() {
        let mut lab = open();
        assert_eq!(send(&mut lab, "reset", 2), Ok(1));
        let orders = lab.take_orders();
        assert_eq!((orders.len(), orders[0].bots, orders[0].cause), (1, 2, "reset"));
        assert!(lab.take_orders().is_empty());
        assert_eq!(states(&lab), [RunState::Playing]);
        lab.hear(1, r#"{"event":"left","bot":0,"address":"127.0.0.1:5","at_ns":9}"#);
        lab.hear(1, r#"{"event":"left","bot":1,"address":null,"at_ns":10}"#);
        assert_eq!((states(&lab), lab.bots_out()), (vec![RunState::Leaving], 2));
        let left: Vec<_> = lab.left_after(1).map(|left| (left.number, left.at_ns)).collect();
        assert_eq!((left, lab.left_total()), (vec![(2, 10)], 2));
        lab.end(1, Ok(()));
        assert_eq!((states(&lab), lab.bots_out()), (vec![RunState::Over], 0));
    }

    #[test]
    fn there_are_never_more_bots_out_than_may_be() {
        let mut lab = open();
        let max = u32::try_from(Limits::DEFAULT.lab_bots_max).expect("small");
        for none in [0, max + 1, u32::MAX] {
            let refusal = Refusal::OutOfRange { max: max.into() };
            assert_eq!(send(&mut lab, "close", none), Err(refusal));
        }
        assert_eq!(send(&mut lab, "close", max - 1), Ok(1));
        let full = Refusal::TooMany { out: max - 1, max: max.into() };
        assert_eq!(send(&mut lab, "close", 2), Err(full));
        assert_eq!(send(&mut lab, "close", 1), Ok(2));
        lab.end(1, Err(""));
        assert_eq!(send(&mut lab, "close", max - 1), Ok(3));
    }

    #[test]
    fn there_are_never_more_processes_out_than_may_be() {
        let mut lab = open();
        (0..RUNS_OUT_MAX).for_each(|_| assert!(send(&mut lab, "close", 1).is_ok()));
        assert_eq!(send(&mut lab, "close", 1), Err(Refusal::TooManyRuns));
        lab.end(2, Ok(()));
        assert!(send(&mut lab, "close", 1).is_ok());
        assert_eq!(lab.runs().count(), RUNS_KEPT_MAX, "the one that is over has given way");
    }

    /// Bots that go before they are noticed would show another leave than the one that was ordered.
    #[test]
    fn nothing_is_shown_that_the_limits_do_not_let_happen() {
        let mut lab = open();
        let limits = Limits { heartbeat_timeout_ms: 20_000, ..Limits::DEFAULT };
        let mut send = |name| {
            let cause = causes::find(name).expect("there is such a cause");
            lab.send(cause, 1, Transport::Tcp, &limits, Time::ZERO)
        };
        let patient = Refusal::TooPatient { bots_ms: 6_000, server_ms: 20_000 };
        assert_eq!(send("freeze"), Err(patient));
        assert_eq!(send("stall"), Ok(1));
        let way = Way { listen: SocketAddr::from(([127, 0, 0, 1], 1)), web: false };
        let mut lab = Lab::new(Gate::Open, Some(way));
        let reset = causes::find("reset").expect("there is such a cause");
        let refused = lab.send(reset, 1, Transport::Ws, &Limits::DEFAULT, Time::ZERO);
        assert_eq!(refused, Err(Refusal::NoWebSocket));
    }

    #[test]
    fn nothing_is_sent_in_where_the_lab_is_closed() {
        let mut lab = Lab::new(Gate::Closed("it is night".into()), None);
        assert_eq!(send(&mut lab, "reset", 1), Err(Refusal::Closed("it is night".into())));
        assert!(lab.take_orders().is_empty() && lab.runs().next().is_none());
        assert_eq!(send(&mut open(), "ws-close", 1), Err(Refusal::NeedsWebSocket));
    }

    #[test]
    fn who_cannot_play_says_why_and_nonsense_changes_nothing() {
        let mut lab = open();
        assert_eq!(send(&mut lab, "vanish", 1), Ok(1));
        for nonsense in ["", "{", "[]", r#"{"event":"other"}"#, r#"{"event":"left"}"#] {
            lab.hear(1, nonsense);
        }
        lab.hear(7, r#"{"event":"lost","bot":0,"why":"nobody knows run 7"}"#);
        assert_eq!((lab.runs[0].trouble.clone(), lab.runs[0].state), (None, RunState::Playing));
        lab.hear(1, r#"{"event":"lost","bot":0,"why":"full"}"#);
        lab.end(1, Err("nobody has played"));
        assert_eq!(lab.runs[0].trouble.as_deref(), Some("a bot could not play: full"));
        assert_eq!(lab.runs[0].state, RunState::Failed);
        for (last_words, trouble) in
            [("not allowed", "not allowed"), ("", "the bots have ended without a word")]
        {
            let run = send(&mut lab, "vanish", 1).expect("the lab is open");
            lab.end(run, Err(last_words));
            assert_eq!(lab.runs[run as usize - 1].trouble.as_deref(), Some(trouble));
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut lab = open();
        for run in 1..=100 {
            assert_eq!(send(&mut lab, "flood", 1), Ok(run));
            for at in 0..50 {
                let line = format!(r#"{{"event":"left","address":null,"at_ns":{at}}}"#);
                lab.hear(run, &line);
            }
            // The third one takes for ever.
            if run != 3 {
                lab.end(run, Ok(()));
            }
        }
        assert_eq!((lab.runs.len(), lab.runs[0].number), (RUNS_KEPT_MAX, 3));
        assert_eq!((lab.left.len(), lab.left_total()), (LEFT_KEPT_MAX, 5_000));
        lab.complain(3, &"x".repeat(10_000));
        assert_eq!(lab.runs[0].trouble.as_ref().map(String::len), Some(TROUBLE_CHARS_MAX));
    }
}
