//! The seat transaction: everything that takes, counts or frees seats, under the licence's lock.

use std::collections::BTreeMap;

use licentia_entity::{activation, license, seat_release};
use licentia_types::seats::{SeatDimension, Seats as SeatCount, SeatsTaken};
use licentia_types::text::Environment;
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use super::lapse::lapse;
use super::{rules, store};
use crate::context::Moment;
use crate::database::WriteTx;
use crate::events::{self, Event, Kind};
use crate::failure::{Failure, failed_from};
use crate::scope::Scope;
use crate::tiers::Limits;

/// Why a machine has no place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeatsError {
    /// None is free.
    #[error("all seats of the licence are taken")]
    Full(SeatsTaken),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(SeatsError);

/// Free places of a licence, by environment.
pub(crate) type FreePlaces = BTreeMap<Environment, u32>;

/// A licence whose row is locked, with its seats as they are now.
pub(crate) struct Seats<'tx> {
    pub(super) tx: &'tx WriteTx,
    moment: Moment<'tx>,
    license: license::Model,
    limits: Limits,
}

impl<'tx> Seats<'tx> {
    /// Takes charge of a locked licence, and frees the seats and free places whose time has come.
    pub(crate) async fn of(
        tx: &'tx WriteTx,
        moment: Moment<'tx>,
        mut license: license::Model,
        limits: Limits,
    ) -> Result<Self, Failure> {
        // On the heap: it is rare, and the callers' futures are large already.
        Box::pin(lapse(tx, &moment, &mut license)).await?;
        let due = activation::Entity::update_many()
            .col_expr(activation::Column::SeatFreesAt, Expr::value(None::<i64>))
            .filter(activation::Column::LicenseId.eq(license.id))
            .filter(activation::Column::SeatFreesAt.lte(moment.now));
        let seats = due.clone().filter(activation::Column::HoldsSeat.eq(true));
        let seats = seats.col_expr(activation::Column::HoldsSeat, Expr::value(false));
        let freed = seats.exec(tx).await?.rows_affected;
        // What is still due holds a free place.
        due.col_expr(activation::Column::FreeEnvironment, Expr::value(None::<String>)).exec(tx).await?;
        let freed = i32::try_from(freed).map_err(|_| Failure::Corrupt("number of seats"))?;
        change_seats(tx, &mut license, -freed).await?;
        Ok(Self { tx, moment, license, limits })
    }

    pub(crate) const fn license(&self) -> &license::Model {
        &self.license
    }

    /// Seats that are taken, and how many there are.
    pub(crate) fn count(&self) -> SeatCount {
        SeatCount { used: self.used(), limit: self.limits.max_activations }
    }

    fn used(&self) -> u32 {
        u32::try_from(self.license.seats_used).unwrap_or_default()
    }

    /// Takes one seat, or says who holds them.
    pub(super) async fn claim(&mut self) -> Result<(), SeatsError> {
        let mut claim = license::Entity::update_many()
            .col_expr(license::Column::SeatsUsed, Expr::col(license::Column::SeatsUsed).add(1))
            .filter(license::Column::Id.eq(self.license.id));
        if let Some(limit) = self.limits.max_activations {
            claim = claim.filter(license::Column::SeatsUsed.lt(limit));
        }
        if claim.exec(self.tx).await?.rows_affected == 0 {
            let limit = self.limits.max_activations.unwrap_or_default();
            return Err(self.full(SeatDimension::Machines, self.used(), limit).await);
        }
        self.license.seats_used += 1;
        if self.limits.max_activations == Some(self.used()) {
            events::record(self.tx, &self.moment, full(&self.license, self.count())).await?;
        }
        Ok(())
    }

    /// Refuses a machine whose user would be one too many among those that hold seats. A machine
    /// without a user counts as a user of its own.
    pub(crate) async fn admit_user(&self, machine: &activation::Model) -> Result<(), SeatsError> {
        let Some(limit) = self.limits.max_users else { return Ok(()) };
        let own = machine.user_ref.as_ref();
        let others = store::distinct(self.tx, machine, activation::Column::UserRef, own).await?;
        let users = others.named + others.unnamed + u32::from(!others.known);
        if users > limit { Err(self.full(SeatDimension::Users, users - 1, limit).await) } else { Ok(()) }
    }

    /// Refuses a machine whose tenant would be one too many. A machine without one serves none.
    pub(crate) async fn admit_tenant(&self, machine: &activation::Model) -> Result<(), SeatsError> {
        let (Some(limit), Some(own)) = (self.limits.max_tenants, &machine.tenant_ref) else { return Ok(()) };
        let others = store::distinct(self.tx, machine, activation::Column::TenantRef, Some(own)).await?;
        let tenants = others.named + u32::from(!others.known);
        if tenants > limit {
            Err(self.full(SeatDimension::Tenants, tenants - 1, limit).await)
        } else {
            Ok(())
        }
    }

    /// Takes a machine from its place: a seat, or a free one. It is given back at once while its release
    /// budget lasts, else at `later`, when the machine can use it no more. While a licence file of the
    /// machine is good, its place is nobody else's. The row is the caller's to write.
    pub(crate) async fn release(
        &mut self,
        machine: &mut activation::Model,
        free: &FreePlaces,
        later: Timestamp,
    ) -> Result<(), Failure> {
        let has_place = machine.holds_seat || machine.free_environment.is_some();
        if !has_place || machine.seat_frees_at.is_some() {
            return Ok(());
        }
        let later = machine.offline_until.map_or(later, |until| Ord::max(until, later));
        let has_file = rules::has_file(machine, self.moment.now);
        if has_file || later > self.moment.now && !self.may_release(machine, free).await? {
            machine.seat_frees_at = Some(later);
            return Ok(());
        }
        self.give_back(machine).await
    }

    /// Whether a machine's place may be given back at once. Seats have one budget, and the free places
    /// of each environment have one; on a licence without a limit there is nothing to protect.
    pub(super) async fn may_release(
        &self,
        machine: &activation::Model,
        free: &FreePlaces,
    ) -> Result<bool, Failure> {
        let Some(seats) = self.limits.max_activations else { return Ok(true) };
        let place = machine.free_environment.as_ref();
        let places = place.map_or(seats, |place| free.get(place).copied().unwrap_or_default());
        Ok(self.releases(place).await? < rules::release_budget(places))
    }

    /// Takes the place from a machine that has one, and counts the release.
    pub(super) async fn give_back(&mut self, machine: &mut activation::Model) -> Result<(), Failure> {
        change_seats(self.tx, &mut self.license, -i32::from(machine.holds_seat)).await?;
        machine.holds_seat = false;
        machine.seat_frees_at = None;
        let place = machine.free_environment.take();
        if self.limits.max_activations.is_none() {
            return Ok(());
        }
        let release = seat_release::ActiveModel {
            license_id: Set(self.license.id),
            free_environment: Set(place),
            released_at: Set(self.moment.now),
            ..Default::default()
        };
        seat_release::Entity::insert(release).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// Releases of seats, or of an environment's free places, in the last 30 days; older ones are
    /// forgotten.
    async fn releases(&self, place: Option<&Environment>) -> Result<u64, Failure> {
        let of_license = seat_release::Column::LicenseId.eq(self.license.id);
        seat_release::Entity::delete_many()
            .filter(of_license.clone())
            .filter(seat_release::Column::ReleasedAt.lte(self.moment.now - rules::RELEASE_PERIOD))
            .exec(self.tx)
            .await?;
        let of_place = match place {
            None => seat_release::Column::FreeEnvironment.is_null(),
            Some(place) => seat_release::Column::FreeEnvironment.eq(place.clone()),
        };
        Ok(seat_release::Entity::find().filter(of_license).filter(of_place).count(self.tx).await?)
    }

    async fn full(&self, dimension: SeatDimension, used: u32, limit: u32) -> SeatsError {
        match store::last_seen(self.tx, Scope::License(self.license.id)).await {
            Ok(last_seen) => {
                SeatsError::Full(SeatsTaken { dimension, used, limit, last_seen, machines: None })
            }
            Err(error) => error.into(),
        }
    }
}

/// Told when the last seat was taken.
pub(super) fn full(license: &license::Model, seats: SeatCount) -> Event {
    Event::new(Kind::SeatsFull, &license.id, json!({"seats": seats})).of_license(license)
}

/// Adds to the licence's count of seats, which its row's holder alone may do.
pub(super) async fn change_seats(tx: &WriteTx, license: &mut license::Model, by: i32) -> Result<(), Failure> {
    if by == 0 {
        return Ok(());
    }
    license::Entity::update_many()
        .col_expr(license::Column::SeatsUsed, Expr::col(license::Column::SeatsUsed).add(by))
        .filter(license::Column::Id.eq(license.id))
        .exec(tx)
        .await?;
    license.seats_used += by;
    Ok(())
}
