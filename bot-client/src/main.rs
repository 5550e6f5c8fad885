//! The program `gamekeeper-bot`; see [`gamekeeper_bot::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    gamekeeper_bot::cli::main(std::env::args_os())
}
