//! What clients say while they play, and in which pieces.
//!
//! Part of [`Agent`].

use std::{io, time::Duration};

use gamekeeper_bot::{clock::Moment, connection::Operation};
use gamekeeper_protocol::{
    codec::encode_value,
    games::{arena, noughts},
};

use super::{
    Kind,
    agent::{Agent, Link, Scene},
};
use crate::sim::{
    dice::Dice,
    games::UNFORGIVABLE,
    kernel::{Side, tcp::Outcome},
};

/// Which game a client plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Playing {
    /// The one whose every word can be checked.
    Echo,
    /// The one that panics.
    Bomb,
    Arena,
    Noughts,
    Benchmark,
}

impl Playing {
    /// Mostly the one that can be checked.
    pub(super) fn draw(dice: &mut Dice, kind: Kind, others: bool, far: bool) -> Self {
        match kind {
            Kind::Bomber => Self::Bomb,
            Kind::Offender => Self::Echo,
            _ if !others || dice.chance(50_000) => Self::Echo,
            // What the benchmark says does not fit through a long line with little room at its end.
            _ if far => *dice.pick(&[Self::Arena, Self::Noughts]),
            _ => *dice.pick(&[Self::Arena, Self::Noughts, Self::Benchmark]),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Bomb => "bomb",
            Self::Arena => "arena",
            Self::Noughts => "noughts",
            Self::Benchmark => "benchmark",
        }
    }

    /// An input that this game understands.
    pub(super) fn input(self, dice: &mut Dice) -> Vec<u8> {
        let mut body = Vec::new();
        let mut byte = || u8::try_from(dice.between(0, 255)).expect("a byte");
        match self {
            Self::Echo | Self::Bomb => encode_value(&0_u32, &mut body),
            Self::Arena => {
                let [move_x, move_y] = [byte(), byte()].map(u8::cast_signed);
                let (aim, fire) = (byte(), byte() > 100);
                encode_value(&arena::Input { move_x, move_y, aim, fire }, &mut body)
            }
            // One cell in ten does not exist.
            Self::Noughts => encode_value(&noughts::Input { cell: byte() % 10 }, &mut body),
            Self::Benchmark => return vec![7; 16],
        }
        .expect("small values");
        body
    }
}

/// The server waits 700 ms for the rest of a frame, from the turn in which it has seen its
/// beginning. (If that turn itself is held up, the time begins before that.)
const HESITATES_MS: [u64; 2] = [600, 690];

/// The same, if the server may not hear it at once. If it may also be held up, nobody hesitates.
const HESITATES_SHORTLY_MS: [u64; 2] = [100, 300];

/// For so long after that nothing is late.
const RECOVERS: Duration = Duration::from_millis(1_500);

impl Agent {
    pub(super) fn speak(&mut self, link: &mut Link, scene: &mut Scene<'_>) {
        let now = scene.kernel.now();
        let moment = Moment(now.as_nanos());
        if !link.speaks {
            return;
        }
        if link.session.next_timeout().is_some_and(|at| at <= moment) && link.reads {
            link.session.handle_timeout(moment);
        }
        if link.joined && now >= link.input_at && link.session.ended().is_none() {
            self.play(link, scene);
        }
        if link.hesitates_until.take_if(|until| now >= *until).is_some() {
            link.hesitates_at = now + RECOVERS;
        }
        if link.web.is_some() && !link.only_babbles {
            link.take_words();
        }
        while let Some(bytes) = self.next_piece(link, scene) {
            match scene.kernel.write(link.conn, Side::Client, &bytes) {
                Outcome::Bytes(count) if link.babble.is_empty() => link.session.advance(count),
                Outcome::Bytes(count) => _ = link.babble.drain(..count),
                Outcome::WouldBlock | Outcome::Eof => break,
                Outcome::Failed(errno) => {
                    let error = io::Error::from_raw_os_error(errno.0);
                    link.session.handle_error(Operation::Write, &error);
                    link.babble.clear();
                }
            }
            if self.kind == Kind::Dribbler {
                self.next_at = now + Duration::from_millis(self.dice.between(1, 20));
                break;
            }
        }
        if let Some(until) = link.hesitates_until {
            self.next_at = self.next_at.min(until);
        }
    }

    /// Says what it wants to do in its game.
    fn play(&mut self, link: &mut Link, scene: &mut Scene<'_>) {
        let now = scene.kernel.now();
        let floods = self.kind == Kind::Flooder && link.did;
        let (count, pause_ms) = if floods { (300, 1) } else { (1, 250) };
        link.input_at = now + Duration::from_millis(self.dice.between(pause_ms, pause_ms * 2));
        for _ in 0..count {
            let mut body = Vec::new();
            if self.kind == Kind::Offender && link.did {
                // Not every input counts, after a pause, so it goes on until one does.
                encode_value(&UNFORGIVABLE, &mut body).expect("a number");
            } else if self.playing == Playing::Echo {
                let input = self.ledger.next_input(now);
                encode_value(&input, &mut body).expect("a number");
                link.first_input.get_or_insert(input);
            } else {
                body = self.playing.input(&mut self.dice);
            }
            // It may have said goodbye.
            let _ = link.session.send_input(&body);
        }
    }

    /// What is said next; nothing if there is nothing, or not yet.
    fn next_piece(&mut self, link: &mut Link, scene: &Scene<'_>) -> Option<Vec<u8>> {
        let has_own = !link.only_babbles && link.web.is_none();
        let own = if has_own { link.session.unsent() } else { &[][..] };
        let bytes = if link.babble.is_empty() { own } else { &link.babble };
        if bytes.is_empty() || link.hesitates_until.is_some() {
            return None;
        }
        let now = scene.kernel.now();
        let some = match self.kind {
            // A request is long, and has as much time as a hello.
            Kind::Dribbler if !link.is_ready() => bytes.len().min(1 + self.dice.below(60)),
            Kind::Dribbler => bytes.len().min(1 + self.dice.below(6)),
            Kind::Hesitator if now >= link.hesitates_at && bytes.len() > 1 => {
                let [from, to] = match (scene.prompt, scene.slow) {
                    (true, _) => HESITATES_MS,
                    (false, false) => HESITATES_SHORTLY_MS,
                    (false, true) => [0, 0],
                };
                let time = Duration::from_millis(self.dice.between(from, to));
                link.hesitates_until = Some(now + time);
                1 + self.dice.below(bytes.len() - 1)
            }
            _ => bytes.len(),
        };
        Some(bytes[..some].to_vec())
    }
}
