//! Groups: boundaries around customers and licences, and what lies behind them is not there.

use licentia_domain::jobs::Job;
use licentia_tests::{Machine, Reply, Shop, TestServer, try_activate};
use reqwest::Method;
use serde_json::{Value, json};

use crate::activation_claims::approve_first;
use crate::sessions::Person;

mod admins;
mod assemblies;
mod belonging;
mod imports;
mod keys;
mod leaks;
mod making;
mod races;

/// Makes a group; gives its id.
pub(crate) async fn make_group(server: &TestServer, name: &str) -> String {
    id(&server.admin_post("/groups", json!({"name": name})).await.expect(201))
}

/// Secret of a new API key with every permission, within these groups.
pub(crate) async fn key_within(server: &TestServer, groups: &[&str]) -> String {
    let body = json!({"name": "Within", "role": "super_admin", "groups": groups});
    let made = server.admin_post("/api-keys", body).await.expect(201);
    made["secret"].as_str().unwrap().to_owned()
}

pub(crate) fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

/// A call with a key of one's own, whatever version is there.
pub(crate) async fn call(server: &TestServer, key: &str, method: Method, path: &str, body: Value) -> Reply {
    let request = server.request(method.clone(), &format!("/api/v1{path}")).bearer_auth(key);
    Reply::of(match method {
        Method::GET => request,
        Method::DELETE => request.header("if-match", "*"),
        _ => request.header("if-match", "*").json(&body),
    })
    .await
}

pub(crate) async fn get(server: &TestServer, key: &str, path: &str) -> Reply {
    call(server, key, Method::GET, path, Value::Null).await
}

/// Products that several groups' customers buy: one of them lets nobody in without approval.
pub(crate) struct Market {
    pub(crate) shop: Shop,
    pub(crate) waiting: Shop,
}

impl Market {
    pub(crate) async fn open(server: &TestServer) -> Self {
        let (shop, waiting) = (Shop::open(server).await, Shop::named(server, "acme-waits").await);
        approve_first(server, &waiting).await;
        Self { shop, waiting }
    }
}

/// A group with everything that can be in it.
pub(crate) struct Realm {
    pub(crate) group: String,
    /// With every permission, within the group.
    pub(crate) secret: String,
    pub(crate) api_key: String,
    pub(crate) customer: String,
    pub(crate) license: String,
    pub(crate) license_key: String,
    /// Without customer.
    pub(crate) unclaimed: String,
    pub(crate) machine: Machine,
    pub(crate) file: String,
    pub(crate) claim: String,
    pub(crate) approval: String,
    pub(crate) import: String,
    pub(crate) admin: String,
    /// Of another admin.
    pub(crate) session: String,
    /// Whatever must not be seen by others: ids, names, keys.
    pub(crate) marks: Vec<String>,
}

impl Realm {
    /// Everything in it is called after `name`, which stands in nothing else.
    pub(crate) async fn of(server: &TestServer, market: &Market, name: &str) -> Self {
        let group = make_group(server, &format!("{name} group")).await;
        let body = json!({"name": format!("{name} key"), "role": "super_admin", "groups": [group]});
        let made = server.admin_post("/api-keys", body).await.expect(201);
        let customer = json!({"externalId": format!("{name}-crm"), "name": format!("{name} Person"),
                              "email": format!("{name}@example.com"), "groupId": group});
        let customer = id(&server.admin_post("/customers", customer).await.expect(201));
        let more = json!({"customerId": customer, "source": "shop", "sourceOrderId": format!("{name}-order"),
                          "notes": format!("{name} notes"), "maxActivations": 9});
        let issued = market.shop.issue(server, more).await;
        let (license, license_key) = (id(&issued), issued["licenseKey"].as_str().unwrap().to_owned());
        let own = json!({"groupId": group});
        let unclaimed = id(&market.shop.issue(server, own.clone()).await);
        let waiting = market.waiting.issue(server, own).await;
        let mut realm = Self {
            secret: made["secret"].as_str().unwrap().to_owned(),
            api_key: id(&made),
            machine: machine(server, &license_key, name).await,
            file: file(server, &license, name).await,
            claim: claim(server, waiting["licenseKey"].as_str().unwrap(), name).await,
            approval: approval(server, &license, name).await,
            import: import(server, &market.shop, &group, name).await,
            admin: Person::within(server, name, "admin", &[&group]).await.id,
            session: Person::within(server, name, "viewer", &[&group]).await.sign_in(server).await.id,
            marks: vec![issued["maskedKey"].as_str().unwrap().to_owned(), id(&waiting), name.to_owned()],
            group,
            customer,
            license,
            license_key,
            unclaimed,
        };
        let people = [&realm.admin, &realm.session];
        let ids =
            [&realm.group, &realm.api_key, &realm.customer, &realm.license, &realm.unclaimed, &realm.claim];
        let others =
            [&realm.machine.activation, &realm.file, &realm.approval, &realm.import, &realm.license_key];
        let marks: Vec<String> = ids.into_iter().chain(others).chain(people).cloned().collect();
        realm.marks.extend(marks);
        realm
    }
}

/// One that works, was validated and was refused.
async fn machine(server: &TestServer, key: &str, name: &str) -> Machine {
    let told = json!({"hostname": format!("{name}-host"), "userRef": format!("{name}-user"), "productVersion": "1.0"});
    let fingerprint = format!("{name}-fp");
    let mut machine = Machine::activate_with(server, key, &fingerprint, told).await;
    machine.beat(server).await;
    let asked = json!({"licenseKey": key, "fingerprint": fingerprint});
    server.post("/license-keys/validate", asked).await.expect(200);
    let mut elsewhere = machine.beat_body(None);
    elsewhere["fingerprint"] = json!(format!("{name}-other"));
    server.post("/license-keys/heartbeat", elsewhere).await.expect_problem(409, "FINGERPRINT_MISMATCH");
    machine
}

async fn file(server: &TestServer, license: &str, name: &str) -> String {
    let body = json!({"fingerprint": format!("{name}-offline")});
    id(&server.admin_post(&format!("/license-keys/{license}/checkout"), body).await.expect(201))
}

async fn claim(server: &TestServer, key: &str, name: &str) -> String {
    let waits = try_activate(server, key, &format!("{name}-waits"), json!({})).await.expect(202);
    id(&waits["claim"])
}

async fn approval(server: &TestServer, license: &str, name: &str) -> String {
    let build =
        json!({"assemblyName": format!("{name}.Core"), "version": "1.0.0.0", "sha256": "a".repeat(64)});
    let body = json!({"licenseId": license, "assemblies": [build], "source": "ci"});
    let approved = server.admin_post("/assembly-whitelist/approve", body).await.expect(201);
    id(&approved["items"][0])
}

async fn import(server: &TestServer, shop: &Shop, group: &str, name: &str) -> String {
    let path = format!("/imports?product={}&tier=pro&groupId={group}", shop.slug);
    let row = json!({"customer": {"externalId": format!("{name}-imported")}, "license": {}});
    let begun = Reply::of(
        server
            .admin(Method::POST, &path)
            .header("content-type", "application/x-ndjson")
            .body(row.to_string()),
    )
    .await
    .expect(201);
    licentia_domain::jobs::run(&server.context, Job::Import).await.unwrap();
    let done = server.admin_get(&format!("/imports/{}", id(&begun))).await.expect(200);
    assert_eq!((&done["status"], &done["rowsCreated"]), (&json!("done"), &json!(1)));
    id(&begun)
}
