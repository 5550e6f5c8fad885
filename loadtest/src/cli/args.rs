//! What can be said on the command line.
//!
//! Data flow: arguments -> `Args` -> **`Order`** -> [`main`](super::main).

mod bench;
mod faulty;
pub(super) mod scenario;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, error::ErrorKind};
use gamekeeper_bot::{fleet::Endpoint, units::parse_duration};

use super::{
    reports::{Against, AgainstArgs, ReportCommand},
    soak::Until,
};
use crate::{
    bench::{floor::FloorOptions, options::BenchOptions},
    faulty::FaultyOptions,
    options::{Options, Target},
};
use scenario::{Chosen, ScenarioArgs};

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
    /// is invalid because the bots were the limit, 5 the server could not be reached or died, 6 all
    /// checks passed and it is worse than the baseline, 130 interrupted.
    Run(Box<RunCommand>),

    /// Repeats a scenario on one server, with the next seed each time, until it fails.
    ///
    /// A line for each run, and the whole report of the one that fails. Memory that grows from run
    /// to run is a failure as well. Exit codes: as for run.
    Soak(Box<SoakArgs>),

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

    /// Shows what there is: scenarios, ways to leave, manners, figures for thresholds.
    List,

    /// Prints what a run would do when, a line of JSON for each step.
    ///
    /// The same scenario and seed give the same plan.
    Plan(ScenarioArgs),

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
    /// To load a server, and to compare that with an earlier run if one is named.
    Run(Box<Options>, Option<Against>),
    /// To load a server again and again.
    Soak(Box<Options>, Until),
    /// To be a server.
    Serve(FaultyOptions),
    /// To say what it can do as a server.
    ListModes,
    /// To say what can be in a scenario.
    List,
    /// To say what a run would do.
    Plan(Box<Chosen>),
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
    #[command(flatten)]
    scenario: ScenarioArgs,

    /// A running server: host:port, `[v6]:port` or unix:/path. Without it, the run starts one.
    #[arg(long, value_name = "ADDR")]
    target: Option<Endpoint>,

    /// The admin listener of the running server; without it, only what bots see is checked.
    #[arg(long, value_name = "ADDR", requires = "target")]
    admin: Option<SocketAddr>,

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

#[derive(Debug, clap::Args)]
struct RunCommand {
    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    against: AgainstArgs,
}

#[derive(Debug, clap::Args)]
struct SoakArgs {
    /// So many runs at most [default: without end].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    times: Option<u32>,

    /// No new run begins after this time [default: without end].
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    lasts: Option<Duration>,

    #[command(flatten)]
    run: RunArgs,
}

impl SoakArgs {
    fn into_order(self) -> Result<Order, clap::Error> {
        let until = Until { times: self.times, lasts: self.lasts };
        Ok(Order::Soak(Box::new(self.run.into_options()?), until))
    }
}

impl Args {
    /// Checks what clap cannot, and says what is to be done.
    pub(super) fn into_order(self) -> Result<Order, clap::Error> {
        match self.command {
            Command::Run(args) => {
                Ok(Order::Run(Box::new(args.run.into_options()?), args.against.chosen()))
            }
            Command::Soak(args) => args.into_order(),
            Command::FaultyServer(args) => args.into_order(),
            Command::Reports(command) => Ok(Order::Reports(command)),
            Command::List => Ok(Order::List),
            Command::Plan(args) => args.choose().map(|chosen| Order::Plan(Box::new(chosen))),
            Command::Bench(args) => args.into_options().map(Order::Compare),
            Command::Work => Ok(Order::Work),
            Command::Floor(args) => Ok(Order::BeTheFloor(args.into_options())),
        }
    }
}

impl RunArgs {
    fn into_options(self) -> Result<Options, clap::Error> {
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
        let Chosen { origin, scenario, thresholds, seed } = self.scenario.choose()?;
        if let Target::Running { endpoint, .. } = &target
            && !scenario.transport.can_happen_on(endpoint.transport())
        {
            return Err(usage("--transport: over a Unix socket nobody speaks WebSocket"));
        }
        Ok(Options {
            target,
            origin,
            scenario,
            thresholds,
            seed,
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
        // As a shell does: what is in quotes is one word.
        let parts = line.split('\'').enumerate();
        let words = parts.flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        let words = std::iter::once("gamekeeper-loadtest").chain(words);
        match Args::try_parse_from(words).and_then(Args::into_order)? {
            Order::Run(options, _) => Ok(*options),
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
            "run --transport ws",
            "run everything --transport mixed --bots 50",
            "run --resume 0.07",
            "run --processes 4 --pin",
            "run --server-bin /tmp/x --pin -- --state-bytes 64",
            "run --server-bin '/tmp/my server' --game 'tic tac' -- --log '/tmp/my log'",
            "run --target '[::1]:7777'",
            "run everything",
            "run churn --bots 50 --game benchmark --seed 9",
            "run --threshold ghosts==0 --threshold survivors.missed<1%",
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
            ("run --transport udp", "tcp, ws and mixed"),
            ("run --transport ws --target unix:/tmp/x", "nobody speaks WebSocket"),
            ("run --duration 0s", "longer than 0s"),
            ("run --resume 30", "25%"),
            ("run --processes 0", "1.."),
            ("run --departures explode", "half-close"),
            ("run all", "everything"),
            ("run nowhere.toml", "cannot read"),
            ("run everything --churn 5/s", "cannot be used with"),
            ("run --threshold tdt<1", "did you mean ttd"),
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
