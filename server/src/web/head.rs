//! The head of one HTTP request, collected until it is complete.
//!
//! Data flow: bytes -> **`Head`** -> request head -> `request` or the admin's `Exchange`. It takes
//! no byte behind the head, and does not judge what is asked for.

use std::fmt;

/// Longest request head that is read, in bytes.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;

/// A request head, as far as it has arrived.
///
/// Invariant: `received.len() <= HEAD_BYTES_MAX`, and no complete head is in it.
#[derive(Default)]
pub struct Head {
    received: Vec<u8>,
}

impl fmt::Debug for Head {
    /// Not the bytes: there may be a cookie among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of a request head", self.received.len())
    }
}

impl Head {
    /// Before the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of `input`, up to the end of the head and not beyond it, and lets `look` see the
    /// head once it is complete. `None` as long as it is not: then all of `input` was taken.
    ///
    /// # Errors
    ///
    /// [`HeadFault`], if these bytes cannot become a request head any more. The connection has no
    /// use for its further bytes then.
    pub fn take<T>(
        &mut self,
        input: &mut &[u8],
        look: impl FnOnce(&httparse::Request<'_, '_>) -> T,
    ) -> Result<Option<T>, HeadFault> {
        let before_bytes = self.received.len();
        let (taken, rest) = input.split_at(input.len().min(HEAD_BYTES_MAX - before_bytes));
        self.received.extend_from_slice(taken);
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut headers);
        let outcome = match parsed.parse(&self.received) {
            Ok(httparse::Status::Complete(head_bytes)) => {
                // The bytes before were no complete head, so the end is among those just taken.
                *input = &input[head_bytes - before_bytes..];
                Ok(Some(look(&parsed)))
            }
            Ok(httparse::Status::Partial) if rest.is_empty() => {
                *input = rest;
                return Ok(None);
            }
            Ok(httparse::Status::Partial) => Err(HeadFault::TooLong),
            Err(httparse::Error::TooManyHeaders) => Err(HeadFault::TooManyHeaders),
            Err(error) => Err(HeadFault::NotHttp(error)),
        };
        self.received = Vec::new();
        outcome
    }

    /// Whether the stream stands inside a head: an end of file here cuts a request in two.
    pub fn is_mid_head(&self) -> bool {
        !self.received.is_empty()
    }

    /// Bytes of memory that are held.
    pub fn buffered_bytes(&self) -> usize {
        self.received.capacity()
    }
}

/// Why bytes are not the head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadFault {
    /// More bytes than [`HEAD_BYTES_MAX`] without an end.
    TooLong,
    /// More header lines than are read.
    TooManyHeaders,
    /// Not the grammar of HTTP/1.
    NotHttp(httparse::Error),
}

impl HeadFault {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::TooLong | Self::TooManyHeaders => 431,
            Self::NotHttp(_) => 400,
        }
    }
}

impl fmt::Display for HeadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => {
                write!(f, "the request is longer than is read here ({HEAD_BYTES_MAX} bytes)")
            }
            Self::TooManyHeaders => {
                write!(f, "the request has more header lines than are read here ({HEADERS_MAX})")
            }
            Self::NotHttp(error) => write!(f, "this is not an HTTP request: {error}"),
        }
    }
}

impl std::error::Error for HeadFault {}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

    fn path(request: &httparse::Request<'_, '_>) -> String {
        request.path.expect("a complete head has a path").to_owned()
    }

    #[test]
    fn no_byte_behind_the_head_is_taken_however_it_is_cut() {
        let stream = [REQUEST, b"\r\nbehind"].concat();
        for cut in 0..stream.len() {
            let (mut first, mut second) = stream.split_at(cut);
            let mut head = Head::new();
            let mut found = head.take(&mut first, path).expect("it is a request");
            assert_eq!(found.is_some(), cut >= REQUEST.len(), "cut at {cut}");
            assert_eq!(head.is_mid_head(), found.is_none() && cut > 0, "cut at {cut}");
            if found.is_none() {
                assert!(first.is_empty());
                found = head.take(&mut second, path).expect("it is a request");
            }
            assert_eq!(found.as_deref(), Some("/a"), "cut at {cut}");
            assert_eq!([first, second].concat(), b"\r\nbehind", "cut at {cut}");
            assert_eq!(head.buffered_bytes(), 0);
        }
    }

    #[test]
    fn a_head_may_have_so_many_bytes_and_not_one_more() {
        let line = b"GET / HTTP/1.1\r\nX: ";
        for (bytes, is_read) in [(HEAD_BYTES_MAX, true), (HEAD_BYTES_MAX + 1, false)] {
            let filler = vec![b'x'; bytes - line.len() - 4];
            let request = [line, &filler[..], b"\r\n\r\n"].concat();
            for step in [1, 1_000, request.len()] {
                let mut head = Head::new();
                let outcomes = request.chunks(step).map(|mut chunk| head.take(&mut chunk, path));
                let last = outcomes.last().expect("there is a chunk");
                let expected =
                    if is_read { Ok(Some("/".to_owned())) } else { Err(HeadFault::TooLong) };
                assert_eq!(last, expected, "{bytes} bytes in steps of {step}");
            }
        }
    }

    #[test]
    fn nonsense_and_endless_lists_are_refused() {
        let mut nonsense = &b"GET / HTTP/1.1\0"[..];
        let fault = Head::new().take(&mut nonsense, path).expect_err("a zero byte");
        assert_eq!(fault.status(), 400);
        let many = [b"GET / HTTP/1.1\r\n".to_vec(), b"X: y\r\n".repeat(HEADERS_MAX + 1)].concat();
        let fault = Head::new().take(&mut &many[..], path).expect_err("too many headers");
        assert_eq!((fault, fault.status()), (HeadFault::TooManyHeaders, 431));
    }
}
