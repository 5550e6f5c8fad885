//! Rules for the documents: what they point to exists, and they do not rot.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    expect_found, expect_none,
    tree::{File, Tree},
};

/// Folders at the top. A name in backticks that begins with one of them is a path.
const TOP_FOLDERS: [&str; 7] =
    ["protocol/", "server/", "bot-client/", "loadtest/", "tests/", "docs/", ".ci/"];

/// Lines outside fenced blocks, with their numbers from 1.
fn prose(file: &File) -> Vec<(usize, &str)> {
    let mut in_block = false;
    let mut lines = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        if !in_block && !is_fence {
            lines.push((index + 1, line));
        }
    }
    lines
}

fn dead_links(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.ending(".md") {
        for (number, line) in prose(file) {
            for target in links(line).filter(|target| !target.contains("://")) {
                if !resolves(tree, file, target) {
                    findings.push(format!("{}:{number}: {target} does not exist", file.path));
                }
            }
        }
    }
    findings
}

/// The targets of all `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// Whether a relative link of `file` leads somewhere, its anchor included.
fn resolves(tree: &Tree, file: &File, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if path.is_empty() { file.path.clone() } else { join(folder, path) };
    match tree.file(&path) {
        Some(found) => anchor.is_empty() || anchors(found).contains(anchor),
        None => {
            anchor.is_empty()
                && tree.files.iter().any(|f| f.path.starts_with(&(path.clone() + "/")))
        }
    }
}

/// `docs` and `../server/src` make `server/src`.
fn join(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(file: &File) -> BTreeSet<String> {
    let headings = prose(file).into_iter().filter(|(_, line)| line.starts_with('#'));
    let slug = |(_, line): (usize, &str)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

fn missing_files(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.ending(".md") {
        for (number, line) in prose(file) {
            // What stands between two backticks: every second part.
            for name in line
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|name| names_a_file(name) && !is_reason_and_path(name))
            {
                if !tree.has(name) {
                    findings.push(format!("{}:{number}: there is no {name}", file.path));
                }
            }
        }
    }
    findings
}

/// `fin/event`: why a connection ended and how that was learnt, and no file.
fn is_reason_and_path(name: &str) -> bool {
    let path = name.split_once('/').map(|(_, path)| path);
    path.is_some_and(|path| gamekeeper::client::leave::LeavePath::LABELS.contains(&path))
}

fn names_a_file(name: &str) -> bool {
    let is_path = name.chars().all(|c| c.is_alphanumeric() || "_-./".contains(c));
    let has_folder = TOP_FOLDERS.iter().any(|folder| name.starts_with(folder));
    is_path && (has_folder || name.ends_with(".rs"))
}

fn line_numbers(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.ending(".md") {
        for (index, line) in file.text.lines().enumerate() {
            let after = line.split(".rs:").skip(1);
            if after.into_iter().any(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
                findings.push(format!("{}:{}: name the item, not its line", file.path, index + 1));
            }
        }
    }
    findings
}

/// What a run of the load test looks like: made by programs, and the most bytes that each may have.
const SAMPLES: [(&str, u64); 2] =
    [("docs/load-test-report.html", 300_000), ("docs/load-test-report.png", 150_000)];

/// What a newcomer is promised, and where it must stand: two commands, and a check that runs one.
const PROMISES: [(&str, &str); 3] = [
    ("README.md", "cargo run --release"),
    ("README.md", "cargo test --workspace"),
    (".ci/run", "cargo test --workspace"),
];

fn broken_promises(tree: &Tree) -> Vec<String> {
    let is_kept = |path, command| tree.file(path).is_some_and(|file| file.text.contains(command));
    let broken = PROMISES.iter().filter(|(path, command)| !is_kept(path, command));
    broken.map(|(path, command)| format!("{path} does not have `{command}`")).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    expect_none(&dead_links(&Tree::load()));

    let page = "# One, two\n[a](b.md) [c](../Cargo.toml) [d](https://x.org/y) [e](#one-two)\n\
                [f](#one) [g](../no.md)\n```text\n[h](no)\n```\n[i](b.md#three) [j](../docs)\n";
    let bad = Tree::of(&[("docs/a.md", page), ("docs/b.md", "## Two\n"), ("Cargo.toml", "")]);
    let expected = ["docs/a.md:3: #one", "docs/a.md:3: ../no.md", "docs/a.md:7: b.md#three"];
    expect_found(&dead_links(&bad), &expected);
}

#[test]
fn every_file_that_a_document_names_exists() {
    expect_none(&missing_files(&Tree::load()));

    let page =
        "`hub/mod.rs` and `gone.rs`, `server/src/hub/`, `server/src/gone/`, `a::b`, `x.toml`\n";
    let bad = Tree::of(&[("ARCHITECTURE.md", page), ("server/src/hub/mod.rs", "")]);
    let expected = ["ARCHITECTURE.md:1: there is no gone.rs", "there is no server/src/gone/"];
    expect_found(&missing_files(&bad), &expected);
}

#[test]
fn documents_name_items_and_not_lines() {
    expect_none(&line_numbers(&Tree::load()));

    let bad = Tree::of(&[("README.md", "see frame.rs: it\nsee frame.rs:12\n")]);
    expect_found(&line_numbers(&bad), &["README.md:2"]);
}

#[test]
fn the_two_commands_for_a_newcomer_are_in_the_readme_and_the_checks() {
    expect_none(&broken_promises(&Tree::load()));

    let bad = Tree::of(&[("README.md", "cargo run --release\n"), (".ci/run", "cargo test\n")]);
    expect_found(&broken_promises(&bad), &["README.md does not", ".ci/run does not"]);
}

/// The game in the README is the example that is compiled: all of it from its first import.
#[test]
fn the_game_in_the_readme_is_the_example() {
    let tree = Tree::load();
    let readme = &tree.file("README.md").expect("there is a README").text;
    let example = &tree.file("server/examples/hot_potato.rs").expect("it is named there").text;
    let code = example.find("use gamekeeper::").map(|start| &example[start..]);
    let block = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(block, code, "the README's only Rust block is the example from its first import");
}

/// Whoever clones the repository loads them, whether they look at them or not.
#[test]
fn the_samples_of_a_load_test_are_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root");
    for (path, bytes_max) in SAMPLES {
        let bytes = fs::metadata(root.join(path)).expect(path).len();
        assert!(bytes <= bytes_max, "{path}: {bytes} bytes, at most {bytes_max}");
    }
    let page = fs::read_to_string(root.join(SAMPLES[0].0)).expect("a page is text");
    assert!(page.contains(">PASS<") && !page.contains("://"), "of a good run, and self-contained");
}
