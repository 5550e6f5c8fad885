//! Plans of made-up scenarios.

use gamekeeper_bot::{
    departure::{PlayerState, Transport},
    privilege::Privilege,
};

use super::*;
use crate::{
    mix::DepartureMix,
    scenario::{Fault, Quick, Resume, Stage, file, values::Rate},
};

fn means() -> Means {
    Means::all(Transport::Tcp)
}

fn quick() -> Quick {
    Quick {
        game: String::new(),
        bots: 500,
        duration: Duration::from_secs(20),
        churn_per_second: 50.0,
        mix: DepartureMix::default(),
        resume_share: 0.25,
        input_hz: 20,
    }
}

fn plan(quick: &Quick, seed: u64) -> Plan {
    Plan::new(&quick.scenario(), seed, &means())
}

fn departures(plan: &Plan) -> Vec<PlannedDeparture> {
    plan.departures().copied().collect()
}

/// Follows a plan and finds that each bot leaves only when it is there, in the way that its plan
/// says. Yields how many play in the end, controls included.
fn follow(plan: &Plan) -> usize {
    let plain = |bot: &BotPlan| bot.manner == Manner::Plain;
    // The plan of each bot's present connection, and from when on it is surely there.
    let mut there: Vec<Option<(BotPlan, Duration)>> =
        plan.bots[..plan.initial as usize].iter().map(|bot| Some((*bot, Duration::ZERO))).collect();
    assert!(plan.steps.is_sorted_by_key(Step::at));
    for step in &plan.steps {
        let planned = match step {
            Step::Join { at, bot } => {
                assert_eq!(*bot as usize, there.len(), "bots come in the order of their numbers");
                there.push(Some((plan.bots[*bot as usize], *at + PLAYS_AT_LEAST)));
                continue;
            }
            Step::Leave(planned) => planned,
        };
        let bot = planned.bot as usize;
        if planned.state == PlayerState::Lobby {
            assert_eq!(bot, there.len(), "a stranger comes to leave");
            let known = plan.bots[bot];
            assert_eq!((known.departure, known.state), (Some(planned.departure), planned.state));
            there.push(None);
            continue;
        }
        let (known, from) = there[bot].take().expect("it is there");
        assert!(plain(&known), "controls stay");
        assert_eq!((known.departure, known.state), (Some(planned.departure), planned.state));
        assert!(planned.at >= from, "bot {bot} is not there yet");
        if let Some(comeback) = planned.comeback {
            assert!(planned.departure.holds_seat(planned.state));
            let stays = if planned.returns_to_play() { PLAYS_AT_LEAST } else { Duration::ZERO };
            there[bot] = Some((comeback.plan, planned.at + comeback.after + stays));
        }
    }
    assert_eq!(there.len(), plan.bots.len());
    let stay: Vec<BotPlan> = there.into_iter().flatten().map(|(known, _)| known).collect();
    assert!(stay.iter().all(|known| known.departure.is_none()));
    stay.len()
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    assert_eq!(plan(&quick(), 1), plan(&quick(), 1));
    let other = plan(&quick(), 2);
    assert_ne!(plan(&quick(), 1).steps, other.steps);
    assert_ne!(plan(&quick(), 1).frauds, other.frauds);
}

#[test]
fn every_departure_is_possible_and_followed_by_somebody() {
    let plan = plan(&quick(), 1);
    assert_eq!(plan.departures_count(), 1000);
    assert!(plan.departures().all(|planned| planned.at < Duration::from_secs(20)));
    assert_eq!(follow(&plan), 500, "as many stay as there were");
    assert_eq!(plan.bots.len() as u64, 1500 - plan.returns());
    assert_eq!(plan.departures_by_kind().len(), Departure::ALL.len(), "every kind occurs");
    assert_eq!(plan.departures_by_kind().values().sum::<u64>(), 1000);
}

#[test]
fn without_churn_nobody_leaves_and_impossible_churn_is_cut() {
    let calm = plan(&Quick { churn_per_second: 0.0, ..quick() }, 1);
    assert!(calm.steps.is_empty() && calm.frauds.is_empty());
    let wild = plan(&Quick { bots: 1, churn_per_second: 1000.0, ..quick() }, 1);
    assert!(wild.departures_count() <= 41, "one bot can leave twice a second at most");
    assert!(wild.departures_count() > 0);
    assert_eq!(wild.departures_count() + wild.unplaced, 20_000);
    assert_eq!((calm.unplaced, plan(&quick(), 1).unplaced), (0, 0));
}

const ALL_SORTS: &str = r#"
    [load]
    bots = 100
    stages = [{ hold = "5s" }, { ramp = "5s", to = 150 }, { ramp = "5s", to = 50 }, { hold = "5s" }]
    [[fault]]
    causes = "close,freeze"
    rate = "4/s"
    state = ["match", "mid-frame", "lobby", "resume-window"]
    resume = "50%"
    [[mass]]
    at = "8s"
    amount = "50%"
    causes = "reset,vanish"
    resume = "50%"
    [[control]]
    manner = "slicer"
    bots = 7
    [[control]]
    manner = "loss"
    bots = 3
"#;

#[test]
fn stages_masses_and_states_fit_together() {
    let text = ALL_SORTS.replace("close,freeze", "close").replace("\"lobby\", ", "");
    let scenario = file::read(&text).expect("a scenario");
    let plan = Plan::new(&scenario, 1, &means());
    assert_eq!((plan.initial, plan.unplaced), (110, 0));
    assert_eq!(follow(&plan), 60, "50 and the controls");
    let mass: Vec<_> = plan.departures().filter(|it| it.mass == Some(0)).collect();
    assert!((50..=80).contains(&mass.len()), "half of those there: {}", mass.len());
    assert!(mass.iter().all(|it| it.at == Duration::from_secs(8)));
    let shrinking = plan.departures().filter(|it| it.departure == Departure::Goodbye);
    assert_eq!(shrinking.count(), 100);
    let controls: Vec<usize> =
        (0..110).filter(|bot| plan.bots[*bot].manner != Manner::Plain).collect();
    assert_eq!(controls.len(), 10);
    assert!(controls.windows(2).all(|pair| pair[1] - pair[0] > 5), "spread: {controls:?}");
}

/// Half of these are strangers, who neither have a seat nor take one.
#[test]
fn strangers_come_and_go_beside_the_players() {
    let text = ALL_SORTS.replace("\"mid-frame\", ", "").replace(", \"resume-window\"", "");
    let plan = Plan::new(&file::read(&text).expect("a scenario"), 1, &means());
    let strangers = plan.bots.iter().filter(|bot| bot.state == PlayerState::Lobby).count();
    assert!((25..55).contains(&strangers), "{strangers}");
    assert_eq!(plan.players() + strangers as u64, plan.bots.len() as u64);
    assert_eq!(follow(&plan), 60);
}

#[test]
fn what_cannot_be_done_here_is_left_out_and_changes_nothing_else() {
    let scenario = file::read(&ALL_SORTS.replace("close,freeze", "close,reset"));
    let scenario = scenario.expect("a scenario");
    let all = Plan::new(&scenario, 1, &means());
    let some = Plan::new(&scenario, 1, &means().without(Privilege::NetAdmin, "no blessing"));
    let (vanished, why) = &some.not_run[&Departure::Vanish];
    assert_eq!(why, "no blessing");
    let by_kind = all.departures_by_kind();
    assert_eq!(*vanished, by_kind[&(Departure::Vanish, PlayerState::Match)]);
    assert_eq!(some.controls_not_run[&Manner::Loss], (3, "no blessing".to_owned()));
    assert!(!some.departures_by_kind().contains_key(&(Departure::Vanish, PlayerState::Match)));
    let of_the_fault = |plan: &Plan| -> Vec<(Duration, Departure)> {
        let of_fault = plan.departures().filter(|it| {
            it.mass.is_none() && it.departure != Departure::Goodbye && it.comeback.is_none()
        });
        of_fault.map(|it| (it.at, it.departure)).take(10).collect()
    };
    assert_eq!(of_the_fault(&all), of_the_fault(&some));
}

/// Each fault has random numbers of its own.
#[test]
fn another_fault_does_not_change_when_and_how_the_first_happens() {
    let mut scenario = quick().scenario();
    let times = |plan: &Plan, departures: &[Departure]| -> Vec<(Duration, Departure)> {
        let of_first = plan.departures().filter(|it| departures.contains(&it.departure));
        of_first.map(|it| (it.at, it.departure)).collect()
    };
    scenario.faults[0].causes = "close,reset".parse().expect("a mix");
    let kinds = [Departure::Close, Departure::Reset];
    let alone = times(&Plan::new(&scenario, 1, &means()), &kinds);
    scenario.faults.push(Fault {
        causes: "garbage".parse().expect("a mix"),
        rate: Rate::PerSecond(20.0),
        during: None,
        states: vec![PlayerState::Match],
        resume: Resume::usual(0.0),
    });
    scenario.stages = vec![
        Stage { to: 500, takes: Duration::from_secs(10) },
        Stage { to: 600, takes: Duration::from_secs(10) },
    ];
    let together = Plan::new(&scenario, 1, &means());
    assert_eq!(times(&together, &kinds), alone);
    assert_eq!(times(&together, &[Departure::Garbage]).len(), 400);
}

#[test]
fn a_plan_can_be_printed() {
    let plan = Plan::new(
        &file::read(ALL_SORTS.replace("freeze", "reset").as_str()).expect("a scenario"),
        1,
        &means(),
    );
    let lines = lines::lines(&plan);
    assert_eq!(lines.len(), plan.steps.len() + plan.frauds.len());
    assert!(lines.is_sorted_by(|a, b| a.at_seconds <= b.at_seconds));
    let json = serde_json::to_string(&lines[0]).expect("JSON");
    assert!(json.contains("\"step\":") && !json.contains("null"), "{json}");
    assert_eq!(departures(&plan).len(), lines.iter().filter(|it| it.step == "leave").count());
}
