//! Every behaviour over real HTTP, on SQLite and on PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod activations;
mod heartbeats;
mod restored;
mod seats;
mod start;
mod workspace;
