//! Who is too late: timers that fire, and what is due then.
//!
//! Part of [`Hub`]. Timer wheel -> **`expire`** -> a ping, a question, or a mark. What is due on a
//! connection says its `Client`; this file carries it out and sets the next timer.
//!
//! Nobody is late whose word lies in the kernel. Most connections are read as soon as something
//! arrives, so everything was heard before the timers. But who is read at ticks has perhaps spoken
//! since the last one: it becomes a suspect, is read, and is judged then.

use gamekeeper_protocol::ServerMessage;

use super::{Hub, Output, leaving, list_for_flush, wheel::TimerWheel};
use crate::{
    client::{
        Client, Due,
        flight::Moment,
        leave::{Leave, LeavePath},
        phase::Phase,
    },
    frames::short_frame,
    ids::ConnectionId,
    limits::Limits,
    metrics::Farewell,
    time::Time,
};

impl Hub {
    /// Looks at every deadline that has come. Who is late and is read at ticks only becomes a
    /// suspect: nobody is late whose word lies in the kernel.
    pub fn expire(&mut self, now: Time) {
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.expire(now, &mut fired);
        for slot in fired.drain(..) {
            let Some(id) = self.clients.id_of(slot) else { continue };
            let client = self.clients.get(id).expect("the table's own id");
            if client.heard_at_ticks && client.due(now, &self.limits) != Due::Nothing {
                self.suspects.push(id);
            } else {
                self.judge(id, now);
            }
        }
        self.fired = fired;
        if self.leave_lines.next_due().is_some_and(|due| now >= due) {
            self.tell_left_out();
        }
        self.metrics.seats_given_up += self.lobby.expire(now);
    }

    /// The next connection that must be read and then judged, before anything else happens.
    pub fn next_suspect(&mut self) -> Option<ConnectionId> {
        self.suspects.pop()
    }

    /// Does what is due on a connection of which everything was read.
    pub fn judge(&mut self, id: ConnectionId, now: Time) {
        self.expire_one(id, now);
        self.rearm(id, now);
    }

    fn expire_one(&mut self, id: ConnectionId, now: Time) {
        let Some(client) = self.clients.get_mut(id) else { return };
        match client.due(now, &self.limits) {
            Due::Nothing => {}
            Due::Ping => {
                client.pulse.pinged_at = Some(now);
                client.flight.note(Moment::Ping, now);
                let nonce = client.pulse.asked(client.outbound.reliable_bytes(), now);
                client.outbound.push_reliable(short_frame(&ServerMessage::Ping { nonce }));
                list_for_flush(&mut self.flush_list, id, client);
            }
            Due::Silent => {
                client.pulse.silent = true;
                client.flight.note(Moment::Silent, now);
                if let Phase::Playing(place) = client.phase {
                    self.lobby.set_stalled(place, id, true, now);
                }
            }
            Due::Leave(reason) => {
                let detail = leaving::too_late(reason, &self.limits);
                self.mark(id, Leave { reason, path: LeavePath::Timer }, detail);
            }
            Due::AskUnsent => self.outputs.push_back(Output::AskUnsent(id)),
            Due::CutFarewell => self.end_farewell(id, Farewell::Deadline),
        }
    }

    /// The kernel's word on what a peer has not acknowledged.
    pub(super) fn unsent_known(
        &mut self,
        id: ConnectionId,
        unsent_bytes: Option<usize>,
        now: Time,
    ) {
        let Some(client) = self.clients.get_mut(id) else { return };
        match client.phase {
            Phase::Lingering(_) => self.farewell_unsent(id, unsent_bytes, now),
            Phase::Playing(_) => {
                if let Some(reason) = client.pulse.look(unsent_bytes, now, &self.limits) {
                    let detail = leaving::too_late(reason, &self.limits);
                    self.mark(id, Leave { reason, path: LeavePath::Timer }, detail);
                } else {
                    self.rearm(id, now);
                }
            }
            Phase::Handshake | Phase::Dying(_) | Phase::Dead => {}
        }
    }

    /// Sets a connection's timer to its next deadline.
    pub(super) fn rearm(&mut self, id: ConnectionId, now: Time) {
        match self.clients.get(id).and_then(|client| client.next_deadline(now, &self.limits)) {
            Some(deadline) => self.wheel.set(id.slot, deadline, now),
            None => self.wheel.cancel(id.slot),
        }
    }
}

/// Sets a connection's timer to its next deadline, if that has come nearer.
pub(super) fn rearm_earlier(
    wheel: &mut TimerWheel,
    id: ConnectionId,
    client: &Client,
    now: Time,
    limits: &Limits,
) {
    if let Some(deadline) = client.next_deadline(now, limits) {
        wheel.set_earlier(id.slot, deadline, now);
    }
}
