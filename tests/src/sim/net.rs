//! The network of a simulated server: the model of the kernel, and what goes wrong with it.
//!
//! Data flow: production loop -> **`SimNet`** -> [`Kernel`](super::kernel::Kernel). Between any two
//! calls of the loop clients may act, as they do on a real machine.
//!
//! A fault here is something that a real kernel may do, however rarely. A short read leaves
//! bytes behind only if they arrive after it; a withheld event comes later; a call that fails
//! breaks that connection.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    rc::Rc,
    time::Duration,
};

use gamekeeper::{
    ids::PeerAddr,
    metrics::ProcessStats,
    shell::net::{Accept, Errno, Hearing, Net, NetEvent, Polled, Read, Send, Token},
    time::Time,
};

use super::{
    faults::Fault,
    kernel::{ConnNo, Side, tcp::Outcome},
    world::World,
};

/// The net that the loop is given. The world is shared with whoever watches.
#[derive(Debug)]
pub struct SimNet {
    /// Everything there is but the server.
    pub world: Rc<RefCell<World>>,
}

/// A socket of the server.
#[derive(Debug)]
pub struct SimStream(ConnNo);

/// Errors with which a connection may break: ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNABORTED,
/// ECONNRESET, EPIPE, EIO, and one that does not exist.
const BREAKS: [i32; 8] = [110, 113, 101, 103, 104, 32, 5, 133];

/// How much later than asked a poll returns, at most.
const LATE_NANOS_MAX: u64 = 100_000;

impl Net for SimNet {
    type Stream = SimStream;

    fn now(&self) -> Time {
        self.world.borrow().kernel.now()
    }

    fn poll(&mut self, until: Option<Time>, events: &mut Vec<NetEvent>) -> io::Result<Polled> {
        let mut world = self.world.borrow_mut();
        world.interlude();
        world.disturbed = true;
        // What is ready is reported before signals are looked at.
        if !world.kernel.has_events() && world.strikes(Fault::InterruptedPoll) {
            world.note(|| "poll: interrupted".to_owned());
            return Ok(Polled::Everything);
        }
        world.wait(until);
        if world.takes_stop_request() {
            events.push(NetEvent::Stop);
        }
        if world.strikes(Fault::WithheldEvents) {
            world.note(|| "poll: events are withheld".to_owned());
            return Ok(Polled::AsMuchAsFits);
        }
        world.disturbed = false;
        let first = events.len();
        let events_max = match world.faults.events_max {
            0 => usize::MAX,
            some => first + some,
        };
        world.kernel.take_events(events_max, events);
        let full = events.len() >= events_max;
        world.disturb(events, first);
        world.saw(&events[first..]);
        Ok(if full { Polled::AsMuchAsFits } else { Polled::Everything })
    }

    fn accept(&mut self, listener: usize) -> Accept<SimStream> {
        assert_eq!(listener, 0, "there is one");
        let mut world = self.world.borrow_mut();
        world.interlude();
        if world.strikes(Fault::NoMemory) {
            world.note(|| "accept: ENOMEM".to_owned());
            return Accept::Failed(Errno(12));
        }
        match world.kernel.accept() {
            Err(errno) => Accept::Failed(errno),
            Ok(None) => Accept::WouldBlock,
            Ok(Some(conn)) if world.strikes(Fault::FailedAccept) => {
                world.curse(conn);
                world.kernel.close(conn, Side::Server, true);
                world.note(|| format!("accept {conn:?}: ECONNABORTED"));
                Accept::Skip(Errno(103))
            }
            Ok(Some(conn)) => {
                let peer = world.accepted(conn);
                Accept::Stream(SimStream(conn), PeerAddr::Tcp(peer))
            }
        }
    }

    fn keep_spare(&mut self) -> bool {
        let mut world = self.world.borrow_mut();
        if !world.spare {
            world.spare = world.kernel.take_descriptor();
        }
        world.spare
    }

    fn drop_spare(&mut self) -> bool {
        let mut world = self.world.borrow_mut();
        let had_one = std::mem::take(&mut world.spare);
        if had_one {
            world.kernel.give_descriptor();
        }
        had_one
    }

    fn register(&mut self, stream: &SimStream, token: Token) -> Result<(), Errno> {
        let mut world = self.world.borrow_mut();
        world.interlude();
        world.registered(stream.0, token);
        if world.strikes(Fault::FailedRegister) {
            world.curse(stream.0);
            world.note(|| format!("register {:?}: ENOMEM", stream.0));
            return Err(Errno(12));
        }
        world.kernel.register(stream.0, token);
        Ok(())
    }

    fn hear(&mut self, stream: &SimStream, _token: Token, when: Hearing) -> Result<(), Errno> {
        let mut world = self.world.borrow_mut();
        world.interlude();
        if world.strikes(Fault::FailedRegister) {
            world.curse(stream.0);
            world.note(|| format!("hear {:?} {when:?}: ENOMEM", stream.0));
            return Err(Errno(12));
        }
        world.note(|| format!("hear {:?} {when:?}", stream.0));
        world.kernel.hear(stream.0, when);
        Ok(())
    }

    fn read(&mut self, stream: &SimStream, buffer: &mut [u8]) -> Read {
        let mut world = self.world.borrow_mut();
        world.interlude();
        world.maybe_break(stream.0);
        let mut outcome = world.kernel.read(stream.0, Side::Server, buffer);
        if let Outcome::Bytes(count) = outcome {
            if world.strikes(Fault::NothingToRead) {
                world.kernel.unread(stream.0, Side::Server, &buffer[..count]);
                outcome = Outcome::WouldBlock;
            } else if count > 1 && world.strikes(Fault::ShortRead) {
                let part = 1 + world.dice.below(count - 1);
                world.kernel.unread(stream.0, Side::Server, &buffer[part..count]);
                outcome = Outcome::Bytes(part);
            }
        }
        world.called("read", stream.0, outcome);
        match outcome {
            Outcome::Bytes(count) => Read::Bytes(count),
            Outcome::WouldBlock => Read::WouldBlock,
            Outcome::Eof => Read::Eof,
            Outcome::Failed(errno) => Read::Failed(errno),
        }
    }

    fn send(&mut self, stream: &SimStream, slices: &[IoSlice<'_>]) -> Send {
        let mut world = self.world.borrow_mut();
        world.interlude();
        world.maybe_break(stream.0);
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        assert!(!bytes.is_empty(), "nothing is never sent");
        let part = match () {
            () if world.strikes(Fault::NothingToWrite) => 0,
            () if bytes.len() > 1 && world.strikes(Fault::ShortWrite) => {
                1 + world.dice.below(bytes.len() - 1)
            }
            () => bytes.len(),
        };
        let outcome = match part {
            0 => Outcome::WouldBlock,
            part => world.kernel.write(stream.0, Side::Server, &bytes[..part]),
        };
        if part < bytes.len() {
            world.kernel.await_space(stream.0, Side::Server);
        }
        if let Outcome::Bytes(taken) = outcome {
            world.said(&bytes[..taken]);
        }
        world.called("send", stream.0, outcome);
        match outcome {
            Outcome::Bytes(count) => Send::Bytes(count),
            Outcome::WouldBlock => Send::WouldBlock,
            Outcome::Failed(errno) => Send::Failed(errno),
            Outcome::Eof => unreachable!("a write never ends a stream"),
        }
    }

    fn shutdown_write(&mut self, stream: &SimStream) -> Result<(), Errno> {
        let mut world = self.world.borrow_mut();
        world.interlude();
        world.maybe_break(stream.0);
        let outcome = world.kernel.shutdown_write(stream.0, Side::Server);
        world.note(|| format!("shutdown {:?}: {outcome:?}", stream.0));
        outcome
    }

    fn reset_on_close(&mut self, stream: &SimStream) {
        self.world.borrow_mut().reset_on_close(stream.0);
    }

    fn unsent_bytes(&mut self, stream: &SimStream) -> Option<usize> {
        let mut world = self.world.borrow_mut();
        world.interlude();
        if world.strikes(Fault::UnknownUnsent) {
            return None;
        }
        Some(world.kernel.unacknowledged_bytes(stream.0, Side::Server))
    }

    fn close(&mut self, stream: SimStream) {
        let mut world = self.world.borrow_mut();
        world.interlude();
        world.closed(stream.0);
    }

    fn close_listeners(&mut self) {
        self.world.borrow_mut().kernel.close_listener();
    }

    fn process_stats(&self) -> ProcessStats {
        ProcessStats::default()
    }
}

impl World {
    /// Sometimes breaks a connection.
    fn maybe_break(&mut self, conn: ConnNo) {
        if self.strikes(Fault::BrokenConnection) {
            let errno = Errno(*self.dice.pick(&BREAKS));
            self.curse(conn);
            self.note(|| format!("{conn:?} breaks with {}", errno.0));
            self.kernel.fail(conn, errno);
        }
    }

    /// Lets time pass until something is ready, or until `until`.
    fn wait(&mut self, until: Option<Time>) {
        // A server that waits for nothing is looked at all the same.
        let until = until.unwrap_or(self.kernel.now() + Duration::from_secs(1));
        // A long sleep is rare, and the place where a pause is hardest to see.
        let sleeps_long = until.since(self.kernel.now()) > Duration::from_millis(300);
        while !self.kernel.has_events() && self.kernel.now() < until && !self.wants_stop() {
            let next = [self.kernel.next_arrival(), self.clients.next_at()];
            let next = next.into_iter().flatten().min().map_or(until, |next| next.min(until));
            self.kernel.advance(next.max(self.kernel.now()));
            self.act_due();
        }
        let late = self.dice.between(0, LATE_NANOS_MAX);
        self.pass(Duration::from_nanos(late));
        if (0..if sleeps_long { 8 } else { 1 }).any(|_| self.strikes(Fault::Pause)) {
            // Those are the worst that end when something else was to be done.
            let to_the_end = until.since(self.kernel.now()) + Duration::from_millis(1);
            let pause = match self.dice.below(3) {
                0 => to_the_end,
                // Too short for the server to notice, and long enough to be late.
                1 => Duration::from_millis(self.dice.between(1, 450)),
                _ => Duration::from_millis(self.dice.between(1, 3_000)),
            };
            self.note(|| format!("the server does not run for {pause:?}"));
            self.pass(pause);
        }
    }

    /// Spoils what a poll is about to report.
    fn disturb(&mut self, events: &mut Vec<NetEvent>, first: usize) {
        if self.strikes(Fault::DuplicateEvent) && events.len() > first {
            let copy = events[first + self.dice.below(events.len() - first)];
            events.push(copy);
        }
        if self.strikes(Fault::SpuriousEvent) {
            events.extend(self.spurious_event());
            self.disturbed = true;
        }
        if self.strikes(Fault::ShuffledEvents) {
            for index in (first + 1..events.len()).rev() {
                let other = first + self.dice.below(index + 1 - first);
                events.swap(index, other);
            }
        }
    }
}
