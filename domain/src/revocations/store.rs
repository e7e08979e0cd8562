//! Everything that was taken back, or is on hold: ids and instants.

use licentia_entity::{activation, license};
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::revocation::Revoked;
use licentia_types::time::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::signing_keys;

/// What the list tells, each part in the order of its ids.
pub(super) struct Standing {
    pub(super) revoked: Vec<Revoked>,
    pub(super) suspended: Vec<String>,
    pub(super) revoked_kids: Vec<String>,
}

/// When something was taken back, and until when it may go on.
type Instants = (Option<Timestamp>, Option<Timestamp>);

pub(super) async fn standing(db: &impl ConnectionTrait) -> Result<Standing, DbErr> {
    // First: what is revoked meanwhile is found among the revoked then, and not in between.
    let suspended = suspended(db).await?.iter().map(ToString::to_string).collect();
    let licenses = licenses(db).await?.into_iter().map(|(id, instants)| revoked(&id, instants));
    let machines = machines(db).await?.into_iter().map(|(id, instants)| revoked(&id, instants));
    Ok(Standing {
        revoked: licenses.chain(machines).collect(),
        suspended,
        revoked_kids: signing_keys::revoked_kids(db).await?,
    })
}

fn revoked(id: &impl ToString, (revoked_at, grace_until): Instants) -> Revoked {
    Revoked { id: id.to_string(), from: grace_until.or(revoked_at).map_or(0, Timestamp::seconds) }
}

async fn licenses(db: &impl ConnectionTrait) -> Result<Vec<(LicenseId, Instants)>, DbErr> {
    use license::Column::{GraceUntil, Id, RevokedAt, Status};
    let rows: Vec<(LicenseId, Option<Timestamp>, Option<Timestamp>)> = license::Entity::find()
        .select_only()
        .columns([Id, RevokedAt, GraceUntil])
        .filter(Status.eq(license::Status::Revoked))
        .order_by_asc(Id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, revoked_at, grace_until)| (id, (revoked_at, grace_until))).collect())
}

async fn machines(db: &impl ConnectionTrait) -> Result<Vec<(ActivationId, Instants)>, DbErr> {
    use activation::Column::{GraceUntil, Id, RevokedAt, Status};
    let rows: Vec<(ActivationId, Option<Timestamp>, Option<Timestamp>)> = activation::Entity::find()
        .select_only()
        .columns([Id, RevokedAt, GraceUntil])
        .filter(Status.eq(ActivationStatus::Revoked))
        .order_by_asc(Id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, revoked_at, grace_until)| (id, (revoked_at, grace_until))).collect())
}

async fn suspended(db: &impl ConnectionTrait) -> Result<Vec<LicenseId>, DbErr> {
    license::Entity::find()
        .select_only()
        .column(license::Column::Id)
        .filter(license::Column::Status.eq(license::Status::Suspended))
        .order_by_asc(license::Column::Id)
        .into_tuple()
        .all(db)
        .await
}
