//! The floor under every signed answer: one bare RS256 signature by aws-lc, its key parsed once. And the check of
//! those that come back.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits, RsaPublicKey};
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;

use crate::statistics;

/// As long as the header and claims of an ordinary token.
const MESSAGE_BYTES: usize = 1200;
const BLOCKS: usize = 7;
const BLOCK: u32 = 20;

/// Signs the same message again and again.
pub(crate) struct BareSigner {
    key: RsaKeyPair,
    message: Vec<u8>,
}

impl BareSigner {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Self::of(&KeyPair::generate(RsaKeyBits::Rsa2048)?)
    }

    /// Of this key.
    pub(crate) fn of(pair: &KeyPair) -> anyhow::Result<Self> {
        let key = RsaKeyPair::from_pkcs8(&pair.to_pkcs8()?).ok().context("aws-lc refuses its own key")?;
        Ok(Self { key, message: Self::message() })
    }

    /// What is signed.
    pub(crate) fn message() -> Vec<u8> {
        vec![b'A'; MESSAGE_BYTES]
    }

    /// Processor time of one signature now, in µs.
    pub(crate) fn cost(&self) -> anyhow::Result<f64> {
        block_cost(|| self.sign())
    }

    fn sign(&self) -> anyhow::Result<()> {
        let mut buffer = [0; 512];
        let signature = buffer.get_mut(..self.key.public_modulus_len()).context("a key over 4096 bits")?;
        let message = black_box(&self.message);
        let signed = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, signature);
        signed.ok().context("aws-lc did not sign")?;
        black_box(buffer);
        Ok(())
    }
}

/// Processor time of one such call, in µs: the median of some blocks, on this thread.
pub(crate) fn block_cost(mut call: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut blocks = Vec::with_capacity(BLOCKS);
    for _ in 0..BLOCKS {
        let begun = thread_time();
        for _ in 0..BLOCK {
            call()?;
        }
        blocks.push(statistics::micros(thread_time().saturating_sub(begun)) / f64::from(BLOCK));
    }
    statistics::median(blocks).context("nothing was signed")
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// The published keys of a server (RFC 7517), for checking what it signed.
pub(crate) struct Verifier {
    /// By the encoded header of a token, which names its key.
    keys: HashMap<String, ParsedPublicKey>,
    published: Vec<Jwk>,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: String,
    n: String,
    e: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

impl Verifier {
    /// From a JWK set.
    pub(crate) fn of(jwks: &[u8]) -> anyhow::Result<Self> {
        let set: JwkSet = serde_json::from_slice(jwks).context("no JWK set")?;
        Ok(Self { keys: HashMap::new(), published: set.keys })
    }

    /// Refuses a token that none of the keys signed with RS256.
    pub(crate) fn verify(&mut self, token: &str) -> anyhow::Result<()> {
        let (signed, signature) = token.rsplit_once('.').context("no JWS")?;
        let (header, _) = signed.split_once('.').context("no JWS")?;
        let signature = URL_SAFE_NO_PAD.decode(signature)?;
        if !self.keys.contains_key(header) {
            let key = self.published_key(header)?;
            self.keys.insert(header.to_owned(), key);
        }
        let key = self.keys.get(header).context("no key")?;
        key.verify_sig(signed.as_bytes(), &signature).ok().context("the signature is wrong")
    }

    fn published_key(&self, header: &str) -> anyhow::Result<ParsedPublicKey> {
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
        if header.alg != "RS256" {
            bail!("signed with {}", header.alg);
        }
        let jwk = self.published.iter().find(|jwk| jwk.kid == header.kid);
        let jwk = jwk.with_context(|| format!("the key {} is not published", header.kid))?;
        let public = RsaPublicKey::from_jwk_components(&jwk.n, &jwk.e)?.to_spki_der();
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).ok().context("no public key")
    }
}

#[cfg(test)]
mod tests {
    use licentia_crypto::jws::Signer;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_signature_costs_something() {
        assert!(BareSigner::new().unwrap().cost().unwrap() > 0.0);
    }

    #[test]
    fn only_what_a_published_key_signed_is_good() {
        let pair = KeyPair::generate(RsaKeyBits::Rsa2048).unwrap();
        let public = pair.public();
        let jwks = json!({"keys": [{"kid": "k", "n": public.n_base64url(), "e": public.e_base64url()}]});
        let mut verifier = Verifier::of(jwks.to_string().as_bytes()).unwrap();
        let signer = Signer::new(pair, "k".to_owned());
        let token = signer.sign(&signer.prepare("JWT"), &json!({"a": 1})).unwrap();
        verifier.verify(&token).unwrap();
        let stranger = Signer::new(KeyPair::generate(RsaKeyBits::Rsa2048).unwrap(), "k".to_owned());
        let forged = stranger.sign(&stranger.prepare("JWT"), &json!({"a": 1})).unwrap();
        assert!(verifier.verify(&forged).is_err());
        let stranger = Signer::new(KeyPair::generate(RsaKeyBits::Rsa2048).unwrap(), "x".to_owned());
        let unknown = stranger.sign(&stranger.prepare("JWT"), &json!({"a": 1})).unwrap();
        assert!(verifier.verify(&unknown).is_err());
    }
}
