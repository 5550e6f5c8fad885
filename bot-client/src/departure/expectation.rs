//! What a server should make of a departure: the right reasons, by when, and whether the seat is
//! held.
//!
//! The reasons are those of the server's statistics. They are repeated here as text on purpose: a
//! client that shared the server's types could not notice when they change. They hold for a server
//! with its usual limits, or with limits in the same order.

use std::time::Duration;

use super::{Departure, PlayerState, Transport};
use crate::limits::{FLOODS_FOR, SERVER_ASKS_AFTER, SERVER_HELLO_PATIENCE, SERVER_PATIENCE};

/// How often the server asks a client that speaks whether it also reads, and the part of its
/// patience after which it looks again at what was acknowledged: both come on top of the patience
/// before a reader that has stopped is found.
const SERVER_LOOKS_EVERY: Duration = Duration::from_millis(2_000 + 1_250);

/// What is allowed on top of the server's own deadline: a tick, its timer, and a busy machine.
const SLACK: Duration = Duration::from_secs(2);

impl Departure {
    /// The server's leave reasons that are right for it, the most likely one first; none where it
    /// cannot happen.
    pub fn expected_reasons(
        self,
        state: PlayerState,
        transport: Transport,
    ) -> &'static [&'static str] {
        if !self.can_happen_in(state, transport) {
            return &[];
        }
        match state {
            PlayerState::Lobby => self.expected_of_strangers(transport),
            PlayerState::MidFrame => self.expected_inside_a_frame(transport),
            // Whatever the server knows of its welcome by then, the connection ends for the same
            // reason.
            PlayerState::Match | PlayerState::ResumeWindow => self.expected_of_players(transport),
        }
    }

    fn expected_of_players(self, transport: Transport) -> &'static [&'static str] {
        match self {
            Self::Goodbye => &["goodbye"],
            // A Unix socket knows no reset. What its other end is told depends on whether anything
            // was unread, which is a matter of luck.
            Self::Close | Self::HalfClose | Self::Reset | Self::UnreadClose | Self::LastWords
                if transport == Transport::Unix =>
            {
                &["fin", "reset"]
            }
            Self::Close | Self::HalfClose => &["fin"],
            Self::Reset | Self::UnreadClose | Self::LastWords | Self::PowerCut => &["reset"],
            Self::Stall => &["slow_consumer_time", "slow_consumer_bytes"],
            // A frozen client neither speaks nor reads: whichever is noticed first is right.
            Self::Freeze => &["heartbeat", "slow_consumer_time", "slow_consumer_bytes"],
            // And for one that has vanished the kernel may have waited long enough before that.
            Self::Vanish => {
                &["heartbeat", "slow_consumer_time", "slow_consumer_bytes", "timed_out"]
            }
            Self::HalfFrame | Self::Trickle => &["frame_timeout"],
            Self::Garbage => &["protocol"],
            Self::Oversize => &["oversize"],
            Self::Flood => &["flood"],
            Self::WsClose => &["ws_closed"],
        }
    }

    /// Nothing is sent to a stranger, so nothing that is sent can show that it is gone; but a
    /// server may have its kernel ask whether it is still there, as ours does at about the same
    /// time.
    fn expected_of_strangers(self, transport: Transport) -> &'static [&'static str] {
        match self {
            Self::Freeze | Self::Vanish | Self::HalfFrame | Self::Trickle => &["hello_timeout"],
            Self::PowerCut => &["hello_timeout", "reset"],
            _ => self.expected_of_players(transport),
        }
    }

    fn expected_inside_a_frame(self, transport: Transport) -> &'static [&'static str] {
        match self {
            Self::Close | Self::HalfClose | Self::Reset | Self::UnreadClose | Self::LastWords
                if transport == Transport::Unix =>
            {
                &["fin_midframe", "reset"]
            }
            Self::Close | Self::HalfClose => &["fin_midframe"],
            Self::Vanish => &["frame_timeout", "timed_out"],
            _ => self.expected_of_players(transport),
        }
    }

    /// How long the server may take to notice.
    pub fn noticed_within(self, state: PlayerState) -> Duration {
        let patience = match (self, state) {
            (
                Self::Freeze | Self::Vanish | Self::PowerCut | Self::HalfFrame | Self::Trickle,
                PlayerState::Lobby,
            ) => SERVER_HELLO_PATIENCE,
            (
                Self::Goodbye
                | Self::Close
                | Self::Reset
                | Self::HalfClose
                | Self::UnreadClose
                | Self::LastWords
                | Self::Garbage
                | Self::Oversize
                | Self::WsClose,
                _,
            ) => Duration::ZERO,
            (Self::Flood, _) => FLOODS_FOR,
            // Where no state is sent, the next thing that is sent is a ping.
            (Self::PowerCut, _) => SERVER_ASKS_AFTER,
            (Self::HalfFrame | Self::Trickle, _) => SERVER_PATIENCE,
            (Self::Freeze | Self::Vanish, _) => SERVER_ASKS_AFTER + SERVER_PATIENCE,
            (Self::Stall, _) => SERVER_LOOKS_EVERY + SERVER_PATIENCE,
        };
        patience + SLACK
    }

    /// Whether a server that holds seats holds this one: there is one, the connection is lost, and
    /// nobody has said or done anything against the player.
    pub fn holds_seat(self, state: PlayerState) -> bool {
        let innocent = match self {
            Self::Close
            | Self::Reset
            | Self::HalfClose
            | Self::UnreadClose
            | Self::LastWords
            | Self::Stall
            | Self::Freeze
            | Self::Vanish
            | Self::PowerCut
            | Self::HalfFrame
            | Self::Trickle
            | Self::WsClose => true,
            Self::Goodbye | Self::Garbage | Self::Oversize | Self::Flood => false,
        };
        innocent && state != PlayerState::Lobby
    }

    /// Whether it is something that only a WebSocket has.
    pub fn needs_websocket(self) -> bool {
        self == Self::WsClose
    }

    /// Whether a bot that stands there can leave in this way, and it is something of its own.
    ///
    /// - A stranger has nothing to take leave of and no game to speak in, and nothing is sent to it
    ///   that it could leave unread. There is nothing but a hello that it may say, so it cannot
    ///   flood either.
    /// - Inside a frame nothing else can be said: only ways of ending remain. Freezing there is
    ///   [`Departure::HalfFrame`].
    /// - Who has not read its welcome has nothing to play, so stalling is freezing then.
    /// - A Unix socket has no network between its ends that could fail.
    /// - Only a WebSocket can be closed as one.
    pub fn can_happen_in(self, state: PlayerState, transport: Transport) -> bool {
        let in_state = match state {
            PlayerState::Match => true,
            PlayerState::ResumeWindow => self != Self::Stall,
            PlayerState::Lobby => !matches!(
                self,
                Self::Goodbye | Self::UnreadClose | Self::LastWords | Self::Stall | Self::Flood
            ),
            PlayerState::MidFrame => matches!(
                self,
                Self::Close
                    | Self::Reset
                    | Self::HalfClose
                    | Self::UnreadClose
                    | Self::LastWords
                    | Self::Vanish
                    | Self::PowerCut
            ),
        };
        let has_network = transport != Transport::Unix || self.needs().is_none();
        let has_frames = transport == Transport::Ws || !self.needs_websocket();
        in_state && has_network && has_frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever can happen has a right reason, and nothing else has one.
    #[test]
    fn there_are_reasons_for_what_can_happen() {
        for departure in Departure::ALL {
            for state in PlayerState::ALL {
                for transport in [Transport::Tcp, Transport::Unix, Transport::Ws] {
                    let reasons = departure.expected_reasons(state, transport);
                    let possible = departure.can_happen_in(state, transport);
                    assert_eq!(!reasons.is_empty(), possible, "{departure} {state}");
                }
                assert!(departure.noticed_within(state) >= SLACK);
                assert!(!(state == PlayerState::Lobby && departure.holds_seat(state)));
            }
            assert!(departure.can_happen_in(PlayerState::Match, Transport::Ws));
            let over_tcp = departure.can_happen_in(PlayerState::Match, Transport::Tcp);
            assert_eq!(over_tcp, !departure.needs_websocket(), "{departure}");
        }
    }

    #[test]
    fn the_state_decides_the_reason() {
        let reasons =
            |departure: Departure, state| departure.expected_reasons(state, Transport::Tcp);
        use PlayerState::{Lobby, Match, MidFrame, ResumeWindow};
        assert_eq!(reasons(Departure::Close, Match), ["fin"]);
        assert_eq!(reasons(Departure::Close, MidFrame), ["fin_midframe"]);
        assert_eq!(reasons(Departure::Close, Lobby), ["fin"]);
        assert_eq!(reasons(Departure::Freeze, Lobby), ["hello_timeout"]);
        assert_eq!(reasons(Departure::PowerCut, Lobby), ["hello_timeout", "reset"]);
        assert_eq!(reasons(Departure::PowerCut, ResumeWindow), ["reset"]);
        assert_eq!(reasons(Departure::Vanish, MidFrame)[0], "frame_timeout");
        let closed = Departure::WsClose.expected_reasons(Lobby, Transport::Ws);
        assert_eq!(closed, ["ws_closed"]);
    }
}
