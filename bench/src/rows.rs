//! What was measured, round by round, and the medians of it.

use serde::Serialize;

use crate::load::Sample;
use crate::statistics::median;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Key {
    /// `sqlite`, `postgres`, `floor`, or a peer.
    pub(crate) server: &'static str,
    pub(crate) scenario: &'static str,
    /// Machines in the database; none where there is no database.
    pub(crate) machines: Option<u32>,
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

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Rows(Vec<Row>);

impl Rows {
    pub(crate) fn add(&mut self, key: Key, round: Round) {
        match self.0.iter_mut().find(|row| row.key == key) {
            Some(row) => row.rounds.push(round),
            None => self.0.push(Row { key, rounds: vec![round] }),
        }
    }

    pub(crate) fn all(&self) -> &[Row] {
        &self.0
    }

    pub(crate) fn errors(&self) -> u64 {
        self.0.iter().map(Row::errors).sum()
    }
}
