//! The page on how clients leave says what is true: its tests, reasons and limits exist, and no
//! mode and no reason is missing.

use std::{collections::BTreeSet, fs, path::Path};

use gamekeeper::{
    client::leave::{LeavePath, LeaveReason},
    limits::Limits,
};

const PAGE: &str = include_str!("../../docs/teardown.md");

/// What stands in backticks on the page.
fn quoted() -> impl Iterator<Item = &'static str> {
    // Links and texts have none; a pair of them has no end of line inside.
    PAGE.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The names of all functions below these folders of the repository.
fn functions(folders: &[&str]) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root");
    let mut names = BTreeSet::new();
    let mut waiting: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).expect("a folder of ours") {
            let path = entry.expect("a folder of ours").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a text");
                let starts = text.match_indices("fn ").map(|(start, _)| &text[start + 3..]);
                names.extend(starts.map(|rest| {
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
                }));
            }
        }
    }
    names
}

/// `m` or `c` and two digits, then a name.
fn is_mode_test(name: &str) -> bool {
    let mut chars = name.chars();
    matches!(chars.next(), Some('m'))
        && chars.by_ref().take(2).filter(char::is_ascii_digit).count() == 2
        && chars.next() == Some('_')
}

#[test]
fn every_mode_has_one_section_and_a_test() {
    let tests: BTreeSet<_> =
        functions(&["tests/modes"]).into_iter().filter(|name| is_mode_test(name)).collect();
    let named: BTreeSet<_> =
        quoted().filter(|name| is_mode_test(name)).map(str::to_owned).collect();
    assert_eq!(named, tests, "left: on the page; right: in tests/modes");
    for mode in 1..=64 {
        let head = format!("#### M{mode:02} ");
        assert_eq!(PAGE.matches(&head).count(), 1, "one section begins with {head:?}");
        let prefix = format!("m{mode:02}_");
        assert!(tests.iter().any(|name| name.starts_with(&prefix)), "no test begins {prefix:?}");
        let section = &PAGE[PAGE.find(&head).expect("it was counted")..];
        let section = &section[..section[4..].find("####").map_or(section.len(), |end| end + 4)];
        assert!(section.contains(&format!("`{prefix}")), "M{mode:02} names no test of its own");
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let functions = functions(&["tests", "server/src", "protocol", "bot-client/src"]);
    let looks_like_a_test = |name: &&str| {
        name.matches('_').count() >= 3 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let limits: BTreeSet<_> = Limits::TABLE.iter().map(|limit| limit.name).collect();
    for name in quoted().filter(looks_like_a_test).filter(|name| !limits.contains(name)) {
        let metric = name.starts_with("gamekeeper_");
        assert!(metric || functions.contains(name), "there is no test {name}");
    }
}

#[test]
fn every_reason_is_on_the_page_and_every_one_on_the_page_exists() {
    let mut seen = BTreeSet::new();
    for (reason, path) in quoted().filter_map(|quoted| quoted.split_once('/')) {
        let known = LeaveReason::LABELS.contains(&reason);
        assert!(known || reason == "tests", "there is no reason {reason:?}");
        if known {
            assert!(LeavePath::LABELS.contains(&path), "there is no path {path:?}");
            seen.insert(reason);
        }
    }
    for reason in LeaveReason::LABELS.iter().filter(|reason| **reason != "rejected") {
        assert!(seen.contains(reason), "{reason} is not on the page");
    }
}

#[test]
fn every_limit_on_the_page_exists() {
    let units = ["_ms", "_bytes", "_max", "_per_second"];
    let looks_like_a_limit =
        |name: &&str| units.iter().any(|unit| name.ends_with(unit)) && !is_mode_test(name);
    for name in quoted().filter(looks_like_a_limit) {
        assert!(Limits::TABLE.iter().any(|limit| limit.name == name), "there is no limit {name}");
    }
}
