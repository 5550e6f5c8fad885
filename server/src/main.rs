//! The `gamekeeper` program: hosts the built-in games.

use std::process::ExitCode;

use gamekeeper::room::games::Games;

fn main() -> ExitCode {
    gamekeeper::cli::main(Games::built_in())
}
