//! Bots with every bad manner against the server as its users start it: none is thrown out, and
//! none loses its seat. The server has its usual limits.

use std::{thread, time::Duration};

use gamekeeper_bot::{
    clock::Moment,
    departure::Transport,
    fleet::{BotPlan, End, Endpoint, Fleet, FleetConfig, FleetStats},
    manner::Manner,
};
use gamekeeper_tests::{program::ServerProgram, skip};

const SERVER: &str = env!("CARGO_BIN_EXE_server-under-test");

/// Twice the server's patience with silence, and longer than from one blip to the next.
const LONG_ENOUGH: Duration = Duration::from_secs(20);

/// Bots of each manner.
const EACH: usize = 2;

/// What came of bots of one manner.
struct Outcome {
    manner: Manner,
    playing: usize,
    ends: Vec<End>,
    stats: FleetStats,
}

fn play(manner: Manner, endpoint: Endpoint, websocket: bool) -> Outcome {
    let name_prefix = manner.name().to_owned();
    let game = "benchmark".to_owned();
    let config = FleetConfig { game, name_prefix, ..FleetConfig::new(endpoint) };
    let mut fleet = Fleet::new(config).expect("a fleet");
    for _ in 0..EACH {
        fleet.spawn(BotPlan { manner, websocket, ..BotPlan::default() });
    }
    let end = Moment::now() + LONG_ENOUGH;
    while Moment::now() < end {
        fleet.turn(end).expect("the poll works");
    }
    Outcome { manner, playing: fleet.playing(), ends: fleet.take_ends(), stats: fleet.take_stats() }
}

/// What shows that a bot has behaved as its manner says, and not like all the others.
fn has_behaved_so(manner: Manner, stats: &FleetStats, websocket: bool) -> bool {
    let seen = &stats.everyone;
    let gap = seen.interval.max().unwrap_or_default();
    match manner {
        Manner::Plain => stats.survivors.snapshots > 0 && stats.inputs > 0,
        Manner::Slicer => stats.sends == stats.sent_bytes && stats.inputs > 0,
        // The hello, and two answers for each of two silences, perhaps of a third; and a browser's
        // request.
        Manner::LatePong => {
            let sends = stats.sends / EACH as u64 - u64::from(websocket);
            stats.inputs == 0 && (2..=7).contains(&sends)
        }
        Manner::PauseReading => gap >= Duration::from_millis(400) && stats.inputs > 0,
        Manner::SlowReader => seen.missed_ticks > 0 && seen.snapshots > 0,
        Manner::Idle => stats.inputs == 0 && stats.sends > 2 * EACH as u64,
        // The byte is out of the stream; a test of the fleet receives it.
        Manner::Urgent => stats.inputs > 0,
        Manner::Blip => gap >= Duration::from_millis(900),
        Manner::Loss => gap >= Duration::from_millis(150),
    }
}

#[track_caller]
fn nobody_is_thrown_out(
    server: &ServerProgram,
    endpoint: &Endpoint,
    manners: &[Manner],
    websocket: bool,
) {
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let play = |manner| scope.spawn(move || play(manner, endpoint.clone(), websocket));
        let threads: Vec<_> = manners.iter().copied().map(play).collect();
        threads.into_iter().map(|thread| thread.join().expect("it has played")).collect()
    });
    let (_, ledger) = server.get("/api/departures");
    for Outcome { manner, playing, ends, stats } in outcomes {
        assert!(ends.is_empty() && playing == EACH, "{manner}: {ends:?} {ledger}");
        assert!(has_behaved_so(manner, &stats, websocket), "{manner}: {stats:#?}");
        assert_eq!(stats.survivors.snapshots > 0, manner == Manner::Plain, "{manner}");
        assert_eq!((stats.joins, stats.resumes), (EACH as u64, 0), "{manner}");
    }
    let ledger: serde_json::Value = serde_json::from_str(&ledger).expect("JSON");
    // When its fleet was dropped, a bot closed its socket.
    let evicted = ledger["departures"].as_array().expect("a list").iter();
    let evicted: Vec<_> =
        evicted.filter(|line| line["reason"] != "fin" && line["reason"] != "reset").collect();
    assert!(evicted.is_empty(), "{evicted:#?}");
}

/// Every manner that is allowed here; of the others it says why not.
fn manners_allowed() -> Vec<Manner> {
    let mut manners = Manner::ALL.to_vec();
    manners.retain(|manner| {
        let allowed = manner.needs().map_or(Ok(()), |privilege| privilege.probe());
        if let Err(why) = &allowed {
            skip(&format!("bots of the manner {manner}: {why}"));
        }
        allowed.is_ok()
    });
    manners
}

#[test]
fn nobody_is_thrown_out_for_bad_manners() {
    let server = ServerProgram::start(SERVER, &["--game", "benchmark"]);
    let endpoint = Endpoint::Tcp(server.address);
    nobody_is_thrown_out(&server, &endpoint, &manners_allowed(), false);
}

#[test]
fn nor_over_a_websocket() {
    let server = ServerProgram::start(SERVER, &["--game", "benchmark"]);
    let endpoint = Endpoint::Tcp(server.address);
    nobody_is_thrown_out(&server, &endpoint, &manners_allowed(), true);
}

#[test]
fn nor_over_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("gamekeeper-manners-{}.sock", std::process::id()));
    let listen = format!("unix:{}", path.display());
    let server = ServerProgram::start(SERVER, &["--game", "benchmark", "--listen", &listen]);
    let manners = Manner::ALL.into_iter();
    let manners: Vec<Manner> =
        manners.filter(|manner| manner.can_happen_on(Transport::Unix)).collect();
    nobody_is_thrown_out(&server, &Endpoint::Unix(path), &manners, false);
}
