//! What a verifier is shown: a running shop, what it signs for a machine, and what else it signs.

use std::future::Future;

use licentia_crypto::armour::unarmour;
use licentia_entity::signing_key::Purpose;
use serde_json::Map;

use super::*;

/// A text that may be a token, with a name for the report.
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) text: String,
}

pub(super) fn token(name: impl Into<String>, text: impl Into<String>) -> Candidate {
    Candidate { name: name.into(), text: text.into() }
}

/// The compact JWS inside of a licence file.
pub(super) fn token_of(file: &str) -> String {
    unarmour("LICENSE FILE", file).unwrap()
}

/// A server whose issuer is its address, a licence, a machine.
pub(super) struct Scene {
    pub(super) server: TestServer,
    pub(super) shop: Shop,
    pub(super) key: String,
    pub(super) machine: Machine,
}

impl Scene {
    pub(super) fn open() -> impl Future<Output = Self> {
        // On the heap: the futures of a test would grow large.
        Box::pin(async {
            let mut server = TestServer::start_reachable(licentia_tests::Backend::Sqlite).await;
            server.make_admin().await;
            let shop = Shop::open(&server).await;
            let issued = shop.issue(&server, json!({"maxActivations": null})).await;
            let key = issued["licenseKey"].as_str().unwrap().to_owned();
            let more = json!({"environment": "ci", "productVersion": "2.1.0"});
            let machine = Machine::activate_with(&server, &key, "fp-1", more).await;
            Self { server, shop, key, machine }
        })
    }

    /// Tokens that every verifier must take.
    pub(super) async fn good(&self) -> Vec<Candidate> {
        let mut machine = Machine::activate(&self.server, &self.key, "fp-2").await;
        machine.beat(&self.server).await;
        vec![
            token("as activated", &self.machine.token),
            token("after a heartbeat", &machine.token),
            token("with another typ", self.signed("license+jwt", json!({})).await),
            token(
                "with a claim and a feature of the future",
                self.signed(
                    "JWT",
                    json!({"features": ["edit", "teleport"], "quota": {"deep": [1, {"x": null}]}}),
                )
                .await,
            ),
        ]
    }

    /// The machine's claims with other ones in their place, signed as a licence token is.
    pub(super) async fn signed(&self, typ: &str, other: Value) -> String {
        self.signed_by(Purpose::Token, typ, other).await
    }

    async fn signed_by(&self, purpose: Purpose, typ: &str, other: Value) -> String {
        let signer = self.server.signer(purpose).await;
        signer.sign(&signer.prepare(typ), &self.claims_with(&other)).unwrap()
    }

    /// The machine's claims with other ones in their place.
    pub(super) fn claims_with(&self, other: &Value) -> Map<String, Value> {
        let mut claims = self.machine.claims().as_object().unwrap().clone();
        claims.extend(other.as_object().unwrap().clone());
        claims
    }

    /// Everything else that we sign (docs: only the licence token carries the bare slug), each with
    /// a good signature by a published key, and a session, signed by one that is not.
    pub(super) async fn other_documents(&self) -> Vec<Candidate> {
        let mut documents = Vec::new();
        for kind in ["activation-proof", "license-file", "grace", "revocation-list", "statuslist"] {
            let audience = json!({"aud": format!("urn:licentia:{kind}:{}", self.shop.slug)});
            for purpose in [Purpose::Token, Purpose::Document] {
                let text = self.signed_by(purpose, &format!("{kind}+jwt"), audience.clone()).await;
                documents.push(token(format!("{kind} signed by the {purpose:?} key"), text));
            }
        }
        documents.push(token("a grace as it is given", self.grace().await));
        let (file, record) = self.files().await;
        documents.push(token("a licence file as it is given", token_of(&file)));
        documents.push(token("a record as it is given", token_of(&record)));
        documents.push(token("a proof as it is given", self.proof().await));
        for typ in ["at+jwt", "JWT"] {
            let session = self.signed_by(Purpose::Session, typ, json!({})).await;
            documents.push(token(format!("session with typ {typ}"), session));
        }
        for list in ["/status-lists/0", "/api/v1/revocation/list"] {
            let served = self.server.get(list).await;
            assert_eq!(served.status, 200, "{}", served.text);
            documents.push(token(list, served.text));
        }
        documents
    }

    /// The text of a licence file of the scene's machine, and of a record of another licence.
    pub(super) async fn files(&self) -> (String, String) {
        let path =
            format!("/license-keys/{}/checkout", self.machine.claims()["license_id"].as_str().unwrap());
        let file = self.server.admin_post(&path, json!({"fingerprint": "fp-1"})).await.expect(201);
        let issued = self.shop.issue(&self.server, json!({"document": true})).await;
        let text = |file: &Value| file["file"].as_str().unwrap().to_owned();
        (text(&file), text(&issued["document"]))
    }

    /// What a revoked machine is told while it may go on.
    async fn grace(&self) -> String {
        let mut machine = Machine::activate(&self.server, &self.key, "revoked").await;
        let path = format!("/license-activations/{}/revoke", machine.activation);
        self.server.admin_post(&path, json!({"graceHours": 1})).await.expect(200);
        machine.beat(&self.server).await["graceToken"].as_str().unwrap().to_owned()
    }
}
