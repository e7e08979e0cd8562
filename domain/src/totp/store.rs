//! Queries on steps and recovery codes. What is used up is used up by the statement that finds it.

use licentia_entity::{admin, recovery_code};
use licentia_types::ids::AdminId;
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel, QueryFilter};

use crate::database::WriteTx;

/// Marks a step as used; false when it was, or a later one.
pub(super) async fn take_step(tx: &WriteTx, id: AdminId, step: i64) -> Result<bool, DbErr> {
    let earlier =
        Condition::any().add(admin::Column::TotpLastStep.is_null()).add(admin::Column::TotpLastStep.lt(step));
    let marked = admin::Entity::update_many()
        .col_expr(admin::Column::TotpLastStep, step.into())
        .filter(admin::Column::Id.eq(id))
        .filter(earlier)
        .exec(tx)
        .await?;
    Ok(marked.rows_affected == 1)
}

/// So many wrong codes were shown since the last good one.
pub(super) async fn count_failures(tx: &WriteTx, id: AdminId, failures: i32) -> Result<(), DbErr> {
    admin::Entity::update_many()
        .col_expr(admin::Column::TotpFailures, failures.into())
        .filter(admin::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Uses a recovery code up; false when there is no such one.
pub(super) async fn take_recovery_code(tx: &WriteTx, id: AdminId, digest: &[u8]) -> Result<bool, DbErr> {
    let deleted = recovery_code::Entity::delete_many()
        .filter(recovery_code::Column::Digest.eq(digest))
        .filter(recovery_code::Column::AdminId.eq(id))
        .exec(tx)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// These are the recovery codes of an admin from now on.
pub(super) async fn replace_recovery_codes(
    tx: &WriteTx,
    admin_id: AdminId,
    digests: Vec<Vec<u8>>,
) -> Result<(), DbErr> {
    delete_recovery_codes(tx, admin_id).await?;
    let rows = digests
        .into_iter()
        .map(|digest| recovery_code::Model { digest, admin_id }.into_active_model().reset_all());
    recovery_code::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// An admin has no recovery codes any more.
pub(super) async fn delete_recovery_codes(tx: &WriteTx, id: AdminId) -> Result<(), DbErr> {
    recovery_code::Entity::delete_many().filter(recovery_code::Column::AdminId.eq(id)).exec(tx).await?;
    Ok(())
}
