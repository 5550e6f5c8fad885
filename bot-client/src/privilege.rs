//! What a bot may need besides a socket, and whether this process may do it.
//!
//! Asked before a run, so that what is not possible here can be left out and said, instead of
//! failing in the middle.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fleet::network;

/// Something that only some processes are allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// To administer the network of its own sockets: to lose what arrives, or to close without a
    /// word. `CAP_NET_ADMIN` on Linux.
    NetAdmin,
}

impl Privilege {
    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetAdmin => "net-admin",
        }
    }

    /// Tries it on a socket of its own.
    ///
    /// # Errors
    ///
    /// Why not, and what would help.
    pub fn probe(self) -> Result<(), String> {
        match self {
            Self::NetAdmin => network::probe().map_err(|error| {
                format!("needs CAP_NET_ADMIN ({error}): run as root or in `unshare -Urn`")
            }),
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever this process is allowed, the answer helps.
    #[test]
    fn a_probe_says_what_would_help() {
        if let Err(why) = Privilege::NetAdmin.probe() {
            assert!(why.contains("CAP_NET_ADMIN") && why.contains("unshare"), "{why}");
        }
        let json = serde_json::to_string(&Privilege::NetAdmin).expect("a name");
        assert_eq!(json, format!("\"{}\"", Privilege::NetAdmin), "one name, whoever reads it");
    }
}
