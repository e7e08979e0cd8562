//! Signing, and encrypting to a consumer who brought a key. Never inside a transaction.

use licentia_crypto::jwe::{ConsumerKey, ConsumerKeyAlgorithm};
use licentia_entity::{activation, consumer_key};
use licentia_types::activations::{ConsumerKeyAlg, TokenType};
use licentia_types::tokens::{LicenseClaims, TokenTyp};
use sea_orm::{ConnectionTrait, EntityTrait};

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
    key: ConsumerKey,
    algorithm: ConsumerKeyAlg,
}

impl Recipient {
    /// The registered key of a machine, if it has one.
    pub(crate) async fn of(
        db: &impl ConnectionTrait,
        activation: &activation::Model,
    ) -> Result<Option<Self>, Failure> {
        let Some(thumbprint) = activation.consumer_key.clone() else {
            return Ok(None);
        };
        let row = consumer_key::Entity::find_by_id(thumbprint)
            .one(db)
            .await?
            .ok_or(Failure::Corrupt("consumer key"))?;
        Ok(Some(Self::open(&row, activation.consumer_key_alg.unwrap_or_default())?))
    }

    /// A registered key that was read already.
    pub(crate) fn open(row: &consumer_key::Model, algorithm: ConsumerKeyAlg) -> Result<Self, Failure> {
        let key = ConsumerKey::from_spki_der(&row.spki).map_err(|_| Failure::Corrupt("consumer key"))?;
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
