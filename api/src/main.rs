//! `licentia`: see `licentia --help`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    licentia::commands::run(std::env::args_os())
}
