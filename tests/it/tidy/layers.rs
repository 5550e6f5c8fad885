//! Who may name whom: the pure parts stay pure, and the layers stay layers.
//!
//! ```text
//!   {game, protocol} <- room <- hub <- shell <- main        protocol <- client <- hub
//! ```
//!
//! Cargo enforces the arrows between crates, this file those inside the server.

use super::{
    expect_found, expect_none,
    source::{code_lines, has_word},
    tree::{File, Tree},
};

/// Parts of the server that may touch the outside world. Everything else in it is pure.
const SERVER_OUTSIDE: [&str; 8] =
    ["shell", "main", "cli", "company", "log", "server", "config", "sys"];

/// Folders and files (without `.rs`) that are pure as a whole.
const PURE: [&str; 10] = [
    "protocol/src",
    "bot-client/src/connection",
    "bot-client/src/brain",
    "loadtest/src/faulty/choice",
    "loadtest/src/faulty/conversation",
    "loadtest/src/faulty/journal",
    "loadtest/src/faulty/outbox",
    "loadtest/src/faulty/room",
    "loadtest/src/faulty/script",
    "loadtest/src/faulty/wrong",
];

/// What a pure part must not name: the outside world, and what is random.
const IMPURE: [&str; 18] = [
    "mio",
    "socket2",
    "rustix",
    "libc",
    "signal_hook",
    "signal_hook_mio",
    "getrandom",
    "std::net",
    "std::thread",
    "std::env",
    "std::fs",
    "std::process",
    "std::os",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::hash::RandomState",
];

/// Exceptions: values that do nothing by themselves, though their modules can.
const VALUES: [&str; 5] = [
    "std::net::SocketAddr",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "rustix::io::Errno",
];

/// Names that give an impure thing away even without its full path.
const IMPURE_WORDS: [&str; 5] = ["Instant::now", "SystemTime", "HashMap", "HashSet", "TcpStream"];

/// Inside the server: a part, and the parts that it must not know.
const MUST_NOT_KNOW: [(&str, &[&str]); 9] = [
    ("game", &["client", "room", "hub", "shell", "admin", "metrics", "config", "frames", "server"]),
    ("guard", &["client", "room", "hub", "shell", "game", "admin", "config", "server"]),
    ("client", &["room", "hub", "shell", "game", "admin", "config", "server"]),
    ("room", &["client", "hub", "shell", "admin", "config", "server"]),
    ("hub", &["shell", "admin", "config", "server"]),
    ("metrics", &["hub", "shell", "admin", "server"]),
    ("admin", &["shell", "server"]),
    ("config", &["hub", "shell", "admin", "server"]),
    ("web", &["client", "room", "hub", "shell", "game", "admin", "metrics", "config", "server"]),
];

/// What the rules of a game may know of the protocol: ids and their own vocabulary, no bytes.
const PROTOCOL_FOR_GAMES: [&str; 7] =
    ["PlayerId", "RoomId", "Tick", "InputSequence", "LeaveCause", "ids", "games"];

fn impure(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.ending(".rs").filter(|file| is_pure(&file.path)) {
        for (line, path) in paths(file) {
            if VALUES.iter().any(|value| is_or_is_in(&path, value)) {
                continue;
            }
            let named = IMPURE.iter().find(|banned| is_or_is_in(&path, banned));
            findings.extend(named.map(|banned| {
                format!("{}:{line}: names {banned}; pure code takes values in", file.path)
            }));
        }
        for (line, code) in code_lines(file) {
            let named = IMPURE_WORDS.iter().find(|banned| has_word(code, banned));
            findings.extend(named.map(|banned| {
                format!("{}:{line}: mentions {banned}; pure code takes values in", file.path)
            }));
        }
    }
    findings
}

fn is_pure(path: &str) -> bool {
    let module = path.strip_suffix(".rs").unwrap_or(path);
    let is_of = |part: &str| module == part || module.starts_with(&format!("{part}/"));
    match module.strip_prefix("server/src/") {
        Some(inner) => {
            let part = inner.split('/').next().unwrap_or(inner);
            !SERVER_OUTSIDE.contains(&part)
        }
        None => PURE.into_iter().any(is_of),
    }
}

fn wrong_way_dependencies(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (part, unknown) in MUST_NOT_KNOW {
        for file in server_part(tree, part) {
            for (line, path) in paths(file) {
                let named =
                    unknown.iter().find(|name| is_or_is_in(&path, &format!("crate::{name}")));
                findings.extend(
                    named.map(|name| format!("{}:{line}: {part} must not know {name}", file.path)),
                );
            }
        }
    }
    findings
}

fn games_that_know_the_wire(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in server_part(tree, "game") {
        for (line, path) in paths(file) {
            let Some(name) = path.strip_prefix("gamekeeper_protocol::") else { continue };
            let first = name.split("::").next().unwrap_or(name);
            if !PROTOCOL_FOR_GAMES.contains(&first) {
                findings.push(format!("{}:{line}: a game must not know {name}", file.path));
            }
        }
    }
    findings
}

/// The files of one part of the server: `server/src/PART.rs` and all in `server/src/PART/`.
fn server_part<'a>(tree: &'a Tree, part: &str) -> impl Iterator<Item = &'a File> {
    let (file, folder) = (format!("server/src/{part}.rs"), format!("server/src/{part}/"));
    tree.ending(".rs").filter(move |f| f.path == file || f.path.starts_with(&folder))
}

fn is_or_is_in(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every path that the code of a file names, with its line: `use` trees flattened, and others.
fn paths(file: &File) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    let mut pending: Option<(usize, String)> = None;
    for (number, code) in code_lines(file) {
        let trimmed = code.trim();
        let start = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "]
            .iter()
            .find_map(|keyword| trimmed.strip_prefix(keyword));
        match (&mut pending, start) {
            (Some((_, tree)), _) => tree.push_str(trimmed),
            (None, Some(tree)) => pending = Some((number, tree.to_owned())),
            (None, None) => paths.extend(inline_paths(code).map(|path| (number, path))),
        }
        if let Some((first, tree)) = pending.take_if(|(_, tree)| tree.ends_with(';')) {
            let mut flat = Vec::new();
            flatten("", tree.trim_end_matches(';'), &mut flat);
            paths.extend(flat.into_iter().map(|path| (first, path)));
        }
    }
    paths
}

/// `a::{b, c::{d, e}}` becomes `a::b`, `a::c::d` and `a::c::e`.
fn flatten(prefix: &str, tree: &str, flat: &mut Vec<String>) {
    let tree = tree.trim().trim_start_matches("::");
    let Some((head, rest)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree).trim();
        let name = name.trim_end_matches("::self").trim_end_matches("::*");
        if name == "self" {
            flat.push(prefix.trim_end_matches("::").to_owned());
        } else if !name.is_empty() {
            flat.push(format!("{prefix}{name}"));
        }
        return;
    };
    let prefix = format!("{prefix}{}", head.trim());
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let mut depth = 0;
    let mut start = 0;
    for (index, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                flatten(&prefix, &inner[start..index], flat);
                start = index + 1;
            }
            _ => {}
        }
    }
    flatten(&prefix, &inner[start..], flat);
}

/// Paths such as `std::thread::spawn` in a line that is not an import.
fn inline_paths(code: &str) -> impl Iterator<Item = String> {
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    words.filter(|word| word.contains("::")).map(|word| word.trim_matches(':').to_owned())
}

#[test]
fn pure_parts_do_not_touch_the_outside_world() {
    expect_none(&impure(&Tree::load()));

    let bad = Tree::of(&[
        ("server/src/hub/mod.rs", "use std::{fmt, net::{SocketAddr, TcpStream}};\n"),
        ("server/src/room/mod.rs", "fn f() {\n    std::thread::spawn(g);\n}\n"),
        ("server/src/game/mod.rs", "use std::collections::{\n    BTreeMap,\n    HashMap,\n};\n"),
        ("server/src/client/mod.rs", "use mio::Token;\n// use mio::Token;\n"),
        ("server/src/frames.rs", "fn now() { Instant::now() }\n"),
        ("server/src/shell/mod.rs", "use mio::Token;\nuse std::net::TcpStream;\n"),
        ("server/src/config/mod.rs", "use std::{env, fs};\n"),
        ("protocol/src/frame.rs", "use std::env::args;\n"),
    ]);
    let expected = [
        "server/src/hub/mod.rs:1: names std::net",
        "server/src/hub/mod.rs:1: mentions TcpStream",
        "server/src/room/mod.rs:2: names std::thread",
        "server/src/game/mod.rs:1: names std::collections::HashMap",
        "server/src/game/mod.rs:3: mentions HashMap",
        "server/src/client/mod.rs:1: names mio",
        "server/src/frames.rs:1: mentions Instant::now",
        "protocol/src/frame.rs:1: names std::env",
    ];
    expect_found(&impure(&bad), &expected);
}

#[test]
fn layers_know_only_what_is_below_them() {
    expect_none(&wrong_way_dependencies(&Tree::load()));

    let bad = Tree::of(&[
        ("server/src/game/mod.rs", "use crate::{room::Room, time::Time};\n"),
        ("server/src/client/mod.rs", "fn f(r: &crate::room::Room) {}\n"),
        ("server/src/room.rs", "use crate::client;\n"),
        ("server/src/hub/mod.rs", "use crate::{client, room};\nuse crate::shell::Net;\n"),
        ("server/src/shell/mod.rs", "use crate::hub::Hub;\n"),
        ("server/src/web/request.rs", "use crate::admin::http;\n"),
    ]);
    let expected = [
        "game/mod.rs:1: game must not know room",
        "client/mod.rs:1: client must not know room",
        "room.rs:1: room must not know client",
        "hub/mod.rs:2: hub must not know shell",
        "request.rs:1: web must not know admin",
    ];
    expect_found(&wrong_way_dependencies(&bad), &expected);
}

#[test]
fn games_know_no_bytes_and_no_messages() {
    expect_none(&games_that_know_the_wire(&Tree::load()));

    let import =
        "use gamekeeper_protocol::{\n    PlayerId, games::arena::Input, ServerMessage,\n};\n";
    let inline = "fn f(x: gamekeeper_protocol::codec::Bytes<'_>) {}\n";
    let bad = Tree::of(&[
        ("server/src/game/arena/mod.rs", import),
        ("server/src/game/noughts.rs", inline),
        ("server/src/room/mod.rs", import),
    ]);
    let expected = ["arena/mod.rs:1: a game must not know Server", "noughts.rs:1: a game must not"];
    expect_found(&games_that_know_the_wire(&bad), &expected);
}
