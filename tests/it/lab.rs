//! The teardown lab: bots that are sent in over HTTP, leave in the ordered way, and are joined with
//! what the server made of it.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use gamekeeper::lab::causes::CAUSES;
use gamekeeper_bot::departure::Departure;
use gamekeeper_tests::{
    PATIENCE,
    installed::Installed,
    program::{Program, ServerProgram},
};
use serde_json::Value;

use crate::company::{BOTS, SERVER, TMPDIR, children, ends};

/// A turn of a server takes no longer than this, even on a busy machine.
const TURN_MAX_NS: u64 = 1_000_000_000;

/// A server with the programs beside each other, as users have them.
fn start(test: &str, args: &[&str]) -> (Installed, ServerProgram) {
    let installed = Installed::new(TMPDIR, test, &[SERVER, BOTS]);
    let server = ServerProgram::start(&installed.path("gamekeeper"), args);
    (installed, server)
}

/// The status and the body of the answer to a request.
fn ask(admin: SocketAddr, method: &str, target: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(admin).expect("the admin listener takes connections");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let request = format!("{method} {target} HTTP/1.1\r\nHost: {admin}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("it is small");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

fn state(admin: SocketAddr) -> Value {
    let (status, body) = ask(admin, "GET", "/api/lab", "");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

#[track_caller]
fn send(admin: SocketAddr, order: &str) {
    let (status, body) = ask(admin, "POST", &format!("/lab/send?{order}"), "");
    assert_eq!(status, 200, "{order}: {body}");
}

/// Looks until every run has ended, one way or the other.
#[track_caller]
fn all_over(admin: SocketAddr) -> Value {
    // The slowest leave is noticed after six seconds.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state = state(admin);
        if state["bots_out"] == 0 {
            return state;
        }
        assert!(Instant::now() < deadline, "the bots are still out: {}", state["runs"]);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_lab_offers_what_the_bots_can_do() {
    let offered: BTreeSet<_> = CAUSES.iter().map(|cause| cause.name).collect();
    assert_eq!(offered, Departure::ALL.map(Departure::name).into_iter().collect());
    for cause in CAUSES {
        let departure: Departure = cause.name.parse().expect("the bots know it");
        assert_eq!(cause.websocket_only, departure.needs_websocket(), "{}", cause.name);
        assert_eq!(cause.privilege.is_some(), departure.needs().is_some(), "{}", cause.name);
    }
}

/// Each leave of a bot is joined, by its address, with one departure that has the right reason.
#[test]
fn bots_that_are_sent_in_leave_as_ordered_and_the_server_says_why() {
    let (_installed, server) = start("lab-leaves", &[]);
    let orders = [
        ("close", "tcp", 1, "fin"),
        ("reset", "ws", 20, "reset"),
        ("half-close", "tcp", 1, "fin"),
        ("garbage", "ws", 1, "protocol"),
        ("flood", "tcp", 1, "flood"),
        ("half-frame", "tcp", 1, "frame_timeout"),
        ("ws-close", "ws", 1, "ws_closed"),
        ("freeze", "tcp", 1, "heartbeat"),
    ];
    for (cause, transport, bots, _) in orders {
        send(server.admin, &format!("cause={cause}&transport={transport}&bots={bots}"));
    }
    let state = all_over(server.admin);
    for (run, (cause, _, bots, reason)) in (1..).zip(orders) {
        let told = state["runs"].as_array().expect("a list").iter().find(|it| it["number"] == run);
        let told = told.expect("the run is remembered");
        assert_eq!((&told["state"], &told["trouble"]), (&"over".into(), &Value::Null), "{told}");
        let left = state["left"].as_array().expect("a list").iter();
        let left: Vec<_> = left.filter(|left| left["run"] == run).collect();
        assert_eq!(left.len(), bots, "{cause}");
        for left in left {
            let departures = state["departures"].as_array().expect("a list").iter();
            let its: Vec<_> = departures.filter(|it| it["address"] == left["address"]).collect();
            let [its] = its[..] else { panic!("{cause}: {its:?} for {left}") };
            assert_eq!(its["reason"], reason, "{cause}: {its}");
            // A leave has the time at which the turn began that has found it.
            let noticed_ns = its["left_at_ns"].as_u64().expect("a time") + TURN_MAX_NS;
            assert!(noticed_ns >= left["at_ns"].as_u64().expect("a time"), "{its}, {left}");
        }
    }
}

#[test]
fn who_may_not_send_in_bots_is_told_why() {
    let (_installed, server) = start("lab-refused", &["--lab-bots-max", "3"]);
    let send = |order: &str, headers: &str| {
        let (status, body) = ask(server.admin, "POST", &format!("/lab/send?{order}"), headers);
        (status, body)
    };
    for (order, headers, status, hint) in [
        ("cause=reset", "Origin: http://evil.example\r\n", 403, "/lab"),
        ("cause=melt", "", 400, "melt"),
        ("", "", 400, "cause"),
        ("cause=reset&bots=none", "", 400, "must be a number"),
        ("cause=reset&bots=0", "", 400, "1 to 3 (lab_bots_max)"),
        ("cause=reset&bots=4294967295", "", 400, "1 to 3 (lab_bots_max)"),
        ("cause=ws-close", "", 400, "transport=ws"),
        ("cause=reset&bots=4", "", 400, "1 to 3 (lab_bots_max)"),
    ] {
        let (answered, body) = send(order, headers);
        assert!(answered == status && body.contains(hint), "{order}: {answered} {body}");
    }
    // A name that somebody has pointed here: its page has an origin that looks like ours.
    let mut stream = TcpStream::connect(server.admin).expect("the admin listener is there");
    let request = "POST /lab/send?cause=reset HTTP/1.1\r\nHost: evil.example\r\n\
                   Origin: http://evil.example\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it is small");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert_eq!(ask(server.admin, "GET", "/lab/send?cause=reset", "").0, 405);
    assert_eq!(ask(server.admin, "POST", "/api/lab", "").0, 405);
    assert_eq!(state(server.admin)["runs"], Value::Array(vec![]));
    let own = format!("Origin: http://{}\r\n", server.admin);
    assert_eq!(send("cause=close&bots=3", &own).0, 200);
    assert_eq!(send("cause=close", &own).0, 429);
}

#[test]
fn a_lab_that_is_off_shows_and_sends_nothing() {
    let (_installed, server) = start("lab-off", &["--lab", "false"]);
    let (status, body) = ask(server.admin, "POST", "/lab/send?cause=reset", "");
    assert!(status == 403 && body.contains("--lab false"), "{status} {body}");
    let state = state(server.admin);
    assert_eq!((&state["open"], &state["websocket"]), (&false.into(), &true.into()));
    assert_eq!(state["game_port"], server.address.port(), "the game is there all the same");
    assert!(state["closed_because"].as_str().is_some_and(|why| why.contains("--lab")), "{state}");
    assert!(children(server.program.id()).is_empty());
}

/// Reachable from elsewhere means: not unless somebody wants it.
#[test]
fn a_lab_that_others_can_reach_is_off_unless_it_is_asked_for() {
    for (args, is_open) in [
        (&["--listen", "0.0.0.0:0"][..], false),
        (&["--listen", "0.0.0.0:0", "--lab"][..], true),
        (&["--web-origin", "https://play.example"][..], false),
        (&[][..], true),
    ] {
        let (_installed, server) = start("lab-open", args);
        assert_eq!(state(server.admin)["open"], is_open, "{args:?}");
    }
}

/// Its page plays as well, and must be told where: an address that others know.
#[test]
fn the_page_is_told_where_to_play() {
    for (args, host, plays) in
        [(&["--lab"][..], Some("127.0.0.1"), true), (&["--lab", "--web", "false"][..], None, false)]
    {
        let (_installed, server) = start("lab-plays", args);
        let state = state(server.admin);
        assert_eq!(state["game_host"].as_str(), host, "{args:?}");
        assert_eq!((&state["websocket"], state["game_port"].is_u64()), (&plays.into(), plays));
    }
    let installed = Installed::new(TMPDIR, "lab-everywhere", &[SERVER, BOTS]);
    let args = ["--lab", "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0"];
    let mut server = Program::start(&installed.path("gamekeeper"), &args);
    let admin = server.wait_for_line("admin http").parse().expect("an address");
    let state = state(admin);
    assert!(state["game_host"].is_null() && state["game_port"].is_u64(), "{state}");
}

#[test]
fn numbers_of_no_departure_are_refused_and_end_nothing() {
    let (_installed, server) = start("lab-numbers", &[]);
    for query in ["after=18446744073709551615", "left_after=18446744073709551615", "after=x"] {
        let (status, body) = ask(server.admin, "GET", &format!("/api/lab?{query}"), "");
        assert!(status == 400 && body.contains("must be the number"), "{query}: {status} {body}");
    }
    assert_eq!(state(server.admin)["departures_total"], 0);
}

/// A program in the place of the bots that ends at once, or is none: the run fails, and says why.
#[test]
fn bots_that_cannot_do_it_are_a_run_that_failed() {
    let (installed, server) = start("lab-broken", &[]);
    let bots = installed.path("gamekeeper-bot");
    let says = "#!/bin/sh\necho garbage; echo progress >&2; \
                printf 'gamekeeper-bot: it rains' >&2; exit 1\n";
    for (program, trouble) in [
        (says, "it rains"),
        ("#!/bin/sh\nexit 0\n", ""),
        ("#!/bin/sh\nkill -9 $$\n", "without a word"),
        ("#!/nowhere\n", "cannot be started"),
    ] {
        // A new file: the old one may be running.
        fs::remove_file(&bots).expect("it is there");
        fs::write(&bots, program).expect("a folder of ours");
        fs::set_permissions(&bots, fs::Permissions::from_mode(0o755)).expect("a file of ours");
        send(server.admin, "cause=reset");
        let state = all_over(server.admin);
        let run = state["runs"].as_array().and_then(|runs| runs.last()).expect("a run");
        let state = if trouble.is_empty() { "over" } else { "failed" };
        assert_eq!(run["state"], state, "{run}");
        let told = run["trouble"].as_str().unwrap_or_default();
        assert!(told.contains(trouble) && told.is_empty() == trouble.is_empty(), "{run}");
    }
    assert!(children(server.program.id()).is_empty());
}

#[test]
fn bots_of_the_lab_end_with_the_server_however_it_ends() {
    use rustix::process::Signal;
    for signal in [Signal::KILL, Signal::TERM] {
        let (_installed, mut server) = start("lab-ends", &[]);
        send(server.admin, "cause=freeze");
        server.stats_until("the bot plays", |stats| stats["players"] == 1);
        let bots = children(server.program.id());
        assert_eq!(bots.len(), 1);
        server.program.signal(signal);
        server.program.wait();
        ends(bots[0]);
    }
}
