//! What operators see over HTTP: health, metrics, rooms, connections, statistics,
//! and the teardown lab.
//!
//! Data flow: request -> **`respond`** -> response. Pure: it looks at the hub and formats. The
//! sockets are in `shell::admin`.

pub mod expose;
pub mod http;

mod connections;
mod lab;
mod query;
mod selection;

use std::collections::BTreeMap;

use serde::Serialize;

use self::{
    expose::BUCKETS_MICROS,
    http::{NOT_KEPT, Request, Response},
};
use crate::{
    client::leave::{LeavePath, LeaveReason},
    hub::{Hub, Population},
    lab::{Lab, manual},
    metrics::{AcceptOutcome, Farewell, ProcessStats, ResumeOutcome, TimeHistogram},
    time::Time,
    web::files,
};

/// What there is to look at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Connections, rooms, counters.
    pub hub: &'a Hub,
    /// Finds out what the process uses; asked only where it is shown.
    pub process: &'a dyn Fn() -> ProcessStats,
    /// The time of this look.
    pub now: Time,
}

/// Answers one request. Only the lab does something; everything else looks.
pub fn respond(view: &View<'_>, lab: &mut Lab, request: &Request) -> Response {
    match (request.method.as_str(), request.path == lab::SEND) {
        ("GET", false) => look(view, lab, request),
        ("POST", true) => lab::send(view, lab, request),
        (_, true) => {
            let body = "bots are sent in with POST; the page for it is /lab\n";
            Response::method_not_allowed(&[("Allow", "POST"), NOT_KEPT], body)
        }
        _ => {
            let body = "only GET is answered here\n";
            Response::method_not_allowed(&[("Allow", "GET"), NOT_KEPT], body)
        }
    }
}

fn look(view: &View<'_>, lab: &Lab, request: &Request) -> Response {
    match request.path.as_str() {
        "/healthz" => Response::text(200, "ok\n"),
        "/readyz" if view.hub.is_stopping() => Response::text(503, "stopping\n"),
        "/readyz" => Response::text(200, "ready\n"),
        "/metrics" => Response::new(
            200,
            "text/plain; version=0.0.4; charset=utf-8",
            expose::prometheus(view.hub, &(view.process)()).into_bytes(),
        ),
        "/api/rooms" => Response::json(&rooms(view.hub).collect::<Vec<_>>()),
        "/api/stats" => Response::json(&stats(view)),
        "/api/connections" => connections::respond(view, &request.query),
        "/api/departures" => connections::respond_ledger(view, &request.query),
        "/api/lab" => lab::state(view, lab, &request.query),
        "/docs/teardown" => Response::file(files::HTML, files::HEADERS, manual::page().as_bytes()),
        "/" => Response::text(200, PATHS),
        path if let Some(file) = files::find(files::LAB_FILES, path) => {
            Response::file(file.content_type, files::LAB_HEADERS, file.bytes)
        }
        _ => Response::text(404, &format!("nothing is at this path\n{PATHS}")),
    }
}

const PATHS: &str = "\
/healthz          the process is alive\n\
/readyz           players can join (503 while stopping)\n\
/metrics          for Prometheus\n\
/api/rooms        every room\n\
/api/stats        everything that is counted\n\
/api/connections  who is connected, and who left last\n\
/api/departures   who left, in order and numbered\n\
/lab              a page to watch all of this, and to send in bots that leave\n\
/docs/teardown    how clients leave, and what is done about it\n";

#[derive(Serialize)]
struct RoomView<'a> {
    id: u32,
    game: &'a str,
    players: usize,
    away: usize,
    seats: u16,
    tick: u32,
    tick_hz: u16,
}

fn rooms(hub: &Hub) -> impl Iterator<Item = RoomView<'_>> {
    let view = |room: &crate::room::Room| RoomView {
        id: room.id().0,
        game: room.game(),
        players: room.players(),
        away: room.away().count(),
        seats: room.seats(),
        tick: room.last_tick().0,
        tick_hz: room.tick_hz(),
    };
    hub.lobby().rooms().map(view)
}

#[derive(Serialize)]
struct StatsView {
    version: &'static str,
    uptime_seconds: f64,
    connections: ConnectionsView,
    players: usize,
    players_away: usize,
    rooms: usize,
    accepted_total: u64,
    leaves: Vec<LeaveView>,
    late_reasons_total: u64,
    ledger_balanced: bool,
    ticks_total: u64,
    ticks_missed_total: u64,
    player_ticks_total: u64,
    tick_seconds: QuantilesView,
    tick_late_seconds: QuantilesView,
    tick_seconds_buckets: BucketsView,
    tick_late_seconds_buckets: BucketsView,
    bytes_total: BytesView,
    snapshots_sent_total: u64,
    snapshots_skipped_total: u64,
    inputs_total: u64,
    inputs_dropped_total: u64,
    events_stale_total: u64,
    turns_total: u64,
    pauses_total: u64,
    accepts: BTreeMap<&'static str, u64>,
    farewells: BTreeMap<&'static str, u64>,
    resumes: BTreeMap<&'static str, u64>,
    seats_given_up_total: u64,
    process: ProcessView,
}

#[derive(Serialize)]
struct ConnectionsView {
    handshake: usize,
    playing: usize,
    lingering: usize,
}

impl ConnectionsView {
    fn of(population: &Population) -> Self {
        Self {
            handshake: population.handshake,
            playing: population.playing,
            lingering: population.lingering,
        }
    }
}

#[derive(Serialize)]
struct LeaveView {
    reason: &'static str,
    path: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct QuantilesView {
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

/// For each end of a bucket in seconds, how many were not above it; the last one, without an end,
/// has all.
type BucketsView = Vec<(Option<f64>, u64)>;

#[derive(Serialize)]
struct BytesView {
    r#in: u64,
    out: u64,
}

#[derive(Serialize)]
struct ProcessView {
    pid: u32,
    cpu_user_seconds: f64,
    cpu_system_seconds: f64,
    rss_bytes: u64,
    open_fds: u64,
}

fn stats(view: &View<'_>) -> StatsView {
    let (hub, process) = (view.hub, (view.process)());
    let (metrics, population) = (hub.metrics(), hub.population());
    let mut leaves = Vec::new();
    for (reason, by_path) in LeaveReason::LABELS.into_iter().zip(&metrics.leaves) {
        for (path, &count) in LeavePath::LABELS.into_iter().zip(by_path) {
            if count > 0 {
                leaves.push(LeaveView { reason, path, count });
            }
        }
    }
    StatsView {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: view.now.since(hub.started_at()).as_secs_f64(),
        connections: ConnectionsView::of(&population),
        players: population.playing,
        players_away: population.away,
        rooms: hub.lobby().rooms().len(),
        accepted_total: metrics.accepted,
        leaves,
        late_reasons_total: metrics.late_reasons,
        ledger_balanced: hub.ledger_balances(),
        ticks_total: metrics.ticks,
        ticks_missed_total: metrics.ticks_missed,
        player_ticks_total: metrics.player_ticks,
        tick_seconds: quantiles(&metrics.tick_time),
        tick_late_seconds: quantiles(&metrics.tick_late),
        tick_seconds_buckets: buckets(&metrics.tick_time),
        tick_late_seconds_buckets: buckets(&metrics.tick_late),
        bytes_total: BytesView { r#in: metrics.bytes_in, out: metrics.bytes_out },
        snapshots_sent_total: metrics.snapshots,
        snapshots_skipped_total: metrics.snapshots_skipped,
        inputs_total: metrics.inputs,
        inputs_dropped_total: metrics.inputs_dropped,
        events_stale_total: metrics.events_stale,
        turns_total: metrics.turns,
        pauses_total: metrics.pauses,
        accepts: AcceptOutcome::LABELS.into_iter().zip(metrics.accepts).collect(),
        farewells: Farewell::LABELS.into_iter().zip(metrics.farewells).collect(),
        resumes: ResumeOutcome::LABELS.into_iter().zip(metrics.resumes).collect(),
        seats_given_up_total: metrics.seats_given_up,
        process: ProcessView {
            pid: process.pid,
            cpu_user_seconds: process.cpu_user_seconds,
            cpu_system_seconds: process.cpu_system_seconds,
            rss_bytes: process.rss_bytes,
            open_fds: process.open_fds,
        },
    }
}

fn quantiles(histogram: &TimeHistogram) -> QuantilesView {
    QuantilesView {
        p50: histogram.quantile_seconds(0.5),
        p99: histogram.quantile_seconds(0.99),
        p999: histogram.quantile_seconds(0.999),
        max: histogram.quantile_seconds(1.0),
    }
}

/// Quantiles since the start say nothing about the last second; the difference of two of these
/// does.
#[expect(clippy::cast_precision_loss, reason = "bucket ends are far below 2^53")]
fn buckets(histogram: &TimeHistogram) -> BucketsView {
    let ends = BUCKETS_MICROS.into_iter();
    let bucket = |micros| (Some(micros as f64 / 1e6), histogram.count_up_to(micros));
    ends.map(bucket).chain([(None, histogram.count())]).collect()
}
