//! The `gait` binary: parse, dispatch, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(gait::cli::run(std::env::args_os().collect()))
}
