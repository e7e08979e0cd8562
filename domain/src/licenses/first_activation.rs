//! What happens when a licence is activated for the first time: its time begins, and it takes the
//! place of what the same customer was issued before; and each time: a trial is spent.
//!
//! All licences of the customer for the product are held in the order of their ids, before
//! anything else is: of two that come at once, the one that was issued later survives.

use licentia_entity::{license, trial_use};
use licentia_types::ids::{CustomerId, LicenseId};
use licentia_types::text::{Fingerprint, Note};
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;

use super::keys::KeyDigests;
use super::lifecycle::{self, Next, Revocation};
use super::standing;
use super::{Told, store, tell, terms, write};
use crate::activations::ActivationError;
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::revocations::{self, grace};
use crate::scope::Scope;
use crate::{catalog, once, products};

/// How often the licence is looked at again because it changed hands meanwhile.
const ATTEMPTS: usize = 8;

/// Why a sibling was revoked.
const SUPERSEDED: &str = "superseded";

/// A licence that a machine comes with, held with whatever its first activation concerns.
pub(crate) struct Opening {
    /// As it is after this activation.
    pub(crate) license: license::Model,
    beginning: Beginning,
    /// Licences that it takes the place of.
    siblings: Vec<license::Model>,
}

/// What an activation is to its licence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// One of many.
    None,
    /// The first one.
    First,
    /// The first one, with which its time begins.
    Start,
}

/// How a licence is named by whoever activates a machine of it.
enum Named<'a> {
    /// By its key.
    Key(&'a KeyDigests),
    /// By its id, within what may be seen.
    Id(Scope, LicenseId),
    /// By its id, by somebody who may ask once.
    For(&'a Caller, LicenseId),
}

/// Begins the transaction of an activation, and holds the licence that has this key.
pub(crate) async fn hold(
    ctx: &Context,
    key: &KeyDigests,
    now: Timestamp,
) -> Result<Option<(WriteTx, Opening)>, Failure> {
    hold_named(ctx, Named::Key(key), now).await
}

/// The same for somebody who may see the licence, and names it by its id.
pub(crate) async fn hold_by_id(
    ctx: &Context,
    scope: Scope,
    id: LicenseId,
    now: Timestamp,
) -> Result<Option<(WriteTx, Opening)>, Failure> {
    hold_named(ctx, Named::Id(scope, id), now).await
}

/// The same for somebody who asks for it, and may do so once.
pub(crate) async fn hold_for(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    now: Timestamp,
) -> Result<Option<(WriteTx, Opening)>, Failure> {
    hold_named(ctx, Named::For(caller, id), now).await
}

async fn hold_named(
    ctx: &Context,
    named: Named<'_>,
    now: Timestamp,
) -> Result<Option<(WriteTx, Opening)>, Failure> {
    for _ in 0..ATTEMPTS {
        // A new transaction each time: nothing is held out of order.
        let tx = match &named {
            Named::For(caller, _) => once::begin(ctx, caller).await?,
            Named::Key(_) | Named::Id(..) => ctx.db.write(Lane::Ordinary).await?,
        };
        let seen = match &named {
            Named::Key(key) => store::find_by_key(&tx, (*key).clone(), now).await?,
            Named::Id(scope, id) => store::find(&tx, scope.clone(), *id).await?,
            Named::For(caller, id) => store::find(&tx, caller.actor.scope(), *id).await?,
        };
        let Some(seen) = seen else {
            return Ok(None);
        };
        let mut held = match owner_of_siblings(&tx, &seen).await? {
            Some(owner) => store::lock_siblings(&tx, owner, seen.product_id).await?,
            None => store::find_locked(&tx, Scope::License(seen.id), seen.id).await?.into_iter().collect(),
        };
        let Some(place) = held.iter().position(|license| license.id == seen.id) else {
            continue;
        };
        let license = held.swap_remove(place);
        if is_as_seen(&seen, &license) {
            return Ok(Some((tx, Opening::of(license, held, now))));
        }
    }
    Err(Failure::Contended)
}

/// Whose licences may have to give way; none: no other licence is concerned.
async fn owner_of_siblings(tx: &WriteTx, license: &license::Model) -> Result<Option<CustomerId>, Failure> {
    if !takes_a_place(license) {
        return Ok(None);
    }
    let product = products::store::get(tx, license.product_id).await?;
    Ok(license.customer_id.filter(|_| product.one_active_key))
}

/// Whether its next activation can be the one that takes the place of others.
fn takes_a_place(license: &license::Model) -> bool {
    license.first_activated_at.is_none()
        && !license.trial
        && license.customer_id.is_some()
        && license.status != license::Status::Revoked
}

/// Whether what was held was chosen rightly, and the key is still its key.
fn is_as_seen(seen: &license::Model, held: &license::Model) -> bool {
    let same_circle = takes_a_place(seen) && held.customer_id == seen.customer_id;
    held.key_digest == seen.key_digest && (same_circle || !takes_a_place(held))
}

impl Opening {
    fn of(license: license::Model, held: Vec<license::Model>, now: Timestamp) -> Self {
        if license.first_activated_at.is_some() {
            return Self { license, beginning: Beginning::None, siblings: Vec::new() };
        }
        let siblings = if takes_a_place(&license) { held } else { Vec::new() };
        let earlier = (license.created_at, license.id);
        let siblings = siblings.into_iter().filter(|other| (other.created_at, other.id) < earlier).collect();
        let beginning = if license.awaits_start { Beginning::Start } else { Beginning::First };
        Self { license: lifecycle::first_activated(license, now), beginning, siblings }
    }

    /// Whether the licence never had a machine.
    pub(crate) fn is_first(&self) -> bool {
        self.beginning != Beginning::None
    }

    /// The last of the activation's transaction: the machine has its seat.
    pub(crate) async fn settle(
        self,
        ctx: &Context,
        tx: &WriteTx,
        moment: &Moment<'_>,
        caller: &Caller,
        fingerprint: &Fingerprint,
    ) -> Result<(), ActivationError> {
        if self.license.trial {
            spend_trial(tx, moment, &self.license, fingerprint).await?;
        }
        if self.beginning == Beginning::None {
            return Ok(());
        }
        write_start(tx, &self.license).await?;
        if self.beginning == Beginning::Start {
            let told = Told {
                action: "license.started",
                event: None,
                detail: json!({"expiresAt": self.license.expires_at}),
            };
            tell(tx, moment, caller, &self.license, told).await?;
        }
        supersede(ctx, tx, moment, caller, &self).await?;
        Ok(())
    }
}

/// Its seats were counted meanwhile, so that only these columns are written.
async fn write_start(tx: &WriteTx, license: &license::Model) -> Result<(), Failure> {
    use license::Column;
    license::Entity::update_many()
        .col_expr(Column::FirstActivatedAt, license.first_activated_at.into())
        .col_expr(Column::AwaitsStart, Expr::value(license.awaits_start))
        .col_expr(Column::StartsAt, license.starts_at.into())
        .col_expr(Column::ExpiresAt, license.expires_at.into())
        .col_expr(Column::UpdatedAt, license.updated_at.into())
        .col_expr(Column::Version, Expr::value(license.version))
        .filter(Column::Id.eq(license.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// A machine tries a product once: again with the same licence, not with another one.
async fn spend_trial(
    tx: &WriteTx,
    moment: &Moment<'_>,
    license: &license::Model,
    fingerprint: &Fingerprint,
) -> Result<(), ActivationError> {
    let used = trial_use::Model {
        product_id: license.product_id,
        fingerprint: fingerprint.clone(),
        license_id: license.id,
        used_at: moment.now,
    };
    trial_use::Entity::insert(used.into_active_model().reset_all())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let machine = (license.product_id, fingerprint.clone());
    let spent: Option<LicenseId> =
        trial_use::Entity::find_by_id(machine).one(tx).await?.map(|used| used.license_id);
    if spent == Some(license.id) { Ok(()) } else { Err(ActivationError::TrialUsed) }
}

async fn supersede(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    opening: &Opening,
) -> Result<(), Failure> {
    if opening.siblings.is_empty() {
        return Ok(());
    }
    let catalogue = catalog::load(tx, opening.license.product_id).await?;
    let reason: Note = SUPERSEDED.parse().map_err(|_| Failure::Corrupt("reason"))?;
    for sibling in &opening.siblings {
        let grace = terms::entitlements(ctx, &catalogue, sibling)?.times.revocation_grace;
        let how = Revocation {
            by: caller.actor.name(),
            reason: Some(reason.clone()),
            grace_until: grace::end(grace, moment.now),
            superseded_by: Some(opening.license.id),
        };
        let Next::Changed(revoked) = lifecycle::revoke(sibling.clone(), how, moment.now) else { continue };
        let told = standing::revoked(&revoked);
        write(tx, moment, caller, revoked, told).await?;
    }
    revocations::raise_generation(tx, moment).await
}
