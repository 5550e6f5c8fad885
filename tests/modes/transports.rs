//! What is different if an actor speaks WebSocket: what ends with another reason, what a browser is
//! told beside the goodbye, and which tests are not run so, and why.
//!
//! The tests themselves are in the files of their sections; this one shows nothing of the server.

use std::collections::BTreeSet;

use gamekeeper::{
    client::leave::{LeaveReason, ProtocolFault},
    web::websocket,
};
use gamekeeper_tests::player::{Player, Transport};

use crate::{all, browsers};

/// How the name of a test ends that is run over WebSocket as well.
const SUFFIX: &str = "_over_websocket";

/// Tests that are run with native clients alone, each with the reason.
const NATIVE_ONLY: &[(&str, &str)] = &[
    (
        "m42_control_a_plain_close_cuts_the_notice_short",
        "it shows what the kernel does to a server of its own, which speaks nothing",
    ),
    ("m44_backlog_overflow", "it is about the kernel's queue, and nobody in it says anything"),
    (
        "c05_a_connection_takes_less_than_two_kibibytes",
        "it counts bytes of heap, without sockets; a browser's are counted by nobody",
    ),
];

/// The page on how clients leave, which says how many modes are shown with either transport.
const PAGE: &str = include_str!("../../docs/teardown.md");

/// What a process is told that is to be a client with this transport.
pub(crate) fn in_words(transport: Transport) -> &'static str {
    match transport {
        Transport::Native => "native",
        Transport::WebSocket => "websocket",
    }
}

/// The reverse of [`in_words`].
pub(crate) fn of(words: &str) -> Transport {
    let known = [Transport::Native, Transport::WebSocket];
    let found = known.into_iter().find(|transport| in_words(*transport) == words);
    found.expect("our own call")
}

/// The reason after a message without bytes. It breaks a rule of the framing, and so of the one
/// that is spoken.
pub(crate) fn empty_message(over: Transport) -> LeaveReason {
    LeaveReason::Protocol(match over {
        Transport::Native => ProtocolFault::EmptyFrame,
        Transport::WebSocket => ProtocolFault::WebSocket(websocket::Fault::Empty),
    })
}

/// Who has heard a goodbye over a WebSocket has been told this number, too.
#[track_caller]
pub(crate) fn check_close_code(actor: &Player, code: u16) {
    if let Some(browser) = &actor.browser {
        let (said, words) = browser.closed.as_ref().expect("the last frame is a close frame");
        assert_eq!(*said, code, "{words}");
    }
}

/// Every test but those of what only browsers do is run over WebSocket as well, or says why not;
/// and the page says how many modes that makes.
pub(crate) fn every_mode_runs_over_websocket_or_is_listed() {
    let names = all().map(|mode| mode.name).collect::<BTreeSet<_>>();
    let of_browsers = browsers::MODES.iter().map(|mode| mode.name).collect::<BTreeSet<_>>();
    let over_both = |name: &str| names.contains(format!("{name}{SUFFIX}").as_str());
    for (name, why) in NATIVE_ONLY {
        assert!(names.contains(name), "there is no test {name}");
        assert!(!over_both(name), "{name} is run over WebSocket, and listed as if it were not");
        assert!(!why.is_empty());
    }
    let listed = |name: &str| NATIVE_ONLY.iter().any(|(native, _)| *native == name);
    let mut modes = BTreeSet::new();
    for name in names.difference(&of_browsers).filter(|name| !name.ends_with(SUFFIX)) {
        assert!(over_both(name) || listed(name), "{name} is not run over WebSocket: why?");
        if over_both(name) && name.starts_with('m') {
            modes.insert(&name[..3]);
        }
    }
    let sentence = format!("{} of the first 53 modes are shown twice", modes.len());
    assert!(PAGE.contains(&sentence), "the page does not say: {sentence}");
}
