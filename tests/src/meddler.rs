//! The real network with somebody in between: hints are kept back, or the clock jumps.
//!
//! *Blind*, it hides from the loop that a peer is gone, so that only a write can find out. That
//! stands for the race that no poll can close: the peer goes after the last look and before the
//! write. Its clock can be made to *jump*, as it does when a machine is paused, and descriptors can
//! be *rationed*. The sockets and the error numbers are real.

use std::{
    cell::Cell,
    collections::VecDeque,
    io::{self, IoSlice},
    time::Duration,
};

use gamekeeper::{
    hub::Errno,
    metrics::ProcessStats,
    shell::net::{Accept, Flags, Hearing, Net, NetEvent, Polled, Read, Send, Token, TokenKind},
    time::Time,
};

/// Bytes that a test sends on a connection whose reads are to fail.
pub const POISON: [u8; 4] = *b"\xde\xad\xbe\xef";

/// A network that is not quite what it seems.
pub struct Meddler<N> {
    inner: N,
    /// Whether hints about players that have said hello are kept back.
    ///
    /// The first readiness of each connection passes, so that its hello is read; from then on it
    /// only ever is writable, and a read that nothing has called for finds nothing.
    blind: bool,
    /// Whether not even the first readiness passes.
    blindfolded: bool,
    /// Tokens whose hello has passed.
    seen: Vec<Token>,
    /// By how much the clock has jumped ahead.
    ahead: Cell<Duration>,
    /// What was reported and is kept back, if one event is passed on at a time.
    trickle: Option<VecDeque<NetEvent>>,
    /// What came of each send, in order.
    pub sends: Vec<Send>,
    /// By how much it jumps ahead each time that somebody looks at it.
    crawl: Cell<Duration>,
    /// How often somebody has looked at it since it crawls.
    looks: Cell<u32>,
    /// What the next accepts are to fail with.
    accept_failures: Vec<AcceptFailure>,
    /// How many more descriptors there are for connections and the spare; `None` for any number.
    rationed: Option<usize>,
    /// Whether there is a descriptor in reserve.
    spare: bool,
    /// Whether somebody waits for it to be given up.
    thief: bool,
    /// What is to happen just before the loop looks once more without waiting.
    last_look: Option<Box<dyn FnOnce()>>,
    /// What is to happen just before the next write.
    last_moment: Option<Box<dyn FnOnce()>>,
    /// The error that a read fails with which would bring [`POISON`].
    pub poison: Option<Errno>,
    /// How many sends there had been when that happened.
    pub sends_before_last_look: Option<usize>,
}

/// A stream of such a network.
pub struct Meddled<S> {
    inner: S,
    /// Whether it is read at ticks, whatever is reported of it.
    at_ticks: Cell<bool>,
}

/// How an accept can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptFailure {
    /// ENOMEM: the kernel has no memory for another connection.
    OutOfMemory,
    /// ECONNABORTED: the connection that was to be accepted is gone.
    PeerAborted,
}

impl<N: Net> Meddler<N> {
    /// A network that does as it should, until its clock jumps.
    pub fn seeing(inner: N) -> Self {
        Self {
            inner,
            blind: false,
            blindfolded: false,
            seen: Vec::new(),
            ahead: Cell::default(),
            trickle: None,
            sends: Vec::new(),
            crawl: Cell::default(),
            looks: Cell::default(),
            accept_failures: Vec::new(),
            rationed: None,
            spare: true,
            thief: false,
            last_look: None,
            last_moment: None,
            poison: None,
            sends_before_last_look: None,
        }
    }

    /// A network that keeps back hints about players.
    pub fn blind(inner: N) -> Self {
        Self { blind: true, ..Self::seeing(inner) }
    }

    /// Makes the clock jump ahead each time that it is looked at, as if everything took that long.
    pub fn crawl(&self, by: Duration) {
        self.crawl.set(by);
    }

    /// From now on each poll reports one event, as one does on a machine with very many.
    pub fn report_one_at_a_time(&mut self) {
        self.trickle = Some(VecDeque::new());
    }

    /// From now on every hint about players is kept back.
    pub fn blindfold(&mut self) {
        self.blind = true;
        self.blindfolded = true;
    }

    /// The network underneath.
    pub fn inner(&self) -> &N {
        &self.inner
    }

    /// Makes the next accept fail; what is in the queue stays there.
    pub fn fail_accept(&mut self, failure: AcceptFailure) {
        self.accept_failures.push(failure);
    }

    /// From now on there are so many descriptors beyond those that are in use.
    pub fn ration(&mut self, descriptors: usize) {
        self.rationed = Some(descriptors);
    }

    /// Whether there is a descriptor in reserve.
    pub fn has_spare(&self) -> bool {
        self.spare
    }

    /// The next time that the descriptor in reserve is given up, somebody else gets it.
    pub fn steal_spare(&mut self) {
        self.thief = true;
    }

    /// One descriptor more is in use, if there is one.
    fn take_descriptor(&mut self) -> bool {
        match &mut self.rationed {
            Some(0) => return false,
            Some(left) => *left -= 1,
            None => {}
        }
        true
    }

    /// A descriptor is not in use any more.
    fn give_descriptor(&mut self) {
        if let Some(left) = &mut self.rationed {
            *left += 1;
        }
    }

    /// Lets something happen, once, just before the loop polls without waiting: that is, between
    /// its turn's first look at the sockets and the look before it writes.
    pub fn before_last_look(&mut self, act: impl FnOnce() + 'static) {
        self.last_look = Some(Box::new(act));
    }

    /// Lets something happen, once, between the look before the next write and that write.
    pub fn before_write(&mut self, act: impl FnOnce() + 'static) {
        self.last_moment = Some(Box::new(act));
    }

    /// Makes the clock jump ahead.
    pub fn jump(&self, by: Duration) {
        self.ahead.set(self.ahead.get() + by);
    }
}

impl<N: Net> Net for Meddler<N> {
    type Stream = Meddled<N::Stream>;

    fn now(&self) -> Time {
        if !self.crawl.get().is_zero() {
            self.jump(self.crawl.get());
            self.looks.set(self.looks.get() + 1);
            assert!(self.looks.get() < 10_000, "a turn does not end while time passes");
        }
        self.inner.now() + self.ahead.get()
    }

    fn poll(&mut self, until: Option<Time>, events: &mut Vec<NetEvent>) -> io::Result<Polled> {
        if until == Some(Time::ZERO)
            && let Some(act) = self.last_look.take()
        {
            act();
            self.sends_before_last_look = Some(self.sends.len());
        }
        // Not for ever, so that a test whose server has nothing left to do can give up.
        let at_last = self.now() + Duration::from_secs(1);
        let until = until.map_or(at_last, |until| until.min(at_last));
        let waits = self.trickle.as_ref().is_some_and(|kept| !kept.is_empty());
        let until = if waits { Time::ZERO } else { until - self.ahead.get() };
        let mut polled = self.inner.poll(Some(until), events)?;
        if let Some(kept) = &mut self.trickle {
            kept.extend(events.drain(..));
            events.extend(kept.pop_front());
            if !kept.is_empty() {
                polled = Polled::AsMuchAsFits;
            }
        }
        for event in events.iter_mut().filter(|_| self.blind) {
            let NetEvent::Ready { token, flags } = event else { continue };
            if token.kind != TokenKind::Player || !flags.readable {
                continue;
            }
            if self.blindfolded || self.seen.contains(token) {
                *flags = Flags { writable: flags.writable, ..Flags::default() };
            } else {
                self.seen.push(*token);
            }
        }
        Ok(polled)
    }

    fn accept(&mut self, listener: usize) -> Accept<Self::Stream> {
        match self.accept_failures.pop() {
            Some(AcceptFailure::OutOfMemory) => return Accept::Failed(Errno(12)),
            Some(AcceptFailure::PeerAborted) => return Accept::Skip(Errno(103)),
            None => {}
        }
        // As in Linux, the descriptor comes first, whether or not anybody is waiting.
        if !self.take_descriptor() {
            return Accept::Failed(Errno(24));
        }
        let failed = match self.inner.accept(listener) {
            Accept::Stream(inner, peer) => {
                return Accept::Stream(Meddled { inner, at_ticks: Cell::new(false) }, peer);
            }
            Accept::WouldBlock => Accept::WouldBlock,
            Accept::Skip(errno) => Accept::Skip(errno),
            Accept::Failed(errno) => Accept::Failed(errno),
        };
        self.give_descriptor();
        failed
    }

    fn keep_spare(&mut self) -> bool {
        if !self.spare && self.take_descriptor() {
            self.spare = self.inner.keep_spare();
        }
        self.spare
    }

    fn drop_spare(&mut self) -> bool {
        let had_one = std::mem::take(&mut self.spare) && self.inner.drop_spare();
        if had_one && !std::mem::take(&mut self.thief) {
            self.give_descriptor();
        }
        had_one
    }

    fn register(&mut self, stream: &Self::Stream, token: Token) -> Result<(), Errno> {
        self.inner.register(&stream.inner, token)
    }

    fn hear(&mut self, stream: &Self::Stream, token: Token, when: Hearing) -> Result<(), Errno> {
        stream.at_ticks.set(when == Hearing::AtTicks);
        self.inner.hear(&stream.inner, token, when)
    }

    fn read(&mut self, stream: &Self::Stream, buffer: &mut [u8]) -> Read {
        if self.blind && stream.at_ticks.get() {
            return Read::WouldBlock;
        }
        let outcome = self.inner.read(&stream.inner, buffer);
        match (outcome, self.poison) {
            (Read::Bytes(count), Some(errno))
                if buffer[..count].windows(POISON.len()).any(|bytes| bytes == POISON) =>
            {
                Read::Failed(errno)
            }
            _ => outcome,
        }
    }

    fn send(&mut self, stream: &Self::Stream, slices: &[IoSlice<'_>]) -> Send {
        if let Some(act) = self.last_moment.take() {
            act();
        }
        let outcome = self.inner.send(&stream.inner, slices);
        self.sends.push(outcome);
        outcome
    }

    fn shutdown_write(&mut self, stream: &Self::Stream) -> Result<(), Errno> {
        self.inner.shutdown_write(&stream.inner)
    }

    fn reset_on_close(&mut self, stream: &Self::Stream) {
        self.inner.reset_on_close(&stream.inner);
    }

    fn unsent_bytes(&mut self, stream: &Self::Stream) -> Option<usize> {
        self.inner.unsent_bytes(&stream.inner)
    }

    fn close(&mut self, stream: Self::Stream) {
        self.inner.close(stream.inner);
        self.give_descriptor();
    }

    fn close_listeners(&mut self) {
        self.inner.close_listeners();
    }

    fn process_stats(&self) -> ProcessStats {
        self.inner.process_stats()
    }
}
