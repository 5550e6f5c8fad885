//! What can be done here at all: not every machine lets a bot vanish from the network.
//!
//! Part of [`plan`](super). A departure for which the means are lacking is drawn like any other, so
//! that the rest of the plan is the same everywhere, and then left out and reported as not run.

use gamekeeper_bot::{
    departure::{Departure, PlayerState, Transport},
    manner::Manner,
    privilege::Privilege,
};

/// Why no bot leaves from the lobby over a Unix socket: nobody could say what became of it.
const STRANGERS_UNKNOWN: &str = "over a Unix socket a bot in the lobby has neither an address \
                                 nor a player, so the server's line about it cannot be known";

/// What can be done here, over whatever carries the bytes of native clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Means {
    transport: Transport,
    /// What this process may not do, and why.
    lacking: Vec<(Privilege, String)>,
}

impl Means {
    /// Everything that can be done over this transport.
    pub fn all(transport: Transport) -> Self {
        Self { transport, lacking: Vec::new() }
    }

    /// What can be done over this transport, by this process.
    pub fn probe(transport: Transport) -> Self {
        let lacking = [Privilege::NetAdmin].into_iter();
        let lacking = lacking.filter_map(|it| Some((it, it.probe().err()?)));
        Self { transport, lacking: lacking.collect() }
    }

    /// The same without a privilege.
    #[must_use]
    pub fn without(mut self, privilege: Privilege, why: &str) -> Self {
        self.lacking.push((privilege, why.to_owned()));
        self
    }

    /// Why nobody can leave in this way here who speaks WebSocket, or does not, if so.
    pub fn why_not(
        &self,
        departure: Departure,
        state: PlayerState,
        websocket: bool,
    ) -> Option<String> {
        if !departure.can_happen_in(state, self.transport.spoken(websocket)) {
            return Some("cannot be done over this transport".to_owned());
        }
        if state == PlayerState::Lobby && self.transport == Transport::Unix {
            return Some(STRANGERS_UNKNOWN.to_owned());
        }
        self.lacks(departure.needs())
    }

    /// Why nobody can have this manner here, if so.
    pub fn why_no(&self, manner: Manner) -> Option<String> {
        if !manner.can_happen_on(self.transport) {
            return Some("cannot be done over this transport".to_owned());
        }
        self.lacks(manner.needs())
    }

    fn lacks(&self, needed: Option<Privilege>) -> Option<String> {
        let needed = needed?;
        let (_, why) = self.lacking.iter().find(|(lacking, _)| *lacking == needed)?;
        Some(why.clone())
    }
}
