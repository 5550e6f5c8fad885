//! The kinds of clients: what each does that an honest one does not.

use super::Reasons;

/// What a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Plays, reads and answers, and never leaves.
    Honest,
    /// The same, but it takes up to half a second to answer.
    Laggard,
    /// Says goodbye.
    GoodbyeSayer,
    /// Is gone, by a close, a reset or a half-close.
    Crasher,
    /// Neither reads nor writes any more.
    Sleeper,
    /// Speaks and does not read.
    Staller,
    /// Sends a few bytes at a time, and is honest.
    Dribbler,
    /// Stops in the middle of a frame and goes on just in time, and is honest.
    Hesitator,
    /// Begins a frame and does not finish it.
    HalfFramer,
    /// Says far more than anybody may.
    Flooder,
    /// Sends what is no message.
    Liar,
    /// Does what its game does not forgive.
    Offender,
    /// Lies, and then goes on sending and never closes.
    Zombie,
    /// Takes over from itself over a second connection.
    Twin,
    /// Is gone, and comes back with its ticket.
    Resumer,
    /// Comes with a ticket that somebody has used.
    Thief,
    /// Connects and says nothing.
    Mute,
    /// Plays a game that panics.
    Bomber,
}

impl Kind {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 18] = [
        (Self::Honest, "honest"),
        (Self::Laggard, "laggard"),
        (Self::GoodbyeSayer, "goodbye-sayer"),
        (Self::Crasher, "crasher"),
        (Self::Sleeper, "sleeper"),
        (Self::Staller, "staller"),
        (Self::Dribbler, "dribbler"),
        (Self::Hesitator, "hesitator"),
        (Self::HalfFramer, "half-framer"),
        (Self::Flooder, "flooder"),
        (Self::Liar, "liar"),
        (Self::Offender, "offender"),
        (Self::Zombie, "zombie"),
        (Self::Twin, "twin"),
        (Self::Resumer, "resumer"),
        (Self::Thief, "thief"),
        (Self::Mute, "mute"),
        (Self::Bomber, "bomber"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether it does the same from beginning to end.
    pub(super) fn does_nothing(self) -> bool {
        use Kind::{Bomber, Dribbler, Hesitator, Honest, Laggard, Thief};
        matches!(self, Honest | Laggard | Dribbler | Hesitator | Thief | Bomber)
    }

    /// Whether it never ceases to read.
    pub(super) fn reads_on(self) -> bool {
        !matches!(self, Self::Sleeper | Self::Staller | Self::Zombie)
    }

    /// Whether the server must end its connection after what it has done, because it does not do
    /// so itself.
    pub(super) fn is_ended_by_the_server(self) -> bool {
        matches!(
            self,
            Self::Sleeper
                | Self::Staller
                | Self::HalfFramer
                | Self::Flooder
                | Self::Liar
                | Self::Offender
                | Self::Zombie
                | Self::Mute
        )
    }

    /// For which reasons the server may end its connection, once it has done what it does.
    pub(super) fn consequences(self) -> Reasons {
        Reasons::of(match self {
            Self::Honest | Self::Laggard | Self::Dribbler | Self::Hesitator => &[],
            Self::GoodbyeSayer => &["goodbye", "fin", "reset"],
            Self::Crasher => {
                &["fin", "fin_midframe", "reset", "heartbeat", "frame_timeout", "ws_closed"]
            }
            // It may be back before the server has seen that it was gone.
            Self::Resumer => &[
                "fin",
                "fin_midframe",
                "reset",
                "heartbeat",
                "frame_timeout",
                "replaced",
                "ws_closed",
            ],
            Self::Sleeper => &[
                "hello_timeout",
                "heartbeat",
                "frame_timeout",
                "slow_consumer_time",
                "slow_consumer_bytes",
            ],
            Self::Staller => {
                &["slow_consumer_time", "slow_consumer_bytes", "heartbeat", "frame_timeout"]
            }
            // It has said something just before, so nothing else can come first.
            Self::HalfFramer => &["frame_timeout"],
            Self::Flooder => &[
                "flood",
                "heartbeat",
                "frame_timeout",
                "slow_consumer_time",
                "slow_consumer_bytes",
            ],
            Self::Liar | Self::Zombie => &["protocol", "oversize"],
            Self::Offender => &["kicked"],
            Self::Twin => &["replaced"],
            Self::Thief => &["rejected"],
            Self::Mute => &["hello_timeout"],
            Self::Bomber => &["room_failed"],
        })
    }
}
