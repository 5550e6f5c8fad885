//! `/api/departures`: all who leave, in order and without a gap, for whoever keeps a ledger.

use gamekeeper_tests::{player::Player, program::ServerProgram};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

fn ask(server: &ServerProgram, query: &str) -> Value {
    let (status, body) = server.get(&format!("/api/departures{query}"));
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

fn numbers(page: &Value) -> Vec<u64> {
    let entries = page["departures"].as_array().expect("a list");
    entries.iter().map(|entry| entry["number"].as_u64().expect("a number")).collect()
}

/// Five players leave one after the other, each before the next one comes.
fn five_leave(server: &ServerProgram) {
    for number in 1..=5 {
        let mut player = Player::connect(server.address);
        player.hello("", "ada");
        player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
        if number == 2 {
            player.send(&[0, 0, 0, 0]);
            player.listen_until("the player has to go", |player| player.goodbye().is_some());
        }
        drop(player);
        server.stats_until("the player has left", |stats| {
            let leaves = stats["leaves"].as_array().expect("a list").iter();
            leaves.map(|leave| leave["count"].as_u64().expect("a number")).sum::<u64>() == number
        });
    }
}

#[test]
fn every_departure_is_in_the_ledger_once_and_in_order() {
    let server = ServerProgram::start(SERVER, &["--resume-window-ms", "0"]);
    assert_eq!(ask(&server, "")["next"], 0);
    five_leave(&server);
    let all = ask(&server, "");
    assert_eq!((numbers(&all), &all["next"]), (vec![1, 2, 3, 4, 5], &5.into()));
    assert_eq!((&all["total"], &all["forgotten"]), (&5.into(), &0.into()));
    let first = ask(&server, "?limit=2");
    assert_eq!((numbers(&first), &first["next"]), (vec![1, 2], &2.into()));
    let next = ask(&server, "?after=2&limit=2");
    assert_eq!((numbers(&next), &next["next"]), (vec![3, 4], &4.into()));
    let end = ask(&server, "?after=5");
    assert_eq!((numbers(&end).len(), &end["next"]), (0, &5.into()));
    let reasons: Vec<_> = all["departures"].as_array().expect("a list").iter().collect();
    assert_eq!(reasons[1]["reason"], "protocol", "{}", reasons[1]);
    assert!(reasons[0]["address"].as_str().is_some_and(|from| from.starts_with("127.0.0.1:")));
    assert_eq!(reasons[4]["player"], 5);
    let times: Vec<_> = reasons.iter().map(|entry| entry["left_at_ns"].as_u64()).collect();
    assert!(times.is_sorted() && times[4] <= all["now_ns"].as_u64(), "{times:?}");
}

/// What is not kept is not passed over in silence.
#[test]
fn a_ledger_that_is_read_too_seldom_says_what_is_missing() {
    let args = ["--resume-window-ms", "0", "--departures-kept-max", "3"];
    let server = ServerProgram::start(SERVER, &args);
    five_leave(&server);
    let all = ask(&server, "");
    assert_eq!((numbers(&all), &all["forgotten"]), (vec![3, 4, 5], &2.into()));
    let late = ask(&server, "?after=1");
    assert_eq!((numbers(&late), &late["forgotten"]), (vec![3, 4, 5], &1.into()));
    let in_time = ask(&server, "?after=3");
    assert_eq!((numbers(&in_time), &in_time["forgotten"]), (vec![4, 5], &0.into()));
}

#[test]
fn what_cannot_be_meant_is_said() {
    let server = ServerProgram::start(SERVER, &["--departures-kept-max", "0"]);
    for (query, hint) in [
        ("?after=-1", "the number of a departure"),
        ("?after=18446744073709551615", "the number of a departure"),
        ("?limit=0", "1 to 1000"),
        ("?reason=fin", "there is no parameter"),
    ] {
        let (status, body) = server.get(&format!("/api/departures{query}"));
        assert_eq!(status, 400, "{query}");
        assert!(body.contains(hint) && body.contains("accepted are"), "{query}: {body}");
    }
    five_leave(&server);
    assert_eq!(ask(&server, "")["forgotten"], 5, "nothing is kept here");
}
