//! How a client's messages travel: as native frames, or over a WebSocket.
//!
//! Part of [`Agent`](super::agent::Agent). Session -> native frames -> **wire** -> bytes, and back.
//! What is said over a WebSocket waits in the babble of its link, behind the request for it.

use gamekeeper_protocol::limits::FRAME_HEADER_BYTES;

use super::agent::Link;
use crate::{
    browser::{BINARY, Browser, TEXT, frame, upgrade},
    sim::dice::Dice,
};

impl Link {
    /// From its first byte on this is a browser.
    pub(super) fn become_web(&mut self) {
        self.web = Some(Browser::default());
        self.babble = upgrade("");
    }

    /// What the server has sent, as native frames.
    pub(super) fn as_native(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(browser) = &mut self.web else { return bytes.to_vec() };
        let mut native = Vec::new();
        browser.take_in(bytes, |message| {
            let length = u32::try_from(message.len()).expect("a message is short");
            native.extend(length.to_le_bytes());
            native.extend(message);
        });
        native
    }

    /// Takes out what the session has to say; into the babble, because the wire is not the
    /// session's own any more, or never was.
    pub(super) fn take_words(&mut self) {
        let words = self.session.unsent().to_vec();
        if self.web.is_none() {
            self.babble.extend(&words);
            return self.session.advance(words.len());
        }
        if !self.is_ready() {
            return;
        }
        self.session.advance(words.len());
        let mut rest = &words[..];
        while let Some((length, after)) = rest.split_first_chunk::<FRAME_HEADER_BYTES>() {
            let (message, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            self.babble.extend(frame(BINARY, message));
            rest = after;
        }
    }

    /// Whether messages can be sent: a browser must have its answer first.
    pub(super) fn is_ready(&self) -> bool {
        self.web.as_ref().is_none_or(Browser::is_open)
    }

    /// Something that is no message.
    pub(super) fn lie(&self, dice: &mut Dice) -> Vec<u8> {
        let native: [&[u8]; 5] = [
            &[0, 0, 0, 0],
            &[3, 0, 0, 0, 0xff, 0xff, 0xff],
            &[0xff, 0xff, 0xff, 0xff],
            &[1, 0, 0, 0, 0x77],
            &[0, 0, 1, 0],
        ];
        if self.web.is_none() {
            return dice.pick(&native).to_vec();
        }
        let web = [
            // No mask; bits of an extension; text; no message; too long; nothing at all.
            vec![BINARY, 1, 4],
            vec![0xf2, 0x81, 0, 0, 0, 0, 4],
            frame(TEXT, b"hello"),
            frame(BINARY, &[0xff, 0xff, 0xff]),
            vec![BINARY, 0x80 | 126, 0xff, 0xff],
            frame(BINARY, &[]),
        ];
        dice.pick(&web).clone()
    }

    /// The beginning of something that has more than so few bytes.
    pub(super) fn half_a_frame(&self) -> Vec<u8> {
        match self.web {
            None => vec![200, 0, 0, 0, 1, 2, 3, 4],
            Some(_) => frame(BINARY, &[7; 200])[..8].to_vec(),
        }
    }
}
