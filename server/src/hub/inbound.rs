//! What clients say: bytes to frames to messages to rooms.
//!
//! Part of [`Hub`]. Every way in which a client's bytes can be wrong ends in a mark with a reason
//! and a sentence that says what was wrong.

use std::borrow::Cow;

use gamekeeper_protocol::limits::CLIENT_FRAME_BYTES_MAX;

use super::{
    End, Hearing, Hub, Output, browsers,
    conversation::{Conversation, Effects, Fault},
    deadlines::rearm_earlier,
    leaving, list_for_flush,
};
use crate::{
    client::{
        Allowance,
        flight::Moment,
        inbox::{CutError, Inbox, Said},
        leave::{Leave, LeavePath, LeaveReason},
        phase::Phase,
    },
    ids::{ConnectionId, Place},
    limits::Limits,
    metrics::Farewell,
    time::Time,
};

impl Hub {
    /// Takes in bytes that were read from a connection. Whether more may be read in this turn.
    pub(super) fn handle_bytes(&mut self, id: ConnectionId, bytes: &[u8], now: Time) -> bool {
        self.metrics.bytes_in += bytes.len() as u64;
        let Some(client) = self.clients.get_mut(id) else { return false };
        client.bytes_in += bytes.len() as u64;
        match &mut client.phase {
            Phase::Handshake | Phase::Playing(_) => {
                debug_assert!(client.backlog.is_empty(), "the backlog comes before new bytes");
                if !client.allowance.bytes(bytes.len(), &self.limits, now) {
                    let (per_second, burst) =
                        (self.limits.bytes_per_second, self.limits.bytes_burst);
                    let detail =
                        format!("it sends more than {per_second} bytes a second, {burst} at once");
                    let leave = Leave { reason: LeaveReason::Flood, path: LeavePath::Read };
                    self.mark(id, leave, detail.into());
                    return false;
                }
                if matches!(client.phase, Phase::Handshake) {
                    client.flight.note(Moment::Bytes, now);
                }
                self.take_in(id, bytes, now)
            }
            Phase::Lingering(linger) => {
                linger.discarded_bytes += bytes.len() as u64;
                let too_many = linger.discarded_bytes > self.limits.linger_discard_bytes;
                if too_many {
                    self.end_farewell(id, Farewell::Lost);
                }
                !too_many
            }
            Phase::Dying(_) => {
                client.inbox.recognize(bytes);
                false
            }
            Phase::Dead => false,
        }
    }

    /// Goes on with what was read of a connection and was beyond its share of an earlier turn.
    ///
    /// True if some of it still waits: then nothing more is to be read from it in this turn.
    pub fn resume(&mut self, id: ConnectionId, now: Time) -> bool {
        let Some(client) = self.clients.get_mut(id) else { return false };
        if client.backlog.is_empty() {
            return false;
        }
        let backlog = std::mem::take(&mut client.backlog);
        if client.phase.is_open() {
            self.take_in(id, &backlog, now);
        }
        self.clients.get(id).is_some_and(|client| !client.backlog.is_empty())
    }

    /// Reads as many frames as a client may have read in a turn, and keeps the rest. Whether that
    /// was all, so that more may be read.
    fn take_in(&mut self, id: ConnectionId, bytes: &[u8], now: Time) -> bool {
        let (mut rest, mut effects) = (bytes, Effects::default());
        let fault = self.read_frames(id, &mut rest, &mut effects, now).err();
        if let Some(old) = effects.replaced {
            self.replace(old);
        }
        let Some(client) = self.clients.get_mut(id) else { return false };
        let mid_frame = client.inbox.is_mid_frame();
        client.pulse.frame_since = match client.pulse.frame_since {
            // Still the same frame only if these bytes have completed none.
            Some(since) if mid_frame && client.pulse.heard_at != now => Some(since),
            _ => mid_frame.then_some(now),
        };
        if fault.is_none() && !rest.is_empty() {
            client.backlog = rest.to_vec();
            client.flight.note(Moment::Backlog, now);
        }
        if effects.is_nearer || client.pulse.frame_since.is_some() {
            rearm_earlier(&mut self.wheel, id, client, now, &self.limits);
        }
        if let Some((reason, detail)) = fault {
            self.mark(id, Leave { reason, path: LeavePath::Read }, detail);
            return false;
        }
        rest.is_empty()
    }

    /// The connection ended; the bytes before that were handed in already.
    pub(super) fn handle_ended(&mut self, id: ConnectionId, how: End, path: LeavePath) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if let (Phase::Dying(ending), End::Errno(_)) = (&mut client.phase, how) {
            ending.broken = true;
        }
        if let Phase::Lingering(linger) = &client.phase {
            match how {
                End::Eof if linger.flushed => self.end_farewell(id, Farewell::Delivered),
                // It may have closed only its sending half, and still read what we have to say.
                End::Eof => {}
                End::Errno(_) => self.end_farewell(id, Farewell::Lost),
            }
            return;
        }
        let reason = match how {
            End::Eof if client.inbox.is_mid_frame() => LeaveReason::FinMidframe,
            End::Eof => LeaveReason::Fin,
            End::Errno(errno) => leaving::classify(errno),
        };
        let detail = match how {
            End::Eof => Cow::Borrowed("the client closed the connection"),
            End::Errno(errno) => errno.to_string().into(),
        };
        self.mark(id, Leave { reason, path }, detail);
    }

    /// The player of this connection came back over another one, which has the seat already.
    fn replace(&mut self, old: ConnectionId) {
        // It may be on its way out: then it keeps that reason.
        if self.clients.get(old).is_some_and(|client| client.phase.is_open()) {
            let leave = Leave { reason: LeaveReason::Replaced, path: LeavePath::App };
            self.mark(old, leave, "the player came back over another connection".into());
        }
    }

    /// Cuts bytes into frames and hands each to [`Conversation`]; stops at the first fault, or when
    /// the client's share of the turn is used up. `input` is then what is left.
    fn read_frames(
        &mut self,
        id: ConnectionId,
        input: &mut &[u8],
        effects: &mut Effects,
        now: Time,
    ) -> Result<(), Fault> {
        let Self {
            clients, lobby, metrics, flush_list, outputs, default_game, limits, web, ..
        } = self;
        let Some(client) = clients.get_mut(id) else { return Ok(()) };
        for _ in 0..limits.frames_per_turn_max {
            let frame = match &mut client.inbox {
                // Nearly everybody, so the way for all others is not taken.
                Inbox::Native(decoder) => match decoder.next_frame(input) {
                    Ok(Some(frame)) => frame,
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(browsers::cut_fault(CutError::Native(error))),
                },
                other => match other.next(input, &web.origins) {
                    Ok(Some(Said::Message(frame))) => frame,
                    Ok(Some(Said::Asked(asked))) => {
                        browsers::answer(client, asked, input, web)?;
                        list_for_flush(flush_list, id, client);
                        continue;
                    }
                    Ok(Some(Said::WebPing(payload))) => {
                        client.web_pong_due = Some(payload.to_vec());
                        list_for_flush(flush_list, id, client);
                        spend_frame(&mut client.allowance, limits, now)?;
                        continue;
                    }
                    Ok(Some(Said::WebPart)) => {
                        spend_frame(&mut client.allowance, limits, now)?;
                        continue;
                    }
                    Ok(Some(Said::WebClose { code, text })) => {
                        return Err(browsers::closed(code, text));
                    }
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(browsers::cut_fault(error)),
                },
            };
            spend_frame(&mut client.allowance, limits, now)?;
            let mut conversation = Conversation {
                id,
                phase: &mut client.phase,
                pulse: &mut client.pulse,
                flight: &mut client.flight,
                pong_due: &mut client.pong_due,
                came_back: &mut client.came_back,
                effects,
                lobby,
                metrics,
                default_game,
                now,
            };
            let was_handshake = matches!(conversation.phase, Phase::Handshake);
            conversation.frame(frame)?;
            if was_handshake {
                // From here on the limit for players holds, not the one for strangers.
                client.inbox.set_limit_bytes(CLIENT_FRAME_BYTES_MAX);
                if let Phase::Playing(Place { room, .. }) = client.phase
                    && lobby.is_heard_at_ticks(room)
                {
                    client.heard_at_ticks = true;
                    outputs.push_back(Output::Hear { connection: id, when: Hearing::AtTicks });
                }
            }
            if client.pong_due.is_some() {
                list_for_flush(flush_list, id, client);
            }
        }
        Ok(())
    }
}

/// A frame came in, which must be within what a client may say.
fn spend_frame(allowance: &mut Allowance, limits: &Limits, now: Time) -> Result<(), Fault> {
    if allowance.frame(limits, now) {
        return Ok(());
    }
    let (per_second, burst) = (limits.frames_per_second, limits.frames_burst);
    let text = format!("it sends more than {per_second} frames a second, {burst} at once");
    Err((LeaveReason::Flood, text.into()))
}
