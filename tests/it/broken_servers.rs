//! The load test against servers that are broken on purpose: each is failed, and for the right
//! reason.
//!
//! What is run and what must come of it is written in the tables of `docs/load-test-proof.md`: the
//! page is true, or this fails. Nothing is asserted about speed. A run in which the bots were the
//! limit says nothing, and is made again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{self, Command, Stdio},
    sync::Mutex,
    thread,
};

use gamekeeper_tests::{
    broken::Fault,
    program::{Program, run},
    skip,
};
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/load-test-proof.md");
const SERVER: &str = env!("CARGO_BIN_EXE_broken-server");
const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest-under-test");

/// The name of the server that is not broken.
const SOUND: &str = "sound";

/// Runs at the same time. Most of the time of each is waiting.
const RUNS_AT_ONCE: usize = 10;

/// How often a run is made in which the bots were the limit.
const TRIES_MAX: u32 = 3;

/// The exit code of such a run.
const INVALID: i32 = 4;

/// The exit code if the server is gone.
const SERVER_DOWN: i32 = 5;

/// Flags and their values.
type Options = BTreeMap<&'static str, &'static str>;

/// A command of the page, or what a row has in place of it.
#[derive(Debug)]
struct Words {
    /// For the load test.
    own: Options,
    /// For the server that it starts.
    servers: Options,
}

impl Words {
    fn of(text: &'static str) -> Self {
        let (mut words, mut is_servers) = (text.split_whitespace(), false);
        let (mut own, mut servers) = (Options::new(), Options::new());
        while let Some(flag) = words.next() {
            if flag == "--" {
                is_servers = true;
                continue;
            }
            let value = words.next().expect("every flag on the page has a value");
            if is_servers { &mut servers } else { &mut own }.insert(flag, value);
        }
        Self { own, servers }
    }

    /// The command of a section, without the server that it names.
    fn command(section: &'static str) -> Self {
        let (_, command) = section.split_once("\ngamekeeper-loadtest run ").expect("a command");
        let mut words = Self::of(command.lines().next().expect("a line"));
        words.own.retain(|flag, _| !["--server-bin", "--target"].contains(flag));
        words.servers.remove("--broken");
        words
    }
}

/// A line of a table.
#[derive(Debug)]
struct Row {
    server: &'static str,
    words: Words,
    exit: i32,
    /// Checks that fail; or what is said of a server that is gone.
    fails: BTreeSet<&'static str>,
}

impl Row {
    fn of(line: &'static str) -> Self {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let &[_, server, _what, options, exit, fails, _] = &cells[..] else {
            panic!("a row has five cells: {line}")
        };
        Self {
            server: server.trim_matches('`'),
            words: Words::of(options.trim_matches('`')),
            exit: exit.parse().expect("an exit code"),
            fails: fails.split("; ").filter(|name| *name != "nothing").collect(),
        }
    }

    /// What is wrong with what came of a run of this row, if anything is.
    fn complaint(&self, exit: Option<i32>, report: &Value) -> Option<String> {
        let failed = checks(report).filter(|(_, how)| *how == "failed");
        let failed: BTreeSet<_> = failed.map(|(name, _)| name).collect();
        let halted = report["halted"].as_str().unwrap_or_default();
        let is_right = match self.exit {
            SERVER_DOWN => self.fails.iter().all(|why| halted.contains(why)),
            _ => failed == self.fails,
        };
        if exit == Some(self.exit) && is_right {
            return None;
        }
        let list = |key: &str| report[key].as_array().into_iter().flatten();
        let details = list("checks").filter(|check| check["outcome"] == "failed");
        let details: Vec<_> = details.map(|check| &check["detail"]).collect();
        let wrong: Vec<_> = list("causes").map(|cause| &cause["wrong"]).collect();
        let Self { server, exit: expected, fails, .. } = self;
        Some(format!(
            "{server}: exit {exit:?} instead of {expected}, {halted}\n  failed {failed:?}\n  \
             instead of {fails:?}\n  details {details:?}\n  wrong reasons {wrong:?}, wrong \
             evictions {}",
            report["wrong_evictions"]
        ))
    }
}

/// What is below a heading of the page.
fn section(heading: &str) -> &'static str {
    let (_, text) = PAGE.split_once(heading).expect("the page has this heading");
    text.split_once("\n## ").map_or(text, |(text, _)| text)
}

fn rows(section: &'static str) -> Vec<Row> {
    section.lines().filter(|line| line.starts_with("| `")).map(Row::of).collect()
}

/// The names of a report's checks, and what came of each.
fn checks(report: &Value) -> impl Iterator<Item = (&str, &str)> {
    let checks = report["checks"].as_array().into_iter().flatten();
    checks.filter_map(|check| Some((check["name"].as_str()?, check["outcome"].as_str()?)))
}

/// Runs the load test with the words of a row in place of the command's, and what `target` says.
/// Its exit code and its report; `name` is that of a folder for what it leaves behind.
fn load(name: &str, command: &Words, row: &Words, target: &[&str]) -> (Option<i32>, Value) {
    let folder = format!("broken-{name}-{}", process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    fs::create_dir_all(&folder).expect("a new folder");
    let json = folder.join("report.json");
    let own = command.own.iter().filter(|(flag, _)| !row.own.contains_key(*flag)).chain(&row.own);
    let mut args = vec!["run", "--json", json.to_str().expect("an ordinary path")];
    args.extend(own.flat_map(|(flag, value)| [*flag, *value]));
    args.extend(target);
    if target.contains(&"--") {
        let servers = command.servers.iter().chain(&row.servers);
        args.extend(servers.flat_map(|(flag, value)| [*flag, *value]));
    }
    let mut outcome = load_once(&args, &json);
    for _ in 1..TRIES_MAX {
        if outcome.0 == Some(INVALID) {
            outcome = load_once(&args, &json);
        }
    }
    let _ = fs::remove_dir_all(folder);
    outcome
}

fn load_once(args: &[&str], json: &Path) -> (Option<i32>, Value) {
    // The log of a server that ended badly is kept, and this is where.
    let temporary = json.parent().and_then(Path::to_str).expect("an ordinary path");
    let remains = run(LOADTEST, args, &[("TMPDIR", temporary)]);
    let report = fs::read_to_string(json).unwrap_or_else(|_| panic!("no report: {remains:?}"));
    (remains.status.code(), serde_json::from_str(&report).expect("a report is JSON"))
}

#[track_caller]
fn expect_none<'a>(complaints: impl Iterator<Item = &'a str>) {
    let complaints: Vec<_> = complaints.collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Does something for each row, for some of them at a time; the results, in any order.
fn for_each<T: Send>(rows: &[Row], act: impl Fn(&Row) -> T + Sync) -> Vec<T> {
    let (waiting, results) = (Mutex::new(rows.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..RUNS_AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("nobody panics with it").next();
                    let Some(row) = next else { return };
                    let result = act(row);
                    results.lock().expect("nobody panics with it").push(result);
                }
            });
        }
    });
    results.into_inner().expect("nobody panics with it")
}

#[test]
fn each_broken_server_is_failed_for_its_own_reason_and_the_sound_one_passes() {
    let (command, rows) = (Words::command(section("## Try it")), rows(section("## Broken ser")));
    let named: Vec<_> = rows.iter().map(|row| row.server).collect();
    let faults = Fault::ALL.map(Fault::name);
    assert_eq!(named, [&[SOUND], &faults[..]].concat(), "left: the page; right: the program");

    let outcomes = for_each(&rows, |row| {
        let broken = ["--server-bin", SERVER, "--", "--broken", row.server];
        let target = if row.server == SOUND { &broken[..3] } else { &broken };
        let (exit, report) = load(row.server, &command, &row.words, target);
        let complaint = row.complaint(exit, &report);
        (complaint, if row.server == SOUND { report } else { Value::Null })
    });
    let complaints: Vec<_> =
        outcomes.iter().filter_map(|(complaint, _)| complaint.as_ref()).collect();
    assert!(
        complaints.is_empty(),
        "{}",
        complaints.iter().map(|it| it.as_str()).collect::<Vec<_>>().join("\n")
    );

    // Every check is failed by somebody, or the page says that it is not.
    let all = outcomes.iter().flat_map(|(_, report)| checks(report));
    let all: BTreeSet<_> = all.map(|(name, _)| name).collect();
    let failed = rows.iter().filter(|row| row.exit != SERVER_DOWN).flat_map(|row| &row.fails);
    let failed: BTreeSet<_> = failed.copied().collect();
    let not_shown = section("## What is not shown").lines();
    let not_shown: BTreeSet<_> = not_shown.filter_map(|line| line.strip_prefix("- ")).collect();
    let left: BTreeSet<_> = all.difference(&failed).copied().collect();
    assert_eq!(not_shown, left, "left: the page; right: the runs");
}

/// Without statistics to ask for, a server is judged by what the bots see.
#[test]
fn a_naive_server_is_failed_for_what_its_players_see() {
    let python = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        return skip("a naive server in Python: there is no python3");
    }
    let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("../loadtest/peers/python/server.py");
    let peer = peer.to_str().expect("an ordinary path");
    let section = section("## Servers that others");
    let (command, rows) = (Words::command(section), rows(section));
    assert!(!rows.is_empty());
    let complaints = for_each(&rows, |row| {
        let args = [peer, "--errors", row.server];
        let mut server = Program::start_with("python3", &args, Stdio::null());
        let address = server.wait_for_line("listening tcp ");
        server.wait_for_line("ready");
        let port = address.rsplit(':').next().expect("a port");
        let (exit, report) = load(port, &command, &row.words, &["--target", &address]);
        row.complaint(exit, &report)
    });
    expect_none(complaints.iter().filter_map(Option::as_deref));
}

/// A single run does not tell a leak from what an allocator keeps. Several do.
#[test]
fn a_soak_finds_a_leak_of_memory() {
    let soak_once = |broken: &[&str]| {
        let load = ["soak", "--times", "6", "--bots", "30", "--duration", "1s", "--churn", "60/s"];
        let ways = ["--departures", "close,reset", "--resume", "0", "--input-hz", "5"];
        let server = ["--server-bin", SERVER, "--", "--resume-window-ms", "0"];
        let remains = run(LOADTEST, &[&load[..], &ways, &server, broken].concat(), &[]);
        let passed = remains.stdout.matches(": PASS, ").count();
        (remains.status.code(), passed, remains.stdout)
    };
    // If something else kept the machine busy, the runs mean nothing, and are made again.
    let soak = |broken: &[&str]| {
        let tries = (0..3).map(|_| soak_once(broken));
        let mut tries = tries.skip_while(|(code, ..)| *code == Some(INVALID));
        tries.next().unwrap_or_else(|| panic!("the machine was too busy three times"))
    };
    let (sound, leaking) = thread::scope(|scope| {
        let leaking = scope.spawn(|| soak(&["--broken", "leaks-memory"]));
        (soak(&[]), leaking.join().expect("it ends"))
    });
    // Each run of both passes, and only the memory tells them apart.
    let ((sound_code, 6, _), (leaking_code, 6, told)) = (&sound, &leaking) else {
        panic!("{leaking:?} {sound:?}");
    };
    assert_eq!((sound_code, leaking_code), (&Some(0), &Some(3)), "{told}");
    assert!(told.contains("memory grew by "), "{told}");
}
