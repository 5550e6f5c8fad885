//! The real network, but for one fault.
//!
//! Data flow: sockets -> `RealNet` -> **[`BrokenNet`]** -> the production loop. What is not about
//! the fault goes through as it is; operators are served soundly, but where the fault is to lie to
//! them.

use std::{
    cell::{Cell, RefCell},
    io::{self, IoSlice},
    os::fd::OwnedFd,
    time::Duration,
};

use gamekeeper::{
    hub::Errno,
    metrics::ProcessStats,
    shell::{
        net::{Accept, Flags, Hearing, Net, NetEvent, Polled, Read, Send, Token},
        real::RealNet,
    },
    time::Time,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{Shutdown, shutdown},
};

use super::{Fault, answers::Answer, hearsay::Hearsay};

/// How long a write that should not wait waits for room.
const WAITS_FOR_ROOM: Timespec = Timespec { tv_sec: 1, tv_nsec: 500_000_000 };

/// How much later an end is noticed: longer than anybody should need, and shorter than a run.
const NOTICES_AFTER: Duration = Duration::from_secs(4);

/// What is kept of each connection by a server that forgets nothing, in bytes.
const KEPT_BYTES: usize = 65_536;

/// The kernel's number for a connection that was reset.
const RESET: Errno = Errno(104);

/// A network that is not quite sound.
pub struct BrokenNet {
    inner: RealNet,
    fault: Option<Fault>,
    /// Listeners for players; the one behind them is the operators'.
    listeners: usize,
    /// How often the end of one connection was taken for the end of all.
    disasters: u64,
    /// Ends that are to be noticed later: when, and whose.
    delayed: Vec<(Time, Token)>,
    /// Descriptors that should be closed.
    descriptors: Vec<OwnedFd>,
    /// Memory that should be free.
    memory: Vec<Vec<u8>>,
}

/// One connection.
#[derive(Debug)]
pub struct Line {
    socket: OwnedFd,
    /// Whether it is a player's, and not an operator's.
    is_player: bool,
    /// How many disasters there had been when it was accepted.
    disasters_before: u64,
    /// What it was registered under.
    token: Cell<Option<Token>>,
    /// How it has ended, and when that is to be noticed.
    ended: Cell<Option<(Read, Time)>>,
    /// The operator's answer so far.
    answer: RefCell<Answer>,
    /// What the player is told.
    hearsay: RefCell<Hearsay>,
}

impl BrokenNet {
    /// A network with so many listeners for players and with this fault, or with none.
    pub fn new(inner: RealNet, listeners: usize, fault: Option<Fault>) -> Self {
        Self {
            inner,
            fault,
            listeners,
            disasters: 0,
            delayed: Vec::new(),
            descriptors: Vec::new(),
            memory: Vec::new(),
        }
    }

    /// The end of one connection is the end of all that were there.
    fn read_with_all(&mut self, line: &Line, outcome: Read) -> Read {
        if line.disasters_before < self.disasters {
            return Read::Failed(RESET);
        }
        self.disasters += u64::from(is_end(outcome));
        outcome
    }

    /// An end is kept back for a while.
    fn read_late(&mut self, line: &Line, outcome: Read) -> Read {
        let now = self.now();
        match line.ended.get() {
            Some((end, noticed_at)) if noticed_at <= now => end,
            Some(_) => Read::WouldBlock,
            None if is_end(outcome) => {
                let noticed_at = now + NOTICES_AFTER;
                line.ended.set(Some((outcome, noticed_at)));
                self.delayed.extend(line.token.get().map(|token| (noticed_at, token)));
                Read::WouldBlock
            }
            None => outcome,
        }
    }

    /// Writes, and waits for room if there is none, and everybody with it.
    fn send_and_wait(&mut self, line: &Line, slices: &[IoSlice<'_>]) -> Send {
        match self.inner.send(&line.socket, slices) {
            Send::WouldBlock => {
                wait_for_room(&line.socket);
                self.inner.send(&line.socket, slices)
            }
            outcome => outcome,
        }
    }

    /// Writes what the player is told instead.
    fn send_hearsay(&mut self, line: &Line, slices: &[IoSlice<'_>], fault: Fault) -> Send {
        let mut hearsay = line.hearsay.borrow_mut();
        let mut taken_bytes = None;
        loop {
            while !hearsay.unsent().is_empty() {
                match self.inner.send(&line.socket, &[IoSlice::new(hearsay.unsent())]) {
                    Send::Bytes(count) => hearsay.advance(count),
                    // The rest goes out with the next state.
                    Send::WouldBlock => return taken_bytes.map_or(Send::WouldBlock, Send::Bytes),
                    failed @ Send::Failed(_) => return failed,
                }
            }
            match taken_bytes {
                Some(count) => return Send::Bytes(count),
                None => taken_bytes = Some(hearsay.push(slices, fault)),
            }
        }
    }

    /// Takes in what the operator should be told, and writes something else once it is whole.
    fn send_untruth(&mut self, line: &Line, slices: &[IoSlice<'_>], fault: Fault) -> Send {
        let mut taken_bytes = 0;
        for slice in slices {
            taken_bytes += slice.len();
            let Some(changed) = line.answer.borrow_mut().push(slice, fault) else { continue };
            let mut unsent = &changed[..];
            while !unsent.is_empty() {
                match self.send_and_wait(line, &[IoSlice::new(unsent)]) {
                    Send::Bytes(count) => unsent = &unsent[count..],
                    outcome => return outcome,
                }
            }
        }
        Send::Bytes(taken_bytes)
    }
}

impl Net for BrokenNet {
    type Stream = Line;

    fn now(&self) -> Time {
        self.inner.now()
    }

    fn poll(&mut self, until: Option<Time>, events: &mut Vec<NetEvent>) -> io::Result<Polled> {
        let next = self.delayed.iter().map(|(noticed_at, _)| *noticed_at).min();
        let polled = self.inner.poll(until.into_iter().chain(next).min(), events)?;
        let now = self.now();
        self.delayed.retain(|&(noticed_at, token)| {
            let is_due = noticed_at <= now;
            if is_due {
                let flags = Flags { readable: true, writable: false, closed: true };
                events.push(NetEvent::Ready { token, flags });
            }
            !is_due
        });
        Ok(polled)
    }

    fn accept(&mut self, listener: usize) -> Accept<Line> {
        match self.inner.accept(listener) {
            Accept::Stream(socket, peer) => {
                let line = Line {
                    socket,
                    is_player: listener < self.listeners,
                    disasters_before: self.disasters,
                    token: Cell::default(),
                    ended: Cell::default(),
                    answer: RefCell::default(),
                    hearsay: RefCell::default(),
                };
                Accept::Stream(line, peer)
            }
            Accept::WouldBlock => Accept::WouldBlock,
            Accept::Skip(errno) => Accept::Skip(errno),
            Accept::Failed(errno) => Accept::Failed(errno),
        }
    }

    fn keep_spare(&mut self) -> bool {
        self.inner.keep_spare()
    }

    fn drop_spare(&mut self) -> bool {
        self.inner.drop_spare()
    }

    fn register(&mut self, line: &Line, token: Token) -> Result<(), Errno> {
        line.token.set(Some(token));
        self.inner.register(&line.socket, token)
    }

    fn hear(&mut self, line: &Line, token: Token, when: Hearing) -> Result<(), Errno> {
        self.inner.hear(&line.socket, token, when)
    }

    fn read(&mut self, line: &Line, buffer: &mut [u8]) -> Read {
        let outcome = self.inner.read(&line.socket, buffer);
        match self.fault {
            _ if !line.is_player => outcome,
            Some(Fault::EvictsEveryone) => self.read_with_all(line, outcome),
            Some(Fault::NoticesLate) => self.read_late(line, outcome),
            Some(Fault::DiesOfABrokenPipe) if is_end(outcome) => Read::WouldBlock,
            _ => outcome,
        }
    }

    fn send(&mut self, line: &Line, slices: &[IoSlice<'_>]) -> Send {
        match self.fault {
            Some(fault) if !line.is_player && fault.lies_to_operators() => {
                self.send_untruth(line, slices, fault)
            }
            _ if !line.is_player => self.inner.send(&line.socket, slices),
            Some(fault) if fault.garbles_frames() => self.send_hearsay(line, slices, fault),
            Some(Fault::StallsOnASlowReader) => self.send_and_wait(line, slices),
            Some(Fault::DiesOfABrokenPipe) => send_with_signal(line, slices),
            Some(Fault::NoticesLate) if line.ended.get().is_some() => {
                Send::Bytes(slices.iter().map(|slice| slice.len()).sum())
            }
            _ => self.inner.send(&line.socket, slices),
        }
    }

    fn shutdown_write(&mut self, line: &Line) -> Result<(), Errno> {
        self.inner.shutdown_write(&line.socket)
    }

    fn reset_on_close(&mut self, line: &Line) {
        self.inner.reset_on_close(&line.socket);
    }

    fn unsent_bytes(&mut self, line: &Line) -> Option<usize> {
        self.inner.unsent_bytes(&line.socket)
    }

    fn close(&mut self, line: Line) {
        match self.fault {
            Some(Fault::LeaksDescriptors) if line.is_player => {
                // It fails only for a connection that is broken, and thus over as well.
                let _ = shutdown(&line.socket, Shutdown::Both);
                self.descriptors.push(line.socket);
            }
            Some(Fault::LeavesSocketsOpen) if line.is_player => self.descriptors.push(line.socket),
            Some(Fault::LeaksMemory) if line.is_player => {
                // Written to, or the kernel would give no memory for it.
                self.memory.push(vec![1; KEPT_BYTES]);
                self.inner.close(line.socket);
            }
            _ => self.inner.close(line.socket),
        }
    }

    fn close_listeners(&mut self) {
        self.inner.close_listeners();
    }

    fn process_stats(&self) -> ProcessStats {
        self.inner.process_stats()
    }
}

/// Whether a read says that the connection is over.
fn is_end(outcome: Read) -> bool {
    matches!(outcome, Read::Eof | Read::Failed(_))
}

/// Blocks the whole server until a socket has room, for a while.
fn wait_for_room(socket: &OwnedFd) {
    // An error means that there is nothing to wait for.
    let _ = poll(&mut [PollFd::new(socket, PollFlags::OUT)], Some(&WAITS_FOR_ROOM));
}

/// Writes without the flag that keeps a broken pipe from being a signal.
fn send_with_signal(line: &Line, slices: &[IoSlice<'_>]) -> Send {
    match rustix::io::writev(&line.socket, slices) {
        Ok(count) => Send::Bytes(count),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Send::WouldBlock,
        Err(errno) => Send::Failed(Errno(errno.raw_os_error())),
    }
}
