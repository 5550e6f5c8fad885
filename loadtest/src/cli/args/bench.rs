//! What can be said on the command line about `bench` and `floor`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use gamekeeper_bot::units::parse_duration;

use super::usage;
use crate::bench::{
    contender::Contender,
    floor::{FloorOptions, Form},
    options::BenchOptions,
    search::SearchLimits,
    workload,
};

/// Every player gets some states in each measurement.
const DURATION_MIN: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    /// Numbers of players, one after the other.
    #[arg(long, default_value = "1000,2000,4000", value_name = "LIST", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    players: Vec<u32>,

    /// How often everybody is measured at each number; figures are medians over the rounds.
    #[arg(long, default_value_t = 3, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,

    /// How long one measurement lasts, not counting the time to join.
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = parse_duration)]
    duration: Duration,

    /// Whom Gamekeeper is compared with: floor-burst, floor-staggered, tokio, python-naive,
    /// python-caught; or none.
    #[arg(long, value_name = "LIST")]
    #[arg(default_value = "floor-burst,floor-staggered,tokio,python-naive,python-caught")]
    peers: String,

    /// What the bots do is a function of this.
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,

    /// Keeps the server on the first core and the bots on the second.
    #[arg(long)]
    pin: bool,

    /// Also looks for the highest number of players with states of at most 50 ms at the 99th
    /// percentile and at least 99.9 % of them delivered. Takes long.
    #[arg(long, value_name = "LOW..HIGH", value_parser = parse_limits)]
    search: Option<SearchLimits>,

    /// Writes the figures for machines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Prints the tables as Markdown.
    #[arg(long)]
    markdown: bool,

    /// Gamekeeper's program, if not the one beside this program.
    #[arg(long, value_name = "PATH")]
    server_bin: Option<PathBuf>,

    /// Where the sources of the other servers are, if not in the repository around the current
    /// folder.
    #[arg(long, value_name = "DIR")]
    peers_dir: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct FloorArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,

    /// When rooms tick: burst (all at once) or staggered (spread over the period).
    #[arg(long, default_value = "staggered", value_name = "FORM")]
    form: Form,

    /// Rooms that are expected, to spread them evenly.
    #[arg(long, default_value_t = 20, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rooms: u32,

    /// Players in a room.
    #[arg(long, default_value_t = workload::ROOM_SIZE, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    room_size: u16,

    /// Ticks per second.
    #[arg(long, default_value_t = workload::TICK_HZ, value_name = "HZ")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=60))]
    tick_hz: u16,

    /// Bytes of each state.
    #[arg(long, default_value_t = workload::STATE_BYTES as u32, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(12..=200_000))]
    state_bytes: u32,
}

impl BenchArgs {
    pub(super) fn into_options(self) -> Result<BenchOptions, clap::Error> {
        let Self { players, rounds, duration, seed, pin, search, json, markdown, .. } = self;
        let is_repeated = |index: usize| players[..index].contains(&players[index]);
        if (0..players.len()).any(is_repeated) {
            return Err(usage("--players has a number twice; --rounds measures more often"));
        }
        if duration < DURATION_MIN {
            return Err(usage("--duration must be at least 1s, or there is nothing to count"));
        }
        let peers = parse_peers(&self.peers).map_err(|why| usage(&format!("--peers: {why}")))?;
        let Self { server_bin, peers_dir, .. } = self;
        Ok(BenchOptions {
            players,
            rounds,
            duration,
            peers,
            seed,
            pin,
            search,
            json,
            markdown,
            server_bin,
            peers_dir,
        })
    }
}

impl FloorArgs {
    pub(super) fn into_options(self) -> FloorOptions {
        let Self { listen, form, rooms, room_size, tick_hz, state_bytes } = self;
        FloorOptions { listen, form, rooms, room_size, tick_hz, state_bytes: state_bytes as usize }
    }
}

fn parse_peers(text: &str) -> Result<Vec<Contender>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let peers: Vec<Contender> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
    if peers.contains(&Contender::Gamekeeper) {
        return Err("gamekeeper is always measured, and is no peer of itself".to_owned());
    }
    Ok(peers)
}

fn parse_limits(text: &str) -> Result<SearchLimits, String> {
    let error = || format!("\"{text}\" is not a range such as 500..8000");
    let (low, high) = text.split_once("..").ok_or_else(error)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| error());
    let limits = SearchLimits { low: number(low)?, high: number(high)? };
    let is_good = 2 <= limits.low && limits.low <= limits.high && limits.high <= 1_000_000;
    is_good.then_some(limits).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Args;
    use crate::cli::args::Order;

    fn parse(line: &str) -> Result<Order, clap::Error> {
        let words = std::iter::once("gamekeeper-loadtest").chain(line.split_whitespace());
        Args::try_parse_from(words).and_then(Args::into_order)
    }

    #[test]
    fn the_options_read_back_from_the_command_they_print() {
        for line in [
            "bench",
            "bench --players 100,2000 --rounds 5 --duration 2s --pin --search 500..8000 --seed 3",
            "bench --peers none --server-bin /tmp/x --peers-dir /tmp/y",
        ] {
            let order = parse(line).expect(line);
            let Order::Compare(options) = &order else { panic!("{line} is {order:?}") };
            let again = options.to_string();
            assert_eq!(parse(again.split_once(' ').expect("a command").1).expect(&again), order);
        }
    }

    #[test]
    fn bad_usage_says_what_is_allowed() {
        for (line, hint) in [
            ("bench --players 1", "2.."),
            ("bench --players 100,100", "twice"),
            ("bench --peers tokio,node", "floor-staggered"),
            ("bench --peers gamekeeper", "always"),
            ("bench --search 500", "500..8000"),
            ("bench --search 800..500", "500..8000"),
            ("bench --duration 100ms", "1s"),
            ("bench --json x --markdown y", "y"),
            ("floor --form square", "staggered"),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(hint), "{line}: {error}");
        }
    }
}
