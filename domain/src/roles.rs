//! Roles: named sets of permissions. The built-in ones are a table of the program; a vendor makes others beside them.
//!
//! An API key that is made of a role keeps what the role had then. People have a role by its name, and what it may do
//! is looked up with each of their requests ([`permissions_of`]), so a name never changes.

use std::collections::BTreeSet;

use licentia_entity::api_key::Permissions;
use licentia_entity::custom_role;
use licentia_types::permissions::{Permission, names};
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::roles::{CreateRoleRequest, Role, RoleResponse, RolesResponse, UpdateRoleRequest};
use licentia_types::text::RoleName;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use serde_json::json;

use crate::actors::{Actor, Caller};
use crate::admins;
use crate::context::Context;
use crate::database::{Constraint, Lane, WriteTx, violates};
use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;
use crate::{audit, once, one_time_tokens};

mod store;

const NAME_TAKEN: Constraint = Constraint { name: "custom_role_pkey", columns: "custom_role.name" };

/// Why an operation on a role was refused.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// No such role.
    #[error("there is no such role")]
    NotFound,
    /// The name of another role, built in or not.
    #[error("a role with this name exists")]
    NameTaken,
    /// Every installation has it.
    #[error("the role is built in, and stays as it is; make another one")]
    BuiltIn,
    /// A role that is good for nothing.
    #[error("must name at least one permission")]
    NothingAllowed,
    /// The caller would give, or change, what he does not have.
    #[error("nobody gives or changes what he lacks; you lack {}", names(.0))]
    Lacking(Vec<Permission>),
    /// Somebody would be left without.
    #[error("admins have the role: give them another one first")]
    InUse,
    /// Somebody else edited it.
    #[error("the role was changed in the meantime; its version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(RoleError);

impl Refusal for RoleError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::NameTaken => ProblemCode::AlreadyExists,
            Self::BuiltIn => ProblemCode::StateConflict,
            Self::InUse => ProblemCode::InUse,
            Self::NothingAllowed => ProblemCode::ValidationFailed,
            Self::Lacking(_) => ProblemCode::PermissionDenied,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::NameTaken => vec![FieldProblem::new("/name", "TAKEN", self.to_string())],
            Self::NothingAllowed => vec![FieldProblem::new("/permissions", "INVALID", self.to_string())],
            Self::NotFound
            | Self::BuiltIn
            | Self::InUse
            | Self::Lacking(_)
            | Self::Stale { .. }
            | Self::Failed(_) => Vec::new(),
        }
    }
}

/// What a role may do now; none: there is no such role.
///
/// # Errors
/// When the database fails.
pub async fn permissions_of(
    db: &impl ConnectionTrait,
    name: &RoleName,
) -> Result<Option<BTreeSet<Permission>>, DbErr> {
    if let Some(role) = Role::named(name.as_str()) {
        return Ok(Some(role.permissions()));
    }
    Ok(store::find(db, name).await?.map(|role| role.permissions.0))
}

/// The same, and the role is neither edited nor deleted until the transaction ends.
pub(crate) async fn hold(tx: &WriteTx, name: &RoleName) -> Result<Option<BTreeSet<Permission>>, DbErr> {
    if let Some(role) = Role::named(name.as_str()) {
        return Ok(Some(role.permissions()));
    }
    Ok(store::find_shared(tx, name).await?.map(|role| role.permissions.0))
}

/// Every role: those that were made here are for whoever manages access, the built-in ones for everybody.
///
/// # Errors
/// When the database fails.
pub async fn list(ctx: &Context, actor: &Actor) -> Result<RolesResponse, RoleError> {
    let mut items = Role::ALL.into_iter().map(built_in).collect::<Result<Vec<_>, Failure>>()?;
    if actor.may(Permission::AdminsRead) {
        items.extend(store::all(&ctx.db).await?.into_iter().map(render));
    }
    Ok(RolesResponse { items })
}

/// One role.
///
/// # Errors
/// When there is none of this name.
pub async fn get(ctx: &Context, name: &RoleName) -> Result<RoleResponse, RoleError> {
    if let Some(role) = Role::named(name.as_str()) {
        return Ok(built_in(role)?);
    }
    store::find(&ctx.db, name).await?.map(render).ok_or(RoleError::NotFound)
}

/// Makes a role.
///
/// # Errors
/// When its name is taken, or it would be given what the caller lacks.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    request: CreateRoleRequest,
) -> Result<RoleResponse, RoleError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    if Role::named(request.name.as_str()).is_some() {
        return Err(RoleError::NameTaken);
    }
    expect_given(&caller.actor, &request.permissions)?;
    let moment = ctx.moment();
    let role = custom_role::Model {
        name: request.name,
        description: request.description,
        permissions: Permissions(request.permissions),
        created_at: moment.now,
        updated_at: moment.now,
        version: 1,
    };
    let tx = once::begin(ctx, caller).await?;
    let role = role.into_active_model().reset_all().insert(&tx).await.map_err(name_taken)?;
    let detail = json!({"permissions": role.permissions});
    audit::record(&tx, &moment, caller, audit::Event::new("role.created", &role.name, detail)).await?;
    let made = render(role);
    once::commit(ctx, &moment, caller, tx, &made).await?;
    Ok(made)
}

/// Edits a role. People who have it may do what it says from their next request on.
///
/// # Errors
/// When there is none that the caller may change, `expected` is not its version, or it would be given what he lacks.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    name: &RoleName,
    expected: Option<i64>,
    request: UpdateRoleRequest,
) -> Result<RoleResponse, RoleError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let before = held(&tx, caller, name, expected).await?;
    if let Some(permissions) = &request.permissions {
        expect_given(&caller.actor, permissions)?;
    }
    let role = custom_role::Model {
        description: request.description.apply(before.description),
        permissions: request.permissions.map_or(before.permissions, Permissions),
        updated_at: moment.now,
        version: before.version + 1,
        ..before
    };
    let role = role.into_active_model().reset_all().update(&tx).await?;
    // Whoever still has a token for the password of somebody with the role was trusted with what it was before.
    one_time_tokens::delete_of_role(&tx, name).await?;
    let detail = json!({"permissions": role.permissions});
    audit::record(&tx, &moment, caller, audit::Event::new("role.updated", name, detail)).await?;
    tx.commit().await?;
    Ok(render(role))
}

/// Deletes a role for good.
///
/// # Errors
/// When there is none that the caller may change.
pub async fn delete(ctx: &Context, caller: &Caller, name: &RoleName) -> Result<(), RoleError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let role = held(&tx, caller, name, None).await?;
    // API keys keep what the role had; admins have it by its name.
    if admins::store::any_with(&tx, name).await? {
        return Err(RoleError::InUse);
    }
    custom_role::Entity::delete_by_id(name.clone()).exec(&tx).await?;
    let detail = json!({"permissions": role.permissions});
    audit::record(&tx, &moment, caller, audit::Event::new("role.deleted", name, detail)).await?;
    tx.commit().await?;
    Ok(())
}

/// Holds a role that the caller may change until the transaction ends: one that may do more than he is not his.
async fn held(
    tx: &WriteTx,
    caller: &Caller,
    name: &RoleName,
    expected: Option<i64>,
) -> Result<custom_role::Model, RoleError> {
    if Role::named(name.as_str()).is_some() {
        return Err(RoleError::BuiltIn);
    }
    let role = store::find_locked(tx, name).await?.ok_or(RoleError::NotFound)?;
    expect_given(&caller.actor, &role.permissions.0)?;
    match expected {
        Some(version) if version != role.version => Err(RoleError::Stale { current: role.version }),
        _ => Ok(role),
    }
}

/// Nobody gives what he lacks, and nobody gives nothing.
fn expect_given(actor: &Actor, permissions: &BTreeSet<Permission>) -> Result<(), RoleError> {
    if permissions.is_empty() {
        return Err(RoleError::NothingAllowed);
    }
    let lacking = actor.lacks(permissions);
    if lacking.is_empty() { Ok(()) } else { Err(RoleError::Lacking(lacking)) }
}

fn built_in(role: Role) -> Result<RoleResponse, Failure> {
    let corrupt = |_| Failure::Corrupt("built-in role");
    Ok(RoleResponse {
        name: role.as_str().parse().map_err(corrupt)?,
        built_in: true,
        description: Some(role.description().parse().map_err(corrupt)?),
        permissions: role.permissions(),
        created_at: None,
        updated_at: None,
        version: None,
    })
}

fn render(role: custom_role::Model) -> RoleResponse {
    RoleResponse {
        name: role.name,
        built_in: false,
        description: role.description,
        permissions: role.permissions.0,
        created_at: Some(role.created_at),
        updated_at: Some(role.updated_at),
        version: Some(role.version),
    }
}

fn name_taken(error: DbErr) -> RoleError {
    if violates(&error, NAME_TAKEN) { RoleError::NameTaken } else { error.into() }
}
