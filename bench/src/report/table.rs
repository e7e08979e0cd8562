//! The table for people.

use super::ratios::Ratio;
use crate::host::Host;
use crate::rows::Row;
use crate::run::Bench;
use crate::startup::MEBIBYTE;
use crate::statistics::{median, number};

/// Prints everything; figures are medians over the rounds.
pub(super) fn print(bench: &Bench, host: &Host, ratios: &[Ratio]) {
    print_host(bench, host);
    print_rows(bench);
    print_ratios(ratios);
    for note in &bench.findings.notes {
        println!("\nNote: {note}");
    }
}

fn print_host(bench: &Bench, host: &Host) {
    let Host { processors, processor, memory_mib, kernel, load_before, sync_ms, .. } = host;
    println!("\n{processors} × {processor}, {memory_mib} MiB, Linux {kernel}, load before {load_before}");
    println!("One durable write of 4 KiB takes {sync_ms:.2} ms here.");
    let signature =
        median(bench.findings.rows.iter().flat_map(|row| &row.rounds).map(|round| round.signature_us));
    println!("A bare RS256 signature (aws-lc, RSA-2048) takes {:.0} µs.\n", signature.unwrap_or_default());
}

fn print_rows(bench: &Bench) {
    println!(
        "{:<13} {:<18} {:>9} {:>5} {:>8} {:>8} {:>7} {:>6} {:>6} {:>8} {:>8} {:>6} {:>6}",
        "server",
        "request",
        "machines",
        "conn",
        "req/s",
        "CPU µs",
        "its DB",
        "×sign",
        "×floor",
        "p50 ms",
        "p99 ms",
        "RSS MB",
        "errors"
    );
    let mut rows: Vec<&Row> = bench.findings.rows.iter().collect();
    rows.sort_by_key(|row| (row.key.machines, row.key.server, row.key.scenario, row.key.connections));
    for row in rows {
        print_row(bench, row);
    }
    println!(
        "\nCPU: user and system time of the server for a request; its DB: that of PostgreSQL's processes.\n\
         ×sign: both as a multiple of a bare signature; ×floor: requests/s as a multiple of those of the server that\n\
         only signs, or for documents of the server of static bytes."
    );
}

fn print_row(bench: &Bench, row: &Row) {
    let key = &row.key;
    let machines = if key.server == "floor" { "–".to_owned() } else { key.machines.to_string() };
    let database = row.rounds.iter().all(|round| round.sample.database_cpu_us.is_some());
    let database_us = row.median(|round| round.sample.database_cpu_us.unwrap_or_default());
    println!(
        "{:<13} {:<18} {:>9} {:>5} {:>8} {:>8} {:>7} {:>6.2} {:>6} {:>8.2} {:>8.2} {:>6.0} {:>6}",
        key.server,
        key.scenario,
        machines,
        key.connections,
        figures(row.per_second()),
        figures(row.median(|round| round.sample.server_cpu_us)),
        if database { figures(database_us) } else { "–".to_owned() },
        row.cpu_per_signature(),
        floor_of(bench, row).map_or_else(|| "–".to_owned(), figures),
        row.median(|round| round.sample.p50_ms),
        row.median(|round| round.sample.p99_ms),
        row.median(|round| number(round.sample.resident)) / MEBIBYTE,
        row.errors(),
    );
}

/// Throughput as a multiple of that of the floor under it, on as many connections.
fn floor_of(bench: &Bench, row: &Row) -> Option<f64> {
    let documents = crate::scenarios::Document::ALL;
    let document = documents.into_iter().find(|document| document.name() == row.key.scenario);
    let scenario = match (row.key.server, row.key.scenario, document) {
        ("floor", ..) => return None,
        (_, _, Some(document)) => document.static_name(),
        (_, "heartbeat" | "activate" | "token", None) => "sign",
        _ => return None,
    };
    row.throughput_per(bench.findings.find("floor", scenario, row.key.connections, row.key.machines)?)
}

fn print_ratios(ratios: &[Ratio]) {
    println!("\n{:<48} {:>9}  {:<9}", "", "", "target");
    for ratio in ratios {
        let target = ratio.target.map(|target| target.to_string()).unwrap_or_default();
        let met = match ratio.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        println!("{:<48} {:>9}  {target:<9} {met}", ratio.name, figures(ratio.value));
    }
}

/// Three figures that count, and no more behind the point than are of use.
pub(super) fn figures(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_keep_their_fractions() {
        let shown: Vec<String> = [12_345.6, 45.67, 1.234, 0.1234].into_iter().map(figures).collect();
        assert_eq!(shown, ["12346", "45.7", "1.23", "0.123"]);
    }
}
