//! API keys: `lsk_…`, shown once, found by a keyed digest. A key has no more permissions than whoever made it, may be
//! bound to addresses and to a time, and changes its secret without a gap.

use std::collections::BTreeSet;

use licentia_crypto::digests::bearer_secret;
use licentia_entity::api_key::{self, IpRanges, Permissions};
use licentia_types::api_keys::{ApiKeyResponse, CreateApiKeyRequest, IssuedApiKeyResponse};
use licentia_types::ids::{ApiKeyId, GroupId};
use licentia_types::ip_ranges::IpRange;
use licentia_types::pages::PageResponse;
use licentia_types::permissions::Permission;
use licentia_types::text::{Name, RoleName};
use licentia_types::time::Timestamp;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::groups::{BoundsError, bounds};
use crate::pages::{PageError, PageQuery};
use crate::roles;
use crate::scope::Scope;
use crate::{audit, once};

mod authentication;
mod changes;
mod declared;
mod error;
mod rules;
mod store;
mod uses;

pub use authentication::authenticate;
pub(crate) use changes::revoke_all;
pub use changes::{revoke, rotate, update};
pub use declared::{DeclareError, declare};
pub use error::ApiKeyError;
pub use licentia_entity::api_key::Origin;
pub(crate) use store::forget_group;
pub(crate) use uses::Uses;
pub use uses::write_uses;

/// What every API key begins with.
pub const PREFIX: &str = "lsk_";

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
    /// From where it may be used; none: from everywhere.
    pub ip_ranges: BTreeSet<IpRange>,
    /// Within which groups it acts; none: bounded by none.
    pub groups: Option<BTreeSet<GroupId>>,
}

/// A page of API keys, newest first.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    query: &PageQuery,
) -> Result<PageResponse<ApiKeyResponse>, PageError> {
    let page = store::list(&ctx.db, scope, query).await?;
    let items = render_all(ctx, page.items).await?;
    Ok(PageResponse { items, next_cursor: page.next_cursor, total: page.total })
}

/// Every key, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_all(ctx: &Context) -> Result<Vec<ApiKeyResponse>, ApiKeyError> {
    let rows = store::all(&ctx.db).await?;
    Ok(render_all(ctx, rows).await?)
}

/// One key.
///
/// # Errors
/// When there is none in `scope`.
pub async fn get(ctx: &Context, scope: Scope, id: ApiKeyId) -> Result<ApiKeyResponse, ApiKeyError> {
    let row = store::find(&ctx.db, scope, id).await?.ok_or(ApiKeyError::NotFound)?;
    Ok(render(ctx, &ctx.db, row).await?)
}

async fn render(
    ctx: &Context,
    db: &impl ConnectionTrait,
    row: api_key::Model,
) -> Result<ApiKeyResponse, DbErr> {
    let groups = store::groups_of(db, &row).await?;
    Ok(rules::render(row, groups, &ctx.api_key_uses, ctx.moment().now))
}

async fn render_all(ctx: &Context, rows: Vec<api_key::Model>) -> Result<Vec<ApiKeyResponse>, DbErr> {
    let now = ctx.moment().now;
    let mut groups = store::groups_of_all(&ctx.db, &rows).await?;
    let one = |row: api_key::Model| {
        let own = groups.remove(&row.id);
        rules::render(row, own, &ctx.api_key_uses, now)
    };
    Ok(rows.into_iter().map(one).collect())
}

/// Whether any key was ever made here.
///
/// # Errors
/// When the database fails.
pub async fn has_any(ctx: &Context) -> Result<bool, ApiKeyError> {
    Ok(store::has_any(&ctx.db).await?)
}

/// Makes a key as somebody asks for it; its secret is in the answer, and nowhere else.
///
/// # Errors
/// When the caller lacks what it would be given, it would reach further than he does, or be worth nothing.
pub async fn issue(
    ctx: &Context,
    caller: &Caller,
    request: CreateApiKeyRequest,
) -> Result<IssuedApiKeyResponse, ApiKeyError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let CreateApiKeyRequest { name, permissions, role, expires_at, ip_ranges, groups } = request;
    rules::expect_future(expires_at, moment.now)?;
    rules::expect_few(&ip_ranges)?;
    let groups = bounds::of_new(&caller.actor, groups)?;
    let tx = once::begin(ctx, caller).await?;
    let permissions = allowed(&tx, permissions, role).await?.ok_or(ApiKeyError::NothingAllowed)?;
    rules::expect_given(&caller.actor, &permissions)?;
    let command = CreateApiKey { name, permissions, origin: Origin::Api, expires_at, ip_ranges, groups };
    let (row, secret) = insert(ctx, &tx, &moment, caller, command).await?;
    let key = render(ctx, &tx, row).await?;
    let issued = IssuedApiKeyResponse { key, secret: secret.expose_secret().to_owned() };
    once::commit(ctx, &moment, caller, tx, &issued).await?;
    Ok(issued)
}

/// What a request names: permissions, or a role as it is now, not both, and not nothing; none where it names neither.
async fn allowed(
    tx: &WriteTx,
    permissions: Option<BTreeSet<Permission>>,
    role: Option<RoleName>,
) -> Result<Option<BTreeSet<Permission>>, ApiKeyError> {
    match (permissions, role) {
        (None, None) => Ok(None),
        (None, Some(role)) => {
            let permissions = roles::permissions_of(tx, &role).await?;
            Ok(Some(permissions.ok_or(ApiKeyError::RoleUnknown)?))
        }
        (Some(permissions), None) if !permissions.is_empty() => Ok(Some(permissions)),
        (Some(_), _) => Err(ApiKeyError::NothingAllowed),
    }
}

/// Makes a key; its secret is in the answer, and nowhere else.
///
/// # Errors
/// When there is no such group, or the database fails.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    command: CreateApiKey,
) -> Result<(ApiKeyId, SecretString), ApiKeyError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let (row, secret) = insert(ctx, &tx, &moment, caller, command).await?;
    tx.commit().await?;
    Ok((row.id, secret))
}

pub(crate) async fn insert(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    command: CreateApiKey,
) -> Result<(api_key::Model, SecretString), ApiKeyError> {
    let secret = bearer_secret(PREFIX, moment.random()?);
    let row = write(tx, moment, caller, command, digest(ctx, secret.expose_secret())).await?;
    Ok((row, secret))
}

/// Writes a new key, with the digest of a secret that is known already.
async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    command: CreateApiKey,
    secret_digest: Vec<u8>,
) -> Result<api_key::Model, ApiKeyError> {
    let mut row = api_key::Model {
        id: ApiKeyId::new(moment.new_uuid()?),
        name: command.name,
        origin: command.origin,
        secret_digest,
        permissions: Permissions(command.permissions),
        expires_at: command.expires_at,
        revoked_at: None,
        created_at: moment.now,
        updated_at: moment.now,
        version: 1,
        ip_ranges: rules::kept(command.ip_ranges).map(IpRanges),
        former_digest: None,
        former_until: None,
        last_used_at: None,
        bounded: command.groups.is_some(),
    };
    let active = row.clone().into_active_model().reset_all();
    api_key::Entity::insert(active).exec_without_returning(tx).await?;
    bind(tx, caller, &mut row, command.groups.as_ref()).await?;
    let detail = json!({"name": row.name, "permissions": row.permissions, "ipRanges": row.ip_ranges,
                        "groups": command.groups});
    let only = command.groups.as_ref().and_then(rules::only);
    let event = audit::Event::new("api_key.created", &row.id, detail).in_group(only);
    audit::record(tx, moment, caller, event).await?;
    Ok(row)
}

/// Bounds a key by groups that the caller may name; none: by none.
async fn bind(
    tx: &WriteTx,
    caller: &Caller,
    key: &mut api_key::Model,
    groups: Option<&BTreeSet<GroupId>>,
) -> Result<(), ApiKeyError> {
    if !bounds::are_known(tx, &caller.actor, groups).await? {
        return Err(BoundsError::Unknown.into());
    }
    key.bounded = groups.is_some();
    Ok(store::bind(tx, key.id, groups.into_iter().flatten().copied()).await?)
}

fn digest(ctx: &Context, secret: &str) -> Vec<u8> {
    ctx.secrets.digests.digest("api_key", secret.as_bytes()).to_vec()
}
