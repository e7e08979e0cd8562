//! The server: the domain's operations over HTTP, and the commands of the binary `licentia`.
//!
//! A request passes [`router`]'s list of routes; a handler is its guard, its input, one call of the
//! domain, its answer. Whatever is refused leaves as a problem document, made in one place.
#![forbid(unsafe_code)]

pub mod application;
pub mod commands;
pub mod config;
pub mod logging;
pub mod openapi;

mod answers;
mod api_key_file;
mod batches;
mod body;
mod browser;
mod cors;
mod credentials;
mod csv;
mod directory;
mod discovery;
mod guard;
mod headers;
mod heads;
mod health;
mod idempotency;
mod if_match;
mod jobs;
mod limits;
mod listeners;
mod mail;
mod methods;
mod metrics;
mod opening;
mod origins;
mod own_pages;
mod parameters;
mod problem;
mod proxies;
mod refusals;
mod requests;
mod rewrite;
mod router;
mod row_stream;
mod signer;
mod status_lists;
mod tls;
mod v1;

/// What every handler works with.
type Ctx = actix_web::web::Data<licentia_domain::context::Context>;
