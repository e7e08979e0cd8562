//! Imports: every row has its result, and each is taken in once.

use licentia_domain::failure::Failure;
use licentia_domain::jobs::{self, Job};
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use reqwest::Method;
use serde_json::{Value, json};

mod dry_runs;
mod export;
mod killed;
mod presets;
mod refusals;
mod resuming;

on_both![
    customers_licenses_and_machines_are_taken_in,
    a_foreign_key_works_in_clear_and_by_its_sha256,
    an_imported_machine_takes_its_own_seat,
    what_was_suspended_or_revoked_stays_so,
    licenses_in_use_take_no_others_place,
    an_import_is_told_once_and_as_such,
];

/// Sends rows as JSON lines.
async fn send(server: &TestServer, query: &str, rows: &[Value]) -> Reply {
    let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
    send_as(server, query, "application/x-ndjson", lines.join("\n")).await
}

async fn send_as(server: &TestServer, query: &str, media_type: &str, body: String) -> Reply {
    let request = server.admin(Method::POST, &format!("/imports?{query}"));
    Reply::of(request.header("content-type", media_type).body(body)).await
}

/// Sends rows, and works until each has its result.
async fn import(server: &TestServer, query: &str, rows: &[Value]) -> Value {
    let begun = send(server, query, rows).await.expect(201);
    finish(server, &begun).await
}

/// Works until the import is over; gives it.
async fn finish(server: &TestServer, begun: &Value) -> Value {
    let path = format!("/imports/{}", begun["id"].as_str().unwrap());
    loop {
        match jobs::run(&server.context, Job::Import).await {
            // Somebody who issues the same key at the same time may be in its way: it is run again, as in a server.
            Ok(()) | Err(Failure::Contended) => {}
            Err(failure) => panic!("{failure}"),
        }
        let import = server.admin_get(&path).await.expect(200);
        if import["status"] != "running" {
            return import;
        }
    }
}

/// All results, page by page.
async fn results(server: &TestServer, import: &Value, filter: &str) -> Vec<Value> {
    let path = format!("/imports/{}/rows?limit=200{filter}", import["id"].as_str().unwrap());
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.admin_get(&format!("{path}{cursor}")).await.expect(200);
        rows.extend(page["items"].as_array().unwrap().clone());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

fn of_shop(shop: &Shop) -> String {
    format!("product={}&tier=pro", shop.slug)
}

/// A licence with this key, and more.
fn keyed(key: &str, mut more: Value) -> Value {
    more["key"] = json!(key);
    json!({"license": more})
}

async fn customers_licenses_and_machines_are_taken_in(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let rows = [
        json!({"customer": {"externalId": "crm-1", "name": "Ann", "email": "ann@example.com"},
               "license": {"key": "an old key of Ann's, 4711", "issuedAt": "2024-01-31T00:00:00Z", "validDays": 4000,
                           "source": "old", "sourceOrderId": "1", "metadata": {"plan": "gold"}},
               "machines": [{"fingerprint": "fp-1", "hostname": "ann-pc"}, {"fingerprint": "fp-2"}]}),
        json!({"customer": {"externalId": "crm-1", "name": "somebody else"}, "license": {"tier": "basic"}}),
        json!({"customer": {"name": "Bob"}, "license": {"key": "an old key of Bob's, 4712"}}),
        json!({"customer": {"externalId": "crm-2"}}),
        json!({"license": {"key": "a key of nobody's, 4713", "startsAt": "first_activation", "validDays": 30}}),
    ];
    let done = import(&server, &of_shop(&shop), &rows).await;
    assert_eq!((&done["status"], &done["rows"], &done["rowsDone"]), (&json!("done"), &json!(5), &json!(5)));
    assert_eq!((&done["rowsCreated"], &done["rowsRefused"]), (&json!(5), &json!(0)));
    let results = results(&server, &done, "").await;
    assert!(results.iter().zip(1..).all(|(row, number)| row["row"] == number && row["outcome"] == "created"));
    assert_eq!(results[0]["customerId"], results[1]["customerId"]);
    assert!(results[3]["licenseId"].is_null() && results[4]["customerId"].is_null());

    let path = format!("/license-keys/{}", results[0]["licenseId"].as_str().unwrap());
    let license = server.admin_get(&path).await.expect(200);
    assert_eq!(license["createdAt"], "2024-01-31T00:00:00Z");
    assert_eq!(license["expiresAt"], "2035-01-13T00:00:00Z");
    assert_eq!((&license["seats"]["used"], &license["metadata"]["plan"]), (&json!(2), &json!("gold")));
    let path = format!("/customers/{}", results[0]["customerId"].as_str().unwrap());
    assert_eq!(server.admin_get(&path).await.expect(200)["name"], "Ann");
    let machines = server.admin_get("/license-activations?q=fp-1").await.expect(200);
    assert_eq!(
        (&machines["items"][0]["status"], &machines["items"][0]["hostname"]),
        (&json!("active"), &json!("ann-pc"))
    );
    let made = format!("/license-keys/{}/reveal", results[1]["licenseId"].as_str().unwrap());
    let key =
        server.admin_post(&made, json!({})).await.expect(200)["licenseKey"].as_str().unwrap().to_owned();
    assert!(key.starts_with("ACME-"), "the server makes keys where none are given");
    try_activate(&server, &key, "fp-9", json!({})).await.expect(201);
    let listed = server.admin_get("/imports").await.expect(200);
    assert_eq!((&listed["total"], &listed["items"][0]["id"]), (&json!(1), &done["id"]));
}

async fn a_foreign_key_works_in_clear_and_by_its_sha256(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let clear = "38b1460a-5104-4067-a91d-77b872934d51";
    let hidden = "a foreign key of another shop";
    let sha256 = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, hidden.as_bytes()));
    let rows = [keyed(clear, json!({})), json!({"license": {"keySha256": sha256.to_uppercase()}})];
    let done = import(&server, &of_shop(&shop), &rows).await;
    let results = results(&server, &done, "").await;
    for (key, row) in [(clear, &results[0]), (hidden, &results[1])] {
        let machine = Machine::activate(&server, key, "fp-1").await;
        assert_eq!(machine.claims()["license_id"], row["licenseId"]);
        let question = json!({"licenseKey": key, "fingerprint": "fp-1"});
        assert_eq!(server.post("/license-keys/validate", question).await.expect(200)["code"], "VALID");
        let found = server.admin_post("/lookup", json!({"text": key})).await.expect(200);
        assert!(found.to_string().contains(row["licenseId"].as_str().unwrap()), "{found}");
        // Given away, in whichever form it comes.
        shop.try_issue(&server, json!({"key": key})).await.expect_problem(409, "ALREADY_EXISTS");
        let wrong = format!("{key} ");
        try_activate(&server, &wrong, "fp-2", json!({})).await.expect_problem(404, "NOT_FOUND");
    }
    let digest = json!({"licenseKey": sha256, "fingerprint": "fp-1"});
    let verdict = server.post("/license-keys/validate", digest).await.expect(200);
    assert_eq!(verdict["code"], "NOT_FOUND", "whoever knows the digest knows no key");
    let path = format!("/license-keys/{}", results[1]["licenseId"].as_str().unwrap());
    let reveal = server.admin_post(&format!("{path}/reveal"), json!({})).await;
    reveal.expect_problem(409, "STATE_CONFLICT");
    let tomorrow = json!({"keepOldUntil": server.context.moment().now.plus_days(1)});
    let rotated = server.admin_post(&format!("{path}/rotate-key"), tomorrow).await.expect(200);
    for key in [hidden, rotated["licenseKey"].as_str().unwrap()] {
        assert_eq!(
            Machine::activate(&server, key, "fp-1").await.claims()["license_id"],
            results[1]["licenseId"]
        );
    }
    server.clock.advance(86_400);
    try_activate(&server, hidden, "fp-1", json!({})).await.expect_problem(404, "NOT_FOUND");
}

async fn an_imported_machine_takes_its_own_seat(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let key = "38b1460a-5104-4067-a91d-77b872934d51";
    let mut row = keyed(key, json!({"maxActivations": 2}));
    row["machines"] = json!([{"fingerprint": "fp-1"}, {"fingerprint": "fp-2"}]);
    let done = import(&server, &of_shop(&shop), &[row]).await;
    assert_eq!(done["rowsCreated"], 1, "{:?}", results(&server, &done, "").await);
    let question = json!({"licenseKey": key, "fingerprint": "fp-1"});
    assert_eq!(server.post("/license-keys/validate", question).await.expect(200)["code"], "VALID");
    let listed = server.admin_get("/license-activations?q=fp-1").await.expect(200);
    try_activate(&server, key, "fp-3", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");

    // The first one may bind what it will; after that it is a machine like any other.
    let answer = try_activate(&server, key, "fp-1", json!({"userRef": "ann"})).await.expect(200);
    assert_eq!(answer["seats"], json!({"used": 2, "limit": 2}));
    assert_eq!(answer["activation"]["id"], listed["items"][0]["id"]);
    try_activate(&server, key, "fp-1", json!({"userRef": "eve"}))
        .await
        .expect_problem(409, "BINDING_MISMATCH");
    let mut machine = Machine::of(key, "fp-1", &answer);
    assert_eq!(machine.beat(&server).await["status"], "active");
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    let proof = json!({"licenseKey": key, "fingerprint": "fp-1", "nonce": machine.nonce});
    server.post(&path, proof).await.expect(200);
    try_activate(&server, key, "fp-3", json!({})).await.expect(201);
    let second = Machine::activate(&server, key, "fp-2").await;
    assert_eq!(second.claims()["aud"], shop.slug);
}

async fn what_was_suspended_or_revoked_stays_so(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let keys = ["a key on hold, 8812", "a key taken back, 8813", "a key that is over, 8814"];
    let rows = [
        keyed(keys[0], json!({"status": "suspended", "reason": "unpaid"})),
        keyed(keys[1], json!({"status": "revoked", "reason": "refunded"})),
        keyed(keys[2], json!({"issuedAt": "2020-01-01T00:00:00Z", "expiresAt": "2021-01-01T00:00:00Z"})),
    ];
    let before = server.get("/api/v1/revocation/list").await.text;
    let done = import(&server, &of_shop(&shop), &rows).await;
    assert_eq!(done["rowsCreated"], 3, "{:?}", results(&server, &done, "").await);
    for (key, code) in keys.iter().zip(["LICENSE_SUSPENDED", "LICENSE_REVOKED", "LICENSE_EXPIRED"]) {
        try_activate(&server, key, "fp-1", json!({})).await.expect_problem(403, code);
    }
    assert_ne!(server.get("/api/v1/revocation/list").await.text, before);
}

async fn licenses_in_use_take_no_others_place(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let keys = ["the first key, 8801", "the second key, 8802"];
    let rows: Vec<Value> = keys
        .iter()
        .map(|key| json!({"customer": {"externalId": "crm-1"}, "license": {"key": key}}))
        .collect();
    import(&server, &of_shop(&shop), &rows).await;
    for key in keys.iter().rev().chain(&keys) {
        let mut machine = Machine::activate(&server, key, "fp-1").await;
        assert_eq!(machine.beat(&server).await["status"], "active");
    }
}

async fn an_import_is_told_once_and_as_such(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let rows = [
        json!({"customer": {"name": "Ann"}, "license": {"key": "an old key of Ann's, 4711"}, "machines": [{"fingerprint": "fp-1"}]}),
    ];
    let done = import(&server, &of_shop(&shop), &rows).await;
    let actions =
        ["import.begun", "import.finished", "customer.created", "license.imported", "activation.imported"];
    for action in actions {
        let log =
            server.admin_get(&format!("/audit-events?action={action}&actorKind=api_key")).await.expect(200);
        let told = log["items"].as_array().unwrap();
        let of_import = |entry: &&Value| {
            action == "customer.created"
                || entry["subject"] == done["id"]
                || entry["detail"]["import"] == done["id"]
        };
        assert_eq!(told.iter().filter(of_import).count(), 1, "{action}: {log}");
    }
    let issued = server.admin_get("/audit-events?action=license.issued").await.expect(200);
    assert_eq!(issued["items"], json!([]), "nobody is to be written to about a licence that he has");
}
