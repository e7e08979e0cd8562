//! Who owns licences: customers that are named, found by their external id, or made on the way; and in which group they
//! are, which follows from that.

use std::collections::{BTreeMap, HashMap, HashSet};

use licentia_types::customers::CreateCustomerRequest;
use licentia_types::ids::{CustomerId, GroupId};
use licentia_types::text::Reference;

use super::error::LicenseError;
use crate::actors::Caller;
use crate::context::Moment;
use crate::customers::{self, NotMade, Owner};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::groups::Placing;

/// Whose a licence shall be, and where, as a request says it.
pub(super) struct Named {
    pub(super) customer_id: Option<CustomerId>,
    pub(super) customer: Option<CreateCustomerRequest>,
    /// Of a licence without customer.
    pub(super) group_id: Option<GroupId>,
}

/// Whose a licence is. It is in the group of its customer; only one without customer has a group of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Belonging {
    pub(crate) customer: Option<CustomerId>,
    pub(crate) group: Option<GroupId>,
}

impl From<Owner> for Belonging {
    fn from(owner: Owner) -> Self {
        Self { customer: Some(owner.customer), group: owner.group }
    }
}

/// Whose each licence is: nobody's where nobody is named. A few statements, however many licences,
/// and more only for customers without an external id. Customers stay in their groups until the transaction ends.
pub(super) async fn settle(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    named: Vec<Named>,
) -> Result<Vec<Belonging>, LicenseError> {
    let known = Known::settle(tx, moment, caller, &named).await?;
    let mut belongings = Vec::with_capacity(named.len());
    for (index, named) in named.into_iter().enumerate() {
        let belonging = known.belonging(tx, moment, caller, named).await;
        belongings.push(belonging.map_err(|error| error.at(index))?);
    }
    Ok(belongings)
}

/// Customers that are there, and groups.
struct Known {
    placing: Placing,
    by_id: HashMap<CustomerId, Owner>,
    by_external_id: HashMap<Reference, Owner>,
}

impl Known {
    async fn settle(
        tx: &WriteTx,
        moment: &Moment<'_>,
        caller: &Caller,
        named: &[Named],
    ) -> Result<Self, LicenseError> {
        let placing = Placing::of(tx, &caller.actor, named.iter().filter_map(|named| named.group_id)).await?;
        let ids: HashSet<CustomerId> = named.iter().filter_map(|named| named.customer_id).collect();
        let found = if ids.is_empty() {
            Vec::new()
        } else {
            customers::store::hold_all(tx, caller.actor.scope(), ids).await?
        };
        let by_external_id = customers::find_or_insert(tx, moment, caller, described(named)).await;
        Ok(Self {
            placing,
            by_id: found.iter().map(|customer| (customer.id, Owner::of(customer))).collect(),
            by_external_id: by_external_id.map_err(|error| not_made(error, named))?,
        })
    }

    async fn belonging(
        &self,
        tx: &WriteTx,
        moment: &Moment<'_>,
        caller: &Caller,
        named: Named,
    ) -> Result<Belonging, LicenseError> {
        let owner = match (named.customer_id, named.customer) {
            (None, None) => {
                let group = self.placing.place(named.group_id)?;
                return Ok(Belonging { customer: None, group });
            }
            (Some(id), None) => *self.by_id.get(&id).ok_or(LicenseError::CustomerUnknown)?,
            (None, Some(described)) => self.find_or_make(tx, moment, caller, described).await?,
            (Some(_), Some(_)) => return Err(LicenseError::CustomerTwice),
        };
        if named.group_id.is_some() && named.group_id != owner.group {
            return Err(LicenseError::GroupOfCustomer);
        }
        Ok(owner.into())
    }

    async fn find_or_make(
        &self,
        tx: &WriteTx,
        moment: &Moment<'_>,
        caller: &Caller,
        described: CreateCustomerRequest,
    ) -> Result<Owner, LicenseError> {
        match &described.external_id {
            // Gone between two statements: somebody gave it another external id.
            Some(known) => Ok(*self.by_external_id.get(known).ok_or(Failure::Contended)?),
            None => Ok(Owner::of(&customers::insert(tx, moment, caller, described).await?)),
        }
    }
}

/// Customers with an external id; one that is described twice, as it was the first time.
fn described(named: &[Named]) -> BTreeMap<Reference, CreateCustomerRequest> {
    let mut described: BTreeMap<Reference, CreateCustomerRequest> = BTreeMap::new();
    for customer in named.iter().filter_map(|named| named.customer.as_ref()) {
        if let Some(external_id) = &customer.external_id {
            described.entry(external_id.clone()).or_insert_with(|| customer.clone());
        }
    }
    described
}

/// Said of the first that names the customer.
fn not_made(error: NotMade, named: &[Named]) -> LicenseError {
    match error {
        NotMade::Failed(failure) => LicenseError::Failed(failure),
        NotMade::Refused(external_id, error) => {
            let is_it = |named: &Named| {
                named.customer.as_ref().and_then(|customer| customer.external_id.as_ref())
                    == Some(&external_id)
            };
            let index = named.iter().position(is_it).unwrap_or_default();
            LicenseError::from(error).at(index)
        }
    }
}
