//! Tokens that are good once: for the first admin of all (`lst_…`), and for setting a password (`lpt_…`). Only their
//! digests are kept.

use licentia_crypto::digests::bearer_secret;
use licentia_entity::admin;
use licentia_entity::one_time_token::{Column, Entity, Model};
use licentia_types::ids::AdminId;
use licentia_types::text::RoleName;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect, QueryTrait,
};
use secrecy::{ExposeSecret, SecretString};

use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;

const SETUP: &str = "lst_";
const PASSWORD: &str = "lpt_";
/// How long a token is good.
const LIFE: Seconds = Seconds::constant(86_400);

/// A token for the first admin of all.
pub(super) async fn for_setup(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
) -> Result<SecretString, Failure> {
    let token = bearer_secret(SETUP, moment.random()?);
    insert(tx, moment.now, setup_digest(ctx, token.expose_secret()), None).await?;
    Ok(token)
}

/// A token by which an admin sets his password, and its end.
pub(super) async fn for_password(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    admin: AdminId,
) -> Result<(SecretString, Timestamp), Failure> {
    let token = bearer_secret(PASSWORD, moment.random()?);
    insert(tx, moment.now, password_digest(ctx, token.expose_secret()), Some(admin)).await?;
    Ok((token, moment.now + LIFE))
}

async fn insert(
    tx: &WriteTx,
    now: Timestamp,
    digest: Vec<u8>,
    admin_id: Option<AdminId>,
) -> Result<(), DbErr> {
    // Few are made: whoever makes one clears away what nobody used.
    Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(tx).await?;
    let token = Model { digest, admin_id, expires_at: now + LIFE };
    Entity::insert(token.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

pub(super) fn setup_digest(ctx: &Context, token: &str) -> Vec<u8> {
    ctx.secrets.digests.digest("setup_token", token.as_bytes()).to_vec()
}

pub(crate) fn password_digest(ctx: &Context, token: &str) -> Vec<u8> {
    ctx.secrets.digests.digest("password_token", token.as_bytes()).to_vec()
}

/// For whom the token is, while it is good.
pub(crate) async fn owner(
    db: &impl ConnectionTrait,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<AdminId>, DbErr> {
    Ok(find(db, digest, now).await?.and_then(|token| token.admin_id))
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(digest.to_vec()).filter(Column::ExpiresAt.gt(now)).one(db).await
}

/// Uses a token up; false when somebody else did, or its time is over.
pub(crate) async fn take(
    tx: &WriteTx,
    digest: &[u8],
    admin: Option<AdminId>,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let delete = Entity::delete_many().filter(Column::Digest.eq(digest)).filter(Column::ExpiresAt.gt(now));
    let delete = match admin {
        Some(admin) => delete.filter(Column::AdminId.eq(admin)),
        None => delete.filter(Column::AdminId.is_null()),
    };
    Ok(delete.exec(tx).await?.rows_affected == 1)
}

/// Ends every token of an admin.
pub(crate) async fn delete_of(tx: &WriteTx, admin: AdminId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::AdminId.eq(admin)).exec(tx).await?;
    Ok(())
}

/// Ends every token of admins who have this role.
pub(crate) async fn delete_of_role(tx: &WriteTx, role: &RoleName) -> Result<(), DbErr> {
    let of_role = admin::Entity::find()
        .select_only()
        .column(admin::Column::Id)
        .filter(admin::Column::Role.eq(role.clone()))
        .into_query();
    Entity::delete_many().filter(Column::AdminId.in_subquery(of_role)).exec(tx).await?;
    Ok(())
}

/// Ends every token for the first admin.
pub(super) async fn delete_for_setup(tx: &WriteTx) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::AdminId.is_null()).exec(tx).await?;
    Ok(())
}
