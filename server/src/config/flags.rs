//! The command line and the environment, and the layers put together.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgAction, Command};

use super::{
    Config, ConfigError, Origin, SETTINGS, file,
    settings::{ON, names},
};
use crate::limits::Limits;

const PREFIX: &str = "GAMEKEEPER_";

/// What a command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// To host with this configuration.
    Host(Box<Config>),
    /// To print this text (help or version) and end well.
    Print(String),
    /// Something that is not understood: print this text and end badly.
    Misuse(String),
}

/// Reads the command line, the environment and the configuration file.
///
/// # Errors
///
/// The first value that cannot be used.
pub fn from_process(
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Invocation, ConfigError> {
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            return Ok(Invocation::Misuse(error.render().to_string()));
        }
        Err(answer) => return Ok(Invocation::Print(answer.render().to_string())),
    };
    let mut variables: Vec<_> =
        variables.into_iter().filter(|(name, _)| is_a_setting(name)).collect();
    variables.sort();
    let mut config = Config::default();
    let in_environment = variables.iter().find(|(name, _)| name == "GAMEKEEPER_CONFIG");
    let path = matches.get_one::<String>("config").or(in_environment.map(|(_, path)| path));
    if let Some(path) = path {
        file::read_file(&mut config, &PathBuf::from(path))?;
    }
    for (variable, value) in &variables {
        if variable == "GAMEKEEPER_CONFIG" {
            continue;
        }
        let name = variable[PREFIX.len()..].to_lowercase();
        let is_a_list = SETTINGS.iter().any(|setting| setting.name == name && setting.repeatable);
        let values: Vec<String> = if is_a_list {
            value.split(',').map(|item| item.trim().to_owned()).collect()
        } else {
            vec![value.clone()]
        };
        config.set(&name, &values, Origin::Variable(variable.clone()))?;
    }
    for name in names() {
        if let Some(values) = matches.get_many::<String>(name) {
            let values: Vec<String> = values.cloned().collect();
            config.set(name, &values, Origin::Flag(flag(name)))?;
        }
    }
    config.validate()?;
    Ok(Invocation::Host(Box::new(config)))
}

/// Whether an environment variable is meant as a setting.
///
/// Kubernetes gives every container in the namespace of a service called `gamekeeper` variables
/// such as `GAMEKEEPER_SERVICE_HOST` and `GAMEKEEPER_PORT_7777_TCP`; those are not meant.
fn is_a_setting(variable: &str) -> bool {
    let Some(name) = variable.strip_prefix(PREFIX) else { return false };
    !(name == "PORT" || name.starts_with("PORT_") || name.starts_with("SERVICE_"))
}

fn command() -> Command {
    let mut command = Command::new("gamekeeper")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Hosts multiplayer game sessions and does not fall over when players vanish.")
        .after_help(
            "Every setting can also stand in the file of --config (room_size = 8) and in the \
             environment (GAMEKEEPER_ROOM_SIZE=8).\nThe command line wins over the environment, \
             the environment over the file. GAMEKEEPER_CONFIG names the file, too.",
        )
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("A TOML file with settings, one per line"),
        );
    for setting in SETTINGS {
        let action = if setting.repeatable { ArgAction::Append } else { ArgAction::Set };
        let arg = Arg::new(setting.name)
            .long(flag(setting.name))
            .value_name(setting.value)
            .help(setting.help)
            .action(action);
        command = command.arg(if setting.value == ON {
            // The next flag is not its value.
            arg.num_args(0..=1).default_missing_value("true")
        } else {
            arg.allow_hyphen_values(true)
        });
    }
    for limit in Limits::TABLE {
        let help = format!(
            "{} [default: {}; {} to {}]",
            limit.doc.trim(),
            limit.default,
            limit.min,
            limit.max
        );
        command = command.arg(
            Arg::new(limit.name)
                .long(flag(limit.name))
                .value_name("N")
                .allow_negative_numbers(true)
                .help(help)
                .help_heading("Limits"),
        );
    }
    command
}

/// A setting's name as a flag.
fn flag(name: &str) -> String {
    name.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str], variables: &[(&str, &str)]) -> Result<Invocation, String> {
        let args = ["gamekeeper"].iter().chain(args).map(OsString::from);
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        from_process(args, variables).map_err(|error| error.to_string())
    }

    fn host(args: &[&str], variables: &[(&str, &str)]) -> Config {
        match read(args, variables) {
            Ok(Invocation::Host(config)) => *config,
            other => panic!("{args:?}: {other:?}"),
        }
    }

    #[test]
    fn without_anything_the_defaults_hold() {
        assert_eq!(host(&[], &[("PATH", "/bin")]), Config::default());
    }

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let variables = [("GAMEKEEPER_ROOM_SIZE", "8"), ("GAMEKEEPER_TICK_RATE", "30")];
        let config = host(&["--room-size", "4"], &variables);
        assert_eq!((config.room_size, config.tick_rate), (4, Some(30)));
        let config = host(&["--listen", "127.0.0.1:1", "--listen", "unix:/x"], &[]);
        assert_eq!(config.listen.len(), 2);
    }

    #[test]
    fn what_is_on_or_off_needs_no_value_to_be_on() {
        let config = host(&["--lab", "--web", "false", "--bots", "3"], &[]);
        assert_eq!((config.lab, config.web, config.bots), (Some(true), false, 3));
        let config = host(&["--web", "--lab=false"], &[("GAMEKEEPER_WEB", "0")]);
        assert_eq!((config.lab, config.web), (Some(false), true));
        assert!(read(&["--lab", "perhaps"], &[]).is_err());
    }

    #[test]
    fn typing_errors_are_never_silent() {
        let misuse = |args: &[&str]| match read(args, &[]) {
            Ok(Invocation::Misuse(text)) => text,
            other => panic!("{other:?}"),
        };
        assert!(misuse(&["--rom-size", "4"]).contains("--room-size"), "suggests the right flag");
        let error = read(&[], &[("GAMEKEEPER_ROM_SIZE", "8")]).expect_err("no such variable");
        assert!(error.starts_with("environment variable GAMEKEEPER_ROM_SIZE: "), "{error}");
        let error = read(&["--ping-after-ms", "60000"], &[]).expect_err("after the heartbeat");
        assert!(error.contains("heartbeat_timeout_ms"), "{error}");
    }

    #[test]
    fn what_kubernetes_puts_into_the_environment_is_not_meant() {
        let variables = [
            ("GAMEKEEPER_SERVICE_HOST", "10.0.0.1"),
            ("GAMEKEEPER_PORT", "tcp://10.0.0.1:7777"),
            ("GAMEKEEPER_PORT_7777_TCP_PROTO", "tcp"),
        ];
        assert_eq!(host(&[], &variables), Config::default());
    }

    #[test]
    fn help_names_every_setting_and_limit() {
        let Ok(Invocation::Print(help)) = read(&["--help"], &[]) else { panic!("help is printed") };
        for name in names() {
            assert!(help.contains(&format!("--{}", flag(name))), "{name}");
        }
    }
}
