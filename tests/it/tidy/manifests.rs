//! Rules for `Cargo.toml` and `Cargo.lock`: who may depend on whom, and on what.

use toml::{Table, Value};

use super::{expect_found, expect_none, tree::Tree};

/// A package, and the packages of this workspace that it must not depend on, directly.
const MUST_NOT_DEPEND: [(&str, &[&str]); 4] = [
    ("protocol", &["gamekeeper", "gamekeeper-bot", "gamekeeper-loadtest", "gamekeeper-tests"]),
    ("server", &["gamekeeper-bot", "gamekeeper-loadtest", "gamekeeper-tests"]),
    // A client that shares code with the server cannot show a fault of the wire.
    ("bot-client", &["gamekeeper", "gamekeeper-loadtest", "gamekeeper-tests"]),
    ("loadtest", &["gamekeeper", "gamekeeper-tests"]),
];

/// Packages that must not be in the tree at all; `deny.toml` has the reasons.
const BANNED: [&str; 3] = ["tokio", "async-std", "openssl-sys"];

fn wrong_dependencies(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (folder, forbidden) in MUST_NOT_DEPEND {
        let path = format!("{folder}/Cargo.toml");
        let Some(file) = tree.file(&path) else { continue };
        for name in dependencies(&parse(&path, &file.text)) {
            if forbidden.contains(&name.as_str()) {
                findings.push(format!("{path}: must not depend on {name}"));
            }
        }
    }
    findings
}

/// The names of all packages in all tables of dependencies, whatever their kind and platform.
fn dependencies(table: &Table) -> Vec<String> {
    let mut names = Vec::new();
    for (key, value) in table {
        let Value::Table(inner) = value else { continue };
        if key == "dependencies" || key.ends_with("-dependencies") {
            for (name, how) in inner {
                let renamed = how.get("package").and_then(Value::as_str);
                names.push(renamed.unwrap_or(name).to_owned());
            }
        } else {
            names.extend(dependencies(inner));
        }
    }
    names
}

fn banned_packages(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    let Some(lock) = tree.file("Cargo.lock") else {
        return vec!["Cargo.lock is missing; it is committed, so that builds repeat".to_owned()];
    };
    let lock = parse("Cargo.lock", &lock.text);
    let packages = lock.get("package").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for package in packages {
        let text = |key| package.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, version) = (text("name"), text("version"));
        if BANNED.contains(&name) {
            findings.push(format!("Cargo.lock: {name} must not be in the tree, see deny.toml"));
        }
        if name == "bincode" && version != "2.0.1" {
            findings.push(format!("Cargo.lock: bincode {version}; only 2.0.1 will do"));
        }
    }
    findings
}

fn members_without_lints(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.ending("/Cargo.toml") {
        let manifest = parse(&file.path, &file.text);
        // Whoever is a workspace of its own has nothing to inherit.
        if manifest.contains_key("workspace") {
            continue;
        }
        let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
        if lints != Some(&Value::Boolean(true)) {
            findings.push(format!("{}: [lints] workspace = true is missing", file.path));
        }
    }
    findings
}

fn parse(path: &str, text: &str) -> Table {
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    expect_none(&wrong_dependencies(&Tree::load()));

    let bad = Tree::of(&[
        ("bot-client/Cargo.toml", "[dependencies]\nmio = \"1\"\ngamekeeper.workspace = true\n"),
        ("loadtest/Cargo.toml", "[dev-dependencies]\ng = { package = \"gamekeeper\" }\n"),
        ("server/Cargo.toml", "[target.'cfg(unix)'.dependencies.gamekeeper-tests]\npath = \"x\"\n"),
        ("tests/Cargo.toml", "[dependencies]\ngamekeeper.workspace = true\n"),
    ]);
    let expected = [
        "server/Cargo.toml: must not depend on gamekeeper-tests",
        "bot-client/Cargo.toml: must not depend on gamekeeper",
        "loadtest/Cargo.toml: must not depend on gamekeeper",
    ];
    expect_found(&wrong_dependencies(&bad), &expected);
}

#[test]
fn no_second_runtime_and_the_right_bincode() {
    expect_none(&banned_packages(&Tree::load()));

    let lock = "[[package]]\nname = \"tokio\"\nversion = \"1.0.0\"\n\
                [[package]]\nname = \"bincode\"\nversion = \"3.0.0\"\n\
                [[package]]\nname = \"mio\"\nversion = \"1.0.0\"\n";
    let bad = Tree::of(&[("Cargo.lock", lock)]);
    expect_found(&banned_packages(&bad), &["tokio must not", "bincode 3.0.0"]);
    expect_found(&banned_packages(&Tree::of(&[])), &["Cargo.lock is missing"]);
}

#[test]
fn every_member_takes_the_lints_of_the_workspace() {
    expect_none(&members_without_lints(&Tree::load()));

    let bad = Tree::of(&[
        ("server/Cargo.toml", "[package]\nname = \"gamekeeper\"\n"),
        ("tests/Cargo.toml", "[lints]\nworkspace = true\n"),
    ]);
    expect_found(&members_without_lints(&bad), &["server/Cargo.toml"]);
}
