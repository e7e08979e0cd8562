//! Licence files: what a machine runs on that cannot call.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_crypto::armour::{armour, unarmour};
use licentia_entity::{activation, license};
use licentia_tests::{Machine, Reply, Shop, TestServer};
use licentia_types::ids::LicenseId;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

mod checkouts;
mod lifetimes;
mod offline_requests;
mod races;
mod receipts;
mod records;

/// A licence that files are asked for.
struct Issued {
    id: String,
    key: String,
}

impl Issued {
    async fn of(server: &TestServer, shop: &Shop, more: Value) -> Self {
        let issued = shop.issue(server, more).await;
        let text = |member: &str| issued[member].as_str().unwrap().to_owned();
        Self { id: text("id"), key: text("licenseKey") }
    }

    async fn checkout(&self, server: &TestServer, body: Value) -> Reply {
        server.admin_post(&format!("/license-keys/{}/checkout", self.id), body).await
    }

    /// The same, for a machine of this fingerprint.
    async fn file(&self, server: &TestServer, fingerprint: &str) -> Value {
        self.checkout(server, json!({"fingerprint": fingerprint})).await.expect(201)
    }

    async fn change(&self, server: &TestServer, action: &str, body: Value) -> Value {
        server.admin_post(&format!("/license-keys/{}/{action}", self.id), body).await.expect(200)
    }

    /// Seats in use, as the API tells.
    async fn used(&self, server: &TestServer) -> u64 {
        let shown = server.admin_get(&format!("/license-keys/{}", self.id)).await.expect(200);
        shown["seats"]["used"].as_u64().unwrap()
    }

    /// The licence's count of seats, and the machines that hold one.
    async fn counted(&self, server: &TestServer) -> (u64, u64) {
        let id: LicenseId = self.id.parse().unwrap();
        let db = &server.context.db;
        let row = license::Entity::find_by_id(id).one(db).await.unwrap().unwrap();
        let holding = activation::Entity::find()
            .filter(activation::Column::LicenseId.eq(id))
            .filter(activation::Column::HoldsSeat.eq(true))
            .count(db)
            .await
            .unwrap();
        (u64::try_from(row.seats_used).unwrap(), holding)
    }
}

/// A server, a shop, and a licence.
async fn begin(server: &TestServer, more: Value) -> (Shop, Issued) {
    let shop = Shop::open(server).await;
    let issued = Issued::of(server, &shop, more).await;
    (shop, issued)
}

/// The token inside of a file's text.
fn token(file: &Value) -> String {
    unarmour("LICENSE FILE", file["file"].as_str().unwrap()).unwrap()
}

/// What a file says, unverified.
fn claims(file: &Value) -> Value {
    licentia_tests::claims(&token(file))
}

/// A machine without a network, with a key of its own.
struct Offline {
    key: Ed25519KeyPair,
}

impl Offline {
    fn new() -> Self {
        Self { key: Ed25519KeyPair::generate().unwrap() }
    }

    fn jwk(&self) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(self.key.public_key())})
    }

    fn thumbprint(&self) -> String {
        licentia_crypto::machine_keys::MachineKey::parse(&self.jwk().to_string())
            .unwrap()
            .thumbprint()
            .to_owned()
    }

    fn sign(&self, label: &str, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(message.as_bytes()));
        armour(label, &format!("{message}.{signature}"))
    }

    fn request(&self, slug: &str, more: &Value) -> String {
        let header = json!({"alg": "EdDSA", "typ": "license-request+jwt", "jwk": self.jwk()});
        let mut claims =
            json!({"aud": format!("urn:licentia:license-request:{slug}"), "fingerprint": "board-1"});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.sign("LICENSE REQUEST", &header, &claims)
    }

    fn receipt(&self, slug: &str, files: &[&Value]) -> String {
        let header = json!({"alg": "EdDSA", "typ": "deactivation-receipt+jwt", "kid": self.thumbprint()});
        let files: Vec<&Value> = files.iter().map(|file| &file["id"]).collect();
        let claims = json!({"aud": format!("urn:licentia:deactivation-receipt:{slug}"), "files": files});
        self.sign("DEACTIVATION RECEIPT", &header, &claims)
    }
}

async fn give_back(server: &TestServer, receipt: &str) -> Reply {
    server.post("/license-activations/receipts", json!({"receipt": receipt})).await
}

async fn deactivate(server: &TestServer, activation: &Value) -> Value {
    let path = format!("/license-activations/{}/deactivate", activation.as_str().unwrap());
    server.admin_post(&path, json!({})).await.expect(200)
}

async fn machine(server: &TestServer, id: &Value) -> Value {
    server.admin_get(&format!("/license-activations/{}", id.as_str().unwrap())).await.expect(200)
}

async fn activate(server: &TestServer, issued: &Issued, fingerprint: &str) -> Machine {
    Machine::activate(server, &issued.key, fingerprint).await
}
