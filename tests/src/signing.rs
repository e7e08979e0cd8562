//! The server's own signing keys, for making what it would sign.

use licentia_crypto::jws::Signer;
use licentia_crypto::rsa_keys::KeyPair;
use licentia_crypto::sealing::Place;
use licentia_entity::signing_key::{self, Purpose};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::server::TestServer;

impl TestServer {
    /// The name of the key that signs licence tokens now.
    pub async fn signing_kid(&self) -> String {
        let now = self.context.moment().now;
        self.context.token_key(now).await.unwrap().kid().to_owned()
    }

    /// The key that signs for this purpose, unsealed from the database.
    pub async fn signer(&self, purpose: Purpose) -> Signer {
        let row = signing_key::Entity::find()
            .filter(signing_key::Column::Purpose.eq(purpose))
            .filter(signing_key::Column::ActiveFrom.is_not_null())
            .filter(signing_key::Column::RetiringFrom.is_null())
            .filter(signing_key::Column::RevokedAt.is_null())
            .one(&self.context.db)
            .await
            .unwrap()
            .expect("each purpose has an active key");
        let place = Place { table: "signing_key", column: "private_sealed", row: &row.kid };
        let pkcs8 = self.context.kek.open(place, &row.private_sealed).unwrap();
        Signer::new(KeyPair::from_pkcs8(&pkcs8).unwrap(), row.kid)
    }
}
