//! What an operation refuses beside what follows from its shape, for the OpenAPI document.
//!
//! [`crate::openapi`] adds what follows from the shape (credentials, body, parameters, `If-Match`)
//! and writes the responses; here are only the codes that belong to single operations.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use licentia_types::problems::ProblemCode::{
    self, ActivationDeactivated, ActivationRevoked, AlreadyExists, AssemblyNotApproved, BindingMismatch,
    ClaimExpired, ClaimLimitReached, ClaimRejected, ConsumerKeyInvalid, CredentialsInvalid,
    DirectoryUnavailable, FingerprintMismatch, InUse, Internal, LicenseClaimed, LicenseExpired,
    LicenseKeyMalformed, LicenseKeyWeak, LicenseRevoked, LicenseSuspended, MailNotTaken, NonceInvalid,
    NonceReused, NotFound, OriginRefused, PasswordWeak, ProductArchived, RateLimited, RecentSignInRequired,
    SeatLimitReached, StateConflict, TierCycle, TokenInvalid, TokenTooLarge, TrialUsed, Unavailable,
};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::{RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, openapi};

/// Under which name a response keeps its codes.
pub(crate) const CODES: &str = "x-codes";

/// The refusals `C`, as responses.
pub(crate) struct Refused<C>(PhantomData<C>);

/// A set of refusals.
pub(crate) trait Codes {
    /// Which ones.
    const CODES: &'static [ProblemCode];
}

macro_rules! codes {
    ($($name:ident: $($code:ident),+;)*) => {
        $(
            pub(crate) enum $name {}

            impl Codes for $name {
                const CODES: &'static [ProblemCode] = &[$($code),+];
            }
        )*
    };
}

codes! {
    Adding: AlreadyExists;
    AddingToCatalogue: AlreadyExists, ProductArchived, TierCycle, TokenTooLarge;
    EditingCatalogue: TierCycle, TokenTooLarge;
    Archiving: InUse;
    ArchivingTier: InUse, TokenTooLarge;
    Issuing: AlreadyExists, ProductArchived, LicenseKeyMalformed, LicenseKeyWeak, TokenTooLarge;
    EditingLicense: StateConflict, TokenTooLarge;
    Standing: StateConflict;
    Transferring: StateConflict, AlreadyExists;
    Activating: NotFound, LicenseExpired, LicenseSuspended, LicenseRevoked, ActivationRevoked, NonceInvalid, NonceReused, BindingMismatch,
        SeatLimitReached, TrialUsed, AssemblyNotApproved, ClaimLimitReached, LicenseKeyMalformed, ConsumerKeyInvalid, RateLimited;
    PollingClaim: NotFound, LicenseExpired, LicenseSuspended, LicenseRevoked, ActivationRevoked, ClaimRejected, ClaimExpired,
        BindingMismatch, SeatLimitReached, TrialUsed, AssemblyNotApproved, RateLimited;
    DecidingClaim: StateConflict, ClaimExpired;
    CheckingOut: LicenseExpired, LicenseSuspended, LicenseRevoked, ActivationRevoked, SeatLimitReached, TrialUsed, ConsumerKeyInvalid;
    GivingBack: NotFound;
    Deactivating: NonceInvalid, NonceReused, StateConflict, LicenseKeyMalformed, RateLimited;
    AskingByKey: NotFound, LicenseKeyMalformed, RateLimited;
    Validating: LicenseKeyMalformed, TokenInvalid, RateLimited;
    Inspecting: TokenInvalid;
    LookingUp: TokenInvalid;
    Regenerating: StateConflict;
    Beating: NotFound, NonceInvalid, NonceReused, FingerprintMismatch, ActivationDeactivated;
    NotReady: Unavailable;
    NoKey: NotFound;
    ChangingAccount: StateConflict;
    ChangingKey: StateConflict;
    ChangingApiKey: StateConflict;
    AddingAdmin: AlreadyExists;
    ChangingAdmin: StateConflict, AlreadyExists;
    SettingUp: CredentialsInvalid, OriginRefused, StateConflict, PasswordWeak;
    SigningInWithPassword: CredentialsInvalid, OriginRefused, DirectoryUnavailable;
    Registering: NotFound, OriginRefused, StateConflict;
    AskingForLetter: OriginRefused, StateConflict;
    ClaimingLicense: NotFound, LicenseClaimed, StateConflict, LicenseKeyMalformed, RateLimited;
    Exporting: RecentSignInRequired;
    RevealingOwn: RecentSignInRequired, StateConflict;
    ReleasingOwn: StateConflict;
    ShowingCode: CredentialsInvalid, OriginRefused;
    SettingPassword: CredentialsInvalid, OriginRefused, PasswordWeak;
    ChangingPassword: CredentialsInvalid, OriginRefused, PasswordWeak, StateConflict;
    Renewing: OriginRefused;
    EnrollingTotp: CredentialsInvalid, OriginRefused, StateConflict;
    ChangingTotp: CredentialsInvalid, OriginRefused, StateConflict, DirectoryUnavailable;
    ChangingRole: StateConflict;
    RetryingMail: StateConflict;
    TestingMail: StateConflict, MailNotTaken;
    ForgettingPassword: OriginRefused, StateConflict;
    Emptying: InUse;
    NoList: NotFound, Internal, Unavailable;
}

impl<C: Codes> IntoResponses for Refused<C> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut by_status: BTreeMap<String, Vec<ProblemCode>> = BTreeMap::new();
        for code in C::CODES {
            by_status.entry(code.status().to_string()).or_default().push(*code);
        }
        by_status.into_iter().map(|(status, codes)| (status, RefOr::T(response(&codes)))).collect()
    }
}

/// The response of one status, of which only the codes are known.
fn response(codes: &[ProblemCode]) -> Response {
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let extensions: openapi::extensions::Extensions = ExtensionsBuilder::new().add(CODES, names).build();
    ResponseBuilder::new().extensions(Some(extensions)).build()
}
