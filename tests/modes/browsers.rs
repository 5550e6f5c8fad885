//! Section F of the catalogue: what only browsers do, on real sockets.
//!
//! What native clients do as well is shown where they do it, once more over a WebSocket.

use std::time::{Duration, Instant};

use gamekeeper::{
    client::leave::{LeavePath::*, LeaveReason, ProtocolFault},
    limits::Limits,
};
use gamekeeper_protocol::{
    ClientMessage, GoodbyeReason, Hello,
    limits::{CLIENT_FRAME_BYTES_MAX, FRAME_HEADER_BYTES},
};
use gamekeeper_tests::{
    browser::{BINARY, CLOSE, PING, TEXT, frame, upgrade},
    player::{End, Player, Transport},
};

use crate::{
    Shown, modes,
    scene::{Ending, QUICK, Scene},
};

modes! {
    alone {
        m54_closes_its_websocket
        m54_says_goodbye_first
        m55_its_browser_is_killed
        m55_its_browser_is_killed_with_a_state_unread
        m56_sends_without_a_mask
        m57_never_ends_a_message
        m58_too_long_a_message
        m59_sends_text
        m59_says_why_in_bad_utf8
        m60_floods_with_pings
        m61_a_bad_upgrade
        m61_a_foreign_page
        m62_bytes_behind_the_upgrade
        m63_asks_for_the_page
        m64_never_ends_its_request
        c06_fragments_and_pings_are_borne
    }
}

/// Sends what breaks the rules, hears why it has to go, and is gone.
#[track_caller]
fn is_sent_away(mut scene: Scene, mut actor: Player, bytes: &[u8], ending: &Ending, code: u16) {
    actor.listen();
    actor.send(bytes);
    scene.turn_until("the farewell is heard", |_| {
        actor.listen();
        actor.end.is_some()
    });
    assert_eq!(actor.end, Some(End::Eof), "it ends in an orderly way");
    let (reason, text) = actor.goodbye().expect("a goodbye comes before the close frame");
    assert!(matches!(reason, GoodbyeReason::Protocol | GoodbyeReason::Oversize), "{reason:?}");
    let (said, words) = closed(&actor);
    assert_eq!(said, code, "{words}");
    assert!(text.starts_with(words.as_str()), "{words:?} and {text:?}");
    scene.ends_with(actor, ending, |_| {});
}

/// What the server's close frame says.
#[track_caller]
fn closed(actor: &Player) -> (u16, String) {
    let browser = actor.browser.as_ref().expect("it is a browser");
    browser.closed.clone().expect("the last frame is a close frame")
}

fn bad_websocket(ending: &Ending) -> bool {
    matches!(ending.reason, LeaveReason::Protocol(ProtocolFault::WebSocket(_)))
}

/// The end of somebody who broke the rules of WebSockets, whatever they were.
fn rule_broken(actor: &Player, fault: gamekeeper::web::websocket::Fault) -> Ending {
    let reason = LeaveReason::Protocol(ProtocolFault::WebSocket(fault));
    let ending = Ending::of(actor, reason, &[Read]);
    assert!(bad_websocket(&ending));
    ending
}

/// A page that is left or reloaded: its seat is one to come back to.
fn m54_closes_its_websocket() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::WebClosed, &[Read]);
    actor.listen();
    actor.send(&frame(CLOSE, &[0x03, 0xe9]));
    scene.turn_until("the server closes as well", |_| {
        actor.listen();
        actor.end.is_some()
    });
    assert_eq!(closed(&actor).0, 1000);
    assert!(LeaveReason::WebClosed.holds_seat());
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

fn m54_says_goodbye_first() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let mut actor = scene.join("eve");
    let who = actor.id.expect("it has joined");
    actor.listen();
    actor.say(&ClientMessage::Goodbye);
    actor.send(&frame(CLOSE, &[0x03, 0xe8]));
    scene.turn_until("the server closes", |_| {
        actor.listen();
        actor.end.is_some()
    });
    assert_eq!(closed(&actor).0, 1000);
    let ending = Ending { reason: LeaveReason::Goodbye, paths: &[Read], who: Some(who) };
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// Nobody says anything: the kernel of the machine closes the socket.
fn m55_its_browser_is_killed() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Fin, &[Event]);
    actor.leave_by_fin();
    scene.ends(&ending);
    Ok(())
}

fn m55_its_browser_is_killed_with_a_state_unread() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Reset, &[Event]);
    scene.turn_ticks(4);
    drop(actor);
    scene.ends(&ending);
    Ok(())
}

fn m56_sends_without_a_mask() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let actor = scene.join("eve");
    let ending = rule_broken(&actor, gamekeeper::web::websocket::Fault::Unmasked);
    is_sent_away(scene, actor, &[BINARY, 1, 4], &ending, 1002);
    Ok(())
}

/// Fragments are no sign of life: the deadline is for the message.
fn m57_never_ends_a_message() -> Shown {
    let limits = Limits { frame_timeout_ms: 800, ..QUICK };
    let mut scene = Scene::new(Transport::WebSocket, limits);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::FrameTimeout, &[Timer]);
    actor.send(&frame(0x02, &[1]));
    let mut next = Instant::now();
    scene.ends_with(actor, &ending, |actor| {
        if Instant::now() >= next {
            next += Duration::from_millis(20);
            actor.try_send(&frame(0x00, &[1]));
        }
    });
    Ok(())
}

/// Refused by its header, before anything is allocated for it.
fn m58_too_long_a_message() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Oversize, &[Read]);
    let length = u64::try_from(CLIENT_FRAME_BYTES_MAX + 1).expect("a length").to_be_bytes();
    let header = [BINARY, 0x80 | 126, length[6], length[7]];
    is_sent_away(scene, actor, &header, &ending, 1009);
    Ok(())
}

fn m59_sends_text() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let actor = scene.join("eve");
    let ending = rule_broken(&actor, gamekeeper::web::websocket::Fault::Text);
    is_sent_away(scene, actor, &frame(TEXT, b"hello"), &ending, 1003);
    Ok(())
}

fn m59_says_why_in_bad_utf8() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let actor = scene.join("eve");
    let ending = rule_broken(&actor, gamekeeper::web::websocket::Fault::CloseText);
    is_sent_away(scene, actor, &frame(CLOSE, &[0x03, 0xe8, 0xff, 0xfe]), &ending, 1007);
    Ok(())
}

fn m60_floods_with_pings() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let mut actor = scene.join("eve");
    let ending = Ending::of(&actor, LeaveReason::Flood, &[Read]);
    actor.listen();
    actor.send(&frame(PING, b"?").repeat(700));
    scene.turn_until("the farewell is heard", |_| {
        actor.listen();
        actor.end.is_some()
    });
    assert_eq!(actor.goodbye().map(|(reason, _)| reason), Some(GoodbyeReason::Flood));
    assert_eq!(closed(&actor).0, 4000 + 13, "the position of the reason");
    let pongs = actor.browser.as_ref().expect("it is a browser").pongs.len();
    assert!(pongs <= 20, "{pongs} answers: only the last ping of a turn has one");
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// Asks for something, is answered so, and it ends for this reason.
#[track_caller]
fn is_answered(request: &[u8], status: &str, reason: LeaveReason) -> (String, String) {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let mut actor = Player::ask(scene.rig.address, request);
    scene.turn_until("the answer is read", |_| {
        actor.listen();
        actor.end.is_some()
    });
    assert_eq!(actor.end, Some(End::Eof), "it ends in an orderly way");
    let browser = actor.browser.as_mut().expect("it is one");
    let head = browser.head.take().expect("an answer");
    let body = String::from_utf8_lossy(&browser.body).into_owned();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    scene.ends_with(actor, &Ending::of_a_stranger(reason, &[Read]), |_| {});
    (head, body)
}

const BAD_REQUEST: LeaveReason = LeaveReason::Protocol(ProtocolFault::BadRequest);

fn m61_a_bad_upgrade() -> Shown {
    let text = |request: &[u8]| String::from_utf8(request.to_vec()).expect("ASCII");
    let good = text(&upgrade(""));
    let old = good.replace("Version: 13", "Version: 8");
    let (head, _) = is_answered(old.as_bytes(), "426", BAD_REQUEST);
    assert!(head.contains("Sec-WebSocket-Version: 13\r\n"), "{head}");
    let keyless = good.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "");
    is_answered(keyless.as_bytes(), "400", BAD_REQUEST);
    Ok(())
}

/// Another site must not play with the sockets of whoever visits it.
fn m61_a_foreign_page() -> Shown {
    let request = upgrade("Origin: https://evil.example\r\n");
    let (_, body) = is_answered(&request, "403", BAD_REQUEST);
    assert!(body.contains("evil.example") && body.contains("web_origin"), "{body}");
    Ok(())
}

/// A proxy that was fooled into an upgrade must not carry another request into it.
fn m62_bytes_behind_the_upgrade() -> Shown {
    let smuggled = [&upgrade("")[..], b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat();
    let (head, _) = is_answered(&smuggled, "400", BAD_REQUEST);
    assert!(!head.contains("Upgrade"), "{head}");
    Ok(())
}

fn m63_asks_for_the_page() -> Shown {
    let request = b"GET / HTTP/1.1\r\nHost: localhost:7777\r\n\r\n";
    let (head, body) = is_answered(request, "200", LeaveReason::Served);
    assert!(head.contains("Content-Type: text/html"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    assert!(body.contains("<canvas"), "the page has something to play on");
    Ok(())
}

fn m64_never_ends_its_request() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let mut actor = Player::ask(scene.rig.address, b"GET / HTTP/1.1\r\nHost: x\r\n");
    scene.turn_until("the answer is read", |_| {
        actor.listen();
        actor.end.is_some()
    });
    let head = actor.browser.as_ref().and_then(|browser| browser.head.clone());
    assert!(head.is_some_and(|head| head.starts_with("HTTP/1.1 408 ")));
    let ending = Ending::of_a_stranger(LeaveReason::HelloTimeout, &[Timer]);
    scene.ends_with(actor, &ending, |_| {});
    Ok(())
}

/// Its hello comes in three fragments with a ping in between, byte by byte.
fn c06_fragments_and_pings_are_borne() -> Shown {
    let mut scene = Scene::new(Transport::WebSocket, QUICK);
    let mut actor = scene.connect();
    scene.let_speak(&mut actor);
    let mut hello = Vec::new();
    ClientMessage::Hello(Hello::new("", "eve")).encode(&mut hello).expect("short");
    let message = &hello[FRAME_HEADER_BYTES..];
    let parts = [
        frame(0x02, &message[..3]),
        frame(PING, b"still there?"),
        frame(0x00, &message[3..5]),
        frame(0x80, &message[5..]),
    ];
    for byte in parts.concat() {
        actor.send(&[byte]);
        let mut turned = false;
        scene.turn_until("it is read", |_| std::mem::replace(&mut turned, true));
    }
    scene.turn_until("it is welcome", |_| actor.try_welcome().is_some());
    let pongs = &actor.browser.as_ref().expect("it is one").pongs;
    assert_eq!(pongs[..], [b"still there?".to_vec()]);
    scene.turn_ticks(3);
    actor.listen();
    assert!(actor.ticks().len() >= 3, "it sees the game");
    actor.say(&ClientMessage::Goodbye);
    Ok(())
}
