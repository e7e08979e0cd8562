//! Each code of the closed table is met over HTTP, and looks like every other problem.

use licentia_domain::database::Lane;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use licentia_types::problems::ProblemCode;
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::access::key_with;
use crate::activation_claims::Guarded;
use crate::assemblies::build;
use crate::idempotency::keyed;
use crate::idempotency::racing::in_flight;
use crate::licenses::suspend;
use crate::portal::Portal;

on_both![
    every_code_of_the_table_is_met,
    a_failing_database_is_our_fault_and_tells_nothing,
    what_is_not_ours_is_a_problem_too,
];

/// Where the producers work.
struct World {
    backend: Backend,
    server: TestServer,
    shop: Shop,
}

impl World {
    async fn new(backend: Backend) -> Self {
        let server = TestServer::start(backend).await;
        let shop = Shop::open(&server).await;
        Self { backend, server, shop }
    }

    async fn license(&self) -> (String, String) {
        self.license_with(json!({})).await
    }

    async fn license_with(&self, more: Value) -> (String, String) {
        let issued = self.shop.issue(&self.server, more).await;
        let text = |member: &str| issued[member].as_str().unwrap().to_owned();
        (text("id"), text("licenseKey"))
    }

    async fn machine(&self) -> Machine {
        Machine::activate(&self.server, &self.license().await.1, "fp-1").await
    }

    async fn activate(&self, key: &str, more: Value) -> Reply {
        try_activate(&self.server, key, "fp-1", more).await
    }

    async fn revoked(&self) -> (String, String) {
        let (id, key) = self.license().await;
        let path = format!("/license-keys/{id}/revoke");
        self.server.admin_post(&path, json!({})).await.expect(200);
        (id, key)
    }

    async fn body(&self, media_type: &str, body: String) -> Reply {
        let request = self.server.admin(Method::POST, "/customers");
        Reply::of(request.header("content-type", media_type).body(body)).await
    }

    /// An answer that has the code: a new code does not compile before it has a producer.
    async fn produce(&self, code: ProblemCode) -> Reply {
        use ProblemCode as Code;
        let server = &self.server;
        match code {
            Code::BodyInvalid => self.body("application/json", "{".to_owned()).await,
            Code::ParameterInvalid => server.admin_get("/customers?limit=0").await,
            Code::Unauthenticated => server.get("/api/v1/customers").await,
            Code::CredentialsInvalid => self.login(None).await,
            Code::OriginRefused => self.login(Some("https://elsewhere.example")).await,
            Code::PasswordWeak => self.password_weak().await,
            Code::RecentSignInRequired => recent_sign_in_required(self.backend).await,
            Code::LicenseClaimed => license_claimed(self.backend).await,
            Code::NonceInvalid => self.nonce_invalid().await,
            Code::PermissionDenied => self.permission_denied().await,
            Code::LicenseExpired => self.license_expired().await,
            Code::LicenseSuspended => self.license_suspended().await,
            Code::LicenseRevoked => self.activate(&self.revoked().await.1, json!({})).await,
            Code::ActivationRevoked => self.activation_revoked().await,
            Code::AssemblyNotApproved => self.assembly_not_approved().await,
            Code::NotFound => server.admin_get("/customers/cus_01h455vb4pex5vsknk084sn02q").await,
            Code::MethodNotAllowed => Reply::of(server.admin(Method::PATCH, "/customers")).await,
            Code::SeatLimitReached => self.seat_limit_reached().await,
            Code::ClaimLimitReached => self.claim_limit_reached().await,
            Code::ClaimRejected => self.claim_rejected().await,
            Code::ClaimExpired => self.claim_expired().await,
            Code::NonceReused => self.nonce_reused().await,
            Code::FingerprintMismatch => self.fingerprint_mismatch().await,
            Code::BindingMismatch => self.binding_mismatch().await,
            Code::AlreadyExists => self.already_exists().await,
            Code::InUse => server.admin_delete(&format!("/pricing-tiers/{}", self.shop.basic)).await,
            Code::ProductArchived => self.product_archived().await,
            Code::StateConflict => self.state_conflict().await,
            Code::RequestInFlight => in_flight(server).await,
            Code::TrialUsed => self.trial_used().await,
            Code::PreconditionRequired => self.precondition_required().await,
            Code::ActivationDeactivated => self.activation_deactivated().await,
            Code::VersionStale => self.version_stale().await,
            Code::RequestTimeout => self.request_timeout().await,
            Code::UriTooLong => server.get(&format!("/api/v1/products?q={}", "x".repeat(8_192))).await,
            Code::HeadersTooLarge => {
                let request = server.request(Method::GET, "/api/v1/products");
                Reply::of(request.header("x-long", "x".repeat(32_768))).await
            }
            Code::BodyTooLarge => self.body("application/json", " ".repeat(65_537)).await,
            Code::MediaTypeUnsupported => self.body("text/plain", "{}".to_owned()).await,
            Code::ValidationFailed => server.admin_post("/customers", json!({})).await,
            Code::LicenseKeyMalformed => self.activate("ACME-00000-00000-00000-00000-00001", json!({})).await,
            Code::LicenseKeyWeak => self.shop.try_issue(server, json!({"key": "password"})).await,
            Code::ConsumerKeyInvalid => self.consumer_key_invalid().await,
            Code::TierCycle => self.tier_cycle().await,
            Code::TokenTooLarge => self.token_too_large().await,
            Code::TokenInvalid => server.post("/license-keys/validate", json!({"token": "a.b.c"})).await,
            Code::IdempotencyKeyReused => self.idempotency_key_reused().await,
            Code::NotSupported => self.not_supported().await,
            Code::RateLimited => rate_limited(self.backend).await,
            Code::MailNotTaken => self.mail_not_taken().await,
            Code::Internal => internal(self.backend).await,
            Code::Unavailable => unavailable(self.backend).await,
            Code::DirectoryUnavailable => directory_unavailable(self.backend).await,
        }
    }

    async fn login(&self, origin: Option<&str>) -> Reply {
        let request = self.server.request(Method::POST, "/api/v1/auth/login");
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        Reply::of(request.json(&json!({"email": "ada@example.com", "password": "wrong"}))).await
    }

    async fn password_weak(&self) -> Reply {
        let ada = json!({"email": "ada@example.com", "name": "Ada", "role": "viewer"});
        let ada = self.server.admin_post("/admins", ada).await.expect(201);
        let body = json!({"token": ada["passwordToken"], "password": "password1234"});
        self.server.post("/auth/password/reset", body).await
    }

    async fn mail_not_taken(&self) -> Reply {
        let silent = crate::mail::nobody_there();
        let settings = crate::mail::settings(&silent, &[]);
        let server = self.server.another_with(&crate::mail::borrowed(&settings)).await;
        let body = json!({"to": "ada@example.com"});
        Reply::of(
            server
                .request(Method::POST, "/api/v1/settings/mail/test")
                .bearer_auth(&self.server.admin_key)
                .json(&body),
        )
        .await
    }

    async fn beat(&self, machine: &Machine, member: &str, value: &str) -> Reply {
        let mut body = machine.beat_body(None);
        body[member] = json!(value);
        self.server.post("/license-keys/heartbeat", body).await
    }

    async fn request_timeout(&self) -> Reply {
        let server = self.server.another_with(&[("SERVER__BODY_TIMEOUT_SECONDS", "1")]).await;
        let half = "POST /api/v1/license-keys/validate HTTP/1.1\r\nHost: localhost\r\n\
                    Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"token\":";
        server.say(half.as_bytes()).await.expect("the server answers")
    }

    async fn nonce_invalid(&self) -> Reply {
        self.beat(&self.machine().await, "nonce", "garbage").await
    }

    async fn fingerprint_mismatch(&self) -> Reply {
        self.beat(&self.machine().await, "fingerprint", "another").await
    }

    async fn nonce_reused(&self) -> Reply {
        let mut machine = self.machine().await;
        let copy = machine.clone();
        machine.beat(&self.server).await;
        copy.try_beat(&self.server).await
    }

    async fn permission_denied(&self) -> Reply {
        let key = key_with(&self.server, &[]).await;
        let request = self.server.request(Method::GET, "/api/v1/customers");
        Reply::of(request.bearer_auth(key)).await
    }

    async fn license_expired(&self) -> Reply {
        let (_, key) = self.license_with(json!({"validDays": 1})).await;
        self.server.clock.advance(86_400);
        self.activate(&key, json!({})).await
    }

    async fn license_suspended(&self) -> Reply {
        let (id, key) = self.license().await;
        suspend(&self.server, &id).await;
        self.activate(&key, json!({})).await
    }

    async fn seat_limit_reached(&self) -> Reply {
        let (_, key) = self.license_with(json!({"maxActivations": 1})).await;
        Machine::activate(&self.server, &key, "the first").await;
        self.activate(&key, json!({})).await
    }

    async fn claim_limit_reached(&self) -> Reply {
        let license = Guarded::of_shop(&self.server, "claim-limit-reached").await;
        for number in 0..5 {
            license.ask(&self.server, &format!("waits-{number}")).await;
        }
        self.activate(&license.key, json!({})).await
    }

    async fn claim_rejected(&self) -> Reply {
        let claim = Guarded::of_shop(&self.server, "claim-rejected").await.ask(&self.server, "fp-1").await;
        claim.try_decide(&self.server, "reject").await.expect(200);
        claim.poll(&self.server).await
    }

    async fn claim_expired(&self) -> Reply {
        let claim = Guarded::of_shop(&self.server, "claim-expired").await.ask(&self.server, "fp-1").await;
        self.server.clock.advance(900);
        claim.poll(&self.server).await
    }

    async fn binding_mismatch(&self) -> Reply {
        let (_, key) = self.license().await;
        self.activate(&key, json!({"userRef": "ann"})).await.expect(201);
        self.activate(&key, json!({"userRef": "eve"})).await
    }

    async fn already_exists(&self) -> Reply {
        let body = json!({"slug": self.shop.slug, "name": "Again"});
        self.server.admin_post("/products", body).await
    }

    async fn product_archived(&self) -> Reply {
        let old = Shop::named(&self.server, "old").await;
        let path = format!("/products/{}", old.product);
        self.server.admin_delete(&path).await.expect(204);
        old.try_issue(&self.server, json!({})).await
    }

    async fn state_conflict(&self) -> Reply {
        let path = format!("/license-keys/{}", self.revoked().await.0);
        self.server.admin_put(&path, json!({"notes": "late"})).await
    }

    async fn activation_deactivated(&self) -> Reply {
        let machine = self.machine().await;
        let path = format!("/license-activations/{}/deactivate", machine.activation);
        self.server.admin_post(&path, json!({})).await.expect(200);
        machine.try_beat(&self.server).await
    }

    async fn assembly_not_approved(&self) -> Reply {
        let (_, key) = self.license().await;
        self.activate(&key, json!({"assemblyManifest": [build("Acme.Core", "a")]})).await
    }

    async fn activation_revoked(&self) -> Reply {
        let machine = self.machine().await;
        let path = format!("/license-activations/{}/revoke", machine.activation);
        self.server.admin_post(&path, json!({})).await.expect(200);
        self.activate(&machine.key, json!({})).await
    }

    async fn version_stale(&self) -> Reply {
        let path = format!("/products/{}", self.shop.product);
        let request = self.server.admin(Method::PUT, &path).json(&json!({"name": "New"}));
        Reply::of(request.header("if-match", "\"99\"")).await
    }

    async fn precondition_required(&self) -> Reply {
        let path = format!("/products/{}", self.shop.product);
        Reply::of(self.server.admin(Method::PUT, &path).json(&json!({"name": "New"}))).await
    }

    async fn trial_used(&self) -> Reply {
        let trial = json!({"trial": true, "validDays": 14});
        let (_, first) = self.license_with(trial.clone()).await;
        self.activate(&first, json!({})).await.expect(201);
        let (_, second) = self.license_with(trial).await;
        self.activate(&second, json!({})).await
    }

    async fn consumer_key_invalid(&self) -> Reply {
        let (_, key) = self.license().await;
        self.activate(&key, json!({"consumerKey": "no key"})).await
    }

    async fn tier_cycle(&self) -> Reply {
        let path = format!("/pricing-tiers/{}", self.shop.basic);
        let body = json!({"includesTierId": self.shop.max});
        self.server.admin_put(&path, body).await
    }

    async fn token_too_large(&self) -> Reply {
        let mut values = serde_json::Map::new();
        for number in 0..16 {
            let key = format!("text-{number}");
            let body = json!({"productId": self.shop.product, "key": key, "name": key, "kind": "entitlement",
                              "valueType": "text"});
            self.server.admin_post("/product-features", body).await.expect(201);
            values.insert(key, json!("v".repeat(200)));
        }
        self.shop.try_issue(&self.server, json!({"features": {"values": values}})).await
    }

    async fn idempotency_key_reused(&self) -> Reply {
        keyed(&self.server, "k-1", "/customers", json!({"name": "Ada"})).await.expect(201);
        keyed(&self.server, "k-1", "/customers", json!({"name": "Bob"})).await
    }

    async fn not_supported(&self) -> Reply {
        let body = json!({"slug": "later", "name": "Later", "unboundFiles": true});
        self.server.admin_post("/products", body).await
    }
}

async fn rate_limited(backend: Backend) -> Reply {
    let settings = [("LIMITS__ENABLED", "true"), ("LIMITS__FAILED_KEY_LOOKUPS_BURST", "1")];
    let server = TestServer::start_with(backend, &settings).await;
    let guess = || try_activate(&server, "a-key-of-nobody", "fp-1", json!({}));
    guess().await.expect_problem(404, "NOT_FOUND");
    guess().await
}

async fn recent_sign_in_required(backend: Backend) -> Reply {
    let portal = Portal::open(backend).await;
    let mine = portal.estate("mine").await;
    portal.server.clock.advance(900);
    let session = mine.session.renewed(&portal.server).await;
    let path = format!("/user/licenses/{}/reveal", mine.license);
    session.send(&portal.server, Method::POST, &path, Value::Null).await
}

async fn license_claimed(backend: Backend) -> Reply {
    let portal = Portal::open(backend).await;
    let (mine, other) = (portal.estate("mine").await, portal.estate("other").await);
    other.claim(&portal.server, &mine.license_key).await
}

/// Takes a table away from a server.
async fn internal(backend: Backend) -> Reply {
    let server = TestServer::start(backend).await;
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared("ALTER TABLE customer RENAME TO misplaced").await.unwrap();
    tx.commit().await.unwrap();
    server.admin_get("/customers").await
}

async fn unavailable(backend: Backend) -> Reply {
    let server = TestServer::start(backend).await;
    server.context.db.clone().close().await.unwrap();
    server.admin_get("/customers").await
}

/// Nobody listens there. With a directory that answers: `ldap.rs`.
async fn directory_unavailable(backend: Backend) -> Reply {
    let settings = [
        ("LDAP__URL", "ldaps://127.0.0.1:1"),
        ("LDAP__BIND_DN", "cn=licentia,dc=example,dc=com"),
        ("LDAP__BIND_PASSWORD", "plum violin"),
        ("LDAP__USER_BASE", "dc=example,dc=com"),
        ("LDAP__ROLES", "admin: cn=admins,dc=example,dc=com"),
    ];
    let server = TestServer::start_with(backend, &settings).await;
    let body = json!({"email": "ada@example.com", "password": "plum violin gravel sunday"});
    server.post("/auth/login", body).await
}

async fn every_code_of_the_table_is_met(backend: Backend) {
    let world = World::new(backend).await;
    for code in ProblemCode::ALL {
        let reply = world.produce(*code).await;
        let problem = &reply.body;
        assert_eq!(problem["code"], code.as_str(), "{}", reply.text);
        assert_eq!(reply.status, code.status(), "{}", reply.text);
        assert_eq!(problem["status"], code.status());
        assert_eq!(problem["title"], code.title());
        let kind = format!("/problems/{}", code.as_str().to_lowercase().replace('_', "-"));
        assert_eq!(problem["type"], kind);
        assert!(problem["instance"].as_str().unwrap().starts_with("/api/v1/"));
        assert!(!problem["instance"].as_str().unwrap().contains('?'));
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert_eq!(problem["requestId"], reply.header("x-request-id"));
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.header("cache-control"), "no-store");
    }
}

async fn a_failing_database_is_our_fault_and_tells_nothing(backend: Backend) {
    for reply in [internal(backend).await, unavailable(backend).await] {
        let told = reply.text.to_lowercase();
        for word in ["customer\\\"", "select", "sql", "table", "relation", "pool", "misplaced"] {
            assert!(!told.contains(word), "{word}: {told}");
        }
        assert!(reply.body.get("errors").is_none());
    }
    assert_eq!(unavailable(backend).await.header("retry-after"), "5");
}

async fn what_is_not_ours_is_a_problem_too(backend: Backend) {
    let server = TestServer::start(backend).await;
    let problem = server.get("/nowhere?q=1").await.expect_problem(404, "NOT_FOUND");
    assert_eq!(problem["instance"], "/nowhere");
    server.get("/api/v1/nowhere").await.expect_problem(404, "NOT_FOUND");
    server.get("/.well-known/nowhere").await.expect_problem(404, "NOT_FOUND");
}
