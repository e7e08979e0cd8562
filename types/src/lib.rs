//! What crosses a wire: ids, times, problem codes, token claims, requests and responses.
//!
//! Everything here parses once, at the edge, into types that cannot hold a wrong value; nothing
//! further in validates again. Feature `openapi` adds schemas, `orm` lets the database store the
//! scalar types.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod activation_claims;
pub mod activations;
pub mod admins;
pub mod api_keys;
pub mod assemblies;
pub mod audit;
pub mod change;
pub mod customers;
pub mod discovery;
pub mod drift;
pub mod features;
pub mod groups;
pub mod heartbeats;
pub mod ids;
pub mod impact;
pub mod imports;
pub mod inspection;
pub mod ip_ranges;
pub mod license_files;
pub mod licenses;
pub mod limits;
pub mod lookup;
pub mod mails;
pub mod metadata;
pub mod not_supported;
mod objects;
pub mod pages;
pub mod permissions;
pub mod prices;
pub mod problems;
pub mod products;
pub mod refusals;
pub mod releases;
pub mod revocation;
pub mod roles;
pub mod seats;
pub mod secret;
pub mod sessions;
pub mod signing_keys;
pub mod status_lists;
pub mod system_events;
pub mod text;
pub mod tiers;
pub mod time;
pub mod tokens;
pub mod usage;
pub mod validation;
