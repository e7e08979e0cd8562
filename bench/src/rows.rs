//! What was measured, round by round, and the medians of it.

use std::fmt;

use serde::Serialize;

use crate::lanes::LaneCost;
use crate::load::Sample;
use crate::startup::Startup;
use crate::statistics::median;
use crate::stores::Backend;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Key {
    /// `sqlite`, `postgres`, `lanes` (SQLite, signed in lanes), `floor`, or a peer.
    pub(crate) server: &'static str,
    pub(crate) scenario: &'static str,
    /// Machines in the database, or in the one that was measured in the same rounds.
    pub(crate) machines: u32,
    pub(crate) connections: u32,
}

/// One round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Round {
    #[serde(flatten)]
    pub(crate) sample: Sample,
    /// Processor time of a bare signature, measured just before and just after; µs.
    pub(crate) signature_us: f64,
}

impl Round {
    /// Of the server and its database, for a request; µs.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.sample.server_cpu_us + self.sample.database_cpu_us.unwrap_or_default()
    }
}

/// All rounds of one figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) key: Key,
    pub(crate) rounds: Vec<Round>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} on {} connections", self.server, self.scenario, self.connections)
    }
}

impl Row {
    /// The median over the rounds; 0 when there is none.
    pub(crate) fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(of)).unwrap_or_default()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.median(|round| round.sample.per_second)
    }

    pub(crate) fn cpu_us(&self) -> f64 {
        self.median(Round::cpu_us)
    }

    /// Processor time of a request as a multiple of a bare signature in the same minute.
    pub(crate) fn cpu_per_signature(&self) -> f64 {
        self.median(|round| round.cpu_us() / round.signature_us)
    }

    /// Requests a second as a multiple of another row's in the same round.
    pub(crate) fn throughput_per(&self, other: &Self) -> Option<f64> {
        self.by_round(other, |own, other| own.sample.per_second / other.sample.per_second)
    }

    /// Processor time of a request as a multiple of another row's in the same round.
    pub(crate) fn cpu_per(&self, other: &Self) -> Option<f64> {
        self.by_round(other, |own, other| own.cpu_us() / other.cpu_us())
    }

    fn by_round(&self, other: &Self, ratio: impl Fn(&Round, &Round) -> f64) -> Option<f64> {
        median(self.rounds.iter().zip(&other.rounds).map(|(own, other)| ratio(own, other)))
    }

    pub(crate) fn errors(&self) -> u64 {
        self.rounds.iter().map(|round| round.sample.errors).sum()
    }
}

/// Everything that was found out.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Findings {
    pub(crate) rows: Vec<Row>,
    pub(crate) startup: Option<Startup>,
    /// Bytes on the disk, by machines.
    pub(crate) sizes: Vec<(Backend, u32, u64)>,
    /// Syncs of a heartbeat on SQLite.
    pub(crate) sqlite_syncs: Option<f64>,
    /// What signatures cost in lanes.
    pub(crate) lanes: Vec<LaneCost>,
    /// What was left out, and why.
    pub(crate) notes: Vec<String>,
}

impl Findings {
    pub(crate) fn add(&mut self, key: Key, round: Round) {
        match self.rows.iter_mut().find(|row| row.key == key) {
            Some(row) => row.rounds.push(round),
            None => self.rows.push(Row { key, rounds: vec![round] }),
        }
    }

    pub(crate) fn find(&self, server: &str, scenario: &str, connections: u32, machines: u32) -> Option<&Row> {
        self.rows.iter().find(|Row { key, .. }| {
            (key.server, key.scenario) == (server, scenario)
                && (key.connections, key.machines) == (connections, machines)
        })
    }

    /// Tells at once, and again at the end.
    pub(crate) fn note(&mut self, note: String) {
        eprintln!("note    {note}");
        self.notes.push(note);
    }

    pub(crate) fn errors(&self) -> u64 {
        self.rows.iter().map(Row::errors).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(per_second: f64, cpu_us: (f64, Option<f64>), signature_us: f64) -> Round {
        let sample = Sample {
            requests: 1,
            answered: 1,
            per_second,
            server_cpu_us: cpu_us.0,
            database_cpu_us: cpu_us.1,
            p50_ms: 1.0,
            p99_ms: 2.0,
            resident: 0,
            syncs: None,
            errors: 1,
            first_error: None,
        };
        Round { sample, signature_us }
    }

    fn key(server: &'static str) -> Key {
        Key { server, scenario: "heartbeat", machines: 1_000, connections: 32 }
    }

    #[test]
    fn figures_of_one_round_are_compared_with_each_other() {
        let mut findings = Findings::default();
        // The second round met a machine half as fast: no ratio of it shows that.
        for (ours, theirs, slower) in [(100.0, 50.0, 1.0), (50.0, 25.0, 2.0), (90.0, 45.0, 1.0)] {
            findings.add(key("sqlite"), round(ours, (300.0 * slower, Some(100.0 * slower)), 200.0 * slower));
            findings.add(key("express"), round(theirs, (800.0 * slower, None), 200.0 * slower));
        }
        let find = |server| findings.find(server, "heartbeat", 32, 1_000).unwrap();
        let (ours, theirs) = (find("sqlite"), find("express"));
        assert_eq!((ours.cpu_per_signature(), ours.per_second(), ours.cpu_us()), (2.0, 90.0, 400.0));
        assert_eq!((ours.throughput_per(theirs), ours.cpu_per(theirs)), (Some(2.0), Some(0.5)));
        assert_eq!(findings.errors(), 6);
        assert!(findings.find("sqlite", "heartbeat", 1, 1_000).is_none());
    }
}
