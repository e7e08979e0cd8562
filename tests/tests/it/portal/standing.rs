//! Who may come in as a customer, as far as the vendor decides it: accounts that are disabled, and addresses that lead to
//! what is somebody's.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, Portal, claim, last_letter, letters};
use crate::groups::call;
use crate::sessions::PASSWORD;

on_both![
    who_is_disabled_is_out_at_once_and_does_not_come_in,
    who_is_disabled_is_written_no_token_and_uses_none,
    who_is_enabled_comes_in_as_before,
    only_an_account_is_disabled,
    an_address_that_leads_to_licences_takes_whoever_may_see_keys,
    an_address_that_leads_nowhere_is_any_editors,
    who_may_see_no_key_gives_none_away,
];

async fn stand(server: &TestServer, customer: &str, what: &str) -> Reply {
    server.admin_post(&format!("/customers/{customer}/account/{what}"), json!({})).await
}

/// The secret of a key that may do this and no more.
async fn key_of(server: &TestServer, permissions: &[&str]) -> String {
    let body = json!({"name": "Narrow", "permissions": permissions});
    server.admin_post("/api-keys", body).await.expect(201)["secret"].as_str().unwrap().to_owned()
}

async fn who_is_disabled_is_out_at_once_and_does_not_come_in(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine) = (&portal.server, portal.estate("mine").await);
    let path = format!("/customers/{}", mine.account.customer);
    let seen = server.admin_get(&path).await.expect(200);
    assert_eq!(
        (&seen["account"]["email"], &seen["account"]["disabledAt"]),
        (&json!("mine@example.com"), &json!(null))
    );
    let disabled = stand(server, &mine.account.customer, "disable").await.expect(200);
    assert_eq!(disabled["account"]["disabledAt"], server.context.moment().now.to_string());
    assert_eq!(server.admin_get(&path).await.expect(200)["account"], disabled["account"]);
    assert_eq!(server.admin_get("/customers").await.expect(200)["items"][0]["account"], disabled["account"]);
    mine.session.get(server, "/user").await.expect_problem(401, "UNAUTHENTICATED");
    mine.session.refresh(server).await.expect_problem(401, "UNAUTHENTICATED");
    // As with a wrong password.
    let right = mine.account.login(server).await.expect_problem(401, "CREDENTIALS_INVALID");
    let wrong = json!({"email": mine.account.email, "password": "wrong"});
    let wrong = server.post("/auth/login", wrong).await.expect_problem(401, "CREDENTIALS_INVALID");
    assert_eq!(right["detail"], wrong["detail"]);
    // His machines go on.
    mine.machine.try_beat(server).await.expect(200);
    licentia_domain::sessions::write_refusals(&server.context).await.unwrap();
    let log = |action: &str| {
        let path = format!("/audit-events?action={action}");
        async move { server.admin_get(&path).await.expect(200) }
    };
    let entries = log("customer.account_disabled").await;
    assert_eq!(
        (&entries["total"], &entries["items"][0]["subject"]),
        (&json!(1), &json!(mine.account.customer))
    );
    assert_eq!(log("customer.login_refused").await["items"][0]["detail"], json!({"reason": "disabled"}));
}

async fn who_is_disabled_is_written_no_token_and_uses_none(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    server.clock.advance(60);
    let email = json!({"email": bob.email});
    server.post("/auth/code", email.clone()).await.expect(202);
    server.post("/auth/password/forgot", email.clone()).await.expect(204);
    let code = last_letter(server, &bob.email, "sign_in_code", "code").await;
    let token = last_letter(server, &bob.email, "password_reset", "token").await;
    let written = letters(server).await.len();
    stand(server, &bob.customer, "disable").await.expect(200);
    let by_code = json!({"email": bob.email, "code": code});
    server.post("/auth/login", by_code).await.expect_problem(401, "CREDENTIALS_INVALID");
    let reset = json!({"token": token, "password": PASSWORD});
    server.post("/auth/password/reset", reset).await.expect_problem(401, "CREDENTIALS_INVALID");
    server.clock.advance(60);
    for (path, status) in [("/auth/code", 202), ("/auth/password/forgot", 204), ("/register", 202)] {
        server.post(path, email.clone()).await.expect(status);
        assert_eq!(letters(server).await.len(), written, "{path}");
    }
}

async fn who_is_enabled_comes_in_as_before(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    for what in ["disable", "disable", "enable", "enable"] {
        stand(server, &bob.customer, what).await.expect(200);
    }
    let session = bob.sign_in(server).await;
    session.get(server, "/user").await.expect(200);
    for action in ["customer.account_disabled", "customer.account_enabled"] {
        let log = server.admin_get(&format!("/audit-events?action={action}")).await.expect(200);
        assert_eq!(log["total"], 1, "{action}");
    }
}

async fn only_an_account_is_disabled(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let made = server.admin_post("/customers", json!({"email": "ann@example.com"})).await.expect(201);
    assert_eq!(made["account"], json!(null));
    let id = made["id"].as_str().unwrap();
    for what in ["disable", "enable"] {
        stand(server, id, what).await.expect_problem(409, "STATE_CONFLICT");
        stand(server, "cus_01h455vb4pex5vsknk084sn02q", what).await.expect_problem(404, "NOT_FOUND");
        let path = format!("/customers/{id}/account/{what}");
        let reader = key_of(server, &["customers.read"]).await;
        let refused = call(server, &reader, Method::POST, &path, json!({})).await;
        refused.expect_problem(403, "PERMISSION_DENIED");
    }
}

async fn an_address_that_leads_to_licences_takes_whoever_may_see_keys(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let writer = key_of(server, &["customers"]).await;
    let trusted = key_of(server, &["customers", "licenses.reveal"]).await;
    let ann = server.admin_post("/customers", json!({"name": "Ann", "email": "ann@example.com"})).await;
    let ann = ann.expect(201)["id"].as_str().unwrap().to_owned();
    let (license, _) = portal.unclaimed(json!({"customerId": ann})).await;
    let bob = Account::register(server, "bob@example.com").await;
    let edit = |key: &str, customer: &str, email: Value| {
        let (key, path) = (key.to_owned(), format!("/customers/{customer}"));
        async move { call(server, &key, Method::PUT, &path, json!({"email": email, "notes": "seen"})).await }
    };
    for (customer, email) in [(&ann, json!("eve@example.com")), (&bob.customer, json!(null))] {
        let refused = edit(&writer, customer, email).await.expect_problem(403, "PERMISSION_DENIED");
        assert!(refused["detail"].as_str().unwrap().contains("licenses.reveal"), "{refused}");
    }
    // The rest of it, and the address that is there, are his to write.
    edit(&writer, &ann, json!("ann@example.com")).await.expect(200);
    // So whoever registers with his own address comes to nothing of hers.
    let eve = Account::register(server, "eve@example.com").await;
    assert_ne!(eve.customer, ann);
    let own = eve.sign_in(server).await.get(server, "/user/licenses").await.expect(200);
    assert_eq!(own["items"], json!([]));
    server.clock.advance(1);
    edit(&trusted, &ann, json!("ann@example.org")).await.expect(200);
    let log =
        server.admin_get(&format!("/audit-events?action=customer.updated&subject={ann}")).await.expect(200);
    let details: Vec<&Value> =
        log["items"].as_array().unwrap().iter().map(|entry| &entry["detail"]).collect();
    assert_eq!(
        details,
        [
            &json!({"version": 3, "emailBefore": "ann@example.com", "email": "ann@example.org"}),
            &json!({"version": 2})
        ]
    );
    let seen = server.admin_get(&format!("/license-keys/{license}")).await.expect(200);
    assert_eq!(seen["customerId"], ann);
}

async fn an_address_that_leads_nowhere_is_any_editors(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let writer = key_of(server, &["customers"]).await;
    let ann = server.admin_post("/customers", json!({"name": "Ann", "email": "ann@example.com"})).await;
    let path = format!("/customers/{}", ann.expect(201)["id"].as_str().unwrap());
    let edited = call(server, &writer, Method::PUT, &path, json!({"email": "ann@example.org"})).await;
    assert_eq!(edited.expect(200)["email"], "ann@example.org");
}

async fn who_may_see_no_key_gives_none_away(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let editor = key_of(server, &["customers", "licenses"]).await;
    let trusted = key_of(server, &["customers", "licenses", "licenses.reveal"]).await;
    let eve = Account::register(server, "eve@example.com").await;
    let (license, key) = portal.unclaimed(json!({"customer": {"name": "Ann"}})).await;
    let path = format!("/license-keys/{license}/transfer");
    let transfer = |secret: &str, body: Value| {
        let (secret, path) = (secret.to_owned(), path.clone());
        async move { call(server, &secret, Method::POST, &path, body).await }
    };
    let to_eve = json!({"customerId": eve.customer});
    for to in [to_eve.clone(), json!({"customer": {"email": "eve@example.org"}})] {
        let refused = transfer(&editor, to).await.expect_problem(403, "PERMISSION_DENIED");
        assert!(refused["detail"].as_str().unwrap().contains("licenses.reveal"), "{refused}");
    }
    let session = eve.sign_in(server).await;
    assert_eq!(session.get(server, "/user/licenses").await.expect(200)["items"], json!([]));
    // To whom no letter leads, it may go; and from there nowhere, by another address.
    let nameless = transfer(&editor, json!({"customer": {"name": "Dan"}})).await.expect(200);
    let dan = format!("/customers/{}", nameless["customerId"].as_str().unwrap());
    let refused = call(server, &editor, Method::PUT, &dan, json!({"email": "eve@example.org"})).await;
    refused.expect_problem(403, "PERMISSION_DENIED");
    transfer(&trusted, to_eve).await.expect(200);
    let reveal = format!("/user/licenses/{license}/reveal");
    let shown = session.send(server, Method::POST, &reveal, Value::Null).await.expect(200);
    assert_eq!(shown["licenseKey"], key);
    // By the key he claims what is nobody's, as before.
    let (_, unclaimed) = portal.unclaimed(json!({})).await;
    claim(server, &session, &unclaimed).await.expect(200);
}
