//! Admins: people who sign in to administer the server. There is no default account: the first one is made by a token
//! that the start prints ([`setup`]), or by the operator. Each has a role, which is looked up at every request, and a
//! password, which only he knows. One at least may do everything, and stays.

use std::collections::BTreeSet;

use licentia_entity::admin;
use licentia_types::admins::{AdminResponse, CreateAdminRequest, InvitedAdminResponse, UpdateAdminRequest};
use licentia_types::ids::{AdminId, GroupId};
use licentia_types::pages::PageResponse;
use licentia_types::permissions::{Permission, names};
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::roles::Role;
use licentia_types::text::{Email, Name, RoleName};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Constraint, Lane, WriteTx, violates};
use crate::failure::{Failure, failed_from};
use crate::pages::{PageError, PageQuery};
use crate::refusal::Refusal;
use crate::roles;
use crate::scope::Scope;
use crate::sessions;
use crate::{audit, once};

pub use setup::{Installed, SetupError, install, offer, set_up};

pub(crate) mod boundaries;
pub(crate) mod rules;
mod setup;
pub(crate) mod store;
pub(crate) mod tokens;

const EMAIL_TAKEN: Constraint = Constraint { name: "admin_email_folded", columns: "admin.email_folded" };

/// Why an operation on an admin was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No such admin.
    #[error("there is no such admin")]
    NotFound,
    /// The caller would give, or change, what he does not have.
    #[error("nobody gives or changes what he lacks; you lack {}", names(.0))]
    Lacking(Vec<Permission>),
    /// Somebody signs in with this address already.
    #[error("an admin with this e-mail address exists")]
    EmailTaken,
    /// No such role.
    #[error("there is no such role")]
    UnknownRole,
    /// No such group, or none that the caller may know of.
    #[error("there is no such group")]
    GroupUnknown,
    /// Nothing would be there for him.
    #[error("must name at least one group; leave it out, or send null, for none")]
    NoGroups,
    /// He would reach further than whoever edits him.
    #[error("nobody reaches further than whoever makes him: name some of your own groups")]
    Unbounded,
    /// Whoever may do everything does it everywhere.
    #[error("a super_admin is bounded by no groups: give another role, or no groups")]
    SuperAdminBounded,
    /// Nobody would be left who may do everything.
    #[error("this is the last super_admin who can sign in: make another one first")]
    LastSuperAdmin,
    /// He was disabled.
    #[error("the admin is disabled: enable him first")]
    Disabled,
    /// Somebody else edited him.
    #[error("the admin was changed in the meantime; his version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(AdminError);

impl Refusal for AdminError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::Lacking(_) => ProblemCode::PermissionDenied,
            Self::EmailTaken => ProblemCode::AlreadyExists,
            Self::UnknownRole
            | Self::GroupUnknown
            | Self::NoGroups
            | Self::Unbounded
            | Self::SuperAdminBounded => ProblemCode::ValidationFailed,
            Self::LastSuperAdmin | Self::Disabled => ProblemCode::StateConflict,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::EmailTaken => vec![FieldProblem::new("/email", "TAKEN", self.to_string())],
            Self::UnknownRole => vec![FieldProblem::new("/role", "UNKNOWN", self.to_string())],
            Self::GroupUnknown => vec![FieldProblem::new("/groups", "UNKNOWN", self.to_string())],
            Self::NoGroups | Self::Unbounded | Self::SuperAdminBounded => {
                vec![FieldProblem::new("/groups", "INVALID", self.to_string())]
            }
            Self::NotFound
            | Self::Lacking(_)
            | Self::LastSuperAdmin
            | Self::Disabled
            | Self::Stale { .. }
            | Self::Failed(_) => Vec::new(),
        }
    }
}

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
        let own = admin.bounded.then(|| groups.remove(&admin.id).unwrap_or_default());
        rules::render(admin, own)
    };
    Ok(admins.into_iter().map(one).collect())
}

/// Makes an admin, and the token by which he sets his password.
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
    let groups = boundaries::of_new(&caller.actor, groups)?;
    boundaries::expect_fitting(&role, groups.as_ref())?;
    let tx = once::begin(ctx, caller).await?;
    expect_given(&tx, caller, &role).await?;
    let new = NewAdmin { email, name, role, groups, password_hash: None };
    let admin = insert(&tx, &moment, caller, new).await?;
    let invited = invite(ctx, &tx, &moment, admin).await?;
    once::commit(ctx, &moment, caller, tx, &invited).await?;
    Ok(invited)
}

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
    let others = if request.role.is_some() { others_locked(&tx, id).await? } else { Others::Some };
    let mut admin = held(&tx, caller, id).await?;
    if expected.is_some_and(|version| version != admin.version) {
        return Err(AdminError::Stale { current: admin.version });
    }
    if let Some(role) = request.role {
        expect_given(&tx, caller, &role).await?;
        if role.as_str() != Role::SuperAdmin.as_str() {
            expect_dispensable(&admin, others)?;
        }
        admin.role = role;
    }
    if let Some(email) = request.email {
        admin.email_folded = rules::folded(&email);
        admin.email = email;
    }
    admin.name = request.name.unwrap_or(admin.name);
    let former = boundaries::groups_of(&tx, &admin).await?;
    let groups = boundaries::of_edited(&caller.actor, former.clone(), request.groups)?;
    boundaries::expect_fitting(&admin.role, groups.as_ref())?;
    if groups != former {
        boundaries::bind(&tx, caller, id, groups.as_ref()).await?;
        admin.bounded = groups.is_some();
    }
    let detail = json!({"email": admin.email, "name": admin.name, "role": admin.role, "groups": groups});
    let admin = write(&tx, &moment, admin).await.map_err(email_taken)?;
    audit::record(&tx, &moment, caller, audit::Event::new("admin.updated", &id, detail)).await?;
    tx.commit().await?;
    Ok(rules::render(admin, groups))
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
    tokens::delete_of(&tx, id).await?;
    sessions::store::delete_of(&tx, id, None).await?;
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

/// Takes an admin's password and sessions away, and makes a token by which he sets another one. A super admin who is
/// the last one keeps his role: whoever has the token is in.
///
/// # Errors
/// When there is none whom the caller may change, or he is disabled.
pub async fn reset_password(
    ctx: &Context,
    caller: &Caller,
    id: AdminId,
) -> Result<InvitedAdminResponse, AdminError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let tx = once::begin(ctx, caller).await?;
    let admin = held(&tx, caller, id).await?;
    if admin.disabled_at.is_some() {
        return Err(AdminError::Disabled);
    }
    tokens::delete_of(&tx, id).await?;
    sessions::store::delete_of(&tx, id, None).await?;
    let credentials_version = admin.credentials_version + 1;
    let admin = admin::Model { password_hash: None, credentials_version, ..admin };
    let admin = write(&tx, &moment, admin).await?;
    audit::record(&tx, &moment, caller, audit::Event::new("admin.password_reset", &id, json!({}))).await?;
    let invited = invite(ctx, &tx, &moment, admin).await?;
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
    };
    let row = admin.clone().into_active_model().reset_all();
    admin::Entity::insert(row).exec_without_returning(tx).await.map_err(email_taken)?;
    boundaries::bind(tx, caller, admin.id, new.groups.as_ref()).await?;
    let detail = json!({"email": admin.email, "name": admin.name, "role": admin.role, "groups": new.groups});
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
    // Of a role that is gone nobody lacks anything.
    let permissions = roles::permissions_of(tx, &admin.role).await?.unwrap_or_default();
    rules::expect_given(&caller.actor, &permissions)?;
    Ok(admin)
}

/// Nobody gives a role that may do what he may not.
pub(crate) async fn expect_given(
    db: &impl ConnectionTrait,
    caller: &Caller,
    role: &RoleName,
) -> Result<(), AdminError> {
    let permissions = roles::permissions_of(db, role).await?.ok_or(AdminError::UnknownRole)?;
    rules::expect_given(&caller.actor, &permissions)
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

/// The admin with a new token for his password.
async fn invite(
    ctx: &Context,
    tx: &WriteTx,
    moment: &Moment<'_>,
    admin: admin::Model,
) -> Result<InvitedAdminResponse, Failure> {
    let (token, expires_at) = tokens::for_password(ctx, tx, moment, admin.id).await?;
    Ok(InvitedAdminResponse {
        admin: render(tx, admin).await?,
        password_token: token.expose_secret().to_owned(),
        password_token_expires_at: expires_at,
    })
}

fn email_taken(error: DbErr) -> AdminError {
    if violates(&error, EMAIL_TAKEN) { AdminError::EmailTaken } else { error.into() }
}
