//! What the server writes to its log when somebody leaves.

use gamekeeper_protocol::ClientMessage;
use gamekeeper_tests::{
    player::Player,
    program::{ServerProgram, leaves},
};
use rustix::process::Signal;
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

fn join(server: &ServerProgram, name: &str) -> Player {
    join_on(Player::connect(server.address), name)
}

fn join_on(mut player: Player, name: &str) -> Player {
    player.hello("", name);
    player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
    player
}

/// The names of the events in a line's history, without their times and numbers.
fn history(line: &Value) -> Vec<String> {
    let history = line["history"].as_str().unwrap_or_else(|| panic!("no history in {line}"));
    let name = |event: &str| event.split(' ').nth(1).expect("a time and a name").to_owned();
    history.split(", ").map(name).collect()
}

/// Whoever is thrown out leaves one line behind, which says what happened before.
#[test]
fn an_eviction_is_one_line_with_its_history() {
    let silence =
        ["--ping-after-ms", "100", "--stalled-after-ms", "200", "--heartbeat-timeout-ms", "300"];
    let server = ServerProgram::start_logging(SERVER, &silence, "info", "silence");
    let _silent = join(&server, "silent");
    let lines = server.log_lines_until("left", |lines| !lines.is_empty());
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let line = &lines[0];
    assert_eq!((&line["level"], &line["reason"]), (&"INFO".into(), &"heartbeat".into()));
    assert_eq!((&line["path"], &line["connection"]), (&"timer".into(), &"0.0".into()));
    assert!(line["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{line}");
    assert!(line["detail"].as_str().is_some_and(|detail| detail.starts_with("silent for 300 ms")));
    assert_eq!(history(line), ["accepted", "bytes", "seated", "ping", "silent", "leaves"]);
}

/// The history of one that does not read: blocked, states skipped, given up.
#[test]
fn the_history_of_a_stuck_reader_says_so() {
    let large = ["--game", "benchmark", "--state-bytes", "100000", "--out-stall-ms", "400"];
    let server = ServerProgram::start_logging(SERVER, &large, "info", "stuck");
    let _stuck = join_on(Player::connect_narrow(server.address), "stuck");
    let lines = server.log_lines_until("left", |lines| !lines.is_empty());
    assert_eq!(lines[0]["reason"], "slow_consumer_time");
    let history = history(&lines[0]);
    for event in ["accepted", "seated", "blocked", "snapshot_skipped"] {
        assert!(history.contains(&event.to_owned()), "{event} is not in {history:?}");
    }
    assert_eq!(history.last().map(String::as_str), Some("leaves"));
}

/// Players that come and go are no news: a line at `debug`, none at `info`, never a backtrace.
#[test]
fn an_ordinary_leave_is_a_debug_line() {
    for (level, expected) in [("info", 0), ("debug", 3)] {
        let server = ServerProgram::start_logging(SERVER, &[], level, level);
        let mut polite = join(&server, "polite");
        polite.say(&ClientMessage::Goodbye);
        join(&server, "fin").leave_by_fin();
        join(&server, "reset").leave_by_reset();
        // The last word: nothing that would be logged for the others comes after it.
        let mut last = Player::connect(server.address);
        last.send(&[1, 0, 0, 0, 0xff]);
        last.listen_until("it was told", |player| player.goodbye().is_some());
        let news = |line: &&Value| line["level"] == "INFO";
        let lines = server.log_lines_until("left", |lines| lines.iter().filter(news).count() == 1);
        let ordinary: Vec<_> = lines.iter().filter(|line| line["level"] == "DEBUG").collect();
        assert_eq!(ordinary.len(), expected, "{lines:#?}");
        let keys = |line: &Value| line.as_object().map(|line| line.keys().cloned().collect());
        for line in ordinary {
            let keys: Vec<String> = keys(line).expect("a line is an object");
            let expected = ["connection", "detail", "level", "message", "path", "peer", "reason"];
            assert!(expected.iter().all(|key| keys.iter().any(|k| k == key)), "{keys:?}");
            assert!(!line.to_string().contains("backtrace"), "{line}");
        }
    }
}

/// A storm of evictions is a few lines, and a server that ends says how many it left out.
#[test]
fn what_is_left_out_of_the_log_is_told_at_the_latest_at_the_end() {
    let few = ["--leave-lines-per-address-burst", "5", "--leave-lines-per-address-per-second", "1"];
    let mut server = ServerProgram::start_logging(SERVER, &few, "info", "storm");
    let mut told_off = Vec::new();
    for _ in 0..100 {
        let mut player = Player::connect(server.address);
        player.send(&[1, 0, 0, 0, 0xff]);
        told_off.push(player);
    }
    server.stats_until("all are out", |stats| leaves(stats, "protocol") == 100);
    server.program.signal(Signal::TERM);
    assert!(server.program.wait().success());
    let lines = server.log_lines("left").len() as u64;
    let left_out = server.log_lines("left out of the log");
    let missing: u64 = left_out.iter().filter_map(|line| line["lines"].as_u64()).sum();
    assert_eq!(lines + missing, 100, "each is a line or counted: {left_out:#?}");
    assert!(lines < 50, "{lines} lines");
    assert!(left_out.iter().all(|line| line["address"] == "127.0.0.1"), "{left_out:#?}");
}
