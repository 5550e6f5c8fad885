//! No descriptor is left: newcomers are told so with the one that was kept for this.
//!
//! Part of [`EventLoop`]. Without it a newcomer would hang in the kernel's queue until a player
//! leaves, and nobody could tell a full server from a dead one. The descriptor in reserve is given
//! up, one connection is accepted with it, told and closed, and the descriptor is taken back. This
//! file does not decide who may play: whoever comes here could not be taken in at all.

use std::io::IoSlice;

use rustix::io::Errno as E;

use super::{
    EventLoop,
    net::{Accept, Net, Read},
};
use crate::{hub::Errno, metrics::AcceptOutcome};

/// Connections turned away at one go, before the listeners are left alone for a moment again.
///
/// At the default `accept_retry_ms` the 1,024 that the kernel holds are told within 3.2 seconds,
/// sooner than their programs lose patience; and one go costs the loop less than a millisecond.
const SHED_AT_ONCE_MAX: usize = 32;

/// Whether an error of accept says that the process, or the whole system, has no descriptor left.
pub(super) fn is_out_of_descriptors(errno: Errno) -> bool {
    matches!(E::from_raw_os_error(errno.0), E::MFILE | E::NFILE)
}

impl<N: Net> EventLoop<N> {
    /// Turns away some of those who wait at the listeners, each told if its socket takes the words.
    ///
    /// Without a descriptor an accept fails even at an empty queue. So this is also how the loop
    /// learns that nobody is waiting any more.
    pub(super) fn shed(&mut self) {
        let mut budget = SHED_AT_ONCE_MAX;
        for listener in self.door.in_turn() {
            while self.door.may_have(listener) && budget > 0 {
                // Somebody else in the system may have taken what was given up: the next try is
                // for when the listeners are opened again.
                if !self.net.keep_spare() {
                    return;
                }
                self.net.drop_spare();
                match self.net.accept(listener) {
                    Accept::Stream(stream, _) => self.turn_away(stream),
                    Accept::WouldBlock => self.door.emptied(listener),
                    Accept::Skip(_) => self.hub.metrics_mut().accept(AcceptOutcome::Failed),
                    Accept::Failed(_) => budget = 0,
                }
                budget = budget.saturating_sub(1);
            }
        }
        self.net.keep_spare();
    }

    /// Tells one that the server is full, and closes. There is no lingering here: that would take a
    /// descriptor.
    fn turn_away(&mut self, stream: N::Stream) {
        self.hub.metrics_mut().accept(AcceptOutcome::Shed);
        // A hello or a request that is here already is all that a client says before it hears
        // anything, and tells what it is.
        let said_bytes = match self.net.read(&stream, &mut self.scratch) {
            Read::Bytes(count) => count,
            Read::WouldBlock | Read::Eof | Read::Failed(_) => 0,
        };
        let words = self.door.full.for_whom_says(&self.scratch[..said_bytes]);
        // Whatever comes of this, it is closed.
        let _ = self.net.send(&stream, &[IoSlice::new(words)]);
        let _ = self.net.shutdown_write(&stream);
        // A close with unread bytes is a reset, which could overtake the words.
        let _ = self.net.read(&stream, &mut self.scratch);
        self.net.close(stream);
    }
}
