//! What a machine is at the moment.

use serde::{Deserialize, Serialize};

/// How a machine holds its right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActivationKind {
    /// It activated, and calls.
    #[default]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "online"))]
    Online,
    /// By a licence file alone; its place is free when the file has ended.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "offline"))]
    Offline,
}

/// What became of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActivationStatus {
    /// It holds its seat.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "active"))]
    Active,
    /// It gave its seat back, and may return.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "deactivated"))]
    Deactivated,
    /// Its lease ended without a heartbeat; it revives with its next one if a seat is free.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "lapsed"))]
    Lapsed,
    /// Taken back; the machine is blocked until it is unblocked.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "revoked"))]
    Revoked,
}

/// What the time since the last contact says of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// Within its heartbeat interval.
    Active,
    /// Past it, within the offline grace.
    Grace,
    /// Past the offline grace.
    GraceExpired,
}
