//! The numbers by which a browser is told why its WebSocket is closed.
//!
//! Data flow: [`leave`](super::leave) -> **code** -> close frame. Those that RFC 6455 has a meaning
//! for are used with that meaning; all others are 4000 and the position of the reason in
//! [`LeaveReason::LABELS`]. The goodbye in front of the close frame says the same and more.

use super::leave::{LeaveReason, ProtocolFault, Rejection};

/// The conversation is over.
pub const NORMAL: u16 = 1000;

/// The server stops.
pub const GOING_AWAY: u16 = 1001;

/// The rules of WebSockets, or of the protocol on top, were broken.
pub const PROTOCOL: u16 = 1002;

/// A message is longer than is accepted.
pub const TOO_BIG: u16 = 1009;

/// The server has failed.
pub const FAILED: u16 = 1011;

/// The server is full.
pub const TRY_AGAIN_LATER: u16 = 1013;

/// Reasons without a number of their own begin here.
pub const PRIVATE: u16 = 4000;

/// The number for a reason.
pub fn code_of(reason: LeaveReason) -> u16 {
    match reason {
        LeaveReason::Goodbye | LeaveReason::WebClosed => NORMAL,
        LeaveReason::Shutdown => GOING_AWAY,
        LeaveReason::Protocol(ProtocolFault::WebSocket(fault)) => fault.close_code(),
        LeaveReason::Protocol(_) => PROTOCOL,
        LeaveReason::Oversize => TOO_BIG,
        LeaveReason::RoomFailed | LeaveReason::Internal => FAILED,
        LeaveReason::Rejected(Rejection::Full) => TRY_AGAIN_LATER,
        other => PRIVATE + u16::try_from(other.index()).expect("few reasons"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_standard_has_no_number_for_has_one_of_ours() {
        assert_eq!(code_of(LeaveReason::Shutdown), 1001);
        assert_eq!(code_of(LeaveReason::Rejected(Rejection::Full)), 1013);
        assert_eq!(code_of(LeaveReason::Kicked), 4016);
        assert_eq!(code_of(LeaveReason::Replaced), 4017);
    }
}
