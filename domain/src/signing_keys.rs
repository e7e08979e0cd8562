//! Signing keys: each is published before it signs, and for as long as anything that it signed is
//! good.
//!
//! For every purpose one key signs and one waits, published already. A rotation writes the instant
//! at which the waiting one takes over, and makes the next; every instance changes over at that
//! instant by its own clock. Sealed at rest; a private part is parsed once and kept.

use std::sync::Arc;

use licentia_crypto::rsa_keys::RsaPublicKey;
use licentia_crypto::sealing::Place;
use licentia_entity::signing_key::Model;
use licentia_types::pages::PageResponse;
use licentia_types::signing_keys::{KeyPurpose, Kid, SigningKeyResponse};
use licentia_types::time::Timestamp;
use sea_orm::ConnectionTrait;

use crate::context::Context;
use crate::failure::Failure;

pub use error::SigningKeyError;
pub use import::{ImportKey, import};
pub use key::SigningKey;
pub use licentia_entity::signing_key::Purpose;
pub use publication::{Publication, Published};
pub use retire::retire;
pub use revoke::revoke;
pub(crate) use ring::KeyRing;
pub use rotate::rotate;
pub(crate) use rules::state;
pub use store::revoked_kids;
pub use upkeep::keep_up;
pub use verifying_key::VerifyingKey;

mod creation;
mod error;
mod import;
mod key;
mod publication;
mod retire;
mod revoke;
mod ring;
mod rotate;
mod rules;
mod store;
mod upkeep;
mod verifying_key;

impl Context {
    /// The key that signs licence tokens at `now`. Not inside a transaction: it may read.
    ///
    /// # Errors
    /// When the keys could not be read for a minute.
    pub async fn token_key(&self, now: Timestamp) -> Result<Arc<SigningKey>, Failure> {
        self.keys.signer(self, Purpose::Token, now).await
    }

    /// The key that signs every other document (status lists, revocation lists, checkpoints,
    /// proofs) at `now`. Not inside a transaction: it may read.
    ///
    /// # Errors
    /// When the keys could not be read for a minute.
    pub async fn document_key(&self, now: Timestamp) -> Result<Arc<SigningKey>, Failure> {
        self.keys.signer(self, Purpose::Document, now).await
    }

    /// The key that signs the tokens of sessions at `now`. Not inside a transaction: it may read.
    ///
    /// # Errors
    /// When the keys could not be read for a minute.
    pub async fn session_key(&self, now: Timestamp) -> Result<Arc<SigningKey>, Failure> {
        self.keys.signer(self, Purpose::Session, now).await
    }

    /// What everybody may see of the keys at `now`; also while the database is gone.
    pub async fn publication(&self, now: Timestamp) -> Published {
        self.keys.publication(self, now).await
    }

    /// The same, when this key is wanted: another instance may have made it a moment ago.
    pub async fn publication_with(&self, kid: &str, now: Timestamp) -> Published {
        self.keys.publication_with(self, kid, now).await
    }

    /// The public key that verifies what was signed for `purpose` under this `kid`; none when there
    /// is no such key, or it is not believed any more.
    pub async fn verifying_key(&self, purpose: Purpose, kid: &str, now: Timestamp) -> Option<VerifyingKey> {
        self.keys.verifying_key(self, purpose, kid, now).await
    }
}

/// Every key there ever was, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(ctx: &Context) -> Result<PageResponse<SigningKeyResponse>, SigningKeyError> {
    let now = ctx.moment().now;
    let rows = store::all(&ctx.db).await?;
    let items = rows.iter().map(|row| render(row, now)).collect::<Result<Vec<_>, Failure>>()?;
    let total = u64::try_from(items.len()).ok();
    Ok(PageResponse { items, next_cursor: None, total })
}

fn render(row: &Model, now: Timestamp) -> Result<SigningKeyResponse, Failure> {
    Ok(SigningKeyResponse {
        kid: row.kid.parse::<Kid>().map_err(|_| Failure::Corrupt("signing key"))?,
        purpose: purpose_word(row.purpose),
        state: rules::state(row, now),
        bits: RsaPublicKey::from_spki_der(&row.public_spki)?.bits(),
        published_at: row.published_at,
        active_from: row.active_from,
        retiring_from: row.retiring_from,
        signs_until: Some(row.signs_until).filter(|until| *until > row.published_at),
        retired_at: row.retired_at,
        revoked_at: row.revoked_at,
        reason: row.revocation_reason.clone(),
        imported: row.imported,
    })
}

/// The row of `kid` as it is now.
async fn shown(
    db: &impl ConnectionTrait,
    kid: &str,
    now: Timestamp,
) -> Result<SigningKeyResponse, SigningKeyError> {
    let row = store::find(db, kid).await?.ok_or(SigningKeyError::NotFound)?;
    Ok(render(&row, now)?)
}

const fn purpose_word(purpose: Purpose) -> KeyPurpose {
    match purpose {
        Purpose::Token => KeyPurpose::Token,
        Purpose::Document => KeyPurpose::Document,
        Purpose::Session => KeyPurpose::Session,
    }
}

const fn purpose_of(word: KeyPurpose) -> Purpose {
    match word {
        KeyPurpose::Token => Purpose::Token,
        KeyPurpose::Document => Purpose::Document,
        KeyPurpose::Session => Purpose::Session,
    }
}

fn private_place(kid: &str) -> Place<'_> {
    Place { table: "signing_key", column: "private_sealed", row: kid }
}
