//! The parts of a report.

use std::collections::BTreeMap;

use gamekeeper_bot::{
    departure::PlayerState,
    fleet::{FleetStats, Latency, Observed},
    manner::Manner,
};
use serde::{Serialize, Serializer, ser::Error};

use crate::{
    admin::{Quantiles, ServerStats},
    evidence::Evidence,
    options::Options,
    plan::Plan,
};

/// Durations in milliseconds. All are absent when there were no samples: no number would be true.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LatencySummary {
    /// How many samples there are.
    pub count: u64,
    /// Half are below.
    pub p50_ms: Option<f64>,
    /// 99 % are below.
    pub p99_ms: Option<f64>,
    /// 99.9 % are below.
    pub p999_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
    /// All of them, so that those of several runs can be put together: in JSON a text of JSON, so
    /// that it takes one line, with pairs of microseconds, to three digits, and how many there are.
    #[serde(serialize_with = "as_text")]
    pub samples: Latency,
}

fn as_text<S: Serializer>(samples: &Latency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&serde_json::to_string(samples).map_err(S::Error::custom)?)
}

impl LatencySummary {
    /// Sums up.
    pub fn new(latency: &Latency) -> Self {
        let millis = |share: f64| latency.quantile(share).map(|time| time.as_secs_f64() * 1000.0);
        Self {
            count: latency.count(),
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
            p999_ms: millis(0.999),
            max_ms: latency.max().map(|time| time.as_secs_f64() * 1000.0),
            samples: latency.clone(),
        }
    }
}

/// Who got in.
#[derive(Clone, Debug, Serialize)]
pub struct Joins {
    /// Bots of the plan, replacements included, and those that came back to a server that holds no
    /// seats.
    pub planned: u64,
    /// New seats that bots got.
    pub joined: u64,
    /// Of these, the ones that played when the run phase began.
    pub joined_at_start: u64,
    /// Bots that got none, by what they saw.
    pub failed: BTreeMap<String, u64>,
    /// From the beginning of a connect to its success.
    pub connect: LatencySummary,
    /// From then to the welcome.
    pub welcome: LatencySummary,
    /// From the success of the connect to the first state, at a new seat.
    pub first_state: LatencySummary,
    /// From the time of a join in the plan to the first state: what a player would have felt, with
    /// all that made the bot late.
    pub response: LatencySummary,
    /// Bots that got no seat, by how far they had come: connecting, greeting.
    pub failed_at: BTreeMap<&'static str, u64>,
}

impl Joins {
    pub(super) fn new(plan: &Plan, evidence: &Evidence, stats: &FleetStats) -> Self {
        Self {
            planned: plan.players()
                + if evidence.seat_window.is_none() { evidence.anew() } else { 0 },
            joined: stats.joins,
            joined_at_start: evidence.joined_at_start,
            failed: evidence.failed_joins(),
            connect: LatencySummary::new(&stats.connect_time),
            welcome: LatencySummary::new(&stats.welcome_time),
            first_state: LatencySummary::new(&stats.first_state_time),
            response: LatencySummary::new(&stats.response_time),
            failed_at: evidence.failed_joins_by_stage(),
        }
    }
}

/// One way of leaving: what was done and what the server noticed.
#[derive(Clone, Debug, Serialize)]
pub struct Cause {
    /// The way of leaving, and where the player stood if not in a match.
    pub departure: String,
    /// How many the plan has.
    pub planned: u64,
    /// How many were carried out.
    pub injected: u64,
    /// How many of these very connections the server ended for which right reason; unknown without
    /// its ledger, like all that follows from it.
    pub detected: Option<BTreeMap<String, u64>>,
    /// How many it ended for which wrong reason.
    pub wrong: Option<BTreeMap<String, u64>>,
    /// How many it did not notice until things had settled.
    pub missed: Option<u64>,
    /// How many it noticed after their deadline.
    pub late: Option<u64>,
    /// How it learnt of them.
    pub paths: Option<BTreeMap<String, u64>>,
    /// The longest that the server had for one of them, in milliseconds.
    pub deadline_ms: Option<f64>,
    /// From the departure to the server's knowing.
    pub ttd: LatencySummary,
    /// From the departure to the first notice of it that any other bot received.
    pub announce: LatencySummary,
}

impl Cause {
    /// How many the server noticed for a right reason.
    pub fn detected_total(&self) -> Option<u64> {
        self.detected.as_ref().map(|detected| detected.values().sum())
    }

    /// How many it noticed for a wrong reason.
    pub fn wrong_total(&self) -> Option<u64> {
        self.wrong.as_ref().map(|wrong| wrong.values().sum())
    }
}

/// A way of leaving that was not tried, because it cannot be done here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotRun {
    /// What was not tried: a way of leaving, or a manner.
    pub name: &'static str,
    /// How many times it was planned.
    pub count: u64,
    /// Why it cannot be done.
    pub why: String,
}

/// Players with ugly but legal manners, who must survive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Controls {
    /// What they do.
    pub manner: &'static str,
    /// How many there were.
    pub bots: u64,
    /// How often one of them was ended.
    pub evicted: u64,
}

pub(super) fn controls(plan: &Plan, evidence: &Evidence) -> Vec<Controls> {
    let mut evicted: BTreeMap<Manner, u64> = BTreeMap::new();
    for bot in evidence.wrongly_evicted() {
        if let Some(plan) = plan.bots.get(bot.0 as usize) {
            *evicted.entry(plan.manner).or_default() += 1;
        }
    }
    let controls = plan.controls_by_manner().into_iter();
    let controls = controls.map(|(manner, bots)| Controls {
        manner: manner.name(),
        bots,
        evicted: evicted.get(&manner).copied().unwrap_or(0),
    });
    controls.collect()
}

pub(super) fn not_run(plan: &Plan, evidence: &Evidence) -> Vec<NotRun> {
    let entry =
        |name, (count, why): &(u64, String)| NotRun { name, count: *count, why: why.clone() };
    let causes = plan.not_run.iter().map(|(departure, it)| entry(departure.name(), it));
    let controls = plan.controls_not_run.iter().map(|(manner, it)| entry(manner.name(), it));
    let on_the_way_back = NotRun {
        name: PlayerState::ResumeWindow.name(),
        count: evidence.not_possible,
        why: "the server holds no seats to come back to".to_owned(),
    };
    let on_the_way_back = (evidence.not_possible > 0).then_some(on_the_way_back);
    causes.chain(controls).chain(on_the_way_back).collect()
}

/// Leaves that the server counted for one reason and noticed in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeaveTotal {
    /// Why.
    pub reason: String,
    /// How it was noticed.
    pub path: String,
    /// How many.
    pub count: u64,
}

pub(super) fn leave_totals(evidence: &Evidence) -> Vec<LeaveTotal> {
    let Some((before, settled)) = evidence.before.as_ref().zip(evidence.settled.as_ref()) else {
        return Vec::new();
    };
    let leaves = settled.leaves_since(before).into_iter();
    leaves.map(|((reason, path), count)| LeaveTotal { reason, path, count }).collect()
}

/// Players that should not be there any more and are.
#[derive(Clone, Debug, Serialize)]
pub struct Ghosts {
    /// Departed players that some bot still had in its room after the settling, other than as away
    /// from a seat that may be held.
    pub in_rosters: u64,
    /// Departed players in snapshots that came after the notice of their departure.
    pub in_snapshots: u64,
    /// Players that the server had after the settling, less the bots that played: above zero are
    /// ghosts, below are players that it had lost. Unknown if the server has other clients too.
    pub on_the_server: Option<i64>,
    /// Players who were there after the settling, perhaps again, and away in some bot's room.
    pub missed_in_rosters: u64,
    /// Players in snapshots that had never been announced.
    pub strangers_in_snapshots: u64,
}

impl Ghosts {
    pub(super) fn new(evidence: &Evidence, stats: &FleetStats) -> Self {
        let looks = evidence.before.as_ref().zip(evidence.settled.as_ref());
        let players = looks.filter(|_| evidence.exclusive).map(|(before, now)| {
            now.players as i64 - before.players as i64 - evidence.playing_when_settled as i64
        });
        // When every seat has been given up, nobody is away any more.
        let overdue = evidence.seats_awaited().map_or(0, |_| evidence.held_in_rosters);
        Self {
            in_rosters: evidence.ghosts_in_rosters + overdue,
            in_snapshots: stats.ghosts_shown,
            on_the_server: players,
            missed_in_rosters: evidence.missed_in_rosters,
            strangers_in_snapshots: stats.strangers_shown,
        }
    }
}

/// What players saw.
#[derive(Clone, Debug, Serialize)]
pub struct ObservedSummary {
    /// Snapshots received.
    pub snapshots: u64,
    /// Ticks of which a player saw no snapshot, between two of which it did.
    pub missed_ticks: u64,
    /// Time between two snapshots of one player.
    pub interval: LatencySummary,
    /// From encoding to reading; only for the benchmark game on one machine.
    pub age: LatencySummary,
}

impl ObservedSummary {
    pub(super) fn new(observed: &Observed) -> Self {
        Self {
            snapshots: observed.snapshots,
            missed_ticks: observed.missed_ticks,
            interval: LatencySummary::new(&observed.interval),
            age: LatencySummary::new(&observed.age),
        }
    }
}

/// What the server says about itself.
#[derive(Clone, Debug, Serialize)]
pub struct ServerSide {
    /// Its version.
    pub version: String,
    /// Processor time in its own code per player and tick, in microseconds, in the run phase.
    pub cpu_user_us_per_player_tick: Option<f64>,
    /// Processor time in the kernel on its behalf per player and tick, in microseconds.
    pub cpu_system_us_per_player_tick: Option<f64>,
    /// Processor time as a share of one core, in the run phase.
    pub cpu_share: Option<f64>,
    /// Players times ticks in the run phase.
    pub player_ticks: Option<u64>,
    /// Ticks in the run phase that a room should have had and did not.
    pub ticks_missed: Option<u64>,
    /// Snapshots handed to sockets in the run phase.
    pub snapshots_sent: Option<u64>,
    /// Snapshots in the run phase replaced by newer ones, because a client was slow.
    pub snapshots_skipped: Option<u64>,
    /// How long ticks took, in seconds, since the server started.
    pub tick_seconds: Option<Quantiles>,
    /// How late ticks began, in seconds, since the server started.
    pub tick_late_seconds: Option<Quantiles>,
    /// Accepted = live + left, whenever it was asked.
    pub ledger_balanced: bool,
    /// Before the first bot.
    pub before: Resources,
    /// With all bots.
    pub loaded: Option<Resources>,
    /// After the last bot.
    pub after: Option<Resources>,
    /// Connections that their clients had ended and the server had not, after the last bot; unknown
    /// if the server is on another machine.
    pub close_wait: Option<usize>,
}

/// What the server holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Resources {
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// Open descriptors.
    pub open_fds: u64,
    /// Players with a seat and a connection.
    pub players: u64,
    /// Players without a connection whose seat is held.
    pub players_away: u64,
    /// Rooms.
    pub rooms: u64,
    /// Connections in any state.
    pub connections: u64,
}

impl From<&ServerStats> for Resources {
    fn from(stats: &ServerStats) -> Self {
        Self {
            rss_bytes: stats.process.rss_bytes,
            open_fds: stats.process.open_fds,
            players: stats.players,
            players_away: stats.players_away,
            rooms: stats.rooms,
            connections: stats.connections.values().sum(),
        }
    }
}

impl ServerSide {
    pub(super) fn new(evidence: &Evidence) -> Option<Self> {
        let before = evidence.before.as_ref()?;
        let run = evidence.run_start.as_ref().zip(evidence.run_end.as_ref());
        let since =
            |of: fn(&ServerStats) -> u64| run.map(|(start, end)| of(end).saturating_sub(of(start)));
        let seconds = |of: fn(&ServerStats) -> f64| run.map(|(start, end)| of(end) - of(start));
        let player_ticks = since(|stats| stats.player_ticks_total);
        let micros_each = |seconds: Option<f64>| {
            let ticks = player_ticks.filter(|ticks| *ticks > 0)?;
            Some(seconds? * 1e6 / ticks as f64)
        };
        let user = seconds(|stats| stats.process.cpu_user_seconds);
        let system = seconds(|stats| stats.process.cpu_system_seconds);
        let lasted = seconds(|stats| stats.uptime_seconds).filter(|lasted| *lasted > 0.0);
        let all = [&evidence.run_start, &evidence.run_end, &evidence.settled, &evidence.after];
        let last = evidence.run_end.as_ref();
        Some(Self {
            version: before.version.clone(),
            cpu_user_us_per_player_tick: micros_each(user),
            cpu_system_us_per_player_tick: micros_each(system),
            cpu_share: lasted.and_then(|lasted| Some((user? + system?) / lasted)),
            player_ticks,
            ticks_missed: since(|stats| stats.ticks_missed_total),
            snapshots_sent: since(|stats| stats.snapshots_sent_total),
            snapshots_skipped: since(|stats| stats.snapshots_skipped_total),
            tick_seconds: last.map(|stats| stats.tick_seconds),
            tick_late_seconds: last.map(|stats| stats.tick_late_seconds),
            ledger_balanced: before.balances()
                && all.into_iter().flatten().all(ServerStats::balances),
            before: before.into(),
            loaded: last.map(Resources::from),
            after: evidence.after.as_ref().map(Resources::from),
            close_wait: evidence.close_wait,
        })
    }
}

/// Where the run happened.
#[derive(Clone, Debug, Serialize)]
pub struct Environment {
    /// The kernel's release.
    pub kernel: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// What the bots spoke: `tcp`, `ws`, `mixed`; `unix` where that was a Unix socket.
    pub transport: &'static str,
    /// Whether the server had a core of its own.
    pub pinned: bool,
    /// Whether this program was built with optimisation.
    pub optimised: bool,
}

impl Environment {
    pub(super) fn new(options: &Options, evidence: &Evidence) -> Self {
        Self {
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            cores: evidence.cores,
            transport: options.transport_name(),
            pinned: options.pin,
            optimised: !cfg!(debug_assertions),
        }
    }
}
