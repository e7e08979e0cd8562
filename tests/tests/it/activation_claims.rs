//! Machines that wait until somebody lets them in.

use licentia_entity::{activation, license};
use licentia_tests::{Machine, Reply, Shop, TestServer, try_activate};
use licentia_types::ids::LicenseId;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

mod deciding;
mod polling;
mod privacy;
mod races;
mod reactivations;
mod waiting;

/// How long a claim lives, in seconds.
const LIFE: i64 = 900;

/// A licence of a product whose licences' first machines wait.
pub(crate) struct Guarded {
    pub(crate) id: String,
    pub(crate) key: String,
}

impl Guarded {
    pub(crate) async fn of(server: &TestServer, more: Value) -> Self {
        let shop = Shop::open(server).await;
        approve_first(server, &shop).await;
        Self::issue(server, &shop, more).await
    }

    /// The same beside other shops.
    pub(crate) async fn of_shop(server: &TestServer, slug: &str) -> Self {
        let shop = Shop::named(server, slug).await;
        approve_first(server, &shop).await;
        Self::issue(server, &shop, json!({})).await
    }

    pub(crate) async fn issue(server: &TestServer, shop: &Shop, more: Value) -> Self {
        let issued = shop.issue(server, more).await;
        let text = |member: &str| issued[member].as_str().unwrap().to_owned();
        Self { id: text("id"), key: text("licenseKey") }
    }

    /// A machine asks, and has to wait.
    pub(crate) async fn ask(&self, server: &TestServer, fingerprint: &str) -> Claim {
        self.ask_with(server, fingerprint, json!({})).await
    }

    async fn ask_with(&self, server: &TestServer, fingerprint: &str, more: Value) -> Claim {
        Claim::of(&try_activate(server, &self.key, fingerprint, more).await.expect(202))
    }

    /// The licence's count of seats, machines that hold one, and machines.
    async fn counted(&self, server: &TestServer) -> (u64, u64, u64) {
        let id: LicenseId = self.id.parse().unwrap();
        let db = &server.context.db;
        let row = license::Entity::find_by_id(id).one(db).await.unwrap().unwrap();
        let machines = activation::Entity::find().filter(activation::Column::LicenseId.eq(id));
        let holding =
            machines.clone().filter(activation::Column::HoldsSeat.eq(true)).count(db).await.unwrap();
        (u64::try_from(row.seats_used).unwrap(), holding, machines.count(db).await.unwrap())
    }
}

/// What a machine waits with.
pub(crate) struct Claim {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Claim {
    fn of(answer: &Value) -> Self {
        let text = |member: &str| answer["claim"][member].as_str().unwrap().to_owned();
        Self { id: text("id"), secret: text("secret") }
    }

    pub(crate) async fn poll(&self, server: &TestServer) -> Reply {
        poll(server, &self.id, &self.secret).await
    }

    pub(crate) async fn try_decide(&self, server: &TestServer, decision: &str) -> Reply {
        server.admin_post(&format!("/activation-claims/{}/{decision}", self.id), json!({})).await
    }

    async fn decide(&self, server: &TestServer, decision: &str) -> Value {
        self.try_decide(server, decision).await.expect(200)
    }

    /// As whoever decides sees it.
    async fn shown(&self, server: &TestServer) -> Value {
        let all = server.admin_get("/activation-claims?limit=200").await.expect(200);
        all["items"].as_array().unwrap().iter().find(|claim| claim["id"] == self.id.as_str()).unwrap().clone()
    }
}

async fn poll(server: &TestServer, id: &str, secret: &str) -> Reply {
    server.post("/activation-claims", json!({"claimId": id, "claimSecret": secret})).await
}

pub(crate) async fn approve_first(server: &TestServer, shop: &Shop) {
    let body = json!({"firstActivation": "owner_approval"});
    let product = server.admin_put(&format!("/products/{}", shop.product), body).await.expect(200);
    assert_eq!(product["firstActivation"], "owner_approval");
}

/// The claims of a token that the published keys verify.
async fn verified(server: &TestServer, token: &str, audience: &str) -> Value {
    crate::status_lists::verify(server, token, audience).await;
    licentia_tests::claims(token)
}

/// How many rows of the audit log, and how many events, have this name.
async fn told(server: &TestServer, name: &str) -> (u64, u64) {
    use licentia_entity::{audit_event, event};
    let db = &server.context.db;
    let written = audit_event::Entity::find().filter(audit_event::Column::Action.eq(name));
    let events = event::Entity::find().filter(event::Column::Kind.eq(name));
    (written.count(db).await.unwrap(), events.count(db).await.unwrap())
}
