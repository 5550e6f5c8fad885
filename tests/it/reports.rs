//! Reports of the load test that are looked at later: compared, kept, translated, printed.
//!
//! `reports/good.json` and `reports/full.json` were written by two real runs of three seconds, in
//! the first layout that there was. The server of the second was told to have at most ten
//! connections.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use gamekeeper_tests::program::{Remains, run};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");
const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest-under-test");
const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/reports/good.json");
const FULL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/reports/full.json");

/// What makes a comparison a gate.
const FAIL: [&str; 1] = ["--fail-on-regression"];

/// An empty folder, of its own for each test, that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("reports-{test}-{}", process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("a new folder");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("an ordinary path").to_owned()
    }

    /// A changed copy of a report.
    fn changed(&self, name: &str, report: &str, change: impl FnOnce(&mut Value)) -> String {
        let text = fs::read_to_string(report).expect("a report");
        let mut report = serde_json::from_str(&text).expect("a report is JSON");
        change(&mut report);
        let path = self.path(name);
        fs::write(&path, report.to_string()).expect("a new file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the program with these words and looks at its exit code.
#[track_caller]
fn expect_exit(code: i32, args: &[&str]) -> Remains {
    let remains = run(LOADTEST, args, &[]);
    assert_eq!(remains.status.code(), Some(code), "{args:?}: {remains:?}");
    remains
}

#[test]
fn a_run_is_as_good_as_itself() {
    let remains = expect_exit(0, &["compare", GOOD, GOOD, "--fail-on-regression", "--noise", "0"]);
    assert!(remains.stdout.contains("\n0 worse, 0 better, "), "{}", remains.stdout);
    assert!(!remains.stdout.contains("not the same"), "{}", remains.stdout);
    assert!(!remains.stdout.contains('\x1b'), "no colour but on a terminal");
}

/// The same comparison passes, unless it is asked to fail, and in the other direction.
#[test]
fn a_regression_is_an_exit_code_for_whoever_asks() {
    let remains = expect_exit(6, &["compare", GOOD, FULL, "--fail-on-regression"]);
    for wanted in [
        "A  PASS  ",
        "\nB  FAIL  ",
        "\n   failed: everybody gets in\n",
        "not the same: arguments of the server nothing and --connections-max 10\n",
        "\nthe check \"everybody gets in\" fails and did not\n",
        "\njoins failed is worse\n",
    ] {
        assert!(remains.stdout.contains(wanted), "{wanted} is missing in\n{}", remains.stdout);
    }
    let again = expect_exit(0, &["compare", GOOD, FULL]);
    assert_eq!(again.stdout, remains.stdout);
    expect_exit(0, &["compare", FULL, GOOD, "--fail-on-regression", "--noise", "20%"]);
}

#[test]
fn figures_that_are_gone_and_runs_that_mean_nothing_do_not_pass() {
    let folder = Folder::new("gone");
    let bare = folder.changed("bare.json", GOOD, |report| report["server"] = Value::Null);
    let remains = expect_exit(6, &["compare", GOOD, &bare, "--fail-on-regression"]);
    assert!(remains.stdout.contains("MISSING in B"), "{}", remains.stdout);
    expect_exit(0, &["compare", &bare, GOOD, "--fail-on-regression"]);
    let invalid = folder.changed("invalid.json", GOOD, |report| {
        report["exit_code"] = 4.into();
        report["verdict"] = "INVALID".into();
        report["invalid"] = vec!["inputs were sent late"].into();
    });
    let remains = expect_exit(6, &["compare", GOOD, &invalid, "--fail-on-regression"]);
    assert!(remains.stdout.contains("\nB  INVALID  "), "{}", remains.stdout);
    assert!(remains.stdout.contains("the figures mean nothing: inputs were sent late"));
}

#[test]
fn what_cannot_be_read_is_named_with_what_to_do() {
    let folder = Folder::new("unreadable");
    let missing = folder.path("missing.json");
    let newer = folder.changed("newer.json", GOOD, |report| report["schema"] = 99.into());
    let text = folder.path("text.json");
    fs::write(&text, "seed 1: gamekeeper-loadtest run").expect("a new file");
    let cases = [
        (missing.as_str(), "cannot read "),
        (newer.as_str(), "its schema is 99, and this program reads 1 and 2; use the program"),
        (text.as_str(), "it is not JSON (expected value at line 1 column 1); give a file"),
    ];
    for (bad, why) in cases {
        for args in [vec!["compare", GOOD, bad], vec!["junit", bad], vec!["report", bad]] {
            let remains = expect_exit(2, &args);
            assert!(remains.stderr.contains(why) && remains.stderr.contains(bad), "{remains:?}");
            assert_eq!(remains.stdout, "");
        }
    }
    let baselines = folder.path("none");
    let remains = expect_exit(2, &["compare", "main", GOOD, "--baselines", &baselines]);
    assert!(remains.stderr.contains("no file main and no baseline"), "{remains:?}");
    let remains = expect_exit(2, &["compare", GOOD]);
    assert!(remains.stderr.contains("Usage"), "{remains:?}");
}

#[test]
fn a_baseline_is_kept_under_its_name() {
    let folder = Folder::new("baseline");
    let baselines = folder.path("kept/here");
    let there = ["--baselines", &baselines];
    let baseline = |words: &[&'static str]| {
        let words = words.iter().chain(&there).copied();
        std::iter::once("baseline").chain(words).collect::<Vec<_>>()
    };
    let remains = expect_exit(0, &baseline(&["list"]));
    assert!(remains.stdout.starts_with("no baselines in "), "{remains:?}");
    expect_exit(0, &baseline(&["save", "main-1.0", FULL]));
    let remains = expect_exit(6, &[&["compare", GOOD, "main-1.0"], &there[..], &FAIL].concat());
    assert!(remains.stdout.contains("B  FAIL  baseline main-1.0\n"), "{}", remains.stdout);
    expect_exit(0, &baseline(&["save", "main-1.0", GOOD]));
    expect_exit(0, &[&["compare", "main-1.0", GOOD], &there[..], &FAIL].concat());
    let remains = expect_exit(0, &baseline(&["list"]));
    let words: Vec<&str> = remains.stdout.split_whitespace().take(3).collect();
    assert_eq!(words, ["main-1.0", "PASS", "gamekeeper-loadtest"]);
    assert!(remains.stdout.starts_with("main-1.0             PASS  "), "{}", remains.stdout);
    let kept = fs::read_dir(&baselines).expect("the folder was made").count();
    assert_eq!(kept, 1, "one file, and nothing half written");
    for bad in ["../main", "a/b", ".hidden"] {
        let remains = expect_exit(2, &baseline(&["save", bad, GOOD]));
        assert!(remains.stderr.contains("no name for a baseline"), "{remains:?}");
    }
    assert!(!Path::new(&folder.path("kept/main.json")).exists());
}

#[test]
fn results_go_where_they_are_asked_to_go() {
    let folder = Folder::new("results");
    let file = folder.path("table.md");
    let remains = expect_exit(0, &["compare", GOOD, FULL, "--markdown", &file]);
    let markdown = fs::read_to_string(&file).expect("the table was written");
    assert!(remains.stdout.starts_with("A  PASS") && markdown.starts_with("### Load test: "));
    let remains = expect_exit(0, &["compare", GOOD, FULL, "--markdown", "-"]);
    assert_eq!(remains.stdout, markdown, "instead of the other table");
    let file = folder.path("junit.xml");
    let remains = expect_exit(0, &["junit", FULL, "--output", &file]);
    assert_eq!(remains.stdout, "");
    let remains = expect_exit(0, &["junit", FULL]);
    assert_eq!(remains.stdout, fs::read_to_string(file).expect("the XML was written"));
    assert!(
        remains.stdout.contains("<testcase classname=\"gamekeeper-loadtest\" name=\"no ghosts\"")
    );
    assert!(remains.stdout.contains("<property name=\"verdict\" value=\"FAIL\"/>"));
    let nowhere = folder.path("no/such/folder.xml");
    let remains = expect_exit(1, &["junit", FULL, "--output", &nowhere]);
    assert!(remains.stderr.contains(&nowhere), "{remains:?}");
}

/// Everything works on what today's program writes, and says of it what the run itself said.
#[test]
fn the_report_of_a_run_of_today_can_be_looked_at_again() {
    let folder = Folder::new("today");
    let json = folder.path("today.json");
    let load = ["run", "--bots", "10", "--duration", "1s", "--churn", "10/s", "--input-hz", "4"];
    let more = ["--departures", "close,reset", "--server-bin", SERVER, "--json", &json];
    let told = expect_exit(0, &[&load[..], &more].concat()).stdout;
    let shown = expect_exit(0, &["report", &json]).stdout;
    let checks = |text: &str| text.split_once("CHECKS").map(|(_, checks)| checks.to_owned());
    assert_eq!(checks(&shown).expect("there are checks"), checks(&told).expect("there are checks"));
    assert!(shown.contains("VERDICT  PASS"), "{shown}");
    expect_exit(0, &["compare", &json, &json, "--fail-on-regression"]);
    let older = expect_exit(0, &["compare", GOOD, &json]).stdout;
    assert!(older.contains("not the same: schema of the report 1 and 2\n"), "{older}");
    let ttd = older.lines().find(|line| line.starts_with("ttd p99 of reset "));
    assert!(ttd.is_some_and(|line| line.ends_with("missing in A")), "{older}");
    let xml = expect_exit(0, &["junit", &json]).stdout;
    assert!(xml.contains("failures=\"0\" errors=\"0\""), "{xml}");
}

/// A run of one second, in which nobody leaves before its end.
fn short_run(more: &[&str]) -> Vec<String> {
    let run = ["run", "--bots", "3", "--duration", "1s", "--churn", "0/s", "--server-bin", SERVER];
    run.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

#[track_caller]
fn expect_run(code: i32, more: &[&str]) -> Remains {
    let args = short_run(more);
    expect_exit(code, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether it is worse is seen when it is over; whether it can be compared, before it begins.
#[test]
fn a_run_is_compared_with_its_baseline() {
    let folder = Folder::new("against");
    let missing = expect_run(2, &["--baseline", "nothing-like-it"]);
    assert!(missing.stderr.contains("there is no file nothing-like-it"), "{}", missing.stderr);
    assert!(!missing.stderr.contains("seed"), "nothing was run: {}", missing.stderr);
    let lean = folder.changed("lean.json", GOOD, |json| {
        json["server"]["loaded"]["rss_bytes"] = 1.into();
    });
    let json = folder.path("run.json");
    let remains = expect_run(6, &["--baseline", &lean, "--json", &json]);
    assert!(remains.stdout.contains("VERDICT  PASS"), "{}", remains.stdout);
    assert!(remains.stdout.contains("lean.json: rss loaded is worse\n"), "{}", remains.stdout);
    let last = remains.stdout.lines().last().expect("a line");
    assert!(last.starts_with("reproduce: gamekeeper-loadtest run"), "{last}");
    assert!(Path::new(&json).exists());
}

#[test]
fn runs_are_put_together() {
    let folder = Folder::new("merge");
    let [one, other, both] = ["one.json", "other.json", "both.json"].map(|name| folder.path(name));
    for (path, seed) in [(&one, "1"), (&other, "2")] {
        expect_run(0, &["--json", path, "--seed", seed]);
    }
    let remains = expect_exit(0, &["merge", &one, &other, "--json", &both]);
    assert!(remains.stdout.starts_with("2 reports together: "), "{}", remains.stdout);
    assert!(remains.stdout.contains("VERDICT  PASS"), "{}", remains.stdout);
    let read = |path: &str| -> Value {
        let text = fs::read_to_string(path).expect("a report");
        serde_json::from_str(&text).expect("a report is JSON")
    };
    let [one, other, both] = [&one, &other, &both].map(|path| read(path));
    for path in ["/joins/joined", "/survivors/snapshots", "/survivors/interval/count"] {
        let of = |report: &Value| report.pointer(path).and_then(Value::as_u64).expect("a count");
        assert!(of(&one) > 0, "{path}");
        assert_eq!(of(&both), of(&one) + of(&other), "{path}");
    }
    let again = folder.path("both.json");
    expect_exit(0, &["junit", &again]);
    let refused = expect_exit(2, &["merge", GOOD, &again]);
    assert!(refused.stderr.contains("run it again"), "{}", refused.stderr);
}
