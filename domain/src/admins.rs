//! Admins: people who sign in to administer the server. There is no default account: the first one is made by a token
//! that the start prints ([`setup`]), or by the operator. Each has a role, which is looked up at every request, and a
//! password, which only he knows. One at least may do everything, and stays.

use licentia_entity::admin;
use licentia_types::admins::{AdminResponse, CreateAdminRequest, InvitedAdminResponse, UpdateAdminRequest};
use licentia_types::ids::AdminId;
use licentia_types::pages::PageResponse;
use licentia_types::permissions::{Permission, names};
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::roles::Role;
use licentia_types::text::{Email, Key, Name};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, IntoActiveModel};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Constraint, Lane, WriteTx, violates};
use crate::failure::{Failure, failed_from};
use crate::pages::{PageError, PageQuery};
use crate::refusal::Refusal;
use crate::sessions;
use crate::{audit, once};

pub use setup::{Installed, SetupError, install, offer, set_up};

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
            Self::UnknownRole => ProblemCode::ValidationFailed,
            Self::LastSuperAdmin | Self::Disabled => ProblemCode::StateConflict,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::EmailTaken => vec![FieldProblem::new("/email", "TAKEN", self.to_string())],
            Self::UnknownRole => vec![FieldProblem::new("/role", "UNKNOWN", self.to_string())],
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
pub async fn list(ctx: &Context, query: &PageQuery) -> Result<PageResponse<AdminResponse>, PageError> {
    Ok(store::list(&ctx.db, query).await?.map(rules::render))
}

/// Every admin, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_all(ctx: &Context) -> Result<Vec<AdminResponse>, AdminError> {
    Ok(store::all(&ctx.db).await?.into_iter().map(rules::render).collect())
}

/// One admin.
///
/// # Errors
/// When there is none.
pub async fn get(ctx: &Context, id: AdminId) -> Result<AdminResponse, AdminError> {
    store::find(&ctx.db, id).await?.map(rules::render).ok_or(AdminError::NotFound)
}

/// The admin who signs in with this address.
///
/// # Errors
/// When there is none.
pub async fn named(ctx: &Context, email: &Email) -> Result<AdminResponse, AdminError> {
    let found = store::find_by_email(&ctx.db, &rules::folded(email)).await?;
    found.map(rules::render).ok_or(AdminError::NotFound)
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
    rules::expect_given(&caller.actor, &request.role)?;
    let tx = once::begin(ctx, caller).await?;
    let CreateAdminRequest { email, name, role } = request;
    let admin = insert(&tx, &moment, caller, NewAdmin { email, name, role, password_hash: None }).await?;
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
        rules::expect_given(&caller.actor, &role)?;
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
    let detail = json!({"email": admin.email, "name": admin.name, "role": admin.role});
    let admin = write(&tx, &moment, admin).await.map_err(email_taken)?;
    audit::record(&tx, &moment, caller, audit::Event::new("admin.updated", &id, detail)).await?;
    tx.commit().await?;
    Ok(rules::render(admin))
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
        return Ok(rules::render(admin));
    }
    expect_dispensable(&admin, others)?;
    tokens::delete_of(&tx, id).await?;
    sessions::store::delete_of(&tx, id, None).await?;
    let admin = write(&tx, &moment, admin::Model { disabled_at: Some(moment.now), ..admin }).await?;
    audit::record(&tx, &moment, caller, audit::Event::new("admin.disabled", &id, json!({}))).await?;
    tx.commit().await?;
    Ok(rules::render(admin))
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
        return Ok(rules::render(admin));
    }
    let admin = write(&tx, &moment, admin::Model { disabled_at: None, ..admin }).await?;
    audit::record(&tx, &moment, caller, audit::Event::new("admin.enabled", &id, json!({}))).await?;
    let shown = rules::render(admin);
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
    pub(crate) role: Key,
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
    };
    let row = admin.clone().into_active_model().reset_all();
    admin::Entity::insert(row).exec_without_returning(tx).await.map_err(email_taken)?;
    let detail = json!({"email": admin.email, "name": admin.name, "role": admin.role});
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
    let admin = store::find_locked(tx, id).await?.ok_or(AdminError::NotFound)?;
    rules::expect_given(&caller.actor, &admin.role)?;
    Ok(admin)
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
        admin: rules::render(admin),
        password_token: token.expose_secret().to_owned(),
        password_token_expires_at: expires_at,
    })
}

fn email_taken(error: DbErr) -> AdminError {
    if violates(&error, EMAIL_TAKEN) { AdminError::EmailTaken } else { error.into() }
}
