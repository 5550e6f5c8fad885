//! The load test program, as the tests start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    gamekeeper_loadtest::cli::main(std::env::args_os())
}
