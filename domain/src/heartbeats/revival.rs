//! A machine whose lease had ended calls again: it gets a place back if one is free.

use licentia_entity::activation;
use licentia_types::activations::ActivationStatus;
use licentia_types::heartbeats::HeartbeatStatus;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::error::HeartbeatError;
use super::standing::Standing;
use super::worth::Worth;
use crate::activations::seats::{Seats, SeatsError};
use crate::activations::{self, Told};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::events::Kind;
use crate::failure::Failure;
use crate::licenses;
use crate::scope::Scope;

/// The transaction that an answer is written in, with the machine's row and what the contact is
/// worth now that it is held.
pub(super) struct Opened {
    pub(super) tx: WriteTx,
    pub(super) machine: activation::Model,
    pub(super) worth: Worth,
}

impl Standing {
    /// Opens the transaction of an answer. None when something changed since the standing was read.
    pub(super) async fn open(
        &self,
        ctx: &Context,
        caller: &Caller,
        moment: &Moment<'_>,
    ) -> Result<Option<Opened>, HeartbeatError> {
        let worth = match self.worth {
            Worth::Revival { status, window } => {
                let tx = ctx.db.write(Lane::Ordinary).await?;
                match self.revive(&tx, caller, moment).await {
                    Ok(Some(machine)) => {
                        return Ok(Some(Opened { tx, machine, worth: Worth::Token { status, window } }));
                    }
                    Ok(None) => return Ok(None),
                    // Whatever was claimed goes with the transaction.
                    Err(SeatsError::Full(_)) => Worth::Nothing(HeartbeatStatus::Lapsed),
                    Err(SeatsError::Failed(failure)) => return Err(failure.into()),
                }
            }
            worth @ (Worth::Token { .. } | Worth::Nothing(_) | Worth::Grace { .. }) => worth,
        };
        let tx = ctx.db.write(Lane::Heartbeat).await?;
        Ok(Some(Opened { tx, machine: self.machine.clone(), worth }))
    }

    /// The row of the machine with a place again, as long as it still is as it was judged. That licence
    /// and catalogue are still the same is seen when the nonce rotates.
    async fn revive(
        &self,
        tx: &WriteTx,
        caller: &Caller,
        moment: &Moment<'_>,
    ) -> Result<Option<activation::Model>, SeatsError> {
        let id = self.license.id;
        let license = licenses::store::find_locked(tx, Scope::License(id), id).await?;
        let license = license.ok_or(Failure::Corrupt("licence"))?;
        let mut seats = Seats::of(tx, *moment, license, self.entitlements.limits).await?;
        let held = activations::store::hold(tx, self.machine.id).await?;
        let Some(mut machine) = held.filter(|held| *held == self.machine) else { return Ok(None) };
        if seats.settle(&mut machine, &self.entitlements.free_environments).await? {
            seats.admit_user(&machine).await?;
            seats.admit_tenant(&machine).await?;
        }
        machine.status = ActivationStatus::Active;
        let mut row = self.machine.clone().into_active_model();
        row.status = Set(machine.status);
        row.holds_seat = Set(machine.holds_seat);
        row.free_environment = Set(machine.free_environment.clone());
        row.updated_at = Set(moment.now);
        row.version = Set(machine.version + 1);
        let machine = row.update(tx).await?;
        let detail = json!({"freeEnvironment": machine.free_environment});
        let license = seats.license();
        let told = Told { kind: Kind::ActivationRevived, machine: machine.id, license, detail };
        activations::tell(tx, moment, caller, told).await?;
        Ok(Some(machine))
    }
}
