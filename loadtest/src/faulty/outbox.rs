//! What waits for a client's socket, all at once or one byte at a time.
//!
//! Data flow: frames of a [`Conversation`](super::Conversation) -> **`Outbox`** -> socket.

use std::time::Duration;

use gamekeeper_bot::clock::Moment;

/// Bytes for a client that are not sent yet.
///
/// Invariant: `sent <= bytes.len()`, and both are 0 when everything is sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    /// How much of `bytes` the socket has taken.
    sent: usize,
    /// Between two bytes; without it all may go at once.
    pace: Option<Duration>,
    /// When the next byte may go, if there is a pace.
    next_byte: Moment,
}

impl Outbox {
    /// An outbox that lets one byte go per `pace`.
    pub(super) fn paced(pace: Duration) -> Self {
        Self { pace: Some(pace), ..Self::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Records that the socket took `written` of the bytes that were [due](Self::due). One that
    /// took nothing is asked again after the pace, if there is one.
    pub(super) fn advance(&mut self, written: usize, now: Moment) {
        assert!(written <= self.bytes.len() - self.sent, "more was sent than there was");
        self.sent += written;
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        }
        if let Some(pace) = self.pace {
            self.next_byte = now + pace;
        }
    }

    /// What may be sent now.
    pub(super) fn due(&self, now: Moment) -> &[u8] {
        let all = &self.bytes[self.sent..];
        match self.pace {
            Some(_) if now < self.next_byte => &[],
            Some(_) => &all[..all.len().min(1)],
            None => all,
        }
    }

    /// When more may be sent, if that is a matter of time.
    pub(super) fn next_due(&self) -> Option<Moment> {
        self.pace.filter(|_| !self.is_empty()).map(|_| self.next_byte)
    }

    /// Bytes that are not sent yet.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment(1_000_000_000);

    #[test]
    fn everything_goes_at_once_without_a_pace() {
        let mut outbox = Outbox::default();
        outbox.push(b"abc");
        outbox.push(b"def");
        assert_eq!((outbox.due(START), outbox.next_due()), (&b"abcdef"[..], None));
        outbox.advance(4, START);
        assert_eq!(outbox.due(START), b"ef");
        outbox.advance(2, START);
        assert!(outbox.is_empty() && outbox.bytes.is_empty());
    }

    #[test]
    fn a_pace_lets_one_byte_go_at_a_time() {
        let pace = Duration::from_millis(10);
        let mut outbox = Outbox::paced(pace);
        assert_eq!(outbox.next_due(), None, "nothing waits");
        outbox.push(b"ab");
        assert_eq!(outbox.due(START), b"a");
        outbox.advance(1, START);
        assert_eq!((outbox.due(START), outbox.next_due()), (&b""[..], Some(START + pace)));
        assert_eq!(outbox.due(START + pace), b"b");
        outbox.advance(0, START + pace);
        assert_eq!(outbox.next_due(), Some(START + pace + pace), "it is not asked all the time");
        outbox.advance(1, START + pace + pace);
        outbox.push(b"c");
        assert_eq!(
            outbox.due(START + pace + pace),
            b"",
            "an empty outbox does not forget the pace"
        );
    }
}
