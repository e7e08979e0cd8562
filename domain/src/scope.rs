//! What a query may see. Every query on licences, machines and customers starts from one; none
//! compiles without.

use licentia_types::ids::{ActivationId, LicenseId};

/// The part of the data that the caller may know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// An operator, or an API key: all of it.
    Everything,
    /// A machine that proved that it knows this licence's key.
    License(LicenseId),
    /// A machine that proved that it knows this activation's nonce.
    Activation(ActivationId),
    /// The public.
    Nothing,
}
