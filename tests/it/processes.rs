//! Whole programs against each other: bots that are killed by the hundred, and the shipped bots.

use std::{fs, path::PathBuf, time::Duration};

use gamekeeper_tests::{
    player::Player,
    program::{Program, Remains, ServerProgram, leaves, run},
};
use rustix::process::Signal;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");
const BOT: &str = env!("CARGO_BIN_EXE_bot-under-test");
const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest-under-test");

/// So few inputs that a busy machine does not make a run of the load test invalid.
const UNHURRIED: [&str; 2] = ["--input-hz", "4"];

/// `kill -9` of a process with three hundred bots, while others play on.
#[test]
fn a_killed_process_of_three_hundred_bots_is_three_hundred_leaves() {
    let server = ServerProgram::start(SERVER, &[]);
    let mut witness = Player::connect(server.address);
    witness.hello("", "witness");
    witness.listen_until("the witness is welcome", |player| player.try_welcome().is_some());
    let target = server.address.to_string();
    let bots = ["--target", &target, "--bots", "300", "--duration", "600s"];
    let mut program = Program::start(BOT, &bots);
    server.stats_until("all play", |stats| stats["players"] == 301);
    program.signal(Signal::KILL);
    program.wait();
    let stats = server.stats_until("all are gone", |stats| stats["players"] == 1);
    assert_eq!(leaves(&stats, "fin") + leaves(&stats, "reset"), 300, "{stats}");
    assert_eq!(
        stats["leaves"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|leave| leave["count"].as_u64().expect("a count"))
            .sum::<u64>(),
        300
    );
    assert_eq!(stats["ledger_balanced"], true);
    assert_eq!(stats["connections"]["lingering"], 0);
    let ticks = witness.ticks().len();
    witness.listen_until("the game goes on", |witness| witness.ticks().len() > ticks + 3);
    let ticks = witness.ticks();
    assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
    let mut gone: Vec<_> = witness.departures().into_iter().flatten().collect();
    let told = gone.len();
    gone.sort_by_key(|departed| departed.player);
    gone.dedup();
    assert_eq!(gone.len(), told, "nobody leaves twice");
}

/// The shipped bots play every game and leave in every way; each leave has the right reason.
#[test]
fn the_shipped_bots_leave_as_they_say() {
    let limits = ["--heartbeat-timeout-ms", "1500", "--frame-timeout-ms", "500"];
    let server =
        ServerProgram::start(SERVER, &[&limits[..], &["--resume-window-ms", "0"]].concat());
    let target = server.address.to_string();
    let reasons = [
        ("goodbye", "goodbye"),
        ("close", "fin"),
        ("half-close", "fin"),
        ("reset", "reset"),
        ("half-frame", "frame_timeout"),
        ("garbage", "protocol"),
        ("oversize", "oversize"),
        ("unread-close", "reset"),
        ("last-words", "reset"),
        ("trickle", "frame_timeout"),
        ("flood", "flood"),
    ];
    for (departure, reason) in reasons {
        let before = leaves(&server.stats(), reason);
        let args =
            ["--target", &target, "--bots", "3", "--duration", "300ms", "--departure", departure];
        let remains = run(BOT, &args, &[]);
        assert!(remains.status.success(), "{departure}: {remains:?}");
        server.stats_until(departure, |stats| leaves(stats, reason) == before + 3);
    }
    let stats = server.stats_until("all are gone", |stats| stats["players"] == 0);
    assert_eq!(stats["rooms"], 0);
    assert_eq!(stats["ledger_balanced"], true);
}

#[test]
fn descriptors_are_back_where_they_were() {
    let server = ServerProgram::start(SERVER, &[]);
    let target = server.address.to_string();
    let before = server.stats()["process"]["open_fds"].clone();
    let args = ["--target", &target, "--bots", "100", "--duration", "300ms"];
    for departure in ["reset", "close", "goodbye"] {
        let remains = run(BOT, &[&args[..], &["--departure", departure]].concat(), &[]);
        assert!(remains.status.success(), "{remains:?}");
    }
    server
        .stats_until("all descriptors are closed", |stats| stats["process"]["open_fds"] == before);
}

/// A client that meets no server says so and what to do, and does not try for ever.
#[test]
fn a_bot_without_a_server_says_so() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = free.local_addr().expect("bound").to_string();
    drop(free);
    let started = std::time::Instant::now();
    let remains = run(BOT, &["--target", &target, "--duration", "1s", "--no-retry"], &[]);
    assert_eq!(remains.status.code(), Some(1), "{remains:?}");
    assert!(remains.stderr.contains(&target), "names the address: {remains:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

/// The load test finds nothing wrong with a server that does its work, and says so by its exit
/// code, its table and its file.
#[test]
fn the_load_test_passes_a_good_server() {
    let json = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("good.json");
    let remains = load_test(&["--json", json.to_str().expect("an ordinary path")], &[]);
    assert_eq!(remains.status.code(), Some(0), "{remains:?}");
    assert!(remains.stdout.contains("VERDICT  PASS"), "{}", remains.stdout);
    let report = fs::read_to_string(json).expect("the report was written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
    assert_eq!(report["schema"], 2);
}

/// Everybody who vanishes comes back, some before the server has noticed, and is the same player.
#[test]
fn the_load_test_brings_back_whoever_vanishes() {
    let json = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("back.json");
    let ways = ["--departures", "close,reset,half-close,half-frame:3", "--resume", "100%"];
    let args = ["run", "--bots", "20", "--duration", "2s", "--churn", "15/s", "--seed", "3"];
    let args = [&args[..], &UNHURRIED].concat();
    let own = ["--server-bin", SERVER, "--json", json.to_str().expect("an ordinary path")];
    // Half a frame is noticed just after the last of those who take over from it are back.
    let server = ["--", "--frame-timeout-ms", "1700", "--resume-window-ms", "2500"];
    let remains = run(LOADTEST, &[&args[..], &ways, &own, &server].concat(), &[]);
    assert_eq!(remains.status.code(), Some(0), "{remains:?}");
    let report = fs::read_to_string(json).expect("the report was written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
    let returns = &report["seats"]["returns"];
    assert!(returns["planned"].as_u64() > Some(20), "{returns}");
    assert_eq!(returns["back"], returns["planned"]);
    assert_eq!(report["joins"]["joined"], 20, "nobody is new");
    assert_eq!(report["seats"]["given_up"], 0);
    assert!(returns["took_over"].as_u64() > Some(0), "{returns}");
    assert!(report["seats"]["replaced"].as_u64() > Some(0), "{report}");
    assert_eq!(report["seats"]["replaced"], report["seats"]["resumes"]["taken_over"]);
    for fault in ["replayed", "forged", "stale"] {
        let kind = &report["seats"]["bad_tickets"][fault];
        assert_eq!((&kind["shown"], &kind["refused"]), (&1.into(), &1.into()), "{fault}");
    }
}

/// A game that goes slowly tells slowly who has left. Until then nobody is a ghost.
#[test]
fn the_load_test_waits_for_the_news_of_a_slow_game() {
    let args = ["run", "--bots", "40", "--duration", "1s", "--churn", "30/s", "--seed", "1"];
    // Those who take their places are there before the server notices that these are gone; and each
    // room has its own place within the second.
    let ways = ["--game", "benchmark", "--departures", "half-frame", "--resume", "0"];
    let server = ["--server-bin", SERVER, "--", "--tick-rate", "1", "--room-size", "4"];
    let limits = ["--frame-timeout-ms", "1500", "--resume-window-ms", "0"];
    let args = [&args[..], &ways, &UNHURRIED, &server, &limits].concat();
    let remains = run(LOADTEST, &args, &[]);
    assert_eq!(remains.status.code(), Some(0), "{remains:?}");
}

/// On a server that holds no seats, whoever comes back is somebody new.
#[test]
fn the_load_test_passes_a_server_that_holds_no_seats() {
    let remains = load_test(&["--resume", "1"], &["--resume-window-ms", "0"]);
    assert_eq!(remains.status.code(), Some(0), "{remains:?}");
    assert!(remains.stdout.contains("the server holds no seats"), "{}", remains.stdout);
}

/// A server of somebody else holds seats for long. The load test neither waits for that nor takes
/// the players that are away for ghosts.
#[test]
fn the_load_test_does_not_wait_for_seats_that_are_held_for_long() {
    let server = ServerProgram::start(SERVER, &["--resume-window-ms", "600000"]);
    let (target, admin) = (server.address.to_string(), server.admin.to_string());
    let args = ["--target", &target, "--admin", &admin, "--bots", "20", "--duration", "1s"];
    let churn = ["--churn", "10/s", "--seed", "1", "--departures", "close,reset,half-close"];
    let remains = run(LOADTEST, &[&["run"][..], &args, &churn, &UNHURRIED].concat(), &[]);
    assert_eq!(remains.status.code(), Some(0), "{remains:?}");
    assert!(remains.stdout.contains("SEATS are held for 600000 ms"), "{}", remains.stdout);
    let stats = server.stats();
    assert!(stats["players_away"].as_u64() > Some(0), "{stats}");
    assert_eq!(stats["players"], 0);
}

/// And it fails one that does not let everybody in, for that reason.
#[test]
fn the_load_test_fails_a_server_that_is_full() {
    let remains = load_test(&[], &["--connections-max", "10"]);
    assert_eq!(remains.status.code(), Some(3), "{remains:?}");
    assert!(remains.stdout.contains("VERDICT  FAIL"), "{}", remains.stdout);
    assert!(remains.stdout.contains("everybody gets in"), "{}", remains.stdout);
}

/// What became of each departure is in a file, a line for each.
#[test]
fn the_load_test_tells_what_became_of_each_departure() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("events.jsonl");
    let remains = load_test(&["--events", path.to_str().expect("an ordinary path")], &[]);
    assert_eq!(remains.status.code(), Some(0), "{remains:?}");
    let text = fs::read_to_string(path).expect("the events were written");
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.len(), 10);
    for event in &events {
        assert_eq!((&event["verdict"], &event["late"]), (&"right".into(), &false.into()));
        assert!(event["ttd_ms"].as_f64().is_some_and(|ttd_ms| ttd_ms >= 0.0), "{event}");
        let reasons = ["goodbye", "fin", "reset", "protocol", "replaced"];
        assert!(reasons.iter().any(|reason| event["reason"] == *reason), "{event}");
    }
}

/// The page for people is whole, and needs nothing from anywhere.
#[test]
fn the_load_test_writes_a_page() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report.html");
    let remains = load_test(&["--html", path.to_str().expect("an ordinary path")], &[]);
    assert_eq!(remains.status.code(), Some(0), "{remains:?}");
    let page = fs::read_to_string(path).expect("the page was written");
    assert!(page.contains(">PASS<") && page.ends_with("</html>\n"), "{page}");
    for title in [
        "<h3>Time to detect</h3>",
        "<h3>Who was there</h3>",
        "<h3>What the others felt</h3>",
        "<h2>Checks and thresholds</h2>",
    ] {
        assert!(page.contains(title), "{title} is missing");
    }
    assert!(!page.contains("http") && !page.contains("src="), "nothing from elsewhere");
}

/// A reader that stalls in a game in which it has nothing to say is silent, and that is right.
#[test]
fn the_load_test_knows_who_has_nothing_to_say() {
    let args = ["run", "--bots", "20", "--duration", "1s", "--churn", "4/s", "--seed", "1"];
    let quiet = ["--input-hz", "0", "--departures", "stall", "--resume", "0"];
    let server = ["--server-bin", SERVER, "--", "--heartbeat-timeout-ms", "3000"];
    let remains = run(LOADTEST, &[&args[..], &quiet, &server].concat(), &[]);
    assert_eq!(remains.status.code(), Some(0), "{remains:?}");
    assert!(remains.stdout.contains("heartbeat 4"), "{}", remains.stdout);
}

/// What cannot work is said before the run, and not after it.
#[test]
fn the_load_test_refuses_what_it_cannot_do() {
    for (args, hint) in [
        (["--json", "/nowhere/at/all.json"], "cannot write /nowhere/at/all.json"),
        (["--events", "/nowhere/at/all.jsonl"], "cannot write /nowhere/at/all.jsonl"),
        (["--churn", "5000/s"], "too few bots for so many departures: of 5000 only"),
    ] {
        let usual = ["run", "--bots", "5", "--duration", "1s", "--server-bin", SERVER];
        let remains = run(LOADTEST, &[&usual[..], &args].concat(), &[]);
        assert_eq!(remains.status.code(), Some(2), "{remains:?}");
        assert!(remains.stderr.contains(hint), "{}", remains.stderr);
        assert!(remains.stdout.is_empty(), "nothing was run: {}", remains.stdout);
    }
}

/// Where there is no server there is no report, and no empty file that looks like one.
#[test]
fn a_run_that_could_not_be_leaves_no_file() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("never.json");
    let json = path.to_str().expect("an ordinary path");
    let args = ["run", "--target", "127.0.0.1:1", "--bots", "1", "--duration", "1s"];
    let remains = run(LOADTEST, &[&args[..], &["--json", json, "--churn", "0/s"]].concat(), &[]);
    assert_eq!(remains.status.code(), Some(5), "{remains:?}");
    assert!(!path.exists(), "{}", path.display());
}

/// A short run with ways of leaving that are noticed at once.
fn load_test(more: &[&str], server: &[&str]) -> Remains {
    let args = ["run", "--bots", "20", "--duration", "1s", "--churn", "10/s", "--seed", "1"];
    let quick = ["--departures", "goodbye,close,reset,half-close,garbage", "--server-bin", SERVER];
    run(LOADTEST, &[&args[..], &quick, &UNHURRIED, more, &["--"], server].concat(), &[])
}
