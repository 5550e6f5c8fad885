//! Who is compared. Pure: names, and how each is started.

use std::{fmt, str::FromStr};

use super::{floor::Form, workload};

/// A server that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// The server of this repository.
    Gamekeeper,
    /// One read and one send per player and tick, all rooms at once.
    FloorBurst,
    /// The same with the rooms spread over the tick period: what all others are compared with.
    FloorStaggered,
    /// A tokio task for each client.
    Tokio,
    /// A Python thread for each client, that does not expect errors.
    PythonNaive,
    /// The same, with the errors caught.
    PythonCaught,
}

/// Which program a contender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The server beside this program.
    Server,
    /// This program.
    Own,
    /// `loadtest/peers/tokio`, to be built.
    TokioPeer,
    /// `loadtest/peers/python`, to be interpreted.
    PythonPeer,
}

impl Contender {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Gamekeeper,
        Self::FloorBurst,
        Self::FloorStaggered,
        Self::Tokio,
        Self::PythonNaive,
        Self::PythonCaught,
    ];

    /// The one whose processor time is 1.
    pub const BASELINE: Self = Self::FloorStaggered;

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gamekeeper => "gamekeeper",
            Self::FloorBurst => "floor-burst",
            Self::FloorStaggered => "floor-staggered",
            Self::Tokio => "tokio",
            Self::PythonNaive => "python-naive",
            Self::PythonCaught => "python-caught",
        }
    }

    /// Which program it is.
    pub fn program(self) -> Program {
        match self {
            Self::Gamekeeper => Program::Server,
            Self::FloorBurst | Self::FloorStaggered => Program::Own,
            Self::Tokio => Program::TokioPeer,
            Self::PythonNaive | Self::PythonCaught => Program::PythonPeer,
        }
    }

    /// What to tell the program so that it hosts the workload for so many players.
    pub fn arguments(self, players: u32) -> Vec<String> {
        let (size, hz) = (workload::ROOM_SIZE.to_string(), workload::TICK_HZ.to_string());
        let bytes = workload::STATE_BYTES.to_string();
        let any = "127.0.0.1:0";
        let words: Vec<&str> = match self {
            Self::Gamekeeper => {
                let game = gamekeeper_protocol::games::benchmark::NAME;
                let addresses = ["--listen", any, "--admin", any, "--game", game];
                let sizes = ["--room-size", &size, "--tick-rate", &hz, "--state-bytes", &bytes];
                [addresses, sizes].concat()
            }
            Self::FloorBurst | Self::FloorStaggered => {
                let form = if self == Self::FloorBurst { Form::Burst } else { Form::Staggered };
                let rooms = workload::rooms(players).to_string();
                let sizes = ["--room-size", &size, "--tick-hz", &hz, "--state-bytes", &bytes];
                let own = ["floor", "--listen", any, "--form", form.name(), "--rooms", &rooms];
                return own.iter().chain(&sizes).map(|word| (*word).to_owned()).collect();
            }
            Self::Tokio => vec![any, &size, &hz, &bytes],
            Self::PythonNaive | Self::PythonCaught => {
                let errors = if self == Self::PythonNaive { "naive" } else { "caught" };
                let sizes = ["--room-size", &size, "--tick-hz", &hz, "--state-bytes", &bytes];
                [&["--errors", errors][..], &sizes].concat()
            }
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|contender| contender.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|contender| contender.name()).collect();
            format!("\"{text}\" is none of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_refused_with_the_list() {
        for contender in Contender::ALL {
            assert_eq!(contender.to_string().parse(), Ok(contender));
        }
        let error = "node".parse::<Contender>().expect_err("not measured");
        assert!(error.contains("floor-staggered"), "{error}");
    }

    #[test]
    fn all_are_told_the_same_workload() {
        for contender in Contender::ALL {
            let arguments = contender.arguments(1000);
            for number in ["50", "20", "1024"] {
                assert!(arguments.iter().any(|word| word == number), "{contender}: {arguments:?}");
            }
        }
        let staggered = Contender::FloorStaggered.arguments(1001).join(" ");
        assert!(staggered.contains("--form staggered --rooms 21"), "{staggered}");
    }
}
