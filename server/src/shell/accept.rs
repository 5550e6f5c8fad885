//! New connections: taken in at the end of a turn, a bounded number at a time.
//!
//! Part of [`EventLoop`]. An error of one new connection never ends the accepting, and running out
//! of descriptors makes the listener neither deaf nor hot: newcomers are turned away (see `shed`),
//! and it is tried again a little later.

use super::{
    EventLoop, Link,
    net::{Accept, Hearing, Net, Token},
    retry_after,
    shed::is_out_of_descriptors,
};
use crate::{
    client::leave::LeavePath,
    hub::{End, Errno, FullNotice, Input},
    ids::PeerAddr,
    metrics::AcceptOutcome,
    time::Time,
};

/// Which listeners may have connections in their queues.
#[derive(Debug)]
pub(super) struct Door {
    /// By listener. Edge-triggered, so only an empty queue clears it.
    pending: Vec<bool>,
    /// Set while nobody can be accepted: no descriptors, no memory, or a broken listener.
    retry_at: Option<Time>,
    /// Whether the log says so already.
    complained: bool,
    /// Which listener is asked first.
    first: usize,
    /// What those are told who are turned away, encoded once.
    pub(super) full: FullNotice,
}

impl Door {
    pub(super) fn new(listeners: usize) -> Self {
        // Whoever connected before the first poll has made no edge that we could see.
        Self {
            pending: vec![true; listeners],
            retry_at: None,
            complained: false,
            first: 0,
            full: FullNotice::default(),
        }
    }

    /// A listener has something in its queue.
    pub(super) fn knock(&mut self, listener: usize) {
        if let Some(pending) = self.pending.get_mut(listener) {
            *pending = true;
        }
    }

    /// Whether there may be somebody to take in right now.
    pub(super) fn is_open(&self) -> bool {
        self.retry_at.is_none() && self.pending.contains(&true)
    }

    /// The listeners, beginning with the one whose turn it is to be first.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.first, self.pending.len());
        (0..count).map(move |step| (first + step) % count)
    }

    /// Whether somebody may wait at a listener.
    pub(super) fn may_have(&self, listener: usize) -> bool {
        self.pending[listener]
    }

    /// A listener's queue is empty: the next one that comes makes an edge.
    pub(super) fn emptied(&mut self, listener: usize) {
        self.pending[listener] = false;
    }

    /// When to try again after nobody could be accepted.
    pub(super) fn retry_at(&self) -> Option<Time> {
        self.retry_at
    }

    /// Nobody is taken in any more.
    pub(super) fn close(&mut self) {
        self.pending.clear();
        self.retry_at = None;
    }
}

impl<N: Net> EventLoop<N> {
    /// Takes in what waits at the listeners, up to the budget of a turn.
    pub(super) fn accept(&mut self, now: Time) {
        if self.door.retry_at.is_some_and(|retry_at| now < retry_at) {
            return;
        }
        if self.door.retry_at.take().is_some() {
            // Before anybody is let in: it is worth more than one more player.
            self.net.keep_spare();
        }
        let mut budget = self.hub.limits().accepts_per_turn_max;
        // Another one is first each time: a storm at one listener must not starve the others.
        self.door.first = self.door.first.wrapping_add(1);
        for listener in self.door.in_turn() {
            while self.door.may_have(listener) && budget > 0 && self.hub.has_room() {
                budget -= 1;
                match self.net.accept(listener) {
                    Accept::Stream(stream, peer) => self.take_in(stream, peer, now),
                    Accept::WouldBlock => self.door.emptied(listener),
                    Accept::Skip(errno) => {
                        tracing::debug!(%errno, "a connection failed before it was accepted");
                        self.hub.metrics_mut().accept(AcceptOutcome::Failed);
                    }
                    Accept::Failed(errno) => return self.shut_for_a_while(errno, now),
                }
            }
        }
    }

    /// Nobody can be accepted: the listeners are left alone for a moment, neither deaf nor hot. If
    /// that is for want of a descriptor, some of those who wait are turned away before.
    fn shut_for_a_while(&mut self, errno: Errno, now: Time) {
        if !self.door.complained {
            self.door.complained = true;
            if is_out_of_descriptors(errno) {
                tracing::warn!(%errno, "no descriptor is left: newcomers are told that it is full");
            } else {
                tracing::warn!(%errno, "cannot accept anybody; trying again every now and then");
            }
        }
        self.hub.metrics_mut().accept(AcceptOutcome::Exhausted);
        if is_out_of_descriptors(errno) {
            self.shed();
        }
        self.door.retry_at = Some(now + retry_after(&self.hub));
    }

    fn take_in(&mut self, stream: N::Stream, peer: PeerAddr, now: Time) {
        self.door.complained = false;
        let Ok(id) = self.hub.admit(peer, now) else {
            // A reset: whoever storms the door leaves nothing behind in our kernel.
            self.net.reset_on_close(&stream);
            self.net.close(stream);
            return;
        };
        let registered = self.net.register(&stream, Token::of_player(id));
        let slot = id.slot as usize;
        if slot >= self.links.len() {
            self.links.resize_with(slot + 1, || None);
        }
        assert!(self.links[slot].is_none(), "a slot is freed when its socket is closed");
        let link = Link {
            stream,
            id,
            readable: false,
            writable: true,
            end_hinted: false,
            hearing: Hearing::AtOnce,
        };
        self.links[slot] = Some(link);
        if let Err(errno) = registered {
            self.hub.metrics_mut().accept(AcceptOutcome::DeadOnArrival);
            let (how, path) = (End::Errno(errno), LeavePath::Accept);
            self.hub.handle(Input::Ended { connection: id, how, path }, now);
        }
    }
}
