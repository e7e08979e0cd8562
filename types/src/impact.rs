//! What an edit would touch: the answer to `?dryRun=true`.

use serde::{Deserialize, Serialize};

/// What an edit would touch. Nothing was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImpactResponse {
    /// Always `true`.
    pub dry_run: bool,
    /// Licences, revoked ones apart, that would grant something else than now.
    pub licenses: u64,
    /// Their active machines.
    pub machines: u64,
    /// Licences that would hold more seats than they allow, among those that would change.
    pub over_limit: u64,
    /// What would change, and for how many.
    pub changes: Vec<ImpactChange>,
}

/// One difference, and whom it touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImpactChange {
    /// What kind of difference.
    pub change: ChangeKind,
    /// Of what: a feature's key, a tier's key, or the member as it is called on a tier or licence.
    pub name: String,
    /// Licences.
    pub licenses: u64,
    /// Their active machines.
    pub machines: u64,
}

/// A kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// At another tier: `name` is the new one.
    Tier,
    /// Granted from then on.
    FeatureAdded,
    /// Not granted any more.
    FeatureRemoved,
    /// Another value.
    FeatureValue,
    /// Another number of machines, users or tenants.
    Limit,
    /// Another time: of a token, between heartbeats, of a grace.
    Times,
    /// Another way to hold a place: floating or not, or in free environments.
    Places,
    /// Something else to do when a token has ended.
    Enforcement,
    /// Another end: `expiresAt` or `updatesUntil`.
    Expiry,
    /// Another customer.
    Owner,
}
