//! Where the server listens.

use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use socket2::{Domain, SockAddr};

use crate::departure::Transport;

/// An address to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Endpoint {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix-domain socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// What carries the bytes of a native client.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Tcp(_) => Transport::Tcp,
            Self::Unix(_) => Transport::Unix,
        }
    }

    /// The address, if it is one of the internet.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    pub(super) fn domain(&self) -> Domain {
        match self {
            Self::Tcp(address) => Domain::for_address(*address),
            Self::Unix(_) => Domain::UNIX,
        }
    }

    pub(super) fn socket_address(&self) -> io::Result<SockAddr> {
        match self {
            Self::Tcp(address) => Ok((*address).into()),
            Self::Unix(path) => SockAddr::unix(path),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// Reads `host:port`, `[v6]:port` or `unix:/path`. A host's name is looked up.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err(EndpointError::NoPath);
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let lookup = |error: io::Error| EndpointError::Unknown {
            text: text.to_owned(),
            why: error.to_string(),
        };
        let mut addresses = text.to_socket_addrs().map_err(lookup)?;
        let none = || lookup(io::Error::other("the name has no address"));
        addresses.next().map(Self::Tcp).ok_or_else(none)
    }
}

/// A text that is not an address to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// `unix:` with nothing behind it.
    NoPath,
    /// Neither an address nor a name that can be looked up.
    Unknown {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPath => f.write_str("\"unix:\" needs a path, for example unix:/run/game.sock"),
            Self::Unknown { text, why } => {
                write!(f, "cannot use \"{text}\" as an address: {why}; ")?;
                f.write_str("write host:port, [v6]:port or unix:/path")
            }
        }
    }
}

impl std::error::Error for EndpointError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_addresses_read_back() {
        for text in ["127.0.0.1:7777", "[::1]:7777", "unix:/run/game.sock"] {
            assert_eq!(text.parse::<Endpoint>().expect("valid").to_string(), text);
        }
        for text in ["7777", "unix:", "127.0.0.1:99999", ""] {
            let error = text.parse::<Endpoint>().expect_err("invalid").to_string();
            assert!(error.contains("unix:/"), "{error}");
        }
    }
}
