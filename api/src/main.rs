//! `licentia`: see `licentia --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    licentia::commands::run(std::env::args_os())
}
