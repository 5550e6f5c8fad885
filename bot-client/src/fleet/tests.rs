//! Bots against little servers of their own, on real sockets.
//!
//! Nothing here waits for a fixed time: a condition is awaited, and a deadline turns a hang into a
//! failure.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixListener,
    sync::mpsc,
    thread,
};

use gamekeeper_protocol::{
    ClientMessage, Departed, FrameDecoder, GoodbyeReason, LeaveCause, Member, PlayerId, Presence,
    PresenceChange, ResumeOffer, RoomId, ServerMessage, Tick, Ticket, Welcome, codec::Bytes,
    limits::CLIENT_FRAME_BYTES_MAX,
};
use socket2::SockRef;

use super::*;
use crate::{
    clock::Moment,
    connection::Ended,
    people::{Appearance, People, RosterEntry},
};

pub(super) const DEADLINE: Duration = Duration::from_secs(15);

/// A server that gives each connection to `script`, one after the other.
pub(super) fn serve(mut script: impl FnMut(TcpStream, usize) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for number in 0.. {
            let Ok((socket, _)) = listener.accept() else { return };
            socket.set_read_timeout(Some(DEADLINE)).expect("a socket of ours");
            script(socket, number);
        }
    });
    address
}

pub(super) fn fleet(address: SocketAddr, retry: RetryPolicy) -> Fleet {
    let quick = RetryPolicy { first: Duration::from_millis(5), ..retry };
    let config = FleetConfig {
        game: "arena".to_owned(),
        retry: quick,
        // Much more often than usual, so that a loop of writes would be seen at once.
        input_hz: 500,
        tells_player_events: true,
        ..FleetConfig::new(Endpoint::Tcp(address))
    };
    Fleet::new(config).expect("a fleet")
}

/// Turns until `done`, and fails if that takes too long.
pub(super) fn turn_until(fleet: &mut Fleet, mut done: impl FnMut(&Fleet) -> bool) {
    let deadline = Moment::now() + DEADLINE;
    while !done(fleet) {
        assert!(Moment::now() < deadline, "not done in time: {:?}", fleet.stats());
        fleet.turn(Moment::now() + Duration::from_millis(20)).expect("the poll works");
    }
}

/// Turns until `done`, and takes in what the bots hear of each other.
pub(super) fn judge_until(
    fleet: &mut Fleet,
    people: &mut People,
    mut done: impl FnMut(&Fleet, &People) -> bool,
) {
    let deadline = Moment::now() + DEADLINE;
    loop {
        fleet.take_player_events().into_iter().for_each(|event| people.handle(event));
        if done(fleet, people) {
            return;
        }
        assert!(Moment::now() < deadline, "not done in time: {people:?}");
        fleet.turn(Moment::now() + Duration::from_millis(20)).expect("the poll works");
    }
}

/// How often somebody appears in a room of the fleet as such.
pub(super) fn appearing(fleet: &Fleet, people: &People, wanted: Appearance) -> u64 {
    people.count(&fleet.rosters(), wanted)
}

/// Departures that somebody was told of.
fn announced(people: &People) -> u64 {
    people.announce().values().map(Latency::count).sum()
}

/// Some more turns, in which nothing may happen any more.
fn assert_quiet(fleet: &mut Fleet) {
    let before = (fleet.stats().connects, fleet.stats().sends, fleet.stats().sends_failed);
    for _ in 0..20 {
        fleet.turn(Moment::now() + Duration::from_millis(5)).expect("the poll works");
    }
    let after = (fleet.stats().connects, fleet.stats().sends, fleet.stats().sends_failed);
    assert_eq!(before, after, "a bot that is over neither connects nor writes");
}

pub(super) fn send(socket: &mut TcpStream, message: &ServerMessage<'_>) -> io::Result<()> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).expect("encodes");
    socket.write_all(&bytes)
}

fn welcome_bytes(player: u32, members: &[u32]) -> Vec<u8> {
    welcome_with_ticket(player, members, None)
}

/// A welcome, with a ticket made of this byte if the seat is to be held.
pub(super) fn welcome_with_ticket(player: u32, members: &[u32], ticket: Option<u8>) -> Vec<u8> {
    let member =
        |player: &u32| Member { player: PlayerId(*player), name: "bot", presence: Presence::Here };
    let offer = |byte| ResumeOffer { ticket: Ticket([byte; 32]), window_ms: 2_000 };
    let welcome = ServerMessage::Welcome(Welcome {
        player: PlayerId(player),
        room: RoomId(1),
        tick: Tick(0),
        tick_hz: 20,
        seats: 50,
        game: "benchmark",
        members: members.iter().map(member).collect(),
        events_before: 0,
        resume: ticket.map(offer),
    });
    let mut bytes = Vec::new();
    welcome.encode(&mut bytes).expect("encodes");
    bytes
}

fn welcome(socket: &mut TcpStream, player: u32, members: &[u32]) -> io::Result<()> {
    socket.write_all(&welcome_bytes(player, members))
}

/// The ticket in a bot's hello, if it asks for a seat that it has had.
pub(super) fn hello_ticket(socket: &mut TcpStream) -> Option<Ticket> {
    let mut buffer = [0; 4096];
    let count = socket.read(&mut buffer).expect("the bot says something");
    let mut decoder = FrameDecoder::new(CLIENT_FRAME_BYTES_MAX);
    let frame = decoder.next_frame(&mut &buffer[..count]).expect("well framed").map(<[u8]>::to_vec);
    let frame = frame.expect("a hello comes in one piece on this machine");
    match ClientMessage::decode(&frame) {
        Ok(ClientMessage::Hello(hello)) => hello.resume.map(|resume| resume.ticket),
        other => panic!("the bot says hello first, not {other:?}"),
    }
}

fn reset(socket: &TcpStream) {
    SockRef::from(socket).set_linger(Some(Duration::ZERO)).expect("a socket of ours");
}

pub(super) fn read_some(socket: &mut TcpStream) -> usize {
    socket.read(&mut [0; 4096]).expect("the bot says something")
}

/// The server resets on the first read; the client's next write goes to a dead socket.
#[test]
fn a_reset_before_the_welcome_ends_in_a_few_connects() {
    let address = serve(|mut socket, _| {
        read_some(&mut socket);
        reset(&socket);
    });
    let mut fleet = fleet(address, RetryPolicy::limited(3));
    fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, Fleet::is_empty);
    let ends = fleet.take_ends();
    assert_eq!(ends.len(), 4);
    for end in &ends {
        assert_eq!(end.stage, Stage::Greeting);
        assert!(end.ended.to_string().contains("connection reset"), "{}", end.ended);
    }
    assert_eq!((fleet.stats().connects, fleet.stats().sends), (4, 4), "one hello each");
    assert_quiet(&mut fleet);
}

/// The same, while the client plays and writes 500 times a second.
#[test]
fn a_reset_while_playing_stops_the_writes() {
    let address = serve(|mut socket, _| {
        read_some(&mut socket);
        welcome(&mut socket, 1, &[1]).expect("the bot listens");
        read_some(&mut socket);
        reset(&socket);
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, Fleet::is_empty);
    let ends = fleet.take_ends();
    assert_eq!((ends.len(), ends[0].stage, ends[0].departure), (1, Stage::Playing, None));
    assert!(fleet.stats().sends_failed <= 1, "one write may learn of it, no more");
    assert_quiet(&mut fleet);
}

/// A refused connect, then a write: the write must not be tried at all.
#[test]
fn a_refused_connect_writes_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let mut fleet = fleet(address, RetryPolicy::limited(2));
    fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, Fleet::is_empty);
    let ends = fleet.take_ends();
    assert_eq!(ends.len(), 3);
    assert!(ends.iter().all(|end| end.stage == Stage::Connecting));
    assert!(ends[0].retry_in.is_some() && ends[2].retry_in.is_none());
    let text = ends[0].ended.to_string();
    assert!(text.contains("connecting failed: connection refused"), "{text}");
    assert_eq!((fleet.stats().connects, fleet.stats().sends), (3, 0));
    assert_quiet(&mut fleet);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let (keep, kept) = mpsc::channel();
    let address = serve(move |socket, _| keep.send(socket).expect("the test waits"));
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, Fleet::is_empty);
    let ends = fleet.take_ends();
    assert!(matches!(ends[0].ended, Ended::Silent { joined: false, .. }), "{}", ends[0].ended);
    assert_eq!(fleet.stats().sends, 1, "the hello, and nothing after it");
    drop(kept);
}

/// The last bytes and the end in one event: the bytes count, and the end is not missed, although
/// no further event would tell of it.
#[test]
fn bytes_and_an_end_in_one_event_are_both_seen() {
    let (go, gone_ahead) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let address = serve(move |mut socket, _| {
        read_some(&mut socket);
        gone_ahead.recv().expect("the test goes on");
        welcome(&mut socket, 1, &[1]).expect("the bot listens");
        drop(socket);
        tell.send(()).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, |fleet| fleet.stats().sends == 1);
    go.send(()).expect("the server waits");
    told.recv_timeout(DEADLINE).expect("the server has closed");
    turn_until(&mut fleet, Fleet::is_empty);
    let ends = fleet.take_ends();
    assert_eq!((ends.len(), ends[0].stage, &ends[0].ended), (1, Stage::Playing, &Ended::Closed));
    assert_eq!(fleet.stats().sends, 1, "the hello, and nothing to a server that has gone");
}

/// Whatever a server does to break the protocol, one bot ends with a clear word.
#[test]
fn a_broken_server_is_named() {
    fn broken(bytes: &'static [u8], text: &str) {
        let address = serve(move |mut socket, _| {
            read_some(&mut socket);
            socket.write_all(bytes).expect("the bot listens");
            // Waits for the bot to hang up, unless it is the server that does.
            if bytes.len() != 7 {
                while socket.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
            }
        });
        let mut fleet = fleet(address, RetryPolicy::limited(1));
        fleet.spawn(BotPlan::default());
        turn_until(&mut fleet, Fleet::is_empty);
        let ends = fleet.take_ends();
        assert_eq!(ends.len(), 2);
        assert!(ends[0].ended.to_string().contains(text), "{}", ends[0].ended);
        assert_quiet(&mut fleet);
    }
    broken(b"HTTP/1.1 400 Bad Request\r\n\r\n", "announces 1347703880 bytes");
    broken(&[4, 0, 0, 0, 0xff, 1, 2, 3], "broke the protocol");
    broken(&[0xff, 0xff, 0xff, 0xff, 1], "announces 4294967295 bytes");
    broken(&[200, 0, 0, 0, 1, 2, 3], "in the middle of a frame");
}

/// A goodbye is heard even if the connection is reset before the bot has looked at it once.
#[test]
fn a_goodbye_with_a_reset_behind_it_is_heard() {
    let (tell, told) = mpsc::channel();
    let address = serve(move |mut socket, number| {
        if number == 1 {
            // This time the bot is in the game, and has something to write.
            welcome(&mut socket, 1, &[1]).expect("the bot listens");
            read_some(&mut socket);
        }
        let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::Full, text: "later" };
        send(&mut socket, &goodbye).expect("the bot listens");
        reset(&socket);
        drop(socket);
        tell.send(()).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::limited(1));
    fleet.spawn(BotPlan::default());
    // The first turn begins to connect; then everything has happened before the second.
    fleet.turn(Moment::now()).expect("the poll works");
    told.recv_timeout(DEADLINE).expect("the server has said all");
    turn_until(&mut fleet, Fleet::is_empty);
    let ends = fleet.take_ends();
    assert_eq!(ends.len(), 2);
    for end in ends {
        assert_eq!(end.ended.to_string(), "the server said goodbye: full: later");
    }
}

/// The same when it is a write that fails first.
#[test]
fn a_failed_write_does_not_hide_a_goodbye() {
    let (tell, told) = mpsc::channel();
    let (go, gone_ahead) = mpsc::channel();
    let address = serve(move |mut socket, _| {
        welcome(&mut socket, 1, &[1]).expect("the bot listens");
        gone_ahead.recv().expect("the test goes on");
        let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::Kicked, text: "out" };
        send(&mut socket, &goodbye).expect("the bot listens");
        reset(&socket);
        drop(socket);
        tell.send(()).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    let bot = fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, |fleet| fleet.is_playing(bot));
    go.send(()).expect("the server waits");
    told.recv_timeout(DEADLINE).expect("the server has said all");
    // A write before the poll has told of anything, as by a timer.
    let slot = fleet.slot(bot).expect("it plays");
    if let bot::State::Talking { connection, .. } = &mut fleet.bots[slot].state {
        connection.send_input(b"left").expect("it plays");
    }
    fleet.settle(slot, Moment::now());
    assert!(fleet.is_empty());
    let ends = fleet.take_ends();
    assert_eq!((ends.len(), fleet.stats().sends_failed), (1, 1));
    assert_eq!(ends[0].ended.to_string(), "the server said goodbye: kicked: out");
}

/// A server that lets everybody in and drops them at once is asked ever more seldom, and not for
/// ever.
#[test]
fn a_welcome_alone_is_no_success() {
    let address = serve(move |mut socket, _| {
        welcome(&mut socket, 1, &[1]).expect("the bot listens");
        read_some(&mut socket);
        reset(&socket);
    });
    let mut fleet = fleet(address, RetryPolicy::limited(3));
    fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, Fleet::is_empty);
    assert_eq!((fleet.take_ends().len(), fleet.stats().joins), (4, 4));
}

/// A server that comes back is found again, and the bot plays on.
#[test]
fn a_bot_comes_back_to_a_server_that_does() {
    let (keep, kept) = mpsc::channel();
    let address = serve(move |mut socket, number| {
        read_some(&mut socket);
        if number < 3 {
            reset(&socket);
        } else {
            welcome(&mut socket, 1, &[1]).expect("the bot listens");
            keep.send(socket).expect("the test waits");
        }
    });
    let mut fleet = fleet(address, RetryPolicy::FOREVER);
    let bot = fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, |fleet| fleet.is_playing(bot));
    assert_eq!(fleet.take_ends().len(), 3);
    assert_eq!(fleet.stats().connects, 4);
    drop(kept);
}

/// What a server's socket says when a bot leaves: the bytes, and how they end.
fn seen_by_server(departure: Departure, unread_bytes: usize) -> (Vec<u8>, io::Result<()>) {
    let (tell, told) = mpsc::channel();
    let address = serve(move |mut socket, _| {
        welcome(&mut socket, 1, &[1]).expect("the bot listens");
        let body = vec![0; unread_bytes];
        if unread_bytes > 0 {
            send(&mut socket, &ServerMessage::Snapshot { tick: Tick(1), body: Bytes(&body) })
                .expect("the bot listens");
        }
        let mut bytes = Vec::new();
        let end = socket.read_to_end(&mut bytes).map(|_| ());
        tell.send((bytes, end)).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    let bot = fleet.spawn(BotPlan { departure: Some(departure), ..BotPlan::default() });
    fleet.depart(bot, departure, PlayerState::Match).expect("it leaves once it has joined");
    turn_until(&mut fleet, |fleet| fleet.is_empty() || told_soon(fleet, departure));
    let injections = fleet.take_injections();
    assert_eq!(injections.len(), 1);
    assert_eq!((injections[0].player, injections[0].departure), (Some(PlayerId(1)), departure));
    if departure == Departure::Freeze || departure == Departure::Stall {
        fleet.abandon_leaving();
    }
    told.recv_timeout(DEADLINE).expect("the server saw an end")
}

/// The silent departures never end by themselves; being under way is all there is to wait for.
fn told_soon(fleet: &Fleet, departure: Departure) -> bool {
    matches!(departure, Departure::Freeze | Departure::Stall) && fleet.leaving() == 1
}

fn messages(bytes: &[u8]) -> Vec<String> {
    let mut decoder = FrameDecoder::new(CLIENT_FRAME_BYTES_MAX);
    let (mut input, mut messages) = (bytes, Vec::new());
    while let Ok(Some(frame)) = decoder.next_frame(&mut input) {
        let message = ClientMessage::decode(frame);
        messages.push(message.map_or("nonsense".to_owned(), |message| format!("{message:?}")));
    }
    messages
}

#[test]
fn a_goodbye_says_so_and_then_ends_the_stream() {
    let (bytes, end) = seen_by_server(Departure::Goodbye, 0);
    assert_eq!(messages(&bytes).last().map(String::as_str), Some("Goodbye"));
    end.expect("a clean end of file");
}

/// Unread bytes at a close make the kernel send a reset. The end of file must come all the same.
#[test]
fn a_close_is_an_end_of_file_whatever_was_unread() {
    for unread_bytes in [0, 100_000] {
        let (bytes, end) = seen_by_server(Departure::Close, unread_bytes);
        assert!(!messages(&bytes).contains(&"Goodbye".to_owned()));
        end.expect("a clean end of file");
    }
}

#[test]
fn a_reset_is_a_reset() {
    let (_, end) = seen_by_server(Departure::Reset, 0);
    assert_eq!(end.expect_err("no end of file").kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_half_close_reads_on_until_the_server_closes() {
    let (_, end) = seen_by_server(Departure::HalfClose, 0);
    end.expect("a clean end of file");
}

/// A stalled bot stops reading: the server's socket takes a bounded amount and no more, while
/// inputs still come.
#[test]
fn a_stalled_bot_fills_a_small_buffer_and_keeps_playing() {
    const ENOUGH_INPUT_BYTES: usize = 4096;
    let (tell, told) = mpsc::channel();
    let address = serve(move |mut socket, _| {
        SockRef::from(&socket).set_send_buffer_size(16 * 1024).expect("a socket of ours");
        welcome(&mut socket, 1, &[1]).expect("the bot listens");
        socket.set_nonblocking(true).expect("a socket of ours");
        let mut stream = Vec::new();
        let (mut pushed, mut input_bytes_since) = (0, 0);
        let deadline = Moment::now() + DEADLINE;
        // Pushes until nothing has gone in while many inputs came out.
        while Moment::now() < deadline && input_bytes_since < ENOUGH_INPUT_BYTES {
            if stream.is_empty() {
                let snapshot = ServerMessage::Snapshot { tick: Tick(1), body: Bytes(&[0; 1000]) };
                snapshot.encode(&mut stream).expect("encodes");
            }
            match socket.write(&stream) {
                Ok(count) => {
                    stream.drain(..count);
                    pushed += count;
                    input_bytes_since = 0;
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            input_bytes_since += socket.read(&mut [0; 4096]).unwrap_or(0);
            thread::yield_now();
        }
        tell.send((pushed, input_bytes_since)).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    let bot = fleet.spawn(BotPlan { departure: Some(Departure::Stall), ..BotPlan::default() });
    let unplanned = fleet.spawn(BotPlan::default());
    assert_eq!(
        fleet.depart(unplanned, Departure::Stall, PlayerState::Match),
        Err(DepartError::NotPlanned)
    );
    fleet.depart(bot, Departure::Stall, PlayerState::Match).expect("it was planned");
    let mut outcome = None;
    turn_until(&mut fleet, |_| {
        outcome = told.try_recv().ok();
        outcome.is_some()
    });
    let (pushed, input_bytes_since) = outcome.expect("the loop ended");
    assert!(pushed < 512 * 1024, "{pushed} bytes fit between the two");
    assert!(input_bytes_since >= ENOUGH_INPUT_BYTES, "the inputs have stopped");
}

/// Two bots watch each other: one leaves, the other is told, twice.
#[test]
fn an_announcement_is_timed_once_and_repeats_are_counted() {
    let (keep, kept) = mpsc::channel();
    let address = serve(move |mut socket, number| {
        read_some(&mut socket);
        let player = number as u32 + 1;
        welcome(&mut socket, player, &[1, 2][..=number]).expect("the bot listens");
        if number == 1 {
            let left = || vec![Departed { player: PlayerId(1), cause: LeaveCause::Disconnected }];
            for tick in [5, 6] {
                let notice = ServerMessage::Members {
                    tick: Tick(tick),
                    joined: Vec::new(),
                    left: left(),
                    changed: Vec::new(),
                };
                send(&mut socket, &notice).expect("the bot listens");
            }
        }
        keep.send(socket).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    let leaver = fleet.spawn(BotPlan { departure: Some(Departure::Reset), ..BotPlan::default() });
    turn_until(&mut fleet, |fleet| fleet.is_playing(leaver));
    fleet.depart(leaver, Departure::Reset, PlayerState::Match).expect("it plays");
    assert_eq!(fleet.depart(leaver, Departure::Reset, PlayerState::Match), Err(DepartError::Gone));
    let watcher = fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, |fleet| fleet.stats().announcements_repeated == 1);
    assert!(fleet.is_playing(watcher));
    let mut people = People::default();
    judge_until(&mut fleet, &mut people, |_, _| true);
    assert_eq!(appearing(&fleet, &people, Appearance::Ghost), 0);
    assert_eq!(announced(&people), 1);
    assert_eq!(people.announce()[&Departure::Reset].count(), 1);
    drop(kept);
}

/// Who reads slowly believes for longer in those that have gone. That is no fault of the server.
#[test]
fn who_hears_late_is_not_asked_who_is_there() {
    let (keep, kept) = mpsc::channel();
    let address = serve(move |mut socket, number| {
        read_some(&mut socket);
        welcome(&mut socket, number as u32 + 1, &[1, 2][..=number]).expect("the bot listens");
        keep.send(socket).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, |fleet| fleet.playing() == 1);
    fleet.spawn(BotPlan { manner: Manner::SlowReader, ..BotPlan::default() });
    turn_until(&mut fleet, |fleet| fleet.playing() == 2);
    let of_the_first = RosterEntry { player: PlayerId(1), presence: Presence::Here, bots: 1 };
    assert_eq!(fleet.rosters(), [of_the_first]);
    drop(kept);
}

/// Several fleets share the numbers of bots, and none has those of another.
#[test]
fn fleets_that_share_the_numbers_have_a_number_each() {
    let endpoint: Endpoint = "127.0.0.1:1".parse().expect("valid");
    let fleet = |first_bot| {
        let share = FleetConfig { first_bot, bot_step: 3, ..FleetConfig::new(endpoint.clone()) };
        Fleet::new(share).expect("a fleet")
    };
    let mut fleets = [0, 1, 2].map(fleet);
    for number in 0..9 {
        assert_eq!(fleets[number % 3].spawn(BotPlan::default()), BotId(number as u32));
    }
}

/// A fleet that waits for its bots hears at once of something else that is to be read.
#[test]
fn a_turn_ends_when_there_is_something_else_to_read() {
    let endpoint: Endpoint = "127.0.0.1:1".parse().expect("valid");
    let mut fleet = Fleet::new(FleetConfig::new(endpoint)).expect("a fleet");
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().expect("two descriptors");
    fleet.wake_for(&ours).expect("a socket can be watched");
    for _ in 0..2 {
        theirs.write_all(b"x").expect("it is open");
        let asked = Moment::now();
        fleet.turn(asked + 4 * DEADLINE).expect("the poll works");
        assert!(Moment::now().since(asked) < DEADLINE);
        assert_eq!((&ours).read(&mut [0; 9]).expect("a byte is there"), 1);
    }
    assert_eq!(fleet.stats().stale_events, 0, "it is no event of a bot");
}

/// A bot that has gone is a ghost while others have it as present, and none while they know that
/// it is away. That it has left in the end is no repetition.
#[test]
fn away_is_news_and_leaving_after_it_is_no_repetition() {
    let (notice, notices) = mpsc::channel();
    let (keep, kept) = mpsc::channel();
    let address = serve(move |mut socket, number| {
        read_some(&mut socket);
        welcome(&mut socket, number as u32 + 1, &[1, 2][..=number]).expect("the bot listens");
        if number == 1 {
            while let Ok((left, changed)) = notices.recv() {
                let joined = Vec::new();
                let message = ServerMessage::Members { tick: Tick(5), joined, left, changed };
                send(&mut socket, &message).expect("the bot listens");
            }
        }
        keep.send(socket).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    let leaver = fleet.spawn(BotPlan { departure: Some(Departure::Reset), ..BotPlan::default() });
    turn_until(&mut fleet, |fleet| fleet.is_playing(leaver));
    fleet.depart(leaver, Departure::Reset, PlayerState::Match).expect("it plays");
    let watcher = fleet.spawn(BotPlan::default());
    let mut people = People::default();
    let (ghosts, held) = (
        |fleet: &Fleet, people: &People| appearing(fleet, people, Appearance::Ghost),
        |fleet: &Fleet, people: &People| appearing(fleet, people, Appearance::Held),
    );
    judge_until(&mut fleet, &mut people, |fleet, _| fleet.is_playing(watcher));
    let now = (ghosts(&fleet, &people), held(&fleet, &people));
    assert_eq!(now, (1, 0), "nobody has told the watcher");
    let changed = |presence| vec![PresenceChange { player: PlayerId(1), presence }];
    let left = || vec![Departed { player: PlayerId(1), cause: LeaveCause::Disconnected }];
    let send = |left, changed| notice.send((left, changed)).expect("the server waits");
    send(vec![], changed(Presence::Away));
    judge_until(&mut fleet, &mut people, |fleet, people| ghosts(fleet, people) == 0);
    assert_eq!((held(&fleet, &people), announced(&people)), (1, 1));
    send(vec![], changed(Presence::Away));
    turn_until(&mut fleet, |fleet| fleet.stats().presences_repeated == 1);
    send(left(), vec![]);
    judge_until(&mut fleet, &mut people, |fleet, people| held(fleet, people) == 0);
    assert_eq!((ghosts(&fleet, &people), announced(&people)), (0, 1));
    assert_eq!(fleet.stats().announcements_repeated, 0);
    send(left(), vec![]);
    turn_until(&mut fleet, |fleet| fleet.stats().announcements_repeated == 1);
    send(vec![], changed(Presence::Here));
    turn_until(&mut fleet, |fleet| fleet.stats().announcements_unknown == 1);
    judge_until(&mut fleet, &mut people, |_, people| people.announcements_false() == 0);
    let own = vec![Departed { player: PlayerId(2), cause: LeaveCause::Disconnected }];
    send(own, vec![]);
    judge_until(&mut fleet, &mut people, |_, people| people.announcements_false() == 1);
    drop((notice, kept));
}

/// A bot that loses its connection wants its old seat, and takes a new one if it cannot have that.
#[test]
fn a_lost_bot_takes_its_seat_again_and_else_a_new_one() {
    let (tell, told) = mpsc::channel();
    let (keep, kept) = mpsc::channel();
    let address = serve(move |mut socket, number| {
        tell.send(hello_ticket(&mut socket)).expect("the test waits");
        let welcome = |ticket| welcome_with_ticket(1, &[1], Some(ticket));
        match number {
            0 => {
                socket.write_all(&welcome(1)).expect("the bot listens");
                read_some(&mut socket);
                reset(&socket);
            }
            // Nothing was answered: the ticket that the bot has is the one to show again.
            1 => reset(&socket),
            2 => {
                socket.write_all(&welcome(2)).expect("the bot listens");
                read_some(&mut socket);
                reset(&socket);
            }
            3 => {
                let (reason, text) = (GoodbyeReason::ResumeRefused, "too late");
                let goodbye = ServerMessage::Goodbye { reason, text };
                send(&mut socket, &goodbye).expect("the bot listens");
                keep.send(socket).expect("the test waits");
            }
            _ => {
                let bytes = welcome_with_ticket(2, &[2], Some(3));
                socket.write_all(&bytes).expect("the bot listens");
                keep.send(socket).expect("the test waits");
            }
        }
    });
    let mut fleet = fleet(address, RetryPolicy::FOREVER);
    let bot = fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, |fleet| fleet.stats().joins == 2);
    assert!(fleet.is_playing(bot));
    let tickets: Vec<_> =
        told.try_iter().map(|ticket| ticket.map(|Ticket(bytes)| bytes[0])).collect();
    assert_eq!(tickets, [None, Some(1), Some(1), Some(2), None]);
    assert_eq!((fleet.stats().resumes, fleet.stats().resumes_refused), (1, 1));
    assert_eq!(fleet.take_ends().len(), 4);
    drop(kept);
}

/// Who has come back elsewhere does not take the seat away from itself again.
#[test]
fn a_replaced_bot_stays_away() {
    let address = serve(|mut socket, _| {
        read_some(&mut socket);
        socket.write_all(&welcome_with_ticket(1, &[1], Some(1))).expect("the bot listens");
        let goodbye = ServerMessage::Goodbye { reason: GoodbyeReason::Replaced, text: "" };
        send(&mut socket, &goodbye).expect("the bot listens");
    });
    let mut fleet = fleet(address, RetryPolicy::FOREVER);
    fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, Fleet::is_empty);
    assert_eq!(fleet.take_ends().len(), 1);
    assert_quiet(&mut fleet);
}

/// A frozen bot neither reads nor writes, and still lets go of a socket that is dead: a reset on
/// TCP, a close on a Unix socket, which has no resets.
#[test]
fn a_frozen_bot_notices_that_it_was_thrown_out() {
    /// Freezes a bot, then lets the server throw it out.
    fn freeze(endpoint: Endpoint, throw_out: impl FnOnce()) {
        let config = FleetConfig { game: "benchmark".to_owned(), ..FleetConfig::new(endpoint) };
        let mut fleet = Fleet::new(config).expect("a fleet");
        let bot = fleet.spawn(BotPlan { departure: Some(Departure::Freeze), ..BotPlan::default() });
        fleet
            .depart(bot, Departure::Freeze, PlayerState::Match)
            .expect("it leaves once it has joined");
        turn_until(&mut fleet, |fleet| fleet.leaving() == 1);
        throw_out();
        turn_until(&mut fleet, Fleet::is_empty);
        let ends = fleet.take_ends();
        assert_eq!((ends.len(), ends[0].departure), (1, Some(Departure::Freeze)));
        assert!(matches!(ends[0].ended, Ended::Failed { .. }), "{}", ends[0].ended);
        assert_eq!(fleet.stats().inputs, 0);
    }
    let (keep, kept) = mpsc::channel();
    let tcp = serve(move |mut socket, _| {
        read_some(&mut socket);
        welcome(&mut socket, 1, &[1]).expect("the bot listens");
        keep.send(socket).expect("the test waits");
    });
    freeze(Endpoint::Tcp(tcp), || reset(&kept.recv().expect("the server has a bot")));

    let path = std::env::temp_dir().join(format!("gamekeeper-bot-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).expect("a free path");
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("the bot connects");
        let count = socket.read(&mut [0; 4096]).expect("the bot says something");
        assert!(count > 0, "the bot said hello");
        socket.write_all(&welcome_bytes(1, &[1])).expect("the bot listens");
        socket
    });
    freeze(Endpoint::Unix(path.clone()), || drop(server.join().expect("the server has a bot")));
    std::fs::remove_file(path).expect("a file of ours");
}
