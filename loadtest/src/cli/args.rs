//! What can be said on the command line.
//!
//! Data flow: arguments -> `Args` -> **`Order`** -> [`main`](super::main).

mod bench;
mod faulty;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, error::ErrorKind};
use gamekeeper_bot::{
    fleet::Endpoint,
    units::{parse_duration, parse_rate, parse_share},
};

use super::reports::ReportCommand;
use crate::{
    bench::{floor::FloorOptions, options::BenchOptions},
    faulty::FaultyOptions,
    mix::DepartureMix,
    options::{Options, Target},
};

/// Loads a Gamekeeper server with bots that play and vanish, and says whether it noticed.
#[derive(Debug, Parser)]
#[command(name = "gamekeeper-loadtest", version)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays with many bots, lets some vanish in every way, and checks what the server made of it.
    ///
    /// Exit codes: 0 all checks passed, 1 internal error, 2 bad usage, 3 a check failed, 4 the run
    /// is invalid because the bots were the limit, 5 the server could not be reached or died,
    /// 130 interrupted.
    Run(Box<RunArgs>),

    /// Is a server that misbehaves on purpose, to test a client against.
    ///
    /// Says `listening tcp ADDR` and `ready` on stdout, then what happens to each connection on
    /// stderr. Ends on an interrupt (SIGINT, SIGTERM) with the connections per mode.
    ///
    /// Of the games only the arena is really played. Whoever asks for another one is let in, and
    /// nothing happens there.
    ///
    /// Exit codes: 0 interrupted, 1 it could not listen, 2 bad usage.
    FaultyServer(faulty::FaultyArgs),
    #[command(flatten)]
    Reports(ReportCommand),

    /// Measures Gamekeeper and other servers in turn on the same workload, and prints a table.
    ///
    /// The workload is the game `benchmark`: rooms of 50, states of 1024 bytes and inputs at 20 Hz.
    ///
    /// Exit codes: 0 there are figures of Gamekeeper, 1 internal error, 2 bad usage, 5 there are
    /// none, 130 interrupted.
    Bench(bench::BenchArgs),

    /// Is one of the processes of `run --processes`, which speaks to it over stdin and stdout.
    #[command(name = crate::crew::WORKER_SUBCOMMAND, hide = true)]
    Work,

    /// Is what no server can do without, one read and one send per player and tick: what `bench`
    /// compares servers with. Not to be played on.
    Floor(bench::FloorArgs),
}

/// What the program is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Order {
    /// To load a server.
    Run(Box<Options>),
    /// To be a server.
    Serve(FaultyOptions),
    /// To say what it can do as a server.
    ListModes,
    /// To look at reports of earlier runs.
    Reports(ReportCommand),
    /// To compare servers.
    Compare(BenchOptions),
    /// To be what they are compared with.
    BeTheFloor(FloorOptions),
    /// To be a process of bots.
    Work,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// A running server: host:port, `[v6]:port` or unix:/path. Without it, the run starts one.
    #[arg(long, value_name = "ADDR")]
    target: Option<Endpoint>,

    /// The admin listener of the running server; without it, only what bots see is checked.
    #[arg(long, value_name = "ADDR", requires = "target")]
    admin: Option<SocketAddr>,

    /// The game to play.
    #[arg(long, default_value = "arena", value_name = "NAME")]
    game: String,

    /// Bots that play at any time.
    #[arg(long, default_value_t = 200, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    bots: u32,

    /// How long they play, not counting the time to join before and to settle after.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = parse_duration)]
    duration: Duration,

    /// Bots that leave per second; each is replaced by a new one, or comes back.
    #[arg(long, default_value = "20/s", value_name = "RATE", value_parser = parse_rate)]
    churn: f64,

    /// The ways they leave: mix, or names with optional weights such as close,reset:3.
    #[arg(long, default_value = "mix", value_name = "LIST")]
    departures: DepartureMix,

    /// Of those that lose their connection without a goodbye, the share that comes back to its
    /// seat: some with a ticket for a seat that is held, some while the server still believes in
    /// the old connection. A few bad tickets are shown besides. 0 for none.
    #[arg(long, default_value = "25%", value_name = "SHARE", value_parser = parse_share)]
    resume: f64,

    /// Everything planned is a function of this.
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,

    /// Inputs per second and bot.
    #[arg(long, default_value_t = 20, value_name = "HZ")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    input_hz: u32,

    /// Writes the report for machines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Writes what became of each departure to this file, a line of JSON for each.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// Writes the report as a page for a browser to this file; it needs nothing else.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// The server's program to start, if not the one beside this program.
    #[arg(long, value_name = "PATH", conflicts_with = "target")]
    server_bin: Option<PathBuf>,

    /// Processes that the bots are spread over, each with its own thread and its own limit of open
    /// files. For more bots than one core or one such limit can carry.
    #[arg(long, default_value_t = 1, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
    processes: u32,

    /// Keeps the server on the first core and the bots on the second, or, with several processes,
    /// on all the others.
    #[arg(long)]
    pin: bool,

    /// More arguments for the server that the run starts.
    #[arg(last = true, value_name = "SERVER ARGS")]
    server_args: Vec<String>,
}

impl Args {
    /// Checks what clap cannot, and says what is to be done.
    pub(super) fn into_order(self) -> Result<Order, clap::Error> {
        match self.command {
            Command::Run(args) => Ok(Order::Run(Box::new(args.into_options()?))),
            Command::FaultyServer(args) => args.into_order(),
            Command::Reports(command) => Ok(Order::Reports(command)),
            Command::Bench(args) => args.into_options().map(Order::Compare),
            Command::Work => Ok(Order::Work),
            Command::Floor(args) => Ok(Order::BeTheFloor(args.into_options())),
        }
    }
}

impl RunArgs {
    fn into_options(self) -> Result<Options, clap::Error> {
        if self.duration.is_zero() {
            return Err(usage("--duration must be longer than 0s, or nothing is measured"));
        }
        if self.target.is_some() && !self.server_args.is_empty() {
            return Err(usage(
                "arguments after -- are for a server that the run starts; leave out \
                              --target, or give them to the server yourself",
            ));
        }
        let target = match self.target {
            Some(endpoint) => Target::Running { endpoint, admin: self.admin },
            None => Target::Own { program: self.server_bin, extra: self.server_args },
        };
        Ok(Options {
            target,
            game: self.game,
            bots: self.bots,
            duration: self.duration,
            churn_per_second: self.churn,
            mix: self.departures,
            resume_share: self.resume,
            seed: self.seed,
            input_hz: self.input_hz,
            json: self.json,
            events: self.events,
            html: self.html,
            pin: self.pin,
            processes: self.processes,
        })
    }
}

fn usage(text: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Options, clap::Error> {
        let words = std::iter::once("gamekeeper-loadtest").chain(line.split_whitespace());
        match Args::try_parse_from(words).and_then(Args::into_order)? {
            Order::Run(options) => Ok(*options),
            other => panic!("not a run: {other:?}"),
        }
    }

    #[test]
    fn the_options_read_back_from_the_command_they_print() {
        Args::command().debug_assert();
        for line in [
            "run",
            "run --bots 500 --duration 20s --churn 50/s --seed 7 --departures close,reset:3",
            "run --target 127.0.0.1:7777 --admin 127.0.0.1:7778 --game benchmark",
            "run --resume 30%",
            "run --resume 0.07",
            "run --processes 4 --pin",
            "run --server-bin /tmp/x --pin -- --state-bytes 64",
        ] {
            let options = parse(line).expect(line);
            let again = options.to_string();
            assert_eq!(parse(again.split_once(' ').expect("a command").1).expect(&again), options);
        }
    }

    #[test]
    fn bad_usage_says_what_is_allowed() {
        for (line, hint) in [
            ("", "Usage"),
            ("run --bots 0", "1.."),
            ("run --churn often", "20/s"),
            ("run --duration 0s", "longer than 0s"),
            ("run --resume 30", "25%"),
            ("run --processes 0", "1.."),
            ("run --departures vanish", "half-close"),
            ("run --admin 127.0.0.1:1", "--target"),
            ("run --target 127.0.0.1:1 -- --x", "leave out"),
            ("run --frobnicate", "--frobnicate"),
            ("compare a.json", "B.json"),
            ("compare a.json b.json --noise much", "25%"),
            ("baseline save ../a a.json", "no name for a baseline"),
            ("junit", "REPORT.json"),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(hint), "{line}: {error}");
        }
    }
}
