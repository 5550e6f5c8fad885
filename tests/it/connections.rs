//! `/api/connections`: who is there, how it is going, who left and why.

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpStream},
};

use gamekeeper::{
    admin::{self, View, http::Request},
    hub::{Hub, Input},
    ids::PeerAddr,
    lab::{Gate, Lab},
    limits::Limits,
    metrics::ProcessStats,
    time::Time,
};
use gamekeeper_tests::{
    player::Player,
    program::ServerProgram,
    rig::{Rig, lobby},
};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

fn join(server: &ServerProgram, name: &str) -> Player {
    join_on(Player::connect(server.address), name)
}

fn join_on(mut player: Player, name: &str) -> Player {
    player.hello("", name);
    player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
    player
}

/// A connection from another address of this machine.
fn from_elsewhere(server: &ServerProgram) -> TcpStream {
    let connect = || -> std::io::Result<Socket> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into())?;
        socket.connect(&server.address.into())?;
        Ok(socket)
    };
    connect().expect("all of 127.0.0.0/8 is this machine").into()
}

fn ask(server: &ServerProgram, query: &str) -> Value {
    let (status, body) = server.get(&format!("/api/connections{query}"));
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

/// Asks until `done`; panics if it takes too long.
fn ask_until(server: &ServerProgram, query: &str, what: &str, done: fn(&Value) -> bool) -> Value {
    let mut answer = Value::Null;
    server.stats_until(what, |_| {
        answer = ask(server, query);
        done(&answer)
    });
    answer
}

fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().expect("a list")
}

fn labels(entry: &Value) -> Vec<&str> {
    list(entry, "history").iter().map(|event| event["what"].as_str().expect("a name")).collect()
}

#[test]
fn a_player_and_a_stranger_are_shown_as_what_they_are() {
    let server = ServerProgram::start(SERVER, &[]);
    let _ada = join(&server, "ada");
    let _stranger = TcpStream::connect(server.address).expect("it listens");
    let answer = ask_until(&server, "", "both are there", |answer| answer["total"] == 2);
    let [ada, stranger] = list(&answer, "connections") else { panic!("two: {answer}") };
    assert_eq!((&ada["id"], &ada["state"]), (&"0.0".into(), &"playing".into()));
    assert_eq!((&ada["room"], &ada["player"]), (&1.into(), &1.into()));
    assert!(ada["bytes_in"].as_u64() > Some(10) && ada["bytes_out"].as_u64() > Some(10), "{ada}");
    assert_eq!((&ada["queued_bytes"], &ada["backlog_bytes"]), (&0.into(), &0.into()));
    assert_eq!((&ada["stalled"], &ada["blocked_seconds"]), (&false.into(), &Value::Null));
    assert!(ada["age_seconds"].as_f64() >= ada["heard_seconds_ago"].as_f64(), "{ada}");
    assert!(ada["address"].as_str().is_some_and(|from| from.starts_with("127.0.0.1:")), "{ada}");
    assert_eq!((&stranger["state"], &stranger["player"]), (&"handshake".into(), &Value::Null));
    assert_eq!((&answer["next"], list(&answer, "departures").len()), (&Value::Null, 0));
    assert!(ada.get("history").is_none(), "only when one is asked for");

    let one = ask(&server, "?id=0.0");
    assert_eq!(list(&one, "connections").len(), 1);
    assert_eq!(labels(&one["connections"][0])[..3], ["accepted", "bytes", "seated"]);
}

#[test]
fn a_reader_that_is_stuck_and_a_player_that_is_silent_are_seen() {
    let args =
        ["--game", "benchmark", "--state-bytes", "100000", "--heartbeat-timeout-ms", "60000"];
    let slow = ["--out-stall-ms", "60000", "--out-soft-ms", "60000", "--stalled-after-ms", "1100"];
    let server = ServerProgram::start(SERVER, &[&args[..], &slow].concat());
    let _stuck = join_on(Player::connect_narrow(server.address), "stuck");
    let answer = ask_until(&server, "", "it is stuck and silent", |answer| {
        let stuck = &answer["connections"][0];
        stuck["stalled"] == true && !stuck["blocked_seconds"].is_null()
    });
    let stuck = &answer["connections"][0];
    assert!(stuck["queued_bytes"].as_u64() > Some(0), "{stuck}");
    assert!(stuck["heard_seconds_ago"].as_f64() > Some(1.0), "{stuck}");
}

/// A ping's answer gives the round trip.
#[test]
fn the_round_trip_is_that_of_the_last_ping() {
    let server = ServerProgram::start(SERVER, &["--ping-after-ms", "50"]);
    let mut ada = join(&server, "ada");
    let mut round_trip = Value::Null;
    ada.listen_until("the server knows the round trip", |ada| {
        ada.answer_pings();
        round_trip = ask(&server, "")["connections"][0]["round_trip_ms"].clone();
        !round_trip.is_null()
    });
    assert!(round_trip.as_u64() < Some(30_000), "{round_trip}");
}

/// Who is gone is still there to be looked at, with the reason and all that happened.
#[test]
fn the_departed_are_remembered_the_newest_first() {
    let server = ServerProgram::start(SERVER, &[]);
    join(&server, "eve").leave_by_fin();
    ask_until(&server, "", "the first has left", |answer| !list(answer, "departures").is_empty());
    let mut bob = join(&server, "bob");
    bob.send(&[1, 0, 0, 0, 0xff]);
    let answer = ask_until(&server, "", "both have left", |answer| {
        list(answer, "departures").len() == 2 && answer["total"] == 0
    });
    let [bob, eve] = list(&answer, "departures") else { panic!("two: {answer}") };
    assert_eq!((&eve["reason"], &eve["path"]), (&"fin".into(), &"event".into()));
    assert_eq!((&bob["reason"], &bob["path"]), (&"protocol".into(), &"read".into()));
    assert_eq!((&eve["player"], &bob["player"]), (&1.into(), &2.into()));
    assert!(eve["left_seconds_ago"].as_f64() >= bob["left_seconds_ago"].as_f64(), "{answer}");
    assert!(bob["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{bob}");
    // The slot was free again, so the two differ in its generation only.
    assert_eq!((&eve["id"], &bob["id"]), (&"0.0".into(), &"0.1".into()));
    let one = ask(&server, "?id=0.1");
    assert_eq!(list(&one, "connections").len(), 0);
    let departed = list(&one, "departures");
    assert_eq!((departed.len(), &departed[0]["reason"]), (1, &"protocol".into()));
    assert_eq!(labels(&departed[0]), ["accepted", "bytes", "seated", "leaves"]);
}

#[test]
fn pages_show_everybody_once() {
    let server = ServerProgram::start(SERVER, &[]);
    let _crowd: Vec<_> =
        (0..25).map(|_| TcpStream::connect(server.address).expect("it listens")).collect();
    let _elsewhere = from_elsewhere(&server);
    ask_until(&server, "?limit=1", "all are there", |answer| answer["total"] == 26);
    let (mut seen, mut after) = (Vec::new(), String::new());
    for expected in [10, 10, 6] {
        let page = ask(&server, &format!("?limit=10{after}"));
        let ids = list(&page, "connections").iter().map(|connection| connection["id"].clone());
        assert_eq!(ids.len(), expected);
        seen.extend(ids);
        after = page["next"].as_str().map_or(String::new(), |next| format!("&after={next}"));
    }
    assert_eq!(after, "", "the end");
    let count = seen.len();
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    assert_eq!((seen.len(), count), (26, 26));

    let elsewhere = ask(&server, "?address=127.0.0.2");
    assert_eq!((list(&elsewhere, "connections").len(), &elsewhere["total"]), (1, &26.into()));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let server = ServerProgram::start(SERVER, &[]);
    let faults = [("limit=0", "1 to 1000"), ("after=x", "12.3"), ("limt=5", "limit=N")];
    for (query, words) in faults {
        let (status, body) = server.get(&format!("/api/connections?{query}"));
        assert_eq!(status, 400, "{body}");
        assert!(body.contains(words), "{query}: {body}");
    }
    let (status, body) = server.get("/api/connections?id=5.0");
    assert_eq!(status, 404, "{body}");
    assert!(body.contains("5.0"), "{body}");
}

/// A hub with connections from two addresses: one for each slot, and a single other one at the
/// end.
fn crowd(slots: u16) -> Hub {
    let limits = Limits { connections_max: 100_000, handshakes_max: 100_000, ..Limits::DEFAULT };
    let mut hub = Hub::new(limits.clone(), "arena".to_owned(), lobby(&limits, 4), Time::ZERO);
    for slot in 0..slots {
        let ip = if slot + 1 == slots { Ipv4Addr::new(127, 0, 0, 2) } else { Ipv4Addr::LOCALHOST };
        let peer = PeerAddr::Tcp((ip, slot + 1).into());
        hub.admit(peer, Time::ZERO).expect("this machine is not counted");
    }
    hub
}

fn answer(hub: &Hub, query: &str) -> Value {
    let process = ProcessStats::default;
    let view = View { hub, process: &process, now: Time::ZERO };
    let (path, query) = ("/api/connections".to_owned(), query.to_owned());
    let request = Request { method: "GET".to_owned(), path, query, origin: None, host: None };
    let mut lab = Lab::new(Gate::Closed("nobody is sent in".to_owned()), None);
    let response = admin::respond(&view, &mut lab, &request);
    assert_eq!(response.status(), 200);
    serde_json::from_slice(response.body()).expect("JSON")
}

/// One answer is made between two ticks: it neither shows nor looks at more than so many.
#[test]
fn an_answer_is_bounded_whatever_the_number_of_connections() {
    let hub = crowd(20_000);
    assert_eq!(list(&answer(&hub, ""), "connections").len(), 100);
    assert_eq!(list(&answer(&hub, "limit=1000"), "connections").len(), 1_000);
    // The only one of its address is far behind: there is more to look at, and then it is found.
    let first = answer(&hub, "address=127.0.0.2");
    assert_eq!((list(&first, "connections").len(), &first["next"]), (0, &"16383".into()));
    let second = answer(&hub, "address=127.0.0.2&after=16383");
    assert_eq!((list(&second, "connections").len(), &second["next"]), (1, &Value::Null));
}

/// Of the departed a fixed number is kept, and a sentence of any length is cut.
#[test]
fn the_last_two_hundred_and_fifty_six_departures_are_kept() {
    let mut hub = crowd(300);
    let ids: Vec<_> = (0..300).filter_map(|slot| hub.in_slot(slot).map(|(id, _)| id)).collect();
    for from in ids {
        hub.handle(Input::Bytes { from, bytes: &[1, 0, 0, 0, 0xff] }, Time::ZERO);
        hub.settle(Time::ZERO);
    }
    let answer = answer(&hub, "limit=1000");
    let departures = list(&answer, "departures");
    assert_eq!(departures.len(), 256);
    assert_eq!((&departures[0]["id"], &departures[255]["id"]), (&"299.0".into(), &"44.0".into()));
    // They are still told goodbye, so they are still connected as well.
    assert_eq!(answer["connections"][0]["state"], "lingering");
}

/// A long answer takes a while to make, so it is the only one of its turn.
#[test]
fn long_answers_are_made_one_in_a_turn() {
    let (mut rig, admin) = Rig::with_admin(Limits::DEFAULT);
    let connect = |address| TcpStream::connect(address).expect("it listens");
    let _crowd: Vec<_> = (0..400).map(|_| connect(rig.address)).collect();
    rig.turn_until("all are in", |rig| rig.event_loop.hub().connections() == 400);
    let operators: Vec<_> = (0..4).map(|_| connect(admin)).collect();
    for mut operator in &operators {
        operator.set_nonblocking(true).expect("a fresh socket takes any option");
        operator.write_all(b"GET /api/connections?limit=400 HTTP/1.1\r\n\r\n").expect("short");
    }
    let answered = || operators.iter().filter(|operator| operator.peek(&mut [0]).is_ok()).count();
    let mut before = 0;
    rig.turn_until("all are answered", |_| {
        let now = answered();
        assert!(now <= before + 1, "{} answers in one turn", now - before);
        before = now;
        now == operators.len()
    });
}
