//! What can be said on the command line of a faulty server.
//!
//! Data flow: arguments -> **`FaultyArgs`** -> [`Order`].

use std::{net::SocketAddr, time::Duration};

use gamekeeper_bot::{fleet::Endpoint, units::parse_duration};

use super::{Order, usage};
use crate::faulty::{Choice, FaultyOptions, Terms};

/// The shortest time between two bytes: the poll knows nothing shorter.
const PACE_MIN: Duration = Duration::from_millis(1);

#[derive(Debug, clap::Args)]
pub(super) struct FaultyArgs {
    /// What goes wrong: one mode, or several that take turns such as reset,silent; all for each in
    /// turn, or random for any, drawn for each connection from the seed. --list says what there is.
    #[arg(long, value_name = "MODE")]
    mode: Option<Choice>,

    /// Where to listen: host:port; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR", value_parser = parse_listen)]
    listen: SocketAddr,

    /// Which connection gets which mode, and the random bytes of garbage, are a function of this.
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,

    /// How long a game goes well in the modes reset-in-game, goodbye-in-game and long-goodbye.
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = parse_duration)]
    after: Duration,

    /// Time between two bytes in the mode slow. With 10ms a client can play; with 1s it cannot.
    #[arg(long, default_value = "10ms", value_name = "TIME", value_parser = parse_duration)]
    pace: Duration,

    /// Says which modes there are and what a good client makes of each, and ends.
    #[arg(long, conflicts_with_all = ["mode", "listen", "seed", "after", "pace"])]
    list: bool,
}

impl FaultyArgs {
    pub(super) fn into_order(self) -> Result<Order, clap::Error> {
        if self.list {
            return Ok(Order::ListModes);
        }
        let missing = || usage("--mode says what is to go wrong; --list shows what there is");
        let choice = self.mode.ok_or_else(missing)?;
        if self.pace < PACE_MIN {
            return Err(usage(
                "--pace must be at least 1ms; a server without it is no slow server",
            ));
        }
        let terms = Terms { seed: self.seed, after: self.after, pace: self.pace };
        Ok(Order::Serve(FaultyOptions { listen: self.listen, choice, terms }))
    }
}

/// Reads an address to listen on.
fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    match text.parse() {
        Ok(Endpoint::Tcp(address)) => Ok(address),
        Ok(Endpoint::Unix(_)) => {
            Err("a faulty server listens on TCP only; write host:port".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{cli::args::Args, faulty::Mode};

    fn parse(line: &str) -> Result<Order, clap::Error> {
        let words = ["gamekeeper-loadtest", "faulty-server"].into_iter();
        Args::try_parse_from(words.chain(line.split_whitespace())).and_then(Args::into_order)
    }

    #[test]
    fn a_mode_is_all_that_must_be_said() {
        let Order::Serve(options) = parse("--mode reset").expect("enough") else {
            panic!("no server");
        };
        assert_eq!(options.choice, Choice::InTurn(vec![Mode::Reset]));
        assert_eq!(options.listen.to_string(), "127.0.0.1:0");
        assert_eq!(parse("--list").expect("a list"), Order::ListModes);
    }

    #[test]
    fn bad_usage_says_what_is_allowed() {
        for (line, hint) in [
            ("", "--list shows"),
            ("--mode vanish", "half-frame"),
            ("--mode reset,", "random"),
            ("--mode slow --pace 0s", "1ms"),
            ("--mode slow --pace 5", "500ms"),
            ("--mode reset --listen 7777", "host:port"),
            ("--mode reset --listen unix:/tmp/x", "host:port"),
            ("--mode reset --after soon", "500ms"),
            ("--mode reset --list", "--list"),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(hint), "{line}: {error}");
        }
    }
}
