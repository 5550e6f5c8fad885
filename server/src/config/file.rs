//! The configuration file: TOML with one key per setting, errors with their line.

use std::{fs, path::Path};

use toml::de::{DeTable, DeValue};

use super::{Config, ConfigError, Origin};

/// Reads `path` into `config`.
///
/// # Errors
///
/// The first line that cannot be used and why; or that the file cannot be read.
pub(super) fn read_file(config: &mut Config, path: &Path) -> Result<(), ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError {
        origin: Origin::Flag("config".to_owned()),
        problem: format!("cannot read {}: {error}", path.display()),
    })?;
    read_text(config, path, &text)
}

fn read_text(config: &mut Config, path: &Path, text: &str) -> Result<(), ConfigError> {
    let origin = |offset: usize| {
        let line = text[..offset.min(text.len())].matches('\n').count() + 1;
        Origin::File { path: path.to_owned(), line }
    };
    let table = DeTable::parse(text).map_err(|error| ConfigError {
        origin: origin(error.span().map_or(0, |span| span.start)),
        problem: format!(
            "{}; a line is a name, = and a value: a number, true, false, or text in quotes",
            error.message()
        ),
    })?;
    // In the order of the file, so that the first wrong line is the one that is named.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let origin = origin(key.span().start);
        match values(value.get_ref()) {
            Some(values) => config.set(key.get_ref(), &values, origin)?,
            None => {
                let problem = refusal(key.get_ref(), value.get_ref());
                return Err(ConfigError { origin, problem });
            }
        }
    }
    Ok(())
}

/// A value as text; `None` for a kind that no setting has.
fn values(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::String(text) => Some(vec![text.to_string()]),
        DeValue::Integer(number) if number.radix() == 10 => {
            Some(vec![number.as_str().replace('_', "")])
        }
        DeValue::Boolean(value) => Some(vec![value.to_string()]),
        // No setting is one, but each says best what it takes.
        DeValue::Float(number) => Some(vec![number.as_str().to_owned()]),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            texts.collect()
        }
        _ => None,
    }
}

/// Why a value of a kind that no setting has cannot be used.
fn refusal(key: &str, value: &DeValue<'_>) -> String {
    match value {
        DeValue::Table(_) => {
            format!("[{key}] is a table; settings stand in none, each on a line of its own")
        }
        _ => format!("{key} must be a number, true, false, text in quotes, or a list of texts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        read_text(&mut config, Path::new("gamekeeper.toml"), text)
            .map(|()| config)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_sets_what_it_names() {
        let config = read(
            "# a comment\nlisten = [\"127.0.0.1:0\", \"unix:/tmp/x\"]\nroom_size = 8\n\
             connections_max = 1_000\n",
        )
        .expect("a good file");
        assert_eq!((config.listen.len(), config.room_size), (2, 8));
        assert_eq!(config.limits.connections_max, 1_000);
    }

    #[test]
    fn an_error_names_the_line_and_what_is_allowed() {
        let error = read("game = \"arena\"\n\nroom_size = 0\n").expect_err("no seats");
        assert!(error.starts_with("gamekeeper.toml, line 3: room_size is"), "{error}");
        assert!(error.ends_with("1 to 1000"), "{error}");
        let error = read("game = \"arena\"\nrom_size = 1\n").expect_err("a typing error");
        assert!(error.starts_with("gamekeeper.toml, line 2: there is no setting"), "{error}");
        for (text, wanted) in [
            ("room_size = true", "room_size is \"true\", but must be a whole number"),
            ("tick_rate = 30.5", "tick_rate is \"30.5\", but must be a whole number"),
            ("[limits]\nconnections_max = 5", "[limits] is a table; settings stand in none"),
            ("seed = 1979-05-27", "seed must be a number"),
            ("listen = []", "listen needs at least one address"),
            ("admin = none", "text in quotes"),
            ("conections_max = 5", "did you mean connections_max?"),
            ("frobnicate = 5", "allowed are: listen, admin"),
        ] {
            let error = read(text).expect_err(text);
            let line_1 = "gamekeeper.toml, line 1: ";
            assert!(error.starts_with(line_1) && error.contains(wanted), "{text}: {error}");
        }
        assert_eq!(read("guard_loopback = true").map(|it| it.limits.guard_loopback), Ok(1));
        assert_eq!(read("guard_loopback = false").map(|it| it.limits.guard_loopback), Ok(0));
        let error = read("game = \n").expect_err("not TOML");
        assert!(error.starts_with("gamekeeper.toml, line 1: "), "{error}");
    }
}
