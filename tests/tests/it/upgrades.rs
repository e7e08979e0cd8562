//! A database of an older program, taken over by this one's start.

use licentia_entity::{activation, audit_event, claim_set, license};
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

on_both![what_the_first_release_left_goes_on_working];

/// The schema of the first release.
const FIRST_RELEASE: u32 = 6;

/// What that release did not know, and wrote its own way.
const AS_IT_WAS: [&str; 3] = [
    "DELETE FROM sealed_secret WHERE name NOT IN ('digests', 'nonces')",
    "DELETE FROM server_setting WHERE name = 'audit_head'",
    "UPDATE server_setting SET value = '[172800, 86400, 604800, 0] 3' WHERE name = 'defaults'",
];

/// Two machines, one with a consumer key's place left empty; a released seat; a licence that
/// expires, one that was revoked.
struct Before {
    shop: Shop,
    license: String,
    machine: Machine,
    returning: Machine,
    revoked: Machine,
}

async fn lived_in(server: &TestServer) -> Before {
    let shop = Shop::open(server).await;
    let customer = json!({"customer": {"name": "Ann", "email": "ann@example.com"}, "validDays": 100, "maxActivations": 3});
    let issued = shop.issue(server, customer).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let mut machine = Machine::activate(server, key, "fp-1").await;
    machine.beat(server).await;
    let returning = Machine::activate(server, key, "fp-2").await;
    let leaving = json!({"licenseKey": key, "nonce": returning.nonce, "fingerprint": "fp-2"});
    let path = format!("/license-activations/{}/deactivate", returning.activation);
    server.post(&path, leaving).await.expect(200);
    let other = shop.issue(server, json!({})).await;
    let revoked = Machine::activate(server, other["licenseKey"].as_str().unwrap(), "fp-3").await;
    let path = format!("/license-keys/{}/revoke", other["id"].as_str().unwrap());
    server.admin_post(&path, json!({"reason": "refunded"})).await.expect(200);
    Before { shop, license: issued["id"].as_str().unwrap().to_owned(), machine, returning, revoked }
}

async fn what_the_first_release_left_goes_on_working(backend: Backend) {
    let server = TestServer::start(backend).await;
    let before = lived_in(&server).await;
    let listed = server.admin_get("/license-keys").await.expect(200);
    let entries = audit_event::Entity::find().count(&server.context.db).await.unwrap();
    let server = server.upgraded_from(FIRST_RELEASE, &AS_IT_WAS).await;

    machines_go_on(&server, &before).await;
    lists_are_as_they_were(&server, &before, &listed).await;
    the_log_is_sealed_from_its_first_entry(&server, entries).await;
    notices_are_told_from_now_on(&server, &before).await;
}

async fn machines_go_on(server: &TestServer, before: &Before) {
    let sets = claim_set::Entity::find().count(&server.context.db).await.unwrap();
    let mut machine = before.machine.clone();
    let validated = server.post("/license-keys/validate", json!({"token": machine.token})).await.expect(200);
    assert_eq!(validated["code"], "VALID");
    let answer = machine.beat(server).await;
    assert_eq!((&answer["status"], answer["token"].is_string()), (&json!("active"), true));
    // Other defaults are in effect than were then, so what is claimed was resolved afresh.
    assert_eq!(claim_set::Entity::find().count(&server.context.db).await.unwrap(), sets + 1);

    let again = Machine::activate(server, &before.machine.key, "fp-2").await;
    assert_eq!(again.activation, before.returning.activation);
    let third = Machine::activate(server, &before.machine.key, "fp-4").await;
    assert_ne!(third.activation, again.activation);
    let answer = before.revoked.try_beat(server).await.expect(200);
    assert_eq!((&answer["status"], &answer["token"]), (&json!("revoked"), &Value::Null));

    let rows = activation::Entity::find().all(&server.context.db).await.unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.instance.is_none() && !row.floating && row.lease_until.is_none()));
    let serials: std::collections::BTreeSet<i64> = rows.iter().map(|row| row.status_serial).collect();
    assert_eq!(serials.len(), 4, "places are never given twice");
}

async fn lists_are_as_they_were(server: &TestServer, before: &Before, listed: &Value) {
    let now = server.admin_get("/license-keys").await.expect(200);
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| format!("{} {} {}", item["id"], item["maskedKey"], item["status"])).collect()
    };
    assert_eq!(ids(&now), ids(listed));
    for list in ["/products", "/pricing-tiers", "/product-features", "/customers", "/license-activations"] {
        assert!(server.admin_get(list).await.expect(200)["total"].as_u64() > Some(0), "{list}");
    }
    let licenses = license::Entity::find().all(&server.context.db).await.unwrap();
    assert!(licenses.iter().all(|license| !license.trial && !license.awaits_start));
    assert!(licenses.iter().all(|license| license.first_activated_at.is_some()), "all were in use");
    before.shop.issue(server, json!({})).await;
}

async fn the_log_is_sealed_from_its_first_entry(server: &TestServer, entries: u64) {
    let report = server.admin_get("/audit-events/verify").await.expect(200);
    assert_eq!((&report["whole"], &report["links"]), (&json!(true), &json!(0)));
    assert!(report["waiting"].as_u64().unwrap() > entries);
    server.run_jobs().await;
    let report = server.admin_get("/audit-events/verify").await.expect(200);
    assert_eq!((&report["whole"], &report["waiting"]), (&json!(true), &json!(0)), "{report}");
    assert_eq!(report["links"], report["entries"]);
    let oldest = server.admin_get("/audit-events?sort=createdAt&limit=1").await.expect(200);
    assert_eq!(oldest["items"][0]["position"], 1);
}

async fn notices_are_told_from_now_on(server: &TestServer, before: &Before) {
    server.clock.advance(90 * 86_400);
    server.run_jobs().await;
    server.clock.advance(20 * 86_400);
    server.run_jobs().await;
    let events = licentia_entity::event::Entity::find().all(&server.context.db).await.unwrap();
    let told: Vec<i64> = events
        .iter()
        .filter(|event| event.subject == before.license && event.kind.starts_with("license.expir"))
        .map(|event| event.data["daysLeft"].as_i64().unwrap())
        .collect();
    assert_eq!(told, [30, 7, 0]);
}
