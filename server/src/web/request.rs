//! What a request on the port of the game asks for: a file of the page, or a WebSocket.
//!
//! Data flow: bytes -> `Head` -> **`next_asked`** -> file, upgrade or refusal. It does not know
//! which files there are, sends nothing, and does not judge the bytes behind the head (a client
//! must not send any before it has its answer).

use data_encoding::BASE64;
use httparse::Header;
use sha1::{Digest, Sha1};

pub use super::{
    head::Head,
    origin::OriginPolicy,
    response::{response, response_head, upgrade_response},
};
use super::{head::HeadFault, response::PLAIN_TEXT};

/// Where WebSockets are.
pub const WEBSOCKET_PATH: &str = "/ws";

/// The only version of WebSocket that there is, as RFC 6455 numbers it.
const VERSION: &[u8] = b"13";

/// What a server appends to a client's key (RFC 6455, section 1.3), to show that it meant to.
const ACCEPT_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How many bytes a client's key has, once it is decoded.
const KEY_BYTES: usize = 16;

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A file, which may not exist.
    File {
        /// Begins with a slash, and is without its query. Nothing in it is decoded.
        path: String,
        /// It was a `HEAD` request: the answer ends before the body.
        head_only: bool,
    },
    /// A WebSocket, and it may have it: [`upgrade_response`] is the answer.
    Upgrade {
        /// For the answer: 28 characters.
        accept: String,
    },
    /// Something that nobody gets here: [`Refusal::to_bytes`] is the answer.
    Refused(Refusal),
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// A sentence for whoever debugs the client, without an end of line.
    pub text: String,
}

impl Refusal {
    fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    /// The whole answer, with the headers that its status demands.
    pub fn to_bytes(&self) -> Vec<u8> {
        let headers: &[_] = match self.status {
            405 => &[("Allow", "GET, HEAD")],
            426 => &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
            _ => &[],
        };
        response(self.status, PLAIN_TEXT, format!("{}\n", self.text).as_bytes(), headers)
    }
}

impl From<HeadFault> for Refusal {
    fn from(fault: HeadFault) -> Self {
        Self::new(fault.status(), fault.to_string())
    }
}

/// Takes bytes of `input` up to the end of the request's head, and says what is asked for once it
/// is complete. `None` as long as it is not: then all of `input` was taken.
pub fn next_asked(head: &mut Head, input: &mut &[u8], policy: &OriginPolicy) -> Option<Asked> {
    let judge = |request: &httparse::Request<'_, '_>| match judge(request, policy) {
        Ok(asked) => asked,
        Err(refusal) => Asked::Refused(refusal),
    };
    match head.take(input, judge) {
        Ok(asked) => asked,
        Err(fault) => Some(Asked::Refused(fault.into())),
    }
}

fn judge(request: &httparse::Request<'_, '_>, policy: &OriginPolicy) -> Result<Asked, Refusal> {
    let (headers, method) = (Headers(request.headers), request.method.unwrap_or_default());
    let target = request.path.unwrap_or_default();
    let (path, _query) = target.split_once('?').unwrap_or((target, ""));
    if !matches!(method, "GET" | "HEAD") {
        return Err(Refusal::new(405, "only GET and HEAD are answered here"));
    }
    let is_http_1_1 = request.version == Some(1);
    if headers.once("Host")?.is_none() && is_http_1_1 {
        return Err(Refusal::new(400, "a request of HTTP/1.1 has a Host header"));
    }
    headers.refuse_a_body()?;
    if !path.starts_with('/') {
        return Err(Refusal::new(400, "the target of a request begins with a slash here"));
    }
    // Earlier versions know no upgrade: there the header means nothing.
    let wants_websocket = is_http_1_1 && headers.list("Upgrade", "websocket");
    match (path == WEBSOCKET_PATH, wants_websocket) {
        (false, false) => Ok(Asked::File { path: path.to_owned(), head_only: method == "HEAD" }),
        (false, true) => Err(Refusal::new(404, "the WebSocket is at /ws")),
        (true, _) if method == "HEAD" => Err(Refusal::new(405, "a WebSocket begins with a GET")),
        (true, false) => Err(Refusal::new(426, "at /ws is a WebSocket: upgrade with HTTP/1.1")),
        (true, true) => upgrade(&headers, policy),
    }
}

/// Judges a request of HTTP/1.1 for a WebSocket.
fn upgrade(headers: &Headers<'_>, policy: &OriginPolicy) -> Result<Asked, Refusal> {
    if !headers.list("Connection", "upgrade") {
        return Err(Refusal::new(426, "the Connection header of an upgrade names it"));
    }
    if headers.once("Sec-WebSocket-Version")? != Some(VERSION) {
        return Err(Refusal::new(426, "only version 13 of WebSocket is spoken here"));
    }
    let key = headers.once("Sec-WebSocket-Key")?.unwrap_or_default();
    if BASE64.decode(key).map_or(0, |bytes| bytes.len()) != KEY_BYTES {
        return Err(Refusal::new(400, "Sec-WebSocket-Key is 16 bytes in base64"));
    }
    let (origin, host) = (headers.once("Origin")?, headers.once("Host")?);
    if !policy.allows(origin, host) {
        let origin = String::from_utf8_lossy(origin.unwrap_or_default());
        let text = format!(
            "pages of {origin:?} may not connect to this server; whose may, says its setting \
             web_origin"
        );
        return Err(Refusal::new(403, text));
    }
    let digest = Sha1::new().chain_update(key).chain_update(ACCEPT_SUFFIX).finalize();
    Ok(Asked::Upgrade { accept: BASE64.encode(&digest) })
}

/// The headers of a request, found by their names in any case.
struct Headers<'a>(&'a [Header<'a>]);

impl<'a> Headers<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let named = move |header: &&Header<'a>| header.name.eq_ignore_ascii_case(name);
        self.0.iter().filter(named).map(|header| header.value)
    }

    /// The value of a header that must not be there twice: who would say which one counts?
    fn once(&self, name: &'static str) -> Result<Option<&'a [u8]>, Refusal> {
        let mut values = self.all(name);
        let value = values.next();
        match values.next() {
            None => Ok(value),
            Some(_) => Err(Refusal::new(400, format!("there is more than one {name} header"))),
        }
    }

    /// Whether `token` is in the list that all headers of this name make together.
    fn list(&self, name: &'static str, token: &str) -> bool {
        let mut tokens = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        tokens.any(|found| found.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Nothing that is asked for here needs a body, and programs that disagree about where one ends
    /// can be made to see one request where another is.
    fn refuse_a_body(&self) -> Result<(), Refusal> {
        let has_length = self.all("Content-Length").any(|value| value != b"0");
        if has_length || self.all("Transfer-Encoding").next().is_some() {
            return Err(Refusal::new(400, "a request with a body is not read here"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(request: &str) -> Asked {
        let asked = next_asked(&mut Head::new(), &mut request.as_bytes(), &OriginPolicy::default());
        asked.expect("the head is complete")
    }

    /// An upgrade as a browser asks for it (the key is the one of RFC 6455), with one of its lines
    /// replaced by others.
    fn upgrade_with(line: &str, others: &str) -> String {
        let request = "GET /ws HTTP/1.1\r\nHost: play.example:7777\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Origin: http://play.example:7777\r\n\r\n";
        let line = format!("{line}\r\n");
        assert!(request.contains(&line), "{line} is in the request");
        request.replacen(&line, others, 1)
    }

    #[track_caller]
    fn expect_refused(request: &str, status: u16, text: &str) {
        match ask(request) {
            Asked::Refused(refusal) => {
                assert_eq!(refusal.status, status, "{request}\n{}", refusal.text);
                assert!(refusal.text.contains(text), "{request}\n{}", refusal.text);
            }
            asked => panic!("{request}\n{asked:?}"),
        }
    }

    #[test]
    fn files_are_asked_for_by_their_path() {
        for (request, path, head_only) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "/", false),
            ("HEAD /a.js HTTP/1.1\r\nhost: x\r\n\r\n", "/a.js", true),
            ("GET /a?b=c?d HTTP/1.1\r\nHOST: x\r\n\r\n", "/a", false),
            ("GET /../%2e HTTP/1.1\r\nHost:x\r\n\r\n", "/../%2e", false),
            ("GET /ws/ HTTP/1.1\r\nHost: x\r\n\r\n", "/ws/", false),
            ("GET / HTTP/1.0\r\n\r\n", "/", false),
            ("GET / HTTP/1.0\r\nUpgrade: websocket\r\n\r\n", "/", false),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "/", false),
            ("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n", "/", false),
        ] {
            let path = path.to_owned();
            assert_eq!(ask(request), Asked::File { path, head_only }, "{request}");
        }
    }

    #[test]
    fn an_upgrade_is_understood_in_all_its_spellings() {
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned();
        for request in [
            upgrade_with("Connection: Upgrade", "connection: keep-alive, Upgrade\r\n"),
            upgrade_with("Connection: Upgrade", "CONNECTION:UPGRADE\r\n"),
            upgrade_with("Connection: Upgrade", "Connection: a\r\nConnection: b ,upgrade\r\n"),
            upgrade_with("Upgrade: websocket", "upgrade: WebSocket\r\n"),
            upgrade_with("Upgrade: websocket", "Upgrade: h2c, websocket\r\n"),
            upgrade_with("Origin: http://play.example:7777", ""),
            upgrade_with("Origin: http://play.example:7777", "Cookie: a=b\r\n"),
            upgrade_with("GET /ws HTTP/1.1", "GET /ws?room=7 HTTP/1.1\r\n"),
            upgrade_with("Host: play.example:7777", "host: PLAY.example:7777\r\n"),
        ] {
            assert_eq!(ask(&request), Asked::Upgrade { accept: accept.clone() }, "{request}");
        }
    }

    #[test]
    fn what_is_no_upgrade_is_told_why() {
        for (line, others, status, text) in [
            ("GET /ws HTTP/1.1", "GET /ws HTTP/1.0\r\n", 426, "HTTP/1.1"),
            ("GET /ws HTTP/1.1", "HEAD /ws HTTP/1.1\r\n", 405, "GET"),
            ("GET /ws HTTP/1.1", "POST /ws HTTP/1.1\r\n", 405, "GET"),
            ("GET /ws HTTP/1.1", "get /ws HTTP/1.1\r\n", 405, "GET"),
            ("GET /ws HTTP/1.1", "GET /ws/ HTTP/1.1\r\n", 404, "/ws"),
            ("GET /ws HTTP/1.1", "GET /WS HTTP/1.1\r\n", 404, "/ws"),
            ("GET /ws HTTP/1.1", "GET http://x/ws HTTP/1.1\r\n", 400, "slash"),
            ("GET /ws HTTP/1.1", "GET * HTTP/1.1\r\n", 400, "slash"),
            ("GET /ws HTTP/1.1", "GET /ws HTTP/2.0\r\n", 400, "version"),
            ("Connection: Upgrade", "", 426, "Connection"),
            ("Connection: Upgrade", "Connection: keep-alive\r\n", 426, "Connection"),
            ("Connection: Upgrade", "Connection: upgrades\r\n", 426, "Connection"),
            ("Upgrade: websocket", "", 426, "upgrade"),
            ("Upgrade: websocket", "Upgrade: web socket\r\n", 426, "upgrade"),
            ("Sec-WebSocket-Version: 13", "", 426, "13"),
            ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8\r\n", 426, "13"),
            ("Host: play.example:7777", "", 400, "Host"),
            ("Host: play.example:7777", "Host: a\r\nHost: a\r\n", 400, "Host"),
            ("Origin: http://play.example:7777", "Origin: http://evil\r\n", 403, "http://evil"),
            ("Origin: http://play.example:7777", "Origin: null\r\n", 403, "null"),
            ("Origin: http://play.example:7777", "Origin: \r\n", 403, "pages of \"\""),
        ] {
            expect_refused(&upgrade_with(line, others), status, text);
        }
        let origin = "Origin: http://play.example:7777";
        expect_refused(&upgrade_with(origin, &format!("{origin}\r\n").repeat(2)), 400, "Origin");
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        for other in ["", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25j", "16 bytes of text", "="]
        {
            let other = format!("Sec-WebSocket-Key: {other}\r\n");
            expect_refused(&upgrade_with(key, &other), 400, "base64");
        }
        expect_refused(&upgrade_with(key, ""), 400, "base64");
        expect_refused(&upgrade_with(key, &format!("{key}\r\n").repeat(2)), 400, "more than one");
    }

    /// What two programs could understand in two ways.
    #[test]
    fn no_request_can_hide_in_another() {
        for (line, text) in [
            ("Content-Length: 5", "body"),
            ("Content-Length: 00", "body"),
            ("Content-Length: +0", "body"),
            ("Content-Length: 0, 5", "body"),
            ("Content-Length: 0\r\nContent-Length: 5", "body"),
            ("content-length: -1", "body"),
            ("Transfer-Encoding: chunked", "body"),
            ("transfer-encoding: identity", "body"),
            ("Transfer-Encoding:", "body"),
            ("Content-Length: 0\r\nTransfer-Encoding: chunked", "body"),
            ("Content-Length : 5", "not an HTTP request"),
            ("Transfer-Encoding : chunked", "not an HTTP request"),
            ("A: b\r\n Content-Length: 5", "not an HTTP request"),
            ("A: b\rContent-Length: 5", "not an HTTP request"),
            ("A: b\0", "not an HTTP request"),
            ("Content Length: 5", "not an HTTP request"),
            (": nameless", "not an HTTP request"),
        ] {
            let host = "Host: play.example:7777";
            expect_refused(&upgrade_with(host, &format!("{host}\r\n{line}\r\n")), 400, text);
            expect_refused(&format!("GET / HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n"), 400, text);
        }
        expect_refused("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "Host");
        expect_refused("GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400, "Host");
    }

    #[test]
    fn a_request_is_read_however_it_is_cut() {
        let request = upgrade_with("Upgrade: websocket", "Upgrade: websocket\r\n");
        let stream = [request.as_bytes(), &[0x82, 0x81]].concat();
        let policy = OriginPolicy::default();
        for cut in 0..=stream.len() {
            let (mut first, mut second) = stream.split_at(cut);
            let mut head = Head::new();
            let asked = next_asked(&mut head, &mut first, &policy)
                .or_else(|| next_asked(&mut head, &mut second, &policy));
            assert!(matches!(asked, Some(Asked::Upgrade { .. })), "cut at {cut}: {asked:?}");
            assert_eq!([first, second].concat(), [0x82, 0x81], "cut at {cut}");
        }
    }

    #[test]
    fn a_refusal_carries_the_headers_that_its_status_demands() {
        let answer = |status| String::from_utf8(Refusal::new(status, "no").to_bytes());
        let answer = |status| answer(status).expect("ASCII");
        assert!(answer(405).contains("\r\nAllow: GET, HEAD\r\n"));
        let upgrade = answer(426);
        assert!(upgrade.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{upgrade}");
        for line in
            ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Connection: upgrade, close"]
        {
            assert!(upgrade.contains(&format!("\r\n{line}\r\n")), "{upgrade}");
        }
        assert!(answer(400).ends_with("Content-Length: 3\r\nConnection: close\r\n\r\nno\n"));
        let long =
            format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(super::super::head::HEAD_BYTES_MAX));
        expect_refused(&long, 431, "longer");
    }
}
