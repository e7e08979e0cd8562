//! What each ratio should be.

use std::fmt;

use serde::Serialize;

/// A bound; meeting it exactly is enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

use Target::{AtLeast, AtMost};

const TARGETS: &[(&str, Target)] = &[
    ("heartbeat_sqlite_cpu_per_signature", AtMost(1.45)),
    ("heartbeat_sqlite_128_cpu_per_signature", AtMost(1.30)),
    ("heartbeat_postgres_cpu_per_signature", AtMost(1.5)),
    ("heartbeat_sqlite_throughput_per_sign_only", AtLeast(0.65)),
    ("heartbeat_sqlite_128_throughput_per_sign_only", AtLeast(0.85)),
    ("heartbeat_sqlite_p99_per_p50", AtMost(4.0)),
    ("heartbeat_sqlite_syncs_per_request", AtMost(1.0 / 6.0)),
    ("heartbeat_sqlite_apart_from_signature_us", AtMost(90.0)),
    ("heartbeat_postgres_apart_from_signature_us", AtMost(115.0)),
    ("heartbeat_sqlite_p50_ms_one_connection", AtMost(1.5)),
    ("heartbeat_sqlite_growth", AtMost(1.25)),
    ("heartbeat_postgres_growth", AtMost(1.25)),
    ("heartbeat_lanes_cpu_per_signature", AtMost(0.85)),
    ("heartbeat_lanes_128_cpu_per_signature", AtMost(0.85)),
    ("heartbeat_lanes_throughput_per_sign_only", AtLeast(1.3)),
    ("heartbeat_lanes_128_throughput_per_sign_only", AtLeast(1.3)),
    ("heartbeat_lanes_p50_per_without_one_connection", AtMost(1.05)),
    ("activate_sqlite_cpu_per_signature", AtMost(2.0)),
    ("activate_postgres_cpu_per_signature", AtMost(2.0)),
    ("validate_token_cpu_us", AtMost(60.0)),
    ("validate_key_cpu_us", AtMost(150.0)),
    ("jwks_throughput_per_static", AtLeast(0.85)),
    ("discovery_throughput_per_static", AtLeast(0.85)),
    ("status_list_throughput_per_static", AtLeast(0.85)),
    ("rss_mb", AtMost(100.0)),
    ("sqlite_mb_per_million", AtMost(300.0)),
    ("ready_ms", AtMost(500.0)),
    ("idle_rss_mb", AtMost(30.0)),
    ("binary_mb", AtMost(40.0)),
    ("heartbeat_cpu_per_express", AtMost(0.5)),
    ("heartbeat_cpu_per_fastapi", AtMost(0.125)),
    ("heartbeat_cpu_per_oidc_provider", AtMost(0.6)),
    ("heartbeat_throughput_per_express", AtLeast(2.5)),
    ("heartbeat_throughput_per_fastapi", AtLeast(10.0)),
    ("heartbeat_throughput_per_oidc_provider", AtLeast(1.7)),
];

impl Target {
    pub(super) fn of(name: &str) -> Option<Self> {
        TARGETS.iter().find(|(of, _)| *of == name).map(|(_, target)| *target)
    }

    pub(super) fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {}", super::table::figures(*most)),
            Self::AtLeast(least) => write!(f, "≥ {}", super::table::figures(*least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_itself_is_good() {
        assert!(AtMost(2.0).is_met(2.0) && AtLeast(2.0).is_met(2.0));
        assert!(!AtMost(2.0).is_met(2.1) && !AtLeast(2.0).is_met(1.9));
        assert_eq!(Target::of("ready_ms"), Some(AtMost(500.0)));
        assert_eq!(Target::of("unheard_of"), None);
    }
}
