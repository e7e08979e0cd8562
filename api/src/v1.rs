//! `/api/v1`: one file a capability. A handler is its guard, its input, one call, its answer.

pub(crate) mod activation_claims;
pub(crate) mod activations;
pub(crate) mod api_keys;
pub(crate) mod assemblies;
pub(crate) mod audit;
pub(crate) mod customers;
pub(crate) mod features;
pub(crate) mod groups;
pub(crate) mod heartbeats;
pub(crate) mod imports;
pub(crate) mod license_files;
pub(crate) mod licenses;
pub(crate) mod lookup;
pub(crate) mod permissions;
pub(crate) mod products;
pub(crate) mod refusals;
pub(crate) mod releases;
pub(crate) mod revocation;
pub(crate) mod roles;
pub(crate) mod signing_keys;
pub(crate) mod system_events;
pub(crate) mod tiers;
pub(crate) mod tokens;
pub(crate) mod usage;
pub(crate) mod validation;
