//! One connection: its phase, its half-read frame, its unsent frames, its deadlines.
//!
//! Data flow: bytes -> decoder -> **`Client`** -> outbound queue -> bytes.
//!
//! A client is pure. It knows neither rooms nor sockets; its hub moves what it says between them.
//! It decides one thing: whether it is too late for something.

pub mod close;
pub mod flight;
pub mod inbox;
pub mod leave;
pub mod outbound;
pub mod phase;
pub mod pulse;

use std::time::Duration;

use self::{
    flight::{FlightRecorder, Moment},
    inbox::Inbox,
    leave::LeaveReason,
    outbound::OutboundQueue,
    phase::{Linger, Phase},
    pulse::{Pulse, Stall, look_ms},
};
use crate::{
    guard::bucket::{Rate, TokenBucket},
    ids::PeerAddr,
    limits::{Limits, ms},
    time::Time,
};

/// How often a lingering connection is asked whether its farewell has arrived.
const LINGER_CHECK: Duration = Duration::from_millis(25);

/// One accepted connection.
#[derive(Debug)]
pub struct Client {
    /// Where it comes from.
    pub peer: PeerAddr,
    /// Where it stands.
    pub phase: Phase,
    /// What kind of a client it is, and what has been read of a message that is not complete.
    pub inbox: Inbox,
    /// What waits to be written.
    pub outbound: OutboundQueue,
    /// What was read and is beyond its share of a turn.
    pub backlog: Vec<u8>,
    /// The nonce of its last ping, until the answer is queued. Only the last one is answered: a
    /// client that asks faster than it reads must not make the server hold ever more answers.
    pub pong_due: Option<u32>,
    /// The same for the pings of a WebSocket, which have up to 125 bytes.
    pub web_pong_due: Option<Vec<u8>>,
    /// How much it may still say.
    pub allowance: Allowance,
    /// Whether the ticket by which its player came back may still have to be spent.
    pub came_back: bool,
    /// Whether it is in the hub's list of connections to write to.
    pub in_flush_list: bool,
    /// Whether it is read just before its room's ticks only: from its hello on until it leaves, if
    /// the room ticks often.
    pub heard_at_ticks: bool,
    /// What its deadlines depend on.
    pub pulse: Pulse,
    /// What happened to it.
    pub flight: FlightRecorder,
    /// Bytes that were read from it.
    pub bytes_in: u64,
    /// Bytes that its socket took.
    pub bytes_out: u64,
}

/// How much a connection may say before it is a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    frames: TokenBucket,
    bytes: TokenBucket,
}

impl Allowance {
    fn full(limits: &Limits, now: Time) -> Self {
        Self {
            frames: TokenBucket::full(frame_rate(limits), now),
            bytes: TokenBucket::full(byte_rate(limits), now),
        }
    }

    /// A frame came in; false if it is one too many.
    pub fn frame(&mut self, limits: &Limits, now: Time) -> bool {
        self.frames.take(1, frame_rate(limits), now)
    }

    /// So many bytes came in; false if they are too many.
    pub fn bytes(&mut self, count: usize, limits: &Limits, now: Time) -> bool {
        self.bytes.take(count as u64, byte_rate(limits), now)
    }
}

fn frame_rate(limits: &Limits) -> Rate {
    Rate { per_second: limits.frames_per_second, burst: limits.frames_burst }
}

fn byte_rate(limits: &Limits) -> Rate {
    Rate { per_second: limits.bytes_per_second, burst: limits.bytes_burst }
}

/// What is due on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing: the timer was early, or the deadline has moved.
    Nothing,
    /// It has been silent: ask whether it lives.
    Ping,
    /// It was asked and is still silent: show it to its room as stalled.
    Silent,
    /// It is too late for something.
    Leave(LeaveReason),
    /// Its socket takes nothing, or a farewell is under way: see what the peer has acknowledged.
    AskUnsent,
    /// The farewell has not arrived in time: cut the connection.
    CutFarewell,
}

impl Client {
    /// A connection that was just accepted.
    pub fn new(peer: PeerAddr, limits: &Limits, now: Time) -> Self {
        Self {
            peer,
            phase: Phase::Handshake,
            inbox: Inbox::default(),
            outbound: OutboundQueue::default(),
            backlog: Vec::new(),
            pong_due: None,
            web_pong_due: None,
            allowance: Allowance::full(limits, now),
            came_back: false,
            in_flush_list: false,
            heard_at_ticks: false,
            pulse: Pulse::new(now),
            flight: FlightRecorder::new(now),
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// What is due at `now`.
    pub fn due(&self, now: Time, limits: &Limits) -> Due {
        let passed = |since: Time, milliseconds: u64| now >= since + ms(milliseconds);
        let pulse = &self.pulse;
        match &self.phase {
            Phase::Dying(_) | Phase::Dead => return Due::Nothing,
            Phase::Lingering(linger) if now >= linger.until => return Due::CutFarewell,
            Phase::Lingering(_) => return Due::AskUnsent,
            Phase::Handshake if passed(pulse.accepted_at, limits.hello_timeout_ms) => {
                return Due::Leave(LeaveReason::HelloTimeout);
            }
            Phase::Handshake => return Due::Nothing,
            Phase::Playing(_) => {}
        }
        if pulse.frame_since.is_some_and(|since| passed(since, limits.frame_timeout_ms)) {
            return Due::Leave(LeaveReason::FrameTimeout);
        }
        if pulse.over_soft_since.is_some_and(|since| passed(since, limits.out_soft_ms)) {
            return Due::Leave(LeaveReason::SlowConsumerTime);
        }
        // Counted from the ping, so that a server that was itself paused asks before it judges.
        if pulse.pinged_at.is_some_and(|pinged_at| passed(pinged_at, answer_ms(limits))) {
            return Due::Leave(LeaveReason::Heartbeat);
        }
        if pulse.looked_at().is_some_and(|looked_at| passed(looked_at, look_ms(limits))) {
            return Due::AskUnsent;
        }
        match pulse.pinged_at {
            Some(pinged_at) if !pulse.silent && passed(pinged_at, silent_ms(limits)) => Due::Silent,
            None if passed(pulse.heard_at, limits.ping_after_ms) => Due::Ping,
            Some(_) | None => Due::Nothing,
        }
    }

    /// When [`Self::due`] should be asked next, if nothing happens before.
    pub fn next_deadline(&self, now: Time, limits: &Limits) -> Option<Time> {
        let pulse = &self.pulse;
        match &self.phase {
            Phase::Dying(_) | Phase::Dead => None,
            Phase::Lingering(Linger { until, flushed, .. }) => {
                Some(if *flushed { (now + LINGER_CHECK).min(*until) } else { *until })
            }
            Phase::Handshake => Some(pulse.accepted_at + ms(limits.hello_timeout_ms)),
            Phase::Playing(_) => {
                let heartbeat = match pulse.pinged_at {
                    Some(pinged_at) if pulse.silent => pinged_at + ms(answer_ms(limits)),
                    Some(pinged_at) => pinged_at + ms(answer_ms(limits).min(silent_ms(limits))),
                    None => pulse.heard_at + ms(limits.ping_after_ms),
                };
                let frame = pulse.frame_since.map(|since| since + ms(limits.frame_timeout_ms));
                let soft = pulse.over_soft_since.map(|since| since + ms(limits.out_soft_ms));
                let look = pulse.looked_at().map(|looked_at| looked_at + ms(look_ms(limits)));
                [frame, soft, look].into_iter().flatten().chain([heartbeat]).min()
            }
        }
    }

    /// Notes what the socket did with bytes that were offered to it.
    ///
    /// Returns the reason to leave if it took none and now too much waits.
    pub fn wrote(&mut self, taken_bytes: usize, now: Time, limits: &Limits) -> Option<LeaveReason> {
        self.bytes_out += taken_bytes as u64;
        self.outbound.advance(taken_bytes);
        self.pulse.written_bytes += taken_bytes as u64;
        if self.outbound.is_empty() {
            self.pulse.stall = None;
            if std::mem::take(&mut self.pulse.refused) {
                self.flight.note(Moment::Unblocked, now);
            }
        } else if taken_bytes > 0 || self.pulse.stall.is_none() {
            self.pulse.stall = Some(Stall::new(now));
        }
        if taken_bytes == 0 && !std::mem::replace(&mut self.pulse.refused, true) {
            self.flight.note(Moment::Blocked, now);
        }
        self.weigh(now, limits)
    }

    /// The server itself did not run for a while: nobody is blamed for that time.
    pub fn forgive(&mut self, pause: Duration, now: Time) {
        self.flight.note(Moment::ServerPaused, now);
        self.pulse.forgive(pause, now);
        if let Phase::Lingering(linger) = &mut self.phase {
            // It may have begun after the pause.
            linger.until = (linger.until + pause).min(now + ms(linger.lasts_ms));
        }
    }

    /// Compares what waits with the limits, after something was queued or written.
    ///
    /// Returns the reason to leave if it is over the hard limit and its socket has refused bytes.
    /// What was not offered to the socket says nothing about the reader: who comes back may have
    /// a lot to catch up with in a tick in which a lot happens.
    pub fn weigh(&mut self, now: Time, limits: &Limits) -> Option<LeaveReason> {
        let waiting_bytes = self.outbound.held_bytes() as u64;
        if waiting_bytes <= limits.out_soft_bytes {
            if self.pulse.over_soft_since.take().is_some() {
                self.flight.note(Moment::UnderSoftLimit, now);
            }
            return None;
        }
        if self.pulse.over_soft_since.is_none() {
            self.pulse.over_soft_since = Some(now);
            self.flight.note(Moment::OverSoftLimit, now);
        }
        let is_too_much = waiting_bytes > limits.out_hard_bytes;
        (is_too_much && self.pulse.refused).then_some(LeaveReason::SlowConsumerBytes)
    }
}

/// How long after a ping a client is shown as stalled, in milliseconds.
fn silent_ms(limits: &Limits) -> u64 {
    limits.stalled_after_ms.saturating_sub(limits.ping_after_ms)
}

/// How long a pinged client has to say something, in milliseconds.
fn answer_ms(limits: &Limits) -> u64 {
    limits.heartbeat_timeout_ms - limits.ping_after_ms
}

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::{PlayerId, RoomId};

    use super::*;
    use crate::{frames::SharedFrame, ids::Place};

    const LIMITS: Limits = Limits::DEFAULT;

    fn at(milliseconds: u64) -> Time {
        Time::ZERO + ms(milliseconds)
    }

    /// A frame that is sent as a hundred bytes.
    fn hundred_bytes() -> SharedFrame {
        SharedFrame::plain(&[0; 96])
    }

    fn playing() -> Client {
        let mut client = Client::new(PeerAddr::Unknown, &LIMITS, at(0));
        client.phase.advance(Phase::Playing(Place { room: RoomId(1), player: PlayerId(1) }));
        client
    }

    #[test]
    fn a_hello_that_never_comes_is_not_waited_for() {
        let client = Client::new(PeerAddr::Unknown, &LIMITS, at(0));
        assert_eq!(client.due(at(4_999), &LIMITS), Due::Nothing);
        assert_eq!(client.due(at(5_000), &LIMITS), Due::Leave(LeaveReason::HelloTimeout));
    }

    #[test]
    fn silence_is_asked_after_and_then_ends_it() {
        let mut client = playing();
        assert_eq!(client.due(at(999), &LIMITS), Due::Nothing);
        assert_eq!(client.due(at(1_000), &LIMITS), Due::Ping);
        client.pulse.pinged_at = Some(at(1_000));
        assert_eq!(client.next_deadline(at(1_000), &LIMITS), Some(at(3_000)));
        assert_eq!(client.due(at(2_999), &LIMITS), Due::Nothing);
        assert_eq!(client.due(at(3_000), &LIMITS), Due::Silent);
        client.pulse.silent = true;
        assert_eq!(client.next_deadline(at(3_000), &LIMITS), Some(at(6_000)));
        assert_eq!(client.due(at(5_999), &LIMITS), Due::Nothing);
        assert_eq!(client.due(at(6_000), &LIMITS), Due::Leave(LeaveReason::Heartbeat));
        client.pulse.heard(at(5_999));
        assert_eq!(client.due(at(6_000), &LIMITS), Due::Nothing);
    }

    #[test]
    fn a_server_that_was_paused_asks_before_it_judges() {
        assert_eq!(playing().due(at(60_000), &LIMITS), Due::Ping);
    }

    /// A client with a hundred bytes that its socket does not take.
    fn stalled() -> Client {
        let mut client = playing();
        client.pulse.written_bytes = 1_000;
        client.outbound.push_reliable(hundred_bytes());
        client.wrote(0, at(0), &LIMITS);
        client
    }

    #[test]
    fn a_socket_that_takes_nothing_is_looked_at_and_then_given_up() {
        let mut client = stalled();
        let verdicts = [None, None, None, Some(LeaveReason::SlowConsumerTime)];
        for (look, verdict) in (1..).zip(verdicts) {
            let time = at(look * look_ms(&LIMITS));
            client.pulse.heard(time);
            assert_eq!(client.due(time - ms(1), &LIMITS), Due::Nothing);
            assert_eq!(client.due(time, &LIMITS), Due::AskUnsent);
            assert_eq!(client.pulse.look(Some(500), time, &LIMITS), verdict, "look {look}");
        }
    }

    #[test]
    fn a_peer_that_acknowledges_or_takes_a_little_is_not_given_up() {
        let mut client = stalled();
        for look in 1..20 {
            let (unsent, time) = (500 - look, at(look as u64 * (LIMITS.out_stall_ms - 1)));
            assert_eq!(client.pulse.look(Some(unsent), time, &LIMITS), None, "look {look}");
        }
        let time = at(1_000_000);
        client.wrote(1, time, &LIMITS);
        assert_eq!(client.pulse.stall, Some(Stall::new(time)));
        client.wrote(99, time, &LIMITS);
        assert_eq!(client.pulse.stall, None);
    }

    /// Each change is noted once, however often it is looked at and however little is taken.
    #[test]
    fn a_slow_socket_is_noted_when_it_begins_and_when_it_ends() {
        let limits = Limits { out_soft_bytes: 120, ..LIMITS };
        let mut client = playing();
        let noted = |client: &Client| -> Vec<_> {
            let events = client.flight.events().iter().skip(1);
            events.map(|event| (event.what, event.times)).collect()
        };
        client.outbound.push_reliable(hundred_bytes());
        client.wrote(40, at(1), &limits);
        client.wrote(60, at(1), &limits);
        assert_eq!(noted(&client), [], "a write of several pieces is nothing to speak of");
        client.outbound.push_reliable(hundred_bytes());
        for time in 2..10 {
            client.wrote(0, at(time), &limits);
            client.wrote(10, at(time), &limits);
        }
        let [slow, over, under, well] =
            [Moment::Blocked, Moment::OverSoftLimit, Moment::UnderSoftLimit, Moment::Unblocked];
        assert_eq!(noted(&client), [(slow, 1), (over, 1), (under, 1)]);
        client.wrote(20, at(10), &limits);
        assert_eq!(noted(&client), [(slow, 1), (over, 1), (under, 1), (well, 1)]);
    }

    #[test]
    fn the_servers_own_pause_is_nobodys_fault() {
        let mut client = stalled();
        client.pulse.pinged_at = Some(at(1_000));
        client.pulse.frame_since = Some(at(0));
        client.pulse.over_soft_since = Some(at(0));
        client.forgive(Duration::from_secs(60), at(60_000));
        assert_eq!(client.due(at(60_999), &LIMITS), Due::Nothing);
        assert_eq!(client.next_deadline(at(60_999), &LIMITS), Some(at(61_250)));
    }

    #[test]
    fn every_open_or_lingering_connection_has_a_deadline() {
        let mut client = playing();
        assert_eq!(client.next_deadline(at(0), &LIMITS), Some(at(1_000)));
        client.pulse.frame_since = Some(at(0));
        client.pulse.pinged_at = Some(at(100));
        assert_eq!(client.next_deadline(at(100), &LIMITS), Some(at(2_100)));
        client.pulse.silent = true;
        assert_eq!(client.next_deadline(at(2_100), &LIMITS), Some(at(5_000)));
        assert!(
            Client::new(PeerAddr::Unknown, &LIMITS, at(0)).next_deadline(at(0), &LIMITS).is_some()
        );
    }
}
