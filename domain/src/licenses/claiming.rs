//! A customer makes a licence his own whose key he has. A key alone is enough while the licence is nobody's: keys are
//! pasted into logs and mails. What is somebody's already is his who shows that the owner's address is his own.

use licentia_entity::{customer, license};
use licentia_types::accounts::{ClaimLicenseRequest, OwnLicenseResponse};
use licentia_types::ids::{CustomerId, GroupId};
use licentia_types::time::Seconds;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::error::LicenseError;
use super::lifecycle::{self, Next};
use super::{Told, keys, own, store, write};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::customers::Owner;
use crate::database::{Lane, WriteTx};
use crate::events::Kind;
use crate::failure::Failure;
use crate::mail::{self, Letter, Template};
use crate::scope::Scope;
use crate::{accounts, activations, audit, customers, products};

const CLAIM_REFUSED: &str = "license.claim_refused";
/// Whoever tries again and again is written down once in so long, of each licence.
const BETWEEN_ENTRIES: Seconds = Seconds::constant(3_600);
/// An owner is told once in so long, however often somebody tries.
const BETWEEN_NOTICES: Seconds = Seconds::constant(86_400);

/// Makes a licence the caller's own; one that is his already stays so. Its machines go on, and those that wait to come
/// in wait for him.
///
/// # Errors
/// When no licence has this key now, it is somebody else's, was revoked, or lies in another group.
pub async fn claim(
    ctx: &Context,
    caller: &Caller,
    request: ClaimLicenseRequest,
) -> Result<OwnLicenseResponse, LicenseError> {
    let (id, _) = accounts::signed_in(caller).ok_or(LicenseError::NotFound)?;
    let key = activations::parse_key(&request.license_key).map_err(|_| LicenseError::ClaimedKeyMalformed)?;
    let moment = ctx.moment();
    let digests = keys::digest(ctx, &key);
    let seen = store::find_by_key(&ctx.db, digests.clone(), moment.now).await?;
    let seen = seen.ok_or(LicenseError::KeyUnknown)?;
    let tx = ctx.db.write(Lane::Ordinary).await?;
    // Customers are held before licences, as by whoever moves a customer.
    let claimant = customers::store::find_locked(&tx, Scope::Customer(id), id).await?;
    let claimant = claimant.ok_or(LicenseError::NotFound)?;
    let license = store::find_locked(&tx, Scope::License(seen.id), seen.id).await?;
    // A key that was replaced leaked: it opens nothing here.
    let license = license.filter(|license| digests.all().any(|digest| digest == license.key_digest));
    let license = license.ok_or(LicenseError::KeyUnknown)?;
    if license.customer_id == Some(id) {
        return Ok(own::render(ctx, &tx, license, moment.now).await?);
    }
    if let Some(owner) = others(&tx, &claimant, &license).await? {
        notice(ctx, &tx, &moment, caller, (id, &license, &owner)).await?;
        tx.commit().await?;
        return Err(LicenseError::Claimed);
    }
    let former = license.customer_id;
    let claimant = join(&tx, &moment, caller, claimant, license.group_id).await?;
    let claimed = match lifecycle::transfer(license, Owner::of(&claimant).into(), moment.now)? {
        Next::Changed(license) | Next::Same(license) => license,
    };
    let told = Told {
        action: "license.claimed",
        event: Some(Kind::LicenseClaimed),
        detail: json!({"before": former, "after": id}),
    };
    let license = write(&tx, &moment, caller, claimed, told).await?;
    let shown = own::render(ctx, &tx, license, moment.now).await?;
    tx.commit().await?;
    Ok(shown)
}

/// Whose the licence is, where that is somebody else than the claimant: not whoever has the same address.
async fn others(
    tx: &WriteTx,
    claimant: &customer::Model,
    license: &license::Model,
) -> Result<Option<customer::Model>, LicenseError> {
    let Some(owner) = license.customer_id else { return Ok(None) };
    let owner = customers::store::find(tx, Scope::Everything, owner).await?;
    let owner = owner.ok_or(Failure::Corrupt("customer"))?;
    // With an account of his own, he showed another address to be his.
    let has_account = accounts::store::find(tx, owner.id).await?.is_some();
    let account = accounts::store::find(tx, claimant.id).await?.ok_or(LicenseError::NotFound)?;
    let same = !has_account && accounts::store::is_his(&owner, &account.email);
    Ok((!same).then_some(owner))
}

/// Puts a customer who has nothing yet, and is in no group, into that of his first licence. Nobody takes a licence out
/// of the group in which it was sold.
async fn join(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    claimant: customer::Model,
    group: Option<GroupId>,
) -> Result<customer::Model, LicenseError> {
    if claimant.group_id == group {
        return Ok(claimant);
    }
    if claimant.group_id.is_some() || store::any_of(tx, claimant.id).await? {
        return Err(LicenseError::InAnotherGroup);
    }
    let (updated_at, version) = (moment.now, claimant.version + 1);
    let joined = customer::Model { group_id: group, updated_at, version, ..claimant };
    let joined = joined.into_active_model().reset_all().update(tx).await?;
    let detail = json!({"version": joined.version, "groupBefore": null, "group": group});
    audit::record(tx, moment, caller, audit::Event::new("customer.updated", &joined.id, detail)).await?;
    Ok(joined)
}

/// Writes down that somebody else tried, once an hour whoever it is, and tells the owner.
async fn notice(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    (claimant, license, owner): (CustomerId, &license::Model, &customer::Model),
) -> Result<(), Failure> {
    let tried = (CLAIM_REFUSED, license.id);
    if !audit::did_lately(tx, claimant, tried, moment.now - BETWEEN_ENTRIES).await? {
        let event = audit::Event::new(CLAIM_REFUSED, &license.id, json!({})).of_license(license.id);
        audit::record(tx, moment, caller, event).await?;
    }
    let confirmed = accounts::store::find(tx, owner.id).await?.map(|account| account.email);
    let Some(to) = confirmed.or(owner.email.clone()) else { return Ok(()) };
    let notice = (license.id, Template::ClaimNoticed);
    if !store::may_notice(tx, notice, moment.now, BETWEEN_NOTICES).await? {
        return Ok(());
    }
    let product = products::store::get(tx, license.product_id).await?;
    let values = json!({"product": product.name, "license": license.id});
    let letter = Letter { to, template: Template::ClaimNoticed, values, customer: Some(owner.id) };
    mail::post(ctx, tx, moment, letter).await
}
