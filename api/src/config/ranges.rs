//! Ranges that hold in every environment.

use super::{Config, Finding, ldap, mail};

const MAX_BACKDATE: u32 = 300;
const DAY: u32 = 86_400;
/// Ten years of 365 days.
const MAX_DAYS: u32 = 3650;
/// The longest time that a licence can carry.
const MAX_TIME: u32 = MAX_DAYS * DAY;
/// A machine calls twice within its lease, and a third time when the second was lost.
const MIN_LEASE: u32 = 3;
/// As often as a list is looked at again.
const MIN_LIST_TTL: u32 = 15;
/// A token of a session is renewed by a request of its own.
const MIN_ACCESS_TTL: u32 = 30;
const MAX_ACCESS_TTL: u32 = 3_600;
/// The longest time that a request may take to arrive.
const MAX_TIMEOUT: u32 = 600;
/// The largest body of an import.
const MAX_UPLOAD_MB: u32 = 10_240;
/// The largest limit that a tier can carry.
const MAX_ACTIVATIONS: u32 = 10_000_000;

pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = server(config);
    findings.extend(times(config));
    findings.extend(sessions(config));
    findings.extend(mail::findings(&config.mail));
    findings.extend(ldap::findings(&config.ldap));
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
    for (key, days) in [
        ("signing_keys.rotation_days", config.signing_keys.rotation_days),
        ("signing_keys.document_rotation_days", config.signing_keys.document_rotation_days),
    ] {
        if days > MAX_DAYS {
            findings.push(Finding::new(
                key,
                format!("{days} days are more than ten years"),
                format!("set 1 to {MAX_DAYS}, or 0 to rotate by hand only"),
            ));
        }
    }
    for (key, days) in [
        ("retention.events_days", config.retention.events_days),
        ("retention.system_events_days", config.retention.system_events_days),
        ("retention.usage_days", config.retention.usage_days),
        ("retention.mails_days", config.retention.mails_days),
    ] {
        if days.get() > MAX_DAYS {
            findings.push(Finding::new(
                key,
                format!("{days} days are more than ten years"),
                format!("set 1 to {MAX_DAYS}"),
            ));
        }
    }
    let upload = config.imports.max_upload_mb.get();
    if upload > MAX_UPLOAD_MB {
        findings.push(Finding::new(
            "imports.max_upload_mb",
            format!("{upload} MB are more than one import should be"),
            format!("set 1 to {MAX_UPLOAD_MB}"),
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
    let list_ttl = config.revocation.list_ttl_seconds;
    if !(MIN_LIST_TTL..=DAY / 2).contains(&list_ttl) {
        findings.push(Finding::new(
            "revocation.list_ttl_seconds",
            format!("{list_ttl} s is no time for which a list can be kept"),
            format!("set {MIN_LIST_TTL} to {}", DAY / 2),
        ));
    }
    findings
}

fn sessions(config: &Config) -> Vec<Finding> {
    let times = &config.sessions;
    [
        ("sessions.access_ttl_seconds", times.access_ttl_seconds, MIN_ACCESS_TTL..=MAX_ACCESS_TTL),
        ("sessions.idle_seconds", times.idle_seconds, times.access_ttl_seconds..=30 * DAY),
        ("sessions.lifetime_seconds", times.lifetime_seconds, times.idle_seconds..=365 * DAY),
    ]
    .into_iter()
    .filter(|(_, seconds, range)| !range.contains(seconds))
    .map(|(key, seconds, range)| {
        let (least, most) = (range.start(), range.end());
        Finding::new(key, format!("{seconds} s is out of its range"), format!("set {least} to {most}"))
    })
    .collect()
}

fn server(config: &Config) -> Vec<Finding> {
    let server = &config.server;
    let mut findings = Vec::new();
    if server.admin_bind.is_some_and(|admin| admin == server.bind && admin.port() != 0) {
        findings.push(Finding::new(
            "server.admin_bind",
            "it is the same as server.bind",
            "set another port, or leave it out: then server.bind serves everything",
        ));
    }
    for (key, is_set, other) in [
        ("server.tls_certificate_file", server.tls_certificate_file.is_some(), server.tls_key_file.is_some()),
        ("server.tls_key_file", server.tls_key_file.is_some(), server.tls_certificate_file.is_some()),
    ] {
        if !is_set && other {
            findings.push(Finding::new(
                key,
                "TLS needs a certificate and its key, and one of them is missing",
                "name both files, or neither",
            ));
        }
    }
    for (key, seconds) in [
        ("server.header_timeout_seconds", server.header_timeout_seconds),
        ("server.body_timeout_seconds", server.body_timeout_seconds),
    ] {
        if seconds.get() > MAX_TIMEOUT {
            findings.push(Finding::new(
                key,
                format!("{seconds} s is longer than anybody should hold a connection"),
                format!("set 1 to {MAX_TIMEOUT}"),
            ));
        }
    }
    findings
}

fn times(config: &Config) -> Vec<Finding> {
    let tokens = &config.tokens;
    let mut findings = Vec::new();
    if tokens.lease < MIN_LEASE {
        findings.push(Finding::new(
            "tokens.lease",
            format!("{} s leaves a floating machine no time to call", tokens.lease),
            format!("set at least {MIN_LEASE}"),
        ));
    }
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
        ("tokens.revocation_grace", tokens.revocation_grace),
        ("tokens.lease", tokens.lease),
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
