//! Whether a client lives and reads: what was heard of it, what it was asked, what it took.
//!
//! Data flow: frames, pings, pongs, socket -> **`Pulse`** -> `Client::due`.
//!
//! Three questions, and none answers another. *Does it speak?* Its last complete frame says so, and
//! a ping if it is silent. *Does its socket take bytes?* A full one is a [`Stall`]. *Does it read?*
//! Its own system takes bytes for it for a while, so only an answer shows that: a client that is
//! busy speaking is asked as well, now and then, and must answer ([`Question`]). How much its
//! system has acknowledged tells who reads slowly from who does not read.

use std::time::Duration;

use super::leave::LeaveReason;
use crate::{
    limits::{Limits, ms},
    time::Time,
};

/// How many looks at what was acknowledged there are within the deadline.
const LOOKS: u64 = 4;

/// The times that a connection's deadlines count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// When it was accepted.
    pub accepted_at: Time,
    /// When its last complete frame came in; at first, when it was accepted.
    pub heard_at: Time,
    /// When it was asked whether it lives, if it has said nothing since.
    pub pinged_at: Option<Time>,
    /// When the frame began of which only a part is here.
    pub frame_since: Option<Time>,
    /// Since when its reliable bytes are over the soft limit.
    pub over_soft_since: Option<Time>,
    /// Whether it is shown to its room as stalled: silent, although it was asked.
    pub silent: bool,
    /// Set while its socket takes no byte although some wait.
    pub stall: Option<Stall>,
    /// Whether its socket has refused bytes since something began to wait.
    pub refused: bool,
    /// Pings that it has not answered.
    pub question: Option<Question>,
    /// When it was pinged last, or accepted.
    pub asked_at: Time,
    /// Bytes that its socket has taken, ever.
    pub written_bytes: u64,
    /// The last round trip of a ping, as the server measured it.
    pub round_trip: Option<Duration>,
}

/// A socket that takes nothing.
///
/// Whether its peer reads at all shows only in what the peer's kernel has acknowledged: the socket
/// takes bytes again in large steps. So that is looked at several times within the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// When it began, or when the peer was last seen to have acknowledged something.
    pub since: Time,
    /// When it began, or when it was looked at last.
    pub looked_at: Time,
    /// What had been acknowledged at the last look, of all that was ever written. Only its growth
    /// means something: of a Unix socket the kernel tells how much memory is under way, which is
    /// more than the bytes in it, so that this may be less than nothing.
    pub acknowledged_bytes: Option<i64>,
}

/// Pings without an answer. A client answers when it has read up to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The nonce of the first one.
    pub first_nonce: u32,
    /// The nonce of the last one.
    pub last_nonce: u32,
    /// The wait for the answer.
    pub wait: Stall,
    /// Whether the wait has begun anew, because the client was shown as stalled and is back.
    pub renewed: bool,
    /// What its socket had taken, ever, at the last look or when it was asked.
    pub written_bytes: u64,
    /// What its socket has taken, ever, when it begins to take the first one.
    pub behind_bytes: u64,
}

impl Stall {
    /// A wait that begins.
    pub fn new(now: Time) -> Self {
        Self { since: now, looked_at: now, acknowledged_bytes: None }
    }

    /// Looks: what was acknowledged since the last look is progress. Whether it has taken too long.
    fn look(&mut self, acknowledged_bytes: Option<i64>, now: Time, limits: &Limits) -> bool {
        self.looked_at = now;
        if let (Some(before), Some(acknowledged)) = (self.acknowledged_bytes, acknowledged_bytes)
            && acknowledged > before
        {
            self.since = now;
        }
        self.acknowledged_bytes = acknowledged_bytes;
        now >= self.since + ms(limits.out_stall_ms)
    }
}

impl Pulse {
    /// Of a connection that was just accepted.
    pub fn new(now: Time) -> Self {
        Self {
            accepted_at: now,
            heard_at: now,
            pinged_at: None,
            frame_since: None,
            over_soft_since: None,
            silent: false,
            stall: None,
            refused: false,
            question: None,
            asked_at: now,
            written_bytes: 0,
            round_trip: None,
        }
    }

    /// A complete frame came in: the client lives. Whether it was shown as stalled until now.
    pub fn heard(&mut self, now: Time) -> bool {
        self.heard_at = now;
        self.pinged_at = None;
        let was_silent = std::mem::take(&mut self.silent);
        if was_silent
            && let Some(question) = &mut self.question
            && !std::mem::replace(&mut question.renewed, true)
        {
            // The network failed and is back. What it held up is still on its way. Only once: who
            // speaks now and then and never reads must not begin anew each time.
            question.wait.since = now;
        }
        was_silent
    }

    /// Whether a client that speaks is to be asked whether it reads as well.
    pub fn is_to_be_asked(&self, now: Time, limits: &Limits) -> bool {
        self.question.is_none() && now >= self.asked_at + ms(limits.ping_every_ms)
    }

    /// A ping is queued behind so many bytes; returns its nonce, the clock in milliseconds.
    pub fn asked(&mut self, behind_bytes: usize, now: Time) -> u32 {
        let nonce = clock_ms(now);
        self.asked_at = now;
        let first = Question {
            first_nonce: nonce,
            last_nonce: nonce,
            wait: Stall::new(now),
            renewed: false,
            written_bytes: self.written_bytes,
            behind_bytes: self.written_bytes + behind_bytes as u64,
        };
        self.question.get_or_insert(first).last_nonce = nonce;
        nonce
    }

    /// An answer came in; the round trip that it tells. One that nobody has asked for says nothing.
    pub fn answered(&mut self, nonce: u32, now: Time) -> Option<Duration> {
        let question = self.question?;
        // Nonces are times on a circle: between the first and the last one, both included.
        let asked_for = nonce.wrapping_sub(question.first_nonce)
            <= question.last_nonce.wrapping_sub(question.first_nonce);
        if !asked_for {
            return None;
        }
        self.question = None;
        let round_trip_ms = clock_ms(now).wrapping_sub(nonce);
        self.round_trip = Some(Duration::from_millis(u64::from(round_trip_ms)));
        self.round_trip
    }

    /// When what was acknowledged was looked at last, if that is to be looked at again.
    pub fn looked_at(&self) -> Option<Time> {
        let waits = [self.stall, self.question.map(|question| question.wait)];
        waits.into_iter().flatten().map(|wait| wait.looked_at).min()
    }

    /// Looks at what the client's system has not acknowledged.
    ///
    /// Returns the reason to leave if it reads nothing, and has read nothing for too long.
    pub fn look(
        &mut self,
        unsent_bytes: Option<usize>,
        now: Time,
        limits: &Limits,
    ) -> Option<LeaveReason> {
        let written = self.written_bytes.cast_signed();
        let acknowledged = unsent_bytes.map(|bytes| written - bytes.cast_signed() as i64);
        let mut over = false;
        if let Some(stall) = &mut self.stall {
            over |= stall.look(acknowledged, now, limits);
        }
        if let Some(question) = &mut self.question {
            // While the client's system has room, it takes whatever comes, and that says nothing
            // about the client. It has no room if something that was written before the last look
            // is still under way. (That *anything* is under way would not do: far away from the
            // server, something always is.)
            let written_before = std::mem::replace(&mut question.written_bytes, self.written_bytes);
            // And while the question itself waits in our own queue, behind what was queued before
            // it, it has not been put yet: then all that the socket takes is progress.
            let is_queued = self.written_bytes < question.behind_bytes;
            let progress = match is_queued {
                true => Some(written),
                false => {
                    acknowledged.filter(|acknowledged| *acknowledged < written_before.cast_signed())
                }
            };
            let unanswered = question.wait.look(progress, now, limits);
            // Who says nothing at all is the heartbeat's business.
            over |= unanswered && self.pinged_at.is_none();
        }
        over.then_some(LeaveReason::SlowConsumerTime)
    }

    /// The server itself did not run for a while: nobody is blamed for that time.
    ///
    /// What happened after the pause, in the turn in which it was, does not move beyond `now`.
    pub fn forgive(&mut self, pause: Duration, now: Time) {
        let always = [&mut self.accepted_at, &mut self.heard_at, &mut self.asked_at];
        let since = [&mut self.pinged_at, &mut self.frame_since, &mut self.over_soft_since];
        let waits =
            [self.stall.as_mut(), self.question.as_mut().map(|question| &mut question.wait)];
        let waits = waits.into_iter().flatten();
        let waits = waits.flat_map(|wait| [&mut wait.since, &mut wait.looked_at]);
        for time in always.into_iter().chain(since.into_iter().flatten()).chain(waits) {
            *time = (*time + pause).min(now);
        }
    }
}

/// How long after one look the next one follows, in milliseconds.
pub(super) fn look_ms(limits: &Limits) -> u64 {
    limits.out_stall_ms / LOOKS
}

/// The clock in milliseconds, modulo 2^32: only differences are used.
fn clock_ms(now: Time) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "only differences are used, modulo 2^32")]
    let milliseconds = (now.as_nanos() / 1_000_000) as u32;
    milliseconds
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits::DEFAULT;

    fn at(milliseconds: u64) -> Time {
        Time::ZERO + ms(milliseconds)
    }

    /// A client that was asked at 2 s and says something every 50 ms.
    fn asked() -> Pulse {
        let mut pulse = Pulse::new(at(0));
        assert!(!pulse.is_to_be_asked(at(1_999), &LIMITS));
        assert!(pulse.is_to_be_asked(at(2_000), &LIMITS));
        pulse.written_bytes = 100_000;
        pulse.asked(0, at(2_000));
        pulse
    }

    /// Looks every 1.25 s, at most until 60 s; when it was given up. Meanwhile a snapshot of 1,000
    /// bytes is written to it every 50 ms.
    fn given_up_at(pulse: &mut Pulse, unsent: impl Fn(u64) -> usize) -> Option<u64> {
        (2_000 + 1_250..60_000).step_by(1_250).find(|&time| {
            pulse.heard(at(time));
            pulse.written_bytes += 25_000;
            pulse.look(Some(unsent(time)), at(time), &LIMITS).is_some()
        })
    }

    #[test]
    fn who_speaks_and_does_not_answer_does_not_read() {
        // Whether its system has taken everything or nothing.
        assert_eq!(given_up_at(&mut asked(), |_| 0), Some(7_000));
        assert_eq!(given_up_at(&mut asked(), |time| stuck_at(100_000, time)), Some(7_000));
    }

    /// Its system acknowledges within 40 ms for as long as it has room, and at every look the last
    /// snapshot is still under way.
    #[test]
    fn what_its_system_takes_is_not_read_yet() {
        assert_eq!(given_up_at(&mut asked(), |_| 1_000), Some(7_000));
    }

    #[test]
    fn who_reads_slowly_is_waited_for() {
        // Six kilobytes per second of the twenty that are sent.
        let read = |time: u64| 40_000 + 6 * (time - 2_000);
        assert_eq!(given_up_at(&mut asked(), |time| stuck_at(read(time), time)), None);
    }

    /// Each thousand bytes that are under way take 2,304 bytes of a Unix socket's memory, and there
    /// is place for 28 of them: less than nothing seems to be acknowledged for seconds.
    #[test]
    fn who_reads_slowly_from_a_socket_that_counts_memory_is_waited_for() {
        let mut pulse = Pulse::new(at(0));
        pulse.asked(0, at(2_000));
        let full = |read: u64| {
            let written = read + 28_000;
            (written, 28 * 2_304)
        };
        let given_up = (2_000 + 1_250..60_000).step_by(1_250).find(|&time| {
            pulse.heard(at(time));
            let (written, unsent) = full(6 * (time - 2_000));
            pulse.written_bytes = written;
            pulse.look(Some(unsent), at(time), &LIMITS).is_some()
        });
        assert_eq!(given_up, None);
        let mut stuck = Pulse::new(at(0));
        stuck.asked(0, at(2_000));
        assert_eq!(stuck.look(Some(28 * 2_304), at(4_500), &LIMITS), None);
        let verdict = stuck.look(Some(28 * 2_304), at(7_000), &LIMITS);
        assert_eq!(verdict, Some(LeaveReason::SlowConsumerTime), "and who does not read is not");
    }

    /// What is under way if so much has been acknowledged.
    fn stuck_at(acknowledged_bytes: u64, time: u64) -> usize {
        let written_bytes = 100_000 + 20 * (time - 2_000);
        usize::try_from(written_bytes - acknowledged_bytes).expect("small")
    }

    /// Who comes back from far away has much to read before it comes to the question.
    #[test]
    fn nobody_answers_what_still_waits_in_the_queue() {
        let mut pulse = Pulse::new(at(0));
        pulse.asked(200_000, at(2_000));
        // All that was written before the last look has been acknowledged by the next one.
        // The question is put at 12 s, so at 10.75 s there was progress for the last time.
        assert_eq!(given_up_at(&mut pulse, |_| 1_000), Some(10_750 + 5_000));
        let mut stuck = Pulse::new(at(0));
        stuck.asked(200_000, at(2_000));
        let look = |pulse: &mut Pulse, time| pulse.look(Some(0), at(time), &LIMITS);
        assert_eq!(look(&mut stuck, 4_500), None);
        assert_eq!(look(&mut stuck, 7_000), Some(LeaveReason::SlowConsumerTime));
    }

    #[test]
    fn an_answer_ends_the_wait_and_tells_the_round_trip() {
        let mut pulse = asked();
        pulse.answered(1_999, at(2_080));
        assert!(pulse.question.is_some(), "nobody has asked that");
        let second = pulse.asked(0, at(2_050));
        assert_eq!(second, 2_050);
        pulse.answered(2_050, at(2_080));
        assert_eq!((pulse.question, pulse.round_trip), (None, Some(ms(30))));
        pulse.answered(2_050, at(9_000));
        assert_eq!(pulse.round_trip, Some(ms(30)), "an answer counts once");
        assert_eq!(given_up_at(&mut pulse, |_| 64_000), None);
    }

    /// A network that failed for a while delivers late what was sent into it.
    #[test]
    fn who_was_silent_and_is_back_gets_the_time_again() {
        let mut pulse = asked();
        let fall_silent = |pulse: &mut Pulse, time| {
            pulse.pinged_at = Some(at(time));
            pulse.silent = true;
        };
        fall_silent(&mut pulse, 3_000);
        assert_eq!(pulse.look(Some(50_000), at(7_900), &LIMITS), None, "the heartbeat's business");
        assert!(pulse.heard(at(7_900)));
        assert_eq!(pulse.look(Some(50_000), at(12_000), &LIMITS), None);
        fall_silent(&mut pulse, 12_500);
        assert!(pulse.heard(at(12_800)), "but once only");
        assert_eq!(pulse.look(Some(50_000), at(12_899), &LIMITS), None);
        let reason = Some(LeaveReason::SlowConsumerTime);
        assert_eq!(pulse.look(Some(50_000), at(12_900), &LIMITS), reason);
    }

    /// A pause between two inputs is no failure of the network.
    #[test]
    fn who_speaks_seldom_and_does_not_answer_does_not_read() {
        let mut pulse = asked();
        for time in [3_500, 5_000, 6_500] {
            pulse.pinged_at = Some(at(time - 500));
            assert!(!pulse.heard(at(time)));
            assert_eq!(pulse.look(Some(0), at(time), &LIMITS), None);
        }
        assert_eq!(pulse.look(Some(0), at(7_000), &LIMITS), Some(LeaveReason::SlowConsumerTime));
    }

    #[test]
    fn the_servers_own_pause_is_nobodys_silence() {
        let mut pulse = asked();
        // It was heard after the pause already, in the turn that was paused.
        pulse.heard(at(62_500));
        pulse.forgive(Duration::from_secs(60), at(62_600));
        assert_eq!((pulse.heard_at, pulse.asked_at), (at(62_600), at(62_000)));
        assert_eq!(pulse.look(Some(0), at(66_999), &LIMITS), None);
        assert!(pulse.look(Some(0), at(67_000), &LIMITS).is_some());
    }
}
