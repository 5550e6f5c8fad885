//! All connections and all rooms, as one pure state machine.
//!
//! Data flow: shell -> [`Input`] -> **`Hub`** -> room; room -> frames -> **`Hub`** -> [`Output`]
//! and unsent bytes -> shell.
//!
//! The hub does no I/O and asks no clock: `now` is an argument. In one turn of its loop the shell
//! calls, in this order:
//!
//! 1. [`Hub::handle`] for everything that was read, those of [`Hub::members_due`] included,
//! 2. [`Hub::expire`] for the deadlines, and [`Hub::judge`] for each of [`Hub::next_suspect`],
//! 3. [`Hub::settle`], then [`Hub::tick_next`] until no room is due, then [`Hub::settle`],
//! 4. [`Hub::next_flush`], [`Hub::unsent`] and [`Input::Wrote`] for everything that can be written,
//!    then [`Hub::settle`],
//! 5. [`Hub::poll_output`] until it is empty, and [`Hub::closed`] for each socket it closed,
//! 6. [`Hub::admit`] for new connections.
//!
//! Deep in a call a connection is only *marked* as ending, by `Hub::mark`; what follows from
//! that happens in [`Hub::settle`]; and its slot is freed in [`Hub::closed`] and nowhere else.

pub mod departures;
pub mod io;
pub mod table;
pub mod wheel;

mod browsers;
mod conversation;
mod deadlines;
mod delivery;
mod inbound;
mod inspect;
mod leaving;
mod lingering;
mod outgoing;

use std::{borrow::Cow, collections::VecDeque, time::Duration};

pub use self::browsers::WebOptions;
pub use self::inspect::Population;
pub use self::io::{End, Errno, Hearing, Input, Output};
pub use self::leaving::FullNotice;
use self::{
    deadlines::rearm_earlier, delivery::Delivery, departures::Departures, lingering::Lingering,
    outgoing::list_for_flush, table::Table, wheel::TimerWheel,
};
use crate::{
    client::{
        Client,
        leave::{Leave, LeavePath, LeaveReason, Rejection},
        phase::{Ending, Phase},
    },
    guard::{
        addresses::{Addresses, Refusal},
        lines::LineShares,
    },
    ids::{ConnectionId, PeerAddr},
    limits::Limits,
    metrics::{AcceptOutcome, Metrics},
    room::lobby::{Lobby, Ticked},
    time::Time,
};

/// Every connection and every room of a server.
///
/// Invariant: a connection is in `dying` exactly while its phase is [`Phase::Dying`].
/// Invariant: every connection that is not dying or dead has a timer in `wheel`, and it is set to
/// the connection's next deadline or to an earlier time.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    started_at: Time,
    /// The game of a hello that names none.
    default_game: String,
    web: WebOptions,
    clients: Table<Client>,
    wheel: TimerWheel,
    lobby: Lobby,
    addresses: Addresses,
    /// Who may have how many of its leaves in the log.
    leave_lines: LineShares,
    departures: Departures,
    /// Marked connections, in the order of the marks.
    dying: VecDeque<ConnectionId>,
    outputs: VecDeque<Output>,
    /// Connections that may have something to write.
    flush_list: VecDeque<ConnectionId>,
    /// Connections in [`Phase::Lingering`].
    lingering: Lingering,
    /// Connections in [`Phase::Dead`], whose socket the shell has yet to close.
    dead: usize,
    /// Set by [`Hub::drain`] and [`Hub::stop`]: nobody comes in any more.
    stopping: bool,
    /// Set by [`Hub::stop`]: everybody is told to go.
    telling: bool,
    metrics: Metrics,
    /// Buffer for the slots whose timers fired.
    fired: Vec<u32>,
    /// Who is late as far as is known, and may have said something that was not read yet.
    suspects: Vec<ConnectionId>,
}

impl Hub {
    /// A hub without connections.
    pub fn new(limits: Limits, default_game: String, lobby: Lobby, now: Time) -> Self {
        let leave_lines = LineShares::new(&limits, now);
        Self {
            limits,
            started_at: now,
            default_game,
            web: WebOptions::default(),
            clients: Table::new(),
            wheel: TimerWheel::new(),
            lobby,
            addresses: Addresses::new(),
            leave_lines,
            departures: Departures::default(),
            dying: VecDeque::new(),
            outputs: VecDeque::new(),
            flush_list: VecDeque::new(),
            lingering: Lingering::default(),
            dead: 0,
            stopping: false,
            telling: false,
            metrics: Metrics::new(),
            fired: Vec::new(),
            suspects: Vec::new(),
        }
    }

    /// Sets how browsers are treated.
    pub fn serve_browsers(&mut self, options: WebOptions) {
        self.web = options;
    }

    // ---- input

    /// Takes in a connection that was just accepted.
    ///
    /// When the server is full the connection is taken in all the same, to be told so and closed.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if its address asks too much: the shell closes it without a word.
    pub fn admit(&mut self, peer: PeerAddr, now: Time) -> Result<ConnectionId, Refusal> {
        if let Err(refusal) = self.addresses.arrive(&peer, &self.limits, now) {
            self.metrics.accept(match refusal {
                Refusal::TooMany => AcceptOutcome::AddressFull,
                Refusal::TooFast => AcceptOutcome::RateLimited,
            });
            return Err(refusal);
        }
        let strangers = self.population().handshake as u64;
        let full = self.clients.len() as u64 >= self.limits.connections_max
            || strangers >= self.limits.handshakes_max;
        let id = self.clients.insert_with(|_| Client::new(peer, &self.limits, now));
        self.metrics.accepted += 1;
        self.metrics.accept(if full { AcceptOutcome::Full } else { AcceptOutcome::Ok });
        if full {
            let leave =
                Leave { reason: LeaveReason::Rejected(Rejection::Full), path: LeavePath::Accept };
            self.mark(id, leave, leaving::FULL.into());
        } else {
            self.rearm(id, now);
        }
        Ok(id)
    }

    /// Whether the shell may accept another connection: there is a slot for it, if only to be
    /// told that the server is full.
    pub fn has_room(&self) -> bool {
        let slots_max = self.limits.connections_max + self.limits.lingering_max;
        !self.stopping && (self.clients.len() as u64) < slots_max
    }

    /// Something happened on a connection. Ids of connections that are gone are ignored.
    ///
    /// Whether the shell may go on with it: read more of it after bytes, because it has not had its
    /// share of the turn yet; write more to it after a write, because something is left.
    pub fn handle(&mut self, input: Input<'_>, now: Time) -> bool {
        match input {
            Input::Bytes { from, bytes } => return self.handle_bytes(from, bytes, now),
            Input::Wrote { connection, taken_bytes } => {
                return self.wrote(connection, taken_bytes, now);
            }
            Input::Ended { connection, how, path } => self.handle_ended(connection, how, path),
            Input::Unsent { connection, unsent_bytes } => {
                self.unsent_known(connection, unsent_bytes, now);
            }
        }
        false
    }

    /// The server itself did not run for a while: nobody's deadline counts that time.
    pub fn forgive(&mut self, pause: Duration, now: Time) {
        self.metrics.pauses += 1;
        let everybody: Vec<ConnectionId> = self.clients.ids().collect();
        for id in everybody {
            if let Some(client) = self.clients.get_mut(id) {
                client.forgive(pause, now);
                self.rearm(id, now);
            }
        }
        self.lobby.forgive(pause);
    }

    /// The connections that are to be read before the rooms tick that are due at `due_by`.
    pub fn members_due(&self, due_by: Time) -> impl Iterator<Item = ConnectionId> + '_ {
        self.lobby.members_due(due_by)
    }

    /// Ticks one room that is due at `due_by`, if there is one.
    ///
    /// `due_by` must stay the same for all ticks of a turn: then each room ticks at most once in
    /// it, however long the ticks take. `now` may be later: a measured snapshot is stamped with it.
    pub fn tick_next(&mut self, due_by: Time, now: Time) -> Option<Ticked> {
        let mut delivery = Delivery {
            wheel: &mut self.wheel,
            clients: &mut self.clients,
            flush_list: &mut self.flush_list,
            metrics: &mut self.metrics,
            limits: &self.limits,
            now,
            leaving: Vec::new(),
        };
        let mut ticked = self.lobby.tick_next(due_by, now, &mut delivery)?;
        let leaving = delivery.leaving;
        self.metrics.ticks += 1;
        self.metrics.ticks_missed += ticked.missed;
        self.metrics.player_ticks += ticked.players as u64;
        self.metrics.tick_late.record(now.since(ticked.planned));
        for (id, leave, detail) in leaving {
            self.mark(id, leave, detail);
        }
        if let Some((failure, connections)) = ticked.failed.take() {
            tracing::error!(room = %ticked.room, %failure, "a room has failed and is closed");
            let leave = Leave { reason: LeaveReason::RoomFailed, path: LeavePath::App };
            for id in connections {
                self.mark(id, leave, "the game in this room has failed; join again".into());
            }
        }
        Some(ticked)
    }

    /// Notes how long the last tick took.
    pub fn tick_took(&mut self, time: Duration) {
        self.metrics.tick_time.record(time);
    }

    /// Begins a stop that lets players play on: nobody comes in any more, and whoever has not said
    /// hello yet is told and leaves. Whoever loses its connection now has left.
    pub fn drain(&mut self, now: Time) {
        self.stopping = true;
        self.lobby.hold_no_seats(now);
        self.dismiss(|phase| matches!(phase, Phase::Handshake));
    }

    /// Begins a stop, or ends the time in which players might play on: everybody is told and
    /// leaves.
    pub fn stop(&mut self, now: Time) {
        self.drain(now);
        self.telling = true;
        self.dismiss(Phase::is_open);
    }

    // ---- output

    /// The next thing that the shell must do.
    ///
    /// After the last one no more connections linger than may: everybody's farewell has then had
    /// its chance to be written and acknowledged in this turn.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() {
            self.crowd_out();
        }
        self.outputs.pop_front()
    }

    /// When the hub next has something to do by itself; [`Time::ZERO`] if it has right now.
    pub fn next_due(&self) -> Option<Time> {
        if !self.dying.is_empty() || !self.outputs.is_empty() || self.wants_flush() {
            return Some(Time::ZERO);
        }
        [self.wheel.next_due(), self.lobby.next_due(), self.leave_lines.next_due()]
            .into_iter()
            .flatten()
            .min()
    }

    // ---- internals

    /// Sends away those in such a phase, because the server stops.
    fn dismiss(&mut self, whom: fn(&Phase) -> bool) {
        let everybody: Vec<ConnectionId> = self.clients.ids().collect();
        let leave = Leave { reason: LeaveReason::Shutdown, path: LeavePath::App };
        for id in everybody {
            if self.clients.get(id).is_some_and(|client| whom(&client.phase)) {
                self.mark(id, leave, "the server is stopping".into());
            }
        }
    }

    /// Marks a connection as ending, for the first reason that is given; false if it was already.
    ///
    /// Nothing else happens until [`Hub::settle`]: whoever calls this may be in the middle of
    /// anything.
    fn mark(&mut self, id: ConnectionId, leave: Leave, detail: Cow<'static, str>) -> bool {
        let Some(client) = self.clients.get_mut(id) else { return false };
        let place = match client.phase {
            Phase::Handshake => None,
            Phase::Playing(place) => Some(place),
            Phase::Dying(_) | Phase::Lingering(_) | Phase::Dead => {
                self.metrics.late_reasons += 1;
                return false;
            }
        };
        client.phase.advance(Phase::Dying(Ending { leave, detail, place, broken: false }));
        self.dying.push_back(id);
        true
    }
}
