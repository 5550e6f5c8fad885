//! What players are told, which is not what the server has said.
//!
//! Data flow: the server's frames, in pieces -> **[`Hearsay`]** -> some of them, some twice. A
//! frame stays whole whatever happens to it.

use std::io::IoSlice;

use gamekeeper_protocol::{FrameDecoder, Presence, ServerMessage, limits::SERVER_FRAME_BYTES_MAX};

use super::Fault;

/// Of so many states one is left out.
const SKIPPED_ONE_OF: u64 = 10;

/// One player's stream of frames.
#[derive(Debug)]
pub struct Hearsay {
    decoder: FrameDecoder,
    /// States so far.
    states: u64,
    /// What has been made of the frames so far and has not been sent.
    unsent: Vec<u8>,
}

impl Default for Hearsay {
    fn default() -> Self {
        let decoder = FrameDecoder::new(SERVER_FRAME_BYTES_MAX);
        Self { decoder, states: 0, unsent: Vec::new() }
    }
}

impl Hearsay {
    /// Takes in all of `slices`; how many bytes that were.
    pub fn push(&mut self, slices: &[IoSlice<'_>], fault: Fault) -> usize {
        let Self { decoder, states, unsent } = self;
        for slice in slices {
            let mut input = &slice[..];
            while let Some(body) =
                decoder.next_frame(&mut input).expect("the server's frames are sound")
            {
                let message = ServerMessage::decode(body).expect("the server's frames are sound");
                *states += u64::from(matches!(message, ServerMessage::Snapshot { .. }));
                for told in garble(message, fault, *states).into_iter().flatten() {
                    told.encode(unsent).expect("it is no longer than it was");
                }
            }
        }
        slices.iter().map(|slice| slice.len()).sum()
    }

    /// What is to be sent.
    pub fn unsent(&self) -> &[u8] {
        &self.unsent
    }

    /// So many bytes of it were sent.
    pub fn advance(&mut self, sent_bytes: usize) {
        self.unsent.drain(..sent_bytes);
    }
}

/// What becomes of a message, after so many states.
fn garble(message: ServerMessage<'_>, fault: Fault, states: u64) -> [Option<ServerMessage<'_>>; 2] {
    match message {
        ServerMessage::Members { tick, joined, left, mut changed } => match fault {
            Fault::KeepsGhosts => {
                changed.retain(|change| change.presence != Presence::Away);
                [Some(ServerMessage::Members { tick, joined, left: Vec::new(), changed }), None]
            }
            Fault::HidesNewcomers => {
                [Some(ServerMessage::Members { tick, joined: Vec::new(), left, changed }), None]
            }
            Fault::ForgetsReturns => {
                changed.retain(|change| change.presence != Presence::Here);
                [Some(ServerMessage::Members { tick, joined, left, changed }), None]
            }
            Fault::RepeatsNews => {
                let again = (left.clone(), changed.clone());
                let first = ServerMessage::Members { tick, joined, left, changed };
                let (left, changed) = again;
                let again = ServerMessage::Members { tick, joined: Vec::new(), left, changed };
                [Some(first), Some(again)]
            }
            _ => [Some(ServerMessage::Members { tick, joined, left, changed }), None],
        },
        ServerMessage::Snapshot { .. }
            if fault == Fault::WithholdsStates
                || fault == Fault::SkipsStates && states.is_multiple_of(SKIPPED_ONE_OF) =>
        {
            [None, None]
        }
        other => [Some(other), None],
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::{Departed, LeaveCause, PlayerId, PresenceChange, Tick, codec::Bytes};

    use super::*;

    /// The news that a player gets, and how many states, if a departure, a return and ten states
    /// come in pieces.
    fn heard(fault: Fault, piece_bytes: usize) -> (Vec<String>, u64) {
        let (player, tick) = (PlayerId(7), Tick(1));
        let change = |presence| PresenceChange { player, presence };
        let left = vec![Departed { player, cause: LeaveCause::Goodbye }];
        let changed = vec![change(Presence::Away), change(Presence::Here)];
        let mut said = Vec::new();
        let members = ServerMessage::Members { tick, joined: Vec::new(), left, changed };
        members.encode(&mut said).expect("it is short");
        for _ in 0..SKIPPED_ONE_OF {
            let state = ServerMessage::Snapshot { tick, body: Bytes(b"state") };
            state.encode(&mut said).expect("it is short");
        }
        let mut hearsay = Hearsay::default();
        for piece in said.chunks(piece_bytes) {
            assert_eq!(hearsay.push(&[IoSlice::new(piece)], fault), piece.len());
        }
        let mut decoder = FrameDecoder::new(SERVER_FRAME_BYTES_MAX);
        let (mut news, mut states, mut input) = (Vec::new(), 0, hearsay.unsent());
        while let Some(body) = decoder.next_frame(&mut input).expect("whole frames") {
            match ServerMessage::decode(body).expect("sound messages") {
                ServerMessage::Members { left, changed, .. } => {
                    let changed: Vec<_> = changed.iter().map(|it| it.presence).collect();
                    news.push(format!("{} left, {changed:?}", left.len()));
                }
                ServerMessage::Snapshot { .. } => states += 1,
                other => panic!("nobody said {other:?}"),
            }
        }
        (news, states)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn frames_are_garbled_however_they_are_cut() {
        for piece_bytes in 1..60 {
            let expect = |fault, news: &[&str], states| {
                let (heard_news, heard_states) = heard(fault, piece_bytes);
                assert_eq!((&heard_news[..], heard_states), (&texts(news)[..], states));
            };
            let all = "1 left, [Away, Here]";
            expect(Fault::KeepsGhosts, &["0 left, [Here]"], 10);
            expect(Fault::ForgetsReturns, &["1 left, [Away]"], 10);
            expect(Fault::RepeatsNews, &[all, all], 10);
            expect(Fault::SkipsStates, &[all], 9);
            expect(Fault::WithholdsStates, &[all], 0);
        }
    }
}
