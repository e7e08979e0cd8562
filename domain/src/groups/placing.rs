//! Into which group something goes that is made or moved.

use std::collections::BTreeSet;

use licentia_types::change::Change;
use licentia_types::ids::GroupId;
use licentia_types::problems::FieldProblem;
use sea_orm::DbErr;

use super::store;
use crate::actors::Actor;
use crate::database::WriteTx;
use crate::scope::Groups;

/// Why something has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unplaced {
    /// No such group, or none that the caller may know of.
    #[error("there is no such group")]
    Unknown,
    /// The caller acts within several groups, or would lose it.
    #[error("say in which of your groups it shall be")]
    Unsaid,
}

impl Unplaced {
    pub(crate) fn field(self, pointer: &str) -> FieldProblem {
        let code = match self {
            Self::Unknown => "UNKNOWN",
            Self::Unsaid => "REQUIRED",
        };
        FieldProblem::new(pointer, code, self.to_string())
    }
}

/// What somebody may put where. The groups stay until the transaction ends.
#[derive(Debug)]
pub(crate) struct Placing {
    /// Within which the caller acts; none: bounded by none.
    own: Option<Groups>,
    /// Groups that the caller named, and that are there.
    named: BTreeSet<GroupId>,
}

impl Placing {
    /// Finds out which of the groups that are named are there. Whoever names none asks nothing.
    pub(crate) async fn of(
        tx: &WriteTx,
        actor: &Actor,
        named: impl IntoIterator<Item = GroupId>,
    ) -> Result<Self, DbErr> {
        let own = actor.groups().cloned();
        let named: BTreeSet<GroupId> = named.into_iter().collect();
        let named = if named.is_empty() { named } else { store::hold(tx, named).await? };
        Ok(Self { own, named })
    }

    /// The group of something new; none: it is in no group.
    pub(crate) fn place(&self, wanted: Option<GroupId>) -> Result<Option<GroupId>, Unplaced> {
        match (wanted, &self.own) {
            (None, None) => Ok(None),
            (None, Some(own)) => own.only().map(Some).ok_or(Unplaced::Unsaid),
            (Some(wanted), Some(own)) if own.ids().contains(&wanted) => Ok(Some(wanted)),
            (Some(wanted), None) if self.named.contains(&wanted) => Ok(Some(wanted)),
            (Some(_), _) => Err(Unplaced::Unknown),
        }
    }

    /// The group of something that is edited.
    pub(crate) fn moved(
        &self,
        before: Option<GroupId>,
        change: Change<GroupId>,
    ) -> Result<Option<GroupId>, Unplaced> {
        match (change, &self.own) {
            (Change::Keep, _) => Ok(before),
            (Change::Clear, None) => Ok(None),
            // Nobody could bring it back.
            (Change::Clear, Some(_)) => Err(Unplaced::Unsaid),
            (Change::Set(wanted), _) => self.place(Some(wanted)),
        }
    }
}

/// The group that an edit names.
pub(crate) const fn named(change: &Change<GroupId>) -> Option<GroupId> {
    match change {
        Change::Set(id) => Some(*id),
        Change::Keep | Change::Clear => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn group(number: u128) -> GroupId {
        GroupId::new(Uuid::from_u128(number))
    }

    fn within(groups: &[u128]) -> Placing {
        let ids = groups.iter().map(|number| group(*number)).collect();
        Placing { own: Some(Groups::of(ids)), named: BTreeSet::new() }
    }

    fn without_groups(there: &[u128]) -> Placing {
        Placing { own: None, named: there.iter().map(|number| group(*number)).collect() }
    }

    #[test]
    fn somebody_with_one_group_puts_everything_there() {
        assert_eq!(within(&[1]).place(None), Ok(Some(group(1))));
        assert_eq!(within(&[1]).place(Some(group(1))), Ok(Some(group(1))));
    }

    #[test]
    fn somebody_with_several_groups_says_which() {
        assert_eq!(within(&[1, 2]).place(None), Err(Unplaced::Unsaid));
        assert_eq!(within(&[1, 2]).place(Some(group(2))), Ok(Some(group(2))));
        assert_eq!(within(&[]).place(None), Err(Unplaced::Unsaid));
    }

    #[test]
    fn a_foreign_group_is_as_one_that_is_not_there() {
        assert_eq!(within(&[1]).place(Some(group(2))), Err(Unplaced::Unknown));
        assert_eq!(without_groups(&[1]).place(Some(group(2))), Err(Unplaced::Unknown));
        assert_eq!(without_groups(&[1]).place(Some(group(1))), Ok(Some(group(1))));
        assert_eq!(without_groups(&[]).place(None), Ok(None));
    }

    #[test]
    fn nobody_moves_what_is_his_out_of_his_sight() {
        let before = Some(group(1));
        assert_eq!(within(&[1, 2]).moved(before, Change::Set(group(2))), Ok(Some(group(2))));
        assert_eq!(within(&[1, 2]).moved(before, Change::Set(group(3))), Err(Unplaced::Unknown));
        assert_eq!(within(&[1]).moved(before, Change::Clear), Err(Unplaced::Unsaid));
        assert_eq!(within(&[1]).moved(before, Change::Keep), Ok(before));
        assert_eq!(without_groups(&[]).moved(before, Change::Clear), Ok(None));
    }
}
