//! Which builds that machines told may not be approved any more. A withdrawal marks its build where it stands
//! in a manifest, once for all machines that told the same; approving the build for all takes the mark away.
//! What is not marked is approved for every licence whose machines told it.

use licentia_entity::{activation_manifest, assembly_approval, assembly_manifest};
use licentia_types::assemblies::Assembly;
use licentia_types::ids::ActivationId;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, LockType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use super::rules;
use crate::database::WriteTx;

use assembly_manifest::{Column, Entity};

/// Doubts the build of an approval that is withdrawn.
pub(super) async fn doubt(
    tx: &WriteTx,
    approval: &assembly_approval::Model,
    now: Timestamp,
) -> Result<(), DbErr> {
    let trusted = of(&rules::build(approval)).add(Column::DoubtedAt.is_null());
    mark(tx, trusted, Some(now)).await
}

/// Ends the doubt of builds that are approved for all; the approvals are held, so that none is withdrawn
/// meanwhile.
pub(super) async fn trust(tx: &WriteTx, approvals: &[assembly_approval::Model]) -> Result<(), DbErr> {
    let digests = approvals.iter().map(|approval| approval.sha256.clone());
    let doubted = Column::DoubtedAt.is_not_null();
    let columns = [Column::AssemblyName, Column::Version, Column::Sha256, Column::PublicKeyToken];
    let found: Vec<(_, _, _, _)> = Entity::find()
        .select_only()
        .columns(columns)
        .distinct()
        .filter(Column::Sha256.is_in(digests))
        .filter(doubted.clone())
        .into_tuple()
        .all(tx)
        .await?;
    let again = found.into_iter().map(|(assembly_name, version, sha256, public_key_token)| Assembly {
        assembly_name,
        version,
        sha256,
        public_key_token,
    });
    for build in again {
        if approvals.iter().any(|approval| rules::build(approval) == build) {
            mark(tx, of(&build).add(doubted.clone()), None).await?;
        }
    }
    Ok(())
}

/// This build, wherever it stands.
fn of(build: &Assembly) -> Condition {
    let token = match &build.public_key_token {
        None => Column::PublicKeyToken.is_null(),
        Some(token) => Column::PublicKeyToken.eq(token.clone()),
    };
    Condition::all()
        .add(Column::Sha256.eq(build.sha256.clone()))
        .add(Column::AssemblyName.eq(build.assembly_name.clone()))
        .add(Column::Version.eq(build.version.clone()))
        .add(token)
}

/// The rows are taken in one order: others may mark the same ones at this instant.
async fn mark(tx: &WriteTx, these: Condition, doubted_at: Option<Timestamp>) -> Result<(), DbErr> {
    let key = [Column::Digest, Column::Place];
    let rows = Entity::find()
        .select_only()
        .columns(key)
        .filter(these)
        .order_by_asc(Column::Digest)
        .order_by_asc(Column::Place)
        .lock(LockType::NoKeyUpdate);
    Entity::update_many()
        .col_expr(Column::DoubtedAt, Expr::value(doubted_at))
        .filter(Expr::tuple(key.map(Expr::col)).in_subquery(rows.into_query()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Machines that told a build that is in doubt; of many, no more than `most`.
pub(crate) async fn doubted(db: &impl ConnectionTrait, most: u64) -> Result<Vec<ActivationId>, DbErr> {
    let manifests =
        Entity::find().select_only().column(Column::Digest).filter(Column::DoubtedAt.is_not_null());
    activation_manifest::Entity::find()
        .select_only()
        .column(activation_manifest::Column::ActivationId)
        .filter(activation_manifest::Column::Manifest.in_subquery(manifests.into_query()))
        .limit(most)
        .into_tuple()
        .all(db)
        .await
}
