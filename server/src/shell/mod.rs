//! The event loop: the only part of the server that does I/O.
//!
//! Data flow: socket -> **`EventLoop`** -> [`Hub`] -> **`EventLoop`** -> socket.
//!
//! The loop moves bytes and carries out what the hub says; it decides nothing about players. It is
//! generic over [`Net`], so this very code also runs on a simulated kernel.
//!
//! Readiness is edge-triggered, so the loop keeps its own lists of who may have something to read
//! and who may be written to. A connection leaves the read list only when the kernel has said that
//! nothing is left: by `WouldBlock`, by the end, by an error, or by a short read while no end was
//! hinted at (an end that comes later makes a new edge). Whoever plays in a room that ticks often
//! is in that list at each tick of its room and, but for its end, at no other time.
//!
//! One turn, in this order, for these reasons:
//!
//! | step | why here |
//! |---|---|
//! | poll, collect flags | no I/O inside the batch, so nothing in it can be freed or reused |
//! | read, within budgets | before the timers: what lies in the kernel counts as heard |
//! | timers | |
//! | leaves, rooms, leaves | who is known to be gone is gone from the tick |
//! | poll again, without waiting | who has closed meanwhile is found *before* it is written to |
//! | write | an error only marks; the others are written to |
//! | leaves, closes | the one place where slots are freed |
//! | accept | last, so a new connection never meets an event of an old one's |

pub mod accept;
pub mod admin;
pub mod listen;
pub mod net;
pub mod real;

mod lab;
mod process;
mod shed;
mod stop;
mod traffic;

use std::{collections::VecDeque, io, time::Duration};

use self::{
    accept::Door,
    admin::AdminDesk,
    lab::LabDesk,
    net::{Flags, Hearing, Net, NetEvent, Polled, Token, TokenKind},
    stop::Stop,
};
use crate::{
    company::Bots,
    hub::{Hub, Output},
    ids::ConnectionId,
    lab::Lab,
    limits::ms,
    time::Time,
};

/// A turn that begins later than this after its time means that the server was paused. And while
/// somebody is connected, none begins later than this after the last one: a pause could hide in a
/// longer sleep, until just behind the deadline that ends it.
const PAUSE: Duration = Duration::from_millis(500);

/// Deadlines wait for so many turns that do not hear everything, and no longer: whoever keeps the
/// server busy must not keep others connected for ever.
const FULL_POLLS_MAX: u32 = 64;

/// The loop, its sockets and the hub.
pub struct EventLoop<N: Net> {
    net: N,
    hub: Hub,
    /// Sockets by slot; the same slots as the hub's.
    links: Vec<Option<Link<N::Stream>>>,
    /// Connections that may have something to read, in the order in which they became ready.
    ready: VecDeque<ConnectionId>,
    door: Door,
    desk: AdminDesk<N::Stream>,
    lab_desk: LabDesk,
    events: Vec<NetEvent>,
    scratch: Box<[u8]>,
    stop: Stop,
    /// When the last turn began.
    turn_begun_at: Time,
    /// Whether the last poll has reported everything.
    polled: Polled,
    /// Turns in a row that began with a poll after which there may have been more.
    full_polls: u32,
}

/// One connection's socket and what the loop knows of its readiness.
struct Link<S> {
    stream: S,
    id: ConnectionId,
    /// Whether a read may return something. True exactly while it is in the ready list.
    readable: bool,
    /// Whether a write may be taken.
    writable: bool,
    /// Whether the kernel hinted at an end that no read has confirmed yet.
    end_hinted: bool,
    /// When it is read.
    hearing: Hearing,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Another turn.
    Continue,
    /// Everybody is gone after a stop, or the stop's deadline passed.
    Stopped,
    /// A second stop: do not wait for anybody.
    Aborted,
}

impl<N: Net> EventLoop<N> {
    /// A loop with `listeners` game listeners; with an admin listener behind them if `admin`.
    pub fn new(net: N, hub: Hub, listeners: usize, admin: bool) -> Self {
        let read_bytes = usize::try_from(hub.limits().read_per_turn_bytes).expect("64-bit system");
        let turn_begun_at = net.now();
        let desk = AdminDesk::new(admin.then_some(listeners), hub.limits());
        Self {
            net,
            hub,
            links: Vec::new(),
            ready: VecDeque::new(),
            door: Door::new(listeners),
            desk,
            lab_desk: LabDesk::closed(),
            events: Vec::with_capacity(1024),
            scratch: vec![0; read_bytes].into_boxed_slice(),
            stop: Stop::NotAsked,
            turn_begun_at,
            polled: Polled::Everything,
            full_polls: 0,
        }
    }

    /// Gives the loop a lab, and the bots for it if there are any.
    pub fn set_lab(&mut self, lab: Lab, bots: Option<Bots>) {
        self.lab_desk = LabDesk::new(lab, bots);
    }

    /// Turns until the server has stopped.
    ///
    /// # Errors
    ///
    /// Only if the poll itself fails. No client can cause that.
    pub fn run(&mut self) -> io::Result<Flow> {
        loop {
            match self.turn()? {
                Flow::Continue => {}
                end => {
                    self.hub.tell_left_out();
                    return Ok(end);
                }
            }
        }
    }

    /// One turn.
    ///
    /// # Errors
    ///
    /// Only if the poll itself fails.
    pub fn turn(&mut self) -> io::Result<Flow> {
        let until = self.wake_at();
        if let Flow::Aborted = self.poll(until)? {
            return Ok(Flow::Aborted);
        }
        let now = self.net.now();
        self.forgive_pause(until, now);
        self.end_grace(now);
        self.list_members_due(now);
        self.read_ready(now);
        if self.has_heard_everything() {
            self.hub.expire(now);
            self.judge_suspects(now);
        }
        self.hub.settle(now);
        self.tick_rooms(now);
        self.hub.settle(now);
        if self.hub.wants_flush() {
            if let Flow::Aborted = self.poll(Some(Time::ZERO))? {
                return Ok(Flow::Aborted);
            }
            let now = self.net.now();
            self.read_ended(now);
            self.hub.settle(now);
            self.flush(now);
            self.hub.settle(now);
        }
        self.carry_out(now);
        self.accept(now);
        self.serve_admin(now);
        self.lab_desk.serve(now);
        self.hub.metrics_mut().turns += 1;
        Ok(self.stop_state(now))
    }

    /// Whether all that had arrived by now was read, so that who is too late is too late.
    fn has_heard_everything(&mut self) -> bool {
        self.full_polls = match self.polled {
            Polled::AsMuchAsFits if self.full_polls < FULL_POLLS_MAX => self.full_polls + 1,
            _ => 0,
        };
        self.full_polls == 0
    }

    /// If the server itself did not run for a while (the machine was paused, a game took seconds),
    /// nobody's deadline counts that time: what they sent meanwhile has not been read yet.
    fn forgive_pause(&mut self, until: Option<Time>, now: Time) {
        // When this turn should have begun at the latest; without a plan nobody waits for anything.
        let planned = until.map_or(now, |until| until.max(self.turn_begun_at));
        let late = now.since(planned);
        if late > PAUSE {
            tracing::warn!(late_ms = late.as_millis(), "the server did not run for a while");
            self.hub.forgive(late, now);
        }
        self.turn_begun_at = now;
    }

    /// The hub, to look at.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The network, to look at.
    pub fn net(&self) -> &N {
        &self.net
    }

    /// The network, for whoever has made it.
    pub fn net_mut(&mut self) -> &mut N {
        &mut self.net
    }

    /// When the next turn must begin at the latest.
    fn wake_at(&self) -> Option<Time> {
        if !self.ready.is_empty() || self.door.is_open() && self.hub.has_room() {
            return Some(Time::ZERO);
        }
        let desks = [self.desk.wake_at(), self.lab_desk.wake_at()];
        let own = desks.into_iter().chain([self.door.retry_at(), self.stop.due()]);
        let look_up = (!self.hub.is_idle()).then(|| self.turn_begun_at + PAUSE);
        own.chain([look_up, self.hub.next_due()]).flatten().min()
    }

    /// Polls and notes what is ready. No other I/O, nothing is freed.
    fn poll(&mut self, until: Option<Time>) -> io::Result<Flow> {
        self.events.clear();
        self.polled = self.net.poll(until, &mut self.events)?;
        let events = std::mem::take(&mut self.events);
        for event in &events {
            if let NetEvent::Ready { token, flags } = *event {
                self.note(token, flags);
            }
        }
        // Signals that arrive together are one request.
        let stop = events.contains(&NetEvent::Stop);
        self.events = events;
        match stop {
            true if self.hub.is_stopping() => return Ok(Flow::Aborted),
            true => self.begin_stop(self.net.now()),
            false => {}
        }
        Ok(Flow::Continue)
    }

    fn note(&mut self, token: Token, flags: Flags) {
        match token.kind {
            TokenKind::Listener if self.desk.is_listener(token) => self.desk.knock(),
            TokenKind::Listener => self.door.knock(token.slot as usize),
            TokenKind::Admin => self.desk.note(token, flags),
            TokenKind::Internal => {}
            TokenKind::Player => {
                let id = ConnectionId { slot: token.slot, generation: token.generation };
                let Some(link) = link_mut(&mut self.links, id) else {
                    self.hub.metrics_mut().events_stale += 1;
                    return;
                };
                let end_hinted = flags.closed || link.hearing == Hearing::AtTicks;
                link.end_hinted |= end_hinted;
                if (flags.readable || end_hinted) && !link.readable {
                    link.readable = true;
                    self.ready.push_back(id);
                }
                if flags.writable && !link.writable {
                    link.writable = true;
                    self.hub.flush_again(id);
                }
            }
        }
    }

    /// Ticks every room that is due. Each tick gets its own look at the clock: the stamp of a
    /// measured state must not be older than the state.
    fn tick_rooms(&mut self, now: Time) {
        let mut begun = now;
        while self.hub.tick_next(now, begun).is_some() {
            let ended = self.net.now();
            self.hub.tick_took(ended.since(begun));
            begun = ended;
        }
    }

    /// Does what the hub says, and closes sockets: the one place where slots are freed.
    fn carry_out(&mut self, now: Time) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Hear { connection, when } => self.hear(connection, when, now),
                Output::ShutdownWrite(id) => self.shutdown_write(id, now),
                Output::AskUnsent(id) => self.ask_unsent(id, now),
                Output::Close { connection, reset } => {
                    if let Some(link) = take_link(&mut self.links, connection) {
                        if reset {
                            self.net.reset_on_close(&link.stream);
                        }
                        self.net.close(link.stream);
                    }
                    self.hub.closed(connection);
                }
            }
        }
    }
}

/// The link of exactly this connection.
fn link_mut<S>(links: &mut [Option<Link<S>>], id: ConnectionId) -> Option<&mut Link<S>> {
    links.get_mut(id.slot as usize)?.as_mut().filter(|link| link.id == id)
}

/// Takes out the link of exactly this connection.
fn take_link<S>(links: &mut [Option<Link<S>>], id: ConnectionId) -> Option<Link<S>> {
    links.get_mut(id.slot as usize)?.take_if(|link| link.id == id)
}

/// How long a listener is left alone after it could not accept.
fn retry_after(hub: &Hub) -> Duration {
    ms(hub.limits().accept_retry_ms)
}
