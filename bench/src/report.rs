//! What is told at the end.

use std::process::ExitCode;
use std::time::Duration;

use crate::run::Bench;

/// Prints and writes everything. Errors in answers fail the run; a missed target does not: machines are noisy.
pub(crate) fn tell(bench: &Bench, took: Duration) -> anyhow::Result<ExitCode> {
    for row in bench.rows.all() {
        println!("{:?} {:.0}/s cpu {:.0} ×{:.2}", row.key, row.per_second(), row.cpu_us(), row.cpu_per_signature());
    }
    println!("{} s", took.as_secs());
    Ok(if bench.rows.errors() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
