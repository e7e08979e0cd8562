//! One of our tokens, explained: what it says, who signed it, whether it is still what the machine
//! would be given.

use licentia_crypto::armour::unarmour;
use licentia_crypto::rsa_keys::RsaPublicKey;
use licentia_entity::signing_key::{self, Purpose};
use licentia_entity::{activation, consumer_key};
use licentia_types::activations::ACTIVATION_PROOF_TYP;
use licentia_types::inspection::{
    InspectRequest, InspectResponse, InspectedKey, InspectedMachine, InspectedTimes, InspectedType,
    TimeStanding,
};
use licentia_types::license_files::{FILE_LABEL, LICENSE_FILE_TYP};
use licentia_types::problems::ProblemCode;
use licentia_types::revocation::REVOCATION_LIST_TYP;
use licentia_types::signing_keys::SigningKeyState;
use licentia_types::status_lists::STATUS_LIST_TYP;
use licentia_types::time::Timestamp;
use licentia_types::tokens::LicenseClaims;
use sea_orm::{ColumnTrait, EntityTrait};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::drift;
use super::token_id::TokenId;
use super::verification::{EncryptedHeader, NotOurs, Parsed, Signed, TokenFault, parse};
use crate::actors::Caller;
use crate::context::Context;
use crate::failure::{Failure, failed_from};
use crate::heartbeats::chain::Chain;
use crate::licenses::{self, terms};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::{activations, catalog, products, signing_keys, status_lists};

/// What we sign beside licence tokens, by `typ`.
const DOCUMENTS: [(&str, InspectedType); 6] = [
    ("grace+jwt", InspectedType::Grace),
    (LICENSE_FILE_TYP, InspectedType::LicenseFile),
    (ACTIVATION_PROOF_TYP, InspectedType::ActivationProof),
    (STATUS_LIST_TYP, InspectedType::StatusList),
    (REVOCATION_LIST_TYP, InspectedType::RevocationList),
    ("audit-checkpoint+jwt", InspectedType::AuditCheckpoint),
];
/// What the audience of every such document begins with.
const AUDIENCE: &str = "urn:licentia:";

/// Why a token was not explained.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// Forged, or somebody else's.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(InspectionError);

impl From<TokenFault> for InspectionError {
    fn from(fault: TokenFault) -> Self {
        Self::NotOurs(fault.into())
    }
}

impl Refusal for InspectionError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotOurs(_) => ProblemCode::TokenInvalid,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn reasons(&self) -> Vec<String> {
        match self {
            Self::NotOurs(not_ours) => vec![not_ours.word().to_owned()],
            Self::Failed(_) => Vec::new(),
        }
    }
}

/// The claims that every document has. One that stands there twice is refused.
#[derive(Deserialize)]
struct DocumentClaims {
    iss: String,
    aud: String,
    iat: Option<i64>,
    exp: i64,
}

/// Explains a token that this server signed, whether or not it has ended.
///
/// # Errors
/// When it is not one of ours.
pub async fn inspect(
    ctx: &Context,
    caller: &Caller,
    request: InspectRequest,
) -> Result<InspectResponse, InspectionError> {
    let now = ctx.moment().now;
    // A licence file is pasted as it is.
    let text = request.token.expose();
    let file = unarmour(FILE_LABEL, text).ok();
    match parse(file.as_deref().unwrap_or(text))? {
        Parsed::Encrypted(header) => encrypted(ctx, caller.actor.scope(), &header).await,
        Parsed::Signed(signed) if signed.header.is_of_license() => {
            license_token(ctx, caller.actor.scope(), &signed, now).await
        }
        Parsed::Signed(signed) => document(ctx, &signed, now).await,
    }
}

/// Only the consumer can open it; that it is meant for one of ours is all that can be told.
async fn encrypted(
    ctx: &Context,
    scope: Scope,
    header: &EncryptedHeader,
) -> Result<InspectResponse, InspectionError> {
    let known = match scope {
        Scope::Everything => {
            consumer_key::Entity::find_by_id(header.kid.clone()).one(&ctx.db).await?.is_some()
        }
        within => {
            let to_key = activation::Column::ConsumerKey.eq(header.kid.clone());
            !activations::store::matching(&ctx.db, within, to_key, 1).await?.is_empty()
        }
    };
    if !known {
        return Err(TokenFault::UnknownKey.into());
    }
    Ok(InspectResponse {
        kind: InspectedType::EncryptedLicenseToken,
        header: members(header)?,
        claims: None,
        key: None,
        times: None,
        machine: None,
    })
}

async fn license_token(
    ctx: &Context,
    scope: Scope,
    signed: &Signed<'_>,
    now: Timestamp,
) -> Result<InspectResponse, InspectionError> {
    let key = Key::find(ctx, signed, &[Purpose::Token], now).await?;
    let claims: LicenseClaims = signed.claims(&key.verifying)?;
    expect_issuer(ctx, &claims.set.iss)?;
    let stale_until = Timestamp::from_seconds(claims.stale_until);
    let times = InspectedTimes {
        issued_at: Some(Timestamp::from_seconds(claims.iat)),
        refresh_after: Some(Timestamp::from_seconds(claims.refresh_after)),
        stale_until: Some(stale_until),
        ..times(claims.nbf, claims.exp, Some(stale_until), now)
    };
    // Whatever it says: all that the key signed has ended.
    let ended = key.shown.state == SigningKeyState::Retired;
    let standing = if ended { TimeStanding::Ended } else { times.standing };
    let times = InspectedTimes { standing, ..times };
    Ok(InspectResponse {
        kind: InspectedType::LicenseToken,
        header: members(&signed.header)?,
        claims: Some(signed.claims(&key.verifying)?),
        machine: machine(ctx, scope, &claims, now).await?,
        times: Some(times),
        key: Some(key.shown),
    })
}

async fn document(
    ctx: &Context,
    signed: &Signed<'_>,
    now: Timestamp,
) -> Result<InspectResponse, InspectionError> {
    let known = DOCUMENTS.iter().find(|(typ, _)| *typ == signed.header.typ);
    let (_, kind) = known.ok_or(TokenFault::Header)?;
    let key = Key::find(ctx, signed, &[Purpose::Document, Purpose::Token], now).await?;
    let claims: DocumentClaims = signed.claims(&key.verifying)?;
    expect_issuer(ctx, &claims.iss)?;
    if !claims.aud.starts_with(AUDIENCE) {
        return Err(TokenFault::Audience.into());
    }
    Ok(InspectResponse {
        kind: *kind,
        header: members(&signed.header)?,
        claims: Some(signed.claims(&key.verifying)?),
        times: Some(InspectedTimes {
            issued_at: claims.iat.map(Timestamp::from_seconds),
            ..times(claims.iat.unwrap_or(i64::MIN), claims.exp, None, now)
        }),
        key: Some(key.shown),
        machine: None,
    })
}

fn expect_issuer(ctx: &Context, issuer: &str) -> Result<(), TokenFault> {
    if issuer == ctx.settings.issuer { Ok(()) } else { Err(TokenFault::Issuer) }
}

fn members(header: &impl Serialize) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(header) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Failure::Corrupt("header")),
    }
}

/// What holds by the clock alone.
fn times(from: i64, end: i64, stale_until: Option<Timestamp>, now: Timestamp) -> InspectedTimes {
    let standing = if now.seconds() < from {
        TimeStanding::NotYetValid
    } else if now.seconds() < end {
        TimeStanding::Good
    } else if stale_until.is_some_and(|stale_until| now < stale_until) {
        TimeStanding::Stale
    } else {
        TimeStanding::Ended
    };
    InspectedTimes {
        standing,
        issued_at: None,
        expires_at: Timestamp::from_seconds(end),
        expires_in: end.saturating_sub(now.seconds()),
        refresh_after: None,
        stale_until: None,
    }
}

/// A key that may have signed.
struct Key {
    verifying: jsonwebtoken::DecodingKey,
    shown: InspectedKey,
}

impl Key {
    /// The key that a header names. One that was revoked may have signed for anybody.
    async fn find(
        ctx: &Context,
        signed: &Signed<'_>,
        purposes: &[Purpose],
        now: Timestamp,
    ) -> Result<Self, InspectionError> {
        let row = signing_key::Entity::find_by_id(signed.header.kid.clone()).one(&ctx.db).await?;
        let row = row.filter(|row| purposes.contains(&row.purpose)).ok_or(TokenFault::UnknownKey)?;
        if row.revoked_at.is_some() {
            return Err(TokenFault::RevokedKey.into());
        }
        let public = RsaPublicKey::from_spki_der(&row.public_spki).map_err(Failure::from)?;
        Ok(Self {
            verifying: jsonwebtoken::DecodingKey::from_rsa_raw_components(public.n(), public.e()),
            shown: InspectedKey { state: signing_keys::state(&row, now), kid: row.kid },
        })
    }
}

async fn machine(
    ctx: &Context,
    scope: Scope,
    claims: &LicenseClaims,
    now: Timestamp,
) -> Result<Option<InspectedMachine>, InspectionError> {
    let Some(machine) = activations::store::find(&ctx.db, scope, claims.activation_id).await? else {
        return Ok(None);
    };
    let license = licenses::store::find(&ctx.db, Scope::License(machine.license_id), machine.license_id)
        .await?
        .ok_or(Failure::Corrupt("licence"))?;
    let product = products::store::get(&ctx.db, license.product_id).await?;
    if claims.set.aud != product.slug.as_str() {
        return Err(TokenFault::Audience.into());
    }
    let catalogue = catalog::load(&ctx.db, product.id).await?;
    let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
    let set = entitlements.claim_set(&ctx.settings.issuer, &license, &product);
    let status = match &claims.status {
        Some(status) => status_lists::value(ctx, &ctx.db, &status.status_list, now).await?,
        None => None,
    };
    Ok(Some(InspectedMachine {
        license_id: license.id,
        activation_id: machine.id,
        newest: is_newest(claims, &machine)?,
        drift: drift::between(&claims.set, &set)?,
        status,
    }))
}

/// Whether nothing was signed for the machine since.
fn is_newest(claims: &LicenseClaims, machine: &activation::Model) -> Result<bool, Failure> {
    let nonce = Chain::of(machine)?.nonce();
    let place = claims.status.as_ref().map(|status| &status.status_list);
    let named = |afresh| claims.jti == TokenId { activation: machine.id, nonce, afresh }.to_string();
    Ok(claims.iat == machine.token_iat.seconds() && (named(None) || named(place)))
}
