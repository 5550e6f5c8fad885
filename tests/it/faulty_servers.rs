//! The shipped client against the shipped faulty server, in every mode of its catalogue.
//!
//! What the client must make of each mode is a table here. The match has no wildcard, so a mode
//! without an expectation does not compile. Nothing is asserted about speed: what is counted are
//! ends, connects, writes and turns, and a deadline turns a hang into a failure.

use std::{collections::BTreeMap, fs, process::Stdio, thread, time::Duration};

use gamekeeper_bot::{
    clock::Moment,
    fleet::{BotPlan, Endpoint, Fleet, FleetConfig, Stage},
    retry::RetryPolicy,
};
use gamekeeper_loadtest::faulty::Mode;
use gamekeeper_tests::{
    PATIENCE,
    program::{Program, Remains, run},
};
use rustix::process::Signal;

const BOT: &str = env!("CARGO_BIN_EXE_bot-under-test");
const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest-under-test");

/// Connects of a client that may try once again.
const CONNECTS: usize = 2;

/// Turns that no client comes near unless it spins: it wakes for each input, twenty times a second,
/// and for each byte of a slow server, for a few seconds.
const TURNS_MAX: usize = 4_000;

/// States after which a client that is meant to play on has done so.
const SNAPSHOTS: u64 = 10;

/// What a good client makes of a mode.
enum Outcome {
    /// Each of its connections ends at this stage with this text, and it tries again later.
    TriesAgain(Stage, &'static str),
    /// Its connection ends with this text, and it knows better than to try again.
    GivesUp(&'static str),
    /// It takes its seat again each time it loses the connection, and that is lost with this text.
    ComesBack(&'static str),
    /// It plays.
    Plays,
}

fn expected(mode: Mode) -> Outcome {
    use Outcome::{ComesBack, GivesUp, Plays, TriesAgain};
    use Stage::{Greeting, Playing};
    let not_answered = "did not answer our hello within 6.";
    match mode {
        // A reset that comes early enough is one of the connect.
        Mode::Reset => TriesAgain(Stage::Connecting, "failed: connection reset"),
        Mode::CloseAfterAccept => TriesAgain(Greeting, "closed the connection without a goodbye"),
        Mode::Silent | Mode::HalfFrame | Mode::NoWelcome => TriesAgain(Greeting, not_answered),
        Mode::Refuse | Mode::RefuseAndReset => TriesAgain(Greeting, "goodbye: full: come back"),
        Mode::WrongVersion => GivesUp("unsupported protocol version (the server speaks 2)"),
        Mode::ResetAfterHello => TriesAgain(Greeting, "reading failed: connection reset"),
        Mode::Garbage => TriesAgain(Greeting, "broke the protocol"),
        Mode::CloseMidFrame => TriesAgain(Greeting, "in the middle of a frame"),
        Mode::Huge => TriesAgain(Greeting, "announces 4294967295 bytes, but at most 262144"),
        Mode::EmptyFrame => TriesAgain(Greeting, "announces 0 bytes"),
        Mode::UnknownMessage => TriesAgain(Greeting, "is not a message"),
        Mode::NoTicks => TriesAgain(Playing, "no message came from the server for 6."),
        Mode::Slow | Mode::StopsReading => Plays,
        Mode::ResetInGame => ComesBack("reading failed: connection reset"),
        Mode::GoodbyeInGame => TriesAgain(Playing, "stopping: this server stops for a moment"),
        Mode::LongGoodbye => TriesAgain(Playing, "stopping:  ]0;gone  [2J the server"),
        Mode::Crowd => TriesAgain(Playing, "more players in our room than its 4 seats"),
    }
}

/// A faulty server as a process.
fn faulty_server(args: &[&str]) -> (Program, Endpoint) {
    let args = [&["faulty-server"], args].concat();
    let mut server = Program::start_with(LOADTEST, &args, Stdio::null());
    let address = server.wait_for_line("listening tcp ");
    server.wait_for_line("ready");
    (server, address.parse().expect("an address"))
}

/// Stops a faulty server: how many connections of each mode it has counted.
#[track_caller]
fn stop(mut server: Program) -> BTreeMap<String, usize> {
    server.signal(Signal::TERM);
    let all = server.wait_for_line("");
    assert!(server.wait().success());
    let (all, _) = all.split_once(" connections, 0 turned away").expect("a summary");
    let mut counts = BTreeMap::new();
    let all: usize = all.parse().expect("a number");
    while counts.values().sum::<usize>() < all {
        let line = server.wait_for_line("");
        let mut words = line.split_whitespace();
        let (mode, count) = (words.next().expect("a mode"), words.next().expect("a count"));
        counts.insert(mode.to_owned(), count.parse().expect("a number"));
    }
    counts
}

/// Lets one client meet one mode, until it has given up or has played for long enough.
fn meet(mode: Mode, args: &[&str]) -> Fleet {
    let (server, endpoint) = faulty_server(&[&["--mode", mode.name()], args].concat());
    let quick = RetryPolicy {
        first: Duration::from_millis(20),
        ..RetryPolicy::limited(CONNECTS as u32 - 1)
    };
    let mut fleet = Fleet::new(FleetConfig { retry: quick, ..FleetConfig::new(endpoint) })
        .expect("a fleet of one");
    fleet.spawn(BotPlan::default());
    let deadline = Moment::now() + PATIENCE;
    let mut turns = 0;
    while !fleet.is_empty() && fleet.stats().everyone.snapshots < SNAPSHOTS {
        assert!(Moment::now() < deadline, "{mode}: it hangs: {:?}", fleet.stats());
        fleet.turn(deadline).expect("the poll works");
        turns += 1;
        assert!(turns < TURNS_MAX, "{mode}: it spins: {:?}", fleet.stats());
    }
    let seen = stop(server);
    let connects = fleet.stats().connects;
    assert_eq!(seen, [(mode.name().to_owned(), connects as usize)].into(), "{mode}");
    fleet
}

fn check(mode: Mode) {
    let mut fleet = meet(mode, &["--after", "100ms"]);
    let (ends, stats) = (fleet.take_ends(), fleet.take_stats());
    for end in &ends {
        assert_eq!(end.departure, None, "{mode}: nobody told it to leave");
    }
    // A hello and little more for each connect; nothing is written into a dead socket.
    assert!(stats.sends_failed <= stats.connects, "{mode}: {stats:?}");
    let (stage, text, retries) = match expected(mode) {
        Outcome::Plays => {
            assert!(ends.is_empty() && fleet.len() == 1, "{mode}: {ends:?}");
            return;
        }
        Outcome::ComesBack(text) => {
            assert_eq!((stats.joins, stats.resumes), (1, CONNECTS as u64 - 1), "{mode}");
            (Stage::Playing, text, CONNECTS - 1)
        }
        Outcome::TriesAgain(stage, text) => (stage, text, CONNECTS - 1),
        Outcome::GivesUp(text) => (Stage::Greeting, text, 0),
    };
    assert!(fleet.is_empty(), "{mode}: it does not try for ever");
    assert_eq!(ends.len(), retries + 1, "{mode}: {ends:?}");
    assert_eq!(ends.iter().filter(|end| end.retry_in.is_some()).count(), retries, "{mode}");
    for end in ends {
        let said = end.ended.to_string();
        assert!(said.contains(text), "{mode}: {said}");
        assert!(said.len() < 400 && !said.contains(char::is_control), "{mode}: {said:?}");
        // Whether a reset is seen by the connect or by the first read is a matter of luck.
        let lucky = stage == Stage::Connecting && end.stage == Stage::Greeting;
        assert!(end.stage == stage || lucky, "{mode}: {:?}", end.stage);
    }
}

#[test]
fn the_client_survives_every_mode() {
    let clients: Vec<_> = Mode::ALL.map(|mode| thread::spawn(move || check(mode))).into();
    let failed = clients.into_iter().map(thread::JoinHandle::join).filter(Result::is_err);
    assert_eq!(failed.count(), 0, "what is wrong is said above");
}

/// One byte per second is not played with, and not waited for either.
#[test]
fn a_server_that_is_far_too_slow_is_given_up() {
    let mut fleet = meet(Mode::Slow, &["--pace", "1s"]);
    assert!(fleet.is_empty());
    for end in fleet.take_ends() {
        assert!(end.ended.to_string().contains("did not answer our hello"), "{}", end.ended);
    }
}

/// The program, with all modes at once: it says what went wrong in lines that can be read, slows
/// down, and stays small.
#[test]
fn the_program_survives_all_modes() {
    let (server, endpoint) = faulty_server(&["--mode", "all", "--after", "100ms"]);
    let target = endpoint.to_string();
    let bots = 2 * Mode::ALL.len();
    let count = bots.to_string();
    let args = ["--target", &target, "--bots", &count, "--duration", "8s", "--seed", "3"];
    let mut program = Program::start_with(BOT, &args, Stdio::null());
    program.wait_for_line("playing at end");
    let status = fs::read_to_string(format!("/proc/{}/status", program.id()));
    program.wait_for_line("left ");
    program.wait();
    let counts = stop(server);
    let connects: usize = counts.values().sum();
    assert_eq!(counts.len(), Mode::ALL.len(), "every mode was met: {counts:?}");
    // With waits of an eighth of a second and twice as long each time, eight seconds have room for
    // seven connects. Without growing waits they have room for sixty.
    assert!(connects < 20 * bots, "{connects} connects of {bots} bots");
    for line in &program.said {
        assert!(line.len() < 400 && !line.contains(char::is_control), "{line:?}");
    }
    if let Some(peak) = status.ok().and_then(|status| peak_kib(&status)) {
        assert!(peak < 64 * 1024, "{peak} KiB for {bots} bots");
    }
}

/// The largest size that a process has had.
fn peak_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A client that is let in and dropped at once, again and again, does not hammer the server.
#[test]
fn the_program_slows_down_when_games_do_not_last() {
    let (server, endpoint) = faulty_server(&["--mode", "reset-in-game", "--after", "0s"]);
    let target = endpoint.to_string();
    let Remains { status, stdout, .. } =
        run(BOT, &["--target", &target, "--bots", "10", "--duration", "5s", "--seed", "3"], &[]);
    assert!(status.code().is_some_and(|code| code <= 1), "{status}: {stdout}");
    let connects = stop(server)["reset-in-game"];
    assert!((20..200).contains(&connects), "{connects} connects of 10 bots in 5 s");
}

#[test]
fn the_program_names_a_server_of_another_version_and_ends() {
    let (server, endpoint) = faulty_server(&["--mode", "wrong-version"]);
    let target = endpoint.to_string();
    let Remains { status, stdout, .. } = run(BOT, &["--target", &target], &[]);
    assert_eq!(status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("the server speaks 2"), "{stdout}");
    assert_eq!(stop(server)["wrong-version"], 1);
}

#[test]
fn bad_usage_of_the_faulty_server_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).expect("bound");
    for (args, code, words) in [
        (&[][..], 2, "--list"),
        (&["--mode", "vanish"], 2, "half-frame"),
        (&["--mode", "slow", "--pace", "0s"], 2, "at least 1ms"),
        (&["--mode", "reset", "--listen", "nowhere"], 2, "host:port"),
        (&["--mode", "reset", "--listen", &taken.1], 1, "--listen"),
    ] {
        let remains = run(LOADTEST, &[&["faulty-server"], args].concat(), &[]);
        assert_eq!(remains.status.code(), Some(code), "{remains:?}");
        assert!(remains.stderr.contains(words), "{remains:?}");
        assert_eq!(remains.stdout, "", "nothing claims to be ready");
    }
    let list = run(LOADTEST, &["faulty-server", "--list"], &[]);
    assert!(list.status.success());
    for mode in Mode::ALL {
        assert!(list.stdout.contains(mode.what_a_good_client_does()), "{mode}");
    }
}
