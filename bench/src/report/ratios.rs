//! The named ratios: of medians over the rounds, where two figures are compared always of the same round.

use super::targets::Target;
use crate::options::Plan;
use crate::peers::PeerName;
use crate::rows::{Findings, Row};
use crate::scenarios::Document;
use crate::schedule::LANES_USUAL;
use crate::startup::MEBIBYTE;
use crate::statistics::number;
use crate::stores::Backend;

const MANY: u32 = 128;

/// A figure with a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ratio {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) target: Option<Target>,
}

impl Ratio {
    /// None where there is no target.
    pub(super) fn met(&self) -> Option<bool> {
        self.target.map(|target| target.is_met(self.value))
    }
}

/// Makes them; what was not measured is left out.
pub(super) struct Ratios<'a> {
    findings: &'a Findings,
    plan: &'a Plan,
    made: Vec<Ratio>,
}

impl<'a> Ratios<'a> {
    pub(super) const fn of(findings: &'a Findings, plan: &'a Plan) -> Self {
        Self { findings, plan, made: Vec::new() }
    }

    pub(super) fn all(mut self) -> Vec<Ratio> {
        for backend in [Backend::Sqlite, Backend::Postgres] {
            self.heartbeats(backend);
            self.activations(backend);
        }
        self.lanes();
        self.validation();
        self.documents();
        self.sizes();
        self.peers();
        self.made
    }

    fn heartbeats(&mut self, backend: Backend) {
        let name = format!("heartbeat_{}", backend.name());
        let middle = self.plan.middle();
        let beats = |connections| self.row(backend.name(), "heartbeat", connections);
        let (one, usual, many) = (beats(1), beats(middle), beats(MANY));
        let (sign, sign_many) = (self.row("floor", "sign", middle), self.row("floor", "sign", MANY));
        let throughput = |row: Option<&Row>, sign: Option<&Row>| row?.throughput_per(sign?);
        let apart = |row: &Row| row.median(|round| round.cpu_us() - round.signature_us);
        let p99 = |row: &Row| row.median(|round| round.sample.p99_ms / round.sample.p50_ms);
        let syncs = match backend {
            Backend::Sqlite => self.findings.sqlite_syncs,
            Backend::Postgres => usual.map(|row| row.median(|round| round.sample.syncs.unwrap_or_default())),
        };
        let figures = [
            ("cpu_per_signature", usual.map(Row::cpu_per_signature)),
            ("128_cpu_per_signature", many.map(Row::cpu_per_signature)),
            ("throughput_per_sign_only", throughput(usual, sign)),
            ("128_throughput_per_sign_only", throughput(many, sign_many)),
            ("p99_per_p50", usual.map(p99)),
            ("syncs_per_request", syncs),
            ("apart_from_signature_us", usual.map(apart)),
            ("p50_ms_one_connection", one.map(|row| row.median(|round| round.sample.p50_ms))),
            ("growth", self.growth(backend)),
        ];
        for (figure, value) in figures {
            self.make(format!("{name}_{figure}"), value);
        }
    }

    /// Signed in lanes: beside a bare signature, the server that only signs, and the same server without lanes.
    fn lanes(&mut self) {
        let beats = |connections| self.row("lanes", "heartbeat", connections);
        let sign = |connections| self.row("floor", "sign", connections);
        let throughput = |connections| beats(connections)?.throughput_per(sign(connections)?);
        let alone = beats(1).zip(self.row(Backend::Sqlite.name(), "heartbeat", 1));
        let p50 = |row: &Row| row.median(|round| round.sample.p50_ms);
        let figures = [
            ("cpu_per_signature", beats(LANES_USUAL).map(Row::cpu_per_signature)),
            ("128_cpu_per_signature", beats(MANY).map(Row::cpu_per_signature)),
            ("throughput_per_sign_only", throughput(LANES_USUAL)),
            ("128_throughput_per_sign_only", throughput(MANY)),
            ("p50_per_without_one_connection", alone.map(|(lanes, without)| p50(lanes) / p50(without))),
        ];
        for (figure, value) in figures {
            self.make(format!("heartbeat_lanes_{figure}"), value);
        }
        let larger = self.row("lanes_3072", "heartbeat", LANES_USUAL);
        let bare = self.findings.lanes.iter().find(|cost| cost.bits == 3072).map(|cost| cost.bare_us);
        let per_bare = larger.zip(bare).map(|(row, bare)| row.cpu_us() / bare);
        self.make("heartbeat_lanes_3072_cpu_per_signature_3072".to_owned(), per_bare);
        for cost in &self.findings.lanes {
            self.make(format!("signature_{}_eight_lanes_per_bare", cost.bits), Some(cost.full));
            self.make(format!("signature_{}_five_lanes_per_bare", cost.bits), Some(cost.fewest));
        }
    }

    /// Largest over smallest number of machines, each beside the signature of its own minutes.
    fn growth(&self, backend: Backend) -> Option<f64> {
        let (smallest, largest) = (self.plan.machines.first()?, self.plan.machines.last()?);
        let at = |machines| self.row_at(backend.name(), "heartbeat", self.plan.middle(), machines);
        (smallest < largest).then_some(())?;
        Some(at(*largest)?.cpu_per_signature() / at(*smallest)?.cpu_per_signature())
    }

    fn activations(&mut self, backend: Backend) {
        let row = self.row(backend.name(), "activate", self.plan.middle());
        self.make(format!("activate_{}_cpu_per_signature", backend.name()), row.map(Row::cpu_per_signature));
    }

    fn validation(&mut self) {
        for scenario in ["validate_token", "validate_key"] {
            let row = self.row(Backend::Sqlite.name(), scenario, self.plan.middle());
            self.make(format!("{scenario}_cpu_us"), row.map(Row::cpu_us));
            self.make(format!("{scenario}_cpu_per_signature"), row.map(Row::cpu_per_signature));
        }
    }

    fn documents(&mut self) {
        let middle = self.plan.middle();
        for document in Document::ALL {
            let row = self.row(Backend::Sqlite.name(), document.name(), middle);
            let floor = self.row("floor", document.static_name(), middle);
            let both = row.zip(floor);
            let name = document.name();
            self.make(
                format!("{name}_throughput_per_static"),
                both.and_then(|(row, floor)| row.throughput_per(floor)),
            );
            self.make(format!("{name}_cpu_per_static"), both.and_then(|(row, floor)| row.cpu_per(floor)));
        }
    }

    fn sizes(&mut self) {
        let largest = self.plan.machines.last().copied();
        let beats = |machines| self.row_at(Backend::Sqlite.name(), "heartbeat", self.plan.middle(), machines);
        let resident = |row: &Row| row.median(|round| number(round.sample.resident)) / MEBIBYTE;
        let rss = largest.and_then(beats).map(resident);
        let startup = self.findings.startup;
        for (name, value) in [
            ("rss_mb", rss),
            ("sqlite_mb_per_million", self.bytes_a_machine()),
            ("ready_ms", startup.map(|startup| startup.ready_ms)),
            ("idle_rss_mb", startup.map(|startup| startup.idle_rss_mb)),
            ("binary_mb", startup.map(|startup| startup.binary_mb)),
        ] {
            self.make(name.to_owned(), value);
        }
    }

    /// What more machines added to the file: bytes for each, which is megabytes for a million.
    fn bytes_a_machine(&self) -> Option<f64> {
        let sizes = || self.findings.sizes.iter().filter(|(backend, ..)| *backend == Backend::Sqlite);
        let (_, few, small) = sizes().min_by_key(|(_, machines, _)| *machines)?;
        let (_, more, large) = sizes().max_by_key(|(_, machines, _)| *machines)?;
        (few < more).then(|| number(large.saturating_sub(*small)) / f64::from(more - few))
    }

    fn peers(&mut self) {
        let middle = self.plan.middle();
        for peer in PeerName::ALL {
            let ours = self.row(Backend::Sqlite.name(), "heartbeat", middle);
            let both = ours.zip(self.row(peer.name(), peer.scenario(), middle));
            let name = peer.name();
            self.make(format!("heartbeat_cpu_per_{name}"), both.and_then(|(ours, peer)| ours.cpu_per(peer)));
            let throughput = both.and_then(|(ours, peer)| ours.throughput_per(peer));
            self.make(format!("heartbeat_throughput_per_{name}"), throughput);
        }
    }

    /// With the fewest machines.
    fn row(&self, server: &str, scenario: &str, connections: u32) -> Option<&'a Row> {
        self.row_at(server, scenario, connections, *self.plan.machines.first()?)
    }

    fn row_at(&self, server: &str, scenario: &str, connections: u32, machines: u32) -> Option<&'a Row> {
        self.findings.find(server, scenario, connections, machines)
    }

    fn make(&mut self, name: String, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            let target = Target::of(&name);
            self.made.push(Ratio { name, value, target });
        }
    }
}
