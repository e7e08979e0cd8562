//! Signing a file, once: whoever asks later, or at the same instant, is given the same bytes.

use std::collections::HashMap;
use std::sync::Arc;

use licentia_crypto::armour::armour;
use licentia_entity::{consumer_key, license_file};
use licentia_types::discovery::JwkSet;
use licentia_types::ids::LicenseFileId;
use licentia_types::license_files::{FILE_LABEL, LICENSE_FILE_TYP, LicenseFileClaims, LicenseFileResponse};
use licentia_types::time::Timestamp;
use sea_orm::EntityTrait;

use super::claims::{self, place};
use super::{render, store};
use crate::context::{Context, compute};
use crate::database::Lane;
use crate::failure::Failure;
use crate::signed_lists;
use crate::signing_keys::SigningKey;
use crate::tokens::{self, Recipient};

/// The file with its text, signed now if it was not before. Never inside a transaction.
pub(super) async fn deliver(
    ctx: &Context,
    file: license_file::Model,
) -> Result<LicenseFileResponse, Failure> {
    let delivered = Box::pin(deliver_all(ctx, vec![file])).await?;
    delivered.into_iter().next().ok_or(Failure::Corrupt("licence file"))
}

/// The same for many, in their order.
pub(super) async fn deliver_all(
    ctx: &Context,
    files: Vec<license_file::Model>,
) -> Result<Vec<LicenseFileResponse>, Failure> {
    let unsigned: Vec<&license_file::Model> = files.iter().filter(|file| file.content.is_none()).collect();
    let mut signed = if unsigned.is_empty() { HashMap::new() } else { sign(ctx, &unsigned).await? };
    let deliver = |file: license_file::Model| {
        let file = signed.remove(&file.id).unwrap_or(file);
        let text = text(ctx, &file)?;
        Ok(render(file, Some(text)))
    };
    files.into_iter().map(deliver).collect()
}

fn text(ctx: &Context, file: &license_file::Model) -> Result<String, Failure> {
    let sealed = file.content.as_ref().ok_or(Failure::Corrupt("licence file"))?;
    let text = ctx.kek.open(place(&file.id.to_string(), "content"), sealed)?;
    String::from_utf8(text.to_vec()).map_err(|_| Failure::Corrupt("licence file"))
}

/// Files before their signature, and to whom they are encrypted.
type Unsigned = Vec<(LicenseFileClaims, Option<Recipient>)>;

async fn sign(
    ctx: &Context,
    files: &[&license_file::Model],
) -> Result<HashMap<LicenseFileId, license_file::Model>, Failure> {
    let now = ctx.moment().now;
    let key = signed_lists::present_key(ctx, now).await?;
    let latest = files.iter().map(|file| file.expires_at).max().unwrap_or(now);
    key.reserve(&ctx.db, latest).await?;
    let jwks = published(ctx, key.kid(), now).await?;
    let mut unsigned = Unsigned::with_capacity(files.len());
    for file in files {
        let claims = LicenseFileClaims { jwks: Some(jwks.clone()), ..claims::open(ctx, file)? };
        unsigned.push((claims, recipient(ctx, file).await?));
    }
    let kid = key.kid().to_owned();
    let texts = compute(move || texts(&key, unsigned)).await??;
    let seal = |(file, text): (&&license_file::Model, String)| {
        let content = ctx.kek.seal(place(&file.id.to_string(), "content"), text.as_bytes())?;
        Ok(store::Signed { id: file.id, content: content.into_bytes(), kid: kid.clone() })
    };
    let signed = files.iter().zip(texts).map(seal).collect::<Result<Vec<_>, Failure>>()?;
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let kept = store::keep(&tx, signed).await?;
    tx.commit().await?;
    Ok(kept)
}

fn texts(key: &Arc<SigningKey>, unsigned: Unsigned) -> Result<Vec<String>, Failure> {
    let text = |(claims, recipient): (LicenseFileClaims, Option<Recipient>)| {
        let packed = tokens::pack(key.sign_document(LICENSE_FILE_TYP, &claims)?, recipient.as_ref())?;
        Ok(armour(FILE_LABEL, &packed.token))
    };
    unsigned.into_iter().map(text).collect()
}

/// The published keys, the one that signs among them.
async fn published(ctx: &Context, kid: &str, now: Timestamp) -> Result<JwkSet, Failure> {
    let published = ctx.publication_with(kid, now).await;
    let keys: JwkSet =
        serde_json::from_slice(&published.keys.jwks()).map_err(|_| Failure::Corrupt("signing key"))?;
    let signs = keys.keys.iter().any(|key| key.kid == kid);
    if signs { Ok(keys) } else { Err(Failure::Corrupt("signing key")) }
}

async fn recipient(ctx: &Context, file: &license_file::Model) -> Result<Option<Recipient>, Failure> {
    let Some(thumbprint) = &file.consumer_key else { return Ok(None) };
    let row = consumer_key::Entity::find_by_id(thumbprint.clone()).one(&ctx.db).await?;
    let row = row.ok_or(Failure::Corrupt("consumer key"))?;
    Ok(Some(Recipient::open(ctx, &row, file.consumer_key_alg.unwrap_or_default())?))
}
