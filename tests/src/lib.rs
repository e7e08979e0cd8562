//! The harness: a real server on a port of its own, on a database of its own, with a clock that
//! tests move. Tests speak HTTP to it through a small typed helper.
#![forbid(unsafe_code)]
#![expect(
    missing_docs,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::must_use_candidate,
    reason = "a harness fails by panicking"
)]

mod clock;
mod database;
mod http;
mod older;
mod scenario;
mod server;
mod signing;

pub use clock::TestClock;
pub use database::Backend;
pub use http::Reply;
pub use scenario::{Machine, Shop, claims, request_id, try_activate};
pub use server::TestServer;

/// Makes a test of each function on each database: `sqlite::name` and `postgres::name`.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::Backend::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::Backend::Postgres).await;
            })*
        }
    };
}
