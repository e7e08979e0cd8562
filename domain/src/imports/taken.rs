//! Keys and orders that have their licence already. They are looked for so that each row is told by itself;
//! what comes in between is found by the database's constraints, and the piece is tried again.

use std::collections::HashSet;

use licentia_entity::import;
use licentia_types::text::Reference;

use super::plan::{Draft, Plan};
use super::store;
use crate::context::Context;
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::licenses::store as licenses;

/// Refuses what is taken. A dry run remembers what it would have given away, or rows of one file that
/// exclude each other would all be accepted.
pub(super) async fn refuse(
    ctx: &Context,
    tx: &WriteTx,
    import: &import::Model,
    plan: &mut Plan<'_>,
) -> Result<(), Failure> {
    let digests: Vec<Vec<u8>> = plan.drafts().flat_map(|draft| draft.digests.iter().cloned()).collect();
    let named: Vec<(Reference, Reference)> = plan.drafts().filter_map(order).collect();
    let mut taken = HashSet::new();
    if !digests.is_empty() {
        // In this order: a key that is replaced meanwhile is found in one of both.
        taken.extend(licenses::taken_keys(tx, digests.iter().cloned()).await?);
        taken.extend(licenses::former_keys(tx, digests.clone()).await?);
    }
    let mut orders = HashSet::new();
    if !named.is_empty() {
        orders.extend(licenses::taken_orders(tx, named.iter().map(|(_, order)| order.clone())).await?);
    }
    if import.dry_run {
        let by_order = |order: &(Reference, Reference)| (order_digest(ctx, order), order.clone());
        let by_order: Vec<(Vec<u8>, (Reference, Reference))> = named.iter().map(by_order).collect();
        let asked = digests.into_iter().chain(by_order.iter().map(|(digest, _)| digest.clone())).collect();
        let claimed = store::claimed(tx, import.id, asked).await?;
        orders.extend(by_order.into_iter().filter(|(digest, _)| claimed.contains(digest)).map(|(_, o)| o));
        taken.extend(claimed);
    }
    plan.refuse_taken(taken, orders)?;
    if import.dry_run {
        let claims = plan.drafts().flat_map(|draft| {
            let order = order(draft).map(|order| order_digest(ctx, &order));
            draft.digests.iter().cloned().chain(order)
        });
        store::claim(tx, import.id, claims.collect()).await?;
    }
    Ok(())
}

/// The order of a licence, unique with its source.
pub(super) fn order(draft: &Draft) -> Option<(Reference, Reference)> {
    draft.license.source.clone().zip(draft.license.source_order_id.clone())
}

fn order_digest(ctx: &Context, (source, order): &(Reference, Reference)) -> Vec<u8> {
    // Neither holds control characters.
    let text = format!("{source}\n{order}");
    ctx.secrets.digests.digest("import_order", text.as_bytes()).to_vec()
}
