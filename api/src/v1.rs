//! `/api/v1`: one file a capability. A handler is its guard, its input, one call, its answer.

pub(crate) mod activations;
pub(crate) mod customers;
pub(crate) mod features;
pub(crate) mod heartbeats;
pub(crate) mod licenses;
pub(crate) mod products;
pub(crate) mod tiers;
pub(crate) mod validation;
