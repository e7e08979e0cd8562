//! Queries that only a look-up makes. Licences, machines and customers are found by their own
//! stores, each in the caller's scope.

use licentia_entity::{audit_event, feature, former_license_key, refusal, signing_key, tier};
use licentia_types::ids::{AuditEventId, FeatureId, TierId};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::found::ENOUGH;
use crate::audit;
use crate::licenses;
use crate::licenses::keys::KeyDigests;
use crate::scope::Scope;

pub(super) async fn former_key(
    db: &impl ConnectionTrait,
    digests: KeyDigests,
) -> Result<Option<former_license_key::Model>, DbErr> {
    let of_these = former_license_key::Column::KeyDigest.is_in(digests.all());
    former_license_key::Entity::find().filter(of_these).one(db).await
}

pub(super) async fn tier(db: &impl ConnectionTrait, id: TierId) -> Result<Option<tier::Model>, DbErr> {
    tier::Entity::find_by_id(id).one(db).await
}

pub(super) async fn feature(
    db: &impl ConnectionTrait,
    id: FeatureId,
) -> Result<Option<feature::Model>, DbErr> {
    feature::Entity::find_by_id(id).one(db).await
}

pub(super) async fn signing_key(
    db: &impl ConnectionTrait,
    kid: &str,
) -> Result<Option<signing_key::Model>, DbErr> {
    signing_key::Entity::find_by_id(kid.to_owned()).one(db).await
}

pub(super) async fn audit_event(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: AuditEventId,
) -> Result<Option<audit_event::Model>, DbErr> {
    audit::select(scope).filter(audit_event::Column::Id.eq(id)).one(db).await
}

/// What was done in a request.
pub(super) async fn audit_events(
    db: &impl ConnectionTrait,
    scope: Scope,
    request_id: &str,
) -> Result<Vec<audit_event::Model>, DbErr> {
    audit::select(scope)
        .filter(audit_event::Column::RequestId.eq(request_id))
        .order_by_asc(audit_event::Column::Id)
        .limit(ENOUGH)
        .all(db)
        .await
}

/// What was refused in a request.
pub(super) async fn refusals(
    db: &impl ConnectionTrait,
    scope: Scope,
    request_id: &str,
) -> Result<Vec<refusal::Model>, DbErr> {
    let of_request = refusal::Entity::find().filter(refusal::Column::RequestId.eq(request_id));
    let in_scope = match scope {
        Scope::Everything => of_request,
        Scope::Groups(groups) => {
            let inside = licenses::store::ids_within(&groups);
            of_request.filter(refusal::Column::LicenseId.in_subquery(inside))
        }
        Scope::License(id) => of_request.filter(refusal::Column::LicenseId.eq(id)),
        Scope::Customer(_) | Scope::Activation(_) | Scope::Nothing => return Ok(Vec::new()),
    };
    in_scope.order_by_asc(refusal::Column::Id).limit(ENOUGH).all(db).await
}
