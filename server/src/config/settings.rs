//! The table of settings: names, help, and how each reads its value.

use std::net::ToSocketAddrs as _;

use super::{Config, ConfigError, ListenAddr, LogFormat, Origin};
use crate::limits::{LimitInfo, Limits};

/// Name and help of one setting that is not a limit.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name, with underscores.
    pub name: &'static str,
    /// What stands for its value in `--help`.
    pub value: &'static str,
    /// What it is.
    pub help: &'static str,
    /// Whether it may be given several times.
    pub repeatable: bool,
}

/// What stands for the value of a setting that is on or off. Without a value it is on.
pub(super) const ON: &str = "ON";

/// Most bots that keep players company.
const BOTS_MAX: u64 = 1_000;

/// A name that is so many edits away from another one is probably meant as that, unless they change
/// half of it.
const EDITS_MAX: usize = 3;

/// Every setting that is not a limit.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "listen",
        value: "ADDR",
        help: "Where players connect: host:port, [v6]:port or unix:/path; port 0 picks a free one. \
               Can be given several times [default: 127.0.0.1:7777]",
        repeatable: true,
    },
    Setting {
        name: "admin",
        value: "ADDR",
        help: "Where operators look over HTTP, or `none` [default: 127.0.0.1:7778]",
        repeatable: false,
    },
    Setting {
        name: "game",
        value: "NAME",
        help: "The game of players that name none [default: arena; if that is not hosted, the \
               first by alphabet]",
        repeatable: false,
    },
    Setting {
        name: "tick_rate",
        value: "HZ",
        help: "Steps per second of real-time games, 1 to 60 [default: each game's own]",
        repeatable: false,
    },
    Setting {
        name: "room_size",
        value: "N",
        help: "Most players in a room, 1 to 1000 [default: 50]",
        repeatable: false,
    },
    Setting {
        name: "state_bytes",
        value: "BYTES",
        help: "Size of the benchmark's snapshots, 12 to 200000 [default: 1024]",
        repeatable: false,
    },
    Setting {
        name: "seed",
        value: "N",
        help: "Where all randomness of the games comes from [default: a fresh one at each start]",
        repeatable: false,
    },
    Setting {
        name: "web",
        value: ON,
        help: "Whether browsers are let in on the same addresses, true or false [default: true]",
        repeatable: false,
    },
    Setting {
        name: "web_origin",
        value: "ORIGIN",
        help: "Whose pages may connect besides the one served here and those of this machine, as \
               https://example.org, or * for all. Can be given several times",
        repeatable: true,
    },
    Setting {
        name: "bots",
        value: "N",
        help: "Bots that play as well, for whoever tries a game alone, 0 to 1000; they need the \
               program gamekeeper-bot beside this one [default: 0]",
        repeatable: false,
    },
    Setting {
        name: "lab",
        value: ON,
        help: "Whether the teardown lab may send in bots that leave in every way: true, false, or \
               without a value for true [default: true if nothing is listened on but the \
               loopback and Unix sockets, and no web_origin is given]",
        repeatable: false,
    },
    Setting {
        name: "log_format",
        value: "FORMAT",
        help: "How log lines look on stderr: text or json [default: text]",
        repeatable: false,
    },
    Setting {
        name: "log_level",
        value: "LEVEL",
        help: "Which log lines are written: error, warn, info, debug, trace or off [default: info]",
        repeatable: false,
    },
];

impl Config {
    /// Sets one setting or limit from text.
    ///
    /// # Errors
    ///
    /// What is wrong with the value and what is allowed; or that there is no such setting.
    pub fn set(
        &mut self,
        name: &str,
        values: &[String],
        origin: Origin,
    ) -> Result<(), ConfigError> {
        let outcome = match values {
            [value] => self.set_one(name, value),
            [] if name == "web_origin" => {
                self.web_origins = Vec::new();
                Ok(())
            }
            [] => Err(format!("{name} needs at least one address")),
            values if name == "listen" => self.set_listen(values),
            values if name == "web_origin" => self.set_web_origins(values),
            _ => Err(format!("{name} takes one value")),
        };
        outcome.map_err(|problem| ConfigError { origin, problem })
    }

    /// Checks what only shows when all settings are there.
    ///
    /// # Errors
    ///
    /// Which settings contradict each other.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self.limits.contradiction() {
            None => Ok(()),
            Some(contradiction) => {
                Err(ConfigError { origin: Origin::Together, problem: contradiction.to_string() })
            }
        }
    }

    fn set_one(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "listen" => self.set_listen(&[value.to_owned()])?,
            "admin" if value == "none" => self.admin = None,
            "admin" => self.admin = Some(address(value)?),
            "game" => self.game = Some(value.to_owned()),
            "tick_rate" => self.tick_rate = Some(number(name, value, 1, 60)?),
            "room_size" => self.room_size = number(name, value, 1, 1_000)?,
            "state_bytes" => self.state_bytes = number(name, value, 12, 200_000)?,
            "seed" => self.seed = Some(number(name, value, 0, u64::MAX)?),
            "web" => self.web = is_on(name, value)?,
            "web_origin" => self.set_web_origins(&[value.to_owned()])?,
            "lab" => self.lab = Some(is_on(name, value)?),
            "bots" => self.bots = number(name, value, 0, BOTS_MAX)?,
            "log_format" => {
                self.log_format = match value {
                    "text" => LogFormat::Text,
                    "json" => LogFormat::Json,
                    _ => return Err(format!("log_format is {value:?}, but must be text or json")),
                }
            }
            "log_level" => {
                let levels = ["error", "warn", "info", "debug", "trace", "off"];
                if !levels.contains(&value) {
                    let levels = levels.join(", ");
                    return Err(format!("log_level is {value:?}, but must be one of {levels}"));
                }
                self.log_level = value.to_owned();
            }
            _ => return self.set_limit(name, value),
        }
        Ok(())
    }

    fn set_limit(&mut self, name: &str, value: &str) -> Result<(), String> {
        let info = Limits::TABLE.iter().find(|info| info.name == name);
        let (Some(&LimitInfo { min, max, .. }), Some(limit)) = (info, self.limits.by_name(name))
        else {
            return Err(unknown(name));
        };
        *limit = number(name, value, min, max)?;
        Ok(())
    }

    fn set_web_origins(&mut self, values: &[String]) -> Result<(), String> {
        for value in values {
            let host = ["http://", "https://"].iter().find_map(|scheme| value.strip_prefix(scheme));
            let is_origin = |host: &str| {
                !host.is_empty() && !host.contains(|c: char| "/?# ".contains(c) || c.is_uppercase())
            };
            if value != "*" && !host.is_some_and(is_origin) {
                return Err(format!(
                    "web_origin is {value:?}, but must be an origin as a browser names it, such as \
                     https://example.org or http://example.org:8080, or *"
                ));
            }
        }
        self.web_origins = values.to_vec();
        Ok(())
    }

    fn set_listen(&mut self, values: &[String]) -> Result<(), String> {
        self.listen = values.iter().map(|value| address(value)).collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// The names of all settings and limits.
pub(super) fn names() -> Vec<&'static str> {
    let settings = SETTINGS.iter().map(|setting| setting.name);
    settings.chain(Limits::TABLE.iter().map(|limit| limit.name)).collect()
}

/// What to say about a name that no setting has.
fn unknown(name: &str) -> String {
    let distance = |known: &&&str| strsim::damerau_levenshtein(known, name);
    let names = names();
    match names
        .iter()
        .min_by_key(distance)
        .filter(|near| distance(near) <= EDITS_MAX.min(name.len() / 2))
    {
        Some(near) => format!("there is no setting {name:?}; did you mean {near}?"),
        None => format!("there is no setting {name:?}; allowed are: {}", names.join(", ")),
    }
}

fn number<T>(name: &str, value: &str, min: u64, max: u64) -> Result<T, String>
where
    T: TryFrom<u64>,
{
    // What is on or off is a number among the limits.
    let value = match (value, min, max) {
        ("false", 0, 1) => "0",
        ("true", 0, 1) => "1",
        _ => value,
    };
    let parsed = value.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
    parsed
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("{name} is {value:?}, but must be a whole number, {min} to {max}"))
}

fn is_on(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("{name} is {value:?}, but must be true or false")),
    }
}

fn address(value: &str) -> Result<ListenAddr, String> {
    if let Some(path) = value.strip_prefix("unix:") {
        if path.is_empty() {
            return Err("unix: needs a path, as in unix:/run/gamekeeper.sock".to_owned());
        }
        return Ok(ListenAddr::Unix(path.into()));
    }
    let explain = |why: &str| {
        format!(
            "{value:?} is not an address to listen on ({why}); use host:port, [v6]:port or \
             unix:/path"
        )
    };
    let mut addresses = value.to_socket_addrs().map_err(|error| explain(&error.to_string()))?;
    addresses.next().map(ListenAddr::Tcp).ok_or_else(|| explain("the host has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Result<Config, String> {
        let mut config = Config::default();
        let origin = Origin::Flag(name.to_owned());
        config
            .set(name, &[value.to_owned()], origin)
            .map(|()| config)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_name_can_be_set_and_every_error_says_what_is_allowed() {
        for name in names() {
            let error = set(name, "\u{1}").map(|_| ()).err();
            if name == "game" {
                continue;
            }
            let error = error.unwrap_or_else(|| panic!("{name} takes anything"));
            assert!(error.starts_with(&format!("--{name}: ")), "{error}");
            assert!(error.contains("must be") || error.contains("use host:port"), "{error}");
        }
        let error = set("rom_size", "3").expect_err("no such setting");
        assert!(error.contains("room_size"), "{error}");
    }

    #[test]
    fn addresses_of_all_kinds_are_read() {
        assert_eq!(set("listen", "[::1]:0").expect("v6").listen[0].to_string(), "[::1]:0");
        assert_eq!(set("listen", "unix:/x").expect("unix").listen[0].to_string(), "unix:/x");
        assert_eq!(set("admin", "none").expect("none").admin, None);
        assert!(set("listen", "7777").is_err());
        assert!(set("listen", "unix:").is_err());
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_the_range() {
        let error = set("room_size", "0").expect_err("no seats");
        assert_eq!(error, "--room_size: room_size is \"0\", but must be a whole number, 1 to 1000");
        assert!(set("hello_timeout_ms", "1").is_err());
        assert_eq!(set("hello_timeout_ms", "100").expect("smallest").limits.hello_timeout_ms, 100);
    }
}
