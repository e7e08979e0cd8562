//! Where a machine sits: in a free place of its environment while there is one, or on a seat.
//!
//! A machine in a free place holds no seat and counts for neither users nor tenants. It keeps its
//! place also when its tier does not name the environment any more. One that left may hold it until
//! its last token has ended.

use licentia_entity::activation;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::seats::{FreePlaces, Seats, SeatsError};
use crate::failure::Failure;

impl Seats<'_> {
    /// Gives a machine a place where its environment says, or fails. True when it takes a seat that
    /// it did not hold.
    pub(crate) async fn settle(
        &mut self,
        machine: &mut activation::Model,
        free: &FreePlaces,
    ) -> Result<bool, SeatsError> {
        if machine.free_environment.is_some() && machine.free_environment == machine.environment {
            return Ok(false);
        }
        if self.has_free_place(machine, free).await? && self.leaves_seat(machine, free).await? {
            machine.free_environment.clone_from(&machine.environment);
            return Ok(false);
        }
        machine.free_environment = None;
        if machine.holds_seat {
            return Ok(false);
        }
        self.claim().await?;
        machine.holds_seat = true;
        Ok(true)
    }

    async fn has_free_place(&self, machine: &activation::Model, free: &FreePlaces) -> Result<bool, Failure> {
        let Some(environment) = &machine.environment else { return Ok(false) };
        let Some(places) = free.get(environment) else { return Ok(false) };
        let taken = activation::Entity::find()
            .filter(activation::Column::LicenseId.eq(machine.license_id))
            .filter(activation::Column::FreeEnvironment.eq(environment.clone()))
            .count(self.tx)
            .await?;
        Ok(taken < u64::from(*places))
    }

    /// Moving to a free place is a release like any other, or one seat would serve any number of
    /// machines: beyond the budget the machine stays where it is.
    async fn leaves_seat(
        &mut self,
        machine: &mut activation::Model,
        free: &FreePlaces,
    ) -> Result<bool, Failure> {
        if machine.holds_seat && self.may_release(machine, free).await? {
            self.give_back(machine).await?;
        }
        Ok(!machine.holds_seat)
    }
}
