//! Seats of a licence: what activations take.

use serde::{Deserialize, Serialize};

use crate::ids::ActivationId;
use crate::text::{Hostname, Reference};
use crate::time::Timestamp;

/// Seats of a licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seats {
    /// Machines that hold one.
    pub used: u32,
    /// How many there are; `null`: no limit.
    pub limit: Option<u32>,
}

/// Which limit stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SeatDimension {
    /// `maxActivations`
    Machines,
    /// `maxUsers`
    Users,
    /// `maxTenants`
    Tenants,
}

/// Who holds the seats of a full licence; machines are named to its owner only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeatsTaken {
    /// Which limit is reached.
    pub dimension: SeatDimension,
    /// How many of it are in use.
    pub used: u32,
    /// How many there are.
    pub limit: u32,
    /// When the machines that hold seats last called, latest first (at most 50).
    pub last_seen: Vec<Timestamp>,
    /// Which machines they are: told to the licence's owner, and to nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machines: Option<Vec<SeatHolder>>,
}

/// A machine that holds a seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SeatHolder {
    /// `act_…`
    pub activation_id: ActivationId,
    /// What it calls itself.
    pub hostname: Option<Hostname>,
    /// Who works with it.
    pub user_ref: Option<Reference>,
    /// When it called last.
    pub last_seen: Timestamp,
}
