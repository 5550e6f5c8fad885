//! The program `gamekeeper-loadtest`; see [`gamekeeper_loadtest::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    gamekeeper_loadtest::cli::main(std::env::args_os())
}
