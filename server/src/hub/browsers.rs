//! What clients say and are told that native ones are not: HTTP requests, a WebSocket's own frames.
//!
//! Part of [`Hub`](super::Hub). Inbox -> **here** -> outbound queue. Messages of the protocol are
//! the same for everybody and do not come through here. What is wrong with a request is returned;
//! `inbound` marks.

use gamekeeper_protocol::{FrameError, ServerMessage};

use super::conversation::Fault;
use crate::{
    client::{
        Client, close,
        inbox::CutError,
        leave::{Exit, LeaveReason, ProtocolFault, Rejection},
    },
    frames::{SharedFrame, short_frame},
    web::{
        files::{self, File},
        request::{Asked, OriginPolicy, Refusal, response, response_head, upgrade_response},
        websocket::{self, Opcode},
    },
};

/// How browsers are treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOptions {
    /// Whether they are let in at all.
    pub enabled: bool,
    /// Whose pages may connect.
    pub origins: OriginPolicy,
}

impl Default for WebOptions {
    /// They are, from the page that is served here and from pages of the same machine.
    fn default() -> Self {
        Self { enabled: true, origins: OriginPolicy::new(true, Vec::new()) }
    }
}

/// Answers a request. `rest` is what came right behind it.
///
/// # Errors
///
/// Why the connection ends, as it does unless it becomes a WebSocket.
pub(super) fn answer(
    client: &mut Client,
    asked: Asked,
    rest: &[u8],
    options: &WebOptions,
) -> Result<(), Fault> {
    client.outbound.speak_web();
    if !options.enabled {
        let text = "this server hosts native clients only; its setting \"web\" is off";
        return Err(refuse(client, Refusal { status: 404, text: text.to_owned() }));
    }
    match asked {
        Asked::Upgrade { .. } if !rest.is_empty() => {
            let text = "there are bytes behind the request to upgrade, which nobody may send yet";
            Err(refuse(client, Refusal { status: 400, text: text.to_owned() }))
        }
        Asked::Upgrade { accept } => {
            client.outbound.push_reliable(SharedFrame::plain(&upgrade_response(&accept)));
            client.inbox.upgrade();
            Ok(())
        }
        Asked::File { path, head_only } => match files::find(files::FILES, &path) {
            Some(File { content_type, bytes, .. }) => {
                let answer = match head_only {
                    true => response_head(200, content_type, bytes.len(), files::HEADERS),
                    false => response(200, content_type, bytes, files::HEADERS),
                };
                client.outbound.push_reliable(SharedFrame::plain(&answer));
                Err((LeaveReason::Served, path.into()))
            }
            None => {
                let text = format!("there is no {path} here; the page is at /");
                Err(refuse(client, Refusal { status: 404, text }))
            }
        },
        Asked::Refused(refusal) => Err(refuse(client, refusal)),
    }
}

/// Queues the answer that says what was wrong.
fn refuse(client: &mut Client, refusal: Refusal) -> Fault {
    client.outbound.push_reliable(SharedFrame::plain(&refusal.to_bytes()));
    (LeaveReason::Protocol(ProtocolFault::BadRequest), refusal.text.into())
}

/// What is wrong with a stream that cannot be cut any more.
pub(super) fn cut_fault(error: CutError) -> Fault {
    match error {
        CutError::Native(error @ FrameError::Oversize { .. }) => {
            (LeaveReason::Oversize, error.to_string().into())
        }
        CutError::Native(error @ FrameError::Empty) => {
            (LeaveReason::Protocol(ProtocolFault::EmptyFrame), error.to_string().into())
        }
        CutError::Web(fault) if fault.close_code() == close::TOO_BIG => {
            (LeaveReason::Oversize, fault.to_string().into())
        }
        CutError::Web(fault) => {
            (LeaveReason::Protocol(ProtocolFault::WebSocket(fault)), fault.to_string().into())
        }
    }
}

/// The reason of somebody who closes its WebSocket.
pub(super) fn closed(code: Option<u16>, text: &str) -> Fault {
    let code = code.map_or("no code".to_owned(), |code| format!("code {code}"));
    let text = if text.is_empty() { String::new() } else { format!(", {text:?}") };
    (LeaveReason::WebClosed, format!("the client closed its WebSocket: {code}{text}").into())
}

/// Queues what a departing client is told. Whether there is anything: then it is waited for.
pub(super) fn say_farewell(client: &mut Client, reason: LeaveReason, detail: &str) -> bool {
    if client.inbox.is_http() {
        let lingers = reason.exit() == Exit::Linger;
        if lingers && client.outbound.is_empty() {
            client.outbound.speak_web();
            let refusal = Refusal { status: status_of(reason), text: detail.to_owned() };
            client.outbound.push_reliable(SharedFrame::plain(&refusal.to_bytes()));
        }
        return lingers;
    }
    let goodbye = reason.farewell().filter(|_| reason.exit() == Exit::Linger);
    if let Some(goodbye) = goodbye {
        let message = ServerMessage::Goodbye { reason: goodbye, text: detail };
        client.outbound.push_reliable(short_frame(&message));
    }
    // Whoever has said goodbye waits for the other half of the WebSocket's own.
    let closes =
        goodbye.is_some() || matches!(reason, LeaveReason::WebClosed | LeaveReason::Goodbye);
    if client.inbox.is_web() && closes {
        let payload = websocket::close_payload(close::code_of(reason), detail);
        client.outbound.push_reliable(SharedFrame::control(Opcode::Close, &payload));
    }
    goodbye.is_some() || client.inbox.is_web() && closes
}

/// The answer to any request for which there is no place.
pub(super) fn full_answer(text: &str) -> Vec<u8> {
    let status = status_of(LeaveReason::Rejected(Rejection::Full));
    Refusal { status, text: text.to_owned() }.to_bytes()
}

/// The answer to a request that was not even read to its end, or came at the wrong time.
fn status_of(reason: LeaveReason) -> u16 {
    match reason {
        LeaveReason::HelloTimeout | LeaveReason::FrameTimeout => 408,
        LeaveReason::Flood => 429,
        LeaveReason::Shutdown | LeaveReason::Rejected(Rejection::Full) => 503,
        _ => 400,
    }
}
