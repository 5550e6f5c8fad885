//! `/api/connections` and `/api/departures`: who is connected, how it is going, and who left.
//!
//! Data flow: query -> [`Selection`] -> **`respond`** -> JSON. Pure.
//!
//! An answer is bounded whatever the number of connections, because it is made between two ticks:
//! at most so many are shown and so many slots are looked at, and `next` says where to go on.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{
    View,
    http::Response,
    selection::{Address, LedgerPage, Selection},
};
use crate::{
    client::{Client, flight::FlightRecorder, phase::Phase},
    hub::departures::Departure,
    ids::{ConnectionId, PeerAddr, Place},
    time::Time,
};

/// Slots looked at for an answer, at most: an address may have few connections among many.
const LOOKED_AT_MAX: u32 = 16_384;

const ACCEPTED: &str = "\
accepted are, joined by &:\n\
after=ID      only connections behind this one (what `next` says)\n\
limit=N       at most so many of each list, 1 to 1000 [default: 100]\n\
address=ADDR  only those of an IP address, of an address with a port, or `unix`\n\
or, alone:\n\
id=ID         one connection with its history; an id is a slot and a generation, such as 12.3\n";

const LEDGER_ACCEPTED: &str = "\
accepted are, joined by &:\n\
after=N  only departures behind this number (what `next` said) [default: 0]\n\
limit=N  at most so many, 1 to 1000 [default: 100]\n";

/// Answers a request for connections.
pub(super) fn respond(view: &View<'_>, query: &str) -> Response {
    match Selection::of(query) {
        Ok(Selection::One(id)) => match one(view, id) {
            Some(answer) => Response::json(&answer),
            None => Response::text(
                404,
                &format!(
                    "{id} is not connected, and not among the last {} departures\n",
                    view.hub.limits().departures_kept_max
                ),
            ),
        },
        Ok(Selection::Many { from_slot, limit, address }) => {
            Response::json(&many(view, from_slot, limit, address))
        }
        Err(fault) => Response::text(400, &format!("{fault}\n{ACCEPTED}")),
    }
}

/// Answers a request for the ledger of departures.
pub(super) fn respond_ledger(view: &View<'_>, query: &str) -> Response {
    match LedgerPage::of(query) {
        Ok(LedgerPage { after, limit }) => Response::json(&ledger(view, after, limit)),
        Err(fault) => Response::text(400, &format!("{fault}\n{LEDGER_ACCEPTED}")),
    }
}

#[derive(Serialize)]
struct Ledger<'a> {
    /// Connections that have left since the start.
    total: u64,
    /// How many behind `after` are not remembered any more.
    forgotten: u64,
    /// What `after` must be to see what follows.
    next: u64,
    /// This moment, on the same clock as the times of the entries: the system's monotonic one.
    now_ns: u64,
    /// The oldest first.
    departures: Vec<LedgerEntry<'a>>,
}

#[derive(Serialize)]
pub(super) struct LedgerEntry<'a> {
    pub(super) number: u64,
    left_at_ns: u64,
    #[serde(flatten)]
    view: DepartureView<'a>,
}

impl<'a> LedgerEntry<'a> {
    fn of(departure: &'a Departure, now: Time) -> Self {
        Self {
            number: departure.number,
            left_at_ns: departure.at.as_nanos(),
            view: DepartureView::of(departure, now),
        }
    }

    /// With all that happened to it.
    pub(super) fn with_history(departure: &'a Departure, now: Time) -> Self {
        let mut entry = Self::of(departure, now);
        entry.view.history = Some(history(&departure.flight));
        entry
    }
}

fn ledger<'a>(view: &View<'a>, after: u64, limit: usize) -> Ledger<'a> {
    let departures = view.hub.departures();
    let entry = |departure: &'a Departure| LedgerEntry::of(departure, view.now);
    let entries: Vec<_> = departures.after(after).take(limit).map(entry).collect();
    Ledger {
        total: departures.total(),
        forgotten: departures.forgotten_after(after),
        next: entries.last().map_or(departures.total(), |entry| entry.number),
        now_ns: view.now.as_nanos(),
        departures: entries,
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    /// Connections that there are, shown or not.
    total: usize,
    connections: Vec<ConnectionView>,
    /// What `after` must be to see what follows; nothing if this is the end.
    next: Option<String>,
    /// The newest first.
    departures: Vec<DepartureView<'a>>,
}

#[derive(Serialize)]
pub(super) struct ConnectionView {
    #[serde(serialize_with = "as_text")]
    id: ConnectionId,
    #[serde(serialize_with = "as_text")]
    address: PeerAddr,
    state: &'static str,
    /// What it speaks, as far as that is known.
    wire: &'static str,
    age_seconds: f64,
    room: Option<u32>,
    player: Option<u32>,
    queued_bytes: usize,
    backlog_bytes: usize,
    bytes_in: u64,
    bytes_out: u64,
    round_trip_ms: Option<u64>,
    heard_seconds_ago: f64,
    /// Shown to its room as stalled: silent, although it was asked.
    stalled: bool,
    /// How long its socket has refused bytes and its peer acknowledged none.
    blocked_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<EventView>>,
}

#[derive(Serialize)]
pub(super) struct DepartureView<'a> {
    #[serde(serialize_with = "as_text")]
    id: ConnectionId,
    #[serde(serialize_with = "as_text")]
    address: PeerAddr,
    reason: &'static str,
    path: &'static str,
    detail: &'a str,
    age_seconds: f64,
    left_seconds_ago: f64,
    room: Option<u32>,
    player: Option<u32>,
    bytes_in: u64,
    bytes_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<EventView>>,
}

#[derive(Serialize)]
pub(super) struct EventView {
    at_ms: u32,
    what: &'static str,
    times: u16,
}

fn one<'a>(view: &View<'a>, id: ConnectionId) -> Option<Answer<'a>> {
    let client = view.hub.client(id);
    let departed = view.hub.departures().newest_first().find(|departure| departure.id == id);
    if client.is_none() && departed.is_none() {
        return None;
    }
    let connections = client.map(|client| ConnectionView {
        history: Some(history(&client.flight)),
        ..ConnectionView::of(id, client, view.now)
    });
    let departures = departed.map(|departure| DepartureView {
        history: Some(history(&departure.flight)),
        ..DepartureView::of(departure, view.now)
    });
    Some(Answer {
        total: view.hub.connections(),
        connections: connections.into_iter().collect(),
        next: None,
        departures: departures.into_iter().collect(),
    })
}

fn many<'a>(view: &View<'a>, from_slot: u32, limit: usize, address: Option<Address>) -> Answer<'a> {
    let is_wanted = |peer: &PeerAddr| address.is_none_or(|address| address.is_of(peer));
    let mut connections = Vec::new();
    let until_slot = view.hub.slots().min(from_slot.saturating_add(LOOKED_AT_MAX));
    let mut slot = from_slot;
    while slot < until_slot && connections.len() < limit {
        if let Some((id, client)) = view.hub.in_slot(slot)
            && is_wanted(&client.peer)
        {
            connections.push(ConnectionView::of(id, client, view.now));
        }
        slot += 1;
    }
    let departures = view.hub.departures().newest_first();
    let wanted = departures.filter(|departure| is_wanted(&departure.peer)).take(limit);
    Answer {
        total: view.hub.connections(),
        connections,
        next: (slot < view.hub.slots()).then(|| (slot - 1).to_string()),
        departures: wanted.map(|departure| DepartureView::of(departure, view.now)).collect(),
    }
}

impl ConnectionView {
    pub(super) fn of(id: ConnectionId, client: &Client, now: Time) -> Self {
        let place = match &client.phase {
            Phase::Playing(place) => Some(*place),
            Phase::Dying(ending) => ending.place,
            Phase::Handshake | Phase::Lingering(_) | Phase::Dead => None,
        };
        let (room, player) = room_and_player(place);
        let pulse = &client.pulse;
        let blocked = pulse.stall.filter(|_| pulse.refused);
        let round_trip_ms = |time: std::time::Duration| u64::try_from(time.as_millis()).ok();
        Self {
            id,
            address: client.peer,
            state: client.phase.label(),
            wire: client.inbox.label(),
            age_seconds: seconds(client.flight.age(now)),
            room,
            player,
            queued_bytes: client.outbound.unsent_bytes(),
            backlog_bytes: client.backlog.len(),
            bytes_in: client.bytes_in,
            bytes_out: client.bytes_out,
            round_trip_ms: pulse.round_trip.and_then(round_trip_ms),
            heard_seconds_ago: seconds(now.since(pulse.heard_at)),
            stalled: pulse.silent,
            blocked_seconds: blocked.map(|stall| seconds(now.since(stall.since))),
            history: None,
        }
    }
}

impl<'a> DepartureView<'a> {
    fn of(departure: &'a Departure, now: Time) -> Self {
        let (room, player) = room_and_player(departure.place);
        Self {
            id: departure.id,
            address: departure.peer,
            reason: departure.leave.reason.label(),
            path: departure.leave.path.label(),
            detail: &departure.detail,
            age_seconds: seconds(departure.flight.age(departure.at)),
            left_seconds_ago: seconds(now.since(departure.at)),
            room,
            player,
            bytes_in: departure.bytes_in,
            bytes_out: departure.bytes_out,
            history: None,
        }
    }
}

fn history(flight: &FlightRecorder) -> Vec<EventView> {
    let view = |event: &crate::client::flight::Event| EventView {
        at_ms: event.at_ms,
        what: event.what.label(),
        times: event.times,
    };
    flight.events().iter().map(view).collect()
}

fn room_and_player(place: Option<Place>) -> (Option<u32>, Option<u32>) {
    (place.map(|place| place.room.0), place.map(|place| place.player.0))
}

/// To the millisecond: more digits are only longer.
#[expect(clippy::cast_precision_loss, reason = "a connection does not last for 2^53 milliseconds")]
fn seconds(time: std::time::Duration) -> f64 {
    time.as_millis() as f64 / 1e3
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
