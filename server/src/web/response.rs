//! An HTTP response as bytes, for the admin listener and for the port of the game.
//!
//! Data flow: status, headers, body -> **`response`** -> bytes. There is one request on a
//! connection, so every response but the upgrade says that the connection is closed. It decides
//! nothing about what is answered.

use std::fmt::Write;

/// For people.
pub const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// A whole response, with `headers` as further names and values.
pub fn response(status: u16, content_type: &str, body: &[u8], headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = response_head(status, content_type, body.len(), headers);
    bytes.extend_from_slice(body);
    bytes
}

/// A response up to its body, which has `body_bytes` bytes: all that a `HEAD` request is sent.
pub fn response_head(
    status: u16,
    content_type: &str,
    body_bytes: usize,
    headers: &[(&str, &str)],
) -> Vec<u8> {
    // An `Upgrade` header counts only if `Connection` names it.
    let connection = if status == 426 { "upgrade, close" } else { "close" };
    let mut text = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {body_bytes}\r\n",
        phrase(status)
    );
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").expect("a String takes everything");
    }
    write!(text, "Connection: {connection}\r\n\r\n").expect("a String takes everything");
    text.into_bytes()
}

/// The answer to an upgrade: what follows it on this connection is WebSocket.
pub fn upgrade_response(accept: &str) -> Vec<u8> {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    format!("{head}Sec-WebSocket-Accept: {accept}\r\n\r\n").into_bytes()
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        // It may be empty: the number is what counts.
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_its_head_and_its_body() {
        let head = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n\
                    Content-Length: 5\r\nX-A: b\r\nConnection: close\r\n\r\n";
        let headers = [("X-A", "b")];
        assert_eq!(response_head(404, PLAIN_TEXT, 5, &headers), head.as_bytes());
        let whole = response(404, PLAIN_TEXT, b"where", &headers);
        assert_eq!(whole, [head.as_bytes(), b"where"].concat());
    }

    /// The example of RFC 6455, section 1.3.
    #[test]
    fn an_upgrade_is_confirmed() {
        let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                        Connection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(upgrade_response("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), expected.as_bytes());
    }
}
