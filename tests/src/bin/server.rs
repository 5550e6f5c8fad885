//! The server program, as the tests start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    gamekeeper::cli::main(gamekeeper::Games::built_in())
}
