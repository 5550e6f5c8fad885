//! The comparison as its users start it, small: every figure is there, and those who cannot be run
//! are named. How large the figures are is not tested: a busy machine would make that fail.

use std::{fs, path::PathBuf};

use gamekeeper_tests::program::{Remains, run};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");
const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest-under-test");

/// One short round with twenty players; what is in its file.
fn bench(name: &str, more: &[&str]) -> (Remains, Value) {
    let json = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let args = ["bench", "--players", "20", "--rounds", "1", "--duration", "1s"];
    let own = ["--server-bin", SERVER, "--json", json.to_str().expect("an ordinary path")];
    let remains = run(LOADTEST, &[&args[..], &own, more].concat(), &[]);
    assert_eq!(remains.status.code(), Some(0), "{remains:?}");
    let report = fs::read_to_string(json).expect("the report was written");
    (remains, serde_json::from_str(&report).expect("the report is JSON"))
}

/// The floors really serve our bots: everybody gets in, gets states, and is not thrown out; and
/// when one of them vanishes the others play on. The same holds for Gamekeeper.
#[test]
fn a_bench_has_all_figures_of_gamekeeper_and_the_floors() {
    let (remains, report) = bench("bench.json", &["--peers", "floor-burst,floor-staggered"]);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["not_run"], Value::Array(Vec::new()));
    let rows = report["sizes"][0]["rows"].as_array().expect("a row for each contender");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["contender"].as_str()).collect();
    assert_eq!(names, ["gamekeeper", "floor-burst", "floor-staggered"]);
    for row in rows {
        assert_eq!((&row["measured"], &row["failures"]), (&1.into(), &Value::Array(Vec::new())));
        let figures = &row["figures"];
        assert_eq!(figures["after_a_reset"], "plays on", "{row}");
        assert_eq!(figures["lost"], 0, "{row}");
        assert!(figures["states"].as_u64() > Some(0), "{row}");
        // The share may be small on a busy machine, and the time below what the kernel counts.
        let at_least_zero =
            ["cpu_us", "user_us", "system_us", "missed", "kib_per_player", "bots_busy_percent"];
        for name in at_least_zero {
            assert!(figures[name]["median"].as_f64() >= Some(0.0), "{name}: {row}");
        }
        for name in ["interval_p99_ms", "age_p99_ms", "delivered_percent"] {
            assert!(figures[name]["median"].as_f64() > Some(0.0), "{name}: {row}");
        }
        assert!(figures["delivered_percent"]["max"].as_f64() <= Some(100.0), "{row}");
    }
    for part in ["20 players: median", "after a reset", "reproduce: gamekeeper-loadtest bench"] {
        assert!(remains.stdout.contains(part), "{part} is not in {remains:?}");
    }
}

/// Nobody is left out in silence.
#[test]
fn peers_that_cannot_be_run_are_named_with_the_reason() {
    let more = ["--peers", "tokio,python-naive", "--peers-dir", "/nowhere", "--markdown"];
    let (remains, report) = bench("bench-not-run.json", &more);
    let not_run = report["not_run"].as_array().expect("a list");
    let names: Vec<&str> = not_run.iter().filter_map(|one| one["contender"].as_str()).collect();
    assert_eq!(names, ["tokio", "python-naive"]);
    assert_eq!(report["sizes"][0]["rows"].as_array().map(Vec::len), Some(1));
    assert!(remains.stdout.contains("- tokio: not run: /nowhere is no folder"), "{remains:?}");
    assert!(remains.stdout.contains("| 20 | gamekeeper |"), "{remains:?}");
}
