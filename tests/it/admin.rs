//! The admin listener: what it answers, and that it cannot harm the games.

use std::{io::Write as _, net::TcpStream};

use gamekeeper_tests::{player::Player, program::ServerProgram};

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

fn join(server: &ServerProgram, name: &str) -> Player {
    let mut player = Player::connect(server.address);
    player.hello("", name);
    player.listen_until("the player is welcome", |player| player.try_welcome().is_some());
    player
}

#[test]
fn every_path_answers() {
    let server = ServerProgram::start(SERVER, &["--room-size", "2"]);
    let _players = [join(&server, "ada"), join(&server, "bob"), join(&server, "eve")];
    assert_eq!(server.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(server.get("/readyz"), (200, "ready\n".to_owned()));
    let rooms: serde_json::Value = serde_json::from_str(&server.get("/api/rooms").1).expect("JSON");
    let players: Vec<_> =
        rooms.as_array().expect("a list").iter().map(|room| &room["players"]).collect();
    assert_eq!(players, [2, 1], "rooms are filled up before another is opened");
    let stats = server.stats();
    assert_eq!((&stats["players"], &stats["rooms"]), (&3.into(), &2.into()));
    assert_eq!(stats["ledger_balanced"], true);
    let (status, body) = server.get("/nope");
    assert_eq!(status, 404);
    assert!(body.contains("/api/stats"), "says what there is");
}

/// What is between two looks is the difference of their buckets.
#[test]
fn the_statistics_have_the_buckets_of_the_ticks() {
    let server = ServerProgram::start(SERVER, &[]);
    let _player = join(&server, "ada");
    let stats = server.stats();
    for histogram in ["tick_seconds_buckets", "tick_late_seconds_buckets"] {
        let buckets = stats[histogram].as_array().expect("a list");
        let ends = buckets.iter().map(|bucket| bucket[0].as_f64());
        let counts = buckets.iter().map(|bucket| bucket[1].as_u64().expect("a count"));
        let (ends, counts): (Vec<_>, Vec<_>) = (ends.collect(), counts.collect());
        let (last, others) = ends.split_last().expect("buckets");
        assert!(last.is_none() && others.is_sorted_by(|a, b| a.is_some() && a < b), "{ends:?}");
        assert!(counts.is_sorted(), "each has those of the ones before: {counts:?}");
        assert_eq!(counts.last(), stats["ticks_total"].as_u64().as_ref(), "the last has all");
    }
}

/// The names that dashboards rely on.
#[test]
fn the_metrics_have_their_names() {
    let server = ServerProgram::start(SERVER, &[]);
    let _player = join(&server, "ada");
    let (status, body) = server.get("/metrics");
    assert_eq!(status, 200);
    let names = [
        "gamekeeper_connections{state=\"playing\"} 1\n",
        "gamekeeper_leaves_total{reason=\"fin\",path=\"event\"} 0\n",
        "gamekeeper_players 1\n",
        "gamekeeper_rooms 1\n",
        "gamekeeper_ticks_total ",
        "gamekeeper_tick_seconds_bucket{le=\"+Inf\"} ",
        "gamekeeper_tick_late_seconds_count ",
        "gamekeeper_bytes_total{direction=\"in\"} ",
        "gamekeeper_snapshots_skipped_total ",
        "gamekeeper_accept_total{outcome=\"ok\"} 1\n",
        "gamekeeper_events_stale_total ",
        "gamekeeper_open_fds ",
        "gamekeeper_ledger_balanced 1\n",
    ];
    for name in names {
        assert!(body.contains(name), "{name:?} is not in the metrics");
    }
}

/// Visitors that never finish their request hold every admin seat until their deadline; the game
/// does not notice, and the next operator is served.
#[test]
fn visitors_that_dawdle_disturb_nobody() {
    let server = ServerProgram::start(SERVER, &["--admin-timeout-ms", "300"]);
    let mut player = join(&server, "ada");
    let mut dawdlers = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(server.admin).expect("the backlog is long");
        stream.write_all(b"GET /api/st").expect("a few bytes");
        dawdlers.push(stream);
    }
    assert_eq!(server.get("/healthz").0, 200, "served once the others' time is up");
    player.listen();
    let ticks = player.ticks();
    assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "every tick: {ticks:?}");
    assert_eq!(player.end, None);
}
