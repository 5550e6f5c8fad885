//! What clients do that honest ones do not.
//!
//! Part of [`Agent`]. Each thing is noted before it is done: what the server may end the connection
//! for, and whether it must.

use std::{io, time::Duration};

use gamekeeper_bot::connection::Operation;
use gamekeeper_protocol::codec::encode_value;

use super::{
    Kind, Reasons,
    agent::{Agent, Link, Scene},
};
use crate::{
    browser::{CLOSE, frame},
    sim::{games::UNFORGIVABLE, kernel::Side},
};

impl Agent {
    pub(super) fn may_end(&self, link: &Link, scene: &mut Scene<'_>, reasons: Reasons) {
        if let Some(expectation) = scene.expectations.get_mut(&link.conn) {
            expectation.may_end_by.add(reasons);
        }
    }

    /// Does what its kind does.
    pub(super) fn misbehave(&mut self, link: &mut Link, scene: &mut Scene<'_>) {
        let (number, kind) = (self.number, self.kind);
        let needs_seat = matches!(
            kind,
            Kind::Twin
                | Kind::Flooder
                | Kind::Staller
                | Kind::Zombie
                | Kind::HalfFramer
                | Kind::Offender
        );
        if needs_seat && !link.joined {
            return;
        }
        scene.note(|| format!("client {number} does what a {} does", kind.name()));
        link.did = true;
        self.may_end(link, scene, kind.consequences());
        match kind {
            Kind::Honest
            | Kind::Laggard
            | Kind::Dribbler
            | Kind::Hesitator
            | Kind::Thief
            | Kind::Mute
            | Kind::Bomber => link.did = false,
            Kind::GoodbyeSayer => link.session.say_goodbye(),
            Kind::Crasher | Kind::Resumer => return self.vanish(link, scene),
            Kind::Offender => self.offend(link, scene),
            Kind::Sleeper => (link.reads, link.speaks) = (false, false),
            Kind::Staller => link.reads = false,
            Kind::HalfFramer => self.half_frame(link),
            Kind::Flooder => {}
            Kind::Liar | Kind::Zombie => {
                link.take_words();
                let lie = link.lie(&mut self.dice);
                link.babble.extend(lie);
                if kind == Kind::Liar {
                    self.look_away(link, scene);
                    if self.dice.chance(32_768) {
                        // There is more than the server reads before it knows.
                        link.babble.extend([0x55; 3_000]);
                    }
                }
                if kind == Kind::Zombie {
                    link.reads = false;
                    // It talks on, or it has no room for what it is told.
                    match self.dice.below(2) {
                        0 => link.babble.extend([0x55; 20_000]),
                        _ => scene.kernel.resize_rx(link.conn, Side::Client, 0),
                    }
                }
            }
            Kind::Twin => {
                self.way_back = link.session.way_back();
                self.good_until = None;
                self.ledger.lost();
            }
        }
        let now = scene.kernel.now();
        link.dies_at = now + Duration::from_millis(self.dice.between(2_000, 12_000));
        if let Some(expectation) = scene.expectations.get_mut(&link.conn) {
            expectation.must_end_after = kind.is_ended_by_the_server().then_some(now);
        }
    }

    /// Does what the game does not forgive.
    fn offend(&mut self, link: &mut Link, scene: &mut Scene<'_>) {
        let mut body = Vec::new();
        encode_value(&UNFORGIVABLE, &mut body).expect("a number");
        let _ = link.session.send_input(&body);
        self.look_away(link, scene);
    }

    /// Sometimes it has no room for a moment, and is told nevertheless why it has to go.
    fn look_away(&mut self, link: &mut Link, scene: &mut Scene<'_>) {
        if self.delay <= Duration::from_millis(20) && self.dice.chance(32_768) {
            link.reads = false;
            scene.kernel.resize_rx(link.conn, Side::Client, 0);
            let time = Duration::from_millis(self.dice.between(1, 150));
            link.looks_at = Some(scene.kernel.now() + time);
        }
    }

    /// Says what it has begun to say, and half a frame, and nothing more.
    fn half_frame(&mut self, link: &mut Link) {
        // A whole frame first: the silence begins now.
        let _ = link.session.send_input(&self.playing.input(&mut self.dice));
        link.take_words();
        let all = link.half_a_frame();
        let some = 1 + self.dice.below(all.len());
        link.babble.extend(&all[..some]);
        link.only_babbles = true;
    }

    /// Is gone, in one of many ways.
    fn vanish(&mut self, link: &mut Link, scene: &mut Scene<'_>) {
        let now = scene.kernel.now();
        if link.joined && self.dice.chance(20_000) {
            self.last_words(link, scene);
        }
        if link.web.is_some() && link.joined && self.dice.chance(32_768) {
            // A page that is left, if the words fit.
            let _ = scene.kernel.write(link.conn, Side::Client, &frame(CLOSE, &[0x03, 0xe9]));
        }
        match self.dice.below(6) {
            0 | 1 => scene.kernel.close(link.conn, Side::Client, false),
            2 | 3 => scene.kernel.close(link.conn, Side::Client, true),
            4 => _ = scene.kernel.shutdown_write(link.conn, Side::Client),
            _ => {
                _ = scene.kernel.shutdown_write(link.conn, Side::Client);
                if self.kind == Kind::Crasher {
                    // Its other half stays open, until the server ends it.
                    link.speaks = false;
                    link.dies_at = now + Duration::from_secs(12);
                    return;
                }
            }
        }
        if self.kind == Kind::Resumer && link.joined && !link.cursed {
            self.way_back = link.session.way_back();
            // The window opens when the server has noticed, so it is longer than this.
            let window = self.way_back.as_ref().map(|way_back| way_back.window);
            self.good_until = window.map(|window| now + window);
            self.ledger.lost();
        }
        // It goes on reading and is told nothing: it has ended for itself.
        link.session.handle_error(Operation::Read, &io::Error::from_raw_os_error(104));
        link.reads = true;
    }

    /// Says in one breath more than the server hears in one turn, just before it goes.
    fn last_words(&mut self, link: &mut Link, scene: &mut Scene<'_>) {
        for _ in 0..self.dice.between(1, 250) {
            let body = self.playing.input(&mut self.dice);
            let _ = link.session.send_input(&body);
        }
        // What does not fit is lost: it is gone before there is room.
        link.take_words();
        let _ = scene.kernel.write(link.conn, Side::Client, &link.babble);
        link.babble.clear();
    }
}
