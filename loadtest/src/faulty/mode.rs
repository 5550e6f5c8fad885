//! The catalogue of faults: what a faulty server can do wrong, each under a name of its own.
//!
//! Data flow: name on the command line -> **`Mode`** -> [`Conversation`](super::Conversation).
//!
//! Nothing here does anything. A mode says what happens on the wire and what a good client makes
//! of it, in a sentence each, because that is what somebody who tests a client wants to read.

use std::{fmt, str::FromStr};

/// One way in which a server can fail its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Resets the connection as soon as it is accepted.
    Reset,
    /// Closes the connection as soon as it is accepted.
    CloseAfterAccept,
    /// Accepts, reads, and never answers.
    Silent,
    /// Says goodbye to everybody, because it is full.
    Refuse,
    /// Says goodbye and resets at once.
    RefuseAndReset,
    /// Speaks another version of the protocol.
    WrongVersion,
    /// Resets the connection when it hears the hello.
    ResetAfterHello,
    /// Sends random bytes.
    Garbage,
    /// Sends a half of a frame and nothing more.
    HalfFrame,
    /// Sends a half of a frame and closes.
    CloseMidFrame,
    /// Announces a frame of four gibibytes.
    Huge,
    /// Announces a frame without a body.
    EmptyFrame,
    /// Sends a message that does not exist.
    UnknownMessage,
    /// Asks whether the client lives, and never lets it in.
    NoWelcome,
    /// Lets the client in and is silent from then on.
    NoTicks,
    /// Plays, one byte at a time.
    Slow,
    /// Plays and does not read.
    StopsReading,
    /// Plays, and then resets the connection.
    ResetInGame,
    /// Plays, and then says goodbye.
    GoodbyeInGame,
    /// Plays, and then says goodbye with far too many words.
    LongGoodbye,
    /// Plays in a room to which more and more players come.
    Crowd,
}

impl Mode {
    /// All of them, in the order of a conversation: those that fail early come first.
    pub const ALL: [Self; 21] = [
        Self::Reset,
        Self::CloseAfterAccept,
        Self::Silent,
        Self::Refuse,
        Self::RefuseAndReset,
        Self::WrongVersion,
        Self::ResetAfterHello,
        Self::Garbage,
        Self::HalfFrame,
        Self::CloseMidFrame,
        Self::Huge,
        Self::EmptyFrame,
        Self::UnknownMessage,
        Self::NoWelcome,
        Self::NoTicks,
        Self::Slow,
        Self::StopsReading,
        Self::ResetInGame,
        Self::GoodbyeInGame,
        Self::LongGoodbye,
        Self::Crowd,
    ];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::CloseAfterAccept => "close-after-accept",
            Self::Silent => "silent",
            Self::Refuse => "refuse",
            Self::RefuseAndReset => "refuse-and-reset",
            Self::WrongVersion => "wrong-version",
            Self::ResetAfterHello => "reset-after-hello",
            Self::Garbage => "garbage",
            Self::HalfFrame => "half-frame",
            Self::CloseMidFrame => "close-mid-frame",
            Self::Huge => "huge",
            Self::EmptyFrame => "empty-frame",
            Self::UnknownMessage => "unknown-message",
            Self::NoWelcome => "no-welcome",
            Self::NoTicks => "no-ticks",
            Self::Slow => "slow",
            Self::StopsReading => "stops-reading",
            Self::ResetInGame => "reset-in-game",
            Self::GoodbyeInGame => "goodbye-in-game",
            Self::LongGoodbye => "long-goodbye",
            Self::Crowd => "crowd",
        }
    }

    /// What the server does, in one sentence.
    pub fn what_happens(self) -> &'static str {
        match self {
            Self::Reset => "Resets every connection as soon as it is accepted.",
            Self::CloseAfterAccept => "Closes every connection as soon as it is accepted.",
            Self::Silent => "Accepts, reads everything, and never answers.",
            Self::Refuse => "Says Goodbye with the reason Full before the hello, and closes.",
            Self::RefuseAndReset => {
                "Says Goodbye with the reason Full before the hello, and resets at once."
            }
            Self::WrongVersion => {
                "Answers the hello with VersionUnsupported, in the words of a later version."
            }
            Self::ResetAfterHello => "Resets the connection as soon as the hello is there.",
            Self::Garbage => "Answers the hello with random bytes, a function of the seed.",
            Self::HalfFrame => "Answers the hello with half of a welcome, and then nothing.",
            Self::CloseMidFrame => "Answers the hello with half of a welcome, and closes.",
            Self::Huge => "Answers the hello with a header that announces four gibibytes.",
            Self::EmptyFrame => "Answers the hello with a header that announces no bytes.",
            Self::UnknownMessage => "Answers the hello with a whole frame that is no message.",
            Self::NoWelcome => "Answers the hello with one Ping after another, never a Welcome.",
            Self::NoTicks => "Welcomes the client, sends nothing more, and answers no ping.",
            Self::Slow => "Plays by the rules, one byte at a time (--pace).",
            Self::StopsReading => "Welcomes the client, sends states, and never reads again.",
            Self::ResetInGame => "Plays by the rules for a while (--after), and then resets.",
            Self::GoodbyeInGame => {
                "Plays by the rules for a while (--after), then says Goodbye with the reason \
                 Shutdown, and closes."
            }
            Self::LongGoodbye => {
                "Like goodbye-in-game, with a text of 200,000 bytes full of control characters."
            }
            Self::Crowd => {
                "Plays, while new players join the room without end, far more than it has seats."
            }
        }
    }

    /// What a good client makes of it, in one sentence.
    pub fn what_a_good_client_does(self) -> &'static str {
        match self {
            Self::Reset | Self::CloseAfterAccept | Self::ResetAfterHello => {
                "Says that the connection was lost, and connects again with growing waits."
            }
            Self::Silent | Self::HalfFrame | Self::NoWelcome => {
                "Gives up within seconds, says that nobody answered, and tries again later."
            }
            Self::Refuse | Self::RefuseAndReset => {
                "Shows the reason, also if a reset comes right behind it, and tries again later."
            }
            Self::WrongVersion => {
                "Reads the version in spite of the rest, names it, and does not try again."
            }
            Self::Garbage | Self::EmptyFrame | Self::UnknownMessage => {
                "Says that the server broke the protocol, closes, and tries again later if at all."
            }
            Self::CloseMidFrame => {
                "Throws the part away, says that the connection was lost, and tries again later."
            }
            Self::Huge => "Refuses the length before it reserves any memory, and closes.",
            Self::NoTicks => "Pings after 2 s, gives up after 6 s, and tries again, ever later.",
            Self::Slow => {
                "Plays while whole messages come in time, and gives up if they do not (--pace 1s)."
            }
            Self::StopsReading => {
                "Bounds what it queues, drops its oldest or newest input, and goes on reading; \
                 gives up when nothing is taken for seconds."
            }
            Self::ResetInGame => {
                "Comes back with the ticket of its welcome, after waits that grow if this repeats."
            }
            Self::GoodbyeInGame => "Shows the reason, and comes back later for a new seat.",
            Self::LongGoodbye => "Shows the beginning of the text, without the control characters.",
            Self::Crowd => "Believes in no more players than there are seats, and closes.",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        let named = Self::ALL.into_iter().find(|mode| mode.name() == text);
        named.ok_or_else(|| UnknownMode(text.to_owned()))
    }
}

/// A text that names no mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMode(pub String);

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Mode::ALL.map(Mode::name).join(", ");
        write!(f, "there is no mode \"{}\"; write all, random, or some of {names}", self.0)
    }
}

impl std::error::Error for UnknownMode {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_mode_has_a_name_of_its_own_that_reads_back() {
        for mode in Mode::ALL {
            assert_eq!(mode.name().parse(), Ok(mode));
            assert_eq!(Mode::ALL[mode as usize], mode, "each is listed once, in order");
        }
        let sentences: BTreeSet<_> = Mode::ALL.map(Mode::what_happens).into_iter().collect();
        assert_eq!(sentences.len(), Mode::ALL.len());
        for mode in Mode::ALL {
            for sentence in [mode.what_happens(), mode.what_a_good_client_does()] {
                assert!(sentence.ends_with('.') && !sentence.contains("  "), "{mode}: {sentence}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_are_known() {
        let error = "vanish".parse::<Mode>().expect_err("no mode").to_string();
        assert!(error.contains("\"vanish\"") && error.contains("half-frame"), "{error}");
    }
}
