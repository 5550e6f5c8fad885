//! The admin listener's sockets, served after the players in the same loop.
//!
//! Part of [`EventLoop`]. What is said is in [`crate::admin`]; this file moves its bytes. It cannot
//! starve the games: few connections, one request each, few answers a turn, a deadline for all of
//! it, and the same nonblocking sockets as everywhere.

use std::io::IoSlice;

use super::{
    EventLoop,
    net::{Accept, Flags, Net, Read, Send, Token, TokenKind},
    retry_after,
    shed::is_out_of_descriptors,
};
use crate::{
    admin::{self, http::Exchange},
    limits::{Limits, ms},
    time::Time,
};

/// Answers made in one turn; rendering one may take tens of microseconds. A long one (see
/// [`WRITE_PER_TURN_BYTES`]) may take more than half a millisecond, and is the last of its turn.
const ANSWERS_PER_TURN_MAX: usize = 2;
/// Bytes written to one admin connection in one turn.
const WRITE_PER_TURN_BYTES: usize = 64 * 1024;

/// The admin listener and its connections.
pub(super) struct AdminDesk<S> {
    /// The listener's number, if there is one.
    listener: Option<usize>,
    /// Whether the listener may have connections in its queue.
    knocked: bool,
    /// Set while nobody can be accepted.
    retry_at: Option<Time>,
    visitors: Vec<Option<Visitor<S>>>,
    next_generation: u32,
    timeout_ms: u64,
}

struct Visitor<S> {
    stream: S,
    generation: u32,
    exchange: Exchange,
    readable: bool,
    writable: bool,
    /// Whether our half is shut down, and only the peer's end is awaited.
    finished: bool,
    until: Time,
}

impl<S> AdminDesk<S> {
    pub(super) fn new(listener: Option<usize>, limits: &Limits) -> Self {
        let seats = usize::try_from(limits.admin_connections_max).expect("64-bit system");
        let mut visitors = Vec::new();
        visitors.resize_with(seats, || None);
        Self {
            listener,
            knocked: listener.is_some(),
            retry_at: None,
            visitors,
            next_generation: 0,
            timeout_ms: limits.admin_timeout_ms,
        }
    }

    pub(super) fn is_listener(&self, token: Token) -> bool {
        self.listener == Some(token.slot as usize)
    }

    pub(super) fn knock(&mut self) {
        self.knocked = true;
    }

    pub(super) fn note(&mut self, token: Token, flags: Flags) {
        let visitor = self.visitors.get_mut(token.slot as usize).and_then(Option::as_mut);
        if let Some(visitor) = visitor.filter(|visitor| visitor.generation == token.generation) {
            visitor.readable |= flags.readable || flags.closed;
            visitor.writable |= flags.writable;
        }
    }

    /// When there is something to do: at once, or at a visitor's deadline.
    pub(super) fn wake_at(&self) -> Option<Time> {
        let busy = self.visitors.iter().flatten().any(Visitor::can_go_on);
        let free = self.visitors.iter().any(Option::is_none);
        if busy || self.knocked && free && self.retry_at.is_none() {
            return Some(Time::ZERO);
        }
        let deadlines = self.visitors.iter().flatten().map(|visitor| visitor.until);
        deadlines.chain(self.retry_at).min()
    }

    fn is_idle(&self) -> bool {
        !self.knocked && self.visitors.iter().all(Option::is_none)
    }
}

impl<S> Visitor<S> {
    fn can_go_on(&self) -> bool {
        self.readable
            || self.exchange.has_request()
            || (self.writable && !self.finished && self.exchange.is_answered())
    }
}

/// Whether a visitor stays.
enum Stay {
    Yes,
    No,
}

impl<N: Net> EventLoop<N> {
    /// Takes in visitors, answers a few, lets go of those that are done.
    pub(super) fn serve_admin(&mut self, now: Time) {
        if self.desk.is_idle() {
            return;
        }
        self.admit_visitors(now);
        let mut answers_left = ANSWERS_PER_TURN_MAX;
        for seat in 0..self.desk.visitors.len() {
            let Some(mut visitor) = self.desk.visitors[seat].take() else { continue };
            match self.serve_visitor(&mut visitor, &mut answers_left, now) {
                Stay::Yes => self.desk.visitors[seat] = Some(visitor),
                Stay::No => self.let_go(visitor.stream),
            }
        }
    }

    fn admit_visitors(&mut self, now: Time) {
        let Some(listener) = self.desk.listener else { return };
        if self.desk.retry_at.is_some_and(|retry_at| now < retry_at) {
            return;
        }
        self.desk.retry_at = None;
        for seat in 0..self.desk.visitors.len() {
            if !self.desk.knocked {
                return;
            }
            if self.desk.visitors[seat].is_some() {
                continue;
            }
            let stream = match self.accept_visitor(listener) {
                Accept::Stream(stream, _) => stream,
                Accept::WouldBlock => {
                    self.desk.knocked = false;
                    return;
                }
                Accept::Skip(_) => continue,
                Accept::Failed(_) => {
                    self.desk.retry_at = Some(now + retry_after(&self.hub));
                    return;
                }
            };
            let generation = self.desk.next_generation;
            self.desk.next_generation = generation.wrapping_add(1);
            let slot = u32::try_from(seat).expect("few seats");
            let token = Token { kind: TokenKind::Admin, slot, generation };
            if self.net.register(&stream, token).is_err() {
                self.let_go(stream);
                continue;
            }
            self.desk.visitors[seat] = Some(Visitor {
                stream,
                generation,
                exchange: Exchange::new(),
                readable: false,
                writable: true,
                finished: false,
                until: now + ms(self.desk.timeout_ms),
            });
        }
    }

    /// Accepts a visitor, if need be with the descriptor in reserve: whoever looks after a server
    /// that has run out of them must be able to see that.
    fn accept_visitor(&mut self, listener: usize) -> Accept<N::Stream> {
        match self.net.accept(listener) {
            Accept::Failed(errno) if is_out_of_descriptors(errno) && self.net.drop_spare() => {
                let outcome = self.net.accept(listener);
                // Works if nobody was waiting; else it is taken back when the visitor is gone.
                self.net.keep_spare();
                outcome
            }
            outcome => outcome,
        }
    }

    fn let_go(&mut self, stream: N::Stream) {
        self.net.close(stream);
        // It may have been let in with the descriptor in reserve.
        self.net.keep_spare();
    }

    fn serve_visitor(
        &mut self,
        visitor: &mut Visitor<N::Stream>,
        answers_left: &mut usize,
        now: Time,
    ) -> Stay {
        if now >= visitor.until {
            return Stay::No;
        }
        if visitor.readable
            && let Stay::No = self.read_visitor(visitor)
        {
            return Stay::No;
        }
        if visitor.exchange.has_request() && *answers_left > 0 {
            *answers_left -= 1;
            let process = || self.net.process_stats();
            let view = admin::View { hub: &self.hub, process: &process, now };
            let lab = &mut self.lab_desk.lab;
            visitor.exchange.answer(|request| admin::respond(&view, lab, request));
            if visitor.exchange.unsent().len() > WRITE_PER_TURN_BYTES {
                *answers_left = 0;
            }
        }
        self.write_visitor(visitor)
    }

    fn read_visitor(&mut self, visitor: &mut Visitor<N::Stream>) -> Stay {
        // One read a turn; a request is far smaller than the buffer.
        match self.net.read(&visitor.stream, &mut self.scratch) {
            Read::Bytes(count) => visitor.exchange.handle_bytes(&self.scratch[..count]),
            Read::WouldBlock => visitor.readable = false,
            // A half-closed client still wants its answer; once it has it, this is the end.
            Read::Eof if visitor.exchange.is_started() && !visitor.finished => {
                visitor.readable = false;
            }
            Read::Eof | Read::Failed(_) => return Stay::No,
        }
        Stay::Yes
    }

    fn write_visitor(&mut self, visitor: &mut Visitor<N::Stream>) -> Stay {
        let mut budget = WRITE_PER_TURN_BYTES;
        while visitor.writable && budget > 0 {
            let unsent = visitor.exchange.unsent();
            if unsent.is_empty() {
                break;
            }
            let offered = &unsent[..unsent.len().min(budget)];
            match self.net.send(&visitor.stream, &[IoSlice::new(offered)]) {
                Send::Bytes(count) => {
                    visitor.exchange.advance(count);
                    budget -= count;
                }
                Send::WouldBlock => visitor.writable = false,
                Send::Failed(_) => return Stay::No,
            }
        }
        if visitor.exchange.is_answered()
            && visitor.exchange.unsent().is_empty()
            && !visitor.finished
        {
            visitor.finished = true;
            if self.net.shutdown_write(&visitor.stream).is_err() {
                return Stay::No;
            }
            // The end may lie there already, without a new edge.
            visitor.readable = true;
        }
        Stay::Yes
    }
}
