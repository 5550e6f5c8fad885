//! The numbers in `docs/protocol.md` are the numbers of the server and of the bots.
//!
//! Those of the wire format itself are checked by the protocol's own tests.

use std::{collections::BTreeMap, time::Duration};

use gamekeeper::limits::Limits;
use gamekeeper_bot::limits as bot;

const PROTOCOL_MD: &str = include_str!("../../docs/protocol.md");

/// The rows of the document's table whose first column has this title: name to number.
fn table(title: &str) -> BTreeMap<&'static str, u64> {
    let heading = format!("| {title} |");
    let rows = PROTOCOL_MD.lines().skip_while(|line| !line.starts_with(&heading)).skip(2);
    let row = |line: &'static str| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let name = cells.next().expect("a row has cells").trim_matches('`');
        let number = cells.next().expect("a row has a number").replace(',', "");
        (name, number.parse().expect("the second cell is a number"))
    };
    rows.take_while(|line| line.starts_with('|')).map(row).collect()
}

#[test]
fn the_documented_patience_of_the_server_is_its_default() {
    let documented = table("limit of the server");
    assert!(documented.len() >= 10, "{documented:?}");
    let mut limits = Limits::DEFAULT;
    for (name, number) in documented {
        assert_eq!(limits.by_name(name).copied(), Some(number), "{name}");
    }
}

#[test]
fn the_recommended_patience_of_a_client_is_that_of_the_bots() {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).expect("a short time");
    let expected = BTreeMap::from([
        ("connect, ms", ms(bot::CONNECT_TIMEOUT)),
        ("ping after, ms", ms(bot::PING_AFTER)),
        ("give up after, ms", ms(bot::SERVER_LOST_AFTER)),
    ]);
    assert_eq!(table("limit of the client"), expected);
}
