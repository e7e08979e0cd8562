//! Making the keys that are missing: for every purpose one that signs and one that is pending.

use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_crypto::sealing::KeyEncryptionKey;
use licentia_entity::signing_key::{self, Purpose};
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sea_orm::sea_query::OnConflict;

use super::private_place;
use crate::context::compute;
use crate::database::{Database, Lane};
use crate::failure::Failure;
use crate::settings::StartError;

#[derive(Clone, Copy)]
enum Standing {
    Active,
    Pending,
}

/// Makes what is missing. Keys are generated before the transaction; of two instances that do so
/// at once, the unique indexes let one set in, and the other's keys are forgotten unused.
pub(super) async fn complete(
    db: &Database,
    kek: &KeyEncryptionKey,
    bits: RsaKeyBits,
    now: Timestamp,
) -> Result<(), StartError> {
    let rows = signing_key::Entity::find().all(db).await?;
    let missing: Vec<(Purpose, Standing)> = [Purpose::Token, Purpose::Document, Purpose::Session]
        .into_iter()
        .flat_map(|purpose| [(purpose, Standing::Active), (purpose, Standing::Pending)])
        .filter(|(purpose, standing)| {
            let signs = matches!(standing, Standing::Active);
            !rows.iter().any(|row| row.purpose == *purpose && row.active_from.is_some() == signs)
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let generations: Vec<_> = missing.iter().map(|_| compute(move || KeyPair::generate(bits))).collect();
    let mut made = Vec::with_capacity(missing.len());
    for ((purpose, standing), generation) in missing.into_iter().zip(generations) {
        let key_pair = generation.await?.map_err(Failure::from)?;
        made.push(sealed_row(&key_pair, purpose, standing, kek, now)?);
    }
    let tx = db.write(Lane::Ordinary).await?;
    for row in made {
        signing_key::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(&tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

fn sealed_row(
    key_pair: &KeyPair,
    purpose: Purpose,
    standing: Standing,
    kek: &KeyEncryptionKey,
    now: Timestamp,
) -> Result<signing_key::ActiveModel, Failure> {
    let public = key_pair.public();
    let kid = public.thumbprint();
    let private = key_pair.to_pkcs8()?;
    Ok(signing_key::ActiveModel {
        private_sealed: Set(kek.seal(private_place(&kid), &private)?.into_bytes()),
        kid: Set(kid),
        purpose: Set(purpose),
        public_spki: Set(public.to_spki_der()),
        published_at: Set(now),
        active_from: Set(match standing {
            Standing::Active => Some(now),
            Standing::Pending => None,
        }),
        signs_until: Set(now),
    })
}
