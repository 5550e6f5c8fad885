//! `--events`: what a program that has started the bots wants to know of each, as it happens.
//!
//! Data flow: injections and ends of the fleet -> **`events`** -> a line of JSON each, on stdout.
//! It keeps nothing; the summary is for people and goes elsewhere then.

use std::net::SocketAddr;

use serde::Serialize;

use crate::fleet::{End, Injection};

/// Something that happened to a bot.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    /// It left as it was told to.
    Left {
        bot: u32,
        /// Its own end of the connection: by this the server knows it.
        address: Option<SocketAddr>,
        departure: &'static str,
        /// When, in nanoseconds of CLOCK_MONOTONIC.
        at_ns: u64,
    },
    /// Its connection ended, or never began, and it was not told to leave.
    Lost { bot: u32, why: String },
}

/// The line about a bot that has left.
pub(super) fn left(injection: &Injection) -> String {
    line(&Event::Left {
        bot: injection.bot.0,
        address: injection.local,
        departure: injection.departure.name(),
        at_ns: injection.at.0,
    })
}

/// The line about the end of a connection; `None` if it was asked for.
pub(super) fn lost(end: &End) -> Option<String> {
    end.is_unasked().then(|| line(&Event::Lost { bot: end.bot.0, why: end.ended.to_string() }))
}

fn line(event: &Event) -> String {
    serde_json::to_string(event).expect("strings and numbers can be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Moment,
        departure::{Departure, PlayerState, Transport},
        fleet::BotId,
    };

    /// Whoever reads them depends on these names.
    #[test]
    fn a_leave_is_a_line_with_address_and_time() {
        let injection = Injection {
            bot: BotId(3),
            player: None,
            local: Some(SocketAddr::from(([127, 0, 0, 1], 4_000))),
            transport: Transport::Tcp,
            departure: Departure::HalfClose,
            state: PlayerState::Match,
            returns: false,
            silent: false,
            at: Moment(17),
            noticed_by: Moment(18),
        };
        assert_eq!(
            left(&injection),
            "{\"event\":\"left\",\"bot\":3,\"address\":\"127.0.0.1:4000\",\
             \"departure\":\"half-close\",\"at_ns\":17}"
        );
    }
}
