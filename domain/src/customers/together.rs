//! Customers that are made with what is theirs, many at a time.

use std::collections::{BTreeMap, HashMap, HashSet};

use licentia_entity::customer;
use licentia_types::customers::CreateCustomerRequest;
use licentia_types::ids::{CustomerId, GroupId};
use licentia_types::text::Reference;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};

use super::{CustomerError, created, new, store};
use crate::actors::Caller;
use crate::audit;
use crate::context::Moment;
use crate::database::WriteTx;
use crate::failure::{Failure, failed_from};
use crate::groups::Placing;

/// The customers that are known by these external ids, up to a thousand; whoever is not there yet
/// is made as described. A few statements, however many.
///
/// They are written in the order of their external ids, and whoever comes second waits for the
/// first: two that make the same ones at once never wait for each other, and both find them.
///
/// # Errors
/// When one has no place, or its external id is that of a customer whom the caller must not know of: which one is told.
pub(crate) async fn find_or_insert(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    described: BTreeMap<Reference, CreateCustomerRequest>,
) -> Result<HashMap<Reference, Owner>, NotMade> {
    if described.is_empty() {
        return Ok(HashMap::new());
    }
    let external_ids: Vec<Reference> = described.keys().cloned().collect();
    let named = described.values().filter_map(|command| command.group_id);
    let placing = Placing::of(tx, &caller.actor, named).await?;
    let mut new_ones = Vec::with_capacity(described.len());
    for (external_id, command) in described {
        let refused = |unplaced| NotMade::Refused(external_id.clone(), CustomerError::Group(unplaced));
        let group = placing.place(command.group_id).map_err(refused)?;
        let command = CreateCustomerRequest { external_id: Some(external_id), ..command };
        new_ones.push(new(moment, command, group)?);
    }
    let ours: HashSet<CustomerId> = new_ones.iter().map(|customer| customer.id).collect();
    let rows = new_ones.into_iter().map(|customer| customer.into_active_model().reset_all());
    customer::Entity::insert_many(rows)
        .on_conflict(OnConflict::column(customer::Column::ExternalId).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let found = store::hold_by_external_ids(tx, external_ids).await?;
    let made: Vec<audit::Event> =
        found.iter().filter(|customer| ours.contains(&customer.id)).map(created).collect();
    if !made.is_empty() {
        audit::record_all(tx, moment, caller, made).await?;
    }
    let own = caller.actor.groups();
    let mut owners = HashMap::with_capacity(found.len());
    for customer in found {
        let Some(external_id) = customer.external_id.clone() else { continue };
        if own.is_some_and(|own| !customer.group_id.is_some_and(|group| own.ids().contains(&group))) {
            return Err(NotMade::Refused(external_id, CustomerError::ExternalIdTaken));
        }
        owners.insert(external_id, Owner::of(&customer));
    }
    Ok(owners)
}

/// A customer, and the group that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) customer: CustomerId,
    pub(crate) group: Option<GroupId>,
}

impl Owner {
    pub(crate) fn of(customer: &customer::Model) -> Self {
        Self { customer: customer.id, group: customer.group_id }
    }
}

/// Why customers were not made: one of them is refused, or it is our fault.
#[derive(Debug)]
pub(crate) enum NotMade {
    /// The one with this external id.
    Refused(Reference, CustomerError),
    /// Our fault.
    Failed(Failure),
}

failed_from!(NotMade: sea_orm::DbErr, Failure);

/// Makes customers that nobody else knows, up to a thousand, as a part of something larger: each as it is
/// described, in their order. A few statements, however many.
pub(crate) async fn insert_all(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    described: Vec<CreateCustomerRequest>,
) -> Result<Vec<Owner>, CustomerError> {
    if described.is_empty() {
        return Ok(Vec::new());
    }
    let named = described.iter().filter_map(|command| command.group_id);
    let placing = Placing::of(tx, &caller.actor, named).await?;
    let mut new_ones = Vec::with_capacity(described.len());
    for command in described {
        let group = placing.place(command.group_id)?;
        new_ones.push(new(moment, command, group)?);
    }
    let owners = new_ones.iter().map(Owner::of).collect();
    let made = new_ones.iter().map(created).collect();
    let rows = new_ones.into_iter().map(|customer| customer.into_active_model().reset_all());
    customer::Entity::insert_many(rows).exec_without_returning(tx).await?;
    audit::record_all(tx, moment, caller, made).await?;
    Ok(owners)
}
