//! API keys: `lsk_…`, shown once, found by a keyed digest.

use std::collections::BTreeSet;

use licentia_crypto::digests::bearer_secret;
use licentia_entity::api_key::{self, Permissions};
use licentia_types::api_keys::Permission;
use licentia_types::ids::ApiKeyId;
use licentia_types::problems::ProblemCode;
use licentia_types::text::Name;
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::actors::{Actor, Caller};
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

pub use licentia_entity::api_key::Origin;

/// What every API key begins with.
pub const PREFIX: &str = "lsk_";

/// Why an operation on an API key was refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// Unknown, expired or revoked.
    #[error("the API key is not valid")]
    Unauthenticated,
    /// No such key.
    #[error("there is no such API key")]
    NotFound,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(ApiKeyError);

impl Refusal for ApiKeyError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Unauthenticated => ProblemCode::Unauthenticated,
            Self::NotFound => ProblemCode::NotFound,
            Self::Failed(failure) => failure.code(),
        }
    }
}

/// Make an API key.
#[derive(Clone, Debug)]
pub struct CreateApiKey {
    /// For people.
    pub name: Name,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// Where it comes from.
    pub origin: Origin,
    /// First instant at which it is worth nothing; none: never.
    pub expires_at: Option<Timestamp>,
}

/// An API key without its secret.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// `key_…`
    pub id: ApiKeyId,
    /// For people.
    pub name: Name,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// Where it comes from.
    pub origin: Origin,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl From<api_key::Model> for ApiKey {
    fn from(row: api_key::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            permissions: row.permissions.0,
            origin: row.origin,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// Finds out who holds this secret.
///
/// # Errors
/// When it is no key's secret, or that key is expired or revoked.
pub async fn authenticate(ctx: &Context, secret: &str) -> Result<Actor, ApiKeyError> {
    if !secret.starts_with(PREFIX) {
        return Err(ApiKeyError::Unauthenticated);
    }
    let now = ctx.moment().now;
    let row = api_key::Entity::find()
        .filter(api_key::Column::SecretDigest.eq(digest(ctx, secret)))
        .one(&ctx.db)
        .await?
        .ok_or(ApiKeyError::Unauthenticated)?;
    if row.revoked_at.is_some() || row.expires_at.is_some_and(|at| at <= now) {
        return Err(ApiKeyError::Unauthenticated);
    }
    Ok(Actor::ApiKey { id: row.id, permissions: row.permissions.0 })
}

/// Makes a key; its secret is in the answer, and nowhere else.
///
/// # Errors
/// When the database fails.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    command: CreateApiKey,
) -> Result<(ApiKeyId, SecretString), ApiKeyError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let made = insert(ctx, &tx, &moment, caller, command).await?;
    tx.commit().await?;
    Ok(made)
}

pub(crate) async fn insert(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    command: CreateApiKey,
) -> Result<(ApiKeyId, SecretString), Failure> {
    let id = ApiKeyId::new(moment.new_uuid()?);
    let secret = bearer_secret(PREFIX, moment.random()?);
    let detail = json!({"name": command.name, "permissions": command.permissions});
    let row = api_key::ActiveModel {
        id: Set(id),
        name: Set(command.name),
        origin: Set(command.origin),
        secret_digest: Set(digest(ctx, secret.expose_secret())),
        permissions: Set(Permissions(command.permissions)),
        expires_at: Set(command.expires_at),
        revoked_at: Set(None),
        created_at: Set(moment.now),
        updated_at: Set(moment.now),
        version: Set(1),
    };
    api_key::Entity::insert(row).exec_without_returning(tx).await?;
    let event = audit::Event::new("api_key.created", &id, detail);
    audit::record(tx, moment, caller, event).await?;
    Ok((id, secret))
}

/// Every key, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(ctx: &Context) -> Result<Vec<ApiKey>, ApiKeyError> {
    let rows = api_key::Entity::find().order_by_desc(api_key::Column::Id).all(&ctx.db).await?;
    Ok(rows.into_iter().map(ApiKey::from).collect())
}

/// Whether any key was ever made here.
///
/// # Errors
/// When the database fails.
pub async fn has_any(ctx: &Context) -> Result<bool, ApiKeyError> {
    Ok(api_key::Entity::find().limit(1).count(&ctx.db).await? > 0)
}

/// Ends a key at once. Doing it again changes nothing.
///
/// # Errors
/// When there is none.
pub async fn revoke(ctx: &Context, caller: &Caller, id: ApiKeyId) -> Result<(), ApiKeyError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let row =
        api_key::Entity::find_by_id(id).lock_exclusive().one(&tx).await?.ok_or(ApiKeyError::NotFound)?;
    if row.revoked_at.is_none() {
        end(&tx, &moment, caller, row).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Ends every key of an origin that is still good.
pub(crate) async fn revoke_all(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    origin: Origin,
) -> Result<(), Failure> {
    let rows = api_key::Entity::find()
        .filter(api_key::Column::Origin.eq(origin))
        .filter(api_key::Column::RevokedAt.is_null())
        .lock_exclusive()
        .all(tx)
        .await?;
    for row in rows {
        end(tx, moment, caller, row).await?;
    }
    Ok(())
}

async fn end(tx: &WriteTx, moment: &Moment<'_>, caller: &Caller, row: api_key::Model) -> Result<(), Failure> {
    let (id, version) = (row.id, row.version);
    let mut row = row.into_active_model();
    row.revoked_at = Set(Some(moment.now));
    row.updated_at = Set(moment.now);
    row.version = Set(version + 1);
    row.update(tx).await?;
    let event = audit::Event::new("api_key.revoked", &id, json!({}));
    audit::record(tx, moment, caller, event).await
}

fn digest(ctx: &Context, secret: &str) -> Vec<u8> {
    ctx.secrets.digests.digest("api_key", secret.as_bytes()).to_vec()
}
