//! What everybody may see of the keys, as prepared bytes.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use licentia_crypto::rsa_keys::RsaPublicKey;
use licentia_entity::signing_key::{self, Purpose};
use licentia_types::discovery::{Jwk, JwkSet};

use super::rules;
use crate::failure::Failure;

/// The keys of purposes token and document that are pending, active or retiring. Session keys are
/// never published: nobody but the server verifies sessions.
#[derive(Clone, Debug)]
pub struct Publication {
    jwks: Bytes,
    etag: String,
    pems: HashMap<String, String>,
}

/// What everybody may see, as this instance last saw it.
#[derive(Clone, Debug)]
pub struct Published {
    /// The keys.
    pub keys: Arc<Publication>,
    /// Whether they were read lately. Otherwise a key may sign by now that is not among them, or one
    /// be revoked that is: nobody is to keep them without asking again.
    pub is_recent: bool,
}

impl Publication {
    pub(super) fn of(rows: &[signing_key::Model]) -> Result<Self, Failure> {
        let mut published: Vec<&signing_key::Model> =
            rows.iter().filter(|row| rules::is_published(row)).collect();
        // The newest that signs first, the one that waits last: the order is the same until a key comes or goes.
        published.sort_by_key(|row| {
            (
                row.purpose == Purpose::Document,
                row.active_from.is_none(),
                Reverse(row.active_from),
                row.kid.clone(),
            )
        });
        let mut set = JwkSet::default();
        let mut pems = HashMap::new();
        for row in published {
            let public = RsaPublicKey::from_spki_der(&row.public_spki)?;
            pems.insert(row.kid.clone(), public.to_spki_pem());
            set.keys.push(Jwk {
                kty: "RSA".to_owned(),
                usage: "sig".to_owned(),
                alg: "RS256".to_owned(),
                kid: row.kid.clone(),
                n: public.n_base64url(),
                e: public.e_base64url(),
            });
        }
        let jwks = serde_json::to_vec(&set).map_err(|_| Failure::Corrupt("signing key"))?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &jwks);
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest));
        Ok(Self { jwks: jwks.into(), etag, pems })
    }

    /// The JWK Set (RFC 7517 §5) as JSON, shared: an answer needs no copy.
    #[must_use]
    pub fn jwks(&self) -> Bytes {
        self.jwks.clone()
    }

    /// A strong entity tag of the set (RFC 9110 §8.8.3), in its quotes.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// A published key as PEM.
    #[must_use]
    pub fn pem(&self, kid: &str) -> Option<&str> {
        self.pems.get(kid).map(String::as_str)
    }
}
