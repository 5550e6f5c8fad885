//! The bot program, as the tests start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    gamekeeper_bot::cli::main(std::env::args_os())
}
