//! From a room to its members' outbound queues.
//!
//! Part of [`Hub`](super::Hub). Who overflows or is kicked is only noted here, and marked when the
//! room is done: nobody leaves in the middle of a tick.

use std::{borrow::Cow, collections::VecDeque};

use gamekeeper_protocol::{EncodeError, ServerMessage};

use super::{leaving, list_for_flush, rearm_earlier, table::Table, wheel::TimerWheel};
use crate::{
    client::{
        Client,
        flight::Moment,
        leave::{Leave, LeavePath, LeaveReason},
    },
    frames::{SharedFrame, short_frame},
    ids::ConnectionId,
    limits::Limits,
    metrics::Metrics,
    room::Sink,
    time::Time,
};

/// Takes a room's frames into its members' queues.
pub(super) struct Delivery<'a> {
    pub(super) wheel: &'a mut TimerWheel,
    pub(super) clients: &'a mut Table<Client>,
    pub(super) flush_list: &'a mut VecDeque<ConnectionId>,
    pub(super) metrics: &'a mut Metrics,
    pub(super) limits: &'a Limits,
    pub(super) now: Time,
    /// Who is to be marked once the room is done.
    pub(super) leaving: Vec<(ConnectionId, Leave, Cow<'static, str>)>,
}

impl Delivery<'_> {
    /// The client, if it still takes part.
    fn open(&mut self, id: ConnectionId) -> Option<&mut Client> {
        self.clients.get_mut(id).filter(|client| client.phase.is_open())
    }
}

impl Sink for Delivery<'_> {
    fn reliable(&mut self, to: ConnectionId, frame: &SharedFrame) {
        let (now, limits) = (self.now, self.limits);
        let Some(client) = self.open(to) else { return };
        client.outbound.push_reliable(SharedFrame::clone(frame));
        let overflow = client.weigh(now, limits);
        if let Some(client) = self.clients.get_mut(to) {
            list_for_flush(self.flush_list, to, client);
            if client.pulse.over_soft_since == Some(now) {
                rearm_earlier(self.wheel, to, client, now, limits);
            }
        }
        if let Some(reason) = overflow {
            let detail = leaving::too_late(reason, limits);
            self.leaving.push((to, Leave { reason, path: LeavePath::App }, detail));
        }
    }

    fn latest(&mut self, to: ConnectionId, frame: &SharedFrame) {
        let Some(client) = self.clients.get_mut(to).filter(|client| client.phase.is_open()) else {
            return;
        };
        if client.pulse.is_to_be_asked(self.now, self.limits) {
            // Beside a state the question costs no send of its own.
            client.flight.note(Moment::Ping, self.now);
            let nonce = client.pulse.asked(client.outbound.reliable_bytes(), self.now);
            client.outbound.push_reliable(short_frame(&ServerMessage::Ping { nonce }));
            rearm_earlier(self.wheel, to, client, self.now, self.limits);
        }
        self.metrics.snapshots += 1;
        if client.outbound.set_latest(SharedFrame::clone(frame)) {
            self.metrics.snapshots_skipped += 1;
            client.flight.note(Moment::SnapshotSkipped, self.now);
        }
        list_for_flush(self.flush_list, to, client);
    }

    fn kick(&mut self, who: ConnectionId, text: String) {
        let leave = Leave { reason: LeaveReason::Kicked, path: LeavePath::App };
        self.leaving.push((who, leave, text.into()));
    }

    fn unreadable(&mut self, who: ConnectionId, error: &EncodeError) {
        tracing::error!(connection = %who, %error, "what the game has for a player cannot be sent");
        let leave = Leave { reason: LeaveReason::Internal, path: LeavePath::App };
        self.leaving.push((who, leave, "what the game has for you cannot be sent".into()));
    }
}
