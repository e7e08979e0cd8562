//! Who owns licences: customers that are named, found by their external id, or made on the way.

use std::collections::{BTreeMap, HashMap, HashSet};

use licentia_types::customers::CreateCustomerRequest;
use licentia_types::ids::CustomerId;
use licentia_types::text::Reference;

use super::error::LicenseError;
use crate::actors::Caller;
use crate::context::Moment;
use crate::customers;
use crate::database::WriteTx;
use crate::failure::Failure;

/// A customer as a request names it, if it does.
pub(super) type Named = (Option<CustomerId>, Option<CreateCustomerRequest>);

/// The owner of each licence: none where nobody is named. A few statements, however many licences,
/// and more only for customers without an external id.
pub(super) async fn settle(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    named: Vec<Named>,
) -> Result<Vec<Option<CustomerId>>, LicenseError> {
    let known = Known::settle(tx, moment, caller, &named).await?;
    let mut owners = Vec::with_capacity(named.len());
    for (index, named) in named.into_iter().enumerate() {
        let owner = match named {
            (None, None) => None,
            (Some(id), None) if known.ids.contains(&id) => Some(id),
            (Some(_), None) => return Err(LicenseError::CustomerUnknown.at(index)),
            (None, Some(described)) => {
                let owner = known.find_or_make(tx, moment, caller, described).await;
                Some(owner.map_err(|error| error.at(index))?)
            }
            (Some(_), Some(_)) => return Err(LicenseError::CustomerTwice.at(index)),
        };
        owners.push(owner);
    }
    Ok(owners)
}

/// Customers that are there.
struct Known {
    ids: HashSet<CustomerId>,
    by_external_id: HashMap<Reference, CustomerId>,
}

impl Known {
    async fn settle(
        tx: &WriteTx,
        moment: &Moment<'_>,
        caller: &Caller,
        named: &[Named],
    ) -> Result<Self, Failure> {
        let ids: HashSet<CustomerId> = named.iter().filter_map(|(id, _)| *id).collect();
        let found = if ids.is_empty() {
            Vec::new()
        } else {
            customers::store::find_all(tx, caller.actor.scope(), ids).await?
        };
        let mut described: BTreeMap<Reference, CreateCustomerRequest> = BTreeMap::new();
        for customer in named.iter().filter_map(|(_, described)| described.as_ref()) {
            if let Some(external_id) = &customer.external_id {
                // Described twice: as it was the first time.
                described.entry(external_id.clone()).or_insert_with(|| customer.clone());
            }
        }
        Ok(Self {
            ids: found.into_iter().map(|customer| customer.id).collect(),
            by_external_id: customers::find_or_insert(tx, moment, caller, described).await?,
        })
    }

    async fn find_or_make(
        &self,
        tx: &WriteTx,
        moment: &Moment<'_>,
        caller: &Caller,
        described: CreateCustomerRequest,
    ) -> Result<CustomerId, LicenseError> {
        match &described.external_id {
            // Gone between two statements: somebody gave it another external id.
            Some(known) => Ok(*self.by_external_id.get(known).ok_or(Failure::Contended)?),
            None => Ok(customers::insert(tx, moment, caller, described).await?.id),
        }
    }
}
