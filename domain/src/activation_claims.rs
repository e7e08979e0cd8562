//! Activation claims: machines that wait until somebody lets them in.
//!
//! A claim keeps what the machine asked for, sealed, and its approval activates exactly that, as if the
//! machine had come then: it takes no seat before, and a seat is not certain after. It lives for fifteen
//! minutes, decided or not, and ends with the key that it was made with. What the machine holds is a secret
//! that is known to nobody else: whoever knows licence key and fingerprint can wait beside a machine, and
//! can neither take its place nor push it out.

use licentia_entity::{activation_claim, license};
use licentia_types::activation_claims::{ActivationClaimResponse, ActivationClaimStatus, AwaitedClaim};
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use serde_json::json;

use crate::actors::Caller;
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::events::{self, Kind};
use crate::failure::Failure;
use crate::pages::{PageError, PageQuery};
use crate::scope::Scope;

pub(crate) use ask::{Asked, NoRoom, ask};
pub(crate) use decide::reject_open;
pub use decide::{approve, reject};
pub use error::ActivationClaimError;
pub use poll::poll;
pub use store::ActivationClaimFilter;
pub(crate) use store::is_rejected;
pub(crate) use taken_up::taken_up;

mod ask;
mod decide;
mod error;
mod poll;
mod request;
mod rules;
mod secrets;
mod store;
mod taken_up;

/// A page of claims.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    filter: &ActivationClaimFilter,
    query: &PageQuery,
) -> Result<PageResponse<ActivationClaimResponse>, PageError> {
    let now = ctx.moment().now;
    let page = store::list(&ctx.db, scope, filter, query, now).await?;
    Ok(page.map(|claim| render(claim, now)))
}

/// A claim as the API shows it to whoever decides, at `now`.
fn render(claim: activation_claim::Model, now: Timestamp) -> ActivationClaimResponse {
    ActivationClaimResponse {
        status: rules::status(&claim, now),
        requests: secrets::count(&claim),
        id: claim.id,
        license_id: claim.license_id,
        kind: claim.kind,
        activation_id: claim.activation_id,
        fingerprint: claim.fingerprint,
        instance: claim.instance,
        hostname: claim.hostname,
        ip: claim.ip,
        environment: claim.environment,
        product_version: claim.product_version,
        user_ref: claim.user_ref,
        tenant_ref: claim.tenant_ref,
        requested_at: claim.requested_at,
        expires_at: claim.expires_at,
        decided_at: claim.decided_at,
        activated_at: claim.activated_at,
    }
}

/// A claim as the machine sees it that waits.
fn awaited(claim: &activation_claim::Model, secret: Option<String>) -> AwaitedClaim {
    AwaitedClaim {
        id: claim.id,
        secret,
        kind: claim.kind,
        status: ActivationClaimStatus::Pending,
        expires_at: claim.expires_at,
        poll_after_seconds: rules::POLL_AFTER.get(),
    }
}

/// What became of claims of a licence: the same of each.
struct Told<'a> {
    kind: Kind,
    license: &'a license::Model,
    claims: &'a [activation_claim::Model],
}

/// Writes it into the audit log, and tells others: by the same name, with the same detail.
async fn tell(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    Told { kind, license, claims }: Told<'_>,
) -> Result<(), Failure> {
    let detail = |claim: &activation_claim::Model| json!({"kind": claim.kind, "activationId": claim.activation_id, "expiresAt": claim.expires_at});
    let written = claims
        .iter()
        .map(|claim| audit::Event::new(kind.as_str(), &claim.id, detail(claim)).of_license(license.id));
    audit::record_all(tx, moment, caller, written.collect()).await?;
    let told =
        claims.iter().map(|claim| events::Event::new(kind, &claim.id, detail(claim)).of_license(license));
    events::record_all(tx, moment, told.collect()).await
}
