//! The bytes that misbehaving departures send last.
//!
//! Departure, state, seed -> **bytes** -> socket. Pure: the same bot says the same nonsense on
//! every machine.

mod web;

pub(super) use web::web_nonsense;

use gamekeeper_protocol::{
    ClientMessage, Hello, InputSequence,
    codec::Bytes,
    limits::{CLIENT_FRAME_BYTES_MAX, FRAME_HEADER_BYTES, HELLO_FRAME_BYTES_MAX},
};

use super::{BotId, FleetConfig};
use crate::{
    departure::{Departure, PlayerState},
    dice::{Dice, Purpose},
};

/// Bytes of the input in a frame that is never finished.
const UNFINISHED_INPUT_BYTES: usize = 64;

/// Longest random part of a frame of garbage, in bytes: short enough for a first frame.
const GARBAGE_BYTES_MAX: u32 = 200;

/// Messages that clients have are numbered from 0 below this.
const FIRST_UNKNOWN_MESSAGE: u8 = 5;

/// Numbers below this are a single byte in the encoding.
const SINGLE_BYTE_BELOW: u8 = 251;

/// A byte that begins no number in the encoding and no character in UTF-8.
const NOTHING: u8 = 0xff;

/// The bytes that a departure sends last, behind everything that was said before.
pub(super) fn nonsense(
    departure: Departure,
    state: PlayerState,
    bot: BotId,
    config: &FleetConfig,
) -> Vec<u8> {
    match departure {
        Departure::Trickle => {
            // All but the last byte: a server with more patience than usual must not get it either.
            let mut frame = whole_frame(state, bot, config);
            frame.pop();
            frame
        }
        Departure::HalfFrame => half_frame(state, bot, config),
        Departure::Garbage => {
            let mut dice = Dice::new(config.seed, bot.0, Purpose::Nonsense);
            let kind = Garbage::ALL[dice.below(Garbage::ALL.len() as u32) as usize];
            kind.frame(state, &mut dice)
        }
        Departure::Oversize => vec![NOTHING; 16],
        _ if state == PlayerState::MidFrame => half_frame(state, bot, config),
        Departure::Goodbye
        | Departure::Close
        | Departure::Reset
        | Departure::HalfClose
        | Departure::UnreadClose
        | Departure::LastWords
        | Departure::Stall
        | Departure::Freeze
        | Departure::Vanish
        | Departure::PowerCut
        | Departure::Flood
        | Departure::WsClose => Vec::new(),
    }
}

/// A well-formed frame that may come in this state.
fn whole_frame(state: PlayerState, bot: BotId, config: &FleetConfig) -> Vec<u8> {
    match state {
        PlayerState::Lobby => {
            let name = format!("{}-{bot}", config.name_prefix);
            frame_of(&ClientMessage::Hello(Hello::new(&config.game, &name)))
        }
        PlayerState::Match | PlayerState::MidFrame | PlayerState::ResumeWindow => {
            let body = Bytes(&[0; UNFINISHED_INPUT_BYTES]);
            frame_of(&ClientMessage::Input { sequence: InputSequence(1), body })
        }
    }
}

/// The header and half of the body of a well-formed frame.
fn half_frame(state: PlayerState, bot: BotId, config: &FleetConfig) -> Vec<u8> {
    let mut frame = whole_frame(state, bot, config);
    frame.truncate(FRAME_HEADER_BYTES + (frame.len() - FRAME_HEADER_BYTES) / 2);
    frame
}

/// What can be wrong with a message in a frame that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Garbage {
    /// It does not even begin with a number.
    NotANumber,
    /// Its number is not that of a message.
    UnknownMessage,
    /// Something follows the message.
    TrailingBytes,
    /// Something of the message is missing.
    CutShort,
    /// It is a message, but it must not come now: a second hello, or anything before the first.
    OutOfPlace,
    /// A text in it is not UTF-8.
    NotUtf8,
    /// There is no message in it.
    Empty,
}

impl Garbage {
    const ALL: [Self; 7] = [
        Self::NotANumber,
        Self::UnknownMessage,
        Self::TrailingBytes,
        Self::CutShort,
        Self::OutOfPlace,
        Self::NotUtf8,
        Self::Empty,
    ];

    /// A frame with this fault.
    fn frame(self, state: PlayerState, dice: &mut Dice) -> Vec<u8> {
        let hello = ClientMessage::Hello(Hello::new("", "nobody"));
        let before_hello = state == PlayerState::Lobby;
        let right = if before_hello { &hello } else { &ClientMessage::Ping { nonce: 1 } };
        let wrong = if before_hello { &ClientMessage::Ping { nonce: 1 } } else { &hello };
        match self {
            Self::NotANumber => framed(&[&[NOTHING], &random(dice)[..]].concat()),
            Self::UnknownMessage => {
                let unknown = SINGLE_BYTE_BELOW - FIRST_UNKNOWN_MESSAGE;
                let number = FIRST_UNKNOWN_MESSAGE + dice.below(unknown.into()) as u8;
                framed(&[&[number], &random(dice)[..]].concat())
            }
            Self::TrailingBytes => framed(&[body_of(right), random(dice)].concat()),
            Self::CutShort => {
                let mut body = body_of(right);
                body.pop();
                framed(&body)
            }
            Self::OutOfPlace => frame_of(wrong),
            Self::NotUtf8 => {
                let mut frame = frame_of(&hello);
                let name = frame.windows(6).position(|bytes| bytes == b"nobody");
                frame[name.expect("the name is in the hello")] = NOTHING;
                frame
            }
            Self::Empty => framed(&[]),
        }
    }
}

fn random(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = vec![0; 1 + dice.below(GARBAGE_BYTES_MAX) as usize];
    dice.fill(&mut bytes);
    bytes
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes(), body].concat()
}

fn frame_of(message: &ClientMessage<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    message.encode(&mut frame).expect("short messages, and hellos of checked names, fit a frame");
    frame
}

fn body_of(message: &ClientMessage<'_>) -> Vec<u8> {
    frame_of(message).split_off(FRAME_HEADER_BYTES)
}

const _: () = {
    // A hello, or a number, and a random part behind it.
    assert!(GARBAGE_BYTES_MAX as usize + 32 <= HELLO_FRAME_BYTES_MAX);
    assert!(UNFINISHED_INPUT_BYTES + 16 <= CLIENT_FRAME_BYTES_MAX);
};

#[cfg(test)]
mod tests {
    use gamekeeper_protocol::{FrameDecoder, FrameError, message::hello_version};

    use super::*;
    use crate::fleet::Endpoint;

    fn config() -> FleetConfig {
        FleetConfig::new("127.0.0.1:1".parse::<Endpoint>().expect("an address"))
    }

    /// Nothing of it is a message that may come at that point, and a first frame is not too long to
    /// be one.
    #[test]
    fn garbage_is_garbage_and_there_is_every_kind_of_it() {
        for state in PlayerState::ALL {
            let mut firsts = std::collections::BTreeSet::new();
            for bot in 0..500 {
                let garbage = nonsense(Departure::Garbage, state, BotId(bot), &config());
                let limit = if state == PlayerState::Lobby {
                    HELLO_FRAME_BYTES_MAX
                } else {
                    CLIENT_FRAME_BYTES_MAX
                };
                let frame = FrameDecoder::new(limit).next_frame(&mut &garbage[..]).map(|frame| {
                    let frame = frame.expect("a whole frame");
                    (ClientMessage::decode(frame).is_ok(), hello_version(frame).is_some())
                });
                let in_place = match frame {
                    Ok((is_message, is_hello)) => {
                        is_message && is_hello == (state == PlayerState::Lobby)
                    }
                    Err(error) => {
                        assert_eq!(error, FrameError::Empty);
                        false
                    }
                };
                assert!(!in_place, "bot {bot}");
                firsts.insert(garbage.get(4).copied());
            }
            assert!(firsts.len() > 10, "many kinds: {firsts:?}");
        }
        for kind in Garbage::ALL {
            let mut dice = Dice::new(1, 1, Purpose::Nonsense);
            let frames = PlayerState::ALL.map(|state| kind.frame(state, &mut dice));
            assert!(frames.iter().all(|frame| frame.len() >= FRAME_HEADER_BYTES), "{kind:?}");
        }
    }

    #[test]
    fn what_is_unfinished_is_the_beginning_of_something_good() {
        for state in PlayerState::ALL {
            let whole = whole_frame(state, BotId(7), &config());
            assert!(ClientMessage::decode(&whole[FRAME_HEADER_BYTES..]).is_ok());
            for departure in [Departure::HalfFrame, Departure::Trickle] {
                let part = nonsense(departure, state, BotId(7), &config());
                assert!(whole.starts_with(&part) && part.len() < whole.len(), "{departure}");
                assert!(part.len() > FRAME_HEADER_BYTES, "{departure}");
            }
        }
        let half = nonsense(Departure::Close, PlayerState::MidFrame, BotId(7), &config());
        let mut decoder = FrameDecoder::new(CLIENT_FRAME_BYTES_MAX);
        assert_eq!(decoder.next_frame(&mut &half[..]), Ok(None));
        assert!(decoder.is_mid_frame());
    }

    #[test]
    fn oversize_is_more_than_anybody_accepts() {
        let oversize = nonsense(Departure::Oversize, PlayerState::Match, BotId(0), &config());
        let refused =
            FrameDecoder::new(CLIENT_FRAME_BYTES_MAX).next_frame(&mut &oversize[..]).err();
        assert!(matches!(refused, Some(FrameError::Oversize { announced_bytes: u32::MAX, .. })));
    }
}
