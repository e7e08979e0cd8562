//! Groups: boundaries around customers and licences.
//!
//! A principal that is bounded by groups knows of what is in one of them, and of nothing else: the rest is not there
//! for it. A customer is in one group or in none, and its licences are where it is. A group goes only when nothing
//! is in it, and nobody is bounded by it.

use licentia_entity::access_group;
use licentia_types::groups::{CreateGroupRequest, GroupResponse, UpdateGroupRequest};
use licentia_types::ids::GroupId;
use licentia_types::pages::PageResponse;
use licentia_types::problems::{FieldProblem, ProblemCode};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, IntoActiveModel};
use serde_json::json;

use crate::actors::Caller;
use crate::api_keys;
use crate::context::Context;
use crate::database::{Constraint, Lane, is_still_named, violates};
use crate::failure::{Failure, failed_from};
use crate::pages::{PageError, PageQuery};
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::{audit, once};

pub use bounds::BoundsError;
pub use placing::Unplaced;
pub(crate) use placing::{Placing, named};

pub(crate) mod bounds;
mod placing;
mod store;

const NAME_TAKEN: Constraint = Constraint { name: "access_group_name", columns: "access_group.name" };

/// Why an operation on a group was refused.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// No such group, or none that the caller may know of.
    #[error("there is no such group")]
    NotFound,
    /// Another group has the name.
    #[error("a group with this name exists")]
    NameTaken,
    /// Something would be nowhere.
    #[error(
        "customers or licences are in the group, or admins or API keys are bounded by it: move or revoke them first"
    )]
    InUse,
    /// Somebody else edited it.
    #[error("the group was changed in the meantime; its version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(GroupError);

impl Refusal for GroupError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::NameTaken => ProblemCode::AlreadyExists,
            Self::InUse => ProblemCode::InUse,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::NameTaken => vec![FieldProblem::new("/name", "TAKEN", self.to_string())],
            Self::NotFound | Self::InUse | Self::Stale { .. } | Self::Failed(_) => Vec::new(),
        }
    }
}

/// A page of groups.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    query: &PageQuery,
) -> Result<PageResponse<GroupResponse>, PageError> {
    Ok(store::list(&ctx.db, scope, query).await?.map(render))
}

/// One group.
///
/// # Errors
/// When there is none in `scope`.
pub async fn get(ctx: &Context, scope: Scope, id: GroupId) -> Result<GroupResponse, GroupError> {
    store::find(&ctx.db, scope, id).await?.map(render).ok_or(GroupError::NotFound)
}

/// Makes a group.
///
/// # Errors
/// When its name is taken.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    request: CreateGroupRequest,
) -> Result<GroupResponse, GroupError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let group = access_group::Model {
        id: GroupId::new(moment.new_uuid()?),
        name: request.name,
        description: request.description,
        created_at: moment.now,
        updated_at: moment.now,
        version: 1,
    };
    let tx = once::begin(ctx, caller).await?;
    let group = group.into_active_model().reset_all().insert(&tx).await.map_err(name_taken)?;
    let event = audit::Event::new("group.created", &group.id, json!({"name": group.name}));
    audit::record(&tx, &moment, caller, event.in_group(Some(group.id))).await?;
    let made = render(group);
    once::commit(ctx, &moment, caller, tx, &made).await?;
    Ok(made)
}

/// Edits a group.
///
/// # Errors
/// When there is none for the caller, `expected` is not its version, or its name is taken.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: GroupId,
    expected: Option<i64>,
    request: UpdateGroupRequest,
) -> Result<GroupResponse, GroupError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let before = store::find_locked(&tx, caller.actor.scope(), id).await?.ok_or(GroupError::NotFound)?;
    if expected.is_some_and(|version| version != before.version) {
        return Err(GroupError::Stale { current: before.version });
    }
    let group = access_group::Model {
        name: request.name.unwrap_or(before.name),
        description: request.description.apply(before.description),
        updated_at: moment.now,
        version: before.version + 1,
        ..before
    };
    let group = group.into_active_model().reset_all().update(&tx).await.map_err(name_taken)?;
    let event = audit::Event::new("group.updated", &id, json!({"name": group.name}));
    audit::record(&tx, &moment, caller, event.in_group(Some(id))).await?;
    tx.commit().await?;
    Ok(render(group))
}

/// Deletes a group that is empty, for good. Keys that were revoked stay on record without it.
///
/// # Errors
/// When there is none for the caller, something is in it, or somebody is bounded by it.
pub async fn delete(ctx: &Context, caller: &Caller, id: GroupId) -> Result<(), GroupError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let group = store::find_locked(&tx, caller.actor.scope(), id).await?.ok_or(GroupError::NotFound)?;
    api_keys::forget_group(&tx, id).await?;
    access_group::Entity::delete_by_id(id).exec(&tx).await.map_err(in_use)?;
    let event = audit::Event::new("group.deleted", &id, json!({"name": group.name}));
    audit::record(&tx, &moment, caller, event).await?;
    tx.commit().await?;
    Ok(())
}

fn render(group: access_group::Model) -> GroupResponse {
    GroupResponse {
        id: group.id,
        name: group.name,
        description: group.description,
        created_at: group.created_at,
        updated_at: group.updated_at,
        version: group.version,
    }
}

fn name_taken(error: DbErr) -> GroupError {
    if violates(&error, NAME_TAKEN) { GroupError::NameTaken } else { error.into() }
}

fn in_use(error: DbErr) -> GroupError {
    if is_still_named(&error) { GroupError::InUse } else { error.into() }
}
