//! Plans of made-up scenarios.

use gamekeeper_bot::{
    departure::{PlayerState, Transport},
    privilege::Privilege,
    transport::TransportMix,
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
        transport: TransportMix::Tcp,
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
    let kinds = Departure::ALL.into_iter().filter(|departure| !departure.needs_websocket());
    assert_eq!(plan.departures_by_kind().len(), kinds.count(), "every kind occurs");
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

/// What happens to somebody, whoever it is.
type Happening = (Duration, Departure, PlayerState, Option<(Duration, bool)>, Option<usize>);

fn happening(it: &PlannedDeparture) -> Happening {
    let comeback = it.comeback.map(|comeback| (comeback.after, comeback.takes_over));
    (it.at, it.departure, it.state, comeback, it.mass)
}

/// With whatever follows from it: nothing else happens at another time, in another way, or to
/// somebody else.
#[test]
fn what_cannot_be_done_here_is_left_out_and_changes_nothing_else() {
    let scenario = file::read(&ALL_SORTS.replace("close,freeze", "close,vanish"));
    let scenario = scenario.expect("a scenario");
    for seed in 1..20 {
        let all = Plan::new(&scenario, seed, &means());
        let some = Plan::new(&scenario, seed, &means().without(Privilege::NetAdmin, "no blessing"));
        let vanish = |it: &&PlannedDeparture| it.departure == Departure::Vanish;
        let vanished = all.departures().filter(vanish).count() as u64;
        assert!(vanished > 30, "{vanished}");
        assert_eq!(some.not_run[&Departure::Vanish], (vanished, "no blessing".to_owned()));
        let possible = |it: &&PlannedDeparture| {
            let then = it.comeback.map(|comeback| comeback.plan);
            let then = then.filter(|plan| plan.state == PlayerState::ResumeWindow);
            let then = then.and_then(|plan| plan.departure);
            it.departure != Departure::Vanish && then != Some(Departure::Vanish)
        };
        let expected: Vec<&PlannedDeparture> = all.departures().filter(possible).collect();
        let happenings = |of: &[PlannedDeparture]| of.iter().map(happening).collect::<Vec<_>>();
        let kept = departures(&some);
        assert_eq!(happenings(&kept), expected.iter().map(|it| happening(it)).collect::<Vec<_>>());
        // Two departures of one bot are still two departures of one bot.
        let mut who = BTreeMap::new();
        for (was, is) in expected.iter().zip(&kept) {
            assert_eq!(*who.entry(was.bot).or_insert(is.bot), is.bot, "bot {}", was.bot);
        }
        assert_eq!((follow(&some), some.unplaced), (follow(&all), all.unplaced));
    }
}

/// A ticket that a departure makes bad is not bad without it.
#[test]
fn no_bad_ticket_is_left_of_a_departure_that_is_left_out() {
    let (mut left, mut gone) = (0, 0);
    for seed in 1..20 {
        let scenario = quick().scenario();
        let all = Plan::new(&scenario, seed, &means());
        let some = Plan::new(&scenario, seed, &means().without(Privilege::NetAdmin, "no"));
        let bad: Vec<_> = all.frauds.iter().map(|it| (it.from, it.fault)).collect();
        for fraud in &some.frauds {
            assert!(bad.contains(&(fraud.from, fraud.fault)), "the same as everywhere");
            let made = |it: &PlannedDeparture| (it.bot, it.at) == (fraud.bot, fraud.from);
            let is_made = matches!(fraud.fault, TicketFault::Replayed | TicketFault::Expired);
            assert!(!is_made || some.departures().any(made), "{fraud:?}");
        }
        left += some.frauds.len();
        gone += all.frauds.len() - some.frauds.len();
    }
    assert!(left > gone && gone > 0, "{left} {gone}");
}

#[test]
fn a_control_that_cannot_be_is_an_ordinary_bot_and_moves_nobody() {
    let scenario = file::read(&ALL_SORTS.replace("close,freeze", "close")).expect("a scenario");
    let scenario = Scenario { masses: Vec::new(), ..scenario };
    let all = Plan::new(&scenario, 1, &means());
    let some = Plan::new(&scenario, 1, &means().without(Privilege::NetAdmin, "no blessing"));
    assert_eq!((&some.steps, &some.frauds, some.initial), (&all.steps, &all.frauds, all.initial));
    assert_eq!(some.controls_not_run[&Manner::Loss], (3, "no blessing".to_owned()));
    assert_eq!(some.controls_by_manner(), BTreeMap::from([(Manner::Slicer, 7)]));
}

/// Over a Unix socket the server's line names neither an address nor, of a stranger, a player.
#[test]
fn nobody_leaves_from_the_lobby_where_nobody_can_say_what_became_of_it() {
    let scenario = file::read(&ALL_SORTS.replace("close,freeze", "close")).expect("a scenario");
    let unix = Plan::new(&scenario, 1, &Means::all(Transport::Unix));
    let strangers =
        |plan: &Plan| plan.departures().filter(|it| it.state == PlayerState::Lobby).count() as u64;
    let tcp = Plan::new(&scenario, 1, &means());
    assert!(strangers(&tcp) > 5);
    assert_eq!(strangers(&unix), 0);
    let (count, why) = &unix.not_run[&Departure::Close];
    assert_eq!(*count, strangers(&tcp));
    assert!(why.contains("neither an address nor a player"), "{why}");
    assert_eq!(unix.players() as usize, unix.bots.len());
    assert_eq!(follow(&unix), 60);
}

/// Returns and bad tickets of a whole run are not there at the same time.
#[test]
fn connections_are_bounded_by_those_who_play() {
    let long =
        Quick { bots: 20, duration: Duration::from_secs(600), churn_per_second: 4.0, ..quick() };
    let plan = plan(&long, 1);
    assert!(plan.returns() > 200 && plan.frauds.len() > 20);
    assert_eq!(plan.connections_max(20), 60);
    let calm = Quick { churn_per_second: 0.1, duration: Duration::from_secs(20), ..quick() };
    let calm = Plan::new(&calm.scenario(), 1, &means());
    assert!(calm.connections_max(500) < 510, "{}", calm.connections_max(500));
}

#[test]
fn a_mass_event_of_everybody_is_of_each_of_them_once() {
    let scenario = file::read(
        "[load]\nbots = 20000\nduration = \"5s\"\n\
         [[mass]]\nat = \"1s\"\namount = \"100%\"\ncauses = \"close\"",
    );
    let plan = Plan::new(&scenario.expect("a scenario"), 1, &means());
    let mut bots: Vec<u32> = plan.departures().map(|it| it.bot).collect();
    bots.sort_unstable();
    assert!(bots.into_iter().eq(0..20_000));
}

/// Each stage has random numbers of its own.
#[test]
fn each_stage_draws_who_leaves_from_numbers_of_its_own() {
    let shrinking = |before: &[Stage]| {
        let quick = Quick { churn_per_second: 0.0, ..quick() };
        let mut scenario = quick.scenario();
        let takes = Duration::from_secs(5);
        scenario.stages = [before, &[Stage { to: 400, takes }]].concat();
        let plan = Plan::new(&scenario, 1, &means());
        plan.departures().map(|it| it.bot).collect::<Vec<_>>()
    };
    let hold = Stage { to: 500, takes: Duration::from_secs(5) };
    assert_eq!(shrinking(&[]).len(), 100);
    assert_ne!(shrinking(&[]), shrinking(&[hold]), "the second stage has other numbers");
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

/// In a mixed run half of the bots are browsers, also when they are back; and nobody else closes a
/// WebSocket. Who has none stays, and that is reported.
#[test]
fn only_browsers_do_what_only_browsers_can() {
    let browsers = |transport| {
        let plan = plan(&Quick { transport, ..quick() }, 1);
        follow(&plan);
        assert!(plan.not_run.is_empty() && plan.unplaced == 0, "{:?}", plan.not_run);
        for planned in plan.departures() {
            let websocket = plan.bots[planned.bot as usize].websocket;
            let back = planned.comeback.map(|comeback| comeback.plan.websocket);
            assert!(back.is_none_or(|back| back == websocket));
            let possible =
                planned.departure.can_happen_in(planned.state, Transport::Tcp.spoken(websocket));
            assert!(possible, "{planned:?}");
        }
        let closed = plan.departures().filter(|it| it.departure == Departure::WsClose).count();
        let web = plan.bots.iter().filter(|bot| bot.websocket).count();
        for line in lines::lines(&plan) {
            assert_eq!(line.websocket, plan.bots[line.bot as usize].websocket, "{line:?}");
        }
        let bots = plan.bots.len();
        ((web * 20 + bots / 2) / bots * 5, closed > 50)
    };
    assert_eq!(browsers(TransportMix::Tcp), (0, false));
    assert_eq!(browsers(TransportMix::Ws), (100, true));
    assert_eq!(browsers(TransportMix::Mixed), (50, true));
}

#[test]
fn what_only_browsers_can_do_is_left_out_where_there_are_none() {
    let mix = "ws-close,close".parse().expect("a mix");
    let plan = plan(&Quick { mix, ..quick() }, 1);
    follow(&plan);
    let (count, why) = &plan.not_run[&Departure::WsClose];
    assert_eq!(count + plan.departures_count(), 1000);
    assert_eq!((plan.unplaced, &why[..]), (0, "cannot be done over this transport"));
    // A mass takes whoever is there: those who have no WebSocket leave in another way.
    let text = ALL_SORTS
        .replace("close,freeze", "close")
        .replace("reset,vanish", "reset,ws-close")
        .replace("bots = 100", "bots = 100\ntransport = \"mixed\"");
    let plan = Plan::new(&file::read(&text).expect("a scenario"), 1, &means());
    follow(&plan);
    let mass: Vec<_> = plan.departures().filter(|it| it.mass.is_some()).collect();
    let web = |it: &&&PlannedDeparture| plan.bots[it.bot as usize].websocket;
    let closes = |it: &&&PlannedDeparture| it.departure == Departure::WsClose;
    assert!(mass.iter().filter(closes).count() > 5 && plan.not_run.is_empty());
    assert!(mass.iter().filter(closes).all(|it| web(&it)));
}
