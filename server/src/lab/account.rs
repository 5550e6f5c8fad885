//! What happened at the end of a connection, in words and with the paragraph that explains it.
//!
//! Data flow: [`Departure`] -> **`Account`** -> an entry of the lab's page. It says no more than
//! reason, path and exit do: these are what the server has found out and what it did.

use serde::Serialize;

use crate::{
    client::leave::{Exit, Leave, LeavePath, LeaveReason},
    hub::departures::Departure,
};

/// The end of a connection, told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// What the kernel reported.
    pub kernel: &'static str,
    /// How the server noticed.
    pub noticed: &'static str,
    /// What it did.
    pub done: String,
    /// The paragraph of the teardown page.
    pub paragraph: &'static str,
}

impl Account {
    /// The account of a departure.
    pub fn of(departure: &Departure) -> Self {
        let leave = departure.leave;
        Self {
            kernel: kernel(leave),
            noticed: noticed(leave.path),
            done: done(departure),
            paragraph: paragraph(leave),
        }
    }
}

fn kernel(leave: Leave) -> &'static str {
    use LeavePath::{Event, Write};
    use LeaveReason as Why;
    match (leave.reason, leave.path) {
        (Why::Fin | Why::FinMidframe, Event) => {
            "the poll said that the peer has closed (EPOLLRDHUP), and a read returned 0"
        }
        (Why::Fin | Why::FinMidframe, Write) => {
            "the write failed with EPIPE: a FIN had come before, and then an RST"
        }
        (Why::Fin | Why::FinMidframe, _) => "a read returned 0",
        (Why::Reset, Event) => {
            "the poll said that the connection is broken (EPOLLERR, EPOLLHUP), and a read failed \
             with ECONNRESET"
        }
        (Why::Reset, Write) => "the write failed with ECONNRESET",
        (Why::Reset, _) => "a read failed with ECONNRESET",
        (Why::TimedOut, _) => "ETIMEDOUT: what was sent was never acknowledged",
        (Why::Unreachable, _) => "an error that says that no way leads to the peer",
        (Why::Aborted, _) => "an error that says that the connection was destroyed on our side",
        (Why::SlowConsumerTime | Why::SlowConsumerBytes, _) => {
            "that the socket takes no more bytes (EAGAIN); for it the connection lives"
        }
        (Why::Heartbeat | Why::HelloTimeout | Why::FrameTimeout, _) => {
            "nothing: for it the connection lives"
        }
        (
            Why::Goodbye
            | Why::Oversize
            | Why::Flood
            | Why::Protocol(_)
            | Why::Rejected(_)
            | Why::Served
            | Why::WebClosed,
            _,
        ) => "only that there are bytes to read",
        (Why::Kicked | Why::Replaced | Why::Shutdown | Why::RoomFailed | Why::Internal, _) => {
            "nothing: the connection was fine"
        }
    }
}

fn noticed(path: LeavePath) -> &'static str {
    match path {
        LeavePath::Event => "by the poll, before anything was written to it",
        LeavePath::Read => "by reading",
        LeavePath::Write => "by a write that failed: it went after the last look",
        LeavePath::Timer => "by a deadline",
        LeavePath::Accept => "when it was accepted",
        LeavePath::App => "the server or the game decided it",
    }
}

fn done(departure: &Departure) -> String {
    let socket = match (departure.exit, departure.leave.reason) {
        (Exit::Plain, _) => "its socket was closed at once",
        (Exit::Reset, _) => "its socket was reset: the kernel lets go of what waited for it",
        (Exit::Linger, LeaveReason::Served) => "it is sent the file, and then our half is shut",
        (Exit::Linger, LeaveReason::Goodbye | LeaveReason::WebClosed) => {
            "its close is answered, our half is shut, and its end is waited for, but not for ever"
        }
        (Exit::Linger, _) => {
            "it is told why, our half is shut, and what it still says is dropped, until it has \
             heard that or a deadline passes"
        }
    };
    let seat = match (departure.place, departure.seat_held) {
        (None, _) => "",
        (Some(_), true) => "; its seat is held for a while",
        (Some(_), false) if departure.leave.reason == LeaveReason::Replaced => {
            "; its seat is its other connection's"
        }
        (Some(_), false) => "; its seat is free",
    };
    format!("{socket}{seat}")
}

pub(super) fn paragraph(leave: Leave) -> &'static str {
    match (leave.reason, leave.path) {
        (LeaveReason::Goodbye, _) => "m01-goodbye-then-fin",
        (LeaveReason::Fin, LeavePath::Write) => "m06-half-close-later-a-full-close",
        (LeaveReason::Fin, _) => "m02-clean-close",
        (LeaveReason::FinMidframe, _) => "m04-fin-inside-a-frame",
        (LeaveReason::Reset, LeavePath::Write) => "m16-gone-between-the-look-and-the-write",
        (LeaveReason::Reset, _) => "m09-reset",
        (LeaveReason::TimedOut, _) => "m22-vanishes-in-the-middle-of-the-stream",
        (LeaveReason::Unreachable, _) => "m23-no-way-leads-to-it",
        (LeaveReason::Aborted, _) => "m18-killed-by-an-administrator",
        (LeaveReason::HelloTimeout, _) => "m31-connects-and-says-nothing",
        (LeaveReason::FrameTimeout, _) => "m32-byte-dribble",
        (LeaveReason::Heartbeat, _) => "m21-vanishes-without-a-word",
        (LeaveReason::SlowConsumerBytes, _) => "m48-cascade",
        (LeaveReason::SlowConsumerTime, _) => "m26-never-reads",
        (LeaveReason::Oversize, _) => "m33-oversize-prefix",
        (LeaveReason::Flood, _) => "m35-flood",
        (LeaveReason::Protocol(_), _) => "m34-garbage",
        // Whoever is turned away has not left; the list is the best that there is.
        (LeaveReason::Rejected(_), _) => "the-catalogue",
        (LeaveReason::Kicked, _) => "m42-kick-with-notice",
        (LeaveReason::Replaced, _) => "m38-the-same-player-twice",
        (LeaveReason::Shutdown, _) => "m45-the-server-stops",
        (LeaveReason::RoomFailed | LeaveReason::Internal, _) => "m46-a-bug-of-the-game",
        (LeaveReason::Served, _) => "m63-asks-for-the-page",
        (LeaveReason::WebClosed, _) => "m54-closes-its-websocket",
    }
}
