//! Within which groups a principal acts, an admin or an API key: a table of links beside its own says so.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use licentia_types::change::Change;
use licentia_types::ids::GroupId;
use licentia_types::problems::{FieldProblem, ProblemCode};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    QueryTrait, TryGetable, Value,
};

use super::Placing;
use crate::actors::Actor;
use crate::database::WriteTx;
use crate::scope::Groups;

/// Why a principal is not bounded so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// Nothing would be there for him. Both ways to be bounded by nothing are said otherwise.
    #[error("must name at least one group; leave it out, or send null, for none")]
    Nowhere,
    /// He would reach further than whoever makes or edits him.
    #[error(
        "nobody reaches further than whoever bounds him: only a principal without groups takes them away"
    )]
    Beyond,
    /// No such group, or none that the caller may know of.
    #[error("there is no such group")]
    Unknown,
}

impl BoundsError {
    pub(crate) const fn code(self) -> ProblemCode {
        match self {
            Self::Beyond => ProblemCode::PermissionDenied,
            Self::Nowhere | Self::Unknown => ProblemCode::ValidationFailed,
        }
    }

    pub(crate) fn fields(self) -> Vec<FieldProblem> {
        let refused = |code| vec![FieldProblem::new("/groups", code, self.to_string())];
        match self {
            Self::Nowhere => refused("INVALID"),
            Self::Unknown => refused("UNKNOWN"),
            Self::Beyond => Vec::new(),
        }
    }
}

/// The groups of somebody new: those that are named, or those of whoever makes him.
pub(crate) fn of_new(
    actor: &Actor,
    named: Option<BTreeSet<GroupId>>,
) -> Result<Option<BTreeSet<GroupId>>, BoundsError> {
    match named {
        Some(named) if named.is_empty() => Err(BoundsError::Nowhere),
        Some(named) => Ok(Some(named)),
        None => Ok(actor.groups().map(|own| own.ids().clone())),
    }
}

/// The groups of somebody who is edited.
pub(crate) fn of_edited(
    actor: &Actor,
    before: Option<BTreeSet<GroupId>>,
    change: Change<BTreeSet<GroupId>>,
) -> Result<Option<BTreeSet<GroupId>>, BoundsError> {
    match change {
        Change::Keep => Ok(before),
        Change::Clear if actor.is_unbounded() => Ok(None),
        Change::Clear => Err(BoundsError::Beyond),
        Change::Set(named) if named.is_empty() => Err(BoundsError::Nowhere),
        Change::Set(named) => Ok(Some(named)),
    }
}

/// Whether the caller may name all of these groups; they stay until the transaction ends.
pub(crate) async fn are_known(
    tx: &WriteTx,
    actor: &Actor,
    groups: Option<&BTreeSet<GroupId>>,
) -> Result<bool, DbErr> {
    let all = groups.into_iter().flatten().copied();
    let placing = Placing::of(tx, actor, all.clone()).await?;
    Ok(all.into_iter().all(|group| placing.place(Some(group)).is_ok()))
}

/// Those who act within some of these groups, and nowhere else: `of` and `group` are the columns of the links, `id` and
/// `bounded` those of the principals.
pub(crate) fn inside<L: EntityTrait>(
    groups: &Groups,
    (of, group): (L::Column, L::Column),
    (id, bounded): (impl ColumnTrait, impl ColumnTrait),
) -> Condition {
    let links = || L::find().select_only().column(of);
    let inside = group.is_in(groups.ids().iter().copied());
    let beyond = links().filter(inside.clone().not()).into_query();
    Condition::all()
        .add(bounded.eq(true))
        .add(id.in_subquery(links().filter(inside).into_query()))
        .add(id.not_in_subquery(beyond))
}

/// The groups of each of these, all of whom are bounded.
pub(crate) async fn linked<L: EntityTrait, Id>(
    db: &impl ConnectionTrait,
    (of, group): (L::Column, L::Column),
    ids: Vec<Id>,
) -> Result<HashMap<Id, BTreeSet<GroupId>>, DbErr>
where
    Id: TryGetable + Into<Value> + Eq + Hash + Copy + Send + Sync,
{
    let mut groups: HashMap<Id, BTreeSet<GroupId>> = ids.iter().map(|id| (*id, BTreeSet::new())).collect();
    if ids.is_empty() {
        return Ok(groups);
    }
    let links = L::find().select_only().columns([of, group]).filter(of.is_in(ids));
    for (id, group) in links.into_tuple::<(Id, GroupId)>().all(db).await? {
        groups.entry(id).or_default().insert(group);
    }
    Ok(groups)
}
