//! Making keys: at the first start for every purpose one that signs and one that is pending, later
//! one for each that takes over.

use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_crypto::sealing::KeyEncryptionKey;
use licentia_entity::signing_key::{ActiveModel, Entity, Purpose};
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sea_orm::sea_query::OnConflict;

use super::{private_place, store};
use crate::context::{Context, compute};
use crate::database::{Database, Lane, WriteTx};
use crate::failure::Failure;
use crate::settings::StartError;

/// Every purpose.
pub(super) const PURPOSES: [Purpose; 3] = [Purpose::Token, Purpose::Document, Purpose::Session];

#[derive(Clone, Copy)]
enum Standing {
    Active,
    Pending,
}

/// Makes what is missing at a start. Keys are generated before the transaction; of two instances
/// that do so at once, the unique indexes let one set in, and the other's are forgotten unused.
pub(super) async fn complete(
    db: &Database,
    kek: &KeyEncryptionKey,
    bits: RsaKeyBits,
    now: Timestamp,
) -> Result<(), StartError> {
    let rows = store::all(db).await?;
    let missing: Vec<(Purpose, Standing)> = PURPOSES
        .into_iter()
        .flat_map(|purpose| [(purpose, Standing::Active), (purpose, Standing::Pending)])
        .filter(|(purpose, standing)| {
            let signs = matches!(standing, Standing::Active);
            !rows.iter().any(|row| {
                row.purpose == *purpose && row.active_from.is_some() == signs && row.revoked_at.is_none()
            })
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let generations: Vec<_> = missing.iter().map(|_| compute(move || KeyPair::generate(bits))).collect();
    let mut made = Vec::with_capacity(missing.len());
    for ((purpose, standing), generation) in missing.into_iter().zip(generations) {
        let fresh = Fresh::of(&generation.await?.map_err(Failure::from)?, kek)?;
        let active_from = match standing {
            Standing::Active => Some(now),
            Standing::Pending => None,
        };
        made.push(ActiveModel { active_from: Set(active_from), ..fresh.row(purpose, now) });
    }
    let tx = db.write(Lane::Ordinary).await?;
    for row in made {
        Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(&tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A key that is in no table yet, sealed.
pub(super) struct Fresh {
    pub(super) kid: String,
    spki: Vec<u8>,
    sealed: Vec<u8>,
}

impl Fresh {
    /// Generates one, off the threads that serve. Never inside a transaction.
    pub(super) async fn generate(ctx: &Context) -> Result<Self, Failure> {
        let bits = ctx.settings.signing_key_bits;
        Self::of(&compute(move || KeyPair::generate(bits)).await??, &ctx.kek)
    }

    /// Seals one.
    pub(super) fn of(key_pair: &KeyPair, kek: &KeyEncryptionKey) -> Result<Self, Failure> {
        let public = key_pair.public();
        let kid = public.thumbprint();
        let private = key_pair.to_pkcs8()?;
        let sealed = kek.seal(private_place(&kid), &private)?.into_bytes();
        Ok(Self { kid, spki: public.to_spki_der(), sealed })
    }

    /// Publishes it: from now on verifiers may fetch it, and it waits for its turn.
    pub(super) async fn publish(self, tx: &WriteTx, purpose: Purpose, now: Timestamp) -> Result<(), Failure> {
        Entity::insert(self.row(purpose, now)).exec_without_returning(tx).await?;
        Ok(())
    }

    /// The row of a pending key.
    pub(super) fn row(self, purpose: Purpose, now: Timestamp) -> ActiveModel {
        ActiveModel {
            kid: Set(self.kid),
            purpose: Set(purpose),
            public_spki: Set(self.spki),
            private_sealed: Set(self.sealed),
            published_at: Set(now),
            active_from: Set(None),
            retiring_from: Set(None),
            signs_until: Set(now),
            retired_at: Set(None),
            revoked_at: Set(None),
            revocation_reason: Set(None),
            imported: Set(false),
        }
    }
}
