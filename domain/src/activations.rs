//! Activations: machines that hold the seats of a licence.
//!
//! A seat is claimed by one conditional UPDATE under the licence's row lock, in the transaction
//! that writes the machine's row. The same machine again takes no second seat: it starts a new
//! epoch of its nonce chain.

use licentia_entity::activation;
use licentia_types::activations::{
    ActivationResponse, ActivationStatus, Liveness, StatusRequest, StatusResponse, TokenType,
};
use licentia_types::ids::ActivationId;
use licentia_types::pages::PageResponse;
use licentia_types::seats::Seats;

use crate::catalog;
use crate::context::Context;
use crate::licenses::{self, terms};
use crate::pages::{PageError, PageQuery};
use crate::scope::Scope;

pub use activate::{Activated, activate};
pub(crate) use binding::parse_key;
pub use deactivate::deactivate;
pub use error::ActivationError;
pub use rules::{liveness, release_budget};
pub use store::ActivationFilter;

mod activate;
mod binding;
mod deactivate;
mod error;
mod identify;
mod rules;
mod seats;
pub(crate) mod store;

/// An activation as the API shows it.
#[must_use]
pub fn render(activation: activation::Model) -> ActivationResponse {
    ActivationResponse {
        id: activation.id,
        license_id: activation.license_id,
        status: activation.status,
        fingerprint: activation.fingerprint,
        hostname: activation.hostname,
        ip: activation.ip,
        environment: activation.environment,
        product_version: activation.product_version,
        user_ref: activation.user_ref,
        tenant_ref: activation.tenant_ref,
        token_type: if activation.consumer_key.is_some() { TokenType::Jwe } else { TokenType::Jwt },
        holds_seat: activation.holds_seat,
        seat_frees_at: activation.seat_frees_at,
        last_contact_at: activation.last_contact_at,
        clone_suspected_at: activation.clone_suspected_at,
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
    Ok(store::list(&ctx.db, scope, filter, query).await?.map(render))
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
    store::find(&ctx.db, scope, id).await?.map(render).ok_or(ActivationError::NotFound)
}

/// The standing of a machine, asked for by licence key; rotates nothing, records nothing.
///
/// # Errors
/// When the key has a typing error, or no licence has it.
pub async fn status(ctx: &Context, request: StatusRequest) -> Result<StatusResponse, ActivationError> {
    let now = ctx.moment().now;
    let key = parse_key(&request.license_key)?;
    let digest = licenses::keys::digest(ctx, &key);
    let license = licenses::store::find_by_key(&ctx.db, digest).await?.ok_or(ActivationError::KeyUnknown)?;
    let scope = Scope::License(license.id);
    let catalogue = catalog::load(&ctx.db, license.product_id).await?;
    let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
    let activation = store::find_machine(&ctx.db, scope, &request.fingerprint).await?;
    let due = store::seats_due(&ctx.db, &[license.id], now).await?.remove(&license.id).unwrap_or_default();
    let alive = activation
        .as_ref()
        .filter(|activation| activation.status == ActivationStatus::Active)
        .map(|activation| liveness(activation.last_contact_at, now, entitlements.times));
    Ok(StatusResponse {
        license_status: licenses::status(&license, now),
        expires_at: license.expires_at,
        activation_id: activation.as_ref().map(|activation| activation.id),
        activation_status: activation.map(|activation| activation.status),
        liveness: alive,
        seats: Seats {
            used: u32::try_from(license.seats_used).unwrap_or_default().saturating_sub(due),
            limit: entitlements.limits.max_activations,
        },
    })
}

/// The word for a liveness, for the audit log.
pub(crate) const fn liveness_word(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Active => "active",
        Liveness::Grace => "grace",
        Liveness::GraceExpired => "grace_expired",
    }
}
