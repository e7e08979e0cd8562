//! Checkpoints: the head of the chain, signed. Whoever keeps one elsewhere can tell, years later,
//! whether the log before it is still the same.
//!
//! `exp` says for how long a checkpoint may be taken for recent: a day. What it says of its
//! position stays true for good, so a check of the log does not look at `exp`, and finds the key by
//! its `kid` in the database, retired or not. A short `exp` keeps no key from being retired.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use licentia_crypto::rsa_keys::RsaPublicKey;
use licentia_entity::signing_key::{self, Purpose};
use licentia_entity::{audit_checkpoint, audit_link};
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::chain::{Chain, Head};
use super::head::{self, Stored};
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;

const TYP: &str = "audit-checkpoint+jwt";
const AUDIENCE: &str = "urn:licentia:audit-checkpoint";
/// For how long a checkpoint may be taken for recent.
const LIFE: Seconds = Seconds::constant(86_400);
/// Longest text that is looked at.
const MOST_BYTES: usize = 4096;

/// What a checkpoint says (RFC 7519; `position` and `link` are ours).
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    /// How many links the chain had.
    position: i64,
    /// base64url of the digest that covers all of them.
    link: String,
}

/// A checkpoint that this server signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checkpoint {
    pub(super) at: Timestamp,
    pub(super) head: Head,
}

/// Why a text is no checkpoint of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoCheckpoint {
    #[error("it is no signed document of type {TYP}")]
    Malformed,
    #[error("it is signed by a key that this database does not hold")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("it was made by or for another server")]
    Foreign,
}

/// Whether the chain went on since the newest checkpoint.
pub(crate) async fn has_work(ctx: &Context) -> Result<bool, Failure> {
    let last: Option<i64> = audit_link::Entity::find()
        .select_only()
        .column(audit_link::Column::Position)
        .order_by_desc(audit_link::Column::Position)
        .into_tuple()
        .one(&ctx.db)
        .await?;
    let newest = newest(ctx).await?.map_or(0, |checkpoint| checkpoint.position);
    Ok(last.is_some_and(|last| last > newest))
}

/// Signs the head of the chain, unless nothing came since the last one.
pub(crate) async fn write(ctx: &Context) -> Result<(), Failure> {
    if !has_work(ctx).await? {
        return Ok(());
    }
    let now = ctx.moment().now;
    let head = match head::load(&ctx.db, Chain(&ctx.secrets.audit)).await? {
        Stored::Good(head) => head,
        // A head that is not ours is not signed: the check of the log says what is wrong.
        Stored::Missing | Stored::Forged => return Err(Failure::Corrupt("head of the audit log")),
    };
    let claims = Claims {
        iss: ctx.settings.issuer.clone(),
        aud: AUDIENCE.to_owned(),
        iat: now.seconds(),
        exp: (now + LIFE).seconds(),
        position: head.position,
        link: URL_SAFE_NO_PAD.encode(head.digest),
    };
    let key = ctx.document_key(now).await?;
    key.reserve(&ctx.db, now + LIFE).await?;
    let row = audit_checkpoint::ActiveModel {
        position: Set(head.position),
        at: Set(now),
        signed: Set(key.sign_document(TYP, &claims)?),
    };
    let tx = ctx.db.write(Lane::Ordinary).await?;
    audit_checkpoint::Entity::insert(row)
        .on_conflict(OnConflict::column(audit_checkpoint::Column::Position).do_nothing().to_owned())
        .exec_without_returning(&tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// The newest checkpoint.
pub(super) async fn newest(ctx: &Context) -> Result<Option<audit_checkpoint::Model>, DbErr> {
    audit_checkpoint::Entity::find().order_by_desc(audit_checkpoint::Column::Position).one(&ctx.db).await
}

/// The checkpoints at positions between two, both included.
pub(super) async fn between(
    ctx: &Context,
    first: i64,
    last: i64,
) -> Result<Vec<audit_checkpoint::Model>, DbErr> {
    audit_checkpoint::Entity::find()
        .filter(audit_checkpoint::Column::Position.between(first, last))
        .order_by_asc(audit_checkpoint::Column::Position)
        .all(&ctx.db)
        .await
}

/// Reads checkpoints; keeps the keys that it found.
pub(super) struct Reader<'a> {
    ctx: &'a Context,
    keys: HashMap<String, DecodingKey>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(ctx: &'a Context) -> Self {
        Self { ctx, keys: HashMap::new() }
    }

    /// What a checkpoint says, if this server signed it.
    pub(super) async fn read(&mut self, text: &str) -> Result<Result<Checkpoint, NoCheckpoint>, Failure> {
        let Some(kid) = kid(text) else { return Ok(Err(NoCheckpoint::Malformed)) };
        if !self.keys.contains_key(&kid) {
            let Some(key) = self.find_key(&kid).await? else { return Ok(Err(NoCheckpoint::UnknownKey)) };
            self.keys.insert(kid.clone(), key);
        }
        let Some(key) = self.keys.get(&kid) else { return Ok(Err(NoCheckpoint::UnknownKey)) };
        Ok(self.verify(text, key))
    }

    fn verify(&self, text: &str, key: &DecodingKey) -> Result<Checkpoint, NoCheckpoint> {
        let claims = jsonwebtoken::decode::<Claims>(text, key, &signature_only())
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature => NoCheckpoint::Signature,
                _ => NoCheckpoint::Malformed,
            })?
            .claims;
        if claims.iss != self.ctx.settings.issuer || claims.aud != AUDIENCE {
            return Err(NoCheckpoint::Foreign);
        }
        let digest = URL_SAFE_NO_PAD.decode(&claims.link).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(Checkpoint {
            at: Timestamp::from_seconds(claims.iat),
            head: Head { position: claims.position, digest: digest.ok_or(NoCheckpoint::Malformed)? },
        })
    }

    /// A document key that goes by its own thumbprint: one put in another's place does not.
    async fn find_key(&self, kid: &str) -> Result<Option<DecodingKey>, Failure> {
        let row = signing_key::Entity::find_by_id(kid.to_owned()).one(&self.ctx.db).await?;
        let Some(row) = row.filter(|row| row.purpose == Purpose::Document) else { return Ok(None) };
        let public = RsaPublicKey::from_spki_der(&row.public_spki)?;
        Ok((public.thumbprint() == kid).then(|| DecodingKey::from_rsa_raw_components(public.n(), public.e())))
    }
}

/// Whose key signed it, if it is a checkpoint at all.
fn kid(text: &str) -> Option<String> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let header = jsonwebtoken::decode_header(text).ok()?;
    header.kid.filter(|_| header.typ.as_deref() == Some(TYP) && header.alg == Algorithm::RS256)
}

fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}
