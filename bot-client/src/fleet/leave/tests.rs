//! Bots that leave from wherever they stand, and bots with bad manners, against little servers of
//! their own.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    time::Duration,
};

use gamekeeper_protocol::{
    ClientMessage, FrameDecoder, PlayerId, ServerMessage, Tick, codec::Bytes,
    limits::CLIENT_FRAME_BYTES_MAX,
};
use socket2::SockRef;

use super::super::{
    tests::{DEADLINE, fleet, read_some, send, serve, turn_until, welcome_with_ticket},
    *,
};
use crate::{
    clock::Moment,
    limits::{FLOODS_FOR, LAST_WORDS, TRICKLE_EVERY},
    retry::RetryPolicy,
};

/// What a server reads to the end of a connection, and that end.
type Heard = (Vec<u8>, io::Result<usize>);

fn hear_out(socket: &mut TcpStream) -> Heard {
    let mut bytes = Vec::new();
    let end = socket.read_to_end(&mut bytes);
    (bytes, end)
}

fn messages(bytes: &[u8]) -> Vec<String> {
    let mut decoder = FrameDecoder::new(CLIENT_FRAME_BYTES_MAX);
    let (mut input, mut messages) = (bytes, Vec::new());
    while let Ok(Some(frame)) = decoder.next_frame(&mut input) {
        messages.push(format!("{:?}", ClientMessage::decode(frame)));
    }
    messages
}

fn plan(departure: Departure, state: PlayerState) -> BotPlan {
    BotPlan { departure: Some(departure), state, ..BotPlan::default() }
}

/// A stranger says no hello, and is gone as soon as it is there.
#[test]
fn a_stranger_leaves_without_a_hello() {
    let said = |departure| {
        let (tell, told) = mpsc::channel();
        let address = serve(move |mut socket, _| {
            tell.send(hear_out(&mut socket)).expect("the test waits");
        });
        let mut fleet = fleet(address, RetryPolicy::FOREVER);
        let bot = fleet.spawn(plan(departure, PlayerState::Lobby));
        turn_until(&mut fleet, |fleet| {
            fleet.is_empty() || (departure == Departure::HalfFrame && !fleet.injections.is_empty())
        });
        fleet.abandon_leaving();
        let injections = fleet.take_injections();
        assert_eq!(injections.len(), 1);
        let Injection { bot: who, player, state, local, .. } = injections[0];
        assert_eq!((who, player, state), (bot, None, PlayerState::Lobby));
        let ends = fleet.take_ends();
        assert!(local.is_some() && ends[0].local == local, "{ends:?}");
        told.recv_timeout(DEADLINE).expect("the server saw an end")
    };
    let (bytes, end) = said(Departure::Close);
    assert_eq!((bytes.len(), end.expect("an end of file")), (0, 0));
    let (bytes, end) = said(Departure::Reset);
    assert_eq!(bytes.len(), 0);
    assert_eq!(end.expect_err("a reset").kind(), io::ErrorKind::ConnectionReset);
    let (bytes, _) = said(Departure::HalfFrame);
    assert!(bytes.len() > 4 && messages(&bytes).is_empty(), "half of a hello");
}

/// The hello with the ticket is there, and then the bot is gone, whatever the server makes of it.
#[test]
fn a_bot_leaves_again_before_its_welcome_is_read() {
    let (tell, told) = mpsc::channel();
    let address = serve(move |mut socket, number| {
        if number == 0 {
            read_some(&mut socket);
            socket.write_all(&welcome_with_ticket(1, &[1], Some(1))).expect("the bot listens");
        }
        tell.send(hear_out(&mut socket)).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    let bot = fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, |fleet| fleet.is_playing(bot));
    let comeback = Comeback {
        after: Duration::from_millis(1),
        takes_over: false,
        plan: plan(Departure::LastWords, PlayerState::ResumeWindow),
    };
    let told_to = (Departure::Close, PlayerState::Match);
    fleet.depart_and_return(bot, told_to.0, told_to.1, comeback).expect("it plays");
    assert_eq!(fleet.returning(), 1);
    turn_until(&mut fleet, Fleet::is_empty);
    let (_, end) = told.recv_timeout(DEADLINE).expect("the first connection");
    assert!(end.is_ok(), "{end:?}");
    let (bytes, end) = told.recv_timeout(DEADLINE).expect("the second one");
    assert_eq!(end.expect_err("a reset").kind(), io::ErrorKind::ConnectionReset);
    let words = messages(&bytes);
    assert!(words[0].contains("Hello") && words[0].contains("resume: Some"), "{words:?}");
    assert!(words.len() == 1 + LAST_WORDS && words[1].contains("Ping"), "{words:?}");
    let injections = fleet.take_injections();
    let who: Vec<_> = injections.iter().map(|it| (it.player, it.state)).collect();
    let player = Some(PlayerId(1));
    assert_eq!(who, [(player, PlayerState::Match), (player, PlayerState::ResumeWindow)]);
    assert_eq!((injections[0].returns, injections[1].returns), (true, false));
    let returns = fleet.take_returns();
    assert_eq!((returns.len(), &returns[0].outcome), (1, &ReturnOutcome::LeftAgain));
    assert_eq!(fleet.returning(), 0);
}

/// A server that gives each bot a seat, waits for the test, perhaps sends it a state, and hears it
/// out. (A write to a bot that is gone would take the error that the read is to have.)
fn one_state(sends: bool, go: mpsc::Receiver<()>, tell: mpsc::Sender<Heard>) -> SocketAddr {
    serve(move |mut socket, _| {
        socket.write_all(&welcome_with_ticket(1, &[1], Some(1))).expect("the bot listens");
        read_some(&mut socket);
        go.recv().expect("the test goes on");
        let snapshot = ServerMessage::Snapshot { tick: Tick(1), body: Bytes(&[0; 1000]) };
        if sends {
            send(&mut socket, &snapshot).expect("the bot is there");
        }
        tell.send(hear_out(&mut socket)).expect("the test waits");
    })
}

/// It closes when something is unread, and not before; what the server sees is a reset.
#[test]
fn a_close_with_something_unread_is_a_reset() {
    let (go, gone_ahead) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let mut fleet = fleet(one_state(true, gone_ahead, tell), RetryPolicy::NEVER);
    let bot = fleet.spawn(BotPlan::default());
    turn_until(&mut fleet, |fleet| fleet.is_playing(bot) && fleet.stats().inputs > 0);
    fleet.depart(bot, Departure::UnreadClose, PlayerState::Match).expect("it plays");
    fleet.turn(Moment::now() + Duration::from_millis(5)).expect("the poll works");
    assert_eq!((fleet.leaving(), fleet.take_injections().len()), (1, 0), "there is nothing yet");
    go.send(()).expect("the server waits");
    turn_until(&mut fleet, Fleet::is_empty);
    assert_eq!(fleet.take_injections().len(), 1);
    let (_, end) = told.recv_timeout(DEADLINE).expect("the server saw an end");
    assert_eq!(end.expect_err("a reset").kind(), io::ErrorKind::ConnectionReset);
}

/// What was said before a reset arrives; half a frame as well.
#[test]
fn last_words_arrive_before_the_reset() {
    for state in [PlayerState::Match, PlayerState::MidFrame] {
        let (go, gone_ahead) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let mut fleet = fleet(one_state(false, gone_ahead, tell), RetryPolicy::NEVER);
        let bot = fleet.spawn(BotPlan::default());
        turn_until(&mut fleet, |fleet| fleet.is_playing(bot) && fleet.stats().inputs > 0);
        fleet.depart(bot, Departure::LastWords, state).expect("it plays");
        assert!(fleet.is_empty());
        go.send(()).expect("the server waits");
        let (bytes, end) = told.recv_timeout(DEADLINE).expect("the server saw an end");
        assert_eq!(end.expect_err("a reset").kind(), io::ErrorKind::ConnectionReset);
        let mut decoder = FrameDecoder::new(CLIENT_FRAME_BYTES_MAX);
        let (mut input, mut words) = (&bytes[..], 0);
        while let Some(frame) = decoder.next_frame(&mut input).expect("well framed") {
            assert!(ClientMessage::decode(frame).is_ok());
            words += 1;
        }
        assert!(words >= LAST_WORDS, "{words} words");
        assert_eq!(decoder.is_mid_frame(), state == PlayerState::MidFrame);
    }
}

#[test]
fn nobody_is_told_to_do_what_it_cannot() {
    let address = serve(|mut socket, _| drop(hear_out(&mut socket)));
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    let bot = fleet.spawn(BotPlan::default());
    for (departure, state) in [
        (Departure::Close, PlayerState::Lobby),
        (Departure::Close, PlayerState::ResumeWindow),
        (Departure::Goodbye, PlayerState::MidFrame),
    ] {
        assert_eq!(fleet.depart(bot, departure, state), Err(DepartError::NotPossible));
    }
    let endpoint = "unix:/nowhere".parse().expect("an address");
    let mut fleet = Fleet::new(FleetConfig::new(endpoint)).expect("a fleet");
    let bot = fleet.spawn(BotPlan::default());
    let refused = fleet.depart(bot, Departure::Vanish, PlayerState::Match);
    assert_eq!(refused, Err(DepartError::NotPossible), "there is no network in between");
}

/// A frame that comes a byte at a time is never complete.
#[test]
fn a_trickle_is_single_bytes_with_time_between() {
    let (tell, told) = mpsc::channel();
    let address = serve(move |mut socket, _| {
        let mut byte = [0; 16];
        while let Ok(count @ 1..) = socket.read(&mut byte) {
            tell.send((count, Moment::now())).expect("the test waits");
        }
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    fleet.spawn(plan(Departure::Trickle, PlayerState::Lobby));
    let mut bytes = Vec::new();
    turn_until(&mut fleet, |_| {
        bytes.extend(told.try_iter());
        bytes.len() == 4
    });
    assert!(bytes.iter().all(|(count, _)| *count == 1), "one at a time: {bytes:?}");
    // The first one and the last one were on their way for about the same time.
    let took = bytes[3].1.since(bytes[0].1);
    assert!(took > 2 * TRICKLE_EVERY, "{took:?}");
}

/// A flood is more than any client says, all of it well-formed, and it ends by itself.
#[test]
fn a_flood_is_well_formed_and_ends() {
    let (tell, told) = mpsc::channel();
    let address = serve(move |mut socket, _| {
        socket.write_all(&welcome_with_ticket(1, &[1], None)).expect("the bot listens");
        let (mut decoder, mut buffer) = (FrameDecoder::new(CLIENT_FRAME_BYTES_MAX), [0; 65536]);
        let mut count = 0_u64;
        while let Ok(bytes @ 1..) = socket.read(&mut buffer) {
            let mut input = &buffer[..bytes];
            while let Some(frame) = decoder.next_frame(&mut input).expect("well framed") {
                assert!(ClientMessage::decode(frame).is_ok());
                count += 1;
            }
        }
        tell.send(count).expect("the test waits");
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    let (bot, other) = (fleet.spawn(BotPlan::default()), fleet.spawn(BotPlan::default()));
    fleet.depart(bot, Departure::Flood, PlayerState::Match).expect("when it plays");
    turn_until(&mut fleet, |fleet| fleet.leaving() == 1);
    let begun = Moment::now();
    let mut sent = Vec::new();
    turn_until(&mut fleet, |fleet| {
        sent.push(fleet.stats().sent_bytes);
        let quiet = sent.len() > 10 && sent[sent.len() - 10] == sent[sent.len() - 1];
        Moment::now() > begun + FLOODS_FOR && quiet
    });
    assert!(fleet.slot(other).is_some(), "the others had their turns");
    assert_eq!(fleet.abandon_leaving(), 1, "it waits for the server to say something");
    let words = told.recv_timeout(DEADLINE).expect("the server has heard it");
    assert!(words > 1_000, "{words} words");
}

/// The urgent byte comes between two frames. (The server is told to have it in its stream, so that
/// it can see where; no frame is as long as that byte says.)
#[test]
fn an_urgent_byte_comes_between_frames() {
    let (tell, told) = mpsc::channel();
    let address = serve(move |mut socket, _| {
        SockRef::from(&socket).set_out_of_band_inline(true).expect("a socket of ours");
        socket.write_all(&welcome_with_ticket(1, &[1], None)).expect("the bot listens");
        let (mut stream, mut buffer) = (Vec::new(), [0; 4096]);
        let (mut urgent, mut messages) = (0, 0);
        while urgent < 2 {
            let count = socket.read(&mut buffer).expect("the bot plays");
            stream.extend_from_slice(&buffer[..count]);
            while let Some(first) = stream.first().copied() {
                let frame_bytes = 4 + usize::from(first);
                if first == b'!' {
                    urgent += 1;
                    stream.remove(0);
                } else if frame_bytes <= stream.len() {
                    let frame: Vec<u8> = stream.drain(..frame_bytes).collect();
                    assert!(ClientMessage::decode(&frame[4..]).is_ok());
                    messages += 1;
                } else {
                    break;
                }
            }
        }
        tell.send(messages).expect("the test waits");
        drop(hear_out(&mut socket));
    });
    let mut fleet = fleet(address, RetryPolicy::NEVER);
    fleet.spawn(BotPlan { manner: Manner::Urgent, ..BotPlan::default() });
    let mut messages = None;
    turn_until(&mut fleet, |_| {
        messages = told.try_recv().ok();
        messages.is_some()
    });
    assert!(messages > Some(10), "{messages:?} messages");
    assert_eq!((fleet.playing(), fleet.stats().survivors.snapshots), (1, 0));
}
