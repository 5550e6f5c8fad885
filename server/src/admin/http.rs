//! One HTTP request and its answer, as bytes: just enough of HTTP/1.1 for operators' tools.
//!
//! Data flow: bytes -> **`Exchange`** -> request; response -> **`Exchange`** -> bytes. Pure. One
//! request per connection, then it is closed; no bodies are read.

use serde::Serialize;

use crate::web::{
    head::Head,
    response::{self, PLAIN_TEXT},
};

/// One request on one connection, from its first byte to the last byte of the answer.
#[derive(Debug, Default)]
pub struct Exchange {
    head: Head,
    request: Option<Request>,
    response: Option<Vec<u8>>,
    sent_bytes: usize,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, usually.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// What stands behind the question mark; empty if there is none.
    pub query: String,
    /// Where the page is from that asks, if it is a page.
    pub origin: Option<Vec<u8>>,
    /// What the one who asks calls this server.
    pub host: Option<Vec<u8>>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    content_type: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Vec<u8>,
}

/// Whatever is true now may be wrong at the next look.
pub const NOT_KEPT: (&str, &str) = ("Cache-Control", "no-store");

impl Exchange {
    /// Before the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes were read. A request that cannot be understood is answered right away.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        if self.request.is_some() || self.response.is_some() {
            return;
        }
        let look = |head: &httparse::Request<'_, '_>| {
            let target = head.path.unwrap_or("/");
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let method = head.method.unwrap_or_default().to_owned();
            let header = |name: &str| {
                let found = head.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name));
                found.map(|header| header.value.to_owned())
            };
            let (origin, host) = (header("origin"), header("host"));
            Request { method, path: path.to_owned(), query: query.to_owned(), origin, host }
        };
        match self.head.take(&mut { bytes }, look) {
            Ok(request) => self.request = request,
            Err(fault) => {
                let response = Response::text(fault.status(), &format!("{fault}\n"));
                self.response = Some(response.into_bytes());
            }
        }
    }

    /// Whether anything was received at all.
    pub fn is_started(&self) -> bool {
        self.head.is_mid_head() || self.has_request() || self.is_answered()
    }

    /// Whether a request waits for its answer.
    pub fn has_request(&self) -> bool {
        self.request.is_some()
    }

    /// Answers the request that waits.
    pub fn answer(&mut self, respond: impl FnOnce(&Request) -> Response) {
        if let Some(request) = self.request.take() {
            self.response = Some(respond(&request).into_bytes());
        }
    }

    /// Whether there is an answer.
    pub fn is_answered(&self) -> bool {
        self.response.is_some()
    }

    /// What to write next.
    pub fn unsent(&self) -> &[u8] {
        self.response.as_ref().map_or(&[], |response| &response[self.sent_bytes..])
    }

    /// The socket took so many bytes.
    pub fn advance(&mut self, taken_bytes: usize) {
        self.sent_bytes += taken_bytes;
    }
}

impl Response {
    /// A response with any body.
    pub fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, content_type, headers: &[NOT_KEPT], body }
    }

    /// A file of a page, with what browsers are told about it.
    pub fn file(
        content_type: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: &[u8],
    ) -> Self {
        Self { status: 200, content_type, headers, body: body.to_vec() }
    }

    /// An answer to a method that is not for this path.
    pub fn method_not_allowed(
        allowed: &'static [(&'static str, &'static str)],
        body: &str,
    ) -> Self {
        Self { headers: allowed, ..Self::text(405, body) }
    }

    /// A response for people.
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(status, PLAIN_TEXT, body.as_bytes().to_vec())
    }

    /// A response for programs.
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(mut body) => {
                // A terminal's prompt belongs on a line of its own.
                body.push(b'\n');
                Self::new(200, "application/json", body)
            }
            Err(error) => Self::text(500, &format!("cannot encode the answer: {error}\n")),
        }
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Its body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    fn into_bytes(self) -> Vec<u8> {
        response::response(self.status, self.content_type, &self.body, self.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::head::HEAD_BYTES_MAX;

    fn ask(chunks: &[&[u8]]) -> Exchange {
        let mut exchange = Exchange::new();
        for chunk in chunks {
            exchange.handle_bytes(chunk);
        }
        exchange
    }

    #[test]
    fn a_request_is_read_however_it_is_cut() {
        let request = b"GET /api/stats?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for cut in 0..request.len() {
            let exchange = ask(&[&request[..cut], &request[cut..]]);
            let (path, query) = ("/api/stats".into(), "x=1".into());
            let (origin, host) = (None, Some(b"localhost".to_vec()));
            let expected = Request { method: "GET".into(), path, query, origin, host };
            assert_eq!(exchange.request, Some(expected), "cut at {cut}");
        }
    }

    #[test]
    fn nonsense_and_endless_heads_are_refused() {
        assert!(ask(&[b"\x1f\0\0\0\0GKPR"]).unsent().starts_with(b"HTTP/1.1 400 "));
        let head = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; HEAD_BYTES_MAX]].concat();
        assert!(ask(&[&head]).unsent().starts_with(b"HTTP/1.1 431 "));
    }

    #[test]
    fn an_answer_is_written_in_pieces() {
        let mut exchange = ask(&[b"GET / HTTP/1.1\r\n\r\n"]);
        exchange.answer(|_| Response::text(200, "hello"));
        let mut written = Vec::new();
        while !exchange.unsent().is_empty() {
            written.push(exchange.unsent()[0]);
            exchange.advance(1);
        }
        let text = String::from_utf8(written).expect("ascii");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\nhello"));
        assert!(text.contains("Content-Length: 5\r\n"));
    }
}
