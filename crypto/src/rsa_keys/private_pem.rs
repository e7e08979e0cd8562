//! Private keys as operators keep them: PEM, PKCS#8 or PKCS#1.

use aws_lc_rs::{
    error::KeyRejected,
    signature::{KeyPair as _, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{KeyPair, RsaPublicKey};

/// The longest document that is looked at, in bytes.
const MAX_INPUT: usize = 64 * 1024;

/// Why a private key was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivatePemError {
    /// Over 64 KB of input.
    #[error("a private key has no more than 64 KB")]
    Oversized,
    /// A public key or a certificate.
    #[error("this holds no private key, only a public one")]
    Public,
    /// Under a passphrase.
    #[error("the private key is encrypted: take the passphrase off first, as `openssl pkey -in FILE` does")]
    Encrypted,
    /// More than one private key.
    #[error("there is more than one private key")]
    Several,
    /// Neither PKCS#8 nor PKCS#1 of RSA.
    #[error("this is no RSA private key in PEM (PRIVATE KEY or RSA PRIVATE KEY)")]
    Unreadable,
    /// A modulus under 2048 bits.
    #[error("the key has fewer than 2048 bits")]
    TooSmall,
    /// A modulus over 4096 bits.
    #[error("the key has more than 4096 bits")]
    TooLarge,
}

impl KeyPair {
    /// Reads a private key in PEM, of 2048 to 4096 bits: `PRIVATE KEY` (PKCS#8, RFC 5208 §5) or `RSA PRIVATE KEY`
    /// (PKCS#1, RFC 8017 appendix A.1.2). Text around it and any line ends are fine (RFC 7468 §3, lax).
    ///
    /// # Errors
    /// [`PrivatePemError`] names what is wrong with it.
    pub fn from_pem(text: &str) -> Result<Self, PrivatePemError> {
        if text.len() > MAX_INPUT {
            return Err(PrivatePemError::Oversized);
        }
        match text.matches("PRIVATE KEY-----").count() {
            0 if text.contains("-----BEGIN PUBLIC KEY-----")
                || text.contains("-----BEGIN RSA PUBLIC KEY-----")
                || text.contains("-----BEGIN CERTIFICATE-----") =>
            {
                return Err(PrivatePemError::Public);
            }
            0..=2 => {}
            _ => return Err(PrivatePemError::Several),
        }
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(PrivatePemError::Encrypted);
        }
        let private = if let Some(der) = body(text, "PRIVATE KEY") {
            RsaKeyPair::from_pkcs8(&der)
        } else if let Some(der) = body(text, "RSA PRIVATE KEY") {
            RsaKeyPair::from_der(&der)
        } else {
            return Err(PrivatePemError::Unreadable);
        };
        let private = private.map_err(rejected)?;
        let public = RsaPublicKey::from_pkcs1_der(private.public_key().as_ref())
            .map_err(|_| PrivatePemError::Unreadable)?;
        expect_size(public.bits())?;
        Ok(Self { private, public })
    }
}

fn expect_size(bits: u32) -> Result<(), PrivatePemError> {
    match bits {
        0..2048 => Err(PrivatePemError::TooSmall),
        2048..=4096 => Ok(()),
        _ => Err(PrivatePemError::TooLarge),
    }
}

/// The library tells the reason by its name only.
fn rejected(reason: KeyRejected) -> PrivatePemError {
    match reason.to_string().as_str() {
        "TooSmall" => PrivatePemError::TooSmall,
        "TooLarge" => PrivatePemError::TooLarge,
        _ => PrivatePemError::Unreadable,
    }
}

fn body(text: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa_keys::fixtures;

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    /// The `RSAPrivateKey` inside of a PKCS#8 document: the octet string that ends it.
    fn pkcs1(pkcs8: &[u8]) -> &[u8] {
        let start = pkcs8.windows(2).skip(4).position(|two| two == [0x30, 0x82]).unwrap() + 4;
        &pkcs8[start..]
    }

    #[test]
    fn both_forms_are_read_with_text_around_them() {
        let pkcs8 = fixtures::pkcs8();
        let expected = fixtures::key_pair().public();
        for text in [
            pem("PRIVATE KEY", pkcs8),
            pem("RSA PRIVATE KEY", pkcs1(pkcs8)),
            format!("Bag Attributes\r\n{}\r\n", pem("PRIVATE KEY", pkcs8).replace('\n', "\r\n")),
            pem("PRIVATE KEY", pkcs8) + &expected.to_spki_pem(),
        ] {
            assert_eq!(KeyPair::from_pem(&text).unwrap().public(), expected);
        }
    }

    #[test]
    fn what_is_no_private_key_is_told_apart() {
        let pkcs8 = fixtures::pkcs8();
        let good = pem("PRIVATE KEY", pkcs8);
        for (text, expected) in [
            (String::new(), PrivatePemError::Unreadable),
            ("text".to_owned(), PrivatePemError::Unreadable),
            (pem("EC PRIVATE KEY", pkcs8), PrivatePemError::Unreadable),
            (pem("PRIVATE KEY", &pkcs8[1..]), PrivatePemError::Unreadable),
            (good.replace("END PRIVATE", "END ANOTHER"), PrivatePemError::Unreadable),
            (fixtures::key_pair().public().to_spki_pem(), PrivatePemError::Public),
            (pem("CERTIFICATE", pkcs8), PrivatePemError::Public),
            (pem("ENCRYPTED PRIVATE KEY", pkcs8), PrivatePemError::Encrypted),
            (
                good.replace("PRIVATE KEY-----\n", "PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"),
                PrivatePemError::Encrypted,
            ),
            (good.repeat(2), PrivatePemError::Several),
            (good + &" ".repeat(MAX_INPUT), PrivatePemError::Oversized),
        ] {
            assert_eq!(KeyPair::from_pem(&text).unwrap_err(), expected);
        }
    }

    #[test]
    fn small_and_large_keys_are_refused() {
        for (bits, expected) in [
            (2047, Err(PrivatePemError::TooSmall)),
            (2048, Ok(())),
            (3000, Ok(())),
            (4096, Ok(())),
            (4097, Err(PrivatePemError::TooLarge)),
        ] {
            assert_eq!(expect_size(bits), expected);
        }
        assert_eq!(KeyPair::from_pem(SMALL).unwrap_err(), PrivatePemError::TooSmall);
    }

    /// 1024 bits, made for this test by `openssl genrsa`.
    const SMALL: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBAMmD6lOiMaHqX1pQ\n\
        /SSKabkbNYcAcjIpD8Qvp9yzartG88sFJl9T6Ke6hUmSmXeu25cI2xNhpEt0XvhR\n\
        8E1VTwDiuQ5nU2OEau7o4W0HUtHVGi5KbXDLXWjkmIcvOVonxBjjdKvTyTwaSUk7\n\
        dNWXzYNHTapuOpYI4U7VXqwW4ykrAgMBAAECgYBktC6zEtf40XZLXTPUQfNplOZg\n\
        C+IFnS2K3kHl8ieBZYjJyU4Oz5Dx2S1owgE9pT2JsdxBSEdhics4D0Kmct5ib8+y\n\
        chhNOCHkrQnWq0pgDPtUaJM4nmLVTpv9sG9bZXBQ459B/+W9F9Nx36Pc/XvGrmg3\n\
        sbWJqrOiyljZNxeYEQJBAPqPPzWdgmfGWfxDoU3034cS6n+tCm7wHGzUdck3UE3x\n\
        Kvk4PQe75f8QPWJdp24lEdZQ39gHyjJgXg1iJIA2cMMCQQDN5A1qY+mY5twcNRZn\n\
        BuwQfFSPKzopV5wzeGbAffalrpRuebOw5ECrPxlAs3eouclqThsvDKIEeHCrAWcc\n\
        et95AkEA7bHPKTHPcFs/Ko2ODMJs+1r6kzy5VRz8GlJDmyuaRxauydaMLzYVrq7d\n\
        TN/D4j3Qehwm/m4FZ1z8XH3qWqdKuQJBAIq9PBUPEqBIINaZJ2lxjq1lOo3nMSAe\n\
        u1ErtwHLX+MxizAOrnlqtfEvadLhnKaD2yfZThQcTSj6B+IT5emZGvECQQCyzas5\n\
        gl+umfd4mmQZ7d3P3AYjkFN3EkOaZTHWKH+6p2F1PBrFBQv2+56I3lt6Sdwjhhbh\n\
        wpmk6nP3rMGhgfd6\n\
        -----END PRIVATE KEY-----";
}
