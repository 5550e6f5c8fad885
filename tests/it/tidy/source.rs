//! Rules for single source files: length, module documentation, `unwrap`, `unsafe`.

use super::{
    expect_found, expect_none,
    tree::{File, Tree},
};

/// Longest production file, in lines, documentation included.
const LINES_MAX: usize = 400;

/// Files that may be longer, each with its reason.
const LONG_FILES: [(&str, &str); 1] =
    [("server/web/gamekeeper.js", "game developers copy one file, and have the whole client")];

/// The one file that may contain unsafe code: a system call without a safe wrapper.
const UNSAFE_FILE: &str = "server/src/sys.rs";

/// The one file that may ask for the permission without containing unsafe code: an exported name
/// counts as unsafe, because another library might have the same.
const EXPORTING_FILE: &str = "server/examples/embed_in_c.rs";

/// The lines of a file that are not tests, with their numbers from 1.
///
/// Unit tests are a module at the end of the file, behind `#[cfg(test)]`; files of tests have none.
pub(crate) fn production_lines(file: &File) -> Vec<(usize, &str)> {
    if is_test_file(&file.path) {
        return Vec::new();
    }
    let mut lines = file.text.lines().enumerate().peekable();
    let mut production = Vec::new();
    while let Some((index, line)) = lines.next() {
        let opens_tests = line == "#[cfg(test)]"
            && lines
                .peek()
                .is_some_and(|(_, next)| next.starts_with("mod ") && next.ends_with('{'));
        if opens_tests {
            while lines.next_if(|(_, inner)| *inner != "}").is_some() {}
            lines.next();
        } else {
            production.push((index + 1, line));
        }
    }
    production
}

/// Production lines without comments.
pub(crate) fn code_lines(file: &File) -> Vec<(usize, &str)> {
    let without_comment = |(number, line)| (number, strip_comment(line));
    let lines = production_lines(file).into_iter().map(without_comment);
    lines.filter(|(_, code)| !code.trim().is_empty()).collect()
}

/// Cuts a line at `//`, unless that is in a string (as in an address).
pub(crate) fn strip_comment(line: &str) -> &str {
    let mut in_string = false;
    let mut previous = ' ';
    for (index, c) in line.char_indices() {
        match c {
            '"' if previous != '\\' && previous != '\'' => in_string = !in_string,
            '/' if previous == '/' && !in_string => return &line[..index - 1],
            _ => {}
        }
        previous = c;
    }
    line
}

/// Whether `word` stands in `text` as a word of its own.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let is_inner = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(is_inner) && !after.is_some_and(is_inner)
    })
}

fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_test_name = name == "tests.rs" || name.ends_with("_tests.rs");
    path.starts_with("tests/it/")
        || path.starts_with("tests/modes/")
        || path.starts_with("tests/browsers/")
        || path.contains("/tests/")
        || is_test_name
}

fn long_files(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.sources() {
        let lines = production_lines(file).len();
        let excused = LONG_FILES.iter().any(|(path, _reason)| *path == file.path);
        if lines > LINES_MAX && !excused {
            findings.push(format!("{}: {lines} lines, at most {LINES_MAX}: split it", file.path));
        }
    }
    findings
}

fn files_without_module_docs(tree: &Tree) -> Vec<String> {
    let first_line =
        |file: &File| file.text.lines().find(|line| !line.is_empty()).map(str::to_owned);
    let mark = |file: &File| if file.path.ends_with(".rs") { "//! " } else { "// " };
    let missing = |file: &&File| {
        !first_line(file).is_some_and(|line| line.starts_with(mark(file)) && line.len() > 20)
    };
    let finding = |file: &File| {
        let mark = mark(file).trim();
        format!("{}: begin with `{mark}`: what it is, and where it is in the data flow", file.path)
    };
    tree.sources().filter(missing).map(finding).collect()
}

fn unwraps(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.ending(".rs") {
        let lines = code_lines(file).into_iter().filter(|(_, code)| code.contains(".unwrap()"));
        findings.extend(lines.map(|(number, _)| {
            format!("{}:{number}: use `?`, or `expect` with the invariant", file.path)
        }));
    }
    findings
}

fn unsafe_code(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.ending(".rs").filter(|file| file.path != UNSAFE_FILE) {
        let lines = file.text.lines().map(strip_comment).enumerate();
        let exports = file.path == EXPORTING_FILE;
        let forms = &UNSAFE_CODE[..UNSAFE_CODE.len() - usize::from(exports)];
        let lines = lines.filter(|(_, code)| forms.iter().any(|form| code.contains(form)));
        findings.extend(lines.map(|(index, _)| {
            format!("{}:{}: only {UNSAFE_FILE} may be unsafe", file.path, index + 1)
        }));
    }
    findings
}

/// Unsafe code, and the permission for it; written so that this file does not contain them.
const UNSAFE_CODE: [&str; 5] = [
    concat!("unsafe", " {"),
    concat!("unsafe", " fn"),
    concat!("unsafe", " impl"),
    concat!("unsafe", " extern"),
    concat!("(", "unsafe_code"),
];

fn ignored_tests_without_reason(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.ending(".rs") {
        let lines = file.text.lines().enumerate();
        let lines = lines.filter(|(_, line)| line.trim() == concat!("#[", "ignore]"));
        findings.extend(
            lines.map(|(index, _)| format!("{}:{}: say why: ignore = \"…\"", file.path, index + 1)),
        );
    }
    findings
}

#[test]
fn no_production_file_is_longer_than_400_lines() {
    expect_none(&long_files(&Tree::load()));

    let long = "x\n".repeat(LINES_MAX + 1);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
    let bad = Tree::of(&[
        ("server/src/a.rs", &long),
        ("server/src/b.rs", &tests),
        ("server/web/c.js", &long),
    ]);
    expect_found(&long_files(&bad), &["server/src/a.rs: 401 lines", "server/web/c.js: 401"]);
}

#[test]
fn every_file_begins_with_what_it_is() {
    expect_none(&files_without_module_docs(&Tree::load()));

    let bad = Tree::of(&[
        ("a.rs", "use std::fmt;\n"),
        ("b.rs", "//! Placeholder.\n"),
        ("c.rs", "//! Everything that there is to say about c.\n"),
        ("d.rs", ""),
        ("e.js", "// Everything that there is to say about e.\n"),
        ("f.mjs", "import { e } from './e.js'; // everything\n"),
    ]);
    expect_found(&files_without_module_docs(&bad), &["a.rs", "b.rs", "d.rs", "f.mjs"]);
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    expect_none(&unwraps(&Tree::load()));

    let tests = "#[cfg(test)]\nmod tests {\n    x.unwrap();\n}\n";
    let code =
        format!("// x.unwrap()\n/// x.unwrap()\nx.unwrap_or(1);\n{tests}let y = x.unwrap();\n");
    let bad = Tree::of(&[("a.rs", &code), ("protocol/tests/b.rs", "x.unwrap();\n")]);
    expect_found(&unwraps(&bad), &["a.rs:8"]);
}

#[test]
fn unsafe_code_is_in_one_file_only() {
    expect_none(&unsafe_code(&Tree::load()));

    let [block, function, .., allow] = UNSAFE_CODE;
    let (comment, name) = (format!("// {block}"), "fn unsafe_code_is_in_one_file_only() {");
    let bad = Tree::of(&[
        (UNSAFE_FILE, block),
        ("server/src/a.rs", block),
        ("server/src/b.rs", function),
        ("server/src/c.rs", allow),
        ("server/src/d.rs", &comment),
        ("server/src/e.rs", name),
        (EXPORTING_FILE, &format!("{allow}\n{block}")),
    ]);
    let expected = ["src/a.rs:1", "src/b.rs:1", "src/c.rs:1", "embed_in_c.rs:2"];
    expect_found(&unsafe_code(&bad), &expected);
}

#[test]
fn an_ignored_test_says_why() {
    expect_none(&ignored_tests_without_reason(&Tree::load()));

    let bad = format!("{}\n#[ignore = \"slow\"]\n", concat!("#[", "ignore]"));
    expect_found(&ignored_tests_without_reason(&Tree::of(&[("a.rs", &bad)])), &["a.rs:1"]);
}

#[test]
fn comments_are_told_from_strings() {
    assert_eq!(strip_comment("let x = 1; // mio"), "let x = 1; ");
    assert_eq!(strip_comment("let x = \"http://a\"; // b"), "let x = \"http://a\"; ");
    assert_eq!(strip_comment("let c = '\"'; // b"), "let c = '\"'; ");
    assert_eq!(strip_comment("//! mio"), "");
}
