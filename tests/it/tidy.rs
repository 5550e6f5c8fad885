//! The rules of the repository that neither the compiler nor clippy can check.
//!
//! `CONTRIBUTING.md` gives the reasons. Each rule is a function from files to findings. It is used
//! twice: on the repository, where it must find nothing, and on a small bad sample, where it must
//! find what is wrong. A rule that cannot fail is no rule.

mod docs;
mod layers;
mod manifests;
mod source;
mod tree;
mod words;

use tree::Tree;

/// Fails with all findings at once, so that one run shows all there is to do.
fn expect_none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n  {}", findings.len(), findings.join("\n  "));
}

/// Fails unless there is exactly one finding for each of `expected`, in this order.
#[track_caller]
fn expect_found(findings: &[String], expected: &[&str]) {
    let matches = findings.len() == expected.len()
        && findings.iter().zip(expected).all(|(finding, part)| finding.contains(part));
    assert!(matches, "expected {expected:#?}\nfound {findings:#?}");
}

#[test]
fn the_repository_is_where_the_tests_look_for_it() {
    let tree = Tree::load();
    for path in ["Cargo.toml", "protocol/src/lib.rs", "server/src/lib.rs", "tests/it/tidy.rs"] {
        assert!(tree.file(path).is_some(), "{path} is missing");
    }
    assert!(tree.files.iter().all(|file| !file.path.starts_with("target/")));
}
