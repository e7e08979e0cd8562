//! Signing keys: made at the first start, sealed at rest, published before they sign.
//!
//! Each purpose has one key that signs and one that is pending, which is published already. The
//! private part of an active key is parsed once and kept; everything public is prepared bytes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use licentia_crypto::jws::{PreparedHeader, SignError, Signer};
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits, RsaPublicKey};
use licentia_crypto::sealing::{KeyEncryptionKey, Place};
use licentia_entity::signing_key::{self, Purpose};
use licentia_types::time::Timestamp;
use licentia_types::tokens::TokenTyp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::database::{Database, Lane};
use crate::failure::Failure;
use crate::secrets::explain;
use crate::settings::StartError;

pub use publication::Publication;

mod creation;
mod publication;

/// The keys of this instance.
pub struct KeyRing {
    token: Arc<SigningKey>,
    publication: Publication,
    verifying: HashMap<String, jsonwebtoken::DecodingKey>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("token", &self.token.signer.kid()).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Loads the keys, and makes those that are missing.
    pub(crate) async fn open(
        db: &Database,
        kek: &KeyEncryptionKey,
        bits: RsaKeyBits,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        creation::complete(db, kek, bits, now).await?;
        let rows = signing_key::Entity::find().all(db).await?;
        let active =
            |purpose| rows.iter().find(move |row| row.purpose == purpose && row.active_from.is_some());
        let token = SigningKey::open(active(Purpose::Token).ok_or(Failure::Corrupt("signing key"))?, kek)?;
        let mut verifying = HashMap::new();
        for row in rows.iter().filter(|row| row.purpose == Purpose::Token) {
            let public = RsaPublicKey::from_spki_der(&row.public_spki).map_err(Failure::from)?;
            verifying.insert(
                row.kid.clone(),
                jsonwebtoken::DecodingKey::from_rsa_raw_components(public.n(), public.e()),
            );
        }
        Ok(Self { token: Arc::new(token), publication: Publication::of(&rows)?, verifying })
    }

    /// The key that signs licence tokens now.
    #[must_use]
    pub fn token_key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.token)
    }

    /// What everybody may see of the keys.
    #[must_use]
    pub const fn publication(&self) -> &Publication {
        &self.publication
    }

    /// The public key that verifies licence tokens with this `kid`.
    #[must_use]
    pub fn verifying_key(&self, kid: &str) -> Option<&jsonwebtoken::DecodingKey> {
        self.verifying.get(kid)
    }
}

/// A key that signs, with what can be prepared once.
pub struct SigningKey {
    signer: Signer,
    jwt: PreparedHeader,
    license_jwt: PreparedHeader,
    signs_until: AtomicI64,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.signer.kid()).finish_non_exhaustive()
    }
}

impl SigningKey {
    fn open(row: &signing_key::Model, kek: &KeyEncryptionKey) -> Result<Self, StartError> {
        let pkcs8 =
            kek.open(private_place(&row.kid), &row.private_sealed).map_err(|error| explain(error, kek))?;
        let key_pair = KeyPair::from_pkcs8(&pkcs8).map_err(Failure::from)?;
        let signer = Signer::new(key_pair, row.kid.clone());
        Ok(Self {
            jwt: signer.prepare(TokenTyp::Jwt.as_str()),
            license_jwt: signer.prepare(TokenTyp::LicenseJwt.as_str()),
            signer,
            signs_until: AtomicI64::new(row.signs_until.micros()),
        })
    }

    /// The key's RFC 7638 thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.signer.kid()
    }

    /// Signs a licence token. Never inside a transaction.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sign<C: serde::Serialize>(&self, typ: TokenTyp, claims: &C) -> Result<String, SignError> {
        let header = match typ {
            TokenTyp::Jwt => &self.jwt,
            TokenTyp::LicenseJwt => &self.license_jwt,
        };
        self.signer.sign(header, claims)
    }

    /// Makes it durable that this key signs something that lives until `until`. To be called before
    /// it does, outside of any transaction: a key is retired no sooner than its mark. The mark is
    /// rounded up to a day, so that most calls find it far enough and write nothing.
    pub(crate) async fn reserve(&self, db: &Database, until: Timestamp) -> Result<(), Failure> {
        if until.micros() <= self.signs_until.load(Ordering::Acquire) {
            return Ok(());
        }
        let mark = until.end_of_day();
        let tx = db.write(Lane::Heartbeat).await?;
        signing_key::Entity::update_many()
            .col_expr(signing_key::Column::SignsUntil, mark.into())
            .filter(signing_key::Column::Kid.eq(self.kid()))
            .filter(signing_key::Column::SignsUntil.lt(mark))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        self.signs_until.fetch_max(mark.micros(), Ordering::AcqRel);
        Ok(())
    }
}

fn private_place(kid: &str) -> Place<'_> {
    Place { table: "signing_key", column: "private_sealed", row: kid }
}
