//! A scene: a server, two innocent players in a room, and an actor who leaves in some way.
//!
//! Whatever the way, the same must hold, and [`Scene::ends`] checks it: the leave is counted
//! exactly once, with its reason and path; the innocents miss no tick, hear of it exactly once and
//! stay; and descriptors, slots, timers and memory are back where they were.

use std::io::Write as _;

use gamekeeper::{
    LeaveCause, PlayerId,
    client::{
        leave::{LeavePath, LeaveReason},
        phase::Phase,
    },
    ids::ConnectionId,
    limits::Limits,
    metrics::Farewell,
};
use gamekeeper_protocol::ClientMessage;
use gamekeeper_tests::{
    player::{Player, Transport},
    program::Program,
    rig::{AT_ONCE, Rig},
};

use crate::{ALLOCATOR, CLIENT, transports};

/// Limits that are as strict as tests need, so that they need not wait. No seat is held.
pub(crate) const QUICK: Limits = Limits {
    hello_timeout_ms: 300,
    frame_timeout_ms: 300,
    ping_after_ms: 200,
    ping_every_ms: 300,
    heartbeat_timeout_ms: 1_000,
    out_stall_ms: 600,
    out_soft_ms: 300,
    linger_ms: 500,
    serve_ms: 500,
    ..AT_ONCE
};

/// For a loop that is blindfolded, and so hears no pongs: nobody leaves for silence.
pub(crate) const DEAF: Limits = Limits {
    ping_after_ms: 60_000,
    ping_every_ms: 60_000,
    heartbeat_timeout_ms: 300_000,
    out_stall_ms: 300_000,
    ..QUICK
};

/// For sockets that are soon full, and may stay so.
pub(crate) const STUFFED: Limits = Limits {
    out_stall_ms: 60_000,
    socket_send_buffer_bytes: 4_096,
    heartbeat_timeout_ms: 60_000,
    ..QUICK
};

/// Heap bytes that may be in use without anybody's fault: the server remembers who left last, with
/// what led to it, and a queue may have had room for one less.
const HEAP_SLACK_BYTES: usize = 16 * 1024;

/// The connection of the innocent who is a native client always.
const BOB: ConnectionId = ConnectionId { slot: 1, generation: 0 };

/// A server, and those who play on whatever happens.
pub(crate) struct Scene {
    pub(crate) rig: Rig,
    /// What everybody speaks but the second innocent, who is a native client always: so what is
    /// made for a room is sent to both kinds.
    transport: Transport,
    innocents: [Player; 2],
    before: Baseline,
    /// Leaves that were counted before the act.
    left_before: u64,
    /// Farewells that were counted before the act, by outcome.
    farewells_before: [u64; Farewell::LABELS.len()],
}

/// What must be as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Baseline {
    descriptors: usize,
    connections: usize,
    timers: usize,
    players: usize,
    heap_bytes: usize,
}

/// A client in a process of its own, as `main` runs it: joins, says so, and then reads and answers,
/// or does nothing at all.
pub(crate) fn client_process(address: &str, reads: bool, transport: Transport) -> ! {
    let address = address.parse().expect("an address");
    let mut player = Player::connect(address).speaking(transport);
    player.listen_until("it may speak", Player::may_speak);
    player.hello("", "process");
    player.listen_until("it is welcome", |player| player.try_welcome().is_some());
    say(&format!("joined {}", player.id.expect("it is welcome")));
    loop {
        if reads {
            player.answer_pings();
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// How an act ends: what is counted, and what the others are told.
pub(crate) struct Ending {
    /// The one reason.
    pub(crate) reason: LeaveReason,
    /// The path; more than one only where the kernel leaves it open which is first.
    pub(crate) paths: &'static [LeavePath],
    /// Who left, if it was a player that the others knew.
    pub(crate) who: Option<PlayerId>,
}

impl Scene {
    /// Two innocents in a room of a server with these limits.
    pub(crate) fn new(transport: Transport, limits: Limits) -> Self {
        Self::on(transport, Rig::new(limits))
    }

    /// Two innocents in a room of this server.
    pub(crate) fn on(transport: Transport, mut rig: Rig) -> Self {
        let ada = Player::connect(rig.address).speaking(transport);
        let innocents = [rig.join_on(ada, "ada"), rig.join("bob")];
        let before =
            Baseline { descriptors: 0, connections: 0, timers: 0, players: 0, heap_bytes: 0 };
        let (left_before, farewells_before) = (0, Default::default());
        let mut scene = Self { rig, transport, innocents, before, left_before, farewells_before };
        // Somebody comes and goes first: what grows once for the first guest is not a leak.
        for _ in 0..2 {
            let mut guest = scene.join("guest");
            guest.say(&ClientMessage::Goodbye);
            scene.turn_until("the guest has left", |scene| {
                scene.rig.event_loop.hub().connections() == 2
            });
        }
        scene.begin_again();
        scene
    }

    /// What comes counts from here.
    pub(crate) fn begin_again(&mut self) {
        self.turn_until("everybody else is gone", |scene| {
            scene.rig.event_loop.hub().connections() == 2
        });
        self.turn_ticks(2);
        self.left_before = self.rig.left_in_all();
        self.farewells_before = self.rig.event_loop.hub().metrics().farewells;
        self.forget_transcripts();
        self.before = self.baseline();
    }

    /// Somebody who has connected. A browser has asked for a WebSocket, and must wait until it
    /// [may speak](Scene::let_speak).
    pub(crate) fn connect(&self) -> Player {
        Player::connect(self.rig.address).speaking(self.transport)
    }

    /// The same, with a receive buffer so small that the server soon notices if nobody reads.
    pub(crate) fn connect_narrow(&self) -> Player {
        Player::connect_narrow(self.rig.address).speaking(self.transport)
    }

    /// Turns the server until it is listened to.
    #[track_caller]
    pub(crate) fn let_speak(&mut self, actor: &mut Player) {
        self.turn_until("it may speak", |_| actor.may_speak());
    }

    /// A player who has joined, and is the actor.
    #[track_caller]
    pub(crate) fn join(&mut self, name: &str) -> Player {
        let actor = self.connect();
        self.join_on(actor, name)
    }

    /// A player in a process of its own, who reads and answers, or does neither.
    pub(crate) fn join_process(&mut self, reads: bool) -> (Program, PlayerId) {
        let program = std::env::current_exe().expect("this is a program");
        let address = self.rig.address.to_string();
        let how = if reads { "reads" } else { "idles" };
        let transport = transports::in_words(self.transport);
        let program = program.to_str().expect("an ordinary path");
        let mut process = Program::start(program, &[CLIENT, &address, how, transport]);
        let mut joined = None;
        self.turn_until("the process has joined", |_| {
            joined = process.line_by_now("joined ");
            joined.is_some()
        });
        let id = joined.and_then(|id| id.parse().ok()).expect("a number");
        (process, PlayerId(id))
    }

    /// From now on the loop learns only by writing that somebody is gone.
    pub(crate) fn blindfold(&mut self) {
        self.rig.event_loop.net_mut().blindfold();
    }

    /// A player who does not read, and whose socket is full. Needs states as large as the
    /// benchmark's, and limits like [`STUFFED`].
    pub(crate) fn join_stuffed(&mut self) -> Player {
        let actor = self.connect_narrow();
        let actor = self.join_on(actor, "stuffed");
        let id = *self.guests().last().expect("it is in");
        self.turn_until("its socket is full", |scene| {
            scene.rig.event_loop.hub().unsent_bytes(id) > 0
        });
        actor
    }

    /// The connections of everybody but the innocents, who came first.
    pub(crate) fn guests(&self) -> Vec<ConnectionId> {
        let hub = self.rig.event_loop.hub();
        (2..50).filter_map(|slot| hub.id_of(slot)).collect()
    }

    /// A player who joins over this connection.
    #[track_caller]
    pub(crate) fn join_on(&mut self, mut actor: Player, name: &str) -> Player {
        self.let_speak(&mut actor);
        actor.hello("", name);
        self.turn_until("the actor is welcome", |_| actor.try_welcome().is_some());
        self.check_transport();
        actor
    }

    /// The server takes everybody who has joined for what they are meant to speak. Else it would be
    /// the other transport of which the test shows something.
    #[track_caller]
    fn check_transport(&self) {
        let hub = self.rig.event_loop.hub();
        let all = (0..hub.slots()).filter_map(|slot| hub.in_slot(slot));
        for (id, client) in all.filter(|(_, client)| matches!(client.phase, Phase::Playing(_))) {
            let is_web = self.transport == Transport::WebSocket && id != BOB;
            assert_eq!(client.inbox.is_web(), is_web, "connection {id}");
        }
    }

    /// Turns the server until `done` says so, while the innocents play.
    #[track_caller]
    pub(crate) fn turn_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = std::time::Instant::now() + gamekeeper_tests::PATIENCE;
        while !done(self) {
            assert!(std::time::Instant::now() < deadline, "waited too long until {what}");
            self.innocents.iter_mut().for_each(Player::answer_pings);
            let mut turned = false;
            self.rig.turn_until(what, |_| std::mem::replace(&mut turned, true));
        }
    }

    /// Turns the server for some time, while the innocents play.
    #[track_caller]
    pub(crate) fn turn_for(&mut self, time: std::time::Duration) {
        let end = std::time::Instant::now() + time;
        self.turn_until("the time is over", |_| std::time::Instant::now() >= end);
    }

    /// Turns the server for some ticks of its rooms, while the innocents play.
    #[track_caller]
    pub(crate) fn turn_ticks(&mut self, ticks: u64) {
        let end = self.rig.event_loop.hub().metrics().ticks + ticks;
        self.turn_until("the rooms have ticked", |scene| {
            scene.rig.event_loop.hub().metrics().ticks >= end
        });
    }

    /// Leaves that were counted since the scene began.
    pub(crate) fn left(&self) -> u64 {
        self.rig.left_in_all() - self.left_before
    }

    /// Farewells that ended so since the scene began.
    pub(crate) fn farewells(&self, outcome: Farewell) -> u64 {
        let now = self.rig.event_loop.hub().metrics().farewells;
        now[outcome as usize] - self.farewells_before[outcome as usize]
    }

    /// The actor is gone: waits for its one leave and checks everything.
    #[track_caller]
    pub(crate) fn ends(self, ending: &Ending) {
        self.ends_with((), ending, |()| {});
    }

    /// The actor is still there, and goes on with what it does until its one leave is counted; then
    /// everything is checked. `actor` is whatever has its sockets and processes.
    #[track_caller]
    pub(crate) fn ends_with<A>(
        mut self,
        mut actor: A,
        ending: &Ending,
        mut go_on: impl FnMut(&mut A),
    ) {
        self.turn_until("the leave is counted", |scene| {
            go_on(&mut actor);
            scene.left() > 0
        });
        self.turn_ticks(3);
        self.check_counts(ending);
        let gone = ending.who.map(|who| (who, ending.reason.cause()));
        self.check_bystanders(gone.as_slice());
        drop(actor);
        self.check_baseline();
    }

    /// The server and the innocents, for a test that goes its own way from here.
    pub(crate) fn into_parts(self) -> (Rig, [Player; 2]) {
        (self.rig, self.innocents)
    }

    /// How many membership frames with departures one innocent has heard.
    pub(crate) fn notices(&mut self) -> usize {
        self.innocents[0].listen();
        self.innocents[0].departures().len()
    }

    /// Nothing has ended: the innocents and the actor are still there.
    #[track_caller]
    pub(crate) fn nobody_left(mut self, actor: &mut Player) {
        actor.listen();
        assert_eq!((self.left(), actor.end), (0, None), "nobody was to leave");
        for innocent in &mut self.innocents {
            innocent.listen();
            assert_eq!(innocent.end, None);
            check_ticks(innocent);
            assert!(innocent.departures().is_empty());
        }
    }

    /// The one leave is counted, and no other.
    #[track_caller]
    pub(crate) fn check_counts(&self, Ending { reason, paths, .. }: &Ending) {
        let metrics = self.rig.event_loop.hub().metrics();
        let counted: u64 = paths.iter().map(|path| self.rig.left(*reason, *path)).sum();
        // The guests of the beginning have left by a goodbye that was read.
        let guests = if *reason == LeaveReason::Goodbye { self.left_before } else { 0 };
        let all = counts(&metrics.leaves);
        assert_eq!(counted - guests, 1, "one leave, {reason:?} by {paths:?}; counted are {all}");
        assert_eq!(self.left(), 1, "and no other: {all}");
        // Counted are labels; the last words of some reasons are not in them.
        let newest = self.rig.event_loop.hub().departures().newest_first().next();
        let newest = newest.expect("departures are remembered").leave.reason;
        assert_eq!(newest, *reason, "the very reason");
        assert!(self.rig.event_loop.hub().ledger_balances(), "the ledger balances: {all}");
    }

    /// The innocents are still there, have missed no tick, and were told of exactly these.
    #[track_caller]
    pub(crate) fn check_bystanders(&mut self, gone: &[(PlayerId, LeaveCause)]) {
        for innocent in &mut self.innocents {
            innocent.listen();
            assert_eq!(innocent.end, None, "an innocent was hurt");
            check_ticks(innocent);
            let notices = innocent.departures();
            let mut told: Vec<_> =
                notices.iter().flatten().map(|gone| (gone.player, gone.cause)).collect();
            told.sort_unstable();
            assert_eq!(told, gone, "told of each exactly once, and of nobody else");
        }
    }

    /// Descriptors, slots, timers, players and memory are back where they were.
    #[track_caller]
    pub(crate) fn check_baseline(&mut self) {
        self.turn_until("the connection is closed", |scene| {
            scene.rig.event_loop.hub().connections() == scene.before.connections
        });
        // Timers of those who are gone may fire once more, into nothing.
        self.turn_ticks(2);
        self.turn_until("the innocents have read everything", |scene| {
            let hub = scene.rig.event_loop.hub();
            (0..2).filter_map(|slot| hub.id_of(slot)).all(|id| hub.unsent_bytes(id) == 0)
        });
        self.forget_transcripts();
        let after = self.baseline();
        let heap_bytes = after.heap_bytes.saturating_sub(self.before.heap_bytes);
        assert!(heap_bytes <= HEAP_SLACK_BYTES, "{heap_bytes} heap bytes were not given back");
        let heap_bytes = self.before.heap_bytes;
        assert_eq!(Baseline { heap_bytes, ..after }, self.before, "back where it was");
        let now = gamekeeper::shell::net::Net::now(self.rig.event_loop.net());
        self.rig.event_loop.hub().check_invariants(now);
    }

    fn baseline(&self) -> Baseline {
        let hub = self.rig.event_loop.hub();
        Baseline {
            descriptors: std::fs::read_dir("/proc/self/fd").expect("this is Linux").count(),
            connections: hub.connections(),
            timers: hub.timers(),
            players: hub.lobby().players() + hub.lobby().players_away(),
            heap_bytes: ALLOCATOR.allocated(),
        }
    }

    /// What was written down for the test's own use is not the server's memory.
    fn forget_transcripts(&mut self) {
        for innocent in &mut self.innocents {
            // A ping that was forgotten would never be answered.
            innocent.answer_pings();
            innocent.forget();
        }
        self.rig.event_loop.net_mut().sends = Vec::new();
    }
}

impl Ending {
    /// The leave of a player whom the others know.
    pub(crate) fn of(actor: &Player, reason: LeaveReason, paths: &'static [LeavePath]) -> Self {
        Self { reason, paths, who: actor.id }
    }

    /// The leave of somebody who never became a player.
    pub(crate) fn of_a_stranger(reason: LeaveReason, paths: &'static [LeavePath]) -> Self {
        Self { reason, paths, who: None }
    }
}

/// No tick is missing between the first and the last snapshot.
#[track_caller]
fn check_ticks(player: &Player) {
    let ticks = player.ticks();
    let gaps: Vec<_> = ticks.windows(2).filter(|pair| pair[1] != pair[0] + 1).collect();
    assert!(ticks.len() > 2 && gaps.is_empty(), "{} ticks, with gaps {gaps:?}", ticks.len());
}

fn counts(leaves: &[[u64; 6]; LeaveReason::LABELS.len()]) -> String {
    let mut all = Vec::new();
    for (reason, by_path) in LeaveReason::LABELS.into_iter().zip(leaves) {
        for (path, count) in LeavePath::LABELS.into_iter().zip(by_path).filter(|(_, n)| **n > 0) {
            all.push(format!("{reason}/{path} {count}"));
        }
    }
    all.join(", ")
}

/// Says something to whoever runs the tests.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
