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
        problem: error.message().to_owned(),
    })?;
    // In the order of the file, so that the first wrong line is the one that is named.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let origin = origin(key.span().start);
        match values(value.get_ref()) {
            Some(values) => config.set(key.get_ref(), &values, origin)?,
            None => {
                let problem = format!(
                    "{} must be a string, a whole number, or a list of strings",
                    key.get_ref()
                );
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
        let error = read("room_size = true\n").expect_err("not a number");
        assert!(error.starts_with("gamekeeper.toml, line 1: room_size must be"), "{error}");
        let error = read("game = \n").expect_err("not TOML");
        assert!(error.starts_with("gamekeeper.toml, line 1: "), "{error}");
    }
}
