//! What becomes of an admin: edited, disabled and enabled, given another password.

use licentia_entity::admin;
use licentia_types::admins::{AdminOrigin, AdminResponse, InvitedAdminResponse, UpdateAdminRequest};
use licentia_types::ids::AdminId;
use licentia_types::roles::Role;
use sea_orm::DbErr;
use serde_json::json;

use super::{AdminError, boundaries, email_taken, expect_given, held, invite, render, rules, store, write};
use crate::actors::{Actor, Caller, Person};
use crate::context::Context;
use crate::database::{Lane, WriteTx};
use crate::groups::bounds;
use crate::mail::Template;
use crate::{audit, once, one_time_tokens as tokens, sessions};

/// Edits an admin.
///
/// # Errors
/// When there is none whom the caller may change, he lacks what the admin would have, `expected` is not the version,
/// the address is taken, or nobody would be left who may do everything.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: AdminId,
    expected: Option<i64>,
    request: UpdateAdminRequest,
) -> Result<AdminResponse, AdminError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let others = if request.role.is_some() || request.origin.is_some() {
        others_locked(&tx, id).await?
    } else {
        Others::Some
    };
    let mut admin = held(&tx, caller, id).await?;
    if expected.is_some_and(|version| version != admin.version) {
        return Err(AdminError::Stale { current: admin.version });
    }
    expect_editable(ctx, &admin, &request)?;
    let mut grows = false;
    if let Some(origin) = request.origin.filter(|origin| *origin != admin.origin) {
        expect_dispensable(&admin, others)?;
        sessions::store::delete_of(&tx, Person::Admin(id), None).await?;
        admin.password_hash = None;
        admin.origin = origin;
        grows = true;
    }
    if let Some(role) = request.role {
        grows |= role != admin.role;
        expect_given(&tx, caller, &role).await?;
        if role.as_str() != Role::SuperAdmin.as_str() {
            expect_dispensable(&admin, others)?;
        }
        admin.role = role;
    }
    if let Some(email) = request.email {
        grows |= email != admin.email;
        admin.email_folded = rules::folded(&email);
        admin.email = email;
    }
    admin.name = request.name.unwrap_or(admin.name);
    let former = boundaries::groups_of(&tx, &admin).await?;
    let groups = bounds::of_edited(&caller.actor, former.clone(), request.groups)?;
    boundaries::expect_fitting(&admin.role, groups.as_ref())?;
    if groups != former {
        boundaries::bind(&tx, caller, id, groups.as_ref()).await?;
        admin.bounded = groups.is_some();
        grows = true;
    }
    if grows {
        // Whoever still has a token for his password was trusted with less.
        tokens::delete_of(&tx, Person::Admin(id)).await?;
        admin.credentials_version += 1;
    }
    let (email, name, role, origin) = (&admin.email, &admin.name, &admin.role, admin.origin);
    let detail = json!({"email": email, "name": name, "role": role, "groups": groups, "origin": origin});
    let admin = write(&tx, &moment, admin).await.map_err(email_taken)?;
    audit::record(&tx, &moment, caller, audit::Event::new("admin.updated", &id, detail)).await?;
    tx.commit().await?;
    Ok(rules::render(admin, groups))
}

/// What a directory says of an admin stays as it says, while it is the one that knows him; and nobody is left to one
/// that there is not.
fn expect_editable(
    ctx: &Context,
    admin: &admin::Model,
    request: &UpdateAdminRequest,
) -> Result<(), AdminError> {
    let origin = request.origin.unwrap_or(admin.origin);
    if origin == AdminOrigin::Local {
        return Ok(());
    }
    if origin != admin.origin && ctx.directory.is_none() {
        return Err(AdminError::NoDirectory);
    }
    let keeps = request.email.as_ref().is_none_or(|email| *email == admin.email)
        && request.name.as_ref().is_none_or(|name| *name == admin.name)
        && request.role.as_ref().is_none_or(|role| *role == admin.role);
    if keeps { Ok(()) } else { Err(AdminError::OfDirectory) }
}

/// Ends all sessions of an admin, at once, and lets him start none. Doing it again changes nothing.
///
/// # Errors
/// When there is none whom the caller may change, or nobody would be left who may do everything.
pub async fn disable(ctx: &Context, caller: &Caller, id: AdminId) -> Result<AdminResponse, AdminError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let others = others_locked(&tx, id).await?;
    let admin = held(&tx, caller, id).await?;
    if admin.disabled_at.is_some() {
        return Ok(render(&tx, admin).await?);
    }
    expect_dispensable(&admin, others)?;
    tokens::delete_of(&tx, Person::Admin(id)).await?;
    sessions::store::delete_of(&tx, Person::Admin(id), None).await?;
    let admin = write(&tx, &moment, admin::Model { disabled_at: Some(moment.now), ..admin }).await?;
    audit::record(&tx, &moment, caller, audit::Event::new("admin.disabled", &id, json!({}))).await?;
    let shown = render(&tx, admin).await?;
    tx.commit().await?;
    Ok(shown)
}

/// Lets an admin sign in again, with what he signed in with before. Doing it again changes nothing.
///
/// # Errors
/// When there is none whom the caller may change.
pub async fn enable(ctx: &Context, caller: &Caller, id: AdminId) -> Result<AdminResponse, AdminError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let admin = held(&tx, caller, id).await?;
    if admin.disabled_at.is_none() {
        return Ok(render(&tx, admin).await?);
    }
    let admin = write(&tx, &moment, admin::Model { disabled_at: None, ..admin }).await?;
    audit::record(&tx, &moment, caller, audit::Event::new("admin.enabled", &id, json!({}))).await?;
    let shown = render(&tx, admin).await?;
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

/// Takes an admin's password and sessions away, and makes a token by which he sets another one.
///
/// # Errors
/// When there is none whom the caller may change, it is himself, he is disabled, or nobody would be left who may do
/// everything.
pub async fn reset_password(
    ctx: &Context,
    caller: &Caller,
    id: AdminId,
) -> Result<InvitedAdminResponse, AdminError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    expect_another(caller, id)?;
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let others = others_locked(&tx, id).await?;
    let admin = held(&tx, caller, id).await?;
    if admin.origin == AdminOrigin::Directory {
        return Err(AdminError::OfDirectory);
    }
    if admin.disabled_at.is_some() {
        return Err(AdminError::Disabled);
    }
    // Until he sets another one he cannot sign in. Whoever runs the server is asked just then.
    if !matches!(caller.actor, Actor::Operator) {
        expect_dispensable(&admin, others)?;
    }
    tokens::delete_of(&tx, Person::Admin(id)).await?;
    sessions::store::delete_of(&tx, Person::Admin(id), None).await?;
    let credentials_version = admin.credentials_version + 1;
    let admin = admin::Model { password_hash: None, credentials_version, ..admin };
    let admin = write(&tx, &moment, admin).await?;
    audit::record(&tx, &moment, caller, audit::Event::new("admin.password_reset", &id, json!({}))).await?;
    let invited = invite(ctx, &tx, &moment, caller, admin, Template::AdminPasswordReset).await?;
    once::commit(ctx, &moment, caller, tx, &invited).await?;
    Ok(invited)
}

/// Whoever found a browser open does not make its owner's account his own.
pub(crate) fn expect_another(caller: &Caller, id: AdminId) -> Result<(), AdminError> {
    let own = matches!(&caller.actor, Actor::Admin { id: asking, .. } if *asking == id);
    if own { Err(AdminError::Own) } else { Ok(()) }
}

/// Who else may do everything, and can sign in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Some,
    None,
}

/// Holds everybody who may do everything until the transaction ends, in the order of their ids: of two who take each
/// other's place one waits, and is refused.
async fn others_locked(tx: &WriteTx, id: AdminId) -> Result<Others, DbErr> {
    let all = store::super_admins_locked(tx).await?;
    Ok(if all.iter().any(|other| other.id != id) { Others::Some } else { Others::None })
}

/// The last one who may do everything stays.
fn expect_dispensable(admin: &admin::Model, others: Others) -> Result<(), AdminError> {
    let is_last = rules::may_everything(admin) && others == Others::None;
    if is_last { Err(AdminError::LastSuperAdmin) } else { Ok(()) }
}
