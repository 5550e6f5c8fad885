//! The client for browsers, tested by Node: `tests/javascript/` against `server/web/`.
//!
//! Those tests read the same examples as the Rust crates, from `docs/protocol.md`. What they mean,
//! and what the native client does after each goodbye, is written down here for them by the Rust
//! code itself, so that no value stands in two places.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use gamekeeper_bot::connection::Ended;
use gamekeeper_protocol::{
    ClientMessage, GoodbyeReason, LeaveCause, PROTOCOL_VERSION, ServerMessage, codec, games,
    limits, message::refused_version,
};
use gamekeeper_tests::skip;
use rand_core::Rng;
use rand_pcg::Pcg32;
use serde::Serialize;
use serde_json::{Value, json};

#[path = "../../protocol/tests/golden/document.rs"]
mod document;

use document::{Document, PROTOCOL_MD};

/// The oldest Node whose test runner these tests are tried with.
const NODE_MIN: u32 = 20;

/// How many damaged messages both sides are shown.
const DAMAGED: usize = 4_000;

#[test]
fn the_client_for_browsers_agrees_with_rust_and_passes_its_own_tests() {
    let Some(version) = node_version() else {
        return skip("the client for browsers: there is no node");
    };
    if version < NODE_MIN {
        return skip("the client for browsers: node is older than version 20");
    }
    let golden = GoldenFile::write();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root");
    let mut tests: Vec<_> = fs::read_dir(root.join("tests/javascript"))
        .expect("the tests are in the repository")
        .map(|entry| entry.expect("a folder of the repository can be read").path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    tests.sort();
    assert!(tests.len() >= 2, "{tests:?}");
    let output = Command::new("node")
        .args(["--test", "--test-reporter=tap"])
        .args(tests)
        .env("GOLDEN_VALUES", &golden.0)
        .output()
        .expect("node was there a moment ago");
    let report = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\n{errors}");
    assert!(report.contains("# skipped 0"), "nothing may be left out here:\n{report}");
}

/// The first part of Node's version, or nothing if there is no Node.
fn node_version() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// A file with what the examples mean, for as long as the test runs.
struct GoldenFile(PathBuf);

impl GoldenFile {
    fn write() -> Self {
        let values: Vec<_> = Document::parse(PROTOCOL_MD)
            .examples
            .iter()
            .filter_map(|(name, bytes)| {
                let (value, bytes) = (value(name, bytes)?, document::hex(bytes));
                Some(json!({ "name": name, "bytes": bytes, "value": value }))
            })
            .collect();
        assert!(values.len() > 30, "the document has examples: {values:?}");
        let golden = json!({ "values": values, "verdicts": verdicts(), "damaged": damaged() });
        let path = env::temp_dir().join(format!("gamekeeper-golden-{}.json", process::id()));
        fs::write(&path, golden.to_string()).expect("the temporary folder can be written to");
        Self(path)
    }
}

impl Drop for GoldenFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// What an example of the document means; nothing for games that the page does not play.
fn value(name: &str, bytes: &[u8]) -> Option<Value> {
    let message = bytes.get(limits::FRAME_HEADER_BYTES..).unwrap_or_default();
    match name.split('.').collect::<Vec<_>>()[..] {
        ["client", ..] => Some(json(ClientMessage::decode(message))),
        ["server", ..] => Some(json(ServerMessage::decode(message))),
        ["cause", ..] => Some(json(codec::decode_from_server::<LeaveCause>(bytes))),
        ["arena", "input", ..] => {
            Some(json(codec::decode_from_server::<games::arena::Input>(bytes)))
        }
        ["arena", "snapshot", ..] => {
            Some(json(codec::decode_from_server::<games::arena::Snapshot>(bytes)))
        }
        ["arena", "event", ..] => {
            Some(json(codec::decode_from_server::<games::arena::Event>(bytes)))
        }
        ["noughts" | "benchmark", ..] => None,
        _ => panic!("an example of an unknown kind: {name}"),
    }
}

fn json<T: Serialize, E: std::fmt::Debug>(decoded: Result<T, E>) -> Value {
    let value = decoded.expect("an example of the document decodes");
    serde_json::to_value(value).expect("messages can be written as JSON")
}

/// What the native client does after a goodbye with each reason, in the order of their numbers.
fn verdicts() -> Vec<Value> {
    let reasons = (0..=250_u8).map_while(|number| {
        let with_field = |bytes: &[u8]| codec::decode_from_server::<GoodbyeReason>(bytes).ok();
        with_field(&[number]).or_else(|| with_field(&[number, 1]))
    });
    let verdict = |reason: GoodbyeReason| {
        let name = format!("{reason:?}");
        let name = name.split(' ').next().expect("a split gives one part at least").to_owned();
        let ended = Ended::Goodbye { reason, text: String::new() };
        let (retry, keeps_seat) = (ended.is_worth_a_retry(), ended.keeps_seat());
        json!({ "reason": name, "retry": retry, "keepsSeat": keeps_seat })
    };
    reasons.map(verdict).collect()
}

/// Messages of a server with a little damage: the bytes, and what Rust makes of them, if anything.
fn damaged() -> Vec<Value> {
    let document = Document::parse(PROTOCOL_MD);
    let of_server = document.examples.iter().filter(|(name, _)| name.starts_with("server."));
    let messages: Vec<_> =
        of_server.map(|(_, bytes)| &bytes[limits::FRAME_HEADER_BYTES..]).collect();
    let mut random = Pcg32::new(1, 0);
    let mut damage = |index: usize| {
        let mut bytes = messages[index % messages.len()].to_vec();
        for _ in 0..1 + random.next_u32() % 2 {
            damage_once(&mut bytes, &mut random);
        }
        let meaning = ServerMessage::decode(&bytes).ok().map(|message| json::<_, ()>(Ok(message)));
        let of_other_version =
            refused_version(&bytes).filter(|version| *version != PROTOCOL_VERSION);
        json!({ "bytes": document::hex(&bytes), "value": meaning, "version": of_other_version })
    };
    (0..DAMAGED).map(&mut damage).collect()
}

/// Changes, removes, adds or widens a byte, or cuts the end off.
fn damage_once(bytes: &mut Vec<u8>, random: &mut Pcg32) {
    let at = random.next_u32() as usize % bytes.len().max(1);
    let any = random.next_u32().to_le_bytes()[0];
    match random.next_u32() % 6 {
        _ if bytes.is_empty() => bytes.push(any),
        0 => bytes[at] = any,
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, any),
        3 => bytes.truncate(at),
        // The same number in a longer form, which is right in some places and wrong in others.
        4 => drop(bytes.splice(at..=at, [251, bytes[at], 0])),
        _ => drop(bytes.splice(at..=at, [252, bytes[at], 0, 0, 0])),
    }
}
