//! Signing, and encrypting to a consumer who brought a key. Never inside a transaction.

use std::sync::Arc;

use licentia_crypto::jwe::{ConsumerKey, ConsumerKeyAlgorithm};
use licentia_entity::{activation, consumer_key};
use licentia_types::activations::{ConsumerKeyAlg, TokenType};
use licentia_types::tokens::{LicenseClaims, TokenTyp};
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::context::Context;
use crate::failure::Failure;
use crate::signing_keys::SigningKey;

/// A token as it leaves.
#[derive(Clone)]
pub struct Packed {
    /// The compact text.
    pub token: String,
    /// How it is packed.
    pub token_type: TokenType,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed").field("token_type", &self.token_type).finish_non_exhaustive()
    }
}

/// To whom a token is encrypted.
#[derive(Debug)]
pub struct Recipient {
    key: Arc<ConsumerKey>,
    algorithm: ConsumerKeyAlg,
}

impl Recipient {
    /// The registered key of a machine, if it has one. A key is parsed once, and kept by its thumbprint.
    pub(crate) async fn of(
        ctx: &Context,
        db: &impl ConnectionTrait,
        activation: &activation::Model,
    ) -> Result<Option<Self>, Failure> {
        let Some(thumbprint) = activation.consumer_key.as_ref() else {
            return Ok(None);
        };
        let algorithm = activation.consumer_key_alg.unwrap_or_default();
        if let Some(key) = ctx.caches.consumer_keys.get(thumbprint) {
            return Ok(Some(Self { key, algorithm }));
        }
        let row = consumer_key::Entity::find_by_id(thumbprint.clone()).one(db).await?;
        Ok(Some(Self::open(ctx, &row.ok_or(Failure::Corrupt("consumer key"))?, algorithm)?))
    }

    /// A registered key that was read already.
    pub(crate) fn open(
        ctx: &Context,
        row: &consumer_key::Model,
        algorithm: ConsumerKeyAlg,
    ) -> Result<Self, Failure> {
        let key = ConsumerKey::from_spki_der(&row.spki).map_err(|_| Failure::Corrupt("consumer key"))?;
        let key = Arc::new(key);
        ctx.caches.consumer_keys.insert(row.thumbprint.clone(), Arc::clone(&key));
        Ok(Self { key, algorithm })
    }
}

/// Signs and, for a recipient, encrypts. Never inside a transaction.
///
/// # Errors
/// When the cryptographic library fails.
pub fn mint(
    key: &SigningKey,
    typ: TokenTyp,
    claims: &LicenseClaims,
    recipient: Option<&Recipient>,
) -> Result<Packed, Failure> {
    pack(key.sign(typ, claims)?, recipient)
}

/// Encrypts what was signed, for a recipient. Never inside a transaction.
///
/// # Errors
/// When the cryptographic library fails.
pub fn pack(token: String, recipient: Option<&Recipient>) -> Result<Packed, Failure> {
    let Some(recipient) = recipient else {
        return Ok(Packed { token, token_type: TokenType::Jwt });
    };
    let algorithm = match recipient.algorithm {
        ConsumerKeyAlg::RsaOaep => ConsumerKeyAlgorithm::RsaOaep,
        ConsumerKeyAlg::RsaOaep256 => ConsumerKeyAlgorithm::RsaOaep256,
    };
    Ok(Packed { token: recipient.key.encrypt(algorithm, &token)?, token_type: TokenType::Jwe })
}
