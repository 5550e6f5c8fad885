//! One TCP connection as Linux behaves: two ends, and what each can see of the other.
//!
//! Part of [`Kernel`](super::Kernel). An end changes by what its own program does and by the
//! packets that arrive; it answers with packets and wake-ups. The rules, as they were measured:
//!
//! - An error is delivered once, by whichever call comes first; then reads give the end of the
//!   stream and writes `EPIPE`.
//! - What was received before a reset can still be read after it, and the error comes behind it.
//! - A reset that follows a FIN is `EPIPE` for writers and nothing for readers; without a FIN it is
//!   `ECONNRESET` for whoever asks first.
//! - Whoever closes with something unread resets; so does a closed end that receives data.

use std::collections::VecDeque;

use gamekeeper::shell::net::Errno;

/// Error numbers of Linux.
pub const EMFILE: Errno = Errno(24);
/// The peer will not read any more.
pub const EPIPE: Errno = Errno(32);
/// The connection was cut by the peer.
pub const ECONNRESET: Errno = Errno(104);
/// There is no connection any more.
pub const ENOTCONN: Errno = Errno(107);

/// What an end of a connection sends to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Bytes, at least one.
    Data(Vec<u8>),
    /// Nothing more will come.
    Fin,
    /// The connection is gone.
    Rst,
    /// So much has arrived.
    Ack(usize),
}

/// What a call on a socket gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing now.
    WouldBlock,
    /// The end of the stream.
    Eof,
    /// An error.
    Failed(Errno),
}

/// Who is to be told that an end has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nobody.
    No,
    /// Whoever polls it.
    Yes,
}

/// One end of a connection.
#[derive(Debug)]
pub struct End {
    /// Received and not read.
    rx: VecDeque<u8>,
    /// How much of that there may be.
    pub rx_bytes_max: usize,
    /// Whether the peer's FIN has arrived.
    fin_in: bool,
    /// The error that the next call will be told.
    error: Option<Errno>,
    /// Whether there is no connection any more.
    dead: bool,
    /// Whether our half is shut down: a FIN follows what is unsent.
    shut: bool,
    fin_sent: bool,
    /// Taken from the program and not sent: the peer has no room.
    tx: VecDeque<u8>,
    /// Sent and not acknowledged; a FIN counts as one byte.
    in_flight_bytes: usize,
    /// How much may be taken and not acknowledged.
    pub tx_bytes_max: usize,
    /// Whether somebody waits for room.
    no_space: bool,
    /// Whether the program has closed it.
    closed: bool,
}

impl End {
    /// An end with buffers of these sizes.
    pub fn new(rx_bytes_max: usize, tx_bytes_max: usize) -> Self {
        Self {
            rx: VecDeque::new(),
            rx_bytes_max,
            fin_in: false,
            error: None,
            dead: false,
            shut: false,
            fin_sent: false,
            tx: VecDeque::new(),
            in_flight_bytes: 0,
            tx_bytes_max,
            no_space: false,
            closed: false,
        }
    }

    /// Whether the program has closed it.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a read would say something else than "nothing now".
    pub fn is_readable(&self) -> bool {
        !self.rx.is_empty() || self.fin_in || self.dead || self.error.is_some()
    }

    /// Whether its program can know by now that the connection is over, or half over.
    pub fn has_ended(&self) -> bool {
        self.fin_in || self.dead
    }

    /// Bytes that can be read.
    pub fn unread_bytes(&self) -> usize {
        self.rx.len()
    }

    /// Bytes taken and not acknowledged.
    pub fn unacknowledged_bytes(&self) -> usize {
        self.tx.len() + self.in_flight_bytes
    }

    /// Whether nothing that its program does makes a difference any more.
    pub fn is_over(&self) -> bool {
        self.closed && (self.dead || self.fin_sent && self.in_flight_bytes == 0)
    }

    // ---- what epoll would say

    /// EPOLLIN.
    pub fn polls_in(&self) -> bool {
        !self.rx.is_empty() || self.fin_in || self.dead
    }

    /// EPOLLRDHUP.
    pub fn polls_rdhup(&self) -> bool {
        self.fin_in || self.dead
    }

    /// EPOLLHUP.
    pub fn polls_hup(&self) -> bool {
        self.dead || self.fin_in && self.shut
    }

    /// EPOLLERR.
    pub fn polls_err(&self) -> bool {
        self.error.is_some()
    }

    /// EPOLLOUT. As in Linux, asking while there is no room is also waiting for it.
    pub fn polls_out(&mut self) -> bool {
        let writable = self.shut || self.dead || self.has_space();
        self.no_space |= !writable;
        writable
    }

    fn has_space(&self) -> bool {
        // A third must be free: at least half of what is used.
        let used = self.unacknowledged_bytes();
        self.tx_bytes_max.saturating_sub(used) >= used / 2
    }

    // ---- what the program does

    /// Reads.
    pub fn read(&mut self, buffer: &mut [u8]) -> Outcome {
        let count = buffer.len().min(self.rx.len());
        if count > 0 {
            for (to, from) in buffer.iter_mut().zip(self.rx.drain(..count)) {
                *to = from;
            }
            return Outcome::Bytes(count);
        }
        if self.fin_in {
            return Outcome::Eof;
        }
        match self.error.take() {
            Some(errno) => Outcome::Failed(errno),
            None if self.dead => Outcome::Eof,
            None => Outcome::WouldBlock,
        }
    }

    /// Puts back what was read last: it has not arrived yet.
    pub fn unread(&mut self, bytes: &[u8]) {
        bytes.iter().rev().for_each(|byte| self.rx.push_front(*byte));
    }

    /// Writes at most so much of `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> Outcome {
        if self.dead || self.shut || self.error.is_some() {
            return Outcome::Failed(self.error.take().unwrap_or(EPIPE));
        }
        let space = self.tx_bytes_max.saturating_sub(self.unacknowledged_bytes());
        let count = space.min(bytes.len());
        self.no_space |= count < bytes.len();
        if count == 0 {
            return Outcome::WouldBlock;
        }
        self.tx.extend(&bytes[..count]);
        Outcome::Bytes(count)
    }

    /// Somebody waits for room although there is some, as when memory was short.
    pub fn await_space(&mut self) {
        self.no_space = true;
    }

    /// Shuts down the writing half.
    pub fn shutdown_write(&mut self) -> Result<(), Errno> {
        if self.dead || self.fin_in && self.fin_sent && self.in_flight_bytes == 0 {
            return Err(ENOTCONN);
        }
        self.shut = true;
        Ok(())
    }

    /// Closes, and says whether that is a reset.
    pub fn close(&mut self, reset: bool) -> bool {
        self.closed = true;
        let over = self.dead || self.fin_in && self.fin_sent && self.in_flight_bytes == 0;
        let cuts = !over && (reset || !self.rx.is_empty());
        self.rx.clear();
        if cuts {
            self.die();
        }
        self.shut = true;
        cuts
    }

    /// The connection breaks for a reason that is not the peer's.
    pub fn fail(&mut self, errno: Errno) -> Wake {
        if self.dead {
            return Wake::No;
        }
        self.die();
        self.error = Some(errno);
        Wake::Yes
    }

    // ---- what the network does

    /// What can be sent now to a peer that has so much room.
    pub fn transmit(&mut self, room_bytes: usize) -> Vec<Packet> {
        let mut packets = Vec::new();
        if self.dead {
            return packets;
        }
        let count = room_bytes.min(self.tx.len());
        if count > 0 {
            packets.push(Packet::Data(self.tx.drain(..count).collect()));
            self.in_flight_bytes += count;
        }
        if self.shut && !self.fin_sent && self.tx.is_empty() {
            self.fin_sent = true;
            self.in_flight_bytes += 1;
            packets.push(Packet::Fin);
        }
        packets
    }

    /// A packet arrives. What is answered, and whether whoever polls is woken.
    pub fn receive(&mut self, packet: Packet) -> (Option<Packet>, Wake) {
        if self.dead {
            let answer = matches!(packet, Packet::Data(_) | Packet::Fin).then_some(Packet::Rst);
            return (answer, Wake::No);
        }
        match packet {
            Packet::Data(bytes) => {
                if self.closed {
                    self.die();
                    return (Some(Packet::Rst), Wake::No);
                }
                self.rx.extend(&bytes);
                (Some(Packet::Ack(bytes.len())), Wake::Yes)
            }
            Packet::Fin => {
                self.fin_in = true;
                (Some(Packet::Ack(1)), Wake::Yes)
            }
            Packet::Rst => {
                let over = self.fin_in && self.fin_sent && self.in_flight_bytes == 0;
                if over {
                    return (None, Wake::No);
                }
                let errno = if self.fin_in && !self.shut { EPIPE } else { ECONNRESET };
                self.die();
                self.error = Some(errno);
                (None, Wake::Yes)
            }
            Packet::Ack(bytes) => {
                self.in_flight_bytes -= bytes;
                let wake = self.no_space && self.has_space();
                self.no_space &= !wake;
                (None, if wake { Wake::Yes } else { Wake::No })
            }
        }
    }

    fn die(&mut self) {
        self.dead = true;
        self.tx.clear();
        self.in_flight_bytes = 0;
    }
}
