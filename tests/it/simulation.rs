//! The simulation in small: some worlds of each kind, and the simulation itself.
//!
//! Many more worlds are played by `cargo run --release -p gamekeeper-tests --bin simulate`.

use std::path::Path;

use gamekeeper_tests::sim::{Plan, Report, clients::Kind, faults::Fault, mutants, run};

/// Seeds whose worlds showed a bug once, as (seed, turns). What is drawn has changed since, and
/// with it the worlds; each of these bugs has a test beside the code as well.
const PINNED: [(u64, u64); 16] = [
    // A reader that had stopped, and spoke now and then, was never found.
    (0, 2_000),
    (3, 2_000),
    // A pause of the server hid in a long sleep and cost somebody its connection.
    (12_657, 2_000),
    (72_654, 2_000),
    // A pause within a turn was forgiven to those who had been heard since.
    (10_918, 2_000),
    (1_403, 2_000),
    // A pause while nobody was connected cost somebody a held seat.
    (7_454, 2_000),
    (8_834, 2_000),
    // Deadlines were looked at before all was heard.
    (14_928, 2_000),
    (3_347, 2_000),
    // A ping that waited in the queue counted as put.
    (702_627, 2_000),
    (1_018_829, 2_000),
    (8_124, 2_000),
    // Who came back in a tick in which a lot happened was thrown out before anything was written.
    (6_455, 2_000),
    // Planted bugs that few other worlds show: a pause in a sleep, late timers.
    (1_545, 2_000),
    (484, 2_000),
];

fn expect_nothing(plan: &Plan) -> Report {
    let report = run(plan);
    let seed = plan.seed;
    assert!(report.findings.is_empty(), "seed {seed}, replay it: {:?}", report.findings);
    report
}

#[test]
fn worlds_that_showed_a_bug_do_not_any_more() {
    for (seed, turns) in PINNED {
        expect_nothing(&Plan::of(seed, turns));
    }
}

/// Enough worlds to find a gross mistake in a few seconds.
#[test]
fn a_few_worlds_show_nothing() {
    let mut departures = 0;
    for seed in 1_000_000..1_000_060 {
        departures += expect_nothing(&Plan::of(seed, 600)).departures;
    }
    assert!(departures > 300, "{departures} departures are too few to show anything");
}

/// Each kind of client alone, without faults: whatever it does, it is ended for what it did.
#[test]
fn every_kind_of_client_meets_its_reason() {
    let without = Fault::ALL.map(|(fault, ..)| fault).to_vec();
    for (kind, name) in Kind::ALL {
        let plan = Plan {
            kinds: vec![kind],
            without: without.clone(),
            clients: Some(3),
            stops: false,
            ..Plan::of(7, 800)
        };
        let report = expect_nothing(&plan);
        let leaves = report.departures > 0;
        let stays = [Kind::Honest, Kind::Laggard, Kind::Dribbler, Kind::Hesitator, Kind::Thief];
        assert_eq!(leaves, !stays.contains(&kind), "{name}: {report:?}");
    }
}

/// The bugs that `mutants` plants still fit to the server as it is.
#[test]
fn every_planted_bug_has_its_place() {
    let mutants = mutants::all();
    assert!(mutants.len() >= 20);
    for mutant in mutants {
        let text = std::fs::read_to_string(Path::new("..").join(mutant.file));
        let patched = mutant.apply(&text.expect("a file of the server")).expect("it fits");
        assert!(!patched.is_empty());
    }
}

/// A seed is a world, and nothing but a seed is: else no failure could be played again.
#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 0..20 {
        let plan = Plan { trace: true, ..Plan::of(seed, 400) };
        let [one, other] = [run(&plan), run(&plan)];
        assert_eq!((one.hash, one.turns, one.time), (other.hash, other.turns, other.time));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        let silent = run(&Plan::of(seed, 400));
        assert_eq!(silent.hash, one.hash, "looking at it changes nothing");
        assert_ne!(run(&Plan::of(seed + 1, 400)).hash, one.hash);
    }
}

/// Nobody is told anything else because of others: the first client hears the same whether or not
/// there are more, whatever kinds these are.
#[test]
fn nobody_is_told_anything_else_because_of_somebody_else() {
    let without: Vec<Fault> = Fault::ALL.map(|(fault, ..)| fault).to_vec();
    for seed in 0..60 {
        let alone = Plan {
            without: without.clone(),
            clients: Some(1),
            kinds: vec![Kind::Honest],
            room_size: Some(1),
            stops: false,
            transcript: true,
            ..Plan::of(seed, 500)
        };
        let others = Kind::ALL.map(|(kind, _)| kind).to_vec();
        let beside = Plan { clients: Some(4), kinds: others, ..alone.clone() };
        let beside = Plan { first_is_honest: true, ..beside };
        let (one, other) = (expect_nothing(&alone), expect_nothing(&beside));
        let length = one.transcript.len().min(other.transcript.len());
        assert!(length > 5, "seed {seed}: {length}");
        assert_eq!(one.transcript[..length], other.transcript[..length], "seed {seed}");
    }
}
