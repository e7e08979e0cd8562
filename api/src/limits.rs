//! How much one client may ask.

pub(crate) mod key_lookups;
pub(crate) mod network;
