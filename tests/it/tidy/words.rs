//! Rules for all text: nothing half done, nothing decorative, lines that fit a screen.

use super::{expect_found, expect_none, source::has_word, tree::Tree};

/// Marks of unfinished work, written so that this file does not contain them.
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("todo", "!"),
    concat!("unimplemented", "!"),
];

/// Longest line of a source file, in characters. rustfmt leaves long comments and strings alone.
const COLUMNS_MAX: usize = 100;

fn unfinished(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            let mark = UNFINISHED.iter().find(|mark| has_word(line, mark));
            findings.extend(mark.map(|mark| {
                format!("{}:{}: {mark}: do it, or open an issue", file.path, index + 1)
            }));
        }
    }
    findings
}

fn pictures(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let lines = file.text.lines().enumerate();
        let lines = lines.filter(|(_, line)| line.chars().any(|c| c >= '\u{1f000}'));
        findings.extend(
            lines.map(|(index, _)| format!("{}:{}: say it in words", file.path, index + 1)),
        );
    }
    findings
}

fn long_lines(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.sources() {
        let lines = file.text.lines().enumerate();
        let lines = lines.filter(|(_, line)| line.chars().count() > COLUMNS_MAX);
        findings.extend(
            lines.map(|(index, _)| format!("{}:{}: over 100 columns", file.path, index + 1)),
        );
    }
    findings
}

#[test]
fn nothing_is_left_unfinished() {
    expect_none(&unfinished(&Tree::load()));

    let marks: String = UNFINISHED.iter().map(|mark| format!("// {mark}(later)\n")).collect();
    let bad = Tree::of(&[("a.rs", &marks), ("b.md", "# XXXL\n"), (".ci/run", UNFINISHED[0])]);
    let expected = ["a.rs:1", "a.rs:2", "a.rs:3", "a.rs:4", "a.rs:5", ".ci/run:1"];
    expect_found(&unfinished(&bad), &expected);
}

#[test]
fn text_is_text() {
    expect_none(&pictures(&Tree::load()));
    expect_found(&pictures(&Tree::of(&[("a.md", "fine\nshiny \u{1f680}\n")])), &["a.md:2"]);
}

#[test]
fn lines_fit_into_100_columns() {
    expect_none(&long_lines(&Tree::load()));

    let long = format!("{}\n{}\n", "ä".repeat(COLUMNS_MAX), "x".repeat(COLUMNS_MAX + 1));
    let bad = Tree::of(&[("a.rs", &long), ("b.js", &long), ("c.md", &long)]);
    expect_found(&long_lines(&bad), &["a.rs:2", "b.js:2"]);
}
