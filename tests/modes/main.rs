//! Every way a client can leave, each made to happen on real sockets: the catalogue of
//! `docs/teardown.md` as tests.
//!
//! A test is named after its mode in the catalogue (`m09_reset`); a control, which must *not* end a
//! connection, begins with `c`. Nearly all of them are there twice, the second time with actors
//! that speak WebSocket (`m09_reset_over_websocket`): the same body, with the transport as its
//! argument. Each runs in a process of its own, so that descriptors and memory can be compared
//! exactly, and so that a test may move into another network. What this machine does not allow is
//! reported as ignored, with the reason, and never as passed; `STRICT_TESTS` makes it a failure.
//!
//! `scene` has what all of them check. Do not add a test here that is neither a mode of the
//! catalogue nor in need of a process of its own.

mod abortive;
mod browsers;
mod controls;
mod memory;
mod misbehaving;
mod orderly;
mod scene;
mod server_side;
mod transports;
mod vanishing;

use std::{
    collections::BTreeMap,
    env,
    process::{Command, ExitCode},
    sync::{Arc, Mutex},
};

use cap::Cap;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Counts the bytes that are allocated, so that a scene can tell that they are given back.
#[global_allocator]
static ALLOCATOR: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

/// The argument that makes this program a client: then come the address and what to do.
const CLIENT: &str = "--be-a-client";
/// Names the test that a process is to run.
const CHILD: &str = "GAMEKEEPER_MODE";
/// Makes a test that cannot run here a failure.
const STRICT: &str = "STRICT_TESTS";
/// How a child says that it could not run its test; the reason is its last line.
const SKIPPED: u8 = 77;
/// Tests at the same time: most of them wait, and each has a process.
const THREADS: usize = 12;

/// What came of a test that did not fail.
type Shown = Result<(), Skipped>;

/// Why a test cannot run here.
struct Skipped(String);

impl Skipped {
    /// For what this machine does not allow, and for nothing else.
    fn because(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// A test of the catalogue.
#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    show: fn() -> Shown,
}

/// Lists functions as tests, by their names: each that takes a transport once with either of them,
/// and those that do not, once.
macro_rules! modes {
    ($(over both { $($both:ident)* })? $(alone { $($alone:ident)* })?) => {
        /// The tests of this file.
        pub(crate) const MODES: &[crate::Mode] = &[
            $($(
                crate::Mode {
                    name: stringify!($both),
                    show: || $both(gamekeeper_tests::player::Transport::Native),
                },
                crate::Mode {
                    name: concat!(stringify!($both), "_over_websocket"),
                    show: || $both(gamekeeper_tests::player::Transport::WebSocket),
                },
            )*)?
            $($( crate::Mode { name: stringify!($alone), show: $alone }, )*)?
        ];
    };
}
pub(crate) use modes;

fn all() -> impl Iterator<Item = Mode> {
    let files = [
        orderly::MODES,
        abortive::MODES,
        vanishing::MODES,
        misbehaving::MODES,
        server_side::MODES,
        browsers::MODES,
        controls::MODES,
        memory::MODES,
    ];
    files.into_iter().flatten().copied()
}

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some(CLIENT) {
        let [address, how, transport] =
            [2, 3, 4].map(|number| env::args().nth(number).expect("our own call"));
        scene::client_process(&address, how == "reads", transports::of(&transport));
    }
    if let Some(name) = env::var_os(CHILD) {
        let mode = all().find(|mode| name == mode.name).expect("the parent knows the names");
        return match (mode.show)() {
            Ok(()) => ExitCode::SUCCESS,
            Err(Skipped(why)) => {
                scene::say(&why);
                ExitCode::from(SKIPPED)
            }
        };
    }
    let mut args = Arguments::from_args();
    args.test_threads.get_or_insert(THREADS);
    let outcomes = Arc::new(Mutex::new(BTreeMap::new()));
    let trial = |mode: Mode| {
        let outcomes = Arc::clone(&outcomes);
        Trial::ignorable_test(mode.name, move || {
            let outcome = run_in_child(mode.name);
            let skipped = match &outcome {
                Ok(Completion::Ignored { reason }) => reason.clone(),
                _ => None,
            };
            outcomes.lock().expect("nobody panics with it").insert(mode.name, skipped);
            outcome
        })
    };
    let mut trials: Vec<Trial> = all().map(trial).collect();
    trials.push(Trial::test("every_mode_runs_over_websocket_or_is_listed", || {
        transports::every_mode_runs_over_websocket_or_is_listed();
        Ok(())
    }));
    let conclusion = libtest_mimic::run(&args, trials);
    if !args.list {
        summarize(&outcomes.lock().expect("nobody panics with it"), conclusion.num_failed);
    }
    conclusion.exit_code()
}

/// Runs one test in a process of its own.
fn run_in_child(name: &str) -> Result<Completion, Failed> {
    let program = env::current_exe()?;
    let remains = Command::new(program).env(CHILD, name).output()?;
    let stdout = String::from_utf8_lossy(&remains.stdout);
    match remains.status.code() {
        Some(0) => Ok(Completion::Completed),
        Some(code) if code == i32::from(SKIPPED) => {
            let why = stdout.lines().last().unwrap_or_default().to_owned();
            if env::var_os(STRICT).is_some() {
                return Err(format!("skipped, which {STRICT} forbids: {why}").into());
            }
            Ok(Completion::ignored_with(why))
        }
        _ => {
            let stderr = String::from_utf8_lossy(&remains.stderr);
            Err(format!("{}\n{stdout}{stderr}", remains.status).into())
        }
    }
}

/// How much of the catalogue was shown, for people.
fn summarize(outcomes: &BTreeMap<&'static str, Option<String>>, failed: u64) {
    let modes = |names: &mut dyn Iterator<Item = &'static str>| {
        let numbers = names.filter(|name| name.starts_with('m')).map(|name| &name[..3]);
        numbers.collect::<std::collections::BTreeSet<_>>().len()
    };
    let in_all = modes(&mut all().map(|mode| mode.name));
    let shown =
        modes(&mut outcomes.iter().filter(|(_, skipped)| skipped.is_none()).map(|(name, _)| *name));
    scene::say(&format!(
        "modes: {in_all} in the catalogue, {} selected, {shown} run, {failed} tests failed",
        modes(&mut outcomes.keys().copied()),
    ));
    for (name, why) in outcomes.iter().filter_map(|(name, why)| Some((name, why.as_ref()?))) {
        scene::say(&format!("modes: {name} SKIPPED, not tested here: {why}"));
    }
}
