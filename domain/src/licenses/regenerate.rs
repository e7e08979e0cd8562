//! Signing afresh without changing the licence: one token for each active machine, for somebody
//! else to deliver. It is no contact of the machine, and rotates no nonce.

use std::collections::HashSet;
use std::sync::Arc;

use licentia_entity::{activation, consumer_key, license};
use licentia_types::activations::ConsumerKeyAlg;
use licentia_types::drift::{RegenerateResponse, RegeneratedToken};
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::licenses::LicenseStatus;
use licentia_types::time::Timestamp;
use licentia_types::tokens::{ClaimSet, LicenseClaims, TokenTyp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::LicenseError;
use super::grants::Granted;
use super::live_tokens::{self, Signing};
use super::{Told, locked, rules, store, tell};
use crate::actors::Caller;
use crate::context::{Context, compute};
use crate::events::Kind;
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::signing_keys::SigningKey;
use crate::tiers::Times;
use crate::tokens::{self, Bearer, Recipient, Window};
use crate::{catalog, once, products, revocations, status_lists};

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
    if let Some(before) = once::answered::<Decided>(caller)? {
        return again(ctx, caller, id, before).await;
    }
    let moment = ctx.moment();
    let signing_key = ctx.token_key(moment.now).await?;
    let tx = once::begin(ctx, caller).await?;
    let license = locked(&tx, caller.actor.scope(), id, None).await?;
    let product = products::store::find_unchanging(&tx, license.product_id).await?;
    let product = product.ok_or(Failure::Corrupt("product"))?;
    let catalogue = catalog::load(&tx, product.id).await?;
    let granted = Granted::of(ctx, license, product, &catalogue)?;
    let (license, times) = (&granted.license, granted.entitlements.times);
    let end = tokens::license_end(license.expires_at, times);
    let window = Window::at(moment.now, times, end, ctx.settings.backdate);
    let window = window.filter(|_| is_worth_a_token(license, moment.now));
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
    let told = Told {
        action: "license.regenerated",
        event: Some(Kind::LicenseRegenerated),
        detail: json!({"tokens": ids.len()}),
    };
    tell(&tx, &moment, caller, license, told).await?;
    revocations::raise_generation(&tx, &moment).await?;

    let fresh = Fresh { set: Arc::clone(&granted.claim_set), window, times, end };
    let tokens =
        machines.iter().map(|machine| fresh.unsigned(ctx, machine)).collect::<Result<_, Failure>>()?;
    let decided = Decided { typ: granted.product.token_typ, tokens };
    once::commit(ctx, &moment, caller, tx, &decided).await?;
    signed(ctx, signing_key, decided).await
}

/// Signs again what was decided before, as far as it is still worth a token.
async fn again(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    before: Decided,
) -> Result<RegenerateResponse, LicenseError> {
    let now = ctx.moment().now;
    let license = store::find(&ctx.db, caller.actor.scope(), id).await?.ok_or(LicenseError::NotFound)?;
    if !is_worth_a_token(&license, now) {
        return Err(LicenseError::NoToken);
    }
    let live = live_tokens::live_tokens(&ctx.db, id, now).await?;
    let live: HashSet<ActivationId> = live.into_iter().map(|token| token.activation).collect();
    let still = |token: &Unsigned| live.contains(&token.claims.activation_id);
    let tokens = before.tokens.into_iter().filter(still).collect();
    let signing_key = ctx.token_key(now).await?;
    signed(ctx, signing_key, Decided { tokens, ..before }).await
}

fn is_worth_a_token(license: &license::Model, now: Timestamp) -> bool {
    matches!(rules::status(license, now), LicenseStatus::Active | LicenseStatus::Expired)
}

/// Signs what was decided, after the commit.
async fn signed(
    ctx: &Context,
    key: Arc<SigningKey>,
    decided: Decided,
) -> Result<RegenerateResponse, LicenseError> {
    let Decided { typ, tokens } = decided;
    if let Some(latest) = tokens.iter().map(|token| token.claims.stale_until).max() {
        key.reserve(&ctx.db, Timestamp::from_seconds(latest)).await?;
    }
    let thumbprints =
        tokens.iter().filter_map(|token| Some(token.consumer_key.as_ref()?.0.clone())).collect();
    let rows = live_tokens::consumer_keys(&ctx.db, thumbprints).await?;
    let recipient = |token: Unsigned| {
        let recipient = token.consumer_key.map(|key| recipient(ctx, &rows, &key)).transpose()?;
        Ok((token.claims, recipient))
    };
    let tokens = tokens.into_iter().map(recipient).collect::<Result<Vec<_>, Failure>>()?;
    Ok(RegenerateResponse { tokens: compute(move || sign(&key, typ, tokens)).await?? })
}

/// What is to be signed.
#[derive(Serialize, Deserialize)]
struct Decided {
    typ: TokenTyp,
    tokens: Vec<Unsigned>,
}

/// What the fresh tokens have in common.
struct Fresh {
    set: Arc<ClaimSet>,
    window: Window,
    times: Times,
    end: Option<Timestamp>,
}

/// A token before its signature, and the consumer's key that it is encrypted to.
#[derive(Serialize, Deserialize)]
struct Unsigned {
    claims: LicenseClaims,
    consumer_key: Option<(String, ConsumerKeyAlg)>,
}

impl Fresh {
    fn unsigned(&self, ctx: &Context, machine: &activation::Model) -> Result<Unsigned, Failure> {
        let nonce = Chain::of(machine)?.nonce();
        let bearer = Bearer { activation: machine, nonce };
        let claims = tokens::claims_afresh(ctx, Arc::clone(&self.set), self.window_of(machine), bearer);
        let algorithm = machine.consumer_key_alg.unwrap_or_default();
        Ok(Unsigned { claims, consumer_key: machine.consumer_key.clone().map(|key| (key, algorithm)) })
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

/// The consumer's key that a token is encrypted to.
fn recipient(
    ctx: &Context,
    rows: &[consumer_key::Model],
    (thumbprint, algorithm): &(String, ConsumerKeyAlg),
) -> Result<Recipient, Failure> {
    let row = rows.iter().find(|row| row.thumbprint == *thumbprint);
    Recipient::open(ctx, row.ok_or(Failure::Corrupt("consumer key"))?, *algorithm)
}

fn sign(
    key: &SigningKey,
    typ: TokenTyp,
    unsigned: Vec<(LicenseClaims, Option<Recipient>)>,
) -> Result<Vec<RegeneratedToken>, Failure> {
    let signed = unsigned.into_iter().map(|(claims, recipient)| {
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
