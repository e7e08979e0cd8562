//! The closed table of everything that can go wrong, as a client sees it (RFC 9457).

use serde::{Deserialize, Serialize, Serializer};

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $name:ident = $code:tt, $status:literal, $title:literal;)*) => {
        /// What went wrong; the member `code` of every problem document.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it stands in the document.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The HTTP status (RFC 9110 §15).
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// A short text for people, the same each time (RFC 9457 §3.1.3).
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

problem_codes! {
    /// The body is no JSON.
    BodyInvalid = "BODY_INVALID", 400, "The body is not valid JSON";
    /// A query or path parameter cannot be read.
    ParameterInvalid = "PARAMETER_INVALID", 400, "A parameter is not valid";
    /// No credentials, or none that are known.
    Unauthenticated = "UNAUTHENTICATED", 401, "Credentials are missing or not valid";
    /// E-mail address, password, code or one-time token are not right; which of them is not told.
    CredentialsInvalid = "CREDENTIALS_INVALID", 401, "Sign-in refused";
    /// The nonce was not made by this server for this activation.
    NonceInvalid = "NONCE_INVALID", 401, "The nonce is not valid";
    /// The principal lacks the permission.
    PermissionDenied = "PERMISSION_DENIED", 403, "The permission is missing";
    /// Only whoever signed in a short while ago may do this: whoever finds a browser open may not.
    RecentSignInRequired = "RECENT_SIGN_IN_REQUIRED", 403, "Sign in again first";
    /// A page of another origin asked for what only this server's own pages may.
    OriginRefused = "ORIGIN_REFUSED", 403, "The origin is not allowed";
    /// The licence is past its expiry and grace.
    LicenseExpired = "LICENSE_EXPIRED", 403, "The licence has expired";
    /// The licence is suspended.
    LicenseSuspended = "LICENSE_SUSPENDED", 403, "The licence is suspended";
    /// The licence was revoked.
    LicenseRevoked = "LICENSE_REVOKED", 403, "The licence was revoked";
    /// The machine was revoked, and is not unblocked.
    ActivationRevoked = "ACTIVATION_REVOKED", 403, "The machine was revoked";
    /// The machine runs a build that is not approved for its licence.
    AssemblyNotApproved = "ASSEMBLY_NOT_APPROVED", 403, "An assembly is not approved";
    /// Somebody decided that the machine may not come in, or picked another one.
    ClaimRejected = "CLAIM_REJECTED", 403, "The claim was rejected";
    /// No such thing, or none that the caller may know of.
    NotFound = "NOT_FOUND", 404, "Not found";
    /// The path exists, with other methods.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, "The method is not allowed here";
    /// The body did not arrive in time.
    RequestTimeout = "REQUEST_TIMEOUT", 408, "The request took too long to arrive";
    /// All seats of the licence are taken.
    SeatLimitReached = "SEAT_LIMIT_REACHED", 409, "All seats are taken";
    /// The nonce was used before.
    NonceReused = "NONCE_REUSED", 409, "The nonce was used before";
    /// The machine is not the one that was activated.
    FingerprintMismatch = "FINGERPRINT_MISMATCH", 409, "The fingerprint is another one";
    /// By key alone, keys and references of an activation cannot be replaced.
    BindingMismatch = "BINDING_MISMATCH", 409, "The activation is bound to other values";
    /// Something with this name, key or reference exists.
    AlreadyExists = "ALREADY_EXISTS", 409, "It exists already";
    /// Something else still depends on it.
    InUse = "IN_USE", 409, "It is still in use";
    /// The product is archived: nothing new can be made of it.
    ProductArchived = "PRODUCT_ARCHIVED", 409, "The product is archived";
    /// The licence is somebody else's.
    LicenseClaimed = "LICENSE_CLAIMED", 409, "The licence has another owner";
    /// The licence's state does not allow this.
    StateConflict = "STATE_CONFLICT", 409, "The present state does not allow this";
    /// Too many claims of the licence's machines wait for approval already.
    ClaimLimitReached = "CLAIM_LIMIT_REACHED", 409, "Too many machines wait already";
    /// The same request, by its `Idempotency-Key`, is being served.
    RequestInFlight = "REQUEST_IN_FLIGHT", 409, "The same request is being served";
    /// The machine had its trial of the product.
    TrialUsed = "TRIAL_USED", 409, "The machine had its trial";
    /// The activation was deactivated.
    ActivationDeactivated = "ACTIVATION_DEACTIVATED", 410, "The activation was deactivated";
    /// The claim was not approved, or not taken up, in time.
    ClaimExpired = "CLAIM_EXPIRED", 410, "The claim has expired";
    /// `If-Match` names another version.
    VersionStale = "VERSION_STALE", 412, "It was changed in the meantime";
    /// The body is over 64 KB (2 MB for a bulk issue; what is configured for an import).
    BodyTooLarge = "BODY_TOO_LARGE", 413, "The body is too large";
    /// Path and query are over 8 KB.
    UriTooLong = "URI_TOO_LONG", 414, "The path with its query is too long";
    /// The body is not declared as JSON (for an import: as JSON lines or CSV).
    MediaTypeUnsupported = "MEDIA_TYPE_UNSUPPORTED", 415, "The media type is not supported";
    /// One or more members of the body are not valid.
    ValidationFailed = "VALIDATION_FAILED", 422, "The request is not valid";
    /// The password is too short, too long, or can be guessed.
    PasswordWeak = "PASSWORD_WEAK", 422, "The password cannot be used";
    /// A licence key with a typing error.
    LicenseKeyMalformed = "LICENSE_KEY_MALFORMED", 422, "The licence key has a typing error";
    /// A chosen licence key that can be guessed.
    LicenseKeyWeak = "LICENSE_KEY_WEAK", 422, "The licence key can be guessed";
    /// The consumer's key cannot be used for encryption.
    ConsumerKeyInvalid = "CONSUMER_KEY_INVALID", 422, "The consumer key cannot be used";
    /// Tiers would include each other in a circle.
    TierCycle = "TIER_CYCLE", 422, "The tiers would include each other";
    /// The token would be over 6 KB.
    TokenTooLarge = "TOKEN_TOO_LARGE", 422, "The token would be too large";
    /// Not one of our tokens, or one that somebody changed.
    TokenInvalid = "TOKEN_INVALID", 422, "The token is not one of ours";
    /// The `Idempotency-Key` was sent with another request.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", 422, "The Idempotency-Key stands for another request";
    /// The API knows it, this version does not do it yet.
    NotSupported = "NOT_SUPPORTED", 422, "Not supported by this version";
    /// An edit without `If-Match`.
    PreconditionRequired = "PRECONDITION_REQUIRED", 428, "If-Match is missing";
    /// The headers are over 32 KB.
    HeadersTooLarge = "HEADERS_TOO_LARGE", 431, "The headers are too large";
    /// Too many requests.
    RateLimited = "RATE_LIMITED", 429, "Too many requests";
    /// The mail server did not take a letter, or could not be reached.
    MailNotTaken = "MAIL_NOT_TAKEN", 502, "The letter was not taken";
    /// Our fault.
    Internal = "INTERNAL", 500, "Internal error";
    /// The database cannot be reached, or the server is stopping.
    Unavailable = "UNAVAILABLE", 503, "Not available for now";
    /// The directory that knows admins cannot be reached, or does not answer as it should.
    DirectoryUnavailable = "DIRECTORY_UNAVAILABLE", 503, "The directory does not answer";
}

impl Serialize for ProblemCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A problem document, `application/problem+json` (RFC 9457 §3).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same short text for each code.
    pub title: String,
    /// The HTTP status, again.
    pub status: u16,
    /// What to do about this one.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// What went wrong.
    pub code: ProblemCode,
    /// The id under which the server logged the request.
    pub request_id: String,
    /// What is wrong with which member of the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// `NONCE_REUSED`: the machine is to activate again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactivate: Option<bool>,
    /// `SEAT_LIMIT_REACHED`: who holds the seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<crate::seats::SeatsTaken>,
    /// `TOKEN_INVALID`: false, as in a verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    /// `TOKEN_INVALID`: a word in lower case (`signature`, `header`, `unknown_key`, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<String>>,
}

/// One member of a body that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldProblem {
    /// Where it stands (JSON Pointer, RFC 6901).
    pub pointer: String,
    /// `INVALID`, `REQUIRED`, `UNKNOWN_FIELD`, `NOT_SUPPORTED`, `UNKNOWN`, `TAKEN`, …
    pub code: String,
    /// What is expected there.
    pub detail: String,
}

impl FieldProblem {
    /// A refusal of the member at `pointer`.
    pub fn new(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_and_titles_are_unique_and_statuses_are_errors() {
        let codes: HashSet<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        let titles: HashSet<_> = ProblemCode::ALL.iter().map(|code| code.title()).collect();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
        assert_eq!(titles.len(), ProblemCode::ALL.len());
        assert!(ProblemCode::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }
}
