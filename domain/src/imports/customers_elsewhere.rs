//! Customers of other groups: an import finds none of them, and their external ids are taken.

use std::collections::HashSet;

use licentia_types::problems::FieldProblem;
use licentia_types::text::Reference;

use super::plan::{Plan, Planned};
use super::planned::{Outcome, RowRefusal};
use crate::actors::Caller;
use crate::customers::{self, CustomerError};
use crate::database::WriteTx;
use crate::failure::Failure;

/// Refuses rows whose customer is one of another group, or shall be put elsewhere than the import.
pub(super) async fn refuse(tx: &WriteTx, caller: &Caller, plan: &mut Plan<'_>) -> Result<(), Failure> {
    let named = plan.rows.iter().filter_map(|(_, row)| external_id(row.as_deref().ok()?).cloned());
    let taken = match caller.actor.groups() {
        Some(groups) => customers::store::taken_outside(tx, groups, named.collect::<HashSet<_>>()).await?,
        None => HashSet::new(),
    };
    for (_, row) in &mut plan.rows {
        let Ok(planned) = row else { continue };
        if external_id(planned).is_some_and(|id| taken.contains(id)) {
            *row = Err(Outcome::Refused(RowRefusal::of_customer(&CustomerError::ExternalIdTaken)));
        } else if planned.customer.as_ref().is_some_and(|customer| customer.group_id.is_some()) {
            let all = "must be absent: groupId of the import is that of all its rows";
            let field = FieldProblem::new("/customer/groupId", "INVALID", all);
            *row = Err(Outcome::Refused(RowRefusal::of_field(field)));
        }
    }
    Ok(())
}

fn external_id(planned: &Planned) -> Option<&Reference> {
    planned.customer.as_ref()?.external_id.as_ref()
}
