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

use crate::audit;
use crate::database::{Database, Lane, WriteTx};
use crate::failure::Failure;
use crate::randomness::Randomness;
use crate::settings::StartError;

const AUDIT: &str = "audit";

/// What only the server knows.
#[derive(Debug)]
pub struct Secrets {
    /// Keys the digests by which licence keys and API keys are found.
    pub digests: DigestKey,
    /// Keys the nonces of every activation.
    pub nonces: NonceKey,
    /// Keys the chain over the audit log.
    pub audit: DigestKey,
    /// Keys the order of the places in the status lists.
    pub places: DigestKey,
}

impl Secrets {
    pub(crate) async fn open(
        db: &Database,
        kek: &KeyEncryptionKey,
        randomness: &dyn Randomness,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let sealed = Sealed { db, kek, randomness, now };
        Ok(Self {
            digests: DigestKey::from_bytes(*sealed.open_or_make("digests").await?),
            nonces: NonceKey::from_bytes(*sealed.open_or_make("nonces").await?),
            audit: DigestKey::from_bytes(*sealed.open_or_make(AUDIT).await?),
            places: DigestKey::from_bytes(*sealed.open_or_make("places").await?),
        })
    }
}

/// The secrets as they lie in the database.
struct Sealed<'a> {
    db: &'a Database,
    kek: &'a KeyEncryptionKey,
    randomness: &'a dyn Randomness,
    now: Timestamp,
}

impl Sealed<'_> {
    async fn open_or_make(&self, name: &'static str) -> Result<Zeroizing<[u8; 32]>, StartError> {
        let find = || sealed_secret::Entity::find_by_id(name.to_owned()).one(self.db);
        let mut row = find().await?;
        if row.is_none() {
            self.make(name).await?;
            row = find().await?;
        }
        let row = row.ok_or(Failure::Corrupt("secret"))?;
        let opened = self.kek.open(place(name), &row.sealed).map_err(|error| explain(error, self.kek))?;
        let bytes = <[u8; 32]>::try_from(opened.as_slice()).map_err(|_| Failure::Corrupt("secret"))?;
        Ok(Zeroizing::new(bytes))
    }

    /// Of several instances that start together, one makes it.
    async fn make(&self, name: &'static str) -> Result<(), StartError> {
        let mut secret = Zeroizing::new([0_u8; 32]);
        self.randomness.fill(secret.as_mut())?;
        let made = sealed_secret::ActiveModel {
            name: Set(name.to_owned()),
            sealed: Set(self.kek.seal(place(name), secret.as_ref())?.into_bytes()),
            created_at: Set(self.now),
        };
        let tx = self.db.write(Lane::Ordinary).await?;
        let ours = sealed_secret::Entity::insert(made)
            .on_conflict(OnConflict::column(sealed_secret::Column::Name).do_nothing().to_owned())
            .exec_without_returning(&tx)
            .await?;
        if ours == 1 {
            self.begin_to_use(&tx, name, &secret).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// What stands or falls with a secret.
    async fn begin_to_use(&self, tx: &WriteTx, name: &str, secret: &[u8; 32]) -> Result<(), StartError> {
        if name == AUDIT {
            audit::begin(tx, &DigestKey::from_bytes(*secret), self.now).await?;
        }
        Ok(())
    }
}

const fn place(name: &str) -> Place<'_> {
    Place { table: "sealed_secret", column: "sealed", row: name }
}

/// Names both keys when the configured one is not the one that the database was sealed under.
pub(crate) fn explain(error: OpenError, kek: &KeyEncryptionKey) -> StartError {
    match error {
        OpenError::OtherKey { key_id } => StartError::OtherKey { key_id, configured: kek.id().to_owned() },
        other => StartError::Failed(other.into()),
    }
}
