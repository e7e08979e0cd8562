//! Ranges that hold in every environment.

use super::{Config, Finding};

const MAX_BACKDATE: u32 = 300;
const DAY: u32 = 86_400;
/// Ten years of 365 days: the longest time that a licence can carry.
const MAX_TIME: u32 = 3650 * DAY;
/// The largest limit that a tier can carry.
const MAX_ACTIVATIONS: u32 = 10_000_000;

pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = times(config);
    if config.tokens.default_max_activations.get() > MAX_ACTIVATIONS {
        findings.push(Finding::new(
            "tokens.default_max_activations",
            format!("{} machines is more than a limit can say", config.tokens.default_max_activations),
            format!("set 1 to {MAX_ACTIVATIONS}; a tier can be without a limit"),
        ));
    }
    if !matches!(config.signing_keys.bits, 2048 | 3072 | 4096) {
        findings.push(Finding::new(
            "signing_keys.bits",
            format!("keys of {} bits are not made", config.signing_keys.bits),
            "set 2048, 3072 or 4096",
        ));
    }
    if config.discovery.max_age_seconds > DAY {
        findings.push(Finding::new(
            "discovery.max_age_seconds",
            format!(
                "{} s would keep a new signing key waiting for more than a day",
                config.discovery.max_age_seconds
            ),
            format!("set 0 to {DAY}"),
        ));
    }
    findings
}

fn times(config: &Config) -> Vec<Finding> {
    let tokens = &config.tokens;
    let mut findings = Vec::new();
    if tokens.backdate_seconds > MAX_BACKDATE {
        findings.push(Finding::new(
            "tokens.backdate_seconds",
            format!("{} s is more than a clock should be behind", tokens.backdate_seconds),
            format!("set 0 to {MAX_BACKDATE}"),
        ));
    }
    for (key, seconds) in [
        ("tokens.token_ttl", tokens.token_ttl),
        ("tokens.heartbeat_interval", tokens.heartbeat_interval),
        ("tokens.offline_grace", tokens.offline_grace),
        ("tokens.expiry_grace", tokens.expiry_grace),
    ] {
        if seconds > MAX_TIME {
            findings.push(Finding::new(
                key,
                format!("{seconds} s is more than ten years"),
                format!("set at most {MAX_TIME}"),
            ));
        }
    }
    if tokens.heartbeat_interval == 0 {
        findings.push(Finding::new(
            "tokens.heartbeat_interval",
            "machines cannot call all the time",
            "set at least 1",
        ));
    } else if tokens.token_ttl < tokens.heartbeat_interval.saturating_mul(2) {
        findings.push(Finding::new(
            "tokens.token_ttl",
            format!(
                "a token of {} s ends before a machine that calls every {} s could miss one call",
                tokens.token_ttl, tokens.heartbeat_interval
            ),
            "set at least twice tokens.heartbeat_interval",
        ));
    }
    findings
}
