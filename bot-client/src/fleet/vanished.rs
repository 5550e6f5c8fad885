//! Sockets whose bots have vanished: they acknowledge nothing, and must not say goodbye.
//!
//! Part of the fleet. Departure -> **`Vanished`** -> a close of which nobody is told. The kernel
//! closes a socket with a FIN or a reset, which would tell the server what it has to find out by
//! itself; so each stays open until it surely has, and is then forgotten.

use std::collections::BTreeMap;

use super::socket::BotSocket;
use crate::clock::Moment;

/// Sockets that are kept, by when they may go. Each forgets its peer when it is closed, even at the
/// end of the process.
#[derive(Debug, Default)]
pub(super) struct Vanished {
    sockets: BTreeMap<(Moment, u64), BotSocket>,
    /// How many were ever kept, to tell two of the same time apart.
    kept: u64,
}

impl Vanished {
    /// Keeps a socket until then.
    pub(super) fn keep(&mut self, socket: BotSocket, until: Moment) {
        self.kept += 1;
        self.sockets.insert((until, self.kept), socket);
    }

    /// When the next one may go.
    pub(super) fn next_due(&self) -> Option<Moment> {
        self.sockets.first_key_value().map(|((until, _), _)| *until)
    }

    /// Lets those go whose time is over.
    pub(super) fn let_go(&mut self, now: Moment) {
        while self.next_due().is_some_and(|until| until <= now) {
            self.sockets.pop_first();
        }
    }

    /// Lets all of them go.
    pub(super) fn let_go_all(&mut self) {
        self.sockets.clear();
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }
}
