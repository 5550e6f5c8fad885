//! Bytes in and bytes out of the players' sockets, within budgets.
//!
//! Part of [`EventLoop`]. Whatever a socket says ends at most its own connection.

use std::io::IoSlice;

use super::{
    EventLoop, link_mut,
    net::{Hearing, Net, Read, Send, Token},
};
use crate::{
    client::leave::LeavePath,
    hub::{End, Input},
    ids::ConnectionId,
    time::Time,
};

/// Pieces handed to one vectored send. A client has one or two frames waiting, rarely more; and up
/// to eight the kernel needs no memory of its own to take them.
const SLICES: usize = 8;

/// Whether a connection may have more to read.
enum Drained {
    /// No: the kernel said so, and will tell when that changes.
    Yes,
    /// Perhaps: its budget for this turn is used up.
    No,
}

impl<N: Net> EventLoop<N> {
    /// Puts those into the ready list who are read at ticks, if their room is due.
    ///
    /// They are written to right after that tick, while the kernel's part of their sockets is still
    /// in the processor's caches; and between two ticks they have not woken up anybody.
    pub(super) fn list_members_due(&mut self, now: Time) {
        let Self { hub, links, ready, .. } = self;
        for id in hub.members_due(now) {
            if let Some(link) = link_mut(links, id)
                && !link.readable
            {
                link.readable = true;
                ready.push_back(id);
            }
        }
    }

    /// Reads every connection in the ready list once, up to its budget. Who is not drained goes to
    /// the end of the list, so nobody is served twice before everybody was served once.
    pub(super) fn read_ready(&mut self, now: Time) {
        for _ in 0..self.ready.len() {
            let Some(id) = self.ready.pop_front() else { break };
            self.read_one(id, now);
        }
    }

    /// Reads those who would be too late for something if they had said nothing since the last tick
    /// of their room, and then lets the hub judge them.
    pub(super) fn judge_suspects(&mut self, now: Time) {
        while let Some(id) = self.hub.next_suspect() {
            // Who is in the ready list has been read in this turn, and has had its share of it.
            if let Some(link) = link_mut(&mut self.links, id)
                && !link.readable
            {
                link.readable = true;
                self.read_one(id, now);
            }
            self.hub.judge(id, now);
        }
    }

    /// Reads those connections of the ready list for which the last poll hinted at an end.
    ///
    /// The others wait for the next turn: what they say now is for the next tick anyway.
    pub(super) fn read_ended(&mut self, now: Time) {
        for _ in 0..self.ready.len() {
            let Some(id) = self.ready.pop_front() else { break };
            match link_mut(&mut self.links, id) {
                Some(link) if link.end_hinted => self.read_one(id, now),
                Some(_) => self.ready.push_back(id),
                None => {}
            }
        }
    }

    fn read_one(&mut self, id: ConnectionId, now: Time) {
        if let Drained::No = self.read_until_drained(id, now) {
            self.ready.push_back(id);
        } else if let Some(link) = link_mut(&mut self.links, id) {
            link.readable = false;
        }
    }

    fn read_until_drained(&mut self, id: ConnectionId, now: Time) -> Drained {
        let Self { net, hub, links, scratch, .. } = self;
        if hub.resume(id, now) {
            return Drained::No;
        }
        // The scratch buffer has the size of the budget.
        let mut budget = scratch.len();
        while budget > 0 {
            let Some(link) = link_mut(links, id) else { return Drained::Yes };
            let (how, path) = match net.read(&link.stream, &mut scratch[..budget]) {
                Read::Bytes(count) => {
                    let input = Input::Bytes { from: id, bytes: &scratch[..count] };
                    if !hub.handle(input, now) {
                        // What follows is not looked at in this turn: the client has had its share,
                        // or said something that ends it.
                        return Drained::No;
                    }
                    if count < budget && !link.end_hinted {
                        return Drained::Yes;
                    }
                    budget -= count;
                    continue;
                }
                Read::WouldBlock => {
                    // No end is there: one that comes makes a new edge.
                    link.end_hinted = false;
                    return Drained::Yes;
                }
                Read::Eof => (End::Eof, noticed(link.end_hinted)),
                Read::Failed(errno) => (End::Errno(errno), noticed(link.end_hinted)),
            };
            link.end_hinted = false;
            hub.handle(Input::Ended { connection: id, how, path }, now);
            return Drained::Yes;
        }
        Drained::No
    }

    /// Writes to every connection that has something to send and whose socket takes it.
    pub(super) fn flush(&mut self, now: Time) {
        // Whoever is put into the list meanwhile waits for the next turn.
        for _ in 0..self.hub.flush_list_len() {
            let Some(id) = self.hub.next_flush() else { break };
            self.flush_one(id, now);
        }
    }

    fn flush_one(&mut self, id: ConnectionId, now: Time) {
        let Self { net, hub, links, .. } = self;
        let Some(link) = link_mut(links, id) else { return };
        let mut budget = usize::try_from(hub.limits().write_per_turn_bytes).unwrap_or(usize::MAX);
        while link.writable {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = hub.unsent(id, &mut slices, budget);
            if count == 0 {
                // Nothing is left, or the budget is used up: then it is another turn's work.
                hub.flush_again(id);
                return;
            }
            let outcome = net.send(&link.stream, &slices[..count]);
            match outcome {
                Send::Bytes(taken_bytes) => {
                    budget = budget.saturating_sub(taken_bytes);
                    if !hub.handle(Input::Wrote { connection: id, taken_bytes }, now) {
                        return;
                    }
                }
                Send::WouldBlock => {
                    link.writable = false;
                    hub.handle(Input::Wrote { connection: id, taken_bytes: 0 }, now);
                }
                Send::Failed(errno) => {
                    // The peer went between the last poll and this write: one connection ends.
                    link.writable = false;
                    self.read_last_words(id, now);
                    let (how, path) = (End::Errno(errno), LeavePath::Write);
                    self.hub.handle(Input::Ended { connection: id, how, path }, now);
                    return;
                }
            }
        }
    }

    /// Reads once more from a connection to which a write has failed: what the peer said before it
    /// went counts, and a goodbye is no crash.
    fn read_last_words(&mut self, id: ConnectionId, now: Time) {
        let Self { net, hub, links, scratch, .. } = self;
        if hub.resume(id, now) {
            return;
        }
        if let Some(link) = link_mut(links, id)
            && let Read::Bytes(count) = net.read(&link.stream, scratch)
        {
            hub.handle(Input::Bytes { from: id, bytes: &scratch[..count] }, now);
        }
    }

    /// Reads a connection at other times from now on.
    pub(super) fn hear(&mut self, id: ConnectionId, when: Hearing, now: Time) {
        let Some(link) = link_mut(&mut self.links, id) else { return };
        link.hearing = when;
        if let Err(errno) = self.net.hear(&link.stream, Token::of_player(id), when) {
            let (how, path) = (End::Errno(errno), LeavePath::Event);
            self.hub.handle(Input::Ended { connection: id, how, path }, now);
        }
    }

    pub(super) fn shutdown_write(&mut self, id: ConnectionId, now: Time) {
        let Some(link) = link_mut(&mut self.links, id) else { return };
        if let Err(errno) = self.net.shutdown_write(&link.stream) {
            let (how, path) = (End::Errno(errno), LeavePath::Write);
            self.hub.handle(Input::Ended { connection: id, how, path }, now);
        }
    }

    pub(super) fn ask_unsent(&mut self, id: ConnectionId, now: Time) {
        let Some(link) = link_mut(&mut self.links, id) else { return };
        let unsent_bytes = self.net.unsent_bytes(&link.stream);
        self.hub.handle(Input::Unsent { connection: id, unsent_bytes }, now);
    }
}

/// By which path a read learnt of an end.
fn noticed(end_hinted: bool) -> LeavePath {
    if end_hinted { LeavePath::Event } else { LeavePath::Read }
}
