//! Every behaviour over real HTTP, on SQLite and on PostgreSQL.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod access;
mod activation_claims;
mod activations;
mod admins;
mod api_keys;
mod assemblies;
mod audit;
mod catalogue;
mod changes;
mod clock;
mod commands;
mod customers;
mod deployment;
mod discovery;
mod drift;
mod expiry_notices;
mod explain;
mod failing_statements;
mod full_disk;
mod group_commit;
mod groups;
mod hardening;
mod heartbeats;
mod hostile_tokens;
mod idempotency;
mod imports;
mod inspection;
mod jobs;
mod ldap;
mod license_files;
mod licenses;
mod limits;
mod listeners;
mod lists;
mod liveness;
mod lookup;
mod mail;
mod metrics;
mod openapi;
mod portal;
mod problems;
mod refusals;
mod releases;
mod requests;
mod restored;
mod revocation_list;
mod roles;
mod seats;
mod secrets;
mod sessions;
mod signing_keys;
mod snippets;
mod start;
mod status_lists;
mod system_events;
mod tls;
mod totp;
mod upgrades;
mod usage;
mod validation;
mod verifiers;
mod workspace;
