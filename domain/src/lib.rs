//! The product. One module a capability: its operations, its rules (pure functions of their
//! arguments), its store (the queries) and its errors.

pub mod activations;
pub mod actors;
pub mod api_keys;
pub mod audit;
pub mod catalog;
pub mod clock;
pub mod context;
pub mod customers;
pub mod database;
pub mod demo;
pub mod failure;
pub mod features;
pub mod heartbeats;
pub mod licenses;
pub mod pages;
pub mod products;
pub mod randomness;
pub mod refusal;
pub mod scope;
pub mod secrets;
pub mod settings;
pub mod signing_keys;
pub mod tiers;
pub mod tokens;
pub mod validation;
