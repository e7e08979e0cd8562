//! Renewing a licence: by what is asked for, or by one more of its own term.

use licentia_entity::license;
use licentia_types::ids::LicenseId;
use licentia_types::licenses::{LicenseResponse, RenewLicenseRequest, Term};
use serde_json::json;

use super::error::LicenseError;
use super::lifecycle::{self, Renewal};
use super::{Told, locked, terms, view, write};
use crate::actors::Caller;
use crate::context::Context;
use crate::events::Kind;
use crate::failure::Failure;
use crate::tiers::Catalogue;
use crate::{catalog, once};

/// Lets a licence run for longer, from its expiry, or from now when it has lapsed. One on hold
/// stays on hold.
///
/// # Errors
/// When there is none, `expected` is not its version, it was revoked or never expires, or nothing
/// says for how long.
pub async fn renew(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    expected: Option<i64>,
    command: RenewLicenseRequest,
) -> Result<LicenseResponse, LicenseError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let before = locked(&tx, caller.actor.scope(), id, expected).await?;
    let former = lifecycle::renewable(&before)?;
    let catalogue = catalog::load(&tx, before.product_id).await?;
    let renewal = renewal(&catalogue, &before, &command)?;
    let after = lifecycle::renew(before, renewal, moment.now)?;
    let told = Told {
        action: "license.renewed",
        event: Some(Kind::LicenseRenewed),
        detail: json!({"before": former, "after": after.expires_at}),
    };
    let license = write(&tx, &moment, caller, after, told).await?;
    let shown = view::render(ctx, &tx, license, moment.now).await?;
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

fn renewal(
    catalogue: &Catalogue,
    license: &license::Model,
    command: &RenewLicenseRequest,
) -> Result<Renewal, LicenseError> {
    let tier = catalogue.tiers.iter().find(|tier| tier.id == license.tier_id);
    let tier = tier.ok_or(Failure::Corrupt("tier"))?;
    let only_period = || match tier.billing_periods.0.iter().collect::<Vec<_>>().as_slice() {
        [period] => Some(Term::Months(period.months())),
        _ => None,
    };
    Ok(match (command.expires_at, command.valid_days, command.billing_period) {
        (Some(at), None, None) => Renewal::Until(at),
        (None, Some(days), None) => Renewal::By(terms::term_of_days(days)?),
        (None, None, Some(period)) => Renewal::By(terms::term_of_period(tier, period)?),
        (None, None, None) => {
            let term = terms::own_term(license).or_else(only_period);
            Renewal::By(term.ok_or(LicenseError::TermUnknown)?)
        }
        _ => return Err(LicenseError::ExpiryTwice),
    })
}
