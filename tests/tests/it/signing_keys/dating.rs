//! The time of a change is that of the lock it is made under, however long it was waited for.

use base64::engine::general_purpose::STANDARD;
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_domain::actors::Caller;
use licentia_domain::clock::Clock;
use licentia_domain::context::Context;
use licentia_domain::database::{Database, Lane};
use licentia_domain::signing_keys::{ImportKey, import, keep_up, list, retire, revoke, rotate};
use licentia_types::signing_keys::{KeyPurpose, Kid, RevokeSigningKeyRequest, SigningKeyState};
use licentia_types::time::{Seconds, Timestamp};

use super::*;

on_both![keys_are_dated_under_the_lock];

/// Time passes while the database works: a second with each statement.
struct Slow {
    start: Timestamp,
    db: Database,
}

impl Slow {
    fn after(&self, statements: u64) -> Timestamp {
        self.start + Seconds::try_from(i64::try_from(statements).unwrap()).unwrap()
    }
}

impl Clock for Slow {
    fn now(&self) -> Timestamp {
        self.after(self.db.statements())
    }
}

fn fresh_pem() -> String {
    let text = STANDARD.encode(KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().to_pkcs8().unwrap());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

async fn in_state(ctx: &Context, purpose: KeyPurpose, state: SigningKeyState) -> (Kid, Timestamp) {
    let keys = list(ctx).await.unwrap().items;
    let key = keys.into_iter().find(|key| (key.purpose, key.state) == (purpose, state)).unwrap();
    (key.kid, key.published_at)
}

async fn published_at(ctx: &Context, purpose: KeyPurpose) -> Timestamp {
    in_state(ctx, purpose, SigningKeyState::Pending).await.1
}

async fn keys_are_dated_under_the_lock(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (db, caller) = (server.context.db.clone(), Caller::operator());
    let slow =
        || Slow { start: server.context.moment().now + Seconds::try_from(WAIT).unwrap(), db: db.clone() };
    let (clock, ctx) = (slow(), server.context_at(slow()).await);
    // The lock takes two statements; some look for something before it.
    let locked = |looks: u64| clock.after(db.statements() + looks + 2);

    let earliest = locked(0);
    rotate(&ctx, &caller, KeyPurpose::Token).await.unwrap();
    assert!(published_at(&ctx, KeyPurpose::Token).await >= earliest, "rotate");

    let earliest = locked(0);
    let command = ImportKey { purpose: KeyPurpose::Token, pem: fresh_pem().into() };
    let imported = import(&ctx, &caller, command).await.unwrap();
    assert!(imported.published_at >= earliest, "import");

    let (active, _) = in_state(&ctx, KeyPurpose::Document, SigningKeyState::Active).await;
    let earliest = locked(1);
    let retiring = retire(&ctx, &caller, &active).await.unwrap();
    assert!(published_at(&ctx, KeyPurpose::Document).await >= earliest, "retire");
    assert!(retiring.retiring_from.unwrap() >= earliest, "retire");

    let (active, _) = in_state(&ctx, KeyPurpose::Session, SigningKeyState::Active).await;
    let earliest = locked(1);
    let revoked = revoke(&ctx, &caller, &active, RevokeSigningKeyRequest::default()).await.unwrap();
    assert!(published_at(&ctx, KeyPurpose::Session).await >= earliest, "revoke");
    assert!(revoked.revoked_at.unwrap() >= earliest, "revoke");

    let (waiting, _) = in_state(&ctx, KeyPurpose::Token, SigningKeyState::Pending).await;
    let tx = db.write(Lane::Ordinary).await.unwrap();
    let delete = licentia_entity::signing_key::Entity::delete_by_id(waiting.as_str());
    delete.exec(&tx).await.unwrap();
    tx.commit().await.unwrap();
    let earliest = locked(1);
    keep_up(&ctx).await.unwrap();
    assert!(published_at(&ctx, KeyPurpose::Token).await >= earliest, "keep_up");
}
