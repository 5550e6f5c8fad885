//! How the server stops: who may play on, who is told, and when the process ends all the same.
//!
//! Part of [`EventLoop`]. A request to stop closes the listeners at once. Players are told at once,
//! too, or after the grace that the operator gives them to finish their games. Who is told what is
//! the hub's business; here are the deadlines.

use super::{EventLoop, Flow, net::Net};
use crate::{limits::ms, time::Time};

/// How far a stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nobody has asked for it.
    NotAsked,
    /// Nobody comes in any more; players play on until then.
    Grace { until: Time },
    /// Everybody is told to go; the process ends then, even if somebody is still being told.
    Telling { until: Time },
}

impl Stop {
    /// When the next thing must happen.
    pub(super) fn due(self) -> Option<Time> {
        match self {
            Self::NotAsked => None,
            Self::Grace { until } | Self::Telling { until } => Some(until),
        }
    }
}

impl<N: Net> EventLoop<N> {
    /// The first request to stop.
    pub(super) fn begin_stop(&mut self, now: Time) {
        self.net.close_listeners();
        self.door.close();
        let (players, grace_ms) = (self.hub.lobby().players(), self.hub.limits().drain_grace_ms);
        if grace_ms == 0 || players == 0 {
            return self.tell_everybody(now);
        }
        tracing::info!(
            players,
            drain_grace_ms = grace_ms,
            "stopping: nobody comes in, players may play on; a second signal stops at once"
        );
        self.stop = Stop::Grace { until: now + ms(grace_ms) };
        self.hub.drain(now);
    }

    /// Ends the grace when its time is over.
    pub(super) fn end_grace(&mut self, now: Time) {
        if matches!(self.stop, Stop::Grace { until } if now >= until) {
            self.tell_everybody(now);
        }
    }

    fn tell_everybody(&mut self, now: Time) {
        let limits = self.hub.limits();
        tracing::info!(
            players = self.hub.lobby().players(),
            drain_timeout_ms = limits.drain_timeout_ms,
            "stopping: telling everybody; a second signal stops at once"
        );
        self.stop = Stop::Telling { until: now + ms(limits.drain_timeout_ms) };
        self.hub.stop(now);
    }

    /// Whether the loop is done.
    pub(super) fn stop_state(&self, now: Time) -> Flow {
        match self.stop {
            Stop::NotAsked => Flow::Continue,
            Stop::Grace { .. } | Stop::Telling { .. } if self.hub.is_empty() => Flow::Stopped,
            Stop::Telling { until } if now >= until => {
                tracing::warn!("the drain deadline passed before everybody had been told");
                Flow::Stopped
            }
            Stop::Grace { .. } | Stop::Telling { .. } => Flow::Continue,
        }
    }
}
