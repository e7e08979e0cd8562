//! One-time codes of authenticator apps (TOTP, RFC 6238): SHA-1, six digits, steps of 30 s, because that is what
//! every app knows.

use std::fmt;

use totp_rs::{Algorithm, Builder, Totp, TotpError};
use zeroize::Zeroizing;

/// Bytes of a seed: as many as SHA-1 gives (RFC 4226 §4, R6).
pub const SEED: usize = 20;
/// Steps before and after the present one whose code is good as well (RFC 6238 §5.2).
const SKEW: u16 = 1;
const STEP_SECONDS: u64 = 30;
const DIGITS: u8 = 6;

/// What an app and the server share.
#[derive(Clone)]
pub struct TotpSeed(Zeroizing<[u8; SEED]>);

/// No seed, or none that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seed of the codes cannot be used")]
pub struct SeedInvalid;

impl TotpSeed {
    /// Takes random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SEED]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Takes bytes that were kept.
    ///
    /// # Errors
    /// When there are too few or too many of them.
    pub fn parse(bytes: &[u8]) -> Result<Self, SeedInvalid> {
        bytes.try_into().map(Self::from_bytes).map_err(|_| SeedInvalid)
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// For typing into an app: base32 (RFC 4648 §6), without padding.
    ///
    /// # Errors
    /// Never, with a seed of this length.
    pub fn base32(&self) -> Result<String, SeedInvalid> {
        Ok(self.codes("")?.secret().to_base32())
    }

    /// For a QR code: `otpauth://totp/…`.
    ///
    /// # Errors
    /// Never, with a seed of this length.
    pub fn uri(&self, account: &str) -> Result<String, SeedInvalid> {
        // A colon divides issuer and account.
        self.codes(&account.replace(':', " "))?.to_url().map_err(|_| SeedInvalid)
    }

    /// The step whose code this is, at `seconds` since the epoch: the present one, the one before or the one after.
    /// Whoever lets somebody in by it remembers the step, and takes none twice, nor an earlier one.
    #[must_use]
    pub fn step(&self, code: &str, seconds: u64) -> Option<u64> {
        self.codes("").ok()?.check(code, seconds)
    }

    fn codes(&self, account: &str) -> Result<Totp, SeedInvalid> {
        self.built(account).map_err(|_| SeedInvalid)
    }

    fn built(&self, account: &str) -> Result<Totp, TotpError> {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(SKEW)
            .with_step_duration(STEP_SECONDS)
            .with_secret(*self.0)
            .with_issuer(Some("Licentia"))
            .with_account_name(account)
            .build()
    }
}

impl fmt::Debug for TotpSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSeed(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B.
    fn seed() -> TotpSeed {
        TotpSeed::from_bytes(*b"12345678901234567890")
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // The last six digits of the eight that the appendix gives.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(seed().step(code, seconds), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_and_late_and_tells_its_step() {
        let code = "081804";
        let step = 1_111_111_109 / 30;
        for (seconds, found) in [
            ((step - 1) * 30, Some(step)),
            (step * 30 + 59, Some(step)),
            ((step - 1) * 30 - 1, None),
            ((step + 2) * 30, None),
        ] {
            assert_eq!(seed().step(code, seconds), found, "{seconds}");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        for code in ["", "81804", "0081804", "08180a", "٠٨١٨٠٤"] {
            assert_eq!(seed().step(code, 1_111_111_109), None, "{code}");
        }
    }

    #[test]
    fn apps_are_told_the_seed() {
        assert_eq!(seed().base32().unwrap(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = seed().uri("ada:@example.com").unwrap();
        assert!(uri.starts_with("otpauth://totp/Licentia:ada%20"), "{uri}");
        assert!(
            uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") && uri.contains("issuer=Licentia"),
            "{uri}"
        );
        assert_eq!(format!("{:?}", seed()), "TotpSeed(redacted)");
    }

    #[test]
    fn a_seed_of_another_length_is_none() {
        assert!(TotpSeed::parse(&[1; 19]).is_err());
        assert!(TotpSeed::parse(&[1; 20]).is_ok());
    }
}
