//! One client: one life after the other, each with a kind of its own.

use std::{collections::BTreeMap, io, time::Duration};

use gamekeeper::time::Time;
use gamekeeper_bot::{
    clock::Moment,
    connection::{Arrival, Connection, Ended, Event, Operation, WayBack},
};
use gamekeeper_protocol::GoodbyeReason;

use super::{Expectation, Kind, Reasons, ledger::Ledger, speech::Playing};
use crate::{
    browser::Browser,
    sim::{
        dice::Dice,
        kernel::{ConnNo, Kernel, Side, tcp::Outcome},
    },
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
    /// Whether the server hears at once what has arrived.
    pub(super) prompt: bool,
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
    pub(super) playing: Playing,
    /// Whether it plays games that it cannot check, too.
    pub(super) plays_others: bool,
    pub(super) delay: Duration,
    /// What its socket receives and holds, at most.
    pub(super) rx_bytes: Option<usize>,
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
    /// What it has heard as a browser, if it is one.
    pub(super) web: Option<Browser>,
    /// Bytes that it says without meaning; and whatever it says as a browser.
    pub(super) babble: Vec<u8>,
    /// Whether it says nothing else.
    pub(super) only_babbles: bool,
    /// Until when it says nothing more, in the middle of something.
    pub(super) hesitates_until: Option<Time>,
    /// When it may do that again.
    pub(super) hesitates_at: Time,
    /// When it reads again, having looked away.
    pub(super) looks_at: Option<Time>,
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

/// What the largest socket receives and holds.
pub(super) const RX_BYTES_MAX: usize = 131_072;

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
            playing: Playing::Echo,
            plays_others: true,
            delay: Duration::from_millis(delay),
            rx_bytes: None,
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
        self.plays_others = false;
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
        if link.looks_at.take_if(|at| now >= *at).is_some() {
            scene.kernel.resize_rx(link.conn, Side::Client, RX_BYTES_MAX);
            link.reads = true;
        }
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
        let drawn = *self.dice.pick(&[2_048, 16_384, RX_BYTES_MAX]);
        let rx_bytes = self.rx_bytes.filter(|_| self.kind.reads_on()).unwrap_or(drawn);
        // Who is nearly too late, and far away, is really too late.
        let near = matches!(self.kind, Kind::Laggard | Kind::Hesitator);
        let delay = if near { Duration::ZERO } else { self.delay };
        let Some(conn) = scene.kernel.connect(delay, rx_bytes, 16_384) else {
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
        let session = match &came_by {
            Some(way_back) => Connection::resume(way_back, moment),
            None => {
                let far = delay > Duration::from_millis(20);
                self.playing = Playing::draw(&mut self.dice, self.kind, self.plays_others, far);
                let game = self.playing.name();
                Connection::new(game, self.kind.name(), moment).expect("short names")
            }
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
            kind if kind.does_nothing() => now + Duration::from_secs(100_000),
            _ => now + Duration::from_millis(self.dice.between(0, 4_000)),
        };
        let link = self.link.insert(Link {
            conn,
            session,
            did: kind == Kind::Mute,
            does_at,
            dies_at: Time::from_nanos(u64::MAX),
            reads: true,
            speaks: kind != Kind::Mute,
            web: None,
            babble: Vec::new(),
            only_babbles: false,
            hesitates_until: None,
            hesitates_at: now,
            looks_at: None,
            input_at: now,
            joined: false,
            first_input: None,
            cursed: false,
            came_by,
        });
        if kind != Kind::Mute && self.dice.chance(20_000) {
            link.become_web();
        }
        self.next_at = now;
    }

    // ---- playing

    fn listen(&mut self, link: &mut Link, scene: &mut Scene<'_>, is_current: bool) {
        let moment = Moment(scene.kernel.now().as_nanos());
        let mut buffer = [0; 4_096];
        let mut wrong = Vec::new();
        let Self { ledger, kind, number, playing, .. } = self;
        for _ in 0..64 {
            match scene.kernel.read(link.conn, Side::Client, &mut buffer) {
                Outcome::Bytes(count) => {
                    let heard = link.as_native(&buffer[..count]);
                    let Link { session, joined, .. } = &mut *link;
                    session.handle_bytes(&heard, moment, |event| {
                        *joined |= matches!(event, Event::Joined { .. });
                        if is_current && *playing == Playing::Echo {
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
        let can_hear = matches!(self.kind, Kind::Liar | Kind::Offender);
        let should_be_told = can_hear && link.did && link.joined;
        let excused = link.cursed || scene.stopping || scene.slow;
        if wrong || should_be_told && !told && !excused {
            let (number, kind) = (self.number, self.kind.name());
            scene.findings.push(format!("client {number}, {kind}, {:?}: {ended}", link.conn));
        }
    }
}
