//! One client: one life after the other, each with a kind of its own.

use std::{collections::BTreeMap, io, time::Duration};

use gamekeeper::time::Time;
use gamekeeper_bot::{
    clock::Moment,
    connection::{Arrival, Connection, Ended, Event, Operation, WayBack},
};
use gamekeeper_protocol::{GoodbyeReason, codec::encode_value};

use super::{Expectation, Kind, Reasons, ledger::Ledger};
use crate::sim::{
    dice::Dice,
    kernel::{ConnNo, Kernel, Side, tcp::Outcome},
};

/// What a client's life takes place in.
pub(super) struct Scene<'a> {
    pub(super) kernel: &'a mut Kernel,
    pub(super) expectations: &'a mut BTreeMap<ConnNo, Expectation>,
    pub(super) findings: &'a mut Vec<String>,
    pub(super) spent: &'a mut Vec<WayBack>,
    pub(super) healing: bool,
    pub(super) stopping: bool,
    /// Whether the server may be too slow, or too short of something, to be in time.
    pub(super) slow: bool,
    pub(super) trace: &'a mut Option<Vec<String>>,
}

impl Scene<'_> {
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = self.trace {
            let at = self.kernel.now().as_nanos() / 1_000;
            trace.push(format!("{:>10}.{:03} ms      {}", at / 1_000, at % 1_000, what()));
        }
    }
}

/// A client.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) number: u32,
    pub(super) dice: Dice,
    pub(super) kinds: Vec<Kind>,
    pub(super) kind: Kind,
    pub(super) delay: Duration,
    /// When it wants to act next.
    pub(super) next_at: Time,
    pub(super) link: Option<Link>,
    /// The connection that it has taken over from, until that has ended.
    pub(super) old: Option<Link>,
    /// How it comes back, if it is to.
    pub(super) way_back: Option<WayBack>,
    /// Until when that is certainly good.
    pub(super) good_until: Option<Time>,
    pub(super) ledger: Ledger,
}

/// A connection, seen from the client.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) conn: ConnNo,
    pub(super) session: Connection,
    /// Whether it has done what its kind does.
    pub(super) did: bool,
    /// When it does that.
    pub(super) does_at: Time,
    /// When it closes in the end, if the server has not ended it.
    pub(super) dies_at: Time,
    pub(super) reads: bool,
    pub(super) speaks: bool,
    /// Bytes that it says without meaning.
    pub(super) babble: Vec<u8>,
    /// Whether it says nothing else.
    pub(super) only_babbles: bool,
    pub(super) input_at: Time,
    pub(super) joined: bool,
    /// The first input that it has said over this connection.
    pub(super) first_input: Option<u32>,
    pub(super) cursed: bool,
    /// The way that this connection came by.
    pub(super) came_by: Option<WayBack>,
}

/// Something is wrong if a ticket is refused sooner than this before its time is over.
const GOOD_FOR: Duration = Duration::from_millis(400);

impl Agent {
    pub(super) fn new(number: u32, mut dice: Dice, kinds: Vec<Kind>, now: Time) -> Self {
        let delay = *dice.pick(&[0, 0, 0, 1, 20, 120]);
        let kind = *dice.pick(&kinds);
        let next_at = now + Duration::from_millis(dice.between(0, 500));
        Self {
            number,
            dice,
            kinds,
            kind,
            delay: Duration::from_millis(delay),
            next_at,
            link: None,
            old: None,
            way_back: None,
            good_until: None,
            ledger: Ledger::default(),
        }
    }

    pub(super) fn make_honest(&mut self) {
        self.kinds = vec![Kind::Honest];
        self.kind = Kind::Honest;
    }

    pub(super) fn cursed(&mut self, conn: ConnNo) {
        for link in [&mut self.link, &mut self.old].into_iter().flatten() {
            link.cursed |= link.conn == conn;
        }
    }

    pub(super) fn honest_connection(&self) -> Option<ConnNo> {
        self.link.as_ref().filter(|link| link.joined && !link.did).map(|link| link.conn)
    }

    pub(super) fn out_of_sync(&self, now: Time) -> Option<String> {
        self.honest_connection()?;
        let (input, at) = self.ledger.unheard()?;
        let late = now.since(at) > Duration::from_millis(1_500);
        late.then(|| {
            format!("client {}: nobody has heard its input {input} of {at:?}", self.number)
        })
    }

    pub(super) fn transcript(&self) -> &[String] {
        self.ledger.transcript.as_deref().unwrap_or_default()
    }

    pub(super) fn keep_transcript(&mut self) {
        self.ledger.transcript = Some(Vec::new());
    }

    /// Does the next thing.
    pub(super) fn act(&mut self, scene: &mut Scene<'_>) {
        let now = scene.kernel.now();
        let pause_ms = if self.kind == Kind::Laggard { 500 } else { 60 };
        self.next_at = now + Duration::from_millis(self.dice.between(2, pause_ms));
        if let Some(mut old) = self.old.take() {
            self.listen(&mut old, scene, false);
            self.speak(&mut old, scene);
            match old.session.ended() {
                Some(_) => scene.kernel.close(old.conn, Side::Client, false),
                None => self.old = Some(old),
            }
        }
        let Some(mut link) = self.link.take() else { return self.connect(scene) };
        if link.reads {
            self.listen(&mut link, scene, true);
        }
        if !link.did && now >= link.does_at && !scene.healing {
            self.misbehave(&mut link, scene);
        }
        if link.did && self.kind == Kind::Twin && self.way_back.is_some() {
            // The next thing that it does is to connect once more.
            self.old = Some(link);
            self.next_at = now;
            return;
        }
        self.speak(&mut link, scene);
        let dies = now >= link.dies_at && !scene.healing;
        if link.session.ended().is_some() && link.reads || dies {
            self.depart(link, scene);
        } else {
            self.link = Some(link);
        }
    }

    // ---- coming

    fn connect(&mut self, scene: &mut Scene<'_>) {
        let now = scene.kernel.now();
        if scene.stopping || scene.healing && self.way_back.is_none() {
            self.next_at = now + Duration::from_secs(3_600);
            return;
        }
        let rx_bytes = *self.dice.pick(&[2_048, 16_384, 131_072]);
        let Some(conn) = scene.kernel.connect(self.delay, rx_bytes, 16_384) else {
            self.next_at = now + Duration::from_millis(300);
            return;
        };
        let moment = Moment(now.as_nanos());
        let came_by = match self.kind {
            Kind::Thief if !scene.spent.is_empty() => {
                Some(self.dice.pick(scene.spent.as_slice()).clone())
            }
            _ => self.way_back.take(),
        };
        let game = if self.kind == Kind::Bomber { "bomb" } else { "echo" };
        let session = match &came_by {
            Some(way_back) => Connection::resume(way_back, moment),
            None => Connection::new(game, self.kind.name(), moment).expect("short names"),
        };
        let kind = self.kind;
        let number = self.number;
        scene.note(|| format!("client {number}, {}, connects: {conn:?}", kind.name()));
        let mut may_end_by = Reasons::default();
        if matches!(kind, Kind::Mute | Kind::Bomber) {
            may_end_by = kind.consequences();
        }
        if kind == Kind::Thief && came_by.is_some() {
            may_end_by = kind.consequences();
        }
        let must_end_after = (kind == Kind::Mute).then_some(now);
        let expectation = Expectation { client: number, kind, may_end_by, must_end_after };
        scene.expectations.insert(conn, expectation);
        let does_at = match kind {
            Kind::Honest | Kind::Laggard | Kind::Dribbler | Kind::Thief | Kind::Bomber => {
                now + Duration::from_secs(100_000)
            }
            _ => now + Duration::from_millis(self.dice.between(0, 4_000)),
        };
        self.link = Some(Link {
            conn,
            session,
            did: kind == Kind::Mute,
            does_at,
            dies_at: Time::from_nanos(u64::MAX),
            reads: true,
            speaks: kind != Kind::Mute,
            babble: Vec::new(),
            only_babbles: false,
            input_at: now,
            joined: false,
            first_input: None,
            cursed: false,
            came_by,
        });
        self.next_at = now;
    }

    // ---- playing

    fn listen(&mut self, link: &mut Link, scene: &mut Scene<'_>, is_current: bool) {
        let moment = Moment(scene.kernel.now().as_nanos());
        let mut buffer = [0; 4_096];
        let mut wrong = Vec::new();
        let Self { ledger, kind, number, .. } = self;
        for _ in 0..64 {
            match scene.kernel.read(link.conn, Side::Client, &mut buffer) {
                Outcome::Bytes(count) => {
                    let Link { session, joined, .. } = &mut *link;
                    session.handle_bytes(&buffer[..count], moment, |event| {
                        *joined |= matches!(event, Event::Joined { .. });
                        if is_current && *kind != Kind::Bomber {
                            wrong.extend(ledger.take(&event));
                        }
                        if let (Kind::Thief, Event::Joined { arrival: Arrival::Back { .. }, .. }) =
                            (*kind, &event)
                        {
                            wrong.push("a ticket was good that somebody had used".to_owned());
                        }
                    });
                }
                Outcome::WouldBlock => break,
                Outcome::Eof => link.session.handle_eof(),
                Outcome::Failed(errno) => {
                    let error = io::Error::from_raw_os_error(errno.0);
                    link.session.handle_error(Operation::Read, &error);
                }
            }
            if link.session.ended().is_some() {
                break;
            }
        }
        for what in wrong {
            scene.findings.push(format!(
                "client {number}, {}, {:?}: {what}",
                kind.name(),
                link.conn
            ));
        }
        // Its old ticket is spent once the server has heard from the connection that it was
        // welcomed to: when an input of it came back.
        let heard = link.first_input.is_some_and(|input| ledger.has_heard(input));
        if heard && *kind != Kind::Thief {
            scene.spent.extend(link.came_by.take());
        }
    }

    fn speak(&mut self, link: &mut Link, scene: &mut Scene<'_>) {
        let now = scene.kernel.now();
        let moment = Moment(now.as_nanos());
        if !link.speaks {
            return;
        }
        if link.session.next_timeout().is_some_and(|at| at <= moment) && link.reads {
            link.session.handle_timeout(moment);
        }
        if link.joined && now >= link.input_at && link.session.ended().is_none() {
            let floods = self.kind == Kind::Flooder && link.did;
            let (count, pause_ms) = if floods { (300, 1) } else { (1, 250) };
            link.input_at = now + Duration::from_millis(self.dice.between(pause_ms, pause_ms * 2));
            for _ in 0..count {
                let mut body = Vec::new();
                let input = self.ledger.next_input(now);
                encode_value(&input, &mut body).expect("a number");
                link.first_input.get_or_insert(input);
                // It may have said goodbye.
                let _ = link.session.send_input(&body);
            }
        }
        loop {
            let own = if link.only_babbles { &[][..] } else { link.session.unsent() };
            let bytes = if link.babble.is_empty() { own } else { &link.babble };
            let some = match self.kind {
                Kind::Dribbler => bytes.len().min(1 + self.dice.below(6)),
                _ => bytes.len(),
            };
            if some == 0 {
                break;
            }
            match scene.kernel.write(link.conn, Side::Client, &bytes[..some]) {
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
    }

    // ---- leaving

    /// The conversation is over: what was right about that, and what comes next.
    fn depart(&mut self, link: Link, scene: &mut Scene<'_>) {
        let now = scene.kernel.now();
        let (number, kind) = (self.number, self.kind);
        if let Some(ended) = link.session.ended() {
            scene.note(|| format!("client {number}, {}, has ended: {ended}", kind.name()));
            self.judge(&link, ended, scene);
        }
        for link in self.old.take().iter().chain([&link]) {
            scene.kernel.close(link.conn, Side::Client, false);
            // Whatever the reason, now its end of the connection is closed.
            let gone = Reasons::of(&["fin", "fin_midframe", "reset"]);
            self.may_end(link, scene, gone);
        }
        if self.way_back.is_none() {
            self.ledger.lost();
            self.kind = *self.dice.pick(&self.kinds);
        }
        let pause = match self.way_back {
            Some(_) => self.dice.between(0, 900),
            None => self.dice.between(0, 1_500),
        };
        self.next_at = now + Duration::from_millis(pause);
    }

    /// Whether the server had a right to end it like that.
    fn judge(&mut self, link: &Link, ended: &Ended, scene: &mut Scene<'_>) {
        let excused = link.cursed || link.did || scene.stopping;
        let wrong = match ended {
            Ended::ServerMisbehaved(_) => true,
            Ended::Closed | Ended::ClosedMidFrame | Ended::Failed { .. } => {
                !excused && link.joined && self.kind != Kind::Bomber
            }
            Ended::Goodbye { reason: GoodbyeReason::ResumeRefused, .. } => {
                let good =
                    self.good_until.is_some_and(|until| scene.kernel.now() + GOOD_FOR < until);
                self.kind == Kind::Resumer && good && !link.cursed && !scene.stopping
            }
            // Its hello was heard, or will never be.
            Ended::Silent { .. } => !link.cursed && !scene.stopping && !scene.slow,
            _ => false,
        };
        // Who reads is told why it has to go.
        let told = matches!(ended, Ended::Goodbye { .. });
        let should_be_told = self.kind == Kind::Liar && link.did && link.joined;
        let excused = link.cursed || scene.stopping || scene.slow;
        if wrong || should_be_told && !told && !excused {
            let (number, kind) = (self.number, self.kind.name());
            scene.findings.push(format!("client {number}, {kind}, {:?}: {ended}", link.conn));
        }
    }
}
