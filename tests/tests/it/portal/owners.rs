//! What an owner may do with his licences: see them, see their keys for a while after signing in, carry them off as files.

use licentia_tests::{Backend, Machine, Reply, on_both, try_activate};
use reqwest::Method;
use serde_json::{Value, json};

use super::Portal;

on_both![
    what_has_not_landed_is_not_there,
    he_is_given_all_that_is_kept_about_him_and_no_secret,
    it_is_given_once_an_hour,
    a_key_is_shown_for_a_quarter_of_an_hour_after_signing_in,
    files_are_checked_out_listed_and_given_again,
    the_owner_of_a_full_licence_is_told_by_which_machines,
];

async fn a_key_is_shown_for_a_quarter_of_an_hour_after_signing_in(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine) = (&portal.server, portal.estate("mine").await);
    let path = format!("/user/licenses/{}/reveal", mine.license);
    let shown = mine.session.send(server, Method::POST, &path, Value::Null).await;
    assert_eq!(shown.header("cache-control"), "no-store");
    assert_eq!(shown.expect(200)["licenseKey"], mine.license_key);
    let log = server.admin_get("/audit-events?action=license.revealed").await.expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
    assert_eq!(log["items"][0]["actor"], json!({"kind": "customer", "id": mine.account.customer}));
    // Renewing is no signing in.
    server.clock.advance(299);
    let mut session = mine.session.renewed(server).await;
    for _ in 0..2 {
        server.clock.advance(299);
        session = session.renewed(server).await;
    }
    session.send(server, Method::POST, &path, Value::Null).await.expect(200);
    server.clock.advance(3);
    let refused = session.send(server, Method::POST, &path, Value::Null).await;
    refused.expect_problem(403, "RECENT_SIGN_IN_REQUIRED");
    // It is as good for everything else.
    session.get(server, "/user/licenses").await.expect(200);
    let again = mine.account.sign_in(server).await;
    again.send(server, Method::POST, &path, Value::Null).await.expect(200);
    let log = server.admin_get("/audit-events?action=license.revealed").await.expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 3);
}

async fn files_are_checked_out_listed_and_given_again(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine) = (&portal.server, portal.estate("mine").await);
    let files = format!("/user/licenses/{}/files", mine.license);
    let listed = mine.session.get(server, &files).await.expect(200);
    assert_eq!((&listed["total"], &listed["items"][0]["id"]), (&json!(1), &json!(mine.file)));
    let file = mine.session.get(server, &format!("{files}/{}", mine.file)).await.expect(200);
    let text = file["file"].as_str().unwrap();
    assert!(text.contains("LICENSE FILE"), "{text}");
    let path = format!("/user/licenses/{}/checkout", mine.license);
    let body = json!({"fingerprint": "mine-offline", "hostname": "mine-press"});
    let again = mine.session.send(server, Method::POST, &path, body).await.expect(200);
    assert_eq!(again["file"], json!(text));
    let other = json!({"fingerprint": "mine-second"});
    let made = mine.session.send(server, Method::POST, &path, other).await;
    let place = format!("/api/v1{files}/{}", made.body["id"].as_str().unwrap());
    assert_eq!((made.status, made.header("location")), (201, format!("{}{place}", server.issuer).as_str()));
    let found = server.request(Method::GET, &place).bearer_auth(&mine.session.token);
    assert_eq!(Reply::of(found).await.expect(200)["file"], made.body["file"]);
}

async fn the_owner_of_a_full_licence_is_told_by_which_machines(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine, other) = (&portal.server, portal.estate("mine").await, portal.estate("other").await);
    let full = json!({"customerId": mine.account.customer, "maxActivations": 1});
    let (id, key) = portal.unclaimed(full).await;
    let told = json!({"hostname": "zoe-laptop", "userRef": "zoe"});
    let machine = Machine::activate_with(server, &key, "fp-1", told).await;
    let nobody =
        try_activate(server, &key, "fp-2", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert!(nobody["seats"].get("machines").is_none(), "{nobody}");
    assert!(!nobody.to_string().contains("zoe"), "{nobody}");
    let named = json!([{"activationId": machine.activation, "hostname": "zoe-laptop", "userRef": "zoe",
                        "lastSeen": nobody["seats"]["lastSeen"][0]}]);
    let activate = json!({"licenseKey": key, "fingerprint": "fp-2"});
    let send = |who: &super::Estate, path: &str, body: Value| {
        let (session, path) = (who.session.clone(), path.to_owned());
        async move { session.send(server, Method::POST, &path, body).await }
    };
    let owner = send(&mine, "/license-activations/activate", activate.clone()).await;
    assert_eq!(owner.expect_problem(409, "SEAT_LIMIT_REACHED")["seats"]["machines"], named);
    let stranger = send(&other, "/license-activations/activate", activate).await;
    let stranger = stranger.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert!(stranger["seats"].get("machines").is_none(), "{stranger}");
    let file = json!({"fingerprint": "fp-3"});
    let refused = send(&mine, &format!("/user/licenses/{id}/checkout"), file.clone()).await;
    assert_eq!(refused.expect_problem(409, "SEAT_LIMIT_REACHED")["seats"]["machines"], named);
    let vendor = server.admin_post(&format!("/license-keys/{id}/checkout"), file).await;
    let vendor = vendor.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert!(vendor["seats"].get("machines").is_none(), "{vendor}");
}

async fn what_has_not_landed_is_not_there(backend: Backend) {
    let portal = Portal::open(backend).await;
    let mine = portal.estate("mine").await;
    for path in ["/user/orders", "/user/downloads"] {
        let asked = mine.session.get(&portal.server, path).await;
        asked.expect_problem(404, "NOT_FOUND");
    }
}

async fn it_is_given_once_an_hour(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine, other) = (&portal.server, portal.estate("mine").await, portal.estate("other").await);
    mine.session.send(server, Method::POST, "/user/export", Value::Null).await.expect(200);
    server.clock.advance(100);
    let refused = mine.session.send(server, Method::POST, "/user/export", Value::Null).await;
    assert_eq!(refused.header("retry-after"), "3500");
    refused.expect_problem(429, "RATE_LIMITED");
    // Each by himself.
    other.session.send(server, Method::POST, "/user/export", Value::Null).await.expect(200);
    server.clock.advance(3_500);
    let later = mine.account.sign_in(server).await;
    let export = later.send(server, Method::POST, "/user/export", Value::Null).await.expect(200);
    let actions = export["actions"].as_array().unwrap();
    assert_eq!(actions.iter().filter(|action| action["action"] == "customer.exported").count(), 2);
    let ids: std::collections::BTreeSet<_> = actions.iter().map(|action| action["id"].to_string()).collect();
    assert_eq!(ids.len(), actions.len(), "each is told once");
}

async fn he_is_given_all_that_is_kept_about_him_and_no_secret(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine, other) = (&portal.server, portal.estate("mine").await, portal.estate("other").await);
    let path = format!("/customers/{}", mine.account.customer);
    server.admin_put(&path, json!({"notes": "pays late"})).await.expect(200);
    let reply = mine.session.send(server, Method::POST, "/user/export", Value::Null).await;
    for mark in other.marks() {
        assert!(!reply.text.contains(mark), "{mark}: {}", reply.text);
    }
    assert!(!reply.text.contains(&mine.license_key) && !reply.text.contains("LICENSE FILE"));
    let export = reply.expect(200);
    assert_eq!(export["account"]["email"], "mine@example.com");
    assert_eq!((&export["customer"]["notes"], &export["complete"]), (&json!("pays late"), &json!(true)));
    for (list, entries) in [("licenses", 2), ("machines", 2), ("claims", 1), ("files", 1), ("sessions", 2)] {
        assert_eq!(export[list].as_array().unwrap().len(), entries, "{list}: {export}");
    }
    let words = |list: &str, member: &str| -> Vec<String> {
        let entries = export[list].as_array().unwrap().iter();
        entries.map(|entry| entry[member].as_str().unwrap().to_owned()).collect()
    };
    assert!(words("actions", "action").contains(&"customer.registered".to_owned()));
    assert!(words("actions", "action").contains(&"customer.exported".to_owned()));
    let by_others = export["actions"].as_array().unwrap().iter().filter(|action| action["own"] == false);
    assert!(by_others.clone().count() > 0 && by_others.clone().all(|action| action["ip"].is_null()));
    server.clock.advance(900);
    let late = mine.session.renewed(server).await;
    let refused = late.send(server, Method::POST, "/user/export", Value::Null).await;
    refused.expect_problem(403, "RECENT_SIGN_IN_REQUIRED");
}
