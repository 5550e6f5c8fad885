//! Bots that come back, against little servers of their own.

use std::{io::Write, net::TcpStream, sync::mpsc};

use gamekeeper_protocol::{
    GoodbyeReason, PlayerId, ServerMessage, Tick, Ticket, Welcome, codec::Bytes,
};

use super::super::{
    tests::{
        DEADLINE, appearing, fleet, hello_ticket, judge_until, read_some, send, serve, turn_until,
        welcome_with_ticket,
    },
    *,
};
use crate::{
    clock::Moment,
    connection::Ended,
    people::{Appearance, People},
    retry::RetryPolicy,
};

const SOON: Duration = Duration::from_millis(1);

fn comeback(after: Duration) -> Comeback {
    Comeback { after, takes_over: false, plan: BotPlan::default() }
}

/// A welcome to player 1, with a ticket made of this byte, and the state that comes after it. Both
/// in one write: the bot may be gone as soon as it has the first of them.
fn welcome(socket: &mut TcpStream, ticket: u8) {
    let frames = [welcome_with_ticket(1, &[1], Some(ticket)), snapshot()].concat();
    socket.write_all(&frames).expect("the bot listens");
}

fn goodbye(socket: &mut TcpStream, reason: GoodbyeReason) {
    send(socket, &ServerMessage::Goodbye { reason, text: "" }).expect("the bot listens");
}

fn snapshot() -> Vec<u8> {
    let mut frame = Vec::new();
    let snapshot = ServerMessage::Snapshot { tick: Tick(9), body: Bytes(b"") };
    snapshot.encode(&mut frame).expect("encodes");
    frame
}

fn first_byte(ticket: Option<Ticket>) -> Option<u8> {
    ticket.map(|Ticket(bytes)| bytes[0])
}

/// A bot that plays on a server that does with its connections what `script` says.
fn playing(script: impl FnMut(TcpStream, usize) + Send + 'static, plan: BotPlan) -> (Fleet, BotId) {
    let mut fleet = fleet(serve(script), RetryPolicy::NEVER);
    let bot = fleet.spawn(plan);
    turn_until(&mut fleet, |fleet| fleet.is_playing(bot));
    (fleet, bot)
}

fn outcomes(fleet: &mut Fleet) -> Vec<(bool, ReturnOutcome)> {
    let returns = fleet.take_returns().into_iter();
    returns.map(|it| (it.took_over, it.outcome)).collect()
}

/// It loses its connection twice and is the same player to the end; what it was told on the way in
/// is written down. The second time it is told to go before it is back from the first.
#[test]
fn a_bot_comes_back_as_often_as_it_is_told_to() {
    let (tell, told) = mpsc::channel();
    let (keep, kept) = mpsc::channel();
    let (go, gone_ahead) = mpsc::channel();
    let script = move |mut socket: TcpStream, number: usize| {
        tell.send(first_byte(hello_ticket(&mut socket))).expect("the test waits");
        let welcome = welcome_with_ticket(1, &[1], Some(number as u8 + 1));
        let mut frames = Vec::new();
        match ServerMessage::decode(&welcome[4..]).expect("a welcome") {
            ServerMessage::Welcome(welcome) => {
                let events_before = [0, 2, 5][number];
                let late = Welcome { tick: Tick(9), events_before, ..welcome };
                ServerMessage::Welcome(late).encode(&mut frames).expect("encodes");
            }
            other => panic!("{other:?}"),
        }
        if number == 1 {
            socket.write_all(&frames).expect("the bot listens");
            gone_ahead.recv().expect("the test goes on");
            frames.clear();
            for tick in [7, 8, 9] {
                let event = ServerMessage::Event { tick: Tick(tick), body: Bytes(b"news") };
                event.encode(&mut frames).expect("encodes");
            }
        }
        frames.extend(snapshot());
        socket.write_all(&frames).expect("the bot listens");
        keep.send(socket).expect("the test waits");
    };
    let leaves = BotPlan { departure: Some(Departure::Close), ..BotPlan::default() };
    let (mut fleet, bot) = playing(script, leaves);
    let first = Comeback { plan: leaves, ..comeback(SOON) };
    fleet.depart_and_return(bot, Departure::Reset, PlayerState::Match, first).expect("it plays");
    assert_eq!((fleet.playing(), fleet.returning(), fleet.leaving()), (0, 1, 0));
    fleet
        .depart_and_return(bot, Departure::Close, PlayerState::Match, comeback(SOON))
        .expect("as soon as it is back");
    let again = fleet.depart(bot, Departure::Close, PlayerState::Match);
    assert_eq!(again, Err(DepartError::LeavingAlready), "once is enough");
    turn_until(&mut fleet, |fleet| fleet.stats().resumes == 1);
    assert_eq!(fleet.returns.len(), 0, "it does not know yet what it has missed");
    go.send(()).expect("the server waits");
    turn_until(&mut fleet, |fleet| fleet.returns.len() == 2);
    assert_eq!((fleet.playing(), fleet.returning(), fleet.len()), (1, 0, 1));
    let tickets: Vec<Option<u8>> = told.try_iter().collect();
    assert_eq!(tickets, [None, Some(1), Some(2)]);
    let missed = Homecoming { events_lost: 2, events_resent: 2, events_resent_bytes: 8 };
    let again = Homecoming::default();
    let expected = [(false, ReturnOutcome::Back(missed)), (false, ReturnOutcome::Back(again))];
    assert_eq!(outcomes(&mut fleet), expected);
    assert_eq!((fleet.stats().joins, fleet.stats().resumes), (1, 2));
    let injections = fleet.take_injections();
    assert!(injections.iter().all(|it| it.returns && it.player == Some(PlayerId(1))));
    assert!(fleet.take_ends().iter().all(|end| end.departure.is_some()));
    drop(kept);
}

/// The bot freezes, and is back while its old connection is there. What is read on that one is only
/// how it ends.
#[test]
fn a_bot_takes_over_from_itself() {
    let (mut fleet, bot) =
        playing(take_over(), BotPlan { departure: Some(Departure::Freeze), ..BotPlan::default() });
    let over = Comeback { takes_over: true, ..comeback(SOON) };
    fleet.depart_and_return(bot, Departure::Freeze, PlayerState::Match, over).expect("it plays");
    assert_eq!((fleet.leaving(), fleet.returning()), (1, 1));
    assert!(!fleet.show_bad_ticket(bot, TicketFault::Forged), "it does not play");
    turn_until(&mut fleet, |fleet| fleet.returning() == 0 && fleet.leaving() == 0);
    assert_eq!((fleet.playing(), fleet.len()), (1, 1));
    assert_eq!(outcomes(&mut fleet), [(true, ReturnOutcome::Back(Homecoming::default()))]);
    let ends = fleet.take_ends();
    assert_eq!((ends.len(), ends[0].departure), (1, Some(Departure::Freeze)));
    let replaced = GoodbyeReason::Replaced;
    assert!(matches!(ends[0].ended, Ended::Goodbye { reason, .. } if reason == replaced));
    let mut people = People::default();
    judge_until(&mut fleet, &mut people, |_, _| true);
    let wrong = [Appearance::Ghost, Appearance::Missed];
    let wrong = wrong.map(|it| appearing(&fleet, &people, it));
    assert_eq!(wrong, [0, 0], "the player is not gone");
    fleet
        .depart(bot, Departure::Goodbye, PlayerState::Match)
        .expect("the name has passed to the heir");
    turn_until(&mut fleet, Fleet::is_empty);
}

/// A server of which a bot takes over from itself.
fn take_over() -> impl FnMut(TcpStream, usize) + Send + 'static {
    let mut old: Option<TcpStream> = None;
    move |mut socket: TcpStream, number: usize| {
        let ticket = first_byte(hello_ticket(&mut socket));
        assert_eq!(ticket, (number > 0).then_some(1));
        welcome(&mut socket, number as u8 + 1);
        if let Some(old) = &mut old {
            goodbye(old, GoodbyeReason::Replaced);
        }
        old = Some(socket);
    }
}

/// What a bot is told while it is frozen is for the one that it will be.
#[test]
fn orders_pass_to_the_heir() {
    let (mut fleet, bot) =
        playing(take_over(), BotPlan { departure: Some(Departure::Freeze), ..BotPlan::default() });
    let over = Comeback { takes_over: true, ..comeback(SOON) };
    fleet.depart_and_return(bot, Departure::Freeze, PlayerState::Match, over).expect("it plays");
    fleet.depart(bot, Departure::Goodbye, PlayerState::Match).expect("as soon as it is back");
    turn_until(&mut fleet, Fleet::is_empty);
    assert_eq!(outcomes(&mut fleet), [(true, ReturnOutcome::Back(Homecoming::default()))]);
    let departures: Vec<_> = fleet.take_injections().iter().map(|it| it.departure).collect();
    assert_eq!(departures, [Departure::Freeze, Departure::Goodbye]);
}

/// What has come while the bot was frozen, and was reported then, is not reported again.
#[test]
fn a_husk_reads_what_it_has_left_unread() {
    let (go, gone_ahead) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let mut old = Vec::new();
    let script = move |mut socket: TcpStream, number: usize| {
        hello_ticket(&mut socket);
        welcome(&mut socket, number as u8 + 1);
        if number == 0 {
            gone_ahead.recv().expect("the test goes on");
            goodbye(&mut socket, GoodbyeReason::Internal);
            tell.send(()).expect("the test waits");
        }
        old.push(socket);
    };
    let (mut fleet, bot) =
        playing(script, BotPlan { departure: Some(Departure::Freeze), ..BotPlan::default() });
    let over = Comeback { takes_over: true, ..comeback(Duration::from_millis(200)) };
    fleet.depart_and_return(bot, Departure::Freeze, PlayerState::Match, over).expect("it plays");
    go.send(()).expect("the server waits");
    told.recv_timeout(DEADLINE).expect("the server goes on");
    turn_until(&mut fleet, |fleet| fleet.returning() == 0 && fleet.leaving() == 0);
    assert_eq!((fleet.playing(), fleet.take_ends().len()), (1, 1));
}

/// A return never waits longer than the seat is held, and one that fails is written down.
#[test]
fn a_return_that_is_refused_is_a_finding() {
    let (keep, kept) = mpsc::channel();
    let script = move |mut socket: TcpStream, number: usize| {
        read_some(&mut socket);
        match number {
            0 => welcome(&mut socket, 1),
            _ => goodbye(&mut socket, GoodbyeReason::ResumeRefused),
        }
        keep.send(socket).expect("the test waits");
    };
    let (mut fleet, bot) =
        playing(script, BotPlan { departure: Some(Departure::Close), ..BotPlan::default() });
    let late = comeback(Duration::from_secs(3_600));
    fleet.depart_and_return(bot, Departure::Close, PlayerState::Match, late).expect("it plays");
    turn_until(&mut fleet, Fleet::is_empty);
    let returns = outcomes(&mut fleet);
    let [(false, ReturnOutcome::Failed(ended))] = &returns[..] else { panic!("{returns:?}") };
    assert!(ended.is_refused_resume(), "{ended}");
    let ends = fleet.take_ends();
    assert_eq!(ends.iter().map(|end| end.returning).collect::<Vec<_>>(), [false, true]);
    drop(kept);
}

#[test]
fn without_a_way_back_there_is_a_new_seat() {
    let (keep, kept) = mpsc::channel();
    let script = move |mut socket: TcpStream, number: usize| {
        assert_eq!(hello_ticket(&mut socket), None);
        let player = number as u32 + 1;
        let frames = [welcome_with_ticket(player, &[player], None), snapshot()].concat();
        socket.write_all(&frames).expect("the bot listens");
        keep.send(socket).expect("the test waits");
    };
    let (mut fleet, bot) =
        playing(script, BotPlan { departure: Some(Departure::Close), ..BotPlan::default() });
    assert_eq!(fleet.counts().seat_window, None);
    fleet
        .depart_and_return(bot, Departure::Close, PlayerState::Match, comeback(SOON))
        .expect("it plays");
    turn_until(&mut fleet, |fleet| fleet.is_playing(bot) && fleet.returning() == 0);
    assert_eq!(outcomes(&mut fleet), [(false, ReturnOutcome::Anew)]);
    assert_eq!((fleet.stats().joins, fleet.stats().resumes), (2, 0));
    drop(kept);
}

/// It is stuck until the server has ended its connection, as if it had not planned to come back.
#[test]
fn without_a_way_back_nobody_takes_over() {
    let (end_it, ended) = mpsc::channel();
    let (keep, kept) = mpsc::channel();
    let script = move |mut socket: TcpStream, number: usize| {
        assert_eq!(hello_ticket(&mut socket), None);
        let player = number as u32 + 1;
        let frames = [welcome_with_ticket(player, &[player], None), snapshot()].concat();
        socket.write_all(&frames).expect("the bot listens");
        match number {
            0 => ended.recv().expect("the test goes on"),
            _ => keep.send(socket).expect("the test waits"),
        }
    };
    let (mut fleet, bot) =
        playing(script, BotPlan { departure: Some(Departure::Stall), ..BotPlan::default() });
    let over = Comeback { takes_over: true, ..comeback(SOON) };
    fleet.depart_and_return(bot, Departure::Stall, PlayerState::Match, over).expect("it plays");
    let later = Moment::now() + SOON * 20;
    turn_until(&mut fleet, |_| Moment::now() > later);
    assert_eq!((fleet.len(), fleet.leaving(), fleet.stats().connects), (1, 1, 1));
    end_it.send(()).expect("the server waits");
    turn_until(&mut fleet, |fleet| fleet.is_playing(bot) && fleet.returning() == 0);
    assert_eq!(outcomes(&mut fleet), [(false, ReturnOutcome::Anew)]);
    drop(kept);
}

/// A bot that is still on its way when everybody is sent home is not forgotten.
#[test]
fn whoever_is_not_back_in_the_end_has_failed() {
    let (keep, kept) = mpsc::channel();
    let script = move |mut socket: TcpStream, _| {
        read_some(&mut socket);
        welcome(&mut socket, 1);
        keep.send(socket).expect("the test waits");
    };
    let (mut fleet, bot) =
        playing(script, BotPlan { departure: Some(Departure::Freeze), ..BotPlan::default() });
    let over = Comeback { takes_over: true, ..comeback(Duration::from_secs(3_600)) };
    fleet.depart_and_return(bot, Departure::Freeze, PlayerState::Match, over).expect("it plays");
    assert_eq!(fleet.abandon_leaving(), 1);
    assert!(fleet.is_empty(), "nobody comes back any more");
    let bot = fleet.spawn(BotPlan { departure: Some(Departure::Reset), ..BotPlan::default() });
    turn_until(&mut fleet, |fleet| fleet.is_playing(bot));
    let stalls = BotPlan { departure: Some(Departure::Stall), ..BotPlan::default() };
    let back = Comeback { plan: stalls, ..comeback(SOON) };
    fleet.depart_and_return(bot, Departure::Reset, PlayerState::Match, back).expect("it plays");
    fleet
        .depart(bot, Departure::Stall, PlayerState::Match)
        .expect("its next connection is made for it");
    fleet.depart_all(Departure::Goodbye);
    assert!(fleet.is_empty());
    assert_eq!(outcomes(&mut fleet), [(false, ReturnOutcome::Failed(Ended::Left))]);
    drop(kept);
}

/// The four bad tickets: each is wrong in its own way, and shown only when it is.
#[test]
fn bad_tickets_are_shown_when_they_are_bad() {
    let (tell, told) = mpsc::channel();
    let (keep, kept) = mpsc::channel();
    let script = move |mut socket: TcpStream, number: usize| {
        tell.send(hello_ticket(&mut socket)).expect("the test waits");
        match number {
            // It comes, and comes back.
            0 | 1 => welcome(&mut socket, number as u8 + 1),
            // The last impostor gets in.
            5 => welcome(&mut socket, 9),
            _ => goodbye(&mut socket, GoodbyeReason::ResumeRefused),
        }
        keep.send(socket).expect("the test waits");
    };
    let (mut fleet, bot) =
        playing(script, BotPlan { departure: Some(Departure::Goodbye), ..BotPlan::default() });
    assert!(!fleet.show_bad_ticket(bot, TicketFault::Replayed), "it has not come back yet");
    assert!(!fleet.show_bad_ticket(bot, TicketFault::Expired), "it has not left");
    let leaves = BotPlan { departure: Some(Departure::Goodbye), ..BotPlan::default() };
    let back = Comeback { plan: leaves, ..comeback(SOON) };
    fleet.depart_and_return(bot, Departure::Close, PlayerState::Match, back).expect("it plays");
    assert!(!fleet.show_bad_ticket(bot, TicketFault::Forged), "it is not there");
    turn_until(&mut fleet, |fleet| fleet.returns.len() == 1);
    let inputs = fleet.stats().inputs;
    turn_until(&mut fleet, |fleet| fleet.stats().inputs > inputs);
    assert!(!fleet.show_bad_ticket(bot, TicketFault::Replayed), "the server may not know yet");
    let deadline = Moment::now() + DEADLINE;
    for (number, fault) in
        (1..).zip([TicketFault::Replayed, TicketFault::Forged, TicketFault::Stale])
    {
        while !fleet.show_bad_ticket(bot, fault) {
            assert!(Moment::now() < deadline, "{fault:?}");
            fleet.turn(Moment::now() + SOON).expect("the poll works");
        }
        turn_until(&mut fleet, |fleet| fleet.frauds.len() == number);
    }
    assert_eq!((fleet.playing(), fleet.len()), (1, 1), "impostors have gone");
    fleet.depart(bot, Departure::Goodbye, PlayerState::Match).expect("it plays");
    assert!(!fleet.show_bad_ticket(bot, TicketFault::Expired), "the server may not know yet");
    while !fleet.show_bad_ticket(bot, TicketFault::Expired) {
        assert!(Moment::now() < deadline);
        fleet.turn(Moment::now() + SOON).expect("the poll works");
    }
    turn_until(&mut fleet, |fleet| {
        assert_eq!(fleet.playing(), 0, "whoever gets in by mistake does not stay");
        fleet.is_empty()
    });
    let frauds = fleet.take_frauds();
    let refused = |fraud: &Fraud| fraud.refused.as_ref().map(Ended::is_refused_resume);
    let refused: Vec<_> = frauds.iter().map(|fraud| (fraud.fault.name(), refused(fraud))).collect();
    let yes = Some(true);
    let expected = [("replayed", yes), ("forged", yes), ("stale", yes), ("expired", None)];
    assert_eq!(refused, expected, "the last one got in");
    let tickets: Vec<Option<Ticket>> = told.try_iter().collect();
    let (first, second) = ([1; 32], [2; 32]);
    let [mut forged, mut stale] = [second; 2];
    (forged[31], stale[0]) = (3, 3);
    let expected = [None, Some(first), Some(first), Some(forged), Some(stale), Some(second)];
    assert_eq!(tickets, expected.map(|bytes| bytes.map(Ticket)));
    assert!(fleet.take_ends().iter().all(|end| end.departure.is_some()), "none is a finding");
    drop(kept);
}
