//! What a query may see. Every query on licences, machines and customers starts from one; none
//! compiles without.

use std::collections::BTreeSet;
use std::sync::Arc;

use licentia_types::ids::{ActivationId, CustomerId, GroupId, LicenseId};

/// Groups within which somebody acts. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups(Arc<BTreeSet<GroupId>>);

impl Groups {
    /// These.
    #[must_use]
    pub fn of(ids: BTreeSet<GroupId>) -> Self {
        Self(Arc::new(ids))
    }

    /// Which.
    #[must_use]
    pub fn ids(&self) -> &BTreeSet<GroupId> {
        &self.0
    }

    /// The one group, where there is but one.
    #[must_use]
    pub fn only(&self) -> Option<GroupId> {
        let mut ids = self.0.iter();
        ids.next().copied().filter(|_| ids.next().is_none())
    }
}

/// The part of the data that the caller may know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// An operator, or a principal without groups: all of it.
    Everything,
    /// A principal with groups: what is in one of them.
    Groups(Groups),
    /// A customer who signed in: what is his own.
    Customer(CustomerId),
    /// A machine that proved that it knows this licence's key.
    License(LicenseId),
    /// A machine that proved that it knows this activation's nonce.
    Activation(ActivationId),
    /// The public.
    Nothing,
}
