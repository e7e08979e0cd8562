//! What machines activated with, kept so that it can be judged again: each manifest once, for all machines
//! that told the same, and for as long as one of them did.

use aws_lc_rs::digest::{SHA256, digest};
use licentia_entity::{activation, activation_manifest, assembly_manifest};
use licentia_types::assemblies::Assembly;
use licentia_types::ids::ActivationId;
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, OnConflict, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::{rules, store};
use crate::changes;
use crate::context::Context;
use crate::database::WriteTx;
use crate::failure::Failure;

use assembly_manifest::{ActiveModel, Column, Entity, Model};

const UNWRITABLE: Failure = Failure::Corrupt("assembly manifest");

/// How often a manifest is written that is forgotten before it is named.
const ATTEMPTS: usize = 3;

/// Keeps what a machine activated with, in place of what it told before. Whoever tells the same builds, in
/// whatever order, tells the same manifest.
pub(crate) async fn keep(tx: &WriteTx, machine: ActivationId, approved: &[Assembly]) -> Result<(), Failure> {
    let mut assemblies = approved.to_vec();
    assemblies.sort_unstable();
    let json = serde_json::to_vec(&assemblies).map_err(|_| UNWRITABLE)?;
    let name = digest(&SHA256, &json).as_ref().to_vec();
    for _ in 0..ATTEMPTS {
        write(tx, &name, &assemblies).await?;
        if tell(tx, machine, &name).await? {
            return Ok(());
        }
    }
    Err(Failure::Contended)
}

async fn write(tx: &WriteTx, name: &[u8], assemblies: &[Assembly]) -> Result<(), DbErr> {
    let row = |(place, assembly): (i32, &Assembly)| ActiveModel {
        digest: Set(name.to_vec()),
        place: Set(place),
        assembly_name: Set(assembly.assembly_name.clone()),
        version: Set(assembly.version.clone()),
        sha256: Set(assembly.sha256.clone()),
        public_key_token: Set(assembly.public_key_token.clone()),
        doubted_at: Set(None),
    };
    Entity::insert_many((0..).zip(assemblies).map(row))
        .on_conflict(OnConflict::columns([Column::Digest, Column::Place]).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The machine names a manifest, which is held until the transaction ends: nobody forgets it meanwhile.
/// False: it is not there any more.
async fn tell(tx: &WriteTx, machine: ActivationId, manifest: &[u8]) -> Result<bool, Failure> {
    use activation_manifest::Column::{ActivationId, Manifest};
    let first = Query::select()
        .expr(Expr::value(machine))
        .column(Column::Digest)
        .from(Entity)
        .and_where(Column::Digest.eq(manifest.to_vec()))
        .and_where(Column::Place.eq(0))
        .lock(LockType::KeyShare)
        .to_owned();
    let named = Query::insert()
        .into_table(activation_manifest::Entity)
        .columns([ActivationId, Manifest])
        .select_from(first)
        .map_err(|_| UNWRITABLE)?
        .on_conflict(OnConflict::column(ActivationId).update_column(Manifest).to_owned())
        .to_owned();
    Ok(tx.execute(&named).await?.rows_affected() > 0)
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
    if told.iter().all(|entry| entry.doubted_at.is_none()) {
        return Ok(None);
    }
    let told: Vec<Assembly> = told.into_iter().map(assembly).collect();
    let digests = told.iter().map(|assembly| assembly.sha256.clone());
    let approvals = store::standing_for(machine.license_id, digests).all(&ctx.db).await?;
    Ok(rules::first_unapproved(&told, &approvals).cloned())
}

/// What a machine activated with last.
async fn told_by(db: &impl ConnectionTrait, machine: ActivationId) -> Result<Vec<Model>, DbErr> {
    let manifest = activation_manifest::Entity::find_by_id(machine)
        .select_only()
        .column(activation_manifest::Column::Manifest);
    Entity::find()
        .filter(Column::Digest.in_subquery(manifest.into_query()))
        .order_by_asc(Column::Place)
        .all(db)
        .await
}

fn assembly(entry: Model) -> Assembly {
    let Model { assembly_name, version, sha256, public_key_token, .. } = entry;
    Assembly { assembly_name, version, sha256, public_key_token }
}

/// Some manifests that no machine names, in the order of their digests, after this one.
pub(crate) async fn unnamed(
    db: &impl ConnectionTrait,
    after: &[u8],
    most: u64,
) -> Result<Vec<Vec<u8>>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Digest)
        .filter(Column::Place.eq(0))
        .filter(Column::Digest.gt(after.to_vec()))
        .filter(Expr::exists(naming()).not())
        .order_by_asc(Column::Digest)
        .limit(most)
        .into_tuple()
        .all(db)
        .await
}

/// Forgets those of these manifests that no machine names, and that none is about to: whoever names one
/// holds it, and is not waited for; whoever comes later writes it anew.
pub(crate) async fn forget_unnamed(tx: &WriteTx, digests: Vec<Vec<u8>>) -> Result<(), DbErr> {
    let free: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::Digest)
        .filter(Column::Place.eq(0))
        .filter(Column::Digest.is_in(digests))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(tx)
        .await?;
    // A statement of its own: it sees whoever let go of one before it was taken.
    Entity::delete_many()
        .filter(Column::Digest.is_in(free))
        .filter(Expr::exists(naming()).not())
        .exec(tx)
        .await?;
    Ok(())
}

/// The machines that name a manifest.
fn naming() -> SelectStatement {
    use activation_manifest::Column::Manifest;
    Query::select()
        .expr(Expr::value(1))
        .from(activation_manifest::Entity)
        .and_where(Expr::col((activation_manifest::Entity, Manifest)).equals((Entity, Column::Digest)))
        .to_owned()
}
