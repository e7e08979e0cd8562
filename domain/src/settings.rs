//! What the first start settles for good, and why a start is refused.

use licentia_entity::server_setting;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DbErr, EntityTrait};

use crate::context::Settings;
use crate::database::{Database, Lane};
use crate::events::{self, Event};
use crate::failure::{Failure, failed_from};
use crate::products;

const ISSUER: &str = "issuer";
const DEFAULTS: &str = "defaults";

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Tokens in the field name another issuer; verifiers would refuse ours.
    #[error(
        "the issuer is {configured}, but this database was made for {stored}: set server.public_url back to it, or start with another database"
    )]
    OtherIssuer {
        /// What the configuration says.
        configured: String,
        /// What the first start stored.
        stored: String,
    },
    /// A secret was sealed under another key.
    #[error(
        "the database was sealed under key-encryption key {key_id}, which is not the configured one ({configured})"
    )]
    OtherKey {
        /// Id of the key that is needed.
        key_id: String,
        /// Id of the configured key.
        configured: String,
    },
    /// Our fault, or the database's.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(StartError);

/// Stores the issuer at the first start, and holds every later one to it.
///
/// # Errors
/// When another issuer was stored.
pub(crate) async fn settle_issuer(db: &Database, issuer: &str, now: Timestamp) -> Result<(), StartError> {
    if let Some(stored) = stored_issuer(db).await? {
        return expect_issuer(issuer, stored);
    }
    let row = server_setting::ActiveModel {
        name: Set(ISSUER.to_owned()),
        value: Set(issuer.to_owned()),
        created_at: Set(now),
    };
    let tx = db.write(Lane::Ordinary).await?;
    server_setting::Entity::insert(row)
        .on_conflict(OnConflict::column(server_setting::Column::Name).do_nothing().to_owned())
        .exec_without_returning(&tx)
        .await?;
    tx.commit().await?;
    let stored = stored_issuer(db).await?.ok_or(Failure::Corrupt("issuer"))?;
    expect_issuer(issuer, stored)
}

/// The defaults enter into what tokens claim: when an operator changed them, whatever was resolved
/// before is out of date.
///
/// # Errors
/// When the database fails.
pub(crate) async fn settle_defaults(
    db: &Database,
    settings: &Settings,
    now: Timestamp,
) -> Result<(), StartError> {
    let times = settings.times;
    let seconds = [
        times.token_ttl,
        times.heartbeat_interval,
        times.offline_grace,
        times.expiry_grace,
        times.revocation_grace,
        times.lease,
    ];
    let value = format!("{:?} {}", seconds.map(Seconds::get), settings.max_activations);
    let stored = server_setting::Entity::find_by_id(DEFAULTS.to_owned()).one(db).await?;
    if stored.as_ref().is_some_and(|stored| stored.value == value) {
        return Ok(());
    }
    let tx = db.write(Lane::Ordinary).await?;
    if stored.is_some() {
        products::store::raise_every_catalogue_revision(&tx).await?;
        events::record_at(&tx, now, Event::of_catalogue(None)).await?;
    }
    let row = server_setting::ActiveModel {
        name: Set(DEFAULTS.to_owned()),
        value: Set(value),
        created_at: Set(now),
    };
    let replace = OnConflict::column(server_setting::Column::Name)
        .update_columns([server_setting::Column::Value, server_setting::Column::CreatedAt])
        .to_owned();
    server_setting::Entity::insert(row).on_conflict(replace).exec_without_returning(&tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn stored_issuer(db: &Database) -> Result<Option<String>, DbErr> {
    let row = server_setting::Entity::find_by_id(ISSUER.to_owned()).one(db).await?;
    Ok(row.map(|row| row.value))
}

fn expect_issuer(configured: &str, stored: String) -> Result<(), StartError> {
    if stored == configured {
        return Ok(());
    }
    Err(StartError::OtherIssuer { configured: configured.to_owned(), stored })
}
