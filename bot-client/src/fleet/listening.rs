//! Reading: what the server says, and its last words when the connection is lost.
//!
//! Part of [`Fleet`]. Socket -> bytes -> **`Fleet`** -> connection -> events -> what the bot knows.
//!
//! A connection that fails may still hold what the server said before: a goodbye, and a reset right
//! behind it. The goodbye is what a person wants to know, so it is read before the failure counts.

use std::io;

use super::{Fleet, bot::State, socket::Outcome, turn::Ready};
use crate::{
    clock::Moment,
    connection::{Ended, Operation},
    limits::READS_PER_TURN,
};

impl Fleet {
    /// Reads until the kernel has no more, or until the bot's share of the turn is used up.
    pub(super) fn read(&mut self, slot: usize, event: Ready) {
        for _ in 0..READS_PER_TURN {
            let bot = &mut self.bots[slot];
            let State::Talking { socket, connection, .. } = &mut bot.state else { return };
            let outcome = socket.read(&mut self.read_buffer);
            let now = Moment::now();
            match outcome {
                Outcome::Bytes(count) => {
                    self.hear(slot, count, now);
                    // With the peer closing, only an end of file or an error is the end of it: no
                    // further event would say so.
                    let drained = count < self.read_buffer.len() && !event.closing;
                    if drained || self.bots[slot].has_ended() {
                        return self.settle(slot, now);
                    }
                }
                Outcome::WouldBlock => return self.settle(slot, now),
                Outcome::Eof => {
                    connection.handle_eof();
                    return self.settle(slot, now);
                }
                Outcome::Failed(error) => {
                    connection.handle_error(Operation::Read, &error);
                    return self.settle(slot, now);
                }
            }
        }
        self.ready.push(event);
        self.settle(slot, Moment::now());
    }

    /// A bot that does not read still notices that its socket is dead.
    pub(super) fn look_without_reading(&mut self, slot: usize) {
        let State::Talking { socket, connection, .. } = &mut self.bots[slot].state else { return };
        if let Some(error) = socket.take_error() {
            connection.handle_error(Operation::Read, &error);
        } else if let Outcome::Failed(error) = socket.send(&[]) {
            // Nothing was sent, and nothing ever can be: the other end is closed.
            connection.handle_error(Operation::Write, &error);
        }
        self.settle(slot, Moment::now());
    }

    /// A connect has failed, unless the connection was made, used and reset before we looked.
    pub(super) fn end_connect(&mut self, slot: usize, error: &io::Error) {
        let now = Moment::now();
        let State::Connecting { socket, .. } =
            std::mem::replace(&mut self.bots[slot].state, State::Queued)
        else {
            unreachable!("only a connect can fail to connect");
        };
        let Outcome::Bytes(count) = socket.read(&mut self.read_buffer) else {
            return self.end(slot, Ended::failed(Operation::Connect, error), now);
        };
        self.converse(slot, socket, now);
        self.hear(slot, count, now);
        if let State::Talking { connection, .. } = &mut self.bots[slot].state {
            connection.handle_error(Operation::Read, error);
        }
        self.settle(slot, now);
    }

    /// A write has failed: what has arrived before is heard, and then it is over.
    pub(super) fn end_write(&mut self, slot: usize, error: &io::Error, now: Moment) {
        for _ in 0..READS_PER_TURN {
            let bot = &self.bots[slot];
            let State::Talking { socket, .. } = &bot.state else { return };
            if !bot.listens() || bot.has_ended() {
                break;
            }
            let Outcome::Bytes(count) = socket.read(&mut self.read_buffer) else { break };
            self.hear(slot, count, now);
        }
        if let State::Talking { connection, .. } = &mut self.bots[slot].state {
            connection.handle_error(Operation::Write, error);
        }
    }

    /// Takes in the first bytes of the buffer, which a bot has read.
    pub(super) fn hear(&mut self, slot: usize, count: usize, now: Moment) {
        let bot = &mut self.bots[slot];
        let State::Talking { wire, connection, .. } = &mut bot.state else { return };
        self.stats.received_bytes += count as u64;
        let innocent = bot.leaving.is_none();
        let (play, config) = (&mut bot.play, &self.config);
        let (stats, watch) = (&mut self.stats, &mut self.watch);
        let (bytes, frame) = (&self.read_buffer[..count], &mut self.frame_buffer);
        wire.hear(connection, bytes, now, frame, |event| {
            if innocent {
                play.on_event(&event, now, config, stats, watch);
            }
        });
    }
}
