//! Bytes waiting for one client's socket: bounded, fresh, shared.
//!
//! Data flow: room -> frame -> **`OutboundQueue`** -> socket.
//!
//! Two classes of frames. *Reliable* ones (welcome, events, membership, goodbye) wait in order and
//! are never dropped; their bytes are what the limits count. Of *latest* ones (snapshots) at most
//! one waits: a newer one replaces it, so that a slow reader sees fewer but fresh states instead
//! of a growing backlog of old ones.
//!
//! The queue does no I/O. The shell writes what [`OutboundQueue::slices`] shows and reports how
//! much the socket took with [`OutboundQueue::advance`]. A frame is written whole or the client is
//! leaving: after half a frame the peer could not find the next boundary.

use std::{collections::VecDeque, io::IoSlice};

use crate::frames::{Framing, SharedFrame};

/// What a queued frame takes beside its bytes: the queue's pointer, the reference counts and the
/// allocator's own.
const FRAME_OVERHEAD_BYTES: usize = 48;

/// Frames queued for one client.
///
/// Invariant: `committed_bytes` is the sum of the lengths in `committed`, minus `front_sent`.
/// Invariant: `front_sent` is less than the front frame's length, or zero if there is none.
#[derive(Debug, Default)]
pub struct OutboundQueue {
    /// What goes in front of each message.
    framing: Framing,
    /// Frames that will be written whole and in order: the reliable ones, and a snapshot whose
    /// first bytes are already on the wire.
    committed: VecDeque<SharedFrame>,
    /// Bytes of the front frame that the socket has already taken.
    front_sent: usize,
    committed_bytes: usize,
    /// The newest snapshot, if nothing of it has been written yet. Goes out after `committed`.
    latest: Option<SharedFrame>,
}

impl OutboundQueue {
    /// From now on the client is a browser.
    ///
    /// # Panics
    ///
    /// If something was queued already: its length would be another one.
    pub fn speak_web(&mut self) {
        assert!(self.is_empty(), "nothing is said to a client before it is known what it is");
        self.framing = Framing::Web;
    }

    /// What goes in front of each message.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Queues a frame that must arrive, behind those that wait already.
    pub fn push_reliable(&mut self, frame: SharedFrame) {
        self.committed_bytes += self.bytes_of(&frame);
        self.committed.push_back(frame);
        self.check_invariants();
    }

    /// Queues the newest state in place of an older one; true if an older one was skipped.
    pub fn set_latest(&mut self, frame: SharedFrame) -> bool {
        self.latest.replace(frame).is_some()
    }

    /// Drops a snapshot that waits: whoever is leaving has no use for it.
    pub fn drop_latest(&mut self) {
        self.latest = None;
    }

    /// Drops everything, because the socket will take nothing more.
    pub fn clear(&mut self) {
        *self = Self { framing: self.framing, ..Self::default() };
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.latest.is_none()
    }

    /// Bytes that count against the limits: all but a snapshot that can still be replaced.
    ///
    /// Each frame counts with what it costs beside its own bytes, or ten thousands of tiny answers
    /// would take far more memory than the limit says.
    pub fn held_bytes(&self) -> usize {
        self.committed_bytes + self.committed.len() * FRAME_OVERHEAD_BYTES
    }

    /// Bytes that wait and will be sent, in the order in which they were queued.
    pub fn reliable_bytes(&self) -> usize {
        self.committed_bytes
    }

    /// All bytes that wait.
    pub fn unsent_bytes(&self) -> usize {
        self.committed_bytes + self.latest.as_ref().map_or(0, |frame| self.bytes_of(frame))
    }

    /// Fills `slices` with what to write next, up to `budget_bytes`; returns how many were filled.
    ///
    /// The last slice may end inside a frame; zero slices exactly when the queue is empty.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>], budget_bytes: usize) -> usize {
        let mut count = 0;
        let mut left = budget_bytes;
        let mut skip = self.front_sent;
        for frame in self.committed.iter().chain(&self.latest) {
            for part in frame.parts(self.framing) {
                let unsent = &part[skip.min(part.len())..];
                skip -= part.len() - unsent.len();
                if unsent.is_empty() {
                    continue;
                }
                if count == slices.len() || left == 0 {
                    return count;
                }
                let taken = unsent.len().min(left);
                slices[count] = IoSlice::new(&unsent[..taken]);
                count += 1;
                left -= taken;
            }
        }
        count
    }

    /// Records that the socket took the next `taken` bytes.
    pub fn advance(&mut self, mut taken: usize) {
        assert!(taken <= self.unsent_bytes(), "the socket took more than it was given");
        while let Some(front) = self.committed.front() {
            let unsent = self.bytes_of(front) - self.front_sent;
            if taken < unsent {
                self.front_sent += taken;
                self.committed_bytes -= taken;
                return;
            }
            taken -= unsent;
            self.committed_bytes -= unsent;
            self.front_sent = 0;
            self.committed.pop_front();
        }
        if taken > 0 {
            let frame = self.latest.take().expect("bytes beyond `committed` are of `latest`");
            let frame_bytes = self.bytes_of(&frame);
            if taken < frame_bytes {
                // Its first bytes are out, so the rest must follow: it can no longer be replaced.
                self.front_sent = taken;
                self.committed_bytes = frame_bytes - taken;
                self.committed.push_back(frame);
            }
        }
        self.check_invariants();
    }

    fn bytes_of(&self, frame: &SharedFrame) -> usize {
        frame.wire_bytes(self.framing)
    }

    fn check_invariants(&self) {
        let lengths = || self.committed.iter().map(|frame| self.bytes_of(frame));
        debug_assert_eq!(self.committed_bytes, lengths().sum::<usize>() - self.front_sent);
        debug_assert!(self.front_sent < lengths().next().unwrap_or(1));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One to which what is no message can be sent as it is.
    fn queue() -> OutboundQueue {
        let mut queue = OutboundQueue::default();
        queue.speak_web();
        queue
    }

    fn drain(queue: &mut OutboundQueue, write_bytes: usize) -> Vec<u8> {
        let mut received = Vec::new();
        while !queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); 4];
            let count = queue.slices(&mut slices, write_bytes);
            let mut taken = 0;
            for slice in &slices[..count] {
                received.extend_from_slice(slice);
                taken += slice.len();
            }
            queue.advance(taken);
        }
        received
    }

    #[test]
    fn a_newer_snapshot_replaces_an_older_one() {
        let mut queue = queue();
        assert!(!queue.set_latest(SharedFrame::plain(b"old")));
        assert!(queue.set_latest(SharedFrame::plain(b"new")));
        queue.push_reliable(SharedFrame::plain(b"event"));
        assert_eq!(queue.held_bytes(), 5 + FRAME_OVERHEAD_BYTES);
        assert_eq!(drain(&mut queue, 64), b"eventnew");
    }

    #[test]
    fn a_snapshot_that_is_partly_written_is_finished_before_the_next() {
        let mut queue = queue();
        queue.set_latest(SharedFrame::plain(b"first"));
        queue.advance(2);
        assert!(
            !queue.set_latest(SharedFrame::plain(b"second")),
            "the first cannot be skipped any more"
        );
        queue.push_reliable(SharedFrame::plain(b"!"));
        assert_eq!(drain(&mut queue, 3), b"rst!second");
        assert_eq!(queue.unsent_bytes(), 0);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Reliable(usize),
        Latest(usize),
        Write(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        prop::collection::vec(
            prop_oneof![
                (1usize..20).prop_map(Step::Reliable),
                (1usize..20).prop_map(Step::Latest),
                (0usize..30).prop_map(Step::Write),
            ],
            0..60,
        )
    }

    proptest! {
        /// Whatever the socket takes when, the peer sees whole frames, every reliable one in
        /// order, and snapshots in the order of their making.
        #[test]
        fn the_peer_sees_whole_frames_in_order(steps in steps()) {
            let mut queue = queue();
            let mut stream = Vec::new();
            let mut made = 0u8;
            let mut reliable = Vec::new();
            // A frame is its length, its number and padding, so that the reader can check it.
            let frame = |length: usize, number: u8| -> SharedFrame {
                let mut bytes = vec![number; length + 1];
                bytes[0] = length as u8;
                SharedFrame::plain(&bytes)
            };
            let mut write = |queue: &mut OutboundQueue, budget: usize| {
                let mut slices = [IoSlice::new(&[]); 3];
                let count = queue.slices(&mut slices, budget);
                let taken: Vec<u8> =
                    slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
                prop_assert!(taken.len() <= budget);
                queue.advance(taken.len());
                stream.extend(taken);
                Ok(())
            };
            for step in steps {
                match step {
                    Step::Reliable(length) => {
                        made += 1;
                        reliable.push(made);
                        queue.push_reliable(frame(length, made));
                    }
                    Step::Latest(length) => {
                        made += 1;
                        queue.set_latest(frame(length, made));
                    }
                    Step::Write(budget) => write(&mut queue, budget)?,
                }
            }
            while !queue.is_empty() {
                write(&mut queue, 7)?;
            }
            let mut seen = Vec::new();
            let mut rest = &stream[..];
            while let Some((&length, body)) = rest.split_first() {
                let (body, after) = body.split_at(usize::from(length));
                prop_assert!(body.iter().all(|byte| *byte == body[0]), "a frame was torn");
                seen.push(body[0]);
                rest = after;
            }
            let seen_reliable: Vec<u8> =
                seen.iter().copied().filter(|number| reliable.contains(number)).collect();
            prop_assert_eq!(seen_reliable, reliable.clone());
            let latest: Vec<u8> =
                seen.iter().copied().filter(|number| !reliable.contains(number)).collect();
            prop_assert!(latest.is_sorted());
        }
    }
}
