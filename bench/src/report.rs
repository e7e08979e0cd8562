//! What is told at the end: a table for people, and the same as JSON.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use crate::host::{self, Host};
use crate::run::Bench;

use ratios::{Ratio, Ratios};

mod ratios;
mod table;
mod targets;

/// Prints and writes everything. Errors in answers fail the run; a missed target does not: machines are noisy.
pub(crate) fn tell(bench: &Bench, host: &Host, took: Duration) -> anyhow::Result<ExitCode> {
    let ratios = Ratios::of(&bench.findings, &bench.plan).all();
    table::print(bench, host, &ratios);
    let folder = host::target().join("bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join("latest.json");
    let text = serde_json::to_string_pretty(&document(bench, host, &ratios, took))?;
    fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
    println!("\n{} s; all figures: {}", took.as_secs(), path.display());
    let errors = bench.findings.errors();
    if errors > 0 {
        println!("\nERRORS: {errors} requests were not answered as they should; no figure above counts");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn document(bench: &Bench, host: &Host, ratios: &[Ratio], took: Duration) -> Value {
    let values: Map<String, Value> =
        ratios.iter().map(|ratio| (ratio.name.clone(), json!(ratio.value))).collect();
    let targets: Map<String, Value> = ratios
        .iter()
        .filter_map(|ratio| Some((ratio.name.clone(), json!({"target": ratio.target?, "met": ratio.met()?}))))
        .collect();
    json!({
        "machine": host,
        "plan": bench.plan,
        "seconds": took.as_secs(),
        "errors": bench.findings.errors(),
        "ratios": values,
        "targets": targets,
        "findings": bench.findings,
    })
}
