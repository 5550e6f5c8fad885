//! Seats: a lost connection is not a lost player.
//!
//! Real sockets around the production loop. The game is a witness: it writes down which hooks were
//! called, and says something in every tick, so that a test sees which events arrive.

use std::{cell::RefCell, time::Duration};

use gamekeeper::{
    Audience, Game, LeaveCause, Outbox, PlayerId, PlayerInput, Setup, Tick,
    client::leave::{LeavePath, LeaveReason, Rejection},
    limits::Limits,
    metrics::ResumeOutcome,
};
use gamekeeper_protocol::{ClientMessage, GoodbyeReason, Presence, Resume, Ticket};
use gamekeeper_tests::{
    player::{End, Heard, Player},
    rig::Rig,
};

thread_local! {
    /// What happened to the game of this test, in order. A test has a thread of its own.
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A game that says every tick's number, and kicks player 2 when somebody asks for it.
struct Witness;

impl Witness {
    fn see(what: &str, player: PlayerId) {
        SEEN.with_borrow_mut(|seen| seen.push(format!("{what} {player}")));
    }
}

impl Game for Witness {
    const NAME: &'static str = "witness";
    type Input = u8;
    type Snapshot = ();
    type Event = u32;

    fn new(_setup: Setup) -> Self {
        Self
    }

    fn joined(&mut self, player: PlayerId, _name: &str, _out: &mut Outbox<u32>) {
        Self::see("joined", player);
    }

    fn disconnected(&mut self, player: PlayerId, _out: &mut Outbox<u32>) {
        Self::see("disconnected", player);
    }

    fn resumed(&mut self, player: PlayerId, _out: &mut Outbox<u32>) {
        Self::see("resumed", player);
    }

    fn stalled(&mut self, player: PlayerId, stalled: bool, _out: &mut Outbox<u32>) {
        Self::see(if stalled { "stalled" } else { "recovered" }, player);
    }

    fn left(&mut self, player: PlayerId, cause: LeaveCause, _out: &mut Outbox<u32>) {
        Self::see(&format!("left by {cause:?}:"), player);
    }

    fn step(&mut self, tick: Tick, inputs: &[PlayerInput<u8>], out: &mut Outbox<u32>) {
        out.broadcast(tick.0);
        for _ in inputs {
            // Twice, as a game with two rules might.
            out.kick(PlayerId(2), "out");
            out.kick(PlayerId(2), "out");
        }
    }

    fn snapshot(&self, _audience: Audience) {}
}

/// What the witness has seen of player 2.
fn seen_of_eve() -> Vec<String> {
    SEEN.with_borrow(|seen| {
        let of_eve = seen.iter().filter_map(|line| line.strip_suffix(" 2"));
        of_eve.map(str::to_owned).collect()
    })
}

/// A server, a player who stays, and player 2 who does not.
struct Scene {
    rig: Rig,
    ada: Player,
    eve: Player,
}

const EVE: PlayerId = PlayerId(2);

impl Scene {
    fn new(limits: Limits) -> Self {
        let mut rig = Rig::hosting::<Witness>(limits);
        let (ada, eve) = (rig.join("ada"), rig.join("eve"));
        assert_eq!(eve.id, Some(EVE));
        Self { rig, ada, eve }
    }

    /// Eve's connection is reset. Returns what she knew.
    fn lose_eve(&mut self) -> Knows {
        self.eve.listen();
        let knows = Knows::of(&self.eve);
        let left = self.rig.left_in_all();
        let stand_in = Player::connect(self.rig.address);
        std::mem::replace(&mut self.eve, stand_in).leave_by_reset();
        self.rig.turn_until("the leave is counted", |rig| rig.left_in_all() > left);
        knows
    }

    /// A new connection that shows a ticket.
    fn come_back(&mut self, resume: Resume) -> Player {
        let mut again = Player::connect(self.rig.address);
        again.resume_with(resume);
        self.rig.turn_until("the server has answered", |_| {
            again.listen();
            again.heard.iter().any(|heard| matches!(heard, Heard::Welcome(_)))
                || again.goodbye().is_some()
        });
        again
    }

    fn resumes(&self, outcome: ResumeOutcome) -> u64 {
        self.rig.event_loop.hub().metrics().resumes[outcome as usize]
    }

    /// Shows a ticket that must be refused, and that nothing else has happened.
    fn refused(&mut self, resume: Resume, outcome: ResumeOutcome, words: &str) {
        let (before, seen) = (self.resumes(outcome), seen_of_eve());
        let hub = self.rig.event_loop.hub();
        let (players, away) = (hub.lobby().players(), hub.lobby().players_away());
        let refused = self.come_back(resume);
        let (reason, text) = refused.goodbye().expect("it was told why");
        assert_eq!(reason, GoodbyeReason::ResumeRefused);
        assert!(text.contains(words), "{text:?} says {words:?}");
        assert_eq!(self.resumes(outcome), before + 1, "{outcome:?}");
        let hub = self.rig.event_loop.hub();
        assert_eq!((hub.lobby().players(), hub.lobby().players_away()), (players, away));
        assert_eq!(seen_of_eve(), seen, "the game hears nothing of it");
    }
}

/// What a client remembers when its connection is lost.
#[derive(Clone, Copy)]
struct Knows {
    resume: Resume,
    /// The last number that the witness said and the player heard.
    last_event: u32,
}

impl Knows {
    fn of(player: &Player) -> Self {
        let ticket = player.offer.expect("it was offered a way back").ticket;
        let last_event = events(player).last().copied().unwrap_or_default();
        Self { resume: Resume { ticket, events_seen: player.events_seen }, last_event }
    }
}

/// The numbers that the witness said, as a player has heard them.
fn events(player: &Player) -> Vec<u32> {
    let event = |heard: &Heard| match heard {
        Heard::Event(body) => gamekeeper_protocol::codec::decode_from_server(body).ok(),
        _ => None,
    };
    player.heard.iter().filter_map(event).collect()
}

#[test]
fn who_comes_back_has_the_same_seat_and_has_missed_nothing() {
    let mut scene = Scene::new(Limits::DEFAULT);
    scene.rig.turn_ticks(3);
    let knows = scene.lose_eve();
    scene.rig.turn_ticks(4);
    assert_eq!(seen_of_eve(), ["joined", "disconnected"]);
    let mut eve = scene.come_back(knows.resume);
    assert_eq!(eve.id, Some(EVE), "the same player");
    scene.rig.turn_ticks(2);
    eve.listen();
    let heard = events(&eve);
    assert!(heard.len() >= 6, "{heard:?}");
    assert_eq!(heard[0], knows.last_event + 1, "from the first one that she has not seen");
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "and all of them: {heard:?}");
    assert_eq!(seen_of_eve(), ["joined", "disconnected", "resumed"]);
    scene.ada.listen();
    assert_eq!(scene.ada.presences(), [(EVE, Presence::Away), (EVE, Presence::Here)]);
    assert_eq!(scene.ada.departures(), Vec::<Vec<_>>::new(), "nobody has left");
    assert_eq!(scene.resumes(ResumeOutcome::Resumed), 1);
    assert_eq!(scene.rig.left(LeaveReason::Reset, LeavePath::Event), 1);
}

#[test]
fn who_does_not_come_back_leaves_once_and_its_ticket_is_void() {
    let mut scene = Scene::new(Limits { resume_window_ms: 300, ..Limits::DEFAULT });
    let knows = scene.lose_eve();
    scene.rig.turn_until("the seat is given up", |rig| {
        rig.event_loop.hub().metrics().seats_given_up == 1
    });
    scene.rig.turn_ticks(2);
    assert_eq!(seen_of_eve(), ["joined", "disconnected", "left by Disconnected:"]);
    scene.ada.listen();
    let left: Vec<_> = scene.ada.departures().into_iter().flatten().collect();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].player, left[0].cause), (EVE, LeaveCause::Disconnected));
    scene.refused(knows.resume, ResumeOutcome::Expired, "not held any more");
}

/// The server still believes in a connection whose client has moved on: the new one has the seat,
/// and whatever happens on the old one is nobody's business.
#[test]
fn a_new_connection_takes_over_from_a_half_open_one() {
    let mut scene = Scene::new(Limits::DEFAULT);
    scene.eve.listen();
    let knows = Knows::of(&scene.eve);
    let mut again = scene.come_back(knows.resume);
    assert_eq!(again.id, Some(EVE));
    assert_eq!(scene.resumes(ResumeOutcome::TakenOver), 1);
    assert_eq!(scene.rig.left(LeaveReason::Replaced, LeavePath::App), 1);
    scene.eve.listen();
    assert_eq!(scene.eve.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::Replaced));
    // The late end of the old connection.
    let stand_in = Player::connect(scene.rig.address);
    std::mem::replace(&mut scene.eve, stand_in).leave_by_reset();
    scene.rig.turn_until("the old connection is closed", |rig| {
        rig.event_loop.hub().population().lingering == 0
    });
    scene.rig.turn_ticks(2);
    again.listen();
    assert_eq!(again.end, None);
    let heard = events(&again);
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "every event: {heard:?}");
    assert_eq!(seen_of_eve(), ["joined"], "the game need not know");
    scene.ada.listen();
    assert_eq!((scene.ada.presences().len(), scene.ada.departures().len()), (0, 0));
    assert_eq!(scene.rig.left_in_all(), 1, "exactly one leave for the old connection");
}

/// The new connection's hello and the end of the old one are read in the same turn.
#[test]
fn a_take_over_and_the_end_of_the_old_connection_may_coincide() {
    let mut scene = Scene::new(Limits::DEFAULT);
    scene.eve.listen();
    let resume = Knows::of(&scene.eve).resume;
    let mut again = Player::connect(scene.rig.address);
    scene.rig.turn_until("it is accepted", |rig| rig.event_loop.hub().connections() == 3);
    let stand_in = Player::connect(scene.rig.address);
    std::mem::replace(&mut scene.eve, stand_in).leave_by_reset();
    again.resume_with(resume);
    scene.rig.turn_until("she is welcome", |_| again.try_welcome().is_some());
    scene.rig.turn_ticks(2);
    assert_eq!(scene.rig.left_in_all(), 1);
    assert_eq!(scene.rig.event_loop.hub().lobby().players(), 2);
    assert!(seen_of_eve().len() <= 1, "{:?}", seen_of_eve());
}

#[test]
fn a_used_ticket_is_refused_once_the_new_one_is_known_to_have_arrived() {
    let mut scene = Scene::new(Limits::DEFAULT);
    let first = scene.lose_eve();
    let mut again = scene.come_back(first.resume);
    again.say(&ClientMessage::Ping { nonce: 1 });
    scene.rig.turn_until("she is answered", |_| {
        again.listen();
        again.heard.contains(&Heard::Pong(1))
    });
    scene.refused(first.resume, ResumeOutcome::Replayed, "used before");
    again.listen();
    assert_eq!(again.end, None, "a replay does not disturb who has the seat");
    scene.eve = again;
    let second = scene.lose_eve();
    assert_ne!(second.resume.ticket, first.resume.ticket);
    scene.refused(first.resume, ResumeOutcome::Replayed, "used before");
    assert_eq!(scene.come_back(second.resume).id, Some(EVE));
}

/// The network fails again before the new welcome has arrived: the old ticket is all that the
/// client has.
#[test]
fn a_network_that_fails_twice_does_not_cost_the_seat() {
    let mut scene = Scene::new(Limits::DEFAULT);
    let knows = scene.lose_eve();
    for round in 1..=3 {
        let mut again = Player::connect(scene.rig.address);
        again.resume_with(knows.resume);
        scene.rig.turn_until("it is in", |rig| {
            rig.event_loop.hub().metrics().resumes[ResumeOutcome::Resumed as usize] == round
        });
        if round == 2 {
            // This one is welcomed by the server, but never hears of it.
            scene.rig.turn_ticks(1);
        }
        let left = scene.rig.left_in_all();
        again.leave_by_reset();
        scene.rig.turn_until("it is gone", |rig| rig.event_loop.hub().metrics().left() > left);
    }
    assert_eq!(scene.come_back(knows.resume).id, Some(EVE));
}

#[test]
fn tickets_that_are_not_good_are_refused_and_touch_nothing() {
    let mut scene = Scene::new(Limits::DEFAULT);
    scene.ada.listen();
    let adas = Knows::of(&scene.ada).resume.ticket;
    let knows = scene.lose_eve();
    let ticket = knows.resume.ticket.0;
    let with = |change: &dyn Fn(&mut [u8; 32])| {
        let mut bytes = ticket;
        change(&mut bytes);
        Resume { ticket: Ticket(bytes), events_seen: 0 }
    };
    // The layout is the server's own business; this test is one of the server.
    let forged = ResumeOutcome::Forged;
    scene.refused(with(&|bytes| bytes[31] ^= 1), forged, "never given out");
    scene.refused(with(&|bytes| bytes[16..].fill(0)), forged, "never given out");
    // Ada's ticket does not open eve's seat, nor eve's secret ada's.
    scene.refused(with(&|bytes| bytes[16..].copy_from_slice(&adas.0[16..])), forged, "never");
    scene.refused(with(&|bytes| bytes[12] = 1), forged, "never given out");
    let expired = ResumeOutcome::Expired;
    scene.refused(with(&|bytes| bytes[12] = 77), expired, "not held");
    scene.refused(with(&|bytes| bytes[8] = 77), expired, "not held");
    scene.refused(with(&|bytes| bytes[0] ^= 1), ResumeOutcome::Stale, "started anew");
    let reason = LeaveReason::Rejected(Rejection::Ticket);
    assert_eq!(scene.rig.left(reason, LeavePath::Read), 7);
    scene.ada.listen();
    assert_eq!(scene.ada.end, None);
    assert_eq!(scene.come_back(knows.resume).id, Some(EVE), "and the good one is still good");
}

#[test]
fn whoever_says_goodbye_or_breaks_the_rules_has_no_seat_to_come_back_to() {
    for fault in [None, Some([0, 0, 0, 0])] {
        SEEN.with_borrow_mut(Vec::clear);
        let mut scene = Scene::new(Limits::DEFAULT);
        scene.eve.listen();
        let knows = Knows::of(&scene.eve);
        match fault {
            None => scene.eve.say(&ClientMessage::Goodbye),
            Some(bytes) => scene.eve.send(&bytes),
        }
        scene.rig.turn_until("the leave is counted", |rig| rig.left_in_all() == 1);
        scene.rig.turn_ticks(2);
        let cause = if fault.is_some() { "Misbehaved" } else { "Goodbye" };
        assert_eq!(seen_of_eve(), ["joined".to_owned(), format!("left by {cause}:")]);
        scene.refused(knows.resume, ResumeOutcome::Expired, "not held");
    }
}

/// Events that are too old to be kept are lost, and the client is told how many.
#[test]
fn what_is_too_old_is_known_to_be_lost() {
    let mut scene = Scene::new(Limits { resume_events_max: 3, ..Limits::DEFAULT });
    scene.rig.turn_ticks(2);
    let knows = scene.lose_eve();
    scene.rig.turn_ticks(6);
    let mut again = scene.come_back(knows.resume);
    again.listen();
    let heard = events(&again);
    let lost = again.events_seen - heard.len() as u32 - knows.resume.events_seen;
    assert!(lost >= 3, "{lost} events were lost");
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "the rest is whole: {heard:?}");
}

#[test]
fn silence_that_heals_is_shown_as_a_stall_and_costs_nothing() {
    let limits = Limits { ping_after_ms: 100, stalled_after_ms: 300, ..Limits::DEFAULT };
    let mut scene = Scene::new(limits);
    let Scene { rig, ada, eve } = &mut scene;
    rig.turn_until("eve is shown as stalled", |_| {
        ada.answer_pings();
        ada.presences() == [(EVE, Presence::Stalled)]
    });
    rig.turn_until("eve is here again", |_| {
        ada.answer_pings();
        eve.answer_pings();
        ada.presences().last() == Some(&(EVE, Presence::Here))
    });
    assert_eq!(seen_of_eve(), ["joined", "stalled", "recovered"]);
    assert_eq!(rig.left_in_all(), 0);
    let silences = &rig.event_loop.hub().metrics().silences;
    assert_eq!(silences.count(), 1);
    assert!(silences.sum_seconds() >= 0.3, "{}", silences.sum_seconds());
}

#[test]
fn a_player_that_is_away_can_be_kicked() {
    let mut scene = Scene::new(Limits::DEFAULT);
    let knows = scene.lose_eve();
    scene.ada.input(1, &[1]);
    scene
        .rig
        .turn_until("the seat is free", |rig| rig.event_loop.hub().lobby().players_away() == 0);
    scene.rig.turn_ticks(2);
    assert_eq!(seen_of_eve(), ["joined", "disconnected", "left by Kicked:"]);
    scene.refused(knows.resume, ResumeOutcome::Expired, "not held");
}

/// A room whose players are all away is kept for them, and goes when the last seat is given up.
#[test]
fn an_empty_room_is_kept_while_somebody_may_come_back() {
    let mut scene = Scene::new(Limits { resume_window_ms: 400, ..Limits::DEFAULT });
    scene.lose_eve();
    scene.ada.listen();
    let knows = Knows::of(&scene.ada);
    let stand_in = Player::connect(scene.rig.address);
    std::mem::replace(&mut scene.ada, stand_in).leave_by_reset();
    scene.rig.turn_until("both are away", |rig| rig.event_loop.hub().lobby().players_away() == 2);
    let mut ada = scene.come_back(knows.resume);
    assert_eq!(ada.id, Some(PlayerId(1)));
    scene.rig.turn_until("eve's seat is given up", |rig| {
        ada.answer_pings();
        rig.event_loop.hub().lobby().players_away() == 0
    });
    ada.leave_by_reset();
    let hub_rooms = |rig: &mut Rig| rig.event_loop.hub().lobby().rooms().len();
    scene.rig.turn_until("the room is gone", |rig| hub_rooms(rig) == 0);
    assert_eq!(scene.rig.event_loop.hub().metrics().seats_given_up, 2);
    let seen = SEEN.with_borrow(Vec::clone);
    let count = |what: &str| seen.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((count("joined"), count("left")), (2, 2), "{seen:?}");
}

/// A server that did not run for longer than the window has not given anybody the time to return.
#[test]
fn a_pause_of_the_server_does_not_use_up_the_window() {
    let mut scene = Scene::new(Limits { resume_window_ms: 5_000, ..Limits::DEFAULT });
    let knows = scene.lose_eve();
    scene.rig.turn_ticks(1);
    scene.rig.event_loop.net().jump(Duration::from_secs(3_600));
    scene.rig.turn_ticks(1);
    assert_eq!(scene.rig.event_loop.hub().metrics().pauses, 1);
    assert_eq!(scene.come_back(knows.resume).id, Some(EVE));
}

#[test]
fn a_stop_holds_no_seats() {
    let mut scene = Scene::new(Limits::DEFAULT);
    scene.lose_eve();
    scene.rig.event_loop.net().inner().waker().wake().expect("the poll can be woken");
    let Scene { mut rig, mut ada, .. } = scene;
    rig.event_loop.run().expect("the poll works");
    ada.listen();
    assert_eq!(ada.end, Some(End::Eof));
    assert_eq!(rig.event_loop.hub().lobby().players_away(), 0);
    let seen = SEEN.with_borrow(Vec::clone);
    assert_eq!(seen.iter().filter(|line| line.starts_with("left")).count(), 2, "{seen:?}");
}

/// Players who come and vanish in great numbers cannot make the server hold ever more seats.
#[test]
fn the_seats_that_are_held_are_bounded_and_the_oldest_go_first() {
    let mut scene = Scene::new(Limits { seats_held_max: 2, ..Limits::DEFAULT });
    let eve = scene.lose_eve();
    let mut lost = Vec::new();
    for name in ["mallory", "trent", "victor"] {
        scene.eve = scene.rig.join(name);
        lost.push(scene.lose_eve());
        assert!(scene.rig.event_loop.hub().lobby().players_away() <= 2);
    }
    scene.refused(eve.resume, ResumeOutcome::Expired, "not held");
    scene.refused(lost[0].resume, ResumeOutcome::Expired, "not held");
    assert_eq!(scene.come_back(lost[2].resume).id, Some(PlayerId(5)));
}

/// Where no seats are held, none are offered.
#[test]
fn a_server_that_holds_no_seats_offers_no_way_back() {
    let mut rig = Rig::hosting::<Witness>(Limits { resume_window_ms: 0, ..Limits::DEFAULT });
    let ada = rig.join("ada");
    assert_eq!(ada.offer, None);
}
