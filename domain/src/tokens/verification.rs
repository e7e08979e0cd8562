//! Is this one of our tokens? Everything hostile is refused before any work is done on it, and
//! nothing that a token names is ever fetched.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use licentia_crypto::digests::token_digest;
use licentia_types::activations::{ACTIVATION_PROOF_TYP, MOST_PROOF_BYTES};
use licentia_types::time::Timestamp;
use licentia_types::tokens::{LicenseClaims, TokenTyp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::signing_keys::{Purpose, VerifyingKey};

/// Longest text that is looked at, but for the proof of an activation.
const MOST_BYTES: usize = 16 * 1024;
/// Longest header that is looked at, encoded.
const MOST_HEADER_BYTES: usize = 512;
/// Length of every key's name: a SHA-256 as base64url.
const KID_BYTES: usize = 43;

/// Names a token's text, header and signature included (SHA-256).
pub(crate) type TokenDigest = [u8; 32];

/// Why a token is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    TooLarge,
    Malformed,
    Header,
    UnknownKey,
    RevokedKey,
    Signature,
    Issuer,
    Audience,
    /// One of ours, for its owner only.
    Encrypted,
    /// One of ours, whose time is over.
    Expired,
    /// One of ours, whose time has not come.
    NotYetValid,
}

impl TokenFault {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Header => "header",
            Self::UnknownKey => "unknown_key",
            Self::RevokedKey => "revoked_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Encrypted => "encrypted",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
        }
    }

    /// Whether this server made the token all the same.
    pub(crate) const fn is_genuine(self) -> bool {
        match self {
            Self::Encrypted | Self::Expired | Self::NotYetValid => true,
            Self::TooLarge
            | Self::Malformed
            | Self::Header
            | Self::UnknownKey
            | Self::RevokedKey
            | Self::Signature
            | Self::Issuer
            | Self::Audience => false,
        }
    }
}

/// A token that this server did not make as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not one of ours: {}", .0.word())]
pub struct NotOurs(TokenFault);

impl NotOurs {
    /// Why, in one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.0.word()
    }
}

impl From<TokenFault> for NotOurs {
    fn from(fault: TokenFault) -> Self {
        Self(fault)
    }
}

/// What a text claims to be, before any signature was looked at.
pub(crate) enum Parsed<'a> {
    Signed(Signed<'a>),
    Encrypted(EncryptedHeader),
}

/// A text with a header as we make them.
pub(crate) struct Signed<'a> {
    token: &'a str,
    pub(crate) header: SignedHeader,
}

/// A member more, or one twice, is refused: those that are not ours would have us fetch or trust a
/// key, or read the rest in another way.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedHeader {
    alg: String,
    pub(crate) typ: String,
    pub(crate) kid: String,
}

/// The header of a token that is encrypted to a consumer.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EncryptedHeader {
    alg: String,
    enc: String,
    cty: String,
    typ: String,
    pub(crate) kid: String,
}

/// Reads what kind of token a text is. Costs no more than its length.
pub(crate) fn parse(token: &str) -> Result<Parsed<'_>, TokenFault> {
    let parsed = if token.len() <= MOST_PROOF_BYTES { read(token) } else { Err(TokenFault::TooLarge) };
    match parsed {
        Ok(Parsed::Signed(signed)) if signed.header.is_of_proof() => Ok(Parsed::Signed(signed)),
        _ if token.len() > MOST_BYTES => Err(TokenFault::TooLarge),
        parsed => parsed,
    }
}

fn read(token: &str) -> Result<Parsed<'_>, TokenFault> {
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [header, _, _] => Ok(Parsed::Signed(Signed { token, header: SignedHeader::parse(header)? })),
        [header, rest @ ..] if rest.len() == 4 => {
            Ok(Parsed::Encrypted(EncryptedHeader::parse(header, rest)?))
        }
        _ => Err(TokenFault::Malformed),
    }
}

fn header<H: DeserializeOwned>(encoded: &str) -> Result<H, TokenFault> {
    if encoded.len() > MOST_HEADER_BYTES {
        return Err(TokenFault::Header);
    }
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenFault::Malformed)?;
    // An array would do for serde, member by member.
    if !bytes.starts_with(b"{") {
        return Err(TokenFault::Header);
    }
    serde_json::from_slice(&bytes).map_err(|_| TokenFault::Header)
}

/// A name that a key of ours, or of a consumer, can have; the database is asked for no other one.
fn is_thumbprint(kid: &str) -> bool {
    kid.len() == KID_BYTES
        && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl SignedHeader {
    fn parse(encoded: &str) -> Result<Self, TokenFault> {
        let header: Self = header(encoded)?;
        match header.alg.as_str() {
            "RS256" if is_thumbprint(&header.kid) => Ok(header),
            "RS256" => Err(TokenFault::UnknownKey),
            _ => Err(TokenFault::Header),
        }
    }

    /// Whether it is the header of a licence token.
    pub(crate) fn is_of_license(&self) -> bool {
        TokenTyp::ALL.iter().any(|typ| typ.as_str() == self.typ)
    }

    /// Whether it is the header of the proof of an activation, which may name many assemblies.
    fn is_of_proof(&self) -> bool {
        self.typ == ACTIVATION_PROOF_TYP
    }
}

impl EncryptedHeader {
    fn parse(encoded: &str, rest: &[&str]) -> Result<Self, TokenFault> {
        let header: Self = header(encoded)?;
        let ours = matches!(header.alg.as_str(), "RSA-OAEP" | "RSA-OAEP-256")
            && (header.enc.as_str(), header.cty.as_str(), header.typ.as_str())
                == ("A256CBC-HS512", "JWT", "JWT")
            && is_thumbprint(&header.kid);
        if !ours {
            return Err(TokenFault::Header);
        }
        let lengths = rest.iter().map(|part| URL_SAFE_NO_PAD.decode(part).map(|bytes| bytes.len()));
        match lengths.collect::<Result<Vec<_>, _>>().map_err(|_| TokenFault::Malformed)?.as_slice() {
            [256..=512, 16, text, 32] if *text > 0 && text % 16 == 0 => Ok(header),
            _ => Err(TokenFault::Malformed),
        }
    }
}

impl Signed<'_> {
    /// The claims, when `key` signed them.
    pub(crate) fn claims<C: DeserializeOwned>(&self, key: &DecodingKey) -> Result<C, TokenFault> {
        let decoded = jsonwebtoken::decode::<C>(self.token, key, &signature_only());
        decoded.map(|decoded| decoded.claims).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenFault::Signature,
            _ => TokenFault::Malformed,
        })
    }
}

/// The claims of a licence token that this server signed and that is good at `now`. Answered from
/// memory, but for a key that is not known yet. The audience is left to the caller, who knows the product.
pub(crate) async fn verify(
    ctx: &Context,
    token: &str,
    now: Timestamp,
) -> Result<Arc<LicenseClaims>, TokenFault> {
    let (claims, key) = signed_by_us(ctx, token, now).await?;
    // All that a retired key signed is over, whatever this one says of itself.
    if key.is_retired() || claims.exp <= now.seconds() {
        return Err(TokenFault::Expired);
    }
    if claims.nbf > now.seconds() {
        return Err(TokenFault::NotYetValid);
    }
    Ok(claims)
}

/// The same, whether it is good at this instant or not.
pub(crate) async fn genuine(
    ctx: &Context,
    token: &str,
    now: Timestamp,
) -> Result<Arc<LicenseClaims>, TokenFault> {
    signed_by_us(ctx, token, now).await.map(|(claims, _)| claims)
}

async fn signed_by_us(
    ctx: &Context,
    token: &str,
    now: Timestamp,
) -> Result<(Arc<LicenseClaims>, VerifyingKey), TokenFault> {
    let signed = match parse(token)? {
        Parsed::Encrypted(_) => return Err(TokenFault::Encrypted),
        Parsed::Signed(signed) if !signed.header.is_of_license() => return Err(TokenFault::Header),
        Parsed::Signed(signed) => signed,
    };
    let key = ctx.verifying_key(Purpose::Token, &signed.header.kid, now).await;
    let key = key.ok_or(TokenFault::UnknownKey)?;
    Ok((said_by_us(ctx, &signed, &key)?, key))
}

/// What a token says that `key` signed. A signature that was verified stays so: of a token that was seen
/// before, only its digest is computed.
fn said_by_us(
    ctx: &Context,
    signed: &Signed<'_>,
    key: &VerifyingKey,
) -> Result<Arc<LicenseClaims>, TokenFault> {
    let digest = token_digest(signed.token);
    if let Some(claims) = ctx.caches.verified.get(&digest) {
        return Ok(claims);
    }
    let claims: LicenseClaims = signed.claims(key.decoding())?;
    if claims.set.iss != ctx.settings.issuer {
        return Err(TokenFault::Issuer);
    }
    // No slug has a colon: whatever its type says, this was signed for something else.
    if claims.set.aud.contains(':') {
        return Err(TokenFault::Audience);
    }
    let claims = Arc::new(claims);
    ctx.caches.verified.insert(digest, Arc::clone(&claims));
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
