//! A key that signs, its private part parsed once.

use std::sync::atomic::{AtomicI64, Ordering};

use licentia_crypto::jws::{PreparedHeader, SignError, Signer, Unsigned};
use licentia_crypto::multi_buffer::LaneKey;
use licentia_crypto::rsa_keys::KeyPair;
use licentia_crypto::sealing::KeyEncryptionKey;
use licentia_entity::signing_key::{self, Column, Entity, Purpose};
use licentia_types::time::Timestamp;
use licentia_types::tokens::TokenTyp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::private_place;
use crate::database::{Database, Lane};
use crate::failure::Failure;
use crate::lanes::Lanes;
use crate::secrets::explain;
use crate::settings::StartError;

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
    pub(super) fn open(
        row: &signing_key::Model,
        kek: &KeyEncryptionKey,
        lanes: &Lanes,
    ) -> Result<Self, StartError> {
        let pkcs8 =
            kek.open(private_place(&row.kid), &row.private_sealed).map_err(|error| explain(error, kek))?;
        let key_pair = KeyPair::from_pkcs8(&pkcs8).map_err(Failure::from)?;
        let mut signer = Signer::new(key_pair, row.kid.clone());
        if let Some(library) = lanes.multi_buffer().filter(|_| row.purpose == Purpose::Token) {
            signer = signer.with_lanes(library);
        }
        Ok(Self {
            jwt: signer.prepare(TokenTyp::Jwt.as_str()),
            license_jwt: signer.prepare(TokenTyp::LicenseJwt.as_str()),
            signer,
            signs_until: AtomicI64::new(row.signs_until.micros()),
        })
    }

    /// Takes the mark as the database has it: a restored one may be behind.
    pub(super) fn mark(&self, signs_until: Timestamp) {
        self.signs_until.store(signs_until.micros(), Ordering::Release);
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
        self.signer.sign(self.header(typ), claims)
    }

    /// A licence token but for its signature.
    pub(crate) fn unsigned<C: serde::Serialize>(
        &self,
        typ: TokenTyp,
        claims: &C,
    ) -> Result<Unsigned, SignError> {
        self.signer.unsigned(self.header(typ), claims)
    }

    /// Signs what this key made. Never inside a transaction.
    pub(crate) fn finish(&self, unsigned: Unsigned) -> Result<String, SignError> {
        self.signer.finish(unsigned)
    }

    /// The key as the lanes want it, where they can sign with it.
    pub(crate) fn lane_key(&self) -> Option<&LaneKey> {
        self.signer.lane_key()
    }

    const fn header(&self, typ: TokenTyp) -> &PreparedHeader {
        match typ {
            TokenTyp::Jwt => &self.jwt,
            TokenTyp::LicenseJwt => &self.license_jwt,
        }
    }

    /// Signs a document of another type (RFC 7515 §4.1.9). Never inside a transaction.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sign_document<C: serde::Serialize>(&self, typ: &str, claims: &C) -> Result<String, SignError> {
        self.signer.sign(&self.signer.prepare(typ), claims)
    }

    /// Whether it may sign what lives until `until`.
    pub(crate) fn is_reserved(&self, until: Timestamp) -> bool {
        until.micros() <= self.signs_until.load(Ordering::Acquire)
    }

    /// Makes it durable that this key signs something that lives until `until`. To be called before
    /// it does, outside of any transaction: a key is retired no sooner than its mark. The mark is
    /// rounded up to a day, so that most calls find it far enough and write nothing.
    pub(crate) async fn reserve(&self, db: &Database, until: Timestamp) -> Result<(), Failure> {
        if self.is_reserved(until) {
            return Ok(());
        }
        let mark = until.end_of_day();
        let tx = db.write(Lane::Heartbeat).await?;
        Entity::update_many()
            .col_expr(Column::SignsUntil, mark.into())
            .filter(Column::Kid.eq(self.kid()))
            .filter(Column::SignsUntil.lt(mark))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        self.signs_until.fetch_max(mark.micros(), Ordering::AcqRel);
        Ok(())
    }
}
