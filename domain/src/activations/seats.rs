//! The seat transaction: everything that takes, counts or frees seats, under the licence's lock.

use licentia_entity::{activation, license, seat_release};
use licentia_types::seats::{SeatDimension, Seats as SeatCount, SeatsTaken};
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter};

use super::error::ActivationError;
use super::{rules, store};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::scope::Scope;
use crate::tiers::Limits;

/// A licence whose row is locked, with its seats as they are now.
pub(super) struct Seats<'tx> {
    tx: &'tx WriteTx,
    license: license::Model,
    limits: Limits,
}

impl<'tx> Seats<'tx> {
    /// Takes charge of a locked licence, and frees the seats whose time has come.
    pub(super) async fn of(
        tx: &'tx WriteTx,
        mut license: license::Model,
        limits: Limits,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let freed = activation::Entity::update_many()
            .col_expr(activation::Column::HoldsSeat, Expr::value(false))
            .col_expr(activation::Column::SeatFreesAt, Expr::value(None::<i64>))
            .filter(activation::Column::LicenseId.eq(license.id))
            .filter(activation::Column::HoldsSeat.eq(true))
            .filter(activation::Column::SeatFreesAt.lte(now))
            .exec(tx)
            .await?
            .rows_affected;
        let freed = i32::try_from(freed).map_err(|_| Failure::Corrupt("number of seats"))?;
        if freed > 0 {
            change_seats(tx, &license, -freed).await?;
            license.seats_used -= freed;
        }
        Ok(Self { tx, license, limits })
    }

    pub(super) const fn license(&self) -> &license::Model {
        &self.license
    }

    /// Seats that are taken, and how many there are.
    pub(super) fn count(&self) -> SeatCount {
        SeatCount { used: self.used(), limit: self.limits.max_activations }
    }

    fn used(&self) -> u32 {
        u32::try_from(self.license.seats_used).unwrap_or_default()
    }

    /// Takes one seat, or says who holds them.
    pub(super) async fn claim(&mut self) -> Result<(), ActivationError> {
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
        Ok(())
    }

    /// Refuses a machine whose user would be one too many among those that hold seats. A machine
    /// without a user counts as a user of its own.
    pub(super) async fn admit_user(&self, machine: &activation::Model) -> Result<(), ActivationError> {
        let Some(limit) = self.limits.max_users else { return Ok(()) };
        let own = machine.user_ref.as_ref();
        let others = store::distinct(self.tx, machine, activation::Column::UserRef, own).await?;
        let users = others.named + others.unnamed + u32::from(!others.known);
        if users > limit { Err(self.full(SeatDimension::Users, users - 1, limit).await) } else { Ok(()) }
    }

    /// Refuses a machine whose tenant would be one too many. A machine without one serves none.
    pub(super) async fn admit_tenant(&self, machine: &activation::Model) -> Result<(), ActivationError> {
        let (Some(limit), Some(own)) = (self.limits.max_tenants, &machine.tenant_ref) else { return Ok(()) };
        let others = store::distinct(self.tx, machine, activation::Column::TenantRef, Some(own)).await?;
        let tenants = others.named + u32::from(!others.known);
        if tenants > limit {
            Err(self.full(SeatDimension::Tenants, tenants - 1, limit).await)
        } else {
            Ok(())
        }
    }

    /// Gives a machine's seat back: at once while the licence's release budget lasts, else when
    /// the machine's last token has ended. Writes the machine's row.
    pub(super) async fn release(
        &mut self,
        machine: &mut activation::ActiveModel,
        token_exp: Timestamp,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let within_budget = match rules::release_budget(self.limits.max_activations) {
            None => true,
            Some(budget) => self.releases_since(now).await? < budget,
        };
        if !within_budget && token_exp > now {
            machine.seat_frees_at = Set(Some(token_exp));
            return Ok(());
        }
        machine.holds_seat = Set(false);
        machine.seat_frees_at = Set(None);
        change_seats(self.tx, &self.license, -1).await?;
        self.license.seats_used -= 1;
        if self.limits.max_activations.is_none() {
            return Ok(());
        }
        let release = seat_release::ActiveModel {
            license_id: Set(self.license.id),
            released_at: Set(now),
            ..Default::default()
        };
        seat_release::Entity::insert(release).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// Releases in the last 30 days; older ones are forgotten.
    async fn releases_since(&self, now: Timestamp) -> Result<u64, Failure> {
        let of_license = seat_release::Column::LicenseId.eq(self.license.id);
        seat_release::Entity::delete_many()
            .filter(of_license.clone())
            .filter(seat_release::Column::ReleasedAt.lte(now - rules::RELEASE_PERIOD))
            .exec(self.tx)
            .await?;
        Ok(seat_release::Entity::find().filter(of_license).count(self.tx).await?)
    }

    async fn full(&self, dimension: SeatDimension, used: u32, limit: u32) -> ActivationError {
        match store::last_seen(self.tx, Scope::License(self.license.id)).await {
            Ok(last_seen) => ActivationError::SeatLimit(SeatsTaken { dimension, used, limit, last_seen }),
            Err(error) => error.into(),
        }
    }
}

async fn change_seats(tx: &WriteTx, license: &license::Model, by: i32) -> Result<(), Failure> {
    license::Entity::update_many()
        .col_expr(license::Column::SeatsUsed, Expr::col(license::Column::SeatsUsed).add(by))
        .filter(license::Column::Id.eq(license.id))
        .exec(tx)
        .await?;
    Ok(())
}
