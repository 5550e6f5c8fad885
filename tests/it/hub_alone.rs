//! The hub without any socket, on a clock that the test turns.

use std::{collections::BTreeMap, io::IoSlice, time::Duration};

use gamekeeper::{
    client::leave::{LeavePath, LeaveReason, ProtocolFault},
    hub::{End, Errno, Hearing, Hub, Input, Output},
    ids::{ConnectionId, PeerAddr},
    limits::Limits,
    time::Time,
};
use gamekeeper_protocol::{ClientMessage, Hello, InputSequence, codec::Bytes};
use gamekeeper_tests::rig::{AT_ONCE, lobby};
use proptest::prelude::*;

/// A hub, its clock, and sockets that are nothing but a number of bytes they take.
struct World {
    hub: Hub,
    now: Time,
    open: Vec<ConnectionId>,
    /// Connections whose socket takes no bytes.
    stuck: Vec<ConnectionId>,
    closed: BTreeMap<ConnectionId, u32>,
    /// Those among them whose socket was reset, in that order.
    reset: Vec<ConnectionId>,
    /// Connections whose half was shut down, in that order.
    shut: Vec<ConnectionId>,
    /// When each connection is to be read, if that was ever said.
    hearing: BTreeMap<ConnectionId, Hearing>,
    /// What no peer has acknowledged.
    unsent_bytes: usize,
}

impl World {
    fn new(limits: Limits) -> Self {
        let now = Time::from_nanos(1_000_000_000);
        Self {
            hub: Hub::new(limits.clone(), "arena".to_owned(), lobby(&limits, 4), now),
            now,
            open: Vec::new(),
            stuck: Vec::new(),
            closed: BTreeMap::new(),
            reset: Vec::new(),
            shut: Vec::new(),
            hearing: BTreeMap::new(),
            unsent_bytes: 0,
        }
    }

    fn connect(&mut self) -> ConnectionId {
        let id = self.hub.admit(PeerAddr::Unknown, self.now).expect("no address is counted");
        assert!(!self.open.contains(&id), "an id is given once");
        self.open.push(id);
        id
    }

    fn say(&mut self, from: ConnectionId, message: &ClientMessage<'_>) {
        let mut frame = Vec::new();
        message.encode(&mut frame).expect("short");
        self.read(from, &frame);
    }

    fn read(&mut self, from: ConnectionId, bytes: &[u8]) {
        while self.hub.resume(from, self.now) {}
        self.hub.handle(Input::Bytes { from, bytes }, self.now);
    }

    fn end(&mut self, connection: ConnectionId, how: End) {
        let path = LeavePath::Event;
        self.hub.handle(Input::Ended { connection, how, path }, self.now);
    }

    /// What the loop does between two polls.
    fn turn(&mut self, pass: Duration) {
        self.now = self.now + pass;
        self.hub.expire(self.now);
        // Everything that was said was read.
        while let Some(suspect) = self.hub.next_suspect() {
            self.hub.judge(suspect, self.now);
        }
        self.hub.settle(self.now);
        while self.hub.tick_next(self.now, self.now).is_some() {}
        self.hub.settle(self.now);
        for _ in 0..self.hub.flush_list_len() {
            let Some(id) = self.hub.next_flush() else { break };
            let mut slices = [IoSlice::new(&[]); 16];
            let count = self.hub.unsent(id, &mut slices, 65_536);
            let offered: usize = slices[..count].iter().map(|slice| slice.len()).sum();
            let taken_bytes = if self.stuck.contains(&id) { 0 } else { offered };
            if offered > 0 {
                self.hub.handle(Input::Wrote { connection: id, taken_bytes }, self.now);
            }
        }
        self.hub.settle(self.now);
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Hear { connection, when } => {
                    self.hearing.insert(connection, when);
                }
                Output::ShutdownWrite(connection) => self.shut.push(connection),
                Output::AskUnsent(connection) => {
                    let unsent_bytes = Some(self.unsent_bytes);
                    self.hub.handle(Input::Unsent { connection, unsent_bytes }, self.now);
                }
                Output::Close { connection, reset } => {
                    self.reset.extend(reset.then_some(connection));
                    *self.closed.entry(connection).or_default() += 1;
                    self.open.retain(|id| *id != connection);
                    self.hub.closed(connection);
                }
            }
        }
    }

    fn check(&self) {
        self.hub.check_invariants(self.now);
        assert!(self.hub.ledger_balances(), "{:?}", self.hub.metrics());
        assert_eq!(self.hub.connections(), self.open.len());
        assert!(self.closed.values().all(|times| *times == 1), "closed once");
        let population = self.hub.population();
        assert_eq!(
            population.handshake + population.playing + population.lingering,
            self.open.len()
        );
    }
}

#[test]
fn whoever_says_hello_is_in_and_whoever_is_silent_is_asked_and_then_out() {
    let mut world = World::new(AT_ONCE);
    let quiet = world.connect();
    world.say(quiet, &ClientMessage::Hello(Hello::new("", "quiet")));
    let mut waited = Duration::ZERO;
    while world.hub.metrics().left() == 0 {
        world.turn(Duration::from_millis(10));
        waited += Duration::from_millis(10);
    }
    let leaves = world.hub.metrics().leaves;
    assert_eq!(leaves[LeaveReason::Heartbeat.index()][LeavePath::Timer.index()], 1);
    // The deadline is six seconds; the timers are exact to a few milliseconds.
    assert!((6_000..6_050).contains(&waited.as_millis()), "{waited:?}");
    world.turn(Duration::ZERO);
    world.check();
}

/// A farewell is waited for until the peer's kernel has it, or the peer closes, or time is up.
#[test]
fn a_farewell_is_waited_for_but_not_for_ever() {
    let garbage = [1, 0, 0, 0, 0xff];
    let farewell = |world: &mut World| {
        let id = world.connect();
        world.say(id, &ClientMessage::Hello(Hello::new("", "ada")));
        world.turn(Duration::from_millis(100));
        world.unsent_bytes = 1;
        world.read(id, &garbage);
        world.turn(Duration::from_millis(500));
        world.turn(Duration::from_millis(500));
        assert_eq!(world.hub.population().lingering, 1, "still waiting after a second");
        id
    };
    let mut world = World::new(AT_ONCE);
    farewell(&mut world);
    world.unsent_bytes = 0;
    world.turn(Duration::from_millis(50));
    assert_eq!(world.hub.metrics().farewells, [1, 0, 0, 0], "acknowledged");

    let id = farewell(&mut world);
    world.end(id, End::Eof);
    world.turn(Duration::ZERO);
    assert_eq!(world.hub.metrics().farewells, [2, 0, 0, 0], "read and closed by the peer");

    farewell(&mut world);
    world.turn(Duration::from_millis(1_600));
    assert_eq!(world.hub.metrics().farewells, [2, 0, 1, 0], "given up after two seconds");

    let id = farewell(&mut world);
    world.read(id, &[0; 70_000]);
    world.turn(Duration::ZERO);
    assert_eq!(world.hub.metrics().farewells, [2, 1, 1, 0], "given up: it only talks");
    assert!(world.open.is_empty());
    world.check();
}

/// A file is given more time than a few words.
#[test]
fn a_file_of_the_page_may_come_over_a_slow_link() {
    let mut world = World::new(AT_ONCE);
    let id = world.connect();
    world.unsent_bytes = 1;
    world.read(id, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    world.turn(Duration::from_millis(100));
    world.hub.forgive(Duration::from_secs(1), world.now);
    world.turn(Duration::from_millis(29_800));
    assert_eq!(world.hub.population().lingering, 1, "it has half a minute");
    world.turn(Duration::from_millis(1_200));
    assert_eq!(world.hub.metrics().farewells, [0, 0, 1, 0], "and no more");
    world.check();
}

/// When more say goodbye than may, the oldest farewell gives way, not the newest.
#[test]
fn the_oldest_farewell_gives_way() {
    let mut world = World::new(Limits { lingering_max: 2, ..AT_ONCE });
    world.unsent_bytes = 1;
    let farewell = |world: &mut World| {
        let id = world.connect();
        world.read(id, &[0, 0, 0, 0]);
        world.turn(Duration::from_millis(1));
        world.check();
        id
    };
    let [first, second, third] = [(); 3].map(|()| farewell(&mut world));
    assert_eq!((&world.reset[..], &world.open[..]), (&[first][..], &[second, third][..]));
    world.end(third, End::Eof);
    world.turn(Duration::from_millis(1));
    let [fourth, fifth] = [(); 2].map(|()| farewell(&mut world));
    assert_eq!((&world.reset[..], &world.open[..]), (&[first, second][..], &[fourth, fifth][..]));
    assert_eq!(world.hub.metrics().farewells, [1, 0, 0, 2]);
    world.hub.stop(world.now);
    world.turn(Duration::from_secs(3));
    world.check();
    assert_eq!(world.hub.metrics().farewells, [1, 0, 2, 2]);
    assert!(world.open.is_empty());
}

/// Those who must go at one instant are all told, before it is counted how many may be waited for.
#[test]
fn a_crowd_that_is_sent_away_is_told_before_any_of_it_gives_way() {
    for unsent_bytes in [0, 1] {
        let mut world = World::new(Limits { lingering_max: 10, ..AT_ONCE });
        world.unsent_bytes = unsent_bytes;
        let crowd: Vec<_> = (0..100).map(|_| world.connect()).collect();
        crowd.iter().for_each(|id| world.read(*id, &[0, 0, 0, 0]));
        world.turn(Duration::from_millis(1));
        world.check();
        assert_eq!(world.shut, crowd, "each was told");
        let gave_way = if unsent_bytes == 0 { &[][..] } else { &crowd[..90] };
        assert_eq!(world.reset, gave_way, "the oldest, unless they have acknowledged it");
        assert_eq!(world.open.len(), if unsent_bytes == 0 { 0 } else { 10 });
    }
}

/// A stop may let players play on. Strangers are told at once, no seat is held for anybody who
/// goes, and in the end everybody is told.
#[test]
fn a_drain_ends_for_strangers_now_and_for_players_later() {
    let mut world = World::new(Limits::DEFAULT);
    let join = |world: &mut World| {
        let id = world.connect();
        world.say(id, &ClientMessage::Hello(Hello::new("", "ada")));
        id
    };
    let [away, stays, goes] = [(); 3].map(|()| join(&mut world));
    world.turn(Duration::from_millis(100));
    world.end(away, End::Eof);
    let stranger = world.connect();
    world.turn(Duration::from_millis(100));
    assert_eq!(world.hub.population().away, 1);

    world.hub.drain(world.now);
    assert!(world.hub.is_stopping() && !world.hub.has_room());
    let ticks = world.hub.metrics().ticks;
    for _ in 0..20 {
        world.turn(Duration::from_millis(50));
        world.check();
    }
    assert_eq!(world.shut, [stranger]);
    assert_eq!(world.open, [stays, goes]);
    assert_eq!(world.hub.population().away, 0, "nobody can come back any more");
    assert!(world.hub.metrics().ticks >= ticks + 20, "the game goes on");
    world.end(goes, End::Eof);
    world.turn(Duration::from_millis(50));
    assert_eq!(world.hub.population().away, 0);

    world.hub.stop(world.now);
    world.turn(Duration::from_millis(50));
    assert_eq!(world.shut, [stranger, stays]);
    let shutdowns = world.hub.metrics().leaves[LeaveReason::Shutdown.index()];
    assert_eq!(shutdowns[LeavePath::App.index()], 2);
    assert!(world.open.is_empty());
    world.check();
}

/// While players play on, others may be told goodbye, and there are still not too many of those.
#[test]
fn the_oldest_farewell_gives_way_during_a_drain() {
    let mut world = World::new(Limits { lingering_max: 2, ..AT_ONCE });
    world.unsent_bytes = 1;
    (0..5).for_each(|_| _ = world.connect());
    world.hub.drain(world.now);
    world.turn(Duration::from_millis(1));
    world.check();
    assert_eq!(world.hub.population().lingering, 2);
}

/// When the server stops, nobody gives way: all of them leave, and no newcomer needs a place.
#[test]
fn a_stop_waits_for_every_farewell() {
    let mut world = World::new(Limits { lingering_max: 10, ..AT_ONCE });
    world.unsent_bytes = 1;
    for _ in 0..100 {
        world.connect();
    }
    world.hub.stop(world.now);
    world.turn(Duration::from_millis(1));
    world.check();
    assert_eq!((world.hub.population().lingering, world.reset.len()), (100, 0));
    world.unsent_bytes = 0;
    world.turn(Duration::from_millis(50));
    assert_eq!(world.hub.metrics().farewells, [100, 0, 0, 0]);
}

/// Whoever is sent away must be able to say that it has gone, and no tick waits for it any more.
#[test]
fn who_plays_is_heard_at_ticks_and_who_is_sent_away_at_once() {
    let mut world = World::new(AT_ONCE);
    world.unsent_bytes = 1;
    let [real_time, turn_based, _stranger] = [(); 3].map(|()| world.connect());
    world.say(real_time, &ClientMessage::Hello(Hello::new("arena", "ada")));
    world.say(turn_based, &ClientMessage::Hello(Hello::new("noughts", "bob")));
    world.turn(Duration::from_millis(100));
    assert_eq!(world.hearing, BTreeMap::from([(real_time, Hearing::AtTicks)]));
    let soon = world.now + Duration::from_secs(1);
    assert!(world.hub.members_due(soon).eq([real_time]));
    world.read(real_time, &[1, 0, 0, 0, 0xff]);
    world.turn(Duration::from_millis(1));
    assert_eq!(world.hub.population().lingering, 1);
    assert_eq!(world.hearing[&real_time], Hearing::AtOnce);
    assert_eq!(world.hub.members_due(soon).count(), 0);
}

/// What follows a fault is not looked at.
#[test]
fn nothing_that_comes_after_a_fault_counts() {
    let mut world = World::new(AT_ONCE);
    let id = world.connect();
    world.say(id, &ClientMessage::Hello(Hello::new("benchmark", "ada")));
    world.turn(Duration::from_millis(100));
    let mut bytes = vec![1, 0, 0, 0, 0xff];
    let input = ClientMessage::Input { sequence: InputSequence(1), body: Bytes(&[0]) };
    input.encode(&mut bytes).expect("short");
    world.read(id, &bytes);
    world.say(id, &input);
    world.turn(Duration::ZERO);
    assert_eq!((world.hub.metrics().inputs, world.hub.metrics().left()), (0, 1));
}

/// A connection that ends for a second reason has ended for the first one.
#[test]
fn the_first_reason_counts() {
    let mut world = World::new(AT_ONCE);
    let id = world.connect();
    world.say(id, &ClientMessage::Hello(Hello::new("", "ada")));
    world.turn(Duration::from_millis(100));
    world.say(id, &ClientMessage::Goodbye);
    world.end(id, End::Errno(Errno(104)));
    world.turn(Duration::ZERO);
    let metrics = world.hub.metrics();
    assert_eq!(metrics.leaves[LeaveReason::Goodbye.index()][LeavePath::Read.index()], 1);
    assert_eq!((metrics.left(), metrics.late_reasons), (1, 1));
}

/// A server that was itself paused asks before it judges.
#[test]
fn a_pause_of_the_server_kicks_nobody() {
    let mut world = World::new(AT_ONCE);
    let ids: Vec<_> = (0..100).map(|_| world.connect()).collect();
    for id in &ids {
        world.say(*id, &ClientMessage::Hello(Hello::new("", "ada")));
    }
    world.turn(Duration::from_millis(100));
    world.turn(Duration::from_secs(60));
    assert_eq!(world.hub.metrics().left(), 0);
    for id in &ids {
        world.say(*id, &ClientMessage::Ping { nonce: 1 });
    }
    world.turn(Duration::from_secs(1));
    assert_eq!(world.hub.metrics().left(), 0);
    world.check();
}

/// A reader that takes nothing holds one snapshot, however many are made, and is gone in time.
#[test]
fn a_stuck_reader_holds_one_snapshot_and_leaves_alone() {
    let mut world = World::new(AT_ONCE);
    let (fine, stuck) = (world.connect(), world.connect());
    for id in [fine, stuck] {
        world.say(id, &ClientMessage::Hello(Hello::new("", "ada")));
    }
    world.turn(Duration::from_millis(100));
    world.stuck.push(stuck);
    let body = [0, 0, 0, 0];
    for sequence in 1.. {
        for id in [fine, stuck] {
            let sequence = InputSequence(sequence);
            world.say(id, &ClientMessage::Input { sequence, body: Bytes(&body) });
        }
        world.turn(Duration::from_millis(50));
        if world.hub.metrics().left() > 0 {
            break;
        }
        assert!(world.hub.unsent_bytes(stuck) < 1_000, "snapshots do not pile up");
        assert!(sequence < 150, "five seconds are a hundred ticks");
    }
    let leaves = world.hub.metrics().leaves;
    assert_eq!(leaves[LeaveReason::SlowConsumerTime.index()][LeavePath::Timer.index()], 1);
    world.turn(Duration::ZERO);
    assert_eq!(world.open, [fine]);
    assert!(world.hub.metrics().snapshots_skipped > 90);
}

/// Reliable frames are owed and pile up; beyond the limit their reader is given up at once.
#[test]
fn a_stuck_reader_is_given_up_when_too_much_is_owed_to_it() {
    let limits = Limits { out_stall_ms: 300_000, heartbeat_timeout_ms: 300_000, ..AT_ONCE };
    let limits = Limits { out_soft_bytes: limits.out_hard_bytes, ..limits };
    let mut world = World::new(limits);
    let stuck = world.connect();
    world.say(stuck, &ClientMessage::Hello(Hello::new("", "ada")));
    world.turn(Duration::from_millis(100));
    world.stuck.push(stuck);
    let mut most = 0;
    while world.hub.metrics().left() == 0 || world.open.contains(&stuck) {
        // The other seats are taken and given up again and again: a notice for each tick.
        let others: Vec<_> = (0..3).map(|_| world.connect()).collect();
        for other in &others {
            let name = "somebody with a rather long name";
            world.say(*other, &ClientMessage::Hello(Hello::new("", name)));
        }
        world.turn(Duration::from_millis(50));
        others.into_iter().for_each(|other| world.end(other, End::Eof));
        world.turn(Duration::from_millis(50));
        most = most.max(world.hub.unsent_bytes(stuck));
        assert!(world.closed.len() < 20_000, "never given up");
    }
    let leaves = world.hub.metrics().leaves;
    assert_eq!(leaves[LeaveReason::SlowConsumerBytes.index()][LeavePath::App.index()], 1);
    let hard = usize::try_from(AT_ONCE.out_hard_bytes).expect("64-bit system");
    assert!(most < hard, "{most} bytes were held");
}

/// Its last words were a lie, read after a write had failed: there is nobody to say so to.
#[test]
fn nobody_waits_for_a_socket_that_has_failed() {
    let mut world = World::new(AT_ONCE);
    let id = world.connect();
    world.say(id, &ClientMessage::Hello(Hello::new("", "ada")));
    world.turn(Duration::from_millis(100));
    // A socket that has failed takes nothing.
    world.stuck.push(id);
    world.read(id, &[1, 0, 0, 0, 0xff]);
    world.end(id, End::Errno(Errno(104)));
    world.turn(Duration::ZERO);
    assert!(world.open.is_empty(), "closed at once");
    let leaves = world.hub.metrics().leaves;
    assert_eq!(
        leaves[LeaveReason::Protocol(ProtocolFault::Undecodable).index()][LeavePath::Read.index()],
        1
    );
    world.check();
}

/// More than the limit at once, before the socket was offered any of it, is nobody's fault.
#[test]
fn what_was_never_offered_is_not_held_against_anybody() {
    let limits = Limits { out_hard_bytes: 8_192, out_soft_bytes: 4_096, ..AT_ONCE };
    let mut world = World::new(limits.clone());
    world.hub = Hub::new(limits.clone(), "arena".to_owned(), lobby(&limits, 500), world.now);
    let [reader, stuck] = [world.connect(), world.connect()];
    world.stuck.push(stuck);
    for id in [reader, stuck] {
        world.say(id, &ClientMessage::Hello(Hello::new("", "ada")));
    }
    // The names of so many are far more than 8 KiB, in a single tick.
    for _ in 0..400 {
        let other = world.connect();
        let name = "somebody with a rather long name";
        world.say(other, &ClientMessage::Hello(Hello::new("", name)));
    }
    world.turn(Duration::from_millis(100));
    assert!(world.open.contains(&reader), "it reads, and was not asked");
    assert!(!world.open.contains(&stuck), "it was, and takes nothing");
    let leaves = world.hub.metrics().leaves;
    assert_eq!(leaves[LeaveReason::SlowConsumerBytes.index()][LeavePath::App.index()], 1);
}

/// However long ticks take, a room ticks once in a turn; else a slow game would hold the loop.
#[test]
fn a_room_that_is_slower_than_its_period_ticks_once_in_a_turn() {
    let mut world = World::new(AT_ONCE);
    let id = world.connect();
    world.say(id, &ClientMessage::Hello(Hello::new("", "ada")));
    world.now = world.now + Duration::from_millis(60);
    let (due_by, mut now) = (world.now, world.now);
    let mut ticks = 0;
    while world.hub.tick_next(due_by, now).is_some() {
        now = now + Duration::from_secs(1);
        ticks += 1;
        assert!(ticks < 10, "the turn never ends");
    }
    assert_eq!(ticks, 1);
}

/// A turn-based room steps when somebody acts, but not as often as somebody can send.
#[test]
fn a_flood_of_moves_is_a_few_ticks() {
    let mut world = World::new(Limits { frames_burst: 2_000, ..AT_ONCE });
    let id = world.connect();
    world.say(id, &ClientMessage::Hello(Hello::new("noughts", "ada")));
    world.turn(Duration::from_millis(20));
    let before = world.hub.metrics().ticks;
    for sequence in 0..1_000 {
        let sequence = InputSequence(sequence);
        world.say(id, &ClientMessage::Input { sequence, body: Bytes(&[9]) });
        world.turn(Duration::from_micros(100));
    }
    let ticks = world.hub.metrics().ticks - before;
    assert!((5..=8).contains(&ticks), "{ticks} ticks in a tenth of a second");
}

/// One client's thousand frames are spread over turns, and none is lost.
#[test]
fn a_client_has_its_share_of_a_turn_and_no_more() {
    let mut world = World::new(Limits { frames_burst: 2_000, ..AT_ONCE });
    let id = world.connect();
    world.say(id, &ClientMessage::Hello(Hello::new("benchmark", "ada")));
    world.turn(Duration::from_millis(20));
    let mut frames = Vec::new();
    for sequence in 0..1_000 {
        let sequence = InputSequence(sequence);
        let input = ClientMessage::Input { sequence, body: Bytes(&[0]) };
        input.encode(&mut frames).expect("short");
    }
    world.hub.handle(Input::Bytes { from: id, bytes: &frames }, world.now);
    let mut turns = 1;
    assert_eq!(world.hub.metrics().inputs, 64);
    while world.hub.resume(id, world.now) {
        turns += 1;
        assert_eq!(world.hub.metrics().inputs, 64 * turns);
    }
    assert_eq!((world.hub.metrics().inputs, turns), (1_000, 15));
}

#[derive(Clone, Debug)]
enum Step {
    Connect,
    Hello(usize, &'static str),
    Input(usize, Vec<u8>),
    Raw(usize, Vec<u8>),
    Goodbye(usize),
    Eof(usize),
    Errno(usize, i32),
    Stick(usize),
    Unacknowledged(usize),
    Turn(u64),
    Drain,
    Stop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pick = 0usize..12;
    let game = prop_oneof![Just("arena"), Just("noughts"), Just("benchmark"), Just("chess")];
    let bytes = || prop::collection::vec(any::<u8>(), 1..40);
    prop::collection::vec(
        prop_oneof![
            4 => Just(Step::Connect),
            4 => (pick.clone(), game).prop_map(|(who, game)| Step::Hello(who, game)),
            3 => (pick.clone(), prop_oneof![Just(vec![0]), Just(vec![0; 4]), bytes()])
                .prop_map(|(who, body)| Step::Input(who, body)),
            2 => (pick.clone(), bytes()).prop_map(|(who, bytes)| Step::Raw(who, bytes)),
            1 => pick.clone().prop_map(Step::Goodbye),
            1 => pick.clone().prop_map(Step::Eof),
            1 => (pick.clone(), 1i32..134).prop_map(|(who, errno)| Step::Errno(who, errno)),
            1 => pick.prop_map(Step::Stick),
            1 => (0usize..2).prop_map(Step::Unacknowledged),
            6 => (0u64..3_000).prop_map(Step::Turn),
            1 => Just(Step::Drain),
            1 => Just(Step::Stop),
        ],
        1..120,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever clients do and whatever the kernel says, in any order: nothing panics, every
    /// connection is closed exactly once, the ledger balances, and in the end nobody is left.
    #[test]
    fn any_script_leaves_a_balanced_ledger_and_an_empty_server(steps in steps()) {
        let mut world = World::new(Limits { lingering_max: 3, ..AT_ONCE });
        for step in steps {
            let at = |world: &World, who: usize| {
                (!world.open.is_empty()).then(|| world.open[who % world.open.len()])
            };
            match step {
                Step::Connect if world.hub.is_stopping() => {}
                Step::Connect => { world.connect(); }
                Step::Hello(who, game) => if let Some(id) = at(&world, who) {
                    world.say(id, &ClientMessage::Hello(Hello::new(game, "ada")));
                },
                Step::Input(who, body) => if let Some(id) = at(&world, who) {
                    let sequence = InputSequence(1);
                    world.say(id, &ClientMessage::Input { sequence, body: Bytes(&body) });
                },
                Step::Raw(who, bytes) => if let Some(from) = at(&world, who) {
                    world.read(from, &bytes);
                },
                Step::Goodbye(who) => if let Some(id) = at(&world, who) {
                    world.say(id, &ClientMessage::Goodbye);
                },
                Step::Eof(who) => if let Some(id) = at(&world, who) { world.end(id, End::Eof) },
                Step::Errno(who, errno) => if let Some(id) = at(&world, who) {
                    world.end(id, End::Errno(Errno(errno)));
                },
                Step::Stick(who) => if let Some(id) = at(&world, who) { world.stuck.push(id) },
                Step::Unacknowledged(bytes) => world.unsent_bytes = bytes,
                Step::Turn(pass_ms) => {
                    world.turn(Duration::from_millis(pass_ms));
                    world.check();
                }
                Step::Drain => world.hub.drain(world.now),
                Step::Stop => world.hub.stop(world.now),
            }
        }
        world.hub.stop(world.now);
        for _ in 0..500 {
            world.turn(Duration::from_millis(10));
            world.check();
        }
        prop_assert_eq!(world.open.len(), 0, "after a stop everybody is gone");
        prop_assert_eq!(world.hub.lobby().rooms().len(), 0);
        prop_assert_eq!(world.hub.metrics().accepted, world.hub.metrics().left());
        prop_assert_eq!(world.hub.timers(), 0);
    }
}
