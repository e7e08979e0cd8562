//! How often a machine may take over its own seat by licence key and fingerprint alone, which others may
//! know: often enough for answers that were lost.

use licentia_entity::reactivation::{ActiveModel, Column, Entity};
use licentia_types::ids::ActivationId;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::database::WriteTx;
use crate::failure::Failure;

/// Over how long they are counted: one that is so old is forgotten.
pub(crate) const PERIOD: Seconds = Seconds::constant(86_400);
const MOST: u64 = 3;

/// Whether the machine has none left at `now`. The licence's row is held, so nobody counts beside.
pub(super) async fn are_used_up(
    tx: &WriteTx,
    machine: ActivationId,
    now: Timestamp,
) -> Result<bool, Failure> {
    let counted = Entity::find()
        .filter(Column::ActivationId.eq(machine))
        .filter(Column::At.gt(now - PERIOD))
        .count(tx)
        .await?;
    Ok(counted >= MOST)
}

/// One more.
pub(super) async fn note(tx: &WriteTx, machine: ActivationId, now: Timestamp) -> Result<(), Failure> {
    let row = ActiveModel { activation_id: Set(machine), at: Set(now), ..Default::default() };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
