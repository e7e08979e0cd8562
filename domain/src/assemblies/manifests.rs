//! What machines activated with, kept so that it can be judged again. Whose manifest names a build of
//! which an approval was withdrawn is in doubt until it activates again; who is, every instance knows in
//! memory, and of nobody else anything has to be read.

use aws_lc_rs::digest::{SHA256, digest};
use licentia_entity::{activation, activation_manifest, assembly_manifest};
use licentia_types::assemblies::{Assembly, Sha256};
use licentia_types::ids::ActivationId;
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::{rules, store};
use crate::changes;
use crate::context::Context;
use crate::database::WriteTx;
use crate::failure::Failure;

/// Keeps what a machine activated with, in place of what it told before.
pub(crate) async fn keep(
    tx: &WriteTx,
    machine: ActivationId,
    assemblies: &[Assembly],
) -> Result<(), Failure> {
    use assembly_manifest::{ActiveModel, Column, Entity};
    const UNWRITABLE: Failure = Failure::Corrupt("assembly manifest");
    let json = serde_json::to_vec(assemblies).map_err(|_| UNWRITABLE)?;
    let name = digest(&SHA256, &json).as_ref().to_vec();
    let row = |(place, assembly): (i32, &Assembly)| ActiveModel {
        digest: Set(name.clone()),
        place: Set(place),
        assembly_name: Set(assembly.assembly_name.clone()),
        version: Set(assembly.version.clone()),
        sha256: Set(assembly.sha256.clone()),
        public_key_token: Set(assembly.public_key_token.clone()),
    };
    Entity::insert_many((0..).zip(assemblies).map(row))
        .on_conflict(OnConflict::columns([Column::Digest, Column::Place]).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(tell(tx, machine, name).await?)
}

async fn tell(tx: &WriteTx, machine: ActivationId, manifest: Vec<u8>) -> Result<(), DbErr> {
    use activation_manifest::{ActiveModel, Column, Entity};
    let row = ActiveModel { activation_id: Set(machine), manifest: Set(manifest), doubted_at: Set(None) };
    let instead = OnConflict::column(Column::ActivationId)
        .update_columns([Column::Manifest, Column::DoubtedAt])
        .to_owned();
    Entity::insert(row).on_conflict(instead).exec_without_returning(tx).await?;
    Ok(())
}

/// Doubts every machine that activated with this build. Their rows are taken in one order: two builds that
/// are withdrawn at once may be of the same machines.
pub(super) async fn doubt(tx: &WriteTx, build: &Sha256, now: Timestamp) -> Result<(), DbErr> {
    use activation_manifest::{Column, Entity};
    let naming = assembly_manifest::Entity::find()
        .select_only()
        .column(assembly_manifest::Column::Digest)
        .filter(assembly_manifest::Column::Sha256.eq(build.clone()));
    let trusted = Entity::find()
        .select_only()
        .column(Column::ActivationId)
        .filter(Column::Manifest.in_subquery(naming.into_query()))
        .filter(Column::DoubtedAt.is_null())
        .order_by_asc(Column::ActivationId)
        .lock_exclusive();
    Entity::update_many()
        .col_expr(Column::DoubtedAt, now.into())
        .filter(Column::ActivationId.in_subquery(trusted.into_query()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Machines that are in doubt.
pub(crate) async fn doubted(db: &impl ConnectionTrait) -> Result<Vec<ActivationId>, DbErr> {
    activation_manifest::Entity::find()
        .select_only()
        .column(activation_manifest::Column::ActivationId)
        .filter(activation_manifest::Column::DoubtedAt.is_not_null())
        .into_tuple()
        .all(db)
        .await
}

/// The first build that a machine activated with and that is not approved any more. Without a statement for
/// a machine that is not in doubt.
pub(crate) async fn unapproved(
    ctx: &Context,
    machine: &activation::Model,
    now: Timestamp,
) -> Result<Option<Assembly>, Failure> {
    if !changes::is_doubted(ctx, machine.id, now).await {
        return Ok(None);
    }
    let told = told_by(&ctx.db, machine.id).await?;
    let digests = told.iter().map(|assembly| assembly.sha256.clone());
    let approvals = store::standing_for(machine.license_id, digests).all(&ctx.db).await?;
    Ok(rules::first_unapproved(&told, &approvals).cloned())
}

/// What a machine activated with last.
async fn told_by(db: &impl ConnectionTrait, machine: ActivationId) -> Result<Vec<Assembly>, DbErr> {
    use assembly_manifest::{Column, Entity, Model};
    let manifest = activation_manifest::Entity::find_by_id(machine)
        .select_only()
        .column(activation_manifest::Column::Manifest);
    let rows = Entity::find()
        .filter(Column::Digest.in_subquery(manifest.into_query()))
        .order_by_asc(Column::Place)
        .all(db)
        .await?;
    let assembly = |row: Model| {
        let Model { assembly_name, version, sha256, public_key_token, .. } = row;
        Assembly { assembly_name, version, sha256, public_key_token }
    };
    Ok(rows.into_iter().map(assembly).collect())
}
