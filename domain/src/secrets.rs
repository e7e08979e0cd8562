//! The server's own secrets: made at the first start, sealed, the same for every instance.

use licentia_crypto::digests::DigestKey;
use licentia_crypto::nonces::NonceKey;
use licentia_crypto::sealing::{KeyEncryptionKey, OpenError, Place};
use licentia_entity::sealed_secret;
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sea_orm::sea_query::OnConflict;
use zeroize::Zeroizing;

use crate::database::{Database, Lane};
use crate::failure::Failure;
use crate::randomness::Randomness;
use crate::settings::StartError;

/// What only the server knows.
#[derive(Debug)]
pub struct Secrets {
    /// Keys the digests by which licence keys and API keys are found.
    pub digests: DigestKey,
    /// Keys the nonces of every activation.
    pub nonces: NonceKey,
}

impl Secrets {
    pub(crate) async fn open(
        db: &Database,
        kek: &KeyEncryptionKey,
        randomness: &dyn Randomness,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        Ok(Self {
            digests: DigestKey::from_bytes(*open_or_make(db, kek, randomness, now, "digests").await?),
            nonces: NonceKey::from_bytes(*open_or_make(db, kek, randomness, now, "nonces").await?),
        })
    }
}

async fn open_or_make(
    db: &Database,
    kek: &KeyEncryptionKey,
    randomness: &dyn Randomness,
    now: Timestamp,
    name: &'static str,
) -> Result<Zeroizing<[u8; 32]>, StartError> {
    let find = || sealed_secret::Entity::find_by_id(name.to_owned()).one(db);
    let place = Place { table: "sealed_secret", column: "sealed", row: name };
    let mut row = find().await?;
    if row.is_none() {
        let mut secret = Zeroizing::new([0_u8; 32]);
        randomness.fill(secret.as_mut())?;
        let made = sealed_secret::ActiveModel {
            name: Set(name.to_owned()),
            sealed: Set(kek.seal(place, secret.as_ref())?.into_bytes()),
            created_at: Set(now),
        };
        let tx = db.write(Lane::Ordinary).await?;
        sealed_secret::Entity::insert(made)
            .on_conflict(OnConflict::column(sealed_secret::Column::Name).do_nothing().to_owned())
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
        row = find().await?;
    }
    let row = row.ok_or(Failure::Corrupt("secret"))?;
    let opened = kek.open(place, &row.sealed).map_err(|error| explain(error, kek))?;
    let bytes = <[u8; 32]>::try_from(opened.as_slice()).map_err(|_| Failure::Corrupt("secret"))?;
    Ok(Zeroizing::new(bytes))
}

/// Names both keys when the configured one is not the one that the database was sealed under.
pub(crate) fn explain(error: OpenError, kek: &KeyEncryptionKey) -> StartError {
    match error {
        OpenError::OtherKey { key_id } => StartError::OtherKey { key_id, configured: kek.id().to_owned() },
        other => StartError::Failed(other.into()),
    }
}
