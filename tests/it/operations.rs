//! `docs/operations.md` is compared with a server that runs, and with the source of its lines.

use std::{collections::BTreeSet, fs, path::Path};

use gamekeeper_tests::{player::Player, program::ServerProgram};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

/// The rows of the table below a heading of the page whose first column is called `first`.
fn table(heading: &str, first: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = fs::read_to_string(path).expect("the page is there");
    let heading = format!("\n## {heading}\n");
    let section = page.split_once(&heading).expect("the heading is there").1;
    let section = section.split("\n## ").next().unwrap_or(section);
    let start = section.find(&format!("| {first} |")).expect("the table is there");
    let rows = section[start..].lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// What stands in backticks.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// All names in the first column.
fn first_column(rows: &[Vec<String>]) -> BTreeSet<String> {
    rows.iter().flat_map(|row| names(&row[0])).collect()
}

#[track_caller]
fn same(documented: &BTreeSet<String>, real: &BTreeSet<String>) {
    let missing: Vec<_> = real.difference(documented).collect();
    let gone: Vec<_> = documented.difference(real).collect();
    assert!(missing.is_empty() && gone.is_empty(), "undocumented: {missing:?}; gone: {gone:?}");
}

#[test]
fn every_path_is_documented() {
    let server = ServerProgram::start(SERVER, &[]);
    let (_, page) = server.get("/");
    let real = page.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    let documented = first_column(&table("Endpoints", "path"));
    same(&documented, &real);
    for path in documented {
        assert_eq!(server.get(&path).0, 200, "{path}");
    }
}

#[test]
fn every_metric_is_documented_with_its_type() {
    let server = ServerProgram::start(SERVER, &[]);
    let (_, page) = server.get("/metrics");
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE gamekeeper_"));
    let real = types.map(str::to_owned).collect();
    let rows = table("Metrics", "name");
    let documented =
        rows.iter().flat_map(|row| names(&row[0]).map(|name| format!("{name} {}", row[1])));
    same(&documented.collect(), &real);
    // And each label that the page names is there.
    for label in rows
        .iter()
        .flat_map(|row| names(row[2].split(':').next().unwrap_or_default()).collect::<Vec<_>>())
    {
        assert!(page.contains(&format!("{label}=\"")), "there is no label {label}");
    }
}

#[test]
fn every_field_and_every_parameter_of_a_connection_is_documented() {
    let server = ServerProgram::start(SERVER, &[]);
    let join = |name: &str| {
        let mut player = Player::connect(server.address);
        player.hello("", name);
        player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
        player
    };
    join("gone").leave_by_fin();
    server.stats_until("one has left", |stats| stats["players"] == 0);
    let _here = join("here");
    let mut real = BTreeSet::new();
    for (query, list) in [("?id=0.1", "connections"), ("?id=0.0", "departures")] {
        let (_, body) = server.get(&format!("/api/connections{query}"));
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let entry = answer[list][0].as_object().expect("an object");
        real.extend(entry.keys().cloned());
    }
    same(&first_column(&table("Connections", "field")), &real);

    let (_, accepted) = server.get("/api/connections?help");
    let lines = accepted.lines().filter_map(|line| line.split(' ').next());
    let real = lines.filter(|word| word.contains('=')).map(str::to_owned).collect();
    same(&first_column(&table("Connections", "query")), &real);
}

/// Level and message of every line that the source can write, wherever it stands.
fn lines_in(folder: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let path = entry.expect("a folder of the repository can be read").path();
        if path.is_dir() {
            lines_in(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("source is text");
        for call in text.split("tracing::").skip(1) {
            let Some((level, rest)) = call.split_once("!(") else { continue };
            if !["error", "warn", "info", "debug", "trace"].contains(&level) {
                continue;
            }
            // The message is the last argument, and ends with the call.
            let end = [rest.find("\");"), rest.find("\"),"), rest.find("\"\n")];
            let end = end.into_iter().flatten().min().expect("a message in quotes");
            let start = rest[..end].rfind('"').expect("a message in quotes") + 1;
            found.insert((level.to_owned(), rest[start..end].to_owned()));
        }
    }
}

#[test]
fn every_log_line_is_documented_with_its_level() {
    let mut real = BTreeSet::new();
    lines_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src"), &mut real);
    assert!(real.contains(&("info".to_owned(), "left".to_owned())), "they are found");
    let rows = table("Log lines", "level");
    let lines = rows.iter().flat_map(|row| {
        let message = names(&row[1]).next().expect("a message");
        row[0].split(", ").map(move |level| format!("{level} {message}")).collect::<Vec<_>>()
    });
    let real = real.into_iter().map(|(level, message)| format!("{level} {message}")).collect();
    same(&lines.collect(), &real);
}
