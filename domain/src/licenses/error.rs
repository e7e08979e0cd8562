//! Why an operation on a licence was refused.

use licentia_types::licenses::MOST_ISSUED_AT_ONCE;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::text::Key;

use crate::accounts::NotRecent;
use crate::customers::CustomerError;
use crate::failure::{Failure, failed_from};
use crate::groups::Unplaced;
use crate::refusal::Refusal;
use crate::tokens::TokenTooLarge;

use super::feature_changes::Contradiction;
use super::lifecycle::Refused;

mod place;

/// Why an operation on a licence was refused.
#[derive(Debug, thiserror::Error)]
pub enum LicenseError {
    /// No such licence, or none that the caller may know of.
    #[error("there is no such licence")]
    NotFound,
    /// No such product.
    #[error("there is no such product")]
    ProductUnknown,
    /// Nothing new is made of an archived product.
    #[error("the product is archived; no licence can be issued for it")]
    ProductArchived,
    /// Not a tier of the product, or an archived one.
    #[error("the product has no such tier on sale")]
    TierUnknown,
    /// No such customer.
    #[error("there is no such customer")]
    CustomerUnknown,
    /// Both ways to name a customer.
    #[error("give customerId or customer, not both")]
    CustomerTwice,
    /// It cannot be put there.
    #[error(transparent)]
    Group(#[from] Unplaced),
    /// A group of its own, beside that of its customer.
    #[error("the licence is in the group of its customer: leave groupId out, or move the customer")]
    GroupOfCustomer,
    /// The customer on the way cannot be made.
    #[error(transparent)]
    Customer(CustomerError),
    /// Nobody is named.
    #[error("give customerId or customer: a licence is transferred to somebody")]
    CustomerMissing,
    /// Whoever it would be transferred to sees its key, and the caller may not.
    #[error(
        "this customer has an account or an address, and sees the licence's key: transferring it to him needs the \
         permission licenses.reveal as well"
    )]
    ReceiverSeesKey,
    /// No licence has this key now.
    #[error("there is no licence with this key")]
    KeyUnknown,
    /// The key that somebody claims by is none.
    #[error("the licence key has a typing error: compare it with the original, symbol by symbol")]
    ClaimedKeyMalformed,
    /// Somebody else's, who is told.
    #[error(
        "the licence has another owner, who is told of it; if he is you, sign in with the address that the vendor knows"
    )]
    Claimed,
    /// Sold by somebody else than what the customer has.
    #[error("the licence was sold apart from those that you have: ask the vendor to transfer it")]
    InAnotherGroup,
    /// Only right after a sign-in.
    #[error(transparent)]
    NotRecent(#[from] NotRecent),
    /// It belongs to somebody.
    #[error("the licence belongs to another customer")]
    Owned,
    /// More than one way to say when it ends.
    #[error("give one of expiresAt, validDays and billingPeriod")]
    ExpiryTwice,
    /// An expiry in the past.
    #[error("expiresAt must be in the future")]
    ExpiryPast,
    /// It would end before it does now, or after what a calendar of four digits can show.
    #[error("the licence must end later than it does now, and before the year 10000")]
    EndOutOfRange,
    /// Nothing says for how long.
    #[error(
        "say for how long: the licence was issued without a term, and its tier is not sold by one period only"
    )]
    TermUnknown,
    /// It has no end that could be moved.
    #[error("the licence never expires")]
    Perpetual,
    /// None of its time is used up.
    #[error("the licence's time begins at its first activation, which has not come yet")]
    NotStarted,
    /// A trial must end, by a date or a number of days.
    #[error("a trial needs validDays or expiresAt")]
    TrialEndless,
    /// Zero days, or more than a hundred years.
    #[error("validDays must be 1 to 36500")]
    ValidDays,
    /// The tier is not sold so.
    #[error("the tier is not sold by this period")]
    PeriodNotSold,
    /// An order without the place where it was made.
    #[error("sourceOrderId needs source")]
    SourceMissing,
    /// The order has its licence.
    #[error("a licence for this order of this source exists")]
    OrderTaken,
    /// Granted and taken away at once.
    #[error("features: {key} cannot be granted and removed at once")]
    FeatureContradicted {
        /// The key.
        key: Key,
    },
    /// The product has no such entitlement.
    #[error("the product has no entitlement {key}")]
    FeatureUnknown {
        /// Where it stands.
        pointer: String,
        /// The key.
        key: Key,
    },
    /// A frozen set, and changes to the tier's.
    #[error("features: give set, or add and remove; null for set stands alone")]
    FeaturesMixed,
    /// A value of another type than the feature's.
    #[error("the value of {key} has another type than the feature")]
    ValueType {
        /// The key.
        key: Key,
    },
    /// A typing error, or not 8 to 512 printable bytes.
    #[error("the licence key is not valid: it has a typing error, or is not 8 to 512 printable bytes")]
    KeyMalformed,
    /// A chosen key under 80 bits.
    #[error("the chosen key has about {bits} bits, 80 are wanted; allowWeakKey takes it all the same")]
    KeyWeak {
        /// The estimate.
        bits: u32,
    },
    /// A chosen key that another licence has.
    #[error("a licence with this key exists")]
    KeyTaken,
    /// A key of which only the SHA-256 was imported.
    #[error("the key of this licence is not known: only its SHA-256 was imported")]
    KeyNotKept,
    /// More than a year.
    #[error("graceHours must be 0 to 8760")]
    GraceHours,
    /// In the past, or more than 90 days ahead.
    #[error("keepOldUntil must lie in the next 90 days")]
    KeepOldUntil,
    /// None, or more than a thousand.
    #[error("give 1 to {MOST_ISSUED_AT_ONCE} licences")]
    BulkSize,
    /// One of several cannot be issued, so none is.
    #[error("licence {index}: {error}")]
    InBulk {
        /// Its place in the list, from 0.
        index: usize,
        /// Why.
        error: Box<LicenseError>,
    },
    /// A change of nothing but features, whose members stand at the top of the body.
    #[error(transparent)]
    OfFeatures(Box<LicenseError>),
    /// Over 6 KB.
    #[error(transparent)]
    TokenTooLarge(#[from] TokenTooLarge),
    /// Somebody else edited it.
    #[error("the licence was changed in the meantime; its version is {current}")]
    Stale {
        /// The present version.
        current: i64,
    },
    /// A revoked licence stays as it is.
    #[error("the licence was revoked")]
    Revoked,
    /// Nothing is signed for a licence that is on hold, taken back or over.
    #[error("the licence is suspended, revoked or over: it is worth no token")]
    NoToken,
    /// More than one answer can hold.
    #[error(
        "the licence has more than {most} active machines; they get fresh tokens at their next heartbeats"
    )]
    TooManyMachines {
        /// How many an answer can hold.
        most: usize,
    },
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(LicenseError);

impl From<CustomerError> for LicenseError {
    fn from(error: CustomerError) -> Self {
        match error {
            CustomerError::Failed(failure) => Self::Failed(failure),
            other => Self::Customer(other),
        }
    }
}

impl From<Refused> for LicenseError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Revoked => Self::Revoked,
            Refused::Perpetual => Self::Perpetual,
            Refused::NotStarted => Self::NotStarted,
            Refused::EndOutOfRange => Self::EndOutOfRange,
        }
    }
}

impl From<Contradiction> for LicenseError {
    fn from(contradiction: Contradiction) -> Self {
        match contradiction {
            Contradiction::Mixed => Self::FeaturesMixed,
            Contradiction::Both(key) => Self::FeatureContradicted { key },
        }
    }
}

impl Refusal for LicenseError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound | Self::KeyUnknown => ProblemCode::NotFound,
            Self::Claimed => ProblemCode::LicenseClaimed,
            Self::ReceiverSeesKey => ProblemCode::PermissionDenied,
            Self::NotRecent(_) => ProblemCode::RecentSignInRequired,
            Self::ProductArchived => ProblemCode::ProductArchived,
            Self::Customer(error) => error.code(),
            Self::Owned
            | Self::InAnotherGroup
            | Self::Revoked
            | Self::Perpetual
            | Self::NotStarted
            | Self::NoToken
            | Self::KeyNotKept
            | Self::TooManyMachines { .. } => ProblemCode::StateConflict,
            Self::InBulk { error, .. } | Self::OfFeatures(error) => error.code(),
            Self::OrderTaken | Self::KeyTaken => ProblemCode::AlreadyExists,
            Self::KeyMalformed | Self::ClaimedKeyMalformed => ProblemCode::LicenseKeyMalformed,
            Self::KeyWeak { .. } => ProblemCode::LicenseKeyWeak,
            Self::TokenTooLarge(_) => ProblemCode::TokenTooLarge,
            Self::Stale { .. } => ProblemCode::VersionStale,
            Self::Failed(failure) => failure.code(),
            Self::ProductUnknown
            | Self::TierUnknown
            | Self::CustomerUnknown
            | Self::CustomerTwice
            | Self::Group(_)
            | Self::GroupOfCustomer
            | Self::ExpiryTwice
            | Self::ExpiryPast
            | Self::EndOutOfRange
            | Self::TermUnknown
            | Self::TrialEndless
            | Self::CustomerMissing
            | Self::FeatureContradicted { .. }
            | Self::GraceHours
            | Self::KeepOldUntil
            | Self::BulkSize
            | Self::ValidDays
            | Self::PeriodNotSold
            | Self::SourceMissing
            | Self::FeatureUnknown { .. }
            | Self::FeaturesMixed
            | Self::ValueType { .. } => ProblemCode::ValidationFailed,
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        let field = |pointer: &str, code| vec![FieldProblem::new(pointer, code, self.to_string())];
        match self {
            Self::ProductUnknown => field("/productId", "UNKNOWN"),
            Self::TierUnknown => field("/tierId", "UNKNOWN"),
            Self::CustomerMissing => field("/customerId", "REQUIRED"),
            Self::TermUnknown => field("/validDays", "REQUIRED"),
            Self::FeatureContradicted { .. } => field("/features/remove", "INVALID"),
            Self::GraceHours => field("/graceHours", "INVALID"),
            Self::KeepOldUntil => field("/keepOldUntil", "INVALID"),
            Self::BulkSize => field("/licenses", "INVALID"),
            Self::InBulk { index, error } => place::in_bulk(*index, error),
            Self::OfFeatures(error) => place::of_features(error),
            Self::CustomerUnknown => field("/customerId", "UNKNOWN"),
            Self::CustomerTwice => field("/customer", "INVALID"),
            Self::Group(unplaced) => vec![unplaced.field("/groupId")],
            Self::GroupOfCustomer => field("/groupId", "INVALID"),
            Self::Customer(error) => error
                .fields()
                .into_iter()
                .map(|inner| FieldProblem { pointer: format!("/customer{}", inner.pointer), ..inner })
                .collect(),
            Self::ExpiryTwice | Self::ExpiryPast | Self::EndOutOfRange | Self::TrialEndless => {
                field("/expiresAt", "INVALID")
            }
            Self::ValidDays => field("/validDays", "INVALID"),
            Self::PeriodNotSold => field("/billingPeriod", "INVALID"),
            Self::SourceMissing => field("/source", "REQUIRED"),
            Self::OrderTaken => field("/sourceOrderId", "TAKEN"),
            Self::FeatureUnknown { pointer, .. } => field(pointer, "UNKNOWN"),
            Self::FeaturesMixed => field("/features/set", "INVALID"),
            Self::ValueType { key } => field(&format!("/features/values/{key}"), "INVALID"),
            Self::KeyMalformed | Self::KeyWeak { .. } => field("/key", "INVALID"),
            Self::KeyTaken => field("/key", "TAKEN"),
            Self::ClaimedKeyMalformed => field("/licenseKey", "INVALID"),
            Self::KeyUnknown
            | Self::ReceiverSeesKey
            | Self::Claimed
            | Self::InAnotherGroup
            | Self::NotRecent(_)
            | Self::NotFound
            | Self::ProductArchived
            | Self::Owned
            | Self::Perpetual
            | Self::NotStarted
            | Self::TokenTooLarge(_)
            | Self::Stale { .. }
            | Self::Revoked
            | Self::NoToken
            | Self::KeyNotKept
            | Self::TooManyMachines { .. }
            | Self::Failed(_) => Vec::new(),
        }
    }
}
