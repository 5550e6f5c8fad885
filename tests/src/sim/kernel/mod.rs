//! A kernel made of values: TCP connections, a listener, edge-triggered readiness, descriptors and
//! a clock.
//!
//! Data flow: the clients of the simulation -> **`Kernel`** -> [`SimNet`](super::net::SimNet) ->
//! the production loop, and back. It behaves as Linux was measured to behave, which
//! `tests/it/conformance.rs` checks: the same scripts run on both. It does not draw anything by
//! lot; faults are the business of `SimNet`.
//!
//! The server's end of each connection has a descriptor and may be registered. The client's end
//! has neither: clients look whenever they like.

mod readiness;
pub mod tcp;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use gamekeeper::{
    shell::net::{Errno, Hearing, Token},
    time::Time,
};

use tcp::{EMFILE, End, Outcome, Packet, Wake};

/// A connection, from the first packet on. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnNo(pub u32);

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The one that was accepted, or waits for it.
    Server,
    /// The one that has connected.
    Client,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }
}

#[derive(Debug)]
struct Conn {
    /// The server's end, then the client's.
    ends: [End; 2],
    /// How long a packet takes.
    delay: Duration,
    token: Option<Token>,
    /// What is reported of it.
    hearing: Hearing,
    /// Whether it is in the list of what the next poll looks at.
    listed: bool,
    /// Whether the server's end was accepted.
    accepted: bool,
    /// Data on the way to each end: it takes of the room there.
    coming_bytes: [usize; 2],
    /// When the last packet to each end arrives: they do not overtake each other.
    last_arrival: [Time; 2],
}

/// What a poll may have to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Listener,
    Conn(ConnNo),
}

/// Sizes of buffers and queues.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// What the server's sockets take and have not had acknowledged, in bytes.
    pub server_tx_bytes: usize,
    /// What the server's sockets receive and hold, in bytes.
    pub server_rx_bytes: usize,
    /// Connections that wait to be accepted.
    pub backlog: usize,
    /// Descriptors of the server's process for connections.
    pub descriptors: usize,
}

/// The whole system.
#[derive(Debug)]
pub struct Kernel {
    now: Time,
    sizes: Sizes,
    conns: BTreeMap<ConnNo, Conn>,
    next: u32,
    queue: VecDeque<ConnNo>,
    listening: bool,
    listener_listed: bool,
    /// What the next poll looks at, in the order of the wake-ups.
    list: VecDeque<Source>,
    /// Packets by arrival, then by number.
    wire: BTreeMap<(Time, u64), (ConnNo, Side, Packet)>,
    packets: u64,
    open_descriptors: usize,
}

impl Kernel {
    /// A system whose server listens.
    pub fn new(now: Time, sizes: Sizes) -> Self {
        Self {
            now,
            sizes,
            conns: BTreeMap::new(),
            next: 0,
            queue: VecDeque::new(),
            listening: true,
            listener_listed: false,
            list: VecDeque::new(),
            wire: BTreeMap::new(),
            packets: 0,
            open_descriptors: 0,
        }
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Descriptors in use by the server.
    pub fn open_descriptors(&self) -> usize {
        self.open_descriptors
    }

    /// Changes how many descriptors there may be; those in use stay.
    pub fn limit_descriptors(&mut self, descriptors: usize) {
        self.sizes.descriptors = descriptors;
    }

    /// Takes a descriptor for something that is no connection; whether there is one.
    pub fn take_descriptor(&mut self) -> bool {
        let free = self.open_descriptors < self.sizes.descriptors;
        self.open_descriptors += usize::from(free);
        free
    }

    /// Gives such a descriptor back.
    pub fn give_descriptor(&mut self) {
        self.open_descriptors -= 1;
    }

    /// Lets time pass until `to`; what arrives until then has arrived.
    pub fn advance(&mut self, to: Time) {
        while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= to) {
            let ((at, _), (conn, side, packet)) = entry.remove_entry();
            self.now = self.now.max(at);
            self.arrive(conn, side, packet);
        }
        self.now = self.now.max(to);
    }

    /// When the next packet arrives.
    pub fn next_arrival(&self) -> Option<Time> {
        self.wire.first_key_value().map(|((at, _), _)| *at)
    }

    // ---- the client's side

    /// Connects; nothing if nobody listens or too many wait.
    pub fn connect(&mut self, delay: Duration, rx_bytes: usize, tx_bytes: usize) -> Option<ConnNo> {
        if !self.listening || self.queue.len() >= self.sizes.backlog {
            return None;
        }
        let number = ConnNo(self.next);
        self.next += 1;
        let server = End::new(self.sizes.server_rx_bytes, self.sizes.server_tx_bytes);
        let client = End::new(rx_bytes, tx_bytes);
        let conn = Conn {
            ends: [server, client],
            delay,
            token: None,
            hearing: Hearing::AtOnce,
            listed: false,
            accepted: false,
            coming_bytes: [0; 2],
            last_arrival: [Time::ZERO; 2],
        };
        self.conns.insert(number, conn);
        self.queue.push_back(number);
        self.list_listener();
        Some(number)
    }

    /// One end of a connection, if the connection is known at all.
    pub fn end(&self, conn: ConnNo, side: Side) -> Option<&End> {
        self.conns.get(&conn).map(|conn| &conn.ends[side as usize])
    }

    /// Changes how much an end receives and holds; what is more stays.
    pub fn resize_rx(&mut self, conn: ConnNo, side: Side, rx_bytes_max: usize) {
        if let Some(it) = self.conns.get_mut(&conn) {
            it.ends[side as usize].rx_bytes_max = rx_bytes_max;
            self.transmit(conn, side.other());
        }
    }

    // ---- both sides

    /// Reads.
    pub fn read(&mut self, conn: ConnNo, side: Side, buffer: &mut [u8]) -> Outcome {
        let Some(it) = self.conns.get_mut(&conn) else { return Outcome::Eof };
        let outcome = it.ends[side as usize].read(buffer);
        if let Outcome::Bytes(_) = outcome {
            self.transmit(conn, side.other());
        }
        outcome
    }

    /// Writes.
    pub fn write(&mut self, conn: ConnNo, side: Side, bytes: &[u8]) -> Outcome {
        let Some(it) = self.conns.get_mut(&conn) else { return Outcome::Failed(tcp::EPIPE) };
        let outcome = it.ends[side as usize].write(bytes);
        self.transmit(conn, side);
        outcome
    }

    /// Shuts down the writing half.
    ///
    /// # Errors
    ///
    /// `ENOTCONN` if there is no connection any more.
    pub fn shutdown_write(&mut self, conn: ConnNo, side: Side) -> Result<(), Errno> {
        let Some(it) = self.conns.get_mut(&conn) else { return Err(tcp::ENOTCONN) };
        it.ends[side as usize].shutdown_write()?;
        self.transmit(conn, side);
        self.wake(conn, side, Wake::Yes);
        Ok(())
    }

    /// Closes, with a reset if asked for or if something is unread.
    pub fn close(&mut self, conn: ConnNo, side: Side, reset: bool) {
        let Some(it) = self.conns.get_mut(&conn) else { return };
        if it.ends[side as usize].is_closed() {
            return;
        }
        let cuts = it.ends[side as usize].close(reset);
        if side == Side::Server {
            if it.accepted {
                self.open_descriptors -= 1;
            }
            it.token = None;
        }
        if cuts {
            self.post(conn, side.other(), Packet::Rst);
        }
        self.transmit(conn, side);
        self.forget_if_over(conn);
    }

    /// Breaks a connection for a reason that is not the peer's; the peer hears nothing of it.
    pub fn fail(&mut self, conn: ConnNo, errno: Errno) {
        if let Some(it) = self.conns.get_mut(&conn) {
            let wake = it.ends[Side::Server as usize].fail(errno);
            self.wake(conn, Side::Server, wake);
        }
    }

    /// Bytes that the peer has not acknowledged.
    pub fn unacknowledged_bytes(&self, conn: ConnNo, side: Side) -> usize {
        self.end(conn, side).map_or(0, End::unacknowledged_bytes)
    }

    /// Puts back what was read last, as if it arrived only now.
    pub fn unread(&mut self, conn: ConnNo, side: Side, bytes: &[u8]) {
        if let Some(it) = self.conns.get_mut(&conn) {
            let end = &mut it.ends[side as usize];
            end.unread(bytes);
            // With what was read an end may arrive that was behind it.
            let wakes = it.hearing == Hearing::AtOnce || end.polls_rdhup();
            self.wake(conn, side, if wakes { Wake::Yes } else { Wake::No });
        }
    }

    /// Makes a writer wait although there is room; it is woken as soon as it polls.
    pub fn await_space(&mut self, conn: ConnNo, side: Side) {
        if let Some(it) = self.conns.get_mut(&conn) {
            it.ends[side as usize].await_space();
            self.wake(conn, side, Wake::Yes);
        }
    }

    // ---- the server's side

    /// Takes the first connection of the queue.
    ///
    /// # Errors
    ///
    /// `EMFILE`, whether or not somebody waits, as in Linux.
    pub fn accept(&mut self) -> Result<Option<ConnNo>, Errno> {
        if self.open_descriptors >= self.sizes.descriptors {
            return Err(EMFILE);
        }
        let Some(conn) = self.queue.pop_front() else { return Ok(None) };
        self.open_descriptors += 1;
        self.conns.get_mut(&conn).expect("it waits").accepted = true;
        Ok(Some(conn))
    }

    /// Asks for readiness under a token; what is there already is reported.
    pub fn register(&mut self, conn: ConnNo, token: Token) {
        if let Some(it) = self.conns.get_mut(&conn) {
            it.token = Some(token);
            self.wake(conn, Side::Server, Wake::Yes);
        }
    }

    /// Changes what is reported; what is there already is reported as well.
    pub fn hear(&mut self, conn: ConnNo, when: Hearing) {
        if let Some(it) = self.conns.get_mut(&conn) {
            it.hearing = when;
            self.wake(conn, Side::Server, Wake::Yes);
        }
    }

    /// Stops listening: whoever waits is reset.
    pub fn close_listener(&mut self) {
        self.listening = false;
        for conn in std::mem::take(&mut self.queue) {
            self.close(conn, Side::Server, true);
        }
    }

    // ---- internals

    /// Sends what an end can send now.
    fn transmit(&mut self, conn: ConnNo, side: Side) {
        let Some(it) = self.conns.get_mut(&conn) else { return };
        let to = side.other() as usize;
        let held = it.ends[to].unread_bytes() + it.coming_bytes[to];
        // A closed end takes everything, and answers with a reset.
        let room = match it.ends[to].is_closed() {
            true => usize::MAX,
            false => it.ends[to].rx_bytes_max.saturating_sub(held),
        };
        for packet in it.ends[side as usize].transmit(room) {
            self.post(conn, side.other(), packet);
        }
    }

    fn post(&mut self, conn: ConnNo, to: Side, packet: Packet) {
        let Some(it) = self.conns.get_mut(&conn) else { return };
        if it.delay.is_zero() {
            return self.arrive(conn, to, packet);
        }
        if let Packet::Data(bytes) = &packet {
            it.coming_bytes[to as usize] += bytes.len();
        }
        let at = (self.now + it.delay).max(it.last_arrival[to as usize]);
        it.last_arrival[to as usize] = at;
        self.packets += 1;
        self.wire.insert((at, self.packets), (conn, to, packet));
    }

    fn arrive(&mut self, conn: ConnNo, to: Side, packet: Packet) {
        let Some(it) = self.conns.get_mut(&conn) else { return };
        if let (Packet::Data(bytes), false) = (&packet, it.delay.is_zero()) {
            it.coming_bytes[to as usize] -= bytes.len();
        }
        let is_ack = matches!(packet, Packet::Ack(_));
        let is_unheard = it.hearing == Hearing::AtTicks && matches!(packet, Packet::Data(_));
        let (answer, wake) = it.ends[to as usize].receive(packet);
        let wake = if is_unheard { Wake::No } else { wake };
        self.wake(conn, to, wake);
        if let Some(answer) = answer {
            self.post(conn, to.other(), answer);
        }
        if is_ack {
            self.transmit(conn, to);
        }
        self.forget_if_over(conn);
    }

    fn forget_if_over(&mut self, conn: ConnNo) {
        let over = |it: &Conn| it.ends.iter().all(End::is_over);
        if self.conns.get(&conn).is_some_and(over) {
            self.conns.remove(&conn);
        }
    }
}
