//! The rules of a validation: their names are part of the API.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ValidationCode;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:tt, $code:ident;)*) => {
        /// A rule, in the order judged. The first one that does not hold gives the verdict its code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Rule {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Rule {
            /// Every rule, in the order judged: gravest first.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What is said when it does not hold.
            #[must_use]
            pub const fn code(self) -> ValidationCode {
                match self { $(Self::$name => ValidationCode::$code),* }
            }
        }
    };
}

rules! {
    /// The token is one of ours, and good at this instant. Judged when a token was sent; when it
    /// does not hold, nothing else is judged. Inputs: `fault`.
    TokenValid = "token_valid", TokenInvalid;
    /// There is such a licence. When it does not hold, nothing else is judged.
    LicenseKnown = "license_known", NotFound;
    /// Neither the licence nor the machine was taken back; a grace is no excuse. Inputs:
    /// `licenseStatus`, `revokedAt`, `graceUntil`, `activationStatus`, `activationRevokedAt`,
    /// `activationGraceUntil`.
    NotRevoked = "not_revoked", Revoked;
    /// The licence is not on hold. Inputs: `licenseStatus`, `suspendedAt`.
    NotSuspended = "not_suspended", Suspended;
    /// The licence has not passed its expiry and grace. Inputs: `expiresAt`, `endsAt`, `now`.
    NotExpired = "not_expired", Expired;
    /// The machine that was asked for is active. One that was taken back is judged by `not_revoked`,
    /// one that never was while others are by `fingerprint_matches`. Inputs: `activationStatus`.
    Activated = "activated", NotActivated;
    /// The machine that was asked for is one of those that are active. Inputs: `othersActive`.
    FingerprintMatches = "fingerprint_matches", FingerprintMismatch;
    /// A machine that is not active could be. Inputs: `seatNeeded`, `used`, `limit`.
    SeatFree = "seat_free", SeatLimitReached;
    /// The machine called within its offline grace. Inputs: `liveness`, `lastContactAt`,
    /// `offlineGrace`, `now`.
    WithinOfflineGrace = "within_offline_grace", GraceExpired;
    /// Every build that the machine activated with is approved still. Inputs: `assemblyName`, `version`
    /// and `sha256` of the first that is not.
    AssembliesApproved = "assemblies_approved", AssemblyNotApproved;
    /// The version came out before the right to updates ended. Inputs: `updatesUntil`,
    /// `productVersion`, `date`, `dateFrom` (`released`, `first_seen` or `now`).
    VersionCovered = "version_covered", VersionNotCovered;
    /// The action's feature is granted. Inputs: `action`, `features`.
    FeatureIncluded = "feature_included", FeatureNotIncluded;
    /// Neither licence nor machine lives by a grace; a warning. Inputs: `licenseStatus`,
    /// `expiresAt`, `endsAt`, `liveness`.
    NoGraceNeeded = "no_grace_needed", Grace;
    /// The machine called within its heartbeat interval; a warning. Inputs: `liveness`,
    /// `lastContactAt`, `heartbeatInterval`, `now`.
    HeartbeatInTime = "heartbeat_in_time", HeartbeatOverdue;
}

/// One rule of a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleVerdict {
    /// Which one.
    pub rule: Rule,
    /// Whether it holds. One that has nothing to judge does.
    pub passed: bool,
    /// What it was judged by; each rule names its own. `null`: there is no such thing.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub inputs: Map<String, Value>,
}
