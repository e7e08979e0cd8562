//! Which figures are measured with so many machines, in their order.

use crate::options::Plan;
use crate::peers::PeerName;
use crate::scenarios::{Document, Scenario};
use crate::stores::Backend;

/// What is loaded, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The server that only signs.
    Sign,
    /// The server of static bytes.
    Static(Document),
    Licentia(Backend, Scenario),
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
    fn only_what_is_asked_for_is_measured() {
        let mut plan = plan(false);
        plan.requests = vec![Scenario::Heartbeat, Scenario::Read(Document::Jwks)];
        let items = schedule(&plan, 1_000);
        let is_asked = |ask: &Ask| match ask {
            Ask::Licentia(_, scenario) => plan.requests.contains(scenario),
            Ask::Static(document) => *document == Document::Jwks,
            Ask::Sign | Ask::Peer(_) => true,
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
