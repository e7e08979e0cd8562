//! What the live tokens of a licence say, beside what would be issued now: for encrypted ones as
//! well, as every claim set is kept.

use std::collections::{HashMap, HashSet};

use licentia_types::activations::TokenType;
use licentia_types::drift::{Drift, DriftResponse, MachineDrift};
use licentia_types::ids::LicenseId;

use super::error::LicenseError;
use super::live_tokens::{LiveToken, live_tokens};
use super::{rules, store, terms};
use crate::actors::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::tokens;
use crate::{catalog, products};

/// Most machines that one answer tells of.
const MOST: usize = 1_000;

/// Compares every live token of a licence with what would be issued now.
///
/// # Errors
/// When there is no such licence.
pub async fn audit(ctx: &Context, caller: &Caller, id: LicenseId) -> Result<DriftResponse, LicenseError> {
    let now = ctx.moment().now;
    let license = store::find(&ctx.db, caller.actor.scope(), id).await?.ok_or(LicenseError::NotFound)?;
    let product = products::store::get(&ctx.db, license.product_id).await?;
    let catalogue = catalog::load(&ctx.db, product.id).await?;
    let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
    let present = entitlements.claim_set(&ctx.settings.issuer, &license, &product);

    let live = live_tokens(&ctx.db, license.id, now).await?;
    let kept: HashSet<i64> = live.iter().map(|token| token.claim_set).collect();
    let issued = tokens::open_claim_sets(&ctx.db, ctx, kept).await?;
    let drifts: HashMap<i64, Vec<Drift>> = issued
        .into_iter()
        .map(|(id, set)| Ok((id, tokens::drift::between(&set, &present)?)))
        .collect::<Result<_, Failure>>()?;

    let all = live.into_iter().map(|token| render(token, &drifts)).collect::<Result<Vec<_>, Failure>>()?;
    let live_tokens = count(all.len())?;
    let (drifted, well): (Vec<_>, Vec<_>) = all.into_iter().partition(|machine| !machine.drift.is_empty());
    Ok(DriftResponse {
        license_status: rules::status(&license, now),
        live_tokens,
        drifted: count(drifted.len())?,
        machines: drifted.into_iter().chain(well).take(MOST).collect(),
    })
}

fn count(number: usize) -> Result<u64, Failure> {
    u64::try_from(number).map_err(|_| Failure::Corrupt("number of tokens"))
}

fn render(token: LiveToken, drifts: &HashMap<i64, Vec<Drift>>) -> Result<MachineDrift, Failure> {
    Ok(MachineDrift {
        activation_id: token.activation,
        token_type: if token.encrypted { TokenType::Jwe } else { TokenType::Jwt },
        kid: token.kid,
        issued_at: token.issued,
        expires_at: token.expires,
        drift: drifts.get(&token.claim_set).ok_or(Failure::Corrupt("claim set"))?.clone(),
    })
}
