//! Section E of the catalogue: the server's own doing, and what one leave does to others.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd as _},
    time::{Duration, Instant},
};

use gamekeeper::{
    Audience, Game, LeaveCause, Outbox, PlayerId, PlayerInput, Setup, Tick,
    client::{
        close,
        leave::{LeavePath::*, LeaveReason},
    },
    hub::Errno,
    limits::Limits,
    metrics::AcceptOutcome,
    shell::Flow,
};
use gamekeeper_protocol::{ClientMessage, GoodbyeReason, codec};
use gamekeeper_tests::{
    PATIENCE,
    meddler::{AcceptFailure, POISON},
    player::{End, Heard, Player, Transport},
    rig::{Rig, listener},
    wire::Wire,
};
use rustix::{
    io::Errno as E,
    net::{SendFlags, send},
    process::{
        Pid, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, getrlimit, pidfd_getfd, pidfd_open,
        setrlimit,
    },
};
use socket2::{Domain, Socket, Type};

use crate::{
    Shown, Skipped, modes,
    scene::{DEAF, Ending, QUICK, STUFFED, Scene},
    transports::check_close_code,
};

modes! {
    over both {
        m42_kick_with_notice
        m43_no_descriptors
        m45_server_stop
        m46_a_bug_for_one_client
        m46_a_bug_in_the_rules
        m47_mass_disconnect
        m48_cascade
        m49_reused_slot
        m50_duplicate_descriptor
        m51_sigpipe_default
        m52_transient_and_other_errnos
        m53_the_server_pauses
    }
    alone {
        m42_control_a_plain_close_cuts_the_notice_short
        m44_backlog_overflow
    }
}

/// Half of the round trip.
const ONE_WAY: Duration = Duration::from_millis(100);
/// What the game says to somebody before it throws that player out.
const LAST_WORDS_BYTES: usize = 30_000;

/// A game that does what its players ask for: kicks them, breaks, or says too much.
struct Puppet;

impl Puppet {
    /// Asks for a speech and a kick.
    const KICK_ME: u8 = 1;
    /// Asks for an event, for this player alone, that no frame can hold.
    const TOO_MUCH_FOR_ME: u8 = 2;
    /// Asks for a panic.
    const PANIC: u8 = 3;
    /// Asks for events for everybody, thirty kilobytes in each tick from now on.
    const TALK: u8 = 4;
}

/// The game's whole state: whether it talks.
struct PuppetState {
    talks: bool,
}

impl Game for PuppetState {
    const NAME: &'static str = "puppet";
    type Input = u8;
    type Snapshot = bool;
    type Event = Vec<u8>;

    fn new(_setup: Setup) -> Self {
        Self { talks: false }
    }

    fn joined(&mut self, _player: PlayerId, _name: &str, _out: &mut Outbox<Vec<u8>>) {}

    fn left(&mut self, _player: PlayerId, _cause: LeaveCause, _out: &mut Outbox<Vec<u8>>) {}

    fn step(&mut self, _tick: Tick, inputs: &[PlayerInput<u8>], out: &mut Outbox<Vec<u8>>) {
        for PlayerInput { player, input, .. } in inputs {
            match *input {
                Puppet::KICK_ME => {
                    out.send(*player, vec![7; LAST_WORDS_BYTES]);
                    out.kick(*player, "out");
                }
                Puppet::TOO_MUCH_FOR_ME => out.send(*player, vec![7; 300_000]),
                Puppet::PANIC => panic!("a bug in the rules"),
                Puppet::TALK => self.talks = true,
                _ => {}
            }
        }
        if self.talks {
            out.broadcast(vec![7; LAST_WORDS_BYTES]);
        }
    }

    fn snapshot(&self, _audience: Audience) -> bool {
        self.talks
    }
}

/// A kicked player reads the whole notice at a round trip of 200 ms, while its own inputs are on
/// their way all the time and reach a server that has closed its side already.
fn m42_kick_with_notice(over: Transport) -> Shown {
    let limits = Limits { linger_ms: 2_000, ..QUICK };
    let wire = Wire::lay(ONE_WAY).map_err(Skipped::because)?;
    let address = SocketAddr::from((Wire::SERVER, 7777));
    let listener = wire.on_server(|| listener(address, &limits));
    let mut scene = Scene::on(over, Rig::hosting_on::<PuppetState>(limits, listener));
    let actor = wire.on_client(|| Player::connect(address).speaking(over));
    let mut actor = scene.join_on(actor, "eve");
    let ending = Ending::of(&actor, LeaveReason::Kicked, &[App]);
    actor.input(1, &[Puppet::KICK_ME]);
    let mut next_input = Instant::now();
    scene.turn_until("the player has heard the end", |_| {
        if actor.end.is_none() && Instant::now() >= next_input {
            next_input += Duration::from_micros(16_667);
            actor.try_input(2, &[0]);
        }
        actor.listen();
        actor.end.is_some()
    });
    let speech: Vec<usize> = actor.heard.iter().filter_map(event_bytes).collect();
    assert_eq!(speech, [LAST_WORDS_BYTES], "the last words, whole");
    assert_eq!(actor.goodbye(), Some((GoodbyeReason::Kicked, "out")));
    assert_eq!(actor.end, Some(End::Eof));
    check_close_code(&actor, close::code_of(LeaveReason::Kicked));
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

fn event_bytes(heard: &Heard) -> Option<usize> {
    match heard {
        Heard::Event(body) => {
            codec::decode_from_server::<Vec<u8>>(body).ok().map(|body| body.len())
        }
        _ => None,
    }
}

/// The same notice, the same client, and a server that just closes. If this wire did not lose the
/// end of it, the test above would prove nothing.
fn m42_control_a_plain_close_cuts_the_notice_short() -> Shown {
    let wire = Wire::lay(ONE_WAY).map_err(Skipped::because)?;
    let address = SocketAddr::from((Wire::SERVER, 7777));
    let server = wire.on_server(|| TcpListener::bind(address).expect("a free port"));
    let mut client = wire.on_client(|| TcpStream::connect(address).expect("it listens"));
    let (peer, _) = server.accept().expect("it has connected");
    client.set_nonblocking(true).expect("a fresh socket takes any option");
    let (started, mut next_input) = (Instant::now(), Instant::now());
    let (mut received, mut peer, mut reset) = (0, Some(peer), false);
    loop {
        assert!(started.elapsed() < PATIENCE, "it never ends");
        if Instant::now() >= next_input {
            next_input += Duration::from_micros(16_667);
            // The error is told once: to this call, or to the read.
            reset |= send(client.as_fd(), &[1], SendFlags::NOSIGNAL) == Err(E::CONNRESET);
        }
        if started.elapsed() > 4 * ONE_WAY
            && let Some(mut peer) = peer.take()
        {
            peer.write_all(&[7; LAST_WORDS_BYTES]).expect("it fits into the send buffer");
            // It is closed here, with unread input: the kernel sends a reset.
        }
        match client.read(&mut [0; 65_536]) {
            Ok(0) => break,
            Ok(count) => received += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => {
                reset |= error.kind() == ErrorKind::ConnectionReset;
                break;
            }
        }
    }
    assert!(reset, "the close was a reset");
    assert!(received < LAST_WORDS_BYTES, "{received} bytes of the farewell arrived");
    Ok(())
}

/// Nobody can be taken in for want of a descriptor: who plays plays on, who waits is told instead
/// of left hanging, the listener is neither deaf nor hot, and who comes when there are descriptors
/// again gets in. A browser that has asked for something is told so as an answer.
fn m43_no_descriptors(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    // What connects now takes the last descriptors that there are.
    let mut waiting: Vec<Player> = (0..3).map(|_| scene.connect()).collect();
    let before = getrlimit(Resource::Nofile);
    // The limit is one of numbers, and the next one to be given out is the lowest that is free.
    let next = std::fs::File::open("/dev/null").expect("there are descriptors").as_raw_fd();
    let next = u64::try_from(next).expect("a descriptor is not negative");
    let none_left = Rlimit { current: Some(next), maximum: before.maximum };
    setrlimit(Resource::Nofile, none_left).expect("a lower limit is always allowed");
    let turns = scene.rig.event_loop.hub().metrics().turns;
    scene.turn_until("all who wait are told", |_| {
        waiting.iter_mut().for_each(Player::listen);
        waiting.iter().all(|player| player.end == Some(End::Eof))
    });
    assert!(waiting.iter().all(was_told_full));
    scene.turn_ticks(10);
    let metrics = scene.rig.event_loop.hub().metrics();
    assert_eq!(metrics.accepts[AcceptOutcome::Shed as usize], 3);
    let turns = metrics.turns - turns;
    assert!(turns < 500, "{turns} turns while nothing could be done");
    setrlimit(Resource::Nofile, before).expect("the limit that was there");
    let mut newcomer = scene.join("late");
    let who = newcomer.id.expect("it has joined");
    drop(waiting);
    newcomer.say(&ClientMessage::Goodbye);
    scene.turn_until("it has left", |scene| scene.rig.event_loop.hub().connections() == 2);
    scene.turn_ticks(3);
    scene.check_bystanders(&[(who, LeaveReason::Goodbye.cause())]);
    drop(newcomer);
    scene.check_baseline();
    Ok(())
}

/// Whether somebody was told that the server is full, in its language.
fn was_told_full(actor: &Player) -> bool {
    match &actor.browser {
        None => actor.goodbye().is_some_and(|(reason, _)| reason == GoodbyeReason::Full),
        Some(browser) => {
            let head = browser.head.as_deref().unwrap_or_default();
            head.starts_with("HTTP/1.1 503 ") && browser.body.starts_with(b"the server is full")
        }
    }
}

/// More connections at once than the kernel queues for us: the rest is dropped without a word,
/// tries again a second later, and gets in. A backlog of 1,024 makes that rare.
fn m44_backlog_overflow() -> Shown {
    const CROWD: usize = 1_300;
    let descriptors = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: descriptors.maximum, maximum: descriptors.maximum };
    setrlimit(Resource::Nofile, wanted).map_err(Skipped::because)?;
    if descriptors.maximum.is_some_and(|maximum| maximum < 2 * CROWD as u64 + 100) {
        return Err(Skipped::because("too few descriptors for 1,300 connections"));
    }
    let mut scene = Scene::new(Transport::Native, Limits { hello_timeout_ms: 60_000, ..QUICK });
    let accepted = scene.rig.event_loop.hub().metrics().accepted;
    let crowd: Vec<Socket> = (0..CROWD)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None);
            let socket = socket.expect("there are descriptors");
            // In progress, all of them: nobody accepts meanwhile.
            let _ = socket.connect(&scene.rig.address.into());
            socket
        })
        .collect();
    scene.turn_until("the whole crowd is in", |scene| {
        scene.rig.event_loop.hub().metrics().accepted - accepted == CROWD as u64
    });
    drop(crowd);
    scene.turn_until("the whole crowd has left", |scene| scene.left() == CROWD as u64);
    scene.turn_ticks(2);
    scene.check_bystanders(&[]);
    Ok(())
}

/// Everybody is told, nothing is cut off, and the loop ends by itself.
fn m45_server_stop(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    actor.listen();
    let (mut rig, innocents) = scene.into_parts();
    rig.event_loop.net().inner().waker().wake().expect("the poll can be woken");
    assert_eq!(rig.event_loop.run().expect("the poll works"), Flow::Stopped);
    for mut player in innocents.into_iter().chain([actor]) {
        player.listen();
        let goodbye = player.goodbye().map(|(reason, _)| reason);
        assert_eq!((goodbye, player.end), (Some(GoodbyeReason::Shutdown), Some(End::Eof)));
        check_close_code(&player, close::GOING_AWAY);
    }
    assert_eq!(rig.left(LeaveReason::Shutdown, App), 3);
    assert!(rig.event_loop.hub().is_empty() && rig.event_loop.hub().ledger_balances());
    Ok(())
}

fn puppet(over: Transport, limits: Limits) -> Scene {
    Scene::on(over, Rig::hosting::<PuppetState>(limits))
}

/// What the game has for one player cannot be sent: that player's connection ends, and no other.
fn m46_a_bug_for_one_client(over: Transport) -> Shown {
    let mut scene = puppet(over, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Internal, &[App]);
    actor.input(1, &[Puppet::TOO_MUCH_FOR_ME]);
    scene.turn_until("it is told", |_| {
        actor.listen();
        actor.end.is_some()
    });
    assert_eq!(actor.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::Internal));
    check_close_code(&actor, close::FAILED);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// A panic in the rules ends the room that they rule, and nothing else.
fn m46_a_bug_in_the_rules(over: Transport) -> Shown {
    let mut scene = puppet(over, QUICK);
    let mut actor = scene.join("eve");
    actor.input(1, &[Puppet::PANIC]);
    scene.turn_until("the room has failed", |scene| scene.left() == 3);
    scene.turn_until("its players are gone", |scene| {
        actor.listen();
        scene.rig.event_loop.hub().connections() == 0
    });
    assert_eq!(scene.rig.left(LeaveReason::RoomFailed, App), 3, "each exactly once");
    assert_eq!(actor.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::RoomFailed));
    check_close_code(&actor, close::FAILED);
    let again = scene.join("eve");
    assert!(again.id > actor.id, "there is a room again");
    Ok(())
}

/// A router reboots: three hundred resets in one poll. One membership frame for each tick tells the
/// survivors of all of them.
fn m47_mass_disconnect(over: Transport) -> Shown {
    const CROWD: u64 = 300;
    let mut scene = Scene::on(over, Rig::with_room_size(DEAF, 400));
    let crash = |scene: &mut Scene| {
        let mut crowd: Vec<Player> = (0..CROWD).map(|_| scene.connect()).collect();
        scene.turn_until("all may speak", |_| crowd.iter_mut().all(Player::may_speak));
        crowd.iter_mut().for_each(|bot| bot.hello("", "bot"));
        scene.turn_until("all have joined", |_| {
            crowd.iter_mut().all(|bot| bot.try_welcome().is_some())
        });
        let mut who: Vec<_> = crowd.iter().map(|bot| bot.id.expect("it has joined")).collect();
        who.sort_unstable();
        let left = scene.left();
        crowd.into_iter().for_each(Player::leave_by_reset);
        scene.turn_until("all have left", |scene| scene.left() == left + CROWD);
        scene.turn_ticks(3);
        who
    };
    // The first crowd makes room for so many; the second needs nothing more.
    crash(&mut scene);
    scene.begin_again();
    let resets = scene.rig.left(LeaveReason::Reset, Event);
    let who = crash(&mut scene);
    assert_eq!(scene.rig.left(LeaveReason::Reset, Event) - resets, CROWD);
    let gone: Vec<_> = who.iter().map(|who| (*who, LeaveReason::Reset.cause())).collect();
    assert!(scene.notices() <= 3, "{} frames for {CROWD} departures", scene.notices());
    scene.check_bystanders(&gone);
    scene.check_baseline();
    Ok(())
}

/// What is owed to several who do not read goes over the bound in one tick, and the notice of each
/// one's leave is owed to the others. Each leaves once, and it ends.
fn m48_cascade(over: Transport) -> Shown {
    // Room for the innocents to hear all of it in a few turns; those who do not read have less.
    let socket_send_buffer_bytes = 65_536;
    let (out_hard_bytes, out_soft_bytes) = (270_000, 270_000);
    let limits = Limits { out_hard_bytes, out_soft_bytes, socket_send_buffer_bytes, ..STUFFED };
    let mut scene = puppet(over, limits);
    let mut stuffed: Vec<Player> = (0..5)
        .map(|_| {
            let narrow = scene.connect_narrow();
            scene.join_on(narrow, "narrow")
        })
        .collect();
    let mut who: Vec<_> = stuffed.iter().map(|narrow| narrow.id.expect("it has joined")).collect();
    who.sort_unstable();
    stuffed[0].input(1, &[Puppet::TALK]);
    scene.turn_until("all five have left", |scene| scene.left() == 5);
    scene.turn_ticks(3);
    let reason = LeaveReason::SlowConsumerBytes;
    assert_eq!(scene.rig.left(reason, App), 5, "each once, for that reason");
    let gone: Vec<_> = who.iter().map(|who| (*who, reason.cause())).collect();
    scene.check_bystanders(&gone);
    stuffed.clear();
    scene.check_baseline();
    Ok(())
}

/// A slot is used again in the very turn in which it became free. Whatever was said about its
/// former tenant finds nobody.
fn m49_reused_slot(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    for round in 0..20 {
        let actor = scene.join("eve");
        let who = actor.id.expect("it has joined");
        let before = *scene.guests().last().expect("she is in");
        let mut newcomer = scene.connect();
        actor.leave_by_reset();
        scene.let_speak(&mut newcomer);
        newcomer.hello("", "newcomer");
        scene.turn_until("the newcomer is welcome", |_| newcomer.try_welcome().is_some());
        let guests = scene.guests();
        assert!(!guests.contains(&before), "round {round}: {guests:?}");
        newcomer.say(&ClientMessage::Goodbye);
        let newcomer_id = newcomer.id.expect("it has joined");
        scene.turn_until("both have left", |scene| scene.rig.event_loop.hub().connections() == 2);
        scene.turn_ticks(2);
        let gone = [(who, LeaveReason::Reset.cause()), (newcomer_id, LeaveCause::Goodbye)];
        scene.check_bystanders(&gone);
        scene.begin_again();
    }
    Ok(())
}

/// Somebody holds a duplicate of our descriptor: closing ours sends no FIN, and epoll goes on
/// reporting the old token. A farewell shuts down first, so the client hears the end all the same;
/// and a report of an old token finds nobody.
fn m50_duplicate_descriptor(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    let stale = scene.rig.event_loop.hub().metrics().events_stale;
    let duplicate = duplicate_of_peer(&actor).map_err(Skipped::because)?;
    actor.send(&actor.wrapped(&[]));
    scene.turn_until("the client hears the end", |_| {
        actor.listen();
        actor.end == Some(End::Eof)
    });
    assert_eq!(actor.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::Protocol));
    // A rule of ours is broken, and none of WebSocket's.
    check_close_code(&actor, 1008);
    scene.turn_until("its slot is free", |scene| scene.rig.event_loop.hub().connections() == 2);
    // The duplicate is still registered, under a token that means nobody.
    actor.try_send(&[1, 2, 3]);
    scene.turn_until("the old token was reported", |scene| {
        scene.rig.event_loop.hub().metrics().events_stale > stale
    });
    assert_eq!(scene.left(), 1, "nobody left for it");
    scene.turn_ticks(3);
    let who = actor.id.expect("it has joined");
    scene.check_bystanders(&[(who, LeaveCause::Misbehaved)]);
    drop((actor, duplicate));
    scene.check_baseline();
    Ok(())
}

/// A duplicate of the server's end of a connection that both ends of which are in this process.
fn duplicate_of_peer(actor: &Player) -> Result<std::os::fd::OwnedFd, String> {
    let this = Pid::from_raw(i32::try_from(std::process::id()).expect("a small number"));
    let this = pidfd_open(this.expect("it is not 0"), PidfdFlags::empty());
    let this = this.map_err(|error| format!("pidfd_open: {error}"))?;
    let wanted = actor.local_address();
    for entry in std::fs::read_dir("/proc/self/fd").expect("this is Linux") {
        let name = entry.expect("this is Linux").file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(copy) = pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) else { continue };
        let peer = rustix::net::getpeername(&copy).ok().flatten();
        if peer.and_then(|peer| SocketAddr::try_from(peer).ok()) == Some(wanted) {
            return Ok(copy);
        }
    }
    Err("no duplicate of a descriptor can be had (pidfd_getfd)".to_owned())
}

/// A host program may have left SIGPIPE at its default action, which kills. No send of ours raises
/// it: the loop is blindfolded, so that it writes to somebody who is gone.
fn m51_sigpipe_default(over: Transport) -> Shown {
    sigpipe::reset();
    let mut scene = Scene::new(over, DEAF);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Fin, &[Write]);
    scene.blindfold();
    actor.leave_by_fin();
    scene.ends(&ending);
    Ok(())
}

/// Whatever number a socket call fails with, it ends that client and nobody else; only "try again"
/// and "the kernel is short of memory" do not, and those never leave the network's own code.
fn m52_transient_and_other_errnos(over: Transport) -> Shown {
    // EIO, EBADF, EPERM, EINVAL, ENOTCONN, EHOSTDOWN, EPROTO, and one that does not exist.
    for errno in [5, 9, 1, 22, 107, 112, 71, 133] {
        let mut scene = Scene::new(over, QUICK);
        scene.rig.event_loop.net_mut().poison = Some(Errno(errno));
        let mut actor = scene.join("eve");
        let reason = match errno {
            112 => LeaveReason::Unreachable,
            _ => LeaveReason::Aborted,
        };
        let ending = Ending::of(&actor, reason, &[Read]);
        actor.send(&POISON);
        scene.ends_with(actor, &ending, |_| {});
    }
    // An accept that fails for the one connection, or for want of anything, forgets nobody.
    for failure in [AcceptFailure::PeerAborted, AcceptFailure::OutOfMemory] {
        let mut scene = Scene::new(over, QUICK);
        scene.rig.event_loop.net_mut().fail_accept(failure);
        let mut actor = scene.join("eve");
        scene.turn_ticks(2);
        scene.nobody_left(&mut actor);
    }
    Ok(())
}

/// The machine is paused for a minute: every deadline has passed, and nobody is to blame.
fn m53_the_server_pauses(over: Transport) -> Shown {
    let mut scene = Scene::new(over, QUICK);
    let mut actor = scene.join("eve");
    scene.turn_until("the actor was asked", |_| {
        actor.listen();
        actor.heard.iter().any(|heard| matches!(heard, Heard::Ping(_)))
    });
    scene.rig.event_loop.net().jump(Duration::from_secs(60));
    scene.turn_ticks(3);
    assert_eq!(scene.rig.event_loop.hub().metrics().pauses, 1);
    scene.turn_until("the game has gone on for a while", {
        let end = scene.rig.event_loop.hub().metrics().ticks + 10;
        move |scene| scene.rig.event_loop.hub().metrics().ticks >= end
    });
    assert_eq!((scene.left(), actor.end), (0, None));
    Ok(())
}
