//! The ways to leave that the lab offers: those of `gamekeeper-bot --departure`.
//!
//! A table, and nothing else. That its names are those of the bots, and its paragraphs those of the
//! teardown page, is tested where both can be seen.

use crate::limits::Limits;

/// A way to leave.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// As the bots call it.
    pub name: &'static str,
    /// On its button.
    pub label: &'static str,
    /// What happens on the wire, as a sentence.
    pub wire: &'static str,
    /// The paragraph of the teardown page that is about it.
    pub paragraph: &'static str,
    /// With which others it is shown.
    pub group: Group,
    /// Whether only a WebSocket can be left so.
    pub websocket_only: bool,
    /// What the bots need for it.
    pub privilege: Option<&'static str>,
    /// How long the server takes to notice, in milliseconds; at once if there is nothing.
    pub noticed_ms: Option<fn(&Limits) -> u64>,
}

/// What kind of a leave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The kernel tells of it.
    Gone,
    /// Nobody tells of it.
    Silent,
    /// The client is there, and breaks a rule.
    Broken,
}

impl Group {
    /// The name in answers.
    pub fn label(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Silent => "silent",
            Self::Broken => "broken",
        }
    }
}

/// The way to leave of this name.
pub fn find(name: &str) -> Option<&'static Cause> {
    CAUSES.iter().find(|cause| cause.name == name)
}

/// What bots need that have power over their own network.
const CAP_NET_ADMIN: Option<&str> = Some("CAP_NET_ADMIN");

/// One that the server learns of at once, and that needs nothing.
const fn plain(
    group: Group,
    (name, label): (&'static str, &'static str),
    wire: &'static str,
    paragraph: &'static str,
) -> Cause {
    Cause {
        name,
        label,
        wire,
        paragraph,
        group,
        websocket_only: false,
        privilege: None,
        noticed_ms: None,
    }
}

/// All of them, in the order in which they are shown.
pub const CAUSES: &[Cause] = &[
    plain(
        Group::Gone,
        ("close", "FIN"),
        "The socket is closed without a word: a FIN, as when an app is ended.",
        "m02-clean-close",
    ),
    plain(
        Group::Gone,
        ("reset", "Reset"),
        "The connection is cut with an RST: what a crash looks like.",
        "m09-reset",
    ),
    plain(
        Group::Gone,
        ("half-close", "Half-close"),
        "It says that it will send no more, and goes on reading: the same FIN.",
        "m05-half-close",
    ),
    plain(
        Group::Gone,
        ("unread-close", "Dies with unread states"),
        "It closes while states lie unread in its buffer, so its kernel sends an RST.",
        "m11-dies-with-unread-states",
    ),
    plain(
        Group::Gone,
        ("last-words", "Last words"),
        "A few inputs, and an RST right behind them.",
        "m10-data-then-a-reset",
    ),
    plain(
        Group::Gone,
        ("goodbye", "Goodbye"),
        "The polite way: it says goodbye and closes.",
        "m01-goodbye-then-fin",
    ),
    Cause {
        websocket_only: true,
        ..plain(
            Group::Gone,
            ("ws-close", "Leaves the page"),
            "The close frame of a WebSocket, as when a tab is closed.",
            "m54-closes-its-websocket",
        )
    },
    Cause {
        privilege: CAP_NET_ADMIN,
        ..plain(
            Group::Gone,
            ("power-cut", "Power cut"),
            "Its machine is gone; what is sent to it is answered with an RST by another.",
            "m19-the-client-has-rebooted",
        )
    },
    Cause {
        privilege: CAP_NET_ADMIN,
        noticed_ms: Some(|limits| limits.heartbeat_timeout_ms),
        ..plain(
            Group::Silent,
            ("vanish", "Vanishes"),
            "Its network is gone: not even acknowledgements come back.",
            "m22-vanishes-in-the-middle-of-the-stream",
        )
    },
    Cause {
        noticed_ms: Some(|limits| limits.heartbeat_timeout_ms),
        ..plain(
            Group::Silent,
            ("freeze", "Freezes"),
            "Its process stands still; its kernel goes on acknowledging.",
            "m25-its-process-is-frozen",
        )
    },
    Cause {
        noticed_ms: Some(|limits| limits.out_stall_ms),
        ..plain(
            Group::Silent,
            ("stall", "Stalls"),
            "It goes on sending and stops reading, until writes to it find no room.",
            "m26-never-reads",
        )
    },
    Cause {
        noticed_ms: Some(|limits| limits.frame_timeout_ms),
        ..plain(
            Group::Broken,
            ("half-frame", "Half a frame"),
            "A header and half of what it announces, then nothing.",
            "m32-byte-dribble",
        )
    },
    Cause {
        noticed_ms: Some(|limits| limits.frame_timeout_ms),
        ..plain(
            Group::Broken,
            ("trickle", "Trickle"),
            "A frame, a byte at a time, so slowly that it is not complete in time.",
            "m32-byte-dribble",
        )
    },
    plain(
        Group::Broken,
        ("garbage", "Garbage"),
        "A frame that is no message, or none that is allowed.",
        "m34-garbage",
    ),
    plain(
        Group::Broken,
        ("oversize", "Oversize"),
        "The header of a frame of four gibibytes.",
        "m33-oversize-prefix",
    ),
    plain(
        Group::Broken,
        ("flood", "Flood"),
        "Messages as fast as the socket takes them.",
        "m35-flood",
    ),
];
