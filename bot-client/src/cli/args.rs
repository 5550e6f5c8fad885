//! What can be said on the command line.

use std::time::Duration;

use clap::Parser;

use crate::{
    departure::Departure, fleet::Endpoint, manner::Manner, transport::TransportMix,
    units::parse_duration,
};

/// Plays games on a Gamekeeper server with one or many bots.
#[derive(Debug, Parser)]
#[command(name = "gamekeeper-bot", version)]
pub(super) struct Args {
    /// Where the server listens: host:port, `[v6]:port` or unix:/path.
    #[arg(long, default_value = "127.0.0.1:7777", value_name = "ADDR")]
    pub(super) target: Endpoint,

    /// How many bots play.
    #[arg(long, default_value_t = 1, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) bots: u32,

    /// The game to play; the server's default game if not given.
    #[arg(long, default_value = "", value_name = "NAME")]
    pub(super) game: String,

    /// Bots are named by this and their number.
    #[arg(long, default_value = "bot", value_name = "PREFIX")]
    pub(super) name: String,

    /// The same seed and the same snapshots give the same inputs.
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(super) seed: u64,

    /// How long to play.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = parse_duration)]
    pub(super) duration: Duration,

    /// Inputs per second and bot; 0 for none.
    #[arg(long, default_value_t = 20, value_name = "HZ")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(super) input_hz: u32,

    /// How the bots leave in the end: goodbye, close, reset, half-close, unread-close, last-words,
    /// stall, freeze, vanish, power-cut, half-frame, trickle, garbage, oversize, flood or ws-close.
    /// To vanish and for a power-cut they need CAP_NET_ADMIN, and for a ws-close a WebSocket.
    #[arg(long, value_name = "NAME")]
    pub(super) departure: Option<Departure>,

    /// How the bots behave until then: plain, slicer, late-pong, pause-reading, slow-reader, idle,
    /// urgent, blip or loss. The last two need CAP_NET_ADMIN.
    #[arg(long, default_value_t = Manner::Plain, value_name = "NAME")]
    pub(super) manner: Manner,

    /// What the bots speak: tcp for the native protocol, ws for WebSocket as browsers do, or mixed
    /// for half of them.
    #[arg(long, default_value_t = TransportMix::Tcp, value_name = "NAME")]
    pub(super) transport: TransportMix,

    /// Ends when its standard input ends, too: so it does not outlive whoever has started it.
    #[arg(long)]
    pub(super) until_input_ends: bool,

    /// Instead of the summary, writes a line of JSON to stdout whenever a bot leaves or is lost.
    #[arg(long)]
    pub(super) events: bool,

    /// Does not connect again after an end that was not asked for.
    #[arg(long)]
    pub(super) no_retry: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("gamekeeper-bot").chain(line.split_whitespace()))
    }

    #[test]
    fn the_defaults_play_on_the_default_server() {
        Args::command().debug_assert();
        let args = parse("").expect("no argument is needed");
        assert_eq!(args.target.to_string(), "127.0.0.1:7777");
        assert_eq!((args.bots, args.input_hz), (1, 20));
    }

    /// The help names everything that there is to choose from.
    #[test]
    fn the_help_names_all_departures_and_manners() {
        let help = Args::command().render_long_help().to_string();
        let words: Vec<&str> = help.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
        let departures = Departure::ALL.map(Departure::name);
        let manners = Manner::ALL.map(Manner::name);
        for name in departures.iter().chain(&manners) {
            assert!(words.contains(name), "{name} is not in the help: {help}");
        }
    }

    #[test]
    fn bad_usage_says_what_is_allowed() {
        for (line, hint) in [
            ("--bots 0", "1.."),
            ("--duration soon", "500ms"),
            ("--departure melt", "half-close"),
            ("--manner rude", "late-pong"),
            ("--transport udp", "mixed"),
            ("--target nowhere", "host:port"),
            ("--frobnicate", "--frobnicate"),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(hint), "{error}");
        }
    }
}
