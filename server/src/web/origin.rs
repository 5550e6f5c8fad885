//! Whose pages may open a WebSocket here.
//!
//! Data flow: `Origin` and `Host` of an upgrade -> **`OriginPolicy`** -> allowed or not. Browsers
//! let any page connect to any server and say truthfully where the page is from; the server has to
//! refuse. Programs can say what they like, so this protects players and not the server.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Decides by where a page is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginPolicy {
    /// Pages served by this machine to itself are allowed, from whichever port.
    allow_loopback: bool,
    /// The port of another listener of ours whose pages may connect, too.
    neighbour: Option<u16>,
    /// Further origins, as browsers write them, or `*` for all.
    listed: Vec<String>,
}

impl OriginPolicy {
    /// Allows the server's own page, `listed` origins (as browsers write them:
    /// `https://example.org`, without a slash at the end; `*` is every origin), and those of
    /// loopback addresses if `allow_loopback`.
    pub fn new(allow_loopback: bool, listed: Vec<String>) -> Self {
        Self { allow_loopback, neighbour: None, listed }
    }

    /// Allows the pages of this port of the same host as well.
    pub fn with_neighbour(self, port: u16) -> Self {
        Self { neighbour: Some(port), ..self }
    }

    /// Whether a page of `origin` may connect to the server that it calls `host`. No origin means
    /// that it is no page: browsers always send one.
    pub fn allows(&self, origin: Option<&[u8]>, host: Option<&[u8]>) -> bool {
        let Some(origin) = origin else { return true };
        // Browsers write origins in ASCII, so whatever is not UTF-8 is not from one.
        let Ok(origin) = std::str::from_utf8(origin) else { return false };
        self.listed.iter().any(|listed| listed == "*" || listed == origin)
            || Site::of(origin).is_some_and(|site| {
                host.is_some_and(|host| site.is_at(host) || site.is_beside(host, self.neighbour))
                    || (self.allow_loopback && site.is_loopback())
            })
    }
}

/// Whether this is a `Host` header that nobody else can point here: an address by its numbers, or
/// `localhost`. A name of somebody's may first be theirs and then ours, and the browser takes both
/// for the same site.
pub fn is_a_plain_host(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let (name, _) = name_and_port(host);
    let is_v6 = |name: &str| {
        let inside = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        inside.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok())
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok() || is_v6(name)
}

/// Splits `example.org:8080`; the port may be missing.
fn name_and_port(authority: &str) -> (&str, Option<u16>) {
    let split = authority.rsplit_once(':');
    let with_port = split.and_then(|(name, port)| Some((name, Some(port.parse().ok()?))));
    with_port.unwrap_or((authority, None))
}

/// An origin of the web, taken apart: `https://example.org:8080`.
struct Site<'a> {
    /// With the port, unless it is the usual one: `example.org:8080`.
    authority: &'a str,
    /// `:443`, which may be left out.
    usual_port: &'static str,
}

impl<'a> Site<'a> {
    fn of(origin: &'a str) -> Option<Self> {
        let https = origin.strip_prefix("https://").map(|authority| (authority, ":443"));
        let http = || origin.strip_prefix("http://").map(|authority| (authority, ":80"));
        let (authority, usual_port) = https.or_else(http)?;
        Some(Self { authority, usual_port })
    }

    /// Whether `host` is the `Host` header of a request to this site.
    fn is_at(&self, host: &[u8]) -> bool {
        let host = host.strip_suffix(self.usual_port.as_bytes()).unwrap_or(host);
        let own = self.authority.strip_suffix(self.usual_port).unwrap_or(self.authority);
        !own.is_empty() && own.as_bytes().eq_ignore_ascii_case(host)
    }

    /// Whether `host` is the `Host` header of a request to this site's machine, and this site's
    /// port is that of our other listener.
    fn is_beside(&self, host: &[u8], neighbour: Option<u16>) -> bool {
        let Ok(host) = std::str::from_utf8(host) else { return false };
        let ((own, own_port), (name, _)) = (name_and_port(self.authority), name_and_port(host));
        neighbour.is_some() && own_port == neighbour && own.eq_ignore_ascii_case(name)
    }

    fn is_loopback(&self) -> bool {
        let (name, _) = name_and_port(self.authority);
        name.eq_ignore_ascii_case("localhost")
            || name == "[::1]"
            || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(policy: &OriginPolicy, origin: &str, host: &str) -> bool {
        policy.allows(Some(origin.as_bytes()), Some(host.as_bytes()))
    }

    #[test]
    fn a_page_of_this_server_may_and_others_may_not() {
        let policy = OriginPolicy::default();
        for (origin, host) in [
            ("http://play.example:7777", "play.example:7777"),
            ("http://Play.Example:7777", "play.example:7777"),
            ("https://play.example", "play.example"),
            ("https://play.example", "play.example:443"),
            ("http://play.example:80", "play.example"),
            ("http://[::1]:7777", "[::1]:7777"),
            ("http://127.0.0.1:7777", "127.0.0.1:7777"),
        ] {
            assert!(allows(&policy, origin, host), "{origin} to {host}");
        }
        for (origin, host) in [
            ("http://evil.example:7777", "play.example:7777"),
            ("http://play.example:7778", "play.example:7777"),
            ("http://play.example", "play.example:443"),
            ("http://play.example:7777.evil.example", "play.example:7777"),
            ("http://play.example:7777/", "play.example:7777"),
            ("ftp://play.example:7777", "play.example:7777"),
            ("play.example:7777", "play.example:7777"),
            ("http://", ""),
            ("http://:80", ""),
            ("null", "null"),
            ("", ""),
        ] {
            assert!(!allows(&policy, origin, host), "{origin} to {host}");
        }
        assert!(!policy.allows(Some(b"http://\xff"), Some(b"\xff")));
        assert!(!policy.allows(Some(b"http://play.example"), None));
        assert!(policy.allows(None, Some(b"play.example")) && policy.allows(None, None));
    }

    #[test]
    fn loopback_is_allowed_only_on_demand() {
        let (with, without) = (OriginPolicy::new(true, vec![]), OriginPolicy::new(false, vec![]));
        for origin in [
            "http://localhost",
            "https://localhost:5173",
            "http://LOCALHOST:1",
            "http://127.0.0.1:8080",
            "http://127.9.8.7",
            "http://[::1]",
            "http://[::1]:3000",
        ] {
            assert!(allows(&with, origin, "play.example"), "{origin}");
            assert!(!allows(&without, origin, "play.example"), "{origin}");
        }
        for origin in [
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://localhost:80@evil.example",
            "http://localhost@evil.example",
            "http://128.0.0.1",
            "http://[::2]",
            "http://::1",
            "file://localhost",
        ] {
            assert!(!allows(&with, origin, "play.example"), "{origin}");
        }
    }

    #[test]
    fn the_page_of_our_other_listener_may_and_those_of_its_neighbours_may_not() {
        let policy = OriginPolicy::default().with_neighbour(7778);
        for (origin, is_allowed) in [
            ("http://192.0.2.5:7778", true),
            ("http://192.0.2.5:7777", true),
            ("http://192.0.2.5:7779", false),
            ("http://192.0.2.5", false),
            ("http://192.0.2.6:7778", false),
        ] {
            assert_eq!(allows(&policy, origin, "192.0.2.5:7777"), is_allowed, "{origin}");
        }
        assert!(!allows(&OriginPolicy::default(), "http://192.0.2.5:7778", "192.0.2.5:7777"));
        assert!(allows(&policy, "http://[fd00::1]:7778", "[FD00::1]:7777"));
    }

    #[test]
    fn only_numbers_and_localhost_are_plain_hosts() {
        for host in ["127.0.0.1:7778", "10.0.0.1", "[::1]:7778", "[fd00::1]", "LocalHost:1"] {
            assert!(is_a_plain_host(host.as_bytes()), "{host}");
        }
        for host in ["", "evil.example:7778", "localhost.evil.example", "::1", "[::1", "127.0.0.1x"]
        {
            assert!(!is_a_plain_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn listed_origins_are_compared_as_a_whole() {
        let listed = OriginPolicy::new(false, vec!["https://a.example".into(), "null".into()]);
        for (origin, is_allowed) in [
            ("https://a.example", true),
            ("null", true),
            ("http://a.example", false),
            ("https://a.example:8443", false),
            ("https://b.a.example", false),
        ] {
            assert_eq!(allows(&listed, origin, "play.example"), is_allowed, "{origin}");
        }
        let all = OriginPolicy::new(false, vec!["*".into()]);
        assert!(allows(&all, "https://anything.example", "play.example"));
    }
}
