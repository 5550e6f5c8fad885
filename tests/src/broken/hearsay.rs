//! What players are told, less what should have been said as well: who is away and who has left.
//!
//! Data flow: the server's frames, in pieces -> **[`Hearsay`]** -> frames without that news.

use std::io::IoSlice;

use gamekeeper_protocol::{FrameDecoder, Presence, ServerMessage, limits::SERVER_FRAME_BYTES_MAX};

/// One player's stream of frames.
#[derive(Debug)]
pub struct Hearsay {
    decoder: FrameDecoder,
    /// What is left of the frames so far and has not been sent.
    unsent: Vec<u8>,
}

impl Default for Hearsay {
    fn default() -> Self {
        let decoder = FrameDecoder::new(SERVER_FRAME_BYTES_MAX);
        Self { decoder, unsent: Vec::new() }
    }
}

impl Hearsay {
    /// Takes in all of `slices`; how many bytes that were.
    pub fn push(&mut self, slices: &[IoSlice<'_>]) -> usize {
        for slice in slices {
            let mut input = &slice[..];
            while let Some(body) =
                self.decoder.next_frame(&mut input).expect("the server's frames are sound")
            {
                let message = ServerMessage::decode(body).expect("the server's frames are sound");
                pass_on(message, &mut self.unsent);
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

fn pass_on(message: ServerMessage<'_>, out: &mut Vec<u8>) {
    let message = match message {
        ServerMessage::Members { tick, joined, mut changed, .. } => {
            changed.retain(|change| change.presence != Presence::Away);
            ServerMessage::Members { tick, joined, left: Vec::new(), changed }
        }
        other => other,
    };
    message.encode(out).expect("it is no longer than it was");
}
