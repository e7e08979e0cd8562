//! Every behaviour over real HTTP, on SQLite and on PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod access;
mod activations;
mod catalogue;
mod commands;
mod heartbeats;
mod licenses;
mod problems;
mod requests;
mod restored;
mod seats;
mod snippets;
mod start;
mod verifiers;
mod workspace;
