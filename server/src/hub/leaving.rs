//! What follows from a mark: the leave is counted and told, and the socket is let go.
//!
//! Part of [`Hub`]. `mark` -> [`Hub::settle`] -> farewell or not -> `Output::Close` ->
//! [`Hub::closed`], which alone frees the slot.

use std::borrow::Cow;

use gamekeeper_protocol::{GoodbyeReason, ServerMessage, limits::GOODBYE_TEXT_BYTES_MAX};

use super::{Errno, Hearing, Hub, Output, browsers, departures::Departure, list_for_flush};
use crate::{
    client::{
        Client,
        flight::Moment,
        inbox,
        leave::{Exit, Leave, LeaveReason},
        phase::{Ending, Linger, Phase},
    },
    frames::{SharedFrame, short_frame},
    guard::lines::Kind,
    ids::ConnectionId,
    limits::{Limits, ms},
    metrics::Farewell,
    time::Time,
};

/// What somebody is told for whom there is no place.
pub(super) const FULL: &str = "the server is full; try again later";

/// The words that say so, for those who cannot even be taken in to be told.
#[derive(Debug)]
pub struct FullNotice {
    frame: SharedFrame,
    answer: Vec<u8>,
}

impl Default for FullNotice {
    /// In both languages.
    fn default() -> Self {
        let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::Full, text: FULL };
        Self { frame: short_frame(&goodbye), answer: browsers::full_answer(FULL) }
    }
}

impl FullNotice {
    /// In the language of somebody whose first bytes, as far as there are any, are these.
    pub fn for_whom_says(&self, bytes: &[u8]) -> &[u8] {
        if inbox::is_request(bytes) { &self.answer } else { self.frame.native() }
    }
}

impl Hub {
    /// Works off every mark: counts it, takes the player out of its room, decides the exit.
    ///
    /// Runs to a fixpoint. It ends, because a connection is marked at most once.
    pub fn settle(&mut self, now: Time) {
        while let Some(id) = self.dying.pop_front() {
            let client = self.clients.get_mut(id).expect("a dying connection keeps its slot");
            let Phase::Dying(ending) = &mut client.phase else {
                unreachable!("only dying connections are in the list")
            };
            let Ending { leave, place, broken, .. } = *ending;
            let detail = std::mem::take(&mut ending.detail);
            self.metrics.leave(leave);
            client.flight.note(Moment::Leaves, now);
            let kind = if leave.reason.is_notable() { Kind::News } else { Kind::Routine };
            if self.leave_lines.allow(&client.peer, kind, &self.limits, now) {
                log_leave(id, client, leave, kind, short(&detail));
            }
            let departure = Departure::of(id, client, leave, place, now);
            let seat_held = place.is_some_and(|place| {
                let cause = leave.reason.cause();
                if leave.reason.holds_seat() && !self.stopping {
                    return self.lobby.lose(place, id, cause, now);
                }
                self.lobby.leave(place, id, cause, now);
                false
            });
            let exit = self.exit(id, leave.reason, broken, &detail, now);
            let departure = Departure { detail: short_owned(detail), exit, seat_held, ..departure };
            self.departures.push(departure, self.limits.departures_kept_max);
        }
    }

    /// The shell closed a connection's socket: frees its slot. Nothing else does.
    pub fn closed(&mut self, id: ConnectionId) {
        self.wheel.cancel(id.slot);
        let client = self.clients.remove(id).expect("a socket is closed once");
        assert!(matches!(client.phase, Phase::Dead), "only the dead are buried");
        self.dead -= 1;
        self.addresses.depart(&client.peer, &self.limits);
    }

    /// Says how many lines about leaves were left out since the last time.
    ///
    /// [`Hub::expire`] does so when it is due; the shell does when the server ends.
    pub fn tell_left_out(&mut self) {
        for left_out in self.leave_lines.take_left_out() {
            let lines = left_out.lines;
            match left_out.kind {
                Kind::News => tracing::info!(address = %left_out, lines, "left out of the log"),
                Kind::Routine => tracing::debug!(address = %left_out, lines, "left out of the log"),
            }
        }
    }

    /// Lets a settled connection go, in the way that its reason asks for; at once, if its socket is
    /// `broken`. Says which way that is.
    fn exit(
        &mut self,
        id: ConnectionId,
        reason: LeaveReason,
        broken: bool,
        detail: &str,
        now: Time,
    ) -> Exit {
        if broken {
            self.close(id, false);
            return Exit::Plain;
        }
        let client = self.clients.get_mut(id).expect("a dying connection keeps its slot");
        client.outbound.drop_latest();
        if !browsers::say_farewell(client, reason, short(detail)) {
            let reset = reason.exit() == Exit::Reset;
            self.close(id, reset);
            return if reset { Exit::Reset } else { Exit::Plain };
        }
        // A file is more than a few words, and who waits for it may be far away.
        let is_a_file = reason == LeaveReason::Served;
        let lasts_ms = if is_a_file { self.limits.serve_ms } else { self.limits.linger_ms };
        client.phase.advance(Phase::Lingering(Linger {
            number: self.lingering.begin(id),
            until: now + ms(lasts_ms),
            lasts_ms,
            flushed: false,
            discarded_bytes: 0,
        }));
        list_for_flush(&mut self.flush_list, id, client);
        if std::mem::take(&mut client.heard_at_ticks) {
            let when = Hearing::AtOnce;
            self.outputs.push_back(Output::Hear { connection: id, when });
        }
        self.rearm(id, now);
        Exit::Linger
    }

    /// Everything for a client is written: if that was its farewell, our half is shut down.
    pub(super) fn farewell_written(&mut self, id: ConnectionId, now: Time) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if let Phase::Lingering(linger) = &mut client.phase
            && !linger.flushed
        {
            linger.flushed = true;
            client.flight.note(Moment::FarewellWritten, now);
            self.outputs.push_back(Output::ShutdownWrite(id));
            self.outputs.push_back(Output::AskUnsent(id));
            self.rearm(id, now);
        }
    }

    /// The kernel's word on a farewell: with nothing unsent, the peer's kernel has all of it.
    pub(super) fn farewell_unsent(
        &mut self,
        id: ConnectionId,
        unsent_bytes: Option<usize>,
        now: Time,
    ) {
        let flushed = self.clients.get(id).is_some_and(
            |client| matches!(&client.phase, Phase::Lingering(linger) if linger.flushed),
        );
        if flushed && unsent_bytes == Some(0) {
            self.end_farewell(id, Farewell::Delivered);
        } else if flushed {
            self.rearm(id, now);
        }
    }

    /// Ends a lingering close.
    pub(super) fn end_farewell(&mut self, id: ConnectionId, farewell: Farewell) {
        let client = self.clients.get(id).expect("a lingering connection keeps its slot");
        let Phase::Lingering(linger) = &client.phase else {
            unreachable!("only a lingering connection has a farewell")
        };
        self.lingering.end(linger.number);
        self.metrics.farewell(farewell);
        self.close(id, farewell != Farewell::Delivered);
    }

    /// Cuts the oldest farewells short while there are too many. When everybody is told there may
    /// be as many as there are connections: nobody needs their places any more.
    pub(super) fn crowd_out(&mut self) {
        while !self.telling && self.lingering.len() as u64 > self.limits.lingering_max {
            let oldest = self.lingering.oldest().expect("there are too many, so there is one");
            self.end_farewell(oldest, Farewell::CrowdedOut);
        }
    }

    fn close(&mut self, id: ConnectionId, reset: bool) {
        let client = self.clients.get_mut(id).expect("a connection is closed once");
        client.outbound.clear();
        client.phase.advance(Phase::Dead);
        self.dead += 1;
        self.wheel.cancel(id.slot);
        self.outputs.push_back(Output::Close { connection: id, reset });
    }
}

/// What an error number on a client's socket means.
///
/// Closed by default: whatever it is, it ends that client and nobody else. The transient ones
/// (EAGAIN, EINTR, a full send buffer) never come here.
pub(super) fn classify(errno: Errno) -> LeaveReason {
    use rustix::io::Errno as E;
    match E::from_raw_os_error(errno.0) {
        // A write after the peer's FIN: Linux says EPIPE exactly when a FIN came before the reset.
        E::PIPE => LeaveReason::Fin,
        E::CONNRESET => LeaveReason::Reset,
        E::TIMEDOUT => LeaveReason::TimedOut,
        E::HOSTUNREACH | E::NETUNREACH | E::HOSTDOWN | E::NETDOWN => LeaveReason::Unreachable,
        _ => LeaveReason::Aborted,
    }
}

/// What a client was too late for, as a sentence for its log line and its farewell.
pub(super) fn too_late(reason: LeaveReason, limits: &Limits) -> Cow<'static, str> {
    match reason {
        LeaveReason::HelloTimeout => {
            format!("no complete hello within {} ms", limits.hello_timeout_ms).into()
        }
        LeaveReason::FrameTimeout => {
            format!("a frame was not complete within {} ms", limits.frame_timeout_ms).into()
        }
        LeaveReason::Heartbeat => {
            format!("silent for {} ms, and a ping was not answered", limits.heartbeat_timeout_ms)
                .into()
        }
        LeaveReason::SlowConsumerTime => {
            "it does not read, or far too little, and that for too long".into()
        }
        LeaveReason::SlowConsumerBytes => {
            format!("more than {} bytes were waiting for it", limits.out_hard_bytes).into()
        }
        _ => reason.label().into(),
    }
}

/// Writes one line. Whoever comes and goes is not news; of whoever was thrown out, the line also
/// says what happened before.
fn log_leave(id: ConnectionId, client: &Client, leave: Leave, kind: Kind, detail: &str) {
    let (peer, reason, path) = (client.peer, leave.reason.label(), leave.path.label());
    match kind {
        Kind::News => {
            let history = client.flight;
            tracing::info!(connection = %id, %peer, reason, path, detail, %history, "left");
        }
        Kind::Routine => {
            tracing::debug!(connection = %id, %peer, reason, path, detail, "left");
        }
    }
}

/// A text cut to what fits into a goodbye.
fn short(text: &str) -> &str {
    let mut end = text.len().min(GOODBYE_TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The same, without a copy if it fits.
fn short_owned(text: Cow<'static, str>) -> Cow<'static, str> {
    if text.len() <= GOODBYE_TEXT_BYTES_MAX { text } else { short(&text).to_owned().into() }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};

    use super::*;
    use crate::{
        client::leave::LeavePath,
        hub::{End, Input},
        ids::PeerAddr,
        room::{
            games::{Games, Options},
            lobby::Lobby,
            seat::ResumeTerms,
        },
    };

    /// Everything that was logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics with it").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Log {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// The lines that `act` logs.
    fn logged(act: impl FnOnce()) -> Vec<String> {
        let log = Log::default();
        let builder = tracing_subscriber::fmt().with_max_level(LevelFilter::DEBUG);
        let subscriber = builder.with_ansi(false).with_writer(log.clone()).finish();
        tracing::subscriber::with_default(subscriber, act);
        let text = log.0.lock().expect("nobody panics with it").clone();
        String::from_utf8(text).expect("text").lines().map(str::to_owned).collect()
    }

    fn hub(limits: Limits) -> Hub {
        let resume = ResumeTerms::of(&limits);
        let options = Options {
            tick_hz: None,
            room_size: 50,
            inputs_per_tick_max: 4,
            state_bytes: 64,
            resume,
        };
        let lobby = Lobby::new(Games::built_in(), options, 1, [7; 32]);
        Hub::new(limits, "arena".to_owned(), lobby, Time::ZERO)
    }

    /// What is logged when ten thousand connections come and leave at once, each as `leave` says.
    fn storm(peer: fn(u16) -> PeerAddr, leave: fn(ConnectionId) -> Input<'static>) -> Vec<String> {
        let mut hub = hub(Limits { lingering_max: 0, ..Limits::DEFAULT });
        logged(|| {
            for number in 1..=10_000 {
                let id = hub.admit(peer(number), Time::ZERO).expect("this machine may");
                hub.handle(leave(id), Time::ZERO);
                hub.settle(Time::ZERO);
                while let Some(output) = hub.poll_output() {
                    if let Output::Close { connection, .. } = output {
                        hub.closed(connection);
                    }
                }
            }
            assert_eq!((hub.metrics().left(), hub.connections()), (10_000, 0));
            // Farewells that were cut have left their places in the list of those to write to.
            while hub.next_flush().is_some() {}
            let later = Time::ZERO + ms(10_000);
            assert_eq!(hub.next_due(), Some(later), "it wakes up to tell what is missing");
            hub.expire(later);
            assert_eq!(hub.next_due(), None);
        })
    }

    #[track_caller]
    fn expect_lines(lines: &[String], left: &str, left_out: &str) {
        let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
        assert_eq!((count(left), count(left_out), lines.len()), (100, 1, 101), "{}", lines[0]);
    }

    #[test]
    fn ten_thousand_evictions_at_once_are_a_hundred_lines_and_a_number() {
        let local = |port| PeerAddr::Tcp(([127, 0, 0, 1], port).into());
        let lines = storm(local, |from| Input::Bytes { from, bytes: &[1, 0, 0, 0, 0xff] });
        let left_out =
            "INFO gamekeeper::hub::leaving: left out of the log address=127.0.0.1 lines=9900";
        expect_lines(&lines, "INFO gamekeeper::hub::leaving: left connection=", left_out);
    }

    #[test]
    fn ten_thousand_ends_at_once_are_a_hundred_lines_and_a_number() {
        let lines = storm(
            |_| PeerAddr::Unix,
            |connection| Input::Ended { connection, how: End::Eof, path: LeavePath::Event },
        );
        let left_out =
            "DEBUG gamekeeper::hub::leaving: left out of the log address=unix lines=9900";
        expect_lines(&lines, "DEBUG gamekeeper::hub::leaving: left connection=", left_out);
    }

    #[test]
    fn a_long_sentence_is_kept_as_far_as_it_fits_into_a_goodbye() {
        assert!(matches!(short_owned("short".into()), Cow::Borrowed("short")));
        let kept = short_owned(format!("x{}", "\u{e9}".repeat(1_000)).into());
        assert_eq!(kept.len(), GOODBYE_TEXT_BYTES_MAX - 1, "no character is cut in two");
    }
}
