//! What an edit would touch: licences alike are resolved once, before and after it, and counted.

use std::collections::{BTreeMap, BTreeSet};

use licentia_entity::{activation, license};
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::{LicenseId, ProductId, TierId};
use licentia_types::impact::{ChangeKind, ImpactChange, ImpactResponse};
use licentia_types::licenses::FeatureOverrides;
use licentia_types::limits::Limit;
use licentia_types::text::Key;
use sea_orm::sea_query::{Expr, IntoCondition};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, JoinType, PaginatorTrait,
    QueryFilter, QuerySelect, RelationDef,
};

use super::EditError;
use crate::context::Settings;
use crate::failure::Failure;
use crate::tiers::Catalogue;
use crate::tokens::{Entitlements, LimitOverrides};

/// What an edit would touch, as far as it was counted.
#[derive(Debug, Default)]
pub(crate) struct Impact {
    whole: ImpactResponse,
    changes: BTreeMap<(ChangeKind, String), Count>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    licenses: u64,
    machines: u64,
}

/// Live licences that grant the same and hold as many seats.
#[derive(Debug, FromQueryResult)]
struct Alike {
    tier_id: TierId,
    features: FeatureOverrides,
    max_activations: Limit,
    max_users: Limit,
    max_tenants: Limit,
    seats_used: i32,
    licenses: i64,
    machines: i64,
}

impl Impact {
    /// What an edit of a product's catalogue would touch. One query.
    pub(crate) async fn of_catalogue(
        db: &impl ConnectionTrait,
        settings: &Settings,
        product: ProductId,
        (before, after): (&Catalogue, &Catalogue),
    ) -> Result<ImpactResponse, EditError> {
        let mut impact = Self::default();
        for alike in live_licenses(db, product).await.map_err(EditError::Failed)? {
            let granted = |catalogue: &Catalogue| {
                let tier = catalogue.resolve(alike.tier_id, settings)?;
                Ok::<_, EditError>(Entitlements::of(catalogue, &tier, &alike.features, alike.limits()))
            };
            let (before, after) = (granted(before)?, granted(after)?);
            let changes = differences(&before, &after);
            if before != after {
                impact.add(changes, alike.count().map_err(EditError::Failed)?, alike.seats_used, &after);
            }
        }
        Ok(impact.response())
    }

    /// What an edit of one licence would touch.
    pub(crate) fn of_license(
        before: (&license::Model, &Entitlements),
        after: (&license::Model, &Entitlements),
        machines: u64,
    ) -> ImpactResponse {
        let mut impact = Self::default();
        let mut changes = differences(before.1, after.1);
        let (old, new) = (before.0, after.0);
        for (differs, kind, name) in [
            (old.expires_at != new.expires_at, ChangeKind::Expiry, "expiresAt"),
            (old.updates_until != new.updates_until, ChangeKind::Expiry, "updatesUntil"),
            (old.customer_id != new.customer_id, ChangeKind::Owner, "customerId"),
        ] {
            if differs {
                changes.insert((kind, name.to_owned()));
            }
        }
        if !changes.is_empty() || before.1 != after.1 {
            impact.add(changes, Count { licenses: 1, machines }, new.seats_used, after.1);
        }
        impact.response()
    }

    fn add(
        &mut self,
        changes: BTreeSet<(ChangeKind, String)>,
        count: Count,
        seats_used: i32,
        after: &Entitlements,
    ) {
        self.whole.licenses += count.licenses;
        self.whole.machines += count.machines;
        let limit = after.limits.max_activations.map_or(i64::MAX, i64::from);
        if i64::from(seats_used) > limit {
            self.whole.over_limit += count.licenses;
        }
        for change in changes {
            let total = self.changes.entry(change).or_default();
            total.licenses += count.licenses;
            total.machines += count.machines;
        }
    }

    fn response(self) -> ImpactResponse {
        let shown = self.changes.into_iter().map(|((change, name), count)| ImpactChange {
            change,
            name,
            licenses: count.licenses,
            machines: count.machines,
        });
        ImpactResponse { dry_run: true, changes: shown.collect(), ..self.whole }
    }
}

impl Alike {
    const fn limits(&self) -> LimitOverrides {
        LimitOverrides {
            max_activations: self.max_activations,
            max_users: self.max_users,
            max_tenants: self.max_tenants,
        }
    }

    fn count(&self) -> Result<Count, Failure> {
        let number = |count: i64| u64::try_from(count).map_err(|_| Failure::Corrupt("number of licences"));
        Ok(Count { licenses: number(self.licenses)?, machines: number(self.machines)? })
    }
}

/// Machines of a licence that are active.
pub(crate) async fn active_machines(db: &impl ConnectionTrait, license: LicenseId) -> Result<u64, Failure> {
    let of_license = activation::Entity::find().filter(activation::Column::LicenseId.eq(license));
    Ok(of_license.filter(activation::Column::Status.eq(ActivationStatus::Active)).count(db).await?)
}

async fn live_licenses(db: &impl ConnectionTrait, product: ProductId) -> Result<Vec<Alike>, Failure> {
    use license::Column;
    let alike = [
        Column::TierId,
        Column::Features,
        Column::MaxActivations,
        Column::MaxUsers,
        Column::MaxTenants,
        Column::SeatsUsed,
    ];
    let mut found = license::Entity::find().select_only();
    for column in alike {
        found = found.column(column).group_by(column);
    }
    let machine: RelationDef = license::Entity::belongs_to(activation::Entity)
        .from(Column::Id)
        .to(activation::Column::LicenseId)
        .on_condition(|_, machines| {
            let status = Expr::col((machines, activation::Column::Status));
            status.eq(ActivationStatus::Active).into_condition()
        })
        .into();
    let license_id = || Expr::col((license::Entity, Column::Id));
    let machine_id = Expr::col((activation::Entity, activation::Column::Id));
    Ok(found
        .column_as(license_id().count_distinct(), "licenses")
        .column_as(machine_id.count(), "machines")
        .join(JoinType::LeftJoin, machine)
        .filter(Column::ProductId.eq(product))
        .filter(Column::Status.ne(license::Status::Revoked))
        .into_model()
        .all(db)
        .await?)
}

/// In what two entitlements differ.
fn differences(before: &Entitlements, after: &Entitlements) -> BTreeSet<(ChangeKind, String)> {
    let keys = |kind: ChangeKind, keys: BTreeSet<&Key>| {
        keys.into_iter().map(move |key| (kind, key.to_string())).collect::<Vec<_>>()
    };
    let added = after.features.difference(&before.features).collect();
    let removed = before.features.difference(&after.features).collect();
    let both = before.features.intersection(&after.features);
    let revalued = both.filter(|key| before.values.get(*key) != after.values.get(*key)).collect();
    let mut changes: BTreeSet<(ChangeKind, String)> = keys(ChangeKind::FeatureAdded, added)
        .into_iter()
        .chain(keys(ChangeKind::FeatureRemoved, removed))
        .chain(keys(ChangeKind::FeatureValue, revalued))
        .collect();
    let (old, new) = (before.limits, after.limits);
    let (was, is) = (before.times, after.times);
    for (differs, kind, name) in [
        (old.max_activations != new.max_activations, ChangeKind::Limit, "maxActivations"),
        (old.max_users != new.max_users, ChangeKind::Limit, "maxUsers"),
        (old.max_tenants != new.max_tenants, ChangeKind::Limit, "maxTenants"),
        (was.token_ttl != is.token_ttl, ChangeKind::Times, "tokenTtl"),
        (was.heartbeat_interval != is.heartbeat_interval, ChangeKind::Times, "heartbeatInterval"),
        (was.offline_grace != is.offline_grace, ChangeKind::Times, "offlineGrace"),
        (was.expiry_grace != is.expiry_grace, ChangeKind::Times, "expiryGrace"),
        (was.revocation_grace != is.revocation_grace, ChangeKind::Times, "revocationGrace"),
        (was.lease != is.lease, ChangeKind::Times, "lease"),
        (before.enforcement != after.enforcement, ChangeKind::Enforcement, "enforcement"),
        (before.degrade_to != after.degrade_to, ChangeKind::Enforcement, "degradeToTierId"),
        (before.activation_model != after.activation_model, ChangeKind::Places, "activationModel"),
        (before.free_environments != after.free_environments, ChangeKind::Places, "freeEnvironments"),
        (before.path != after.path, ChangeKind::Tier, after.tier.as_str()),
    ] {
        if differs {
            changes.insert((kind, name.to_owned()));
        }
    }
    changes
}
