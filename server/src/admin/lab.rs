//! `/api/lab` and `/lab/send`: what the page of the teardown lab shows, and how it sends in bots.
//!
//! Data flow: query -> **`state`** -> JSON; request -> **`send`** -> [`Lab`] -> number of a run.
//! Pure. Both are bounded: `state` shows what is new since the last look, and `send` asks the lab,
//! which counts.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::{
    BucketsView, ConnectionsView, RoomView, View, buckets,
    connections::{ConnectionView, LedgerEntry},
    http::{Request, Response},
    query, rooms,
    selection::departure_number,
};
use crate::{
    hub::departures::Departure,
    lab::{
        Gate, Lab, Left, Refusal, Run, Transport,
        account::Account,
        causes::{self, CAUSES, Cause},
    },
    limits::Limits,
    web::origin::{OriginPolicy, is_a_plain_host},
};

/// Where bots are asked for.
pub(super) const SEND: &str = "/lab/send";

/// Connections that are shown, at most.
const MEMBERS_MAX: usize = 100;
/// Slots that are looked at for them, at most.
const SLOTS_MAX: u32 = 4_096;
/// Rooms that are shown, at most.
const ROOMS_MAX: usize = 20;
/// Departures in one answer, at most.
const DEPARTURES_MAX: usize = 100;
/// What bots did in one answer, at most.
const LEFT_MAX: usize = 400;

const STATE_ACCEPTED: &str = "\
accepted are, joined by &:\n\
after=N       only departures behind this number (what `next` said) [default: 0]\n\
left_after=N  only what the lab's bots did behind this number (`left_next`) [default: 0]\n";

const SEND_ACCEPTED: &str = "\
accepted are, joined by &:\n\
cause=NAME      how they leave: one of those in /api/lab\n\
bots=N          how many [default: 1]\n\
transport=NAME  tcp or ws [default: tcp]\n";

#[derive(Serialize)]
struct State<'a> {
    /// This moment, on the same clock as all times here: the system's monotonic one.
    now_ns: u64,
    started_ns: u64,
    open: bool,
    closed_because: Option<&'a str>,
    game: &'a str,
    /// Where browsers play; nothing if they do not.
    game_port: Option<u16>,
    /// Where that is; nothing if it is wherever the page is from.
    game_host: Option<String>,
    /// Whether bots may speak WebSocket.
    websocket: bool,
    bots_max: u64,
    bots_out: u32,
    causes: Vec<CauseView>,
    ticks: TicksView,
    connections: ConnectionsView,
    players_away: usize,
    rooms: Vec<RoomView<'a>>,
    rooms_total: usize,
    members: Vec<ConnectionView>,
    members_total: usize,
    /// The oldest first.
    departures: Vec<Told<'a>>,
    departures_forgotten: u64,
    departures_total: u64,
    /// What `after` must be to see what follows.
    next: u64,
    /// The oldest first.
    left: Vec<&'a Left>,
    /// What `left_after` must be to see what follows.
    left_next: u64,
    /// The oldest first.
    runs: Vec<&'a Run>,
}

#[derive(Serialize)]
struct CauseView {
    name: &'static str,
    label: &'static str,
    wire: &'static str,
    paragraph: &'static str,
    group: &'static str,
    websocket_only: bool,
    privilege: Option<&'static str>,
    /// About how long the server takes to notice.
    expect_seconds: f64,
}

#[derive(Serialize)]
struct TicksView {
    total: u64,
    missed: u64,
    late_buckets: BucketsView,
    work_buckets: BucketsView,
}

/// A departure, and what it means.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    entry: LedgerEntry<'a>,
    #[serde(flatten)]
    account: Account,
}

#[derive(Serialize)]
struct Sent {
    run: u32,
}

/// Everything that the page shows.
pub(super) fn state(view: &View<'_>, lab: &Lab, query: &str) -> Response {
    match cursors(query) {
        Ok((after, left_after)) => Response::json(&look(view, lab, after, left_after)),
        Err(fault) => Response::text(400, &format!("{fault}\n{STATE_ACCEPTED}")),
    }
}

/// Sends in bots, if whoever asks may.
///
/// A page of elsewhere could make a browser ask, so that its origin must be this listener. And a
/// name that somebody else has pointed here is not believed either: only numbers and `localhost`.
pub(super) fn send(view: &View<'_>, lab: &mut Lab, request: &Request) -> Response {
    let (origin, host) = (request.origin.as_deref(), request.host.as_deref());
    let is_own = OriginPolicy::new(false, Vec::new()).allows(origin, host);
    if !is_own || !host.is_some_and(is_a_plain_host) {
        return Response::text(
            403,
            "bots are sent in from the page /lab of this very address, or by a program; open it \
             by its number or as localhost\n",
        );
    }
    let order = match Wanted::of(&request.query) {
        Ok(order) => order,
        Err(fault) => return Response::text(400, &format!("{fault}\n{SEND_ACCEPTED}")),
    };
    match lab.send(order.cause, order.bots, order.transport, view.hub.limits(), view.now) {
        Ok(run) => Response::json(&Sent { run }),
        Err(refusal) => {
            let status = match refusal {
                Refusal::Closed(_) | Refusal::NoWebSocket => 403,
                Refusal::TooMany { .. } | Refusal::TooManyRuns => 429,
                Refusal::NeedsWebSocket | Refusal::OutOfRange { .. } => 400,
                Refusal::TooPatient { .. } => 409,
            };
            Response::text(status, &format!("{refusal}\n"))
        }
    }
}

/// What is asked for.
struct Wanted {
    cause: &'static Cause,
    bots: u32,
    transport: Transport,
}

impl Wanted {
    fn of(query: &str) -> Result<Self, String> {
        let (mut cause, mut bots, mut transport) = (None, 1, Transport::Tcp);
        for (name, value) in query::parse(query)? {
            match name.as_str() {
                "cause" => {
                    let found = causes::find(&value);
                    cause = Some(found.ok_or_else(|| format!("there is no cause {value:?}"))?);
                }
                "bots" => {
                    let fault = || format!("bots is {value:?}, but must be a number");
                    bots = value.parse().map_err(|_| fault())?;
                }
                "transport" => {
                    transport = match value.as_str() {
                        "tcp" => Transport::Tcp,
                        "ws" => Transport::Ws,
                        _ => return Err(format!("transport is {value:?}, but must be tcp or ws")),
                    }
                }
                other => return Err(format!("there is no parameter {other:?}")),
            }
        }
        let cause = cause.ok_or("cause is missing")?;
        Ok(Self { cause, bots, transport })
    }
}

fn cursors(query: &str) -> Result<(u64, u64), String> {
    let (mut after, mut left_after) = (0, 0);
    for (name, value) in query::parse(query)? {
        let cursor = match name.as_str() {
            "after" => &mut after,
            "left_after" => &mut left_after,
            other => return Err(format!("there is no parameter {other:?}")),
        };
        *cursor = departure_number(&name, &value)?;
    }
    Ok((after, left_after))
}

fn look<'a>(view: &View<'a>, lab: &'a Lab, after: u64, left_after: u64) -> State<'a> {
    let (hub, metrics) = (view.hub, view.hub.metrics());
    let (departures, population) = (hub.departures(), hub.population());
    let told = |departure: &'a Departure| Told {
        entry: LedgerEntry::with_history(departure, view.now),
        account: Account::of(departure),
    };
    let told: Vec<_> = departures.after(after).take(DEPARTURES_MAX).map(told).collect();
    let left: Vec<_> = lab.left_after(left_after).take(LEFT_MAX).collect();
    let closed_because = match lab.gate() {
        Gate::Open => None,
        Gate::Closed(why) => Some(why.as_str()),
    };
    let playable = lab.way().filter(|way| way.web).map(|way| way.listen);
    let in_slots = (0..hub.slots().min(SLOTS_MAX)).filter_map(|slot| hub.in_slot(slot));
    let members = in_slots.map(|(id, client)| ConnectionView::of(id, client, view.now));
    State {
        now_ns: view.now.as_nanos(),
        started_ns: hub.started_at().as_nanos(),
        open: closed_because.is_none(),
        closed_because,
        game: hub.game(),
        game_port: playable.map(|listen| listen.port()),
        game_host: playable.and_then(host),
        websocket: playable.is_some(),
        bots_max: hub.limits().lab_bots_max,
        bots_out: lab.bots_out(),
        causes: CAUSES.iter().map(|cause| CauseView::of(cause, hub.limits())).collect(),
        ticks: TicksView {
            total: metrics.ticks,
            missed: metrics.ticks_missed,
            late_buckets: buckets(&metrics.tick_late),
            work_buckets: buckets(&metrics.tick_time),
        },
        connections: ConnectionsView::of(&population),
        players_away: population.away,
        rooms: rooms(hub).take(ROOMS_MAX).collect(),
        rooms_total: hub.lobby().rooms().len(),
        members: members.take(MEMBERS_MAX).collect(),
        members_total: hub.connections(),
        departures_forgotten: departures.forgotten_after(after),
        departures_total: departures.total(),
        next: told.last().map_or(departures.total(), |told| told.entry.number),
        departures: told,
        left_next: left.last().map_or(lab.left_total(), |left| left.number),
        left,
        runs: lab.runs().collect(),
    }
}

/// The host of an address as it stands in a URL; nothing if it is every address.
fn host(address: SocketAddr) -> Option<String> {
    match address.ip() {
        ip if ip.is_unspecified() => None,
        IpAddr::V4(ip) => Some(ip.to_string()),
        IpAddr::V6(ip) => Some(format!("[{ip}]")),
    }
}

impl CauseView {
    #[expect(clippy::cast_precision_loss, reason = "a limit is far below 2^53 milliseconds")]
    fn of(cause: &Cause, limits: &Limits) -> Self {
        Self {
            name: cause.name,
            label: cause.label,
            wire: cause.wire,
            paragraph: cause.paragraph,
            group: cause.group.label(),
            websocket_only: cause.websocket_only,
            privilege: cause.privilege,
            expect_seconds: cause.noticed_ms.map_or(0.0, |of| of(limits) as f64 / 1e3),
        }
    }
}
