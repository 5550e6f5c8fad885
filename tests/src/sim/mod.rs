//! The production loop in a simulated world: faults and clients of every kind, from one number.
//!
//! ```text
//! seed -> faults, clients -> World <-> SimNet <-> EventLoop (production) -> Hub, rooms, games
//!                              |                                            |
//!                              +---------------- oracles -------------------+
//! ```
//!
//! [`run`] plays one world for some turns, heals it, waits until everything that is wrong should be
//! right again, and reports what was not. Nothing in it knows real time, threads or addresses, so
//! a seed gives the same world on every machine. `docs/simulation.md` says what is checked.
//!
//! - [`kernel`]: the model of Linux, compared with the real one by `tests/it/conformance.rs`.
//! - [`net`] and [`faults`]: what the loop sees of it, and what goes wrong.
//! - [`clients`]: honest ones and others.
//! - [`games`]: games that check how they are called.
//! - [`oracles`]: what must hold after every turn, and in the end.

pub mod clients;
pub mod dice;
pub mod faults;
pub mod games;
pub mod kernel;
pub mod mutants;
pub mod net;
pub mod oracles;
pub mod shrink;
pub mod world;

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use gamekeeper::{
    Games,
    hub::Hub,
    limits::Limits,
    shell::{EventLoop, Flow},
    time::Time,
};

use self::{
    clients::{Clients, Kind},
    dice::Luck,
    faults::{Fault, Faults},
    games::{Bomb, Echo},
    kernel::{Kernel, Sizes},
    net::SimNet,
    oracles::Oracles,
    world::World,
};
use crate::rig::lobby_of;

/// Short deadlines, so that much happens in few turns.
pub const LIMITS: Limits = Limits {
    hello_timeout_ms: 1_500,
    frame_timeout_ms: 700,
    ping_after_ms: 300,
    ping_every_ms: 500,
    heartbeat_timeout_ms: 2_000,
    stalled_after_ms: 800,
    resume_window_ms: 1_500,
    out_stall_ms: 1_400,
    out_soft_ms: 800,
    out_soft_bytes: 18_432,
    out_hard_bytes: 32_768,
    linger_ms: 500,
    serve_ms: 900,
    linger_discard_bytes: 16_384,
    accept_retry_ms: 50,
    drain_timeout_ms: 1_000,
    arrivals_per_address_burst: 1_000_000,
    ..Limits::DEFAULT
};

/// A world starts at this time, so that nothing is zero by accident.
const START: Time = Time::from_nanos(1_000_000_000);

/// Which world to play.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What everything else follows from.
    pub seed: u64,
    /// What decides before the seed does, as long as there is any of it.
    pub bytes: Option<Arc<[u8]>>,
    /// Turns of the loop before it heals.
    pub turns: u64,
    /// How many clients; drawn if it is nothing.
    pub clients: Option<usize>,
    /// Of which kinds.
    pub kinds: Vec<Kind>,
    /// Faults that do not happen, whatever is drawn.
    pub without: Vec<Fault>,
    /// Whether the server may be asked to stop.
    pub stops: bool,
    /// Seats of a room; drawn if it is nothing.
    pub room_size: Option<u16>,
    /// Whether to write down what happens.
    pub trace: bool,
    /// Whether the first client keeps what it is told.
    pub transcript: bool,
    /// Whether the first client is honest, whatever kinds there are.
    pub first_is_honest: bool,
}

impl Plan {
    /// The world of a seed.
    pub fn of(seed: u64, turns: u64) -> Self {
        Self {
            seed,
            bytes: None,
            turns,
            clients: None,
            kinds: Kind::ALL.iter().map(|(kind, _)| *kind).collect(),
            without: Vec::new(),
            stops: true,
            room_size: None,
            trace: false,
            transcript: false,
            first_is_honest: false,
        }
    }
}

/// How a world ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What should not have happened; nothing, if all is well.
    pub findings: Vec<String>,
    /// Turns that were played, healing included.
    pub turns: u64,
    /// The turn after which the first finding was made.
    pub found_at_turn: Option<u64>,
    /// How long the world was, in its own time.
    pub time: Duration,
    /// Connections that left.
    pub departures: u64,
    /// Leaves by reason, in the order of their index.
    pub reasons: Vec<u64>,
    /// Seats that were taken again.
    pub resumes: u64,
    /// The same for the same plan.
    pub hash: u64,
    /// Whether the server was stopped.
    pub stopped: bool,
    /// What happened, if that was asked for.
    pub trace: Vec<String>,
    /// What the first client was told, if that was asked for.
    pub transcript: Vec<String>,
}

/// Plays a world.
pub fn run(plan: &Plan) -> Report {
    let luck = Luck::new(plan.seed, plan.bytes.clone());
    let world = Rc::new(RefCell::new(build(plan, &luck)));
    let mut report = Report::default();
    // A failed assertion of the server is a finding like any other.
    let outcome = catch_unwind(AssertUnwindSafe(|| play(plan, &luck, &world, &mut report)));
    let mut world = world.borrow_mut();
    if let Err(panic) = outcome {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        world.find(format!("the server panicked: {}", text.unwrap_or("for no reason")));
    }
    report.findings.append(&mut world.findings);
    report.findings.extend(games::take_findings());
    if !report.findings.is_empty() {
        report.found_at_turn.get_or_insert(report.turns);
    }
    report.time = world.kernel.now().since(START);
    report.hash = world.hash;
    report.trace = world.trace.take().unwrap_or_default();
    if plan.transcript {
        report.transcript = world.clients.transcript(0).to_vec();
    }
    report
}

fn build(plan: &Plan, luck: &Luck) -> World {
    let mut dice = luck.dice(1);
    let mut faults = Faults::draw(&mut dice);
    for fault in &plan.without {
        faults.remove(*fault);
    }
    let sizes = Sizes {
        server_tx_bytes: *dice.pick(&[2_048, 8_192, 65_536]),
        server_rx_bytes: 65_536,
        backlog: *dice.pick(&[2, 16, 128]),
        descriptors: 4_096,
    };
    // Among few, one who waits is not helped by what others do.
    let count = *dice.pick(&[1, 2, 3, 6, 10, 15]);
    let clients = Clients::new(luck, plan.clients.unwrap_or(count), &plan.kinds, START);
    let mut world = World::new(Kernel::new(START, sizes), faults, luck.dice(2), clients);
    let hinders = |fault| world.faults.chance(fault) > 0;
    let slow = [Fault::Pause, Fault::SlowCall, Fault::NoDescriptors].into_iter().any(hinders);
    world.clients.slow = slow;
    world.clients.prompt = world.faults.hears_at_once() && !hinders(Fault::SlowCall);
    world.trace = plan.trace.then(Vec::new);
    if plan.transcript {
        world.clients.keep_transcript(0);
    }
    if plan.first_is_honest {
        world.clients.make_honest(0);
    }
    if plan.stops && dice.chance(8_000) {
        let first = START + Duration::from_millis(dice.between(0, 6_000));
        world.stop_requests.push(first);
        if dice.chance(16_384) {
            world.stop_requests.push(first + Duration::from_millis(dice.between(0, 1_000)));
        }
    }
    world
}

/// The limits of this world's server, and the size of its rooms.
fn terms(plan: &Plan, luck: &Luck, world: &Rc<RefCell<World>>) -> (Limits, u16) {
    let mut dice = luck.dice(3);
    let drawn = u16::try_from(dice.between(1, 6)).expect("small");
    let mut room_size = plan.room_size.unwrap_or(drawn);
    let drain_grace_ms = *dice.pick(&[0, 0, 700]);
    let lingering_max = *dice.pick(&[256, 256, 1]);
    let read_per_turn_bytes = *dice.pick(&[1_024, 16_384]);
    let frames_per_turn_max = *dice.pick(&[16, 64, 64]);
    let write_per_turn_bytes = *dice.pick(&[4_096, 65_536]);
    let mut limits = Limits {
        drain_grace_ms,
        lingering_max,
        read_per_turn_bytes,
        frames_per_turn_max,
        write_per_turn_bytes,
        ..LIMITS
    };
    games::one_event_is_long_of(games::LONG_EVERY);
    match dice.below(8) {
        0 => talkative(&mut world.borrow_mut(), &mut limits),
        1 => {
            remote(&mut world.borrow_mut(), &mut limits);
            room_size = plan.room_size.unwrap_or(6);
        }
        _ => {}
    }
    (limits, room_size)
}

/// So much is said to everybody that who does not read has soon too much waiting for it; everybody
/// else is near and always has room, and the server is never held up.
fn talkative(world: &mut World, limits: &mut Limits) {
    for fault in [Fault::ShortWrite, Fault::NothingToWrite, Fault::Pause, Fault::SlowCall] {
        world.faults.remove(fault);
    }
    world.clients.bring_near();
    games::one_event_is_long_of(4);
    (limits.out_stall_ms, limits.out_soft_ms) = (3_000, 3_000);
    limits.out_hard_bytes = 20_000;
}

/// Everybody is far away, and who comes back has more to catch up with than there is room for.
fn remote(world: &mut World, limits: &mut Limits) {
    for fault in [Fault::ShortWrite, Fault::NothingToWrite, Fault::Pause, Fault::SlowCall] {
        world.faults.remove(fault);
    }
    world.clients.send_away();
    // What is said last may come too late behind all that waits.
    world.clients.slow = true;
    games::one_event_is_long_of(8);
    limits.out_soft_bytes = 28_000;
}

fn play(plan: &Plan, luck: &Luck, world: &Rc<RefCell<World>>, report: &mut Report) {
    let (limits, room_size) = terms(plan, luck, world);
    let games = Games::built_in().with::<Echo>().with::<Bomb>();
    world.borrow_mut().clients.slow |= limits.lingering_max == 1;
    let lobby = lobby_of(games, &limits, room_size);
    let healing = oracles::must_be_well_within(&limits);
    let hub = Hub::new(limits, "echo".to_owned(), lobby, START);
    let net = SimNet { world: Rc::clone(world) };
    let mut event_loop = EventLoop::new(net, hub, 1, false);
    let mut oracles = Oracles::default();
    let mut healed_at = None;
    loop {
        let flow = event_loop.turn().expect("this poll does not fail");
        report.turns += 1;
        let mut world = world.borrow_mut();
        world.clients.stopping |= event_loop.hub().is_stopping();
        if flow == Flow::Aborted {
            // In the middle of a turn: nothing more is promised.
            report.stopped = true;
            break;
        }
        oracles.after_turn(event_loop.hub(), &mut world);
        if !world.findings.is_empty() && report.found_at_turn.is_none() {
            report.found_at_turn = Some(report.turns);
        }
        let metrics = event_loop.hub().metrics();
        report.departures = metrics.left();
        report.reasons = metrics.leaves.iter().map(|paths| paths.iter().sum()).collect();
        report.resumes = metrics.resumes.iter().take(2).sum();
        if flow != Flow::Continue {
            report.stopped = true;
            oracles.after_stop(event_loop.hub(), &mut world, flow);
            break;
        }
        let now = world.kernel.now();
        match healed_at {
            _ if report.found_at_turn.is_some() => break,
            _ if report.turns > plan.turns * 10 + 50_000 => {
                world.find("it does not end".to_owned());
                report.found_at_turn = Some(report.turns);
                break;
            }
            None if report.turns >= plan.turns && world.stop_requests.is_empty() => {
                world.heal();
                healed_at = Some(now);
            }
            Some(healed_at) if now.since(healed_at) > healing => {
                oracles.at_the_end(event_loop.hub(), &mut world);
                break;
            }
            _ => {}
        }
    }
}
