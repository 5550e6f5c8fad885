//! Seats without sockets: any order of coming, losing, returning and going, against a model.
//!
//! The lobby is driven directly. The model knows for each player whether it is connected, and
//! which tickets are good; the game writes down its hooks. Whatever happens, the game sees exactly
//! one `left` for each `joined`, and disconnections and returns in turn between them.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use gamekeeper::{
    Audience, Game, Games, LeaveCause, Outbox, PlayerId, PlayerInput, Setup, Tick,
    frames::SharedFrame,
    ids::{ConnectionId, Place},
    limits::Limits,
    room::{Sink, lobby::Lobby, returning::TicketFault},
    time::Time,
};
use gamekeeper_protocol::{EncodeError, Resume, ServerMessage, Ticket};
use gamekeeper_tests::rig::lobby_of;
use proptest::prelude::*;

const LIMITS: Limits = Limits { resume_window_ms: 1_000, ..Limits::DEFAULT };

thread_local! {
    static HOOKS: RefCell<BTreeMap<PlayerId, Vec<Hook>>> = const { RefCell::new(BTreeMap::new()) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hook {
    Joined,
    Disconnected,
    Resumed,
    Left,
}

fn note(player: PlayerId, hook: Hook) {
    HOOKS.with_borrow_mut(|hooks| hooks.entry(player).or_default().push(hook));
}

/// A game that writes down who comes and who goes.
struct Diary;

impl Game for Diary {
    const NAME: &'static str = "diary";
    type Input = ();
    type Snapshot = ();
    type Event = ();

    fn new(_setup: Setup) -> Self {
        Self
    }

    fn joined(&mut self, player: PlayerId, _name: &str, _out: &mut Outbox<()>) {
        note(player, Hook::Joined);
    }

    fn disconnected(&mut self, player: PlayerId, _out: &mut Outbox<()>) {
        note(player, Hook::Disconnected);
    }

    fn resumed(&mut self, player: PlayerId, _out: &mut Outbox<()>) {
        note(player, Hook::Resumed);
    }

    fn left(&mut self, player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<()>) {
        note(player, Hook::Left);
    }

    fn step(&mut self, _tick: Tick, _inputs: &[PlayerInput<()>], _out: &mut Outbox<()>) {}

    fn snapshot(&self, _audience: Audience) {}
}

/// Collects the tickets that connections are given.
#[derive(Default)]
struct Tickets(BTreeMap<ConnectionId, Ticket>);

impl Sink for Tickets {
    fn reliable(&mut self, to: ConnectionId, frame: &SharedFrame) {
        let message = ServerMessage::decode(frame.message()).expect("a message");
        if let ServerMessage::Welcome(welcome) = message {
            let twice = self.0.insert(to, welcome.resume.expect("seats are held").ticket);
            assert_eq!(twice, None, "a connection is welcomed once");
        }
    }

    fn latest(&mut self, _to: ConnectionId, _frame: &SharedFrame) {}

    fn kick(&mut self, _who: ConnectionId, _text: String) {}

    fn unreadable(&mut self, _who: ConnectionId, error: &EncodeError) {
        panic!("the diary has nothing that cannot be sent: {error}");
    }
}

/// A player as the model sees it.
struct Person {
    place: Place,
    /// The connection that has the seat, or when the seat is given up.
    link: Result<ConnectionId, Time>,
    /// The ticket it would show.
    ticket: Option<Ticket>,
    /// The one before it, which it came back with, and whether that one is spent.
    before: Option<(Ticket, bool)>,
}

#[derive(Clone, Debug)]
enum Step {
    Join,
    Lose(usize),
    Goodbye(usize),
    Resume(usize),
    ResumeWithOld(usize),
    Forge(usize, u8),
    Heard(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Join),
        3 => (0usize..8).prop_map(Step::Lose),
        1 => (0usize..8).prop_map(Step::Goodbye),
        3 => (0usize..8).prop_map(Step::Resume),
        1 => (0usize..8).prop_map(Step::ResumeWithOld),
        1 => (0usize..8, any::<u8>()).prop_map(|(who, bit)| Step::Forge(who, bit)),
        2 => (0usize..8).prop_map(Step::Heard),
        4 => (0u64..400).prop_map(Step::Wait),
    ]
}

struct World {
    lobby: Lobby,
    sink: Tickets,
    now: Time,
    people: Vec<Person>,
    next_slot: u32,
}

impl World {
    fn new() -> Self {
        HOOKS.with_borrow_mut(BTreeMap::clear);
        Self {
            lobby: lobby_of(Games::none().with::<Diary>(), &LIMITS, 3),
            sink: Tickets::default(),
            now: Time::from_nanos(1),
            people: Vec::new(),
            next_slot: 0,
        }
    }

    fn connection(&mut self) -> ConnectionId {
        self.next_slot += 1;
        ConnectionId { slot: self.next_slot, generation: 0 }
    }

    fn take(&mut self, step: &Step) {
        let pick =
            |people: &Vec<Person>, who: usize| (!people.is_empty()).then(|| who % people.len());
        match *step {
            Step::Join => {
                let connection = self.connection();
                let place = self.lobby.join("diary", "ada", connection, self.now).expect("a seat");
                let link = Ok(connection);
                self.people.push(Person { place, link, ticket: None, before: None });
            }
            Step::Lose(who) => {
                let Some(who) = pick(&self.people, who) else { return };
                let Person { place, link: Ok(connection), .. } = self.people[who] else { return };
                self.lobby.lose(place, connection, LeaveCause::Disconnected, self.now);
                if self.people[who].ticket.is_some() {
                    self.people[who].link = Err(self.now + Duration::from_secs(1));
                } else {
                    self.people.remove(who);
                }
            }
            Step::Goodbye(who) => {
                let Some(who) = pick(&self.people, who) else { return };
                let Person { place, link: Ok(connection), .. } = self.people[who] else { return };
                self.lobby.leave(place, connection, LeaveCause::Goodbye, self.now);
                self.people.remove(who);
            }
            Step::Resume(who) => {
                let Some(who) = pick(&self.people, who) else { return };
                let Some(ticket) = self.people[who].ticket else { return };
                self.resume(who, ticket);
            }
            Step::ResumeWithOld(who) => {
                let Some(who) = pick(&self.people, who) else { return };
                let Some((ticket, spent)) = self.people[who].before else { return };
                if spent {
                    self.refused(ticket, TicketFault::Replayed);
                } else {
                    self.resume(who, ticket);
                }
            }
            Step::Forge(who, bit) => {
                let Some(who) = pick(&self.people, who) else { return };
                let Some(mut ticket) = self.people[who].ticket else { return };
                ticket.0[16 + usize::from(bit) / 16] ^= 1 << (bit % 8);
                self.refused(ticket, TicketFault::Forged);
            }
            Step::Heard(who) => {
                let Some(who) = pick(&self.people, who) else { return };
                let Person { place, link: Ok(connection), .. } = self.people[who] else { return };
                let welcomed = self.sink.0.contains_key(&connection);
                assert_eq!(self.lobby.heard_again(place, connection), welcomed);
                if welcomed && let Some((_, spent)) = &mut self.people[who].before {
                    *spent = true;
                }
            }
            Step::Wait(milliseconds) => self.wait(milliseconds),
        }
    }

    /// A ticket that is good: the player is back, whoever had the seat before has it no more.
    fn resume(&mut self, who: usize, ticket: Ticket) {
        let connection = self.connection();
        let resume = Resume { ticket, events_seen: 0 };
        let resumed = self.lobby.resume(&resume, connection, self.now).expect("a good ticket");
        let person = &mut self.people[who];
        assert_eq!((resumed.place, resumed.replaces), (person.place, person.link.ok()));
        if let Some(old) = resumed.replaces {
            // What the old connection says late changes nothing.
            self.lobby.lose(person.place, old, LeaveCause::Disconnected, self.now);
            self.lobby.leave(person.place, old, LeaveCause::Goodbye, self.now);
        }
        person.link = Ok(connection);
        person.before = Some((ticket, false));
        // The new one is not known before the welcome has come.
        person.ticket = Some(ticket);
    }

    fn refused(&mut self, ticket: Ticket, fault: TicketFault) {
        let connection = self.connection();
        let resume = Resume { ticket, events_seen: 0 };
        let counts = (self.lobby.players(), self.lobby.players_away());
        assert_eq!(self.lobby.resume(&resume, connection, self.now), Err(fault));
        assert_eq!((self.lobby.players(), self.lobby.players_away()), counts);
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now = self.now + Duration::from_millis(milliseconds);
        self.lobby.expire(self.now);
        let now = self.now;
        let expired = |person: &Person| person.link.is_err_and(|until| until <= now);
        let gone: Vec<Person> = self.people.extract_if(.., |person| expired(person)).collect();
        while self.lobby.tick_next(self.now, self.now, &mut self.sink).is_some() {}
        for person in &mut self.people {
            if let Some(ticket) = person.link.ok().and_then(|id| self.sink.0.get(&id)) {
                person.ticket = Some(*ticket);
            }
        }
        for ticket in gone.iter().filter_map(|person| person.ticket) {
            self.refused(ticket, TicketFault::Expired);
        }
    }

    fn check(&self) {
        let away = self.people.iter().filter(|person| person.link.is_err()).count();
        assert_eq!(self.lobby.players_away(), away);
        assert_eq!(self.lobby.players(), self.people.len() - away);
        let seats: usize = self.lobby.rooms().map(gamekeeper::room::Room::players).sum();
        assert_eq!(seats, self.people.len());
        HOOKS.with_borrow(|hooks| hooks.values().for_each(|hooks| check_order(hooks)));
    }
}

/// `joined`, then `disconnected` and `resumed` in turn, then perhaps `left`.
fn check_order(hooks: &[Hook]) {
    for (index, hook) in hooks.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| hooks[before]);
        let legal = match hook {
            Hook::Joined => before.is_none(),
            Hook::Disconnected => matches!(before, Some(Hook::Joined | Hook::Resumed)),
            Hook::Resumed => before == Some(Hook::Disconnected),
            Hook::Left => !matches!(before, None | Some(Hook::Left)),
        };
        assert!(legal, "{hooks:?}");
    }
}

proptest! {
    #[test]
    fn every_player_joins_once_and_leaves_once(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.wait(100);
        world.lobby.hold_no_seats(world.now);
        world.people.retain(|person| person.link.is_ok());
        for person in std::mem::take(&mut world.people) {
            let connection = person.link.expect("the others are not here any more");
            world.lobby.leave(person.place, connection, LeaveCause::Closed, world.now);
        }
        world.check();
        prop_assert_eq!(world.lobby.rooms().len(), 0);
        world.wait(100);
        prop_assert_eq!(world.lobby.next_due(), None);
        HOOKS.with_borrow(|hooks| {
            for (player, hooks) in hooks {
                assert_eq!(hooks.last(), Some(&Hook::Left), "player {player}: {hooks:?}");
            }
        });
    }
}
