//! Activations: machines that hold the seats of a licence.
//!
//! A seat is claimed by one conditional UPDATE under the licence's row lock, in the transaction
//! that writes the machine's row. The same machine again takes no second seat: it starts a new
//! epoch of its nonce chain.

use licentia_entity::{activation, license};
use licentia_types::activations::{
    ActivationResponse, ActivationStatus, Liveness, StatusRequest, StatusResponse, TokenType,
};
use licentia_types::ids::ActivationId;
use licentia_types::pages::PageResponse;
use licentia_types::seats::Seats;
use licentia_types::time::Timestamp;
use serde_json::Value;

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::events::{self, Kind};
use crate::failure::Failure;
use crate::licenses::{self, terms};
use crate::pages::{PageError, PageQuery};
use crate::scope::Scope;
use crate::{audit, catalog};

pub(crate) use activate::activate_claimed;
pub use activate::{Admission, activate};
pub(crate) use arrivals::Arrivals;
pub use arrivals::{pending, serve};
pub(crate) use binding::{keep_consumer_key, parse_key};
pub use bound::Activated;
pub use deactivate::deactivate;
pub use error::ActivationError;
pub(crate) use identify::{blank, expect_unblocked};
pub(crate) use lapse::lapse_floating;
pub use revoke::{revoke, unblock};
pub use rules::liveness;
pub(crate) use rules::{has_file, hold_lease, liveness_of, status as status_at};
pub use store::ActivationFilter;

mod activate;
mod arrivals;
mod binding;
mod bound;
mod deactivate;
mod error;
mod grant;
pub(crate) mod holders;
mod identify;
pub(crate) mod imported;
mod lapse;
pub(crate) mod machine_row;
mod pass;
mod places;
mod proof;
pub(crate) mod reactivations;
mod revoke;
mod rules;
pub(crate) mod seats;
pub(crate) mod store;

/// An activation as the API shows it at `now`: one whose lease has ended has no place any more, even
/// before that is written down.
#[must_use]
pub fn render(activation: activation::Model, now: Timestamp) -> ActivationResponse {
    let status = status_at(&activation, now);
    let lapsed = status == ActivationStatus::Lapsed;
    ActivationResponse {
        id: activation.id,
        license_id: activation.license_id,
        status,
        fingerprint: activation.fingerprint,
        instance: activation.instance,
        kind: activation.kind,
        hostname: activation.hostname,
        ip: activation.ip,
        environment: activation.environment,
        product_version: activation.product_version,
        user_ref: activation.user_ref,
        tenant_ref: activation.tenant_ref,
        token_type: if activation.consumer_key.is_some() { TokenType::Jwe } else { TokenType::Jwt },
        holds_seat: activation.holds_seat && !lapsed,
        seat_frees_at: activation.seat_frees_at,
        free_environment: activation.free_environment.filter(|_| !lapsed),
        floating: activation.floating,
        lease_until: activation.lease_until,
        offline_until: activation.offline_until,
        last_contact_at: activation.last_contact_at,
        clone_suspected_at: activation.clone_suspected_at,
        revoked_at: activation.revoked_at,
        revocation_reason: activation.revocation_reason,
        grace_until: activation.grace_until,
        created_at: activation.created_at,
        updated_at: activation.updated_at,
    }
}

/// A page of activations.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    filter: &ActivationFilter,
    query: &PageQuery,
) -> Result<PageResponse<ActivationResponse>, PageError> {
    let now = ctx.moment().now;
    let is_owner = matches!(scope, Scope::Customer(_));
    let page = store::list(&ctx.db, scope, filter, query, now).await?;
    Ok(page.map(|activation| {
        let shown = render(activation, now);
        // What the vendor notes down is for the vendor.
        let revocation_reason = shown.revocation_reason.filter(|_| !is_owner);
        ActivationResponse { revocation_reason, ..shown }
    }))
}

/// One activation.
///
/// # Errors
/// When there is none in `scope`.
pub async fn get(
    ctx: &Context,
    scope: Scope,
    id: ActivationId,
) -> Result<ActivationResponse, ActivationError> {
    let activation = store::find(&ctx.db, scope, id).await?.ok_or(ActivationError::NotFound)?;
    Ok(render(activation, ctx.moment().now))
}

/// The standing of a machine, asked for by licence key; rotates nothing, records nothing.
///
/// # Errors
/// When the key has a typing error, or no licence has it.
pub async fn status(ctx: &Context, request: StatusRequest) -> Result<StatusResponse, ActivationError> {
    let now = ctx.moment().now;
    let key = parse_key(&request.license_key)?;
    let digest = licenses::keys::digest(ctx, &key);
    let license =
        licenses::store::find_by_key(&ctx.db, digest, now).await?.ok_or(ActivationError::KeyUnknown)?;
    let scope = Scope::License(license.id);
    let catalogue = catalog::load(&ctx.db, license.product_id).await?;
    let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
    let (fingerprint, instance) = (&request.fingerprint, request.instance.as_ref());
    let activation = store::find_instance(&ctx.db, scope, fingerprint, instance).await?;
    let due = store::seats_due(&ctx.db, &[license.id], now).await?.remove(&license.id).unwrap_or_default();
    let alive = activation
        .as_ref()
        .filter(|activation| status_at(activation, now) == ActivationStatus::Active)
        .map(|activation| liveness_of(activation, activation.last_contact_at, now, entitlements.times));
    Ok(StatusResponse {
        license_status: licenses::status(&license, now),
        expires_at: license.expires_at,
        activation_id: activation.as_ref().map(|activation| activation.id),
        activation_status: activation.map(|activation| status_at(&activation, now)),
        liveness: alive,
        seats: Seats {
            used: u32::try_from(license.seats_used).unwrap_or_default().saturating_sub(due),
            limit: entitlements.limits.max_activations,
        },
    })
}

/// What became of a machine.
pub(crate) struct Told<'a> {
    pub(crate) kind: Kind,
    pub(crate) machine: ActivationId,
    pub(crate) license: &'a license::Model,
    pub(crate) detail: Value,
}

/// Writes it into the audit log, and tells others: by the same name, with the same detail.
pub(crate) async fn tell(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    told: Told<'_>,
) -> Result<(), Failure> {
    let Told { kind, machine, license, detail } = told;
    let event = audit::Event::new(kind.as_str(), &machine, detail.clone()).of_license(license.id);
    audit::record(tx, moment, caller, event).await?;
    let event = events::Event::new(kind, &machine, detail).of_license(license);
    events::record(tx, moment, event).await
}

/// The word for a liveness, for the audit log.
pub(crate) const fn liveness_word(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Active => "active",
        Liveness::Grace => "grace",
        Liveness::GraceExpired => "grace_expired",
    }
}
