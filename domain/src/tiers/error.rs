//! Why an operation on a tier was refused.

use licentia_types::features::FeatureValueType;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::text::Key;

use crate::catalog::EditError;
use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;

const DEGRADE_TO: &str = "/degradeToTierId";

/// Why an operation on a tier was refused.
#[derive(Debug, thiserror::Error)]
pub enum TierError {
    /// No such tier.
    #[error("there is no such tier")]
    NotFound,
    /// Another tier of the product has the key.
    #[error("the product has a tier with this key")]
    KeyTaken,
    /// Somebody else edited it.
    #[error("the tier was changed in the meantime; its version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// A tier includes it, or degrades to it.
    #[error("the tier {tier} includes this one, or degrades to it; change that first")]
    InUse {
        /// Key of that tier.
        tier: String,
    },
    /// The included tier is archived.
    #[error("an archived tier cannot be included")]
    IncludedArchived,
    /// The product has no such feature.
    #[error("the product has no feature {key}")]
    FeatureUnknown {
        /// The key.
        key: Key,
    },
    /// The product has no such feature to give a value to.
    #[error("the product has no feature {key}")]
    ValueUnknown {
        /// The key.
        key: Key,
    },
    /// A typed feature needs a value.
    #[error("the feature {key} needs a value in featureValues")]
    ValueMissing {
        /// The key.
        key: Key,
    },
    /// A value of another type.
    #[error("the value of {key} must be of type {expected:?}")]
    ValueType {
        /// The key.
        key: Key,
        /// The type of the feature.
        expected: FeatureValueType,
    },
    /// A price without currency.
    #[error("a price needs a currency")]
    CurrencyMissing,
    /// `degrade` without where to.
    #[error("enforcement degrade needs degradeToTierId")]
    DegradeTargetMissing,
    /// Where to, without `degrade`.
    #[error("degradeToTierId goes with enforcement degrade of the same tier")]
    DegradeTargetAlone,
    /// Not a tier of this product.
    #[error("the tier to degrade to is not a tier of this product")]
    DegradeTargetUnknown,
    /// It is archived.
    #[error("an archived tier cannot be degraded to")]
    DegradeTargetArchived,
    /// The list is not every live tier of the product, once.
    #[error("the list must name every tier of the product that is not archived, once")]
    OrderIncomplete,
    /// The catalogue cannot be edited so.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Our fault.
    #[error(transparent)]
    Failed(Failure),
}

failed_from!(TierError);

impl Refusal for TierError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::KeyTaken => ProblemCode::AlreadyExists,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::InUse { .. } => ProblemCode::InUse,
            Self::IncludedArchived
            | Self::FeatureUnknown { .. }
            | Self::ValueUnknown { .. }
            | Self::ValueMissing { .. }
            | Self::ValueType { .. }
            | Self::CurrencyMissing
            | Self::DegradeTargetMissing
            | Self::DegradeTargetAlone
            | Self::DegradeTargetUnknown
            | Self::DegradeTargetArchived
            | Self::OrderIncomplete => ProblemCode::ValidationFailed,
            Self::Edit(error) => error.code(),
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        let field = |pointer: String, code| vec![FieldProblem::new(pointer, code, self.to_string())];
        match self {
            Self::KeyTaken => field("/key".to_owned(), "TAKEN"),
            Self::IncludedArchived => field("/includesTierId".to_owned(), "ARCHIVED"),
            Self::FeatureUnknown { .. } => field("/features".to_owned(), "UNKNOWN"),
            Self::ValueUnknown { key } => field(format!("/featureValues/{key}"), "UNKNOWN"),
            Self::ValueMissing { key } => field(format!("/featureValues/{key}"), "REQUIRED"),
            Self::ValueType { key, .. } => field(format!("/featureValues/{key}"), "INVALID"),
            Self::CurrencyMissing => field("/currency".to_owned(), "REQUIRED"),
            Self::DegradeTargetMissing => field(DEGRADE_TO.to_owned(), "REQUIRED"),
            Self::DegradeTargetAlone => field(DEGRADE_TO.to_owned(), "INVALID"),
            Self::DegradeTargetUnknown => field(DEGRADE_TO.to_owned(), "UNKNOWN"),
            Self::DegradeTargetArchived => field(DEGRADE_TO.to_owned(), "ARCHIVED"),
            Self::OrderIncomplete => field("/ids".to_owned(), "INVALID"),
            Self::Edit(error) => error.fields(),
            Self::NotFound | Self::Stale { .. } | Self::InUse { .. } | Self::Failed(_) => Vec::new(),
        }
    }
}
