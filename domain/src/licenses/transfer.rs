//! Giving a licence to another customer.

use licentia_entity::license;
use licentia_types::ids::{CustomerId, LicenseId};
use licentia_types::licenses::{LicenseResponse, TransferLicenseRequest};
use licentia_types::permissions::Permission;
use serde_json::json;

use super::error::LicenseError;
use super::lifecycle::{self, Next};
use super::owners::{self, Named};
use super::{Told, keys, locked, store, view, write};
use crate::actors::Caller;
use crate::context::Context;
use crate::database::WriteTx;
use crate::events::Kind;
use crate::scope::Scope;
use crate::{accounts, activation_claims, customers, once};

/// Gives a licence to another customer; its machines go on, and those that wait to come in are rejected. To
/// the same one it changes nothing.
///
/// # Errors
/// When there is none, `expected` is not its version, it was revoked, the customer is unknown, or he would see a key that
/// the caller may not see.
pub async fn transfer(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    expected: Option<i64>,
    command: TransferLicenseRequest,
) -> Result<LicenseResponse, LicenseError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    if command.customer_id.is_none() && command.customer.is_none() {
        return Err(LicenseError::CustomerMissing);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let scope = caller.actor.scope();
    store::find(&tx, scope.clone(), id).await?.ok_or(LicenseError::NotFound)?;
    // Customers are held before licences, as by whoever moves a customer.
    let named = vec![Named { customer_id: command.customer_id, customer: command.customer, group_id: None }];
    let owners = owners::settle(&tx, &moment, caller, named).await.map_err(LicenseError::alone)?;
    let owner = owners.into_iter().next().ok_or(LicenseError::CustomerMissing)?;
    let to = owner.customer.ok_or(LicenseError::CustomerMissing)?;
    let before = locked(&tx, scope, id, expected).await?;
    let former = before.customer_id;
    let changed = match lifecycle::transfer(before, owner, moment.now)? {
        Next::Same(license) => return Ok(view::render(ctx, &tx, license, moment.now).await?),
        Next::Changed(license) => license,
    };
    expect_may_receive(&tx, caller, &changed, to).await?;
    let told = Told {
        action: "license.transferred",
        event: Some(Kind::LicenseTransferred),
        detail: json!({"before": former, "after": to}),
    };
    let license = write(&tx, &moment, caller, changed, told).await?;
    if former.is_some() {
        store::changes_hands(&tx, license.id, moment.now).await?;
    }
    activation_claims::reject_open(&tx, &moment, caller, &license).await?;
    let shown = view::render(ctx, &tx, license, moment.now).await?;
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

/// Whoever has an account sees the keys of what is his, and whoever has an address may have one in a minute: somebody who is
/// not trusted with keys hands none over.
async fn expect_may_receive(
    tx: &WriteTx,
    caller: &Caller,
    license: &license::Model,
    to: CustomerId,
) -> Result<(), LicenseError> {
    if caller.actor.may(Permission::LicensesReveal) || !keys::is_kept(license) {
        return Ok(());
    }
    let receiver = customers::store::find(tx, Scope::Everything, to).await?;
    let has_address = receiver.is_some_and(|customer| customer.email.is_some());
    let sees_key = has_address || accounts::store::find(tx, to).await?.is_some();
    if sees_key { Err(LicenseError::ReceiverSeesKey) } else { Ok(()) }
}
