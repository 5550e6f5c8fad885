//! The benchmark: a session without rules, to measure everything below a game.
//!
//! Not a [`Game`](crate::game::Game), because it needs what games must not have: the time at which
//! its state is encoded, and the bytes themselves. The body's layout is in
//! `gamekeeper_protocol::games::benchmark`.

use gamekeeper_protocol::{
    DecodeError, EncodeError, InputSequence, LeaveCause, PlayerId, Tick,
    games::benchmark::{STAMP_BYTES, Stamp},
};

use super::session::{Accepted, Session};
use crate::{
    game::{Audience, Effect},
    time::Time,
};

/// Sends a stamped state of a fixed size every tick, and drops every input.
#[derive(Debug)]
pub struct Benchmark {
    state_bytes: usize,
}

impl Benchmark {
    /// A benchmark whose snapshots have exactly `state_bytes` bytes, at least a stamp's.
    pub fn new(state_bytes: usize) -> Self {
        Self { state_bytes: state_bytes.max(STAMP_BYTES) }
    }
}

impl Session for Benchmark {
    fn accept_input(
        &mut self,
        _player: PlayerId,
        _sequence: InputSequence,
        _body: &[u8],
    ) -> Result<Accepted, DecodeError> {
        Ok(Accepted::Kept)
    }

    fn joined(&mut self, _player: PlayerId, _name: &str) {}

    fn left(&mut self, _player: PlayerId, _cause: LeaveCause) {}

    fn disconnected(&mut self, _player: PlayerId) {}

    fn resumed(&mut self, _player: PlayerId) {}

    fn stalled(&mut self, _player: PlayerId, _stalled: bool) {}

    fn forget(&mut self, _player: PlayerId) {}

    fn step(&mut self, _tick: Tick) {}

    fn drain_effects(&mut self, _take: &mut dyn FnMut(Effect<&[u8]>)) -> Result<(), EncodeError> {
        Ok(())
    }

    fn audience(&self, _player: PlayerId) -> Audience {
        Audience::ALL
    }

    fn encode_snapshot(
        &self,
        _audience: Audience,
        tick: Tick,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let end = out.len() + self.state_bytes;
        out.extend_from_slice(&Stamp { encoded_at_ns: now.as_nanos(), tick }.to_bytes());
        out.resize(end, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_exactly_the_chosen_size_and_starts_with_its_stamp() {
        let mut body = Vec::new();
        Benchmark::new(100)
            .encode_snapshot(Audience::ALL, Tick(7), Time::from_nanos(42), &mut body)
            .expect("always encodes");
        assert_eq!(body.len(), 100);
        assert_eq!(Stamp::from_body(&body), Some(Stamp { encoded_at_ns: 42, tick: Tick(7) }));
    }
}
