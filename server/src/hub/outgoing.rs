//! What is to be written: who has something, what it is, and what became of it.
//!
//! Part of [`Hub`]. Room -> delivery -> **flush list** -> shell -> [`Input::Wrote`](super::Input).

use std::{collections::VecDeque, io::IoSlice};

use gamekeeper_protocol::ServerMessage;

use super::{Hub, leaving, rearm_earlier};
use crate::{
    client::{
        Client,
        leave::{Leave, LeavePath},
        phase::Phase,
    },
    frames::{SharedFrame, short_frame},
    ids::ConnectionId,
    time::Time,
    web::websocket::Opcode,
};

impl Hub {
    /// Takes the next connection out of the list of those that may have something to write.
    pub fn next_flush(&mut self) -> Option<ConnectionId> {
        let id = self.flush_list.pop_front()?;
        if let Some(client) = self.clients.get_mut(id) {
            client.in_flush_list = false;
            queue_pong(client);
        }
        Some(id)
    }

    /// How many connections may have something to write.
    pub fn flush_list_len(&self) -> usize {
        self.flush_list.len()
    }

    /// Whether any connection may have something to write.
    pub fn wants_flush(&self) -> bool {
        !self.flush_list.is_empty()
    }

    /// Puts a connection back into the list, because its socket takes bytes again.
    pub fn flush_again(&mut self, id: ConnectionId) {
        if let Some(client) = self.clients.get_mut(id)
            && !client.outbound.is_empty()
        {
            list_for_flush(&mut self.flush_list, id, client);
        }
    }

    /// Fills `slices` with what to write to a connection, and returns how many it filled.
    pub fn unsent<'a>(
        &'a self,
        id: ConnectionId,
        slices: &mut [IoSlice<'a>],
        budget_bytes: usize,
    ) -> usize {
        match self.clients.get(id) {
            Some(client) if client.phase.may_write() => {
                client.outbound.slices(slices, budget_bytes)
            }
            _ => 0,
        }
    }

    /// A socket took bytes, or none. Whether there is more to write.
    pub(super) fn wrote(&mut self, id: ConnectionId, taken_bytes: usize, now: Time) -> bool {
        let Some(client) = self.clients.get_mut(id) else { return false };
        self.metrics.bytes_out += taken_bytes as u64;
        let overflow = client.wrote(taken_bytes, now, &self.limits);
        queue_pong(client);
        if !client.outbound.is_empty() {
            rearm_earlier(&mut self.wheel, id, client, now, &self.limits);
            let may_write = client.phase.may_write();
            if let Some(reason) = overflow {
                let detail = leaving::too_late(reason, &self.limits);
                self.mark(id, Leave { reason, path: LeavePath::App }, detail);
            }
            return may_write;
        }
        if let Phase::Lingering(_) = client.phase {
            self.farewell_written(id, now);
        }
        false
    }
}

/// Puts a connection into the flush list, once.
pub(super) fn list_for_flush(
    list: &mut VecDeque<ConnectionId>,
    id: ConnectionId,
    client: &mut Client,
) {
    if !client.in_flush_list {
        client.in_flush_list = true;
        list.push_back(id);
    }
}

/// Queues the answers to a client's last ping and to its WebSocket's, unless other frames still
/// wait in front of it.
fn queue_pong(client: &mut Client) {
    if client.phase.is_open()
        && client.outbound.held_bytes() == 0
        && let Some(nonce) = client.pong_due.take()
    {
        client.outbound.push_reliable(short_frame(&ServerMessage::Pong { nonce }));
    }
    if client.phase.is_open()
        && client.outbound.held_bytes() == 0
        && let Some(payload) = client.web_pong_due.take()
    {
        client.outbound.push_reliable(SharedFrame::control(Opcode::Pong, &payload));
    }
}
