//! What must hold after every turn, and in the end.
//!
//! An oracle knows what the world knows (who did what, what arrived when) and looks at what the
//! server says and does about it. `docs/simulation.md` has the table.

use std::time::Duration;

use gamekeeper::{hub::Hub, ids::ConnectionId, limits::Limits, shell::Flow, time::Time};
use gamekeeper_bot::limits::SERVER_LOST_AFTER;

use super::{
    kernel::{ConnNo, Side, tcp::End},
    world::World,
};

/// Turns within which the server must have said that a connection has ended, from when its socket
/// could tell. Faults may keep that from it for a while.
const OVERDUE_TURNS_MAX: u32 = 60;

/// A client that does not do what it must is gone after this, the server's pauses not counted. The
/// wait that takes longest is that for a reader, which may begin anew once.
pub fn must_end_within(limits: &Limits) -> Duration {
    Duration::from_millis(2 * limits.out_stall_ms + 3_200)
}

/// For so long nothing goes wrong until everything must be right again. A client whose connection
/// the kernel broke without a word notices that by the server's silence, and only then does the
/// time of its seat begin, if it has kept an older connection until then.
pub fn must_be_well_within(limits: &Limits) -> Duration {
    let seat = Duration::from_millis(limits.resume_window_ms + 500);
    must_end_within(limits).max(SERVER_LOST_AFTER + seat)
}

/// Calls that the server may make in a turn, besides a number for each connection.
const CALLS_MAX: u64 = 600;
const CALLS_PER_CONNECTION_MAX: u64 = 80;

/// Turns in a row that do nothing and do not wait, although nothing but the server ends its polls.
const IDLE_TURNS_MAX: u32 = 20;

/// What is remembered between two turns.
#[derive(Debug, Default)]
pub struct Oracles {
    /// Leaves that were looked at.
    left: u64,
    /// When the last turn ended.
    turned_at: Option<Time>,
    ticks: u64,
    /// Inputs that were heard, those included that do not count.
    inputs: u64,
    idle_turns: u32,
    /// Time for which the server did not run, as far as it matters.
    paused: Duration,
}

impl Oracles {
    /// After every turn.
    pub fn after_turn(&mut self, hub: &Hub, world: &mut World) {
        let now = world.kernel.now();
        self.check_work(hub, world, now);
        hub.check_invariants(now);
        self.check_leaves(hub, world);
        self.check_connections(hub, world, now);
        let descriptors = world.kernel.open_descriptors();
        let expected = hub.connections() + usize::from(world.spare);
        if descriptors != expected {
            world.find(format!("{descriptors} descriptors are open, for {expected}"));
        }
        self.turned_at = Some(now);
        self.ticks = hub.metrics().ticks;
        self.inputs = inputs(hub);
    }

    /// A turn does a bounded amount of work, and a server that has nothing to do waits.
    fn check_work(&mut self, hub: &Hub, world: &mut World, now: Time) {
        let calls = std::mem::take(&mut world.calls);
        let connections = hub.connections() as u64 + 64;
        if calls > CALLS_MAX + CALLS_PER_CONNECTION_MAX * connections {
            world.find(format!("{calls} calls in one turn, with {connections} connections"));
        }
        let passed = self.turned_at.map_or(Duration::ZERO, |at| now.since(at));
        if passed > Duration::from_millis(400) {
            self.paused += passed;
        }
        // A poll, and nothing else: no tick, and nothing that was read before and is heard now.
        let idle = calls <= 1 && hub.metrics().ticks == self.ticks && inputs(hub) == self.inputs;
        let waited = passed > Duration::from_millis(1);
        self.idle_turns = match (idle && !waited, world.disturbed) {
            (true, true) => self.idle_turns,
            (true, false) => self.idle_turns + 1,
            (false, _) => 0,
        };
        if self.idle_turns > IDLE_TURNS_MAX {
            world.find("it turns and turns, and does nothing".to_owned());
        }
    }

    /// Each connection leaves once, for a reason that it has given.
    fn check_leaves(&mut self, hub: &Hub, world: &mut World) {
        let left = hub.metrics().left();
        let new = usize::try_from(left - self.left).expect("few");
        self.left = left;
        let departures: Vec<_> = hub.departures().newest_first().take(new).cloned().collect();
        for departure in departures.iter().rev() {
            let id = departure.id;
            let Some(conn) = world.by_id.get(&id).copied() else {
                world.find(format!("{id} has left, and was never registered"));
                continue;
            };
            let leave = departure.leave;
            world.note(|| format!("{id} has left: {leave:?}"));
            let record = world.records.entry(conn).or_default();
            record.leaves += 1;
            let (leaves, cursed) = (record.leaves, record.cursed);
            if leaves > 1 {
                world.find(format!("{id} has left {leaves} times"));
            }
            let expectation = world.clients.expectations.get(&conn);
            let expected = expectation.is_some_and(|it| it.may_end_by.contain(leave.reason));
            let stops = leave.reason.label() == "shutdown" && hub.is_stopping();
            if !expected && !cursed && !stops {
                let who = expectation.map_or("nobody", |it| it.kind.name());
                world.find(format!("{conn:?} of a {who} has left without a cause: {leave:?}"));
            }
        }
    }

    /// Nobody is forgotten, nobody stays who must go, and nothing grows without a bound.
    fn check_connections(&mut self, hub: &Hub, world: &mut World, now: Time) {
        let mut findings = Vec::new();
        for slot in 0..hub.slots() {
            let Some((id, client)) = hub.in_slot(slot) else { continue };
            let Some(&conn) = world.by_id.get(&id) else { continue };
            let bound = hub.limits().out_hard_bytes + 16_384;
            if hub.unsent_bytes(id) as u64 > bound {
                findings.push(format!("{} bytes wait for {id}", hub.unsent_bytes(id)));
            }
            let open = client.phase.is_open();
            let ended = world.kernel.end(conn, Side::Server).is_none_or(End::has_ended);
            let record = world.records.entry(conn).or_default();
            record.overdue_turns = if open && ended { record.overdue_turns + 1 } else { 0 };
            if record.overdue_turns > OVERDUE_TURNS_MAX && !record.cursed {
                findings.push(format!("{id}, {conn:?}, has ended and the server does not know"));
            }
            let cursed = record.cursed;
            let patience = must_end_within(hub.limits()) + self.paused;
            let overstays = overstays(world, id, conn, now, patience);
            findings.extend(overstays.filter(|_| open && !cursed));
        }
        findings.into_iter().for_each(|finding| world.find(finding));
    }

    /// After a quiet time: the honest are in sync, all others are gone, nothing is left of them.
    pub fn at_the_end(&mut self, hub: &Hub, world: &mut World) {
        let now = world.kernel.now();
        let mut honest: Vec<ConnNo> = world.clients.honest().collect();
        let mut there: Vec<ConnNo> = (0..hub.slots())
            .filter_map(|slot| hub.in_slot(slot))
            .filter_map(|(id, _)| world.by_id.get(&id).copied())
            .collect();
        honest.sort_unstable();
        there.sort_unstable();
        if honest != there {
            let kinds: Vec<_> = there
                .iter()
                .filter(|conn| !honest.contains(conn))
                .filter_map(|conn| world.clients.expectations.get(conn))
                .map(|it| it.kind.name())
                .collect();
            world.find(format!(
                "in the end {honest:?} should be there, and {there:?} are: {kinds:?}"
            ));
        }
        let population = hub.population();
        if (population.handshake, population.lingering, population.away) != (0, 0, 0) {
            world.find(format!("in the end there are {population:?}"));
        }
        if hub.timers() != hub.connections() {
            world.find(format!("{} timers for {} connections", hub.timers(), hub.connections()));
        }
        if hub.lobby().rooms().len() > hub.connections() {
            world.find(format!("{} rooms in the end", hub.lobby().rooms().len()));
        }
        for what in world.clients.out_of_sync(now) {
            world.find(what);
        }
    }

    /// After the server has stopped.
    pub fn after_stop(&mut self, hub: &Hub, world: &mut World, flow: Flow) {
        if flow == Flow::Stopped && !world.clients.slow {
            // What is on its way arrives.
            world.pass(Duration::from_secs(1));
            let honest: Vec<_> = world.clients.honest().collect();
            for conn in honest {
                if world.records.get(&conn).is_some_and(|record| !record.cursed) {
                    world.find(format!("{conn:?} was not told that the server stops"));
                }
            }
        }
        if !hub.ledger_balances() {
            world.find("the ledger does not balance after a stop".to_owned());
        }
    }
}

fn inputs(hub: &Hub) -> u64 {
    hub.metrics().inputs + hub.metrics().inputs_dropped
}

/// Whether a connection should have been ended by now.
fn overstays(
    world: &World,
    id: ConnectionId,
    conn: ConnNo,
    now: Time,
    patience: Duration,
) -> Option<String> {
    let expectation = world.clients.expectations.get(&conn)?;
    let late = now.since(expectation.must_end_after?) > patience;
    late.then(|| format!("{id}, {conn:?}, a {}, is still there", expectation.kind.name()))
}
