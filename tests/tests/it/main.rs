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
mod customers;
mod discovery;
mod heartbeats;
mod licenses;
mod limits;
mod lists;
mod openapi;
mod problems;
mod requests;
mod restored;
mod seats;
mod secrets;
mod snippets;
mod start;
mod validation;
mod verifiers;
mod workspace;
