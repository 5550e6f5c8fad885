//! The same nonsense over a WebSocket, and what only browsers can get wrong.
//!
//! Departure, state, seed -> **bytes** -> socket. Pure, as its parent is.

use tungstenite::protocol::{
    CloseFrame,
    frame::{
        Frame,
        coding::{CloseCode, Data, OpCode},
    },
};

use super::{Garbage, NOTHING, whole_frame};
use crate::{
    departure::{Departure, PlayerState},
    dice::{Dice, Purpose},
    fleet::{BotId, FleetConfig},
};
use gamekeeper_protocol::limits::FRAME_HEADER_BYTES;

/// The opcode of a binary message, in one piece.
const BINARY: u8 = 0x82;

/// The opcode of a frame that continues a message, the last one of it.
const CONTINUATION: u8 = 0x80;

/// A length of 64 bits follows, and a mask.
const LONG_AND_MASKED: u8 = 0xff;

/// The header of a masked frame of at most 125 bytes.
const SHORT_HEADER_BYTES: usize = 6;

/// The bytes that a departure sends last over a WebSocket, behind everything that was said before.
pub(in crate::fleet) fn web_nonsense(
    departure: Departure,
    state: PlayerState,
    bot: BotId,
    config: &FleetConfig,
) -> Vec<u8> {
    let mut dice = Dice::new(config.seed, bot.0, Purpose::Nonsense);
    match departure {
        Departure::Trickle => {
            let mut frame = whole_message(state, bot, config, &mut dice);
            frame.pop();
            frame
        }
        Departure::HalfFrame => half_message(state, bot, config, &mut dice),
        Departure::Garbage => garbage(state, &mut dice),
        Departure::Oversize => {
            let length = u64::from(u32::MAX).to_be_bytes();
            [&[BINARY, LONG_AND_MASKED], &length[..], &mask(&mut dice)].concat()
        }
        _ if state == PlayerState::MidFrame => half_message(state, bot, config, &mut dice),
        Departure::Goodbye => close(CloseCode::Normal, &mut dice),
        Departure::WsClose => close(CloseCode::Away, &mut dice),
        Departure::Close
        | Departure::Reset
        | Departure::HalfClose
        | Departure::UnreadClose
        | Departure::LastWords
        | Departure::Stall
        | Departure::Freeze
        | Departure::Vanish
        | Departure::PowerCut
        | Departure::Flood => Vec::new(),
    }
}

fn mask(dice: &mut Dice) -> [u8; 4] {
    let mut mask = [0; 4];
    dice.fill(&mut mask);
    mask
}

/// A frame as a browser sends it.
fn masked(mut frame: Frame, dice: &mut Dice) -> Vec<u8> {
    frame.header_mut().mask = Some(mask(dice));
    let mut bytes = Vec::new();
    frame.format(&mut bytes).expect("a write to memory does not fail");
    bytes
}

/// The body of a native frame as a binary message.
fn message(frame: &[u8], dice: &mut Dice) -> Vec<u8> {
    let body = frame[FRAME_HEADER_BYTES..].to_vec();
    masked(Frame::message(body, OpCode::Data(Data::Binary), true), dice)
}

fn close(code: CloseCode, dice: &mut Dice) -> Vec<u8> {
    masked(Frame::close(Some(CloseFrame { code, reason: "".into() })), dice)
}

/// A well-formed message that may come in this state.
fn whole_message(state: PlayerState, bot: BotId, config: &FleetConfig, dice: &mut Dice) -> Vec<u8> {
    message(&whole_frame(state, bot, config), dice)
}

/// The header and half of the body of a well-formed message.
fn half_message(state: PlayerState, bot: BotId, config: &FleetConfig, dice: &mut Dice) -> Vec<u8> {
    let mut message = whole_message(state, bot, config, dice);
    message.truncate(SHORT_HEADER_BYTES + (message.len() - SHORT_HEADER_BYTES) / 2);
    message
}

/// What is no frame of a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BadFrame {
    /// Bits are set that mean nothing.
    NoFrame,
    /// It has no mask.
    Unmasked,
    /// It is text.
    Text,
    /// It continues a message that has not begun.
    LoneContinuation,
}

impl BadFrame {
    const ALL: [Self; 4] = [Self::NoFrame, Self::Unmasked, Self::Text, Self::LoneContinuation];

    fn bytes(self, dice: &mut Dice) -> Vec<u8> {
        match self {
            Self::NoFrame => vec![NOTHING; 16],
            Self::Unmasked => vec![BINARY, 1, NOTHING],
            Self::Text => masked(Frame::message("hello", OpCode::Data(Data::Text), true), dice),
            Self::LoneContinuation => [&[CONTINUATION, 0x81], &mask(dice)[..], &[NOTHING]].concat(),
        }
    }
}

/// A message that is none, as over TCP, or something that is no frame.
fn garbage(state: PlayerState, dice: &mut Dice) -> Vec<u8> {
    let drawn = dice.below((Garbage::ALL.len() + BadFrame::ALL.len()) as u32) as usize;
    match Garbage::ALL.get(drawn) {
        Some(kind) => {
            let frame = kind.frame(state, dice);
            message(&frame, dice)
        }
        None => BadFrame::ALL[drawn - Garbage::ALL.len()].bytes(dice),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io::Cursor};

    use gamekeeper_protocol::{
        ClientMessage,
        limits::{CLIENT_FRAME_BYTES_MAX, HELLO_FRAME_BYTES_MAX},
        message::hello_version,
    };
    use tungstenite::{
        Error, Message, WebSocket,
        error::CapacityError,
        protocol::{Role, WebSocketConfig},
    };

    use super::*;
    use crate::fleet::Endpoint;

    fn config() -> FleetConfig {
        FleetConfig::new("127.0.0.1:1".parse::<Endpoint>().expect("an address"))
    }

    fn said(departure: Departure, state: PlayerState, bot: u32) -> Vec<u8> {
        web_nonsense(departure, state, BotId(bot), &config())
    }

    /// What a server reads that does not answer. An end of the bytes is the end of the stream.
    fn read(bytes: Vec<u8>) -> Result<Message, Error> {
        let limits = WebSocketConfig::default().max_frame_size(Some(CLIENT_FRAME_BYTES_MAX));
        WebSocket::from_raw_socket(Cursor::new(bytes), Role::Server, Some(limits)).read()
    }

    fn is_cut(outcome: &Result<Message, Error>) -> bool {
        use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
        matches!(outcome, Err(Error::Protocol(ResetWithoutClosingHandshake)))
    }

    /// Nothing of it is a message that may come at that point; and there are bad frames and bad
    /// messages.
    #[test]
    fn garbage_is_garbage_and_there_is_every_kind_of_it() {
        for state in PlayerState::ALL {
            let mut kinds = BTreeSet::new();
            for bot in 0..500 {
                let kind = match read(said(Departure::Garbage, state, bot)) {
                    Ok(Message::Binary(body)) => {
                        let is_message = ClientMessage::decode(&body).is_ok();
                        let is_hello = hello_version(&body).is_some();
                        let in_place = is_message && is_hello == (state == PlayerState::Lobby);
                        assert!(!in_place, "bot {bot} {state}");
                        assert!(body.len() <= HELLO_FRAME_BYTES_MAX);
                        format!("body {}", is_message)
                    }
                    Ok(Message::Text(_)) => "text".to_owned(),
                    Ok(other) => panic!("{other:?} is right"),
                    Err(error) => error.to_string(),
                };
                kinds.insert(kind);
            }
            assert_eq!(kinds.len(), 6, "{kinds:?}");
        }
    }

    #[test]
    fn what_is_unfinished_is_the_beginning_of_something_good() {
        for state in PlayerState::ALL {
            for departure in [Departure::HalfFrame, Departure::Trickle] {
                let part = said(departure, state, 7);
                assert!(part.len() > SHORT_HEADER_BYTES, "{departure}");
                assert!(is_cut(&read(part.clone())), "{departure}");
                let mut dice = Dice::new(config().seed, 7, Purpose::Nonsense);
                let whole = whole_message(state, BotId(7), &config(), &mut dice);
                assert!(whole.starts_with(&part) && whole.len() > part.len());
                let message = read(whole).expect("a message").into_data();
                assert!(ClientMessage::decode(&message).is_ok());
            }
        }
        assert!(is_cut(&read(said(Departure::Close, PlayerState::MidFrame, 7))));
    }

    #[test]
    fn who_closes_says_so_and_what_is_too_long_is_too_long() {
        for (departure, code) in [(Departure::Goodbye, 1000), (Departure::WsClose, 1001)] {
            match read(said(departure, PlayerState::Match, 0)) {
                Ok(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), code),
                other => panic!("{departure}: {other:?}"),
            }
        }
        let long = read(said(Departure::Oversize, PlayerState::Match, 0));
        let too_long = matches!(
            long,
            Err(Error::Capacity(CapacityError::MessageTooLong { size, .. }))
                if size == u32::MAX as usize
        );
        assert!(too_long, "{long:?}");
        assert!(said(Departure::Reset, PlayerState::Match, 0).is_empty());
    }
}
