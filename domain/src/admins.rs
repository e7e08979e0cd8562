//! Admins: people who sign in to administer the server. There is no default account: the first one is made by a token
//! that the start prints ([`setup`]), or by the operator. Each has a role, which is looked up at every request, and a
//! password, which only he knows. One at least may do everything, and stays.

use std::collections::BTreeSet;

use licentia_entity::admin;
use licentia_types::admins::{AdminOrigin, AdminResponse, CreateAdminRequest, InvitedAdminResponse};
use licentia_types::ids::{AdminId, GroupId};
use licentia_types::pages::PageResponse;
use licentia_types::text::{Email, Name, RoleName};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use serde_json::json;

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Constraint, WriteTx, violates};
use crate::groups::bounds;
use crate::mail::Template;
use crate::pages::{PageError, PageQuery};
use crate::roles;
use crate::scope::Scope;
use crate::{audit, once};

pub(crate) use changes::expect_another;
pub use changes::{disable, enable, reset_password, update};
pub use error::AdminError;
use invitations::invite;
pub use setup::{Installed, SetupError, install, offer, set_up};

pub(crate) mod boundaries;
mod changes;
mod error;
mod invitations;
pub(crate) mod rules;
mod setup;
pub(crate) mod store;

const EMAIL_TAKEN: Constraint = Constraint { name: "admin_email_folded", columns: "admin.email_folded" };

/// A page of admins, newest first.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    query: &PageQuery,
) -> Result<PageResponse<AdminResponse>, PageError> {
    let PageResponse { items, next_cursor, total } = store::list(&ctx.db, scope, query).await?;
    Ok(PageResponse { items: render_all(&ctx.db, items).await?, next_cursor, total })
}

/// Every admin, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_all(ctx: &Context) -> Result<Vec<AdminResponse>, AdminError> {
    Ok(render_all(&ctx.db, store::all(&ctx.db).await?).await?)
}

/// One admin.
///
/// # Errors
/// When there is none in `scope`.
pub async fn get(ctx: &Context, scope: Scope, id: AdminId) -> Result<AdminResponse, AdminError> {
    let found = store::find_within(&ctx.db, scope, id).await?;
    Ok(render(&ctx.db, found.ok_or(AdminError::NotFound)?).await?)
}

/// The admin who signs in with this address.
///
/// # Errors
/// When there is none.
pub async fn named(ctx: &Context, email: &Email) -> Result<AdminResponse, AdminError> {
    let found = store::find_by_email(&ctx.db, &rules::folded(email)).await?;
    Ok(render(&ctx.db, found.ok_or(AdminError::NotFound)?).await?)
}

/// An admin as the API shows him.
pub(crate) async fn render(db: &impl ConnectionTrait, admin: admin::Model) -> Result<AdminResponse, DbErr> {
    let groups = boundaries::groups_of(db, &admin).await?;
    Ok(rules::render(admin, groups))
}

async fn render_all(
    db: &impl ConnectionTrait,
    admins: Vec<admin::Model>,
) -> Result<Vec<AdminResponse>, DbErr> {
    let mut groups = boundaries::groups_of_all(db, &admins).await?;
    let one = |admin: admin::Model| {
        let own = groups.remove(&admin.id);
        rules::render(admin, own)
    };
    Ok(admins.into_iter().map(one).collect())
}

/// Makes an admin, and the token by which he sets his password: in a letter to him, or where there is no mail in the
/// answer.
///
/// # Errors
/// When the caller lacks what he would have, there is no such role, or the address is taken.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    request: CreateAdminRequest,
) -> Result<InvitedAdminResponse, AdminError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let CreateAdminRequest { email, name, role, groups } = request;
    let groups = bounds::of_new(&caller.actor, groups)?;
    boundaries::expect_fitting(&role, groups.as_ref())?;
    let tx = once::begin(ctx, caller).await?;
    expect_given(&tx, caller, &role).await?;
    let new = NewAdmin { email, name, role, groups, password_hash: None, origin: AdminOrigin::Local };
    let admin = insert(&tx, &moment, caller, new).await?;
    let invited = invite(ctx, &tx, &moment, caller, admin, Template::AdminInvited).await?;
    once::commit(ctx, &moment, caller, tx, &invited).await?;
    Ok(invited)
}

/// A new admin, whose role the caller may give.
pub(crate) struct NewAdmin {
    pub(crate) email: Email,
    pub(crate) name: Name,
    pub(crate) role: RoleName,
    pub(crate) groups: Option<BTreeSet<GroupId>>,
    pub(crate) password_hash: Option<String>,
    pub(crate) origin: AdminOrigin,
}

/// Makes an admin as a part of something larger.
pub(crate) async fn insert(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    new: NewAdmin,
) -> Result<admin::Model, AdminError> {
    let admin = admin::Model {
        id: AdminId::new(moment.new_uuid()?),
        email_folded: rules::folded(&new.email),
        email: new.email,
        name: new.name,
        role: new.role,
        password_hash: new.password_hash,
        credentials_version: 1,
        totp_sealed: None,
        totp_confirmed_at: None,
        totp_last_step: None,
        last_login_at: None,
        disabled_at: None,
        created_at: moment.now,
        updated_at: moment.now,
        version: 1,
        bounded: new.groups.is_some(),
        totp_failures: 0,
        origin: new.origin,
    };
    let row = admin.clone().into_active_model().reset_all();
    admin::Entity::insert(row).exec_without_returning(tx).await.map_err(email_taken)?;
    boundaries::bind(tx, caller, admin.id, new.groups.as_ref()).await?;
    let (email, name, role, origin) = (&admin.email, &admin.name, &admin.role, admin.origin);
    let detail = json!({"email": email, "name": name, "role": role, "groups": new.groups, "origin": origin});
    audit::record(tx, moment, caller, audit::Event::new("admin.created", &admin.id, detail)).await?;
    Ok(admin)
}

/// Writes an admin who is held as he shall be.
pub(crate) async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    admin: admin::Model,
) -> Result<admin::Model, DbErr> {
    let admin = admin::Model { updated_at: moment.now, version: admin.version + 1, ..admin };
    admin.into_active_model().reset_all().update(tx).await
}

/// Holds an admin whom the caller may change until the transaction ends: whoever could change one who may do more
/// would soon have that as well.
pub(crate) async fn held(tx: &WriteTx, caller: &Caller, id: AdminId) -> Result<admin::Model, AdminError> {
    let found = store::find_within_locked(tx, caller.actor.scope(), id).await?;
    let admin = found.ok_or(AdminError::NotFound)?;
    // Judged by the row as it was before we waited for it: now it is ours.
    let groups = boundaries::groups_of(tx, &admin).await?;
    if !caller.actor.reaches(groups.as_ref()) {
        return Err(AdminError::NotFound);
    }
    // Of a role that is gone nobody lacks anything.
    let permissions = roles::permissions_of(tx, &admin.role).await?.unwrap_or_default();
    rules::expect_given(&caller.actor, &permissions)?;
    Ok(admin)
}

/// Nobody gives a role that may do what he may not. The role stays until the transaction ends.
pub(crate) async fn expect_given(tx: &WriteTx, caller: &Caller, role: &RoleName) -> Result<(), AdminError> {
    let permissions = roles::hold(tx, role).await?.ok_or(AdminError::UnknownRole)?;
    rules::expect_given(&caller.actor, &permissions)
}

fn email_taken(error: DbErr) -> AdminError {
    if violates(&error, EMAIL_TAKEN) { AdminError::EmailTaken } else { error.into() }
}
