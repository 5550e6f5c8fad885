//! A running game behind bytes: what a room needs to know of any game.
//!
//! Data flow: input bytes -> **`Session`** -> snapshot bytes, event bytes.
//!
//! [`Typed`] makes a session of every [`Game`]: it is the only place where a game's own types meet
//! the wire. Games never see bytes, and rooms never see a game's types.

use gamekeeper_protocol::{
    DecodeError, EncodeError, InputSequence, LeaveCause, PlayerId, Tick, codec,
};

use crate::{
    game::{Audience, Effect, Game, Outbox, PlayerInput, Setup},
    time::Time,
};

/// One game in one room, whatever its types.
pub trait Session {
    /// Keeps an input for the next step; says whether an older one had to be dropped for it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the game cannot read it: the client's fault.
    fn accept_input(
        &mut self,
        player: PlayerId,
        sequence: InputSequence,
        body: &[u8],
    ) -> Result<Accepted, DecodeError>;

    /// A player takes a seat.
    fn joined(&mut self, player: PlayerId, name: &str);

    /// A player lost its connection; its seat is held. Its inputs of this tick do not count.
    fn disconnected(&mut self, player: PlayerId);

    /// A player has its seat again.
    fn resumed(&mut self, player: PlayerId);

    /// A player is silent although it was asked, or is heard again.
    fn stalled(&mut self, player: PlayerId, stalled: bool);

    /// A player is gone.
    fn left(&mut self, player: PlayerId, cause: LeaveCause);

    /// Drops the inputs of a player that leaves before it ever joined.
    fn forget(&mut self, player: PlayerId);

    /// One step with the inputs kept so far.
    fn step(&mut self, tick: Tick);

    /// Hands out what the game said since the last time, events encoded.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if an event of the game cannot be encoded: the game's fault.
    fn drain_effects(&mut self, take: &mut dyn FnMut(Effect<&[u8]>)) -> Result<(), EncodeError>;

    /// Which state a player sees.
    fn audience(&self, player: PlayerId) -> Audience;

    /// Appends the state that an audience sees to `out`.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the state cannot be encoded: the game's fault.
    fn encode_snapshot(
        &self,
        audience: Audience,
        tick: Tick,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError>;
}

/// What a buffer for events may keep between two ticks.
const SCRATCH_KEPT_BYTES: usize = 4_096;

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It waits for the next step.
    Kept,
    /// It waits for the next step, and the player's oldest one was dropped for it.
    KeptForOldest,
}

/// A [`Session`] of a [`Game`].
pub struct Typed<G: Game> {
    game: G,
    /// In the order of arrival; at most `inputs_per_tick_max` of each player.
    inputs: Vec<PlayerInput<G::Input>>,
    inputs_per_tick_max: usize,
    out: Outbox<G::Event>,
    scratch: Vec<u8>,
}

impl<G: Game> Typed<G> {
    /// A new room's game.
    pub fn new(setup: Setup, inputs_per_tick_max: usize) -> Self {
        Self {
            game: G::new(setup),
            inputs: Vec::new(),
            inputs_per_tick_max,
            out: Outbox::default(),
            scratch: Vec::new(),
        }
    }
}

impl<G: Game> Session for Typed<G> {
    fn accept_input(
        &mut self,
        player: PlayerId,
        sequence: InputSequence,
        body: &[u8],
    ) -> Result<Accepted, DecodeError> {
        let input = codec::decode_from_client(body)?;
        let mut waiting = self.inputs.iter().enumerate().filter(|(_, kept)| kept.player == player);
        let oldest = waiting.next().map(|(index, _)| index);
        let count = usize::from(oldest.is_some()) + waiting.count();
        let mut outcome = Accepted::Kept;
        if let Some(oldest) = oldest
            && count >= self.inputs_per_tick_max
        {
            self.inputs.remove(oldest);
            outcome = Accepted::KeptForOldest;
        }
        self.inputs.push(PlayerInput { player, sequence, input });
        Ok(outcome)
    }

    fn joined(&mut self, player: PlayerId, name: &str) {
        self.game.joined(player, name, &mut self.out);
    }

    fn disconnected(&mut self, player: PlayerId) {
        // What it asked for last would undo what the game does about its absence.
        self.forget(player);
        self.game.disconnected(player, &mut self.out);
    }

    fn resumed(&mut self, player: PlayerId) {
        self.game.resumed(player, &mut self.out);
    }

    fn stalled(&mut self, player: PlayerId, stalled: bool) {
        self.game.stalled(player, stalled, &mut self.out);
    }

    fn forget(&mut self, player: PlayerId) {
        self.inputs.retain(|input| input.player != player);
    }

    fn left(&mut self, player: PlayerId, cause: LeaveCause) {
        self.forget(player);
        self.game.left(player, cause, &mut self.out);
    }

    fn step(&mut self, tick: Tick) {
        self.game.step(tick, &self.inputs, &mut self.out);
        self.inputs.clear();
    }

    fn drain_effects(&mut self, take: &mut dyn FnMut(Effect<&[u8]>)) -> Result<(), EncodeError> {
        for effect in self.out.drain() {
            self.scratch.clear();
            match effect {
                Effect::Broadcast(event) => {
                    codec::encode_value(&event, &mut self.scratch)?;
                    take(Effect::Broadcast(&self.scratch));
                }
                Effect::Send(player, event) => {
                    codec::encode_value(&event, &mut self.scratch)?;
                    take(Effect::Send(player, &self.scratch));
                }
                Effect::Kick(player, text) => take(Effect::Kick(player, text)),
            }
        }
        if self.scratch.capacity() > SCRATCH_KEPT_BYTES {
            // One long event in a day must not cost its memory for the rest of the day.
            self.scratch = Vec::new();
        }
        Ok(())
    }

    fn audience(&self, player: PlayerId) -> Audience {
        self.game.audience(player)
    }

    fn encode_snapshot(
        &self,
        audience: Audience,
        _tick: Tick,
        _now: Time,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        codec::encode_value(&self.game.snapshot(audience), out)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::noughts::Noughts;

    fn session() -> Typed<Noughts> {
        Typed::new(Setup { seed: 1, seats: 2, tick_hz: 0 }, 3)
    }

    #[test]
    fn a_player_who_floods_loses_its_own_oldest_inputs_and_nobody_elses() {
        let mut session = session();
        let mut give = |player: u32, sequence: u32| {
            session
                .accept_input(PlayerId(player), InputSequence(sequence), &[0])
                .expect("a cell is one byte")
        };
        assert_eq!(give(1, 1), Accepted::Kept);
        for sequence in 1..=3 {
            assert_eq!(give(2, sequence), Accepted::Kept);
        }
        assert_eq!(give(2, 4), Accepted::KeptForOldest);
        let kept: Vec<_> =
            session.inputs.iter().map(|input| (input.player.0, input.sequence.0)).collect();
        assert_eq!(kept, [(1, 1), (2, 2), (2, 3), (2, 4)]);
    }

    #[test]
    fn an_input_that_the_game_cannot_read_is_the_clients_fault() {
        assert!(session().accept_input(PlayerId(1), InputSequence(1), &[1, 2]).is_err());
        assert!(session().accept_input(PlayerId(1), InputSequence(1), &[]).is_err());
    }

    #[test]
    fn the_inputs_of_whoever_lost_its_connection_do_not_undo_its_absence() {
        let mut session = session();
        session.joined(PlayerId(1), "ada");
        session.accept_input(PlayerId(1), InputSequence(1), &[0]).expect("a move");
        session.disconnected(PlayerId(1));
        assert!(session.inputs.is_empty());
    }

    #[test]
    fn the_inputs_of_whoever_left_do_not_count() {
        let mut session = session();
        session.joined(PlayerId(1), "ada");
        session.accept_input(PlayerId(1), InputSequence(1), &[0]).expect("a move");
        session.left(PlayerId(1), LeaveCause::Goodbye);
        assert!(session.inputs.is_empty());
    }
}
