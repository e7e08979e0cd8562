//! Is this one of our licence tokens, and still good? Answered from memory.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation};
use licentia_types::time::Timestamp;
use licentia_types::tokens::{LicenseClaims, TokenTyp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::context::Context;

/// Longest text that is looked at.
const MOST_BYTES: usize = 16 * 1024;
/// Longest header that is looked at, encoded.
const MOST_HEADER_BYTES: usize = 512;

/// Why a token is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenFault {
    TooLarge,
    Encrypted,
    Malformed,
    Header,
    UnknownKey,
    Signature,
    Issuer,
    Audience,
    Expired,
    NotYetValid,
}

impl TokenFault {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Encrypted => "encrypted",
            Self::Malformed => "malformed",
            Self::Header => "header",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
        }
    }
}

/// The members of a header that matter. A member twice is refused; those that would have us fetch
/// or trust a key from the token are refused wherever they point.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
    jwk: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
}

impl Header {
    fn parse(token: &str) -> Result<Self, TokenFault> {
        let parts = token.split('.').count();
        let encoded = token.split('.').next().filter(|encoded| encoded.len() <= MOST_HEADER_BYTES);
        match parts {
            3 => {}
            5 => return Err(TokenFault::Encrypted),
            _ => return Err(TokenFault::Malformed),
        }
        let bytes =
            URL_SAFE_NO_PAD.decode(encoded.ok_or(TokenFault::Header)?).map_err(|_| TokenFault::Malformed)?;
        let header: Self = serde_json::from_slice(&bytes).map_err(|_| TokenFault::Header)?;
        let foreign = [&header.crit, &header.b64, &header.jwk, &header.jku, &header.x5c, &header.x5u];
        let ours = header.alg == "RS256" && TokenTyp::ALL.iter().any(|typ| typ.as_str() == header.typ);
        if ours && foreign.iter().all(|member| member.is_none()) {
            Ok(header)
        } else {
            Err(TokenFault::Header)
        }
    }
}

/// The claims of a token that this server signed and that is good at `now`. The audience is left to
/// the caller, who knows the product.
pub(super) fn verify(ctx: &Context, token: &str, now: Timestamp) -> Result<LicenseClaims, TokenFault> {
    if token.len() > MOST_BYTES {
        return Err(TokenFault::TooLarge);
    }
    let header = Header::parse(token)?;
    let key = ctx.keys.verifying_key(&header.kid).ok_or(TokenFault::UnknownKey)?;
    let claims = jsonwebtoken::decode::<LicenseClaims>(token, key, &signature_only())
        .map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenFault::Signature,
            _ => TokenFault::Malformed,
        })?
        .claims;
    if claims.set.iss != ctx.settings.issuer {
        return Err(TokenFault::Issuer);
    }
    if claims.exp <= now.seconds() {
        return Err(TokenFault::Expired);
    }
    if claims.nbf > now.seconds() {
        return Err(TokenFault::NotYetValid);
    }
    Ok(claims)
}

/// Times are judged by our own clock, the issuer and audience by what we know.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}
