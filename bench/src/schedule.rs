//! Which figures are measured with so many machines, in their order.

use crate::lanes::LaneBits;
use crate::options::Plan;
use crate::peers::PeerName;
use crate::scenarios::{Document, Scenario};
use crate::stores::Backend;

/// Connections at which lanes are looked at first.
pub(crate) const LANES_USUAL: u32 = 64;
const LANES_AT: [u32; 3] = [1, LANES_USUAL, 128];

/// What is loaded, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The server that only signs.
    Sign,
    /// The server of static bytes.
    Static(Document),
    Licentia(Backend, Scenario),
    /// Heartbeats on SQLite, signed in lanes.
    Lanes(LaneBits),
    Peer(PeerName),
}

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) ask: Ask,
    pub(crate) connections: u32,
}

/// The smallest database is asked everything; with more machines only what reads or writes them is of interest.
pub(crate) fn schedule(plan: &Plan, machines: u32) -> Vec<Item> {
    let smallest = plan.machines.first() == Some(&machines);
    let mut items = Vec::new();
    for connections in plan.connections.iter().copied() {
        let middle = connections == plan.middle();
        let all = smallest && (middle || !plan.quick);
        let of = |ask| Item { ask, connections };
        if smallest || middle {
            items.push(of(Ask::Sign));
        }
        for backend in plan.databases.iter().copied() {
            let asked = |scenario: &Scenario| match scenario {
                Scenario::Heartbeat => smallest || middle || !plan.quick,
                // Documents come from memory: once is enough where there is little time.
                Scenario::Read(_) => all && (backend == Backend::Sqlite || !plan.quick),
                _ => all || (middle && !plan.quick),
            };
            let scenarios = plan.requests.iter().copied().filter(asked);
            items.extend(scenarios.map(|scenario| of(Ask::Licentia(backend, scenario))));
        }
        if all {
            let read = |document: &Document| plan.requests.contains(&Scenario::Read(*document));
            items.extend(Document::ALL.into_iter().filter(read).map(|document| of(Ask::Static(document))));
        }
        if smallest && middle && plan.peers {
            items.extend(PeerName::ALL.map(|peer| of(Ask::Peer(peer))));
        }
    }
    if smallest && plan.lanes {
        items.extend(in_lanes(plan));
    }
    items
}

/// The heartbeat alone, with the server that only signs beside it where it was not measured already.
fn in_lanes(plan: &Plan) -> Vec<Item> {
    let mut items = Vec::new();
    for connections in LANES_AT {
        let of = |ask| Item { ask, connections };
        if !plan.connections.contains(&connections) {
            items.push(of(Ask::Sign));
        }
        items.push(of(Ask::Lanes(LaneBits::Rsa2048)));
    }
    items.push(Item { ask: Ask::Lanes(LaneBits::Rsa3072), connections: LANES_USUAL });
    items
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn plan(quick: bool) -> Plan {
        Plan {
            quick,
            machines: vec![1_000, 100_000],
            connections: vec![1, 32, 128],
            databases: vec![Backend::Sqlite, Backend::Postgres],
            requests: Scenario::ALL.to_vec(),
            measured: Duration::from_secs(1),
            rounds: 3,
            peers: true,
            lanes: false,
            multi_buffer: None,
            require_multi_buffer: false,
            server: "licentia".into(),
            postgres: String::new(),
            require_postgres: false,
        }
    }

    #[test]
    fn quick_runs_ask_less() {
        let count = |quick, machines| schedule(&plan(quick), machines).len();
        assert_eq!((count(true, 1_000), count(true, 100_000)), (27, 3));
        assert_eq!((count(false, 1_000), count(false, 100_000)), (64, 15));
    }

    #[test]
    fn lanes_are_measured_beside_the_server_that_only_signs() {
        let items = schedule(&Plan { lanes: true, ..plan(true) }, 1_000);
        for connections in [1, 64, 128] {
            for ask in [Ask::Sign, Ask::Lanes(LaneBits::Rsa2048)] {
                assert_eq!(items.iter().filter(|item| **item == Item { ask, connections }).count(), 1);
            }
        }
        assert_eq!(schedule(&Plan { lanes: true, ..plan(true) }, 100_000).len(), 3);
    }

    #[test]
    fn only_what_is_asked_for_is_measured() {
        let mut plan = plan(false);
        plan.requests = vec![Scenario::Heartbeat, Scenario::Read(Document::Jwks)];
        let items = schedule(&plan, 1_000);
        let is_asked = |ask: &Ask| match ask {
            Ask::Licentia(_, scenario) => plan.requests.contains(scenario),
            Ask::Static(document) => *document == Document::Jwks,
            Ask::Sign | Ask::Peer(_) | Ask::Lanes(_) => true,
        };
        assert!(items.iter().all(|item| is_asked(&item.ask)));
        assert!(items.iter().any(|item| matches!(item.ask, Ask::Static(_))));
    }

    #[test]
    fn the_heartbeat_has_its_floor_beside_it() {
        for machines in [1_000, 100_000] {
            let items = schedule(&plan(true), machines);
            let sign = items.iter().position(|item| *item == Item { ask: Ask::Sign, connections: 32 });
            let beat = Ask::Licentia(Backend::Sqlite, Scenario::Heartbeat);
            let beat = items.iter().position(|item| *item == Item { ask: beat, connections: 32 });
            assert_eq!(beat, sign.map(|at| at + 1));
        }
    }
}
