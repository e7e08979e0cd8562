//! Signing afresh without changing the licence: one token for each active machine, for somebody
//! else to deliver. It is no contact of the machine, and rotates no nonce.

use std::collections::HashMap;
use std::sync::Arc;

use licentia_entity::{activation, consumer_key};
use licentia_types::drift::{RegenerateResponse, RegeneratedToken};
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::licenses::LicenseStatus;
use licentia_types::time::Timestamp;
use licentia_types::tokens::{ClaimSet, LicenseClaims, TokenTyp};
use serde_json::json;

use super::error::LicenseError;
use super::grants::Granted;
use super::live_tokens::{self, Signing};
use super::{Told, locked, rules, tell};
use crate::actors::Caller;
use crate::context::{Context, compute};
use crate::database::Lane;
use crate::events::Kind;
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::signing_keys::SigningKey;
use crate::tiers::Times;
use crate::tokens::{self, Bearer, Recipient, Window};
use crate::{catalog, products, revocations, status_lists};

/// Most machines whose tokens are signed at once.
const MOST: usize = 1_000;

/// Signs one token afresh for each active machine of a licence. The former tokens turn invalid in the
/// status lists at the machine's next heartbeat, or when they end.
///
/// # Errors
/// When there is no such licence, it is worth no token, or it has too many machines.
pub async fn regenerate(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
) -> Result<RegenerateResponse, LicenseError> {
    let moment = ctx.moment();
    let signing_key = ctx.token_key(moment.now).await?;
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let license = locked(&tx, caller.actor.scope(), id, None).await?;
    let product = products::store::find_unchanging(&tx, license.product_id).await?;
    let product = product.ok_or(Failure::Corrupt("product"))?;
    let catalogue = catalog::load(&tx, product.id).await?;
    let granted = Granted::of(ctx, license, product, &catalogue)?;
    let (license, times) = (&granted.license, granted.entitlements.times);
    let end = tokens::license_end(license.expires_at, times);
    let status = rules::status(license, moment.now);
    let worth_a_token = matches!(status, LicenseStatus::Active | LicenseStatus::Expired);
    let window = Window::at(moment.now, times, end, ctx.settings.backdate).filter(|_| worth_a_token);
    let window = window.ok_or(LicenseError::NoToken)?;

    let most = u64::try_from(MOST).unwrap_or(u64::MAX).saturating_add(1);
    let machines = live_tokens::hold_active(&tx, license.id, moment.now, most).await?;
    if machines.len() > MOST {
        return Err(LicenseError::TooManyMachines { most: MOST });
    }
    let ids: Vec<ActivationId> = machines.iter().map(|machine| machine.id).collect();
    let claim_set = tokens::keep_claim_set(&tx, ctx, &moment, &granted).await?;
    // While the rows still tell when the former tokens end.
    status_lists::replace_places(&tx, license.id, &ids).await?;
    let signing =
        Signing { claim_set, kid: signing_key.kid(), issued: window.issued, expires: window.expires };
    live_tokens::write_tokens(&tx, license.id, &ids, &signing).await?;
    let machines = live_tokens::read_again(&tx, license.id, &ids).await?;
    let mut recipients = recipients(ctx, &live_tokens::consumer_keys(&tx, &machines).await?, &machines)?;
    let told = Told {
        action: "license.regenerated",
        event: Some(Kind::LicenseRegenerated),
        detail: json!({"tokens": ids.len()}),
    };
    tell(&tx, &moment, caller, license, told).await?;
    revocations::raise_generation(&tx, &moment).await?;
    tx.commit().await?;

    let fresh = Fresh { set: Arc::clone(&granted.claim_set), window, times, end };
    let unsigned = machines
        .iter()
        .map(|machine| fresh.unsigned(ctx, machine, &mut recipients))
        .collect::<Result<Vec<_>, Failure>>()?;
    let latest = unsigned.iter().map(|token| token.claims.stale_until).max();
    signing_key.reserve(&ctx.db, latest.map_or(window.expires, Timestamp::from_seconds)).await?;
    let typ = granted.product.token_typ;
    Ok(RegenerateResponse { tokens: compute(move || sign(&signing_key, typ, unsigned)).await?? })
}

/// What the fresh tokens have in common.
struct Fresh {
    set: Arc<ClaimSet>,
    window: Window,
    times: Times,
    end: Option<Timestamp>,
}

/// A token before its signature.
struct Unsigned {
    claims: LicenseClaims,
    recipient: Option<Recipient>,
}

impl Fresh {
    fn unsigned(
        &self,
        ctx: &Context,
        machine: &activation::Model,
        recipients: &mut HashMap<ActivationId, Recipient>,
    ) -> Result<Unsigned, Failure> {
        let nonce = Chain::of(machine)?.nonce();
        let bearer = Bearer { activation: machine, nonce };
        let claims = tokens::claims_afresh(ctx, Arc::clone(&self.set), self.window_of(machine), bearer);
        Ok(Unsigned { recipient: recipients.remove(&machine.id), claims })
    }

    /// How long a machine may go on alone counts from its last contact, which this is not.
    fn window_of(&self, machine: &activation::Model) -> Window {
        let alone = machine.last_contact_at + self.times.offline_grace;
        let alone = Timestamp::from_seconds(self.end.map_or(alone, |end| alone.min(end)).seconds());
        let expires = machine.token_exp;
        let stale_until = if machine.lease_until.is_some() { expires } else { alone.max(expires) };
        Window { expires, stale_until, ..self.window }
    }
}

/// The consumers' keys of the machines that have one.
fn recipients(
    ctx: &Context,
    keys: &[consumer_key::Model],
    machines: &[activation::Model],
) -> Result<HashMap<ActivationId, Recipient>, Failure> {
    let open = |machine: &activation::Model| {
        let thumbprint = machine.consumer_key.as_ref()?;
        let row =
            keys.iter().find(|row| row.thumbprint == *thumbprint).ok_or(Failure::Corrupt("consumer key"));
        let algorithm = machine.consumer_key_alg.unwrap_or_default();
        Some(row.and_then(|row| Ok((machine.id, Recipient::open(ctx, row, algorithm)?))))
    };
    machines.iter().filter_map(open).collect()
}

fn sign(key: &SigningKey, typ: TokenTyp, unsigned: Vec<Unsigned>) -> Result<Vec<RegeneratedToken>, Failure> {
    let signed = unsigned.into_iter().map(|Unsigned { claims, recipient }| {
        let packed = tokens::mint(key, typ, &claims, recipient.as_ref())?;
        Ok(RegeneratedToken {
            activation_id: claims.activation_id,
            token: packed.token,
            token_type: packed.token_type,
            expires_at: Timestamp::from_seconds(claims.exp),
        })
    });
    signed.collect()
}
