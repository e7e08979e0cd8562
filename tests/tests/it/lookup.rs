//! The look-up: whatever a customer pastes, what it belongs to, and why it would be refused now.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_domain::database::Lane;
use licentia_entity::{audit_event, former_license_key, license};
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use licentia_types::ids::LicenseId;
use licentia_types::permissions::Permission;
use licentia_types::time::Seconds;
use reqwest::Method;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::access::key_with;
use crate::explain::rule;
use crate::licenses::suspend;

on_both![
    a_licence_is_found_by_its_key_in_any_spelling,
    a_key_that_was_replaced_says_so,
    a_mistyped_key_gets_a_hint,
    a_licence_is_found_by_its_order,
    a_customer_is_found_with_the_licences,
    a_machine_is_found_by_what_it_told,
    a_request_is_found_with_what_it_did,
    everything_is_found_by_its_id,
    a_token_leads_to_its_machine,
    an_encrypted_token_leads_to_the_machines_that_can_open_it,
    a_forged_or_foreign_token_is_refused,
    what_would_be_refused_says_why,
    unknown_texts_find_nothing,
    at_most_twenty_of_a_kind_are_told,
    it_is_written_down_what_was_found_not_what_was_pasted,
    a_look_up_is_by_permission_and_not_limited,
    texts_have_a_length,
];

async fn look_up(server: &TestServer, text: &str) -> Value {
    let reply = server.admin_post("/lookup", json!({"text": text})).await;
    reply.expect(200)
}

/// Kind, way and id of each match.
fn found(answer: &Value) -> Vec<[&str; 3]> {
    let matches = answer["matches"].as_array().unwrap();
    assert!(matches.iter().all(|found| !found["description"].as_str().unwrap().is_empty()));
    matches.iter().map(|found| ["kind", "by", "id"].map(|member| found[member].as_str().unwrap())).collect()
}

struct World {
    server: TestServer,
    shop: Shop,
    issued: Value,
    machine: Machine,
}

impl World {
    async fn new(backend: Backend) -> Self {
        let server = TestServer::start(backend).await;
        let shop = Shop::open(&server).await;
        let customer = json!({"name": "Ada Lovelace", "email": "Ada@Example.com", "externalId": "crm-4711"});
        let issued = shop
            .issue(
                &server,
                json!({"maxActivations": 1, "customer": customer, "source": "shop", "sourceOrderId": "order-0815"}),
            )
            .await;
        let more = json!({"hostname": "Ada-Laptop"});
        let key = issued["licenseKey"].as_str().unwrap();
        let machine = Machine::activate_with(&server, key, "board-serial-1", more).await;
        Self { server, shop, issued, machine }
    }

    fn key(&self) -> &str {
        self.issued["licenseKey"].as_str().unwrap()
    }

    fn license(&self) -> &str {
        self.issued["id"].as_str().unwrap()
    }

    fn customer(&self) -> &str {
        self.issued["customerId"].as_str().unwrap()
    }

    fn activation(&self) -> &str {
        &self.machine.activation
    }

    /// Names the key that signed the machine's token.
    fn kid(&self) -> String {
        let header = URL_SAFE_NO_PAD.decode(self.machine.token.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        header["kid"].as_str().unwrap().to_owned()
    }
}

async fn a_licence_is_found_by_its_key_in_any_spelling(backend: Backend) {
    let world = World::new(backend).await;
    let masked = world.issued["maskedKey"].as_str().unwrap();
    for (text, by) in [
        (world.key().to_owned(), "license_key"),
        (format!("\n {} ", world.key().to_lowercase().replace('-', " ")), "license_key"),
        (masked.to_owned(), "masked_key"),
        (masked.replace('…', "..."), "masked_key"),
    ] {
        let answer = look_up(&world.server, &text).await;
        assert_eq!(found(&answer), [["license", by, world.license()]], "{text}");
        let found = &answer["matches"][0];
        assert_eq!(
            (&found["customerId"], &found["productId"]),
            (&json!(world.customer()), &json!(world.shop.product))
        );
        assert_eq!(found["description"], format!("{masked}, active"));
        assert_eq!((&found["verdict"]["code"], &found["verdict"]["valid"]), (&json!("VALID"), &json!(true)));
        assert!(rule(&found["verdict"], "not_revoked").0);
        assert!(!answer.to_string().contains(world.key()));
        assert_eq!((&answer["truncated"], answer.get("hint")), (&json!(false), None));
    }
    let chosen = "a chosen key, q7Zr2LmXw9TbKc4V";
    let other = world.shop.issue(&world.server, json!({"key": chosen})).await;
    let answer = look_up(&world.server, chosen).await;
    assert_eq!(found(&answer), [["license", "license_key", other["id"].as_str().unwrap()]]);
    assert!(!answer.to_string().contains(chosen));
}

async fn a_key_that_was_replaced_says_so(backend: Backend) {
    let world = World::new(backend).await;
    let server = &world.server;
    let other = world.shop.issue(server, json!({})).await;
    // The other licence's key becomes a former key of this one.
    let (this, other_id): (LicenseId, LicenseId) =
        (world.license().parse().unwrap(), other["id"].as_str().unwrap().parse().unwrap());
    let now = server.context.moment().now;
    let digest =
        license::Entity::find_by_id(other_id).one(&server.context.db).await.unwrap().unwrap().key_digest;
    let row = former_license_key::ActiveModel {
        key_digest: Set(digest),
        license_id: Set(this),
        rotated_at: Set(now),
        valid_until: Set(now + Seconds::constant(60)),
    };
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    former_license_key::Entity::insert(row).exec_without_returning(&tx).await.unwrap();
    license::Entity::update_many()
        .col_expr(license::Column::KeyDigest, vec![7_u8; 32].into())
        .filter(license::Column::Id.eq(other_id))
        .exec(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let key = other["licenseKey"].as_str().unwrap().to_lowercase();
    for (seconds, said) in [(0, "replaced, still good"), (60, "this key was replaced")] {
        server.clock.advance(seconds);
        let answer = look_up(server, &key).await;
        assert_eq!(found(&answer), [["license", "former_license_key", world.license()]]);
        let found = &answer["matches"][0];
        assert_eq!(found["validUntil"], json!(now + Seconds::constant(60)));
        assert!(found["description"].as_str().unwrap().ends_with(said), "{found}");
    }
}

async fn a_mistyped_key_gets_a_hint(backend: Backend) {
    let world = World::new(backend).await;
    let mut typo = world.key().to_owned().into_bytes();
    let last = typo.len() - 1;
    typo[last] = if typo[last] == b'0' { b'1' } else { b'0' };
    let answer = look_up(&world.server, std::str::from_utf8(&typo).unwrap()).await;
    assert_eq!(answer, json!({"matches": [], "truncated": false, "hint": "license_key_malformed"}));
}

async fn a_licence_is_found_by_its_order(backend: Backend) {
    let world = World::new(backend).await;
    let second =
        world.shop.issue(&world.server, json!({"source": "fair", "sourceOrderId": "order-0815"})).await;
    let answer = look_up(&world.server, "order-0815").await;
    let expected =
        [["license", "order", second["id"].as_str().unwrap()], ["license", "order", world.license()]];
    let mut told = found(&answer);
    told.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(told, expected);
}

async fn a_customer_is_found_with_the_licences(backend: Backend) {
    let world = World::new(backend).await;
    for (text, by) in [("ada@example.COM", "email"), ("crm-4711", "external_id"), (world.customer(), "id")] {
        let answer = look_up(&world.server, text).await;
        let expected = [["customer", by, world.customer()], ["license", "customer", world.license()]];
        assert_eq!(found(&answer), expected);
        assert_eq!(answer["matches"][1]["verdict"]["code"], "VALID");
        // Who may read customers reads the name by the id.
        assert!(!answer.to_string().contains("Lovelace"));
    }
}

async fn a_machine_is_found_by_what_it_told(backend: Backend) {
    let world = World::new(backend).await;
    for (text, by) in
        [("board-serial-1", "fingerprint"), ("ada-laptop", "hostname"), (world.activation(), "id")]
    {
        let answer = look_up(&world.server, text).await;
        assert_eq!(found(&answer), [["activation", by, world.activation()]]);
        let found = &answer["matches"][0];
        assert_eq!(
            (&found["licenseId"], &found["customerId"], &found["activationId"]),
            (&json!(world.license()), &json!(world.customer()), &json!(world.activation()))
        );
        assert_eq!(found["verdict"]["activationId"], world.activation());
        assert_eq!(rule(&found["verdict"], "activated").1["activationStatus"], "active");
    }
}

async fn a_request_is_found_with_what_it_did(backend: Backend) {
    let world = World::new(backend).await;
    let body = json!({"licenseKey": world.key(), "fingerprint": "fp-2"});
    let request = world.server.request(Method::POST, "/api/v1/license-activations/activate");
    let request = request.header("x-request-id", "a-refused-request").json(&body);
    Reply::of(request).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    let answer = look_up(&world.server, "a-refused-request").await;
    let matches = answer["matches"].as_array().unwrap();
    assert_eq!(matches.len(), 1);
    assert_eq!((&matches[0]["kind"], &matches[0]["by"]), (&json!("refusal"), &json!("request_id")));
    assert_eq!(matches[0]["licenseId"], world.license());
    assert!(matches[0]["description"].as_str().unwrap().starts_with("activate: SEAT_LIMIT_REACHED, "));

    let request = world.server.admin(Method::POST, &format!("/license-keys/{}/revoke", world.license()));
    Reply::of(request.header("x-request-id", "a-revoking-request").json(&json!({}))).await.expect(200);
    let answer = look_up(&world.server, "a-revoking-request").await;
    let event = &answer["matches"][0];
    assert_eq!((&event["kind"], &event["licenseId"]), (&json!("audit_event"), &json!(world.license())));
    assert!(event["description"].as_str().unwrap().starts_with("license.revoked, "));
    let by_id = look_up(&world.server, event["id"].as_str().unwrap()).await;
    assert_eq!(found(&by_id), [["audit_event", "id", event["id"].as_str().unwrap()]]);
}

async fn everything_is_found_by_its_id(backend: Backend) {
    let world = World::new(backend).await;
    let features = world.server.admin_get("/product-features?limit=1").await.expect(200);
    let feature = features["items"][0]["id"].as_str().unwrap();
    let jwks = world.server.get("/.well-known/jwks.json").await.expect(200);
    let kid = jwks["keys"][0]["kid"].as_str().unwrap();
    for (kind, id) in [
        ("license", world.license()),
        ("product", &world.shop.product),
        ("tier", &world.shop.pro),
        ("feature", feature),
        ("signing_key", kid),
    ] {
        let answer = look_up(&world.server, id).await;
        assert_eq!(found(&answer), [[kind, "id", id]]);
    }
}

async fn a_token_leads_to_its_machine(backend: Backend) {
    let world = World::new(backend).await;
    let jti = world.machine.claims()["jti"].as_str().unwrap().to_owned();
    for (seconds, said) in [(0, "its time runs"), (200_000, "its time is over")] {
        world.server.clock.advance(seconds);
        let answer = look_up(&world.server, &world.machine.token).await;
        let expected = [["token", "token", jti.as_str()], ["activation", "token", world.activation()]];
        assert_eq!(found(&answer), expected);
        assert!(answer["matches"][0]["description"].as_str().unwrap().ends_with(said));
        assert_eq!(answer["matches"][0]["licenseId"], world.license());
        assert!(!answer.to_string().contains(&world.machine.token));
    }
    let answer = look_up(&world.server, &world.machine.token).await;
    assert_eq!(answer["matches"][1]["verdict"]["reasons"], json!(["GRACE", "HEARTBEAT_OVERDUE"]));
}

async fn an_encrypted_token_leads_to_the_machines_that_can_open_it(backend: Backend) {
    let world = World::new(backend).await;
    let issued = world.shop.issue(&world.server, json!({})).await;
    let pem = KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().public().to_spki_pem();
    let more = json!({"consumerKey": pem});
    let machine =
        Machine::activate_with(&world.server, issued["licenseKey"].as_str().unwrap(), "fp-9", more).await;
    let answer = look_up(&world.server, &machine.token).await;
    assert_eq!(found(&answer), [["activation", "token", machine.activation.as_str()]]);
    // Encrypted to somebody else.
    let (_, rest) = machine.token.split_once('.').unwrap();
    for header in [r#"{"alg":"RSA-OAEP","enc":"A256CBC-HS512","kid":"nobody"}"#, r#"{"alg":"dir"}"#] {
        let foreign = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        let reply = world.server.admin_post("/lookup", json!({"text": foreign})).await;
        reply.expect_problem(422, "TOKEN_INVALID");
    }
}

async fn a_forged_or_foreign_token_is_refused(backend: Backend) {
    let world = World::new(backend).await;
    let token = &world.machine.token;
    let mut parts = token.split('.');
    let (header, payload, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let kid = world.kid();
    let with = |header: &str| format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header));
    let claims = URL_SAFE_NO_PAD.encode(r#"{"license_id":"x"}"#);
    for forged in [
        format!("{header}.{claims}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}.{}", "A".repeat(342)),
        with(r#"{"alg":"none"}"#),
        with(&format!(r#"{{"alg":"none","typ":"JWT","kid":"{kid}"}}"#)),
        with(&format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#)),
        with(r#"{"alg":"RS256","typ":"JWT","kid":"somebody"}"#),
        with(&format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{kid}","jku":"https://evil.example/"}}"#)),
        with(&format!(r#"{{"alg":"RS256","typ":"grace+jwt","kid":"{kid}"}}"#)),
    ] {
        let reply = world.server.admin_post("/lookup", json!({"text": forged})).await;
        assert!(!reply.text.contains(payload));
        let problem = reply.expect_problem(422, "TOKEN_INVALID");
        assert_eq!(problem["valid"], false);
    }
    assert_eq!(made(&world.server).await.len(), 0);
}

async fn what_would_be_refused_says_why(backend: Backend) {
    let world = World::new(backend).await;
    suspend(&world.server, world.license()).await;
    world.server.clock.advance(700_000);
    for (text, reasons) in [
        (world.key(), json!(["SUSPENDED"])),
        ("ada-laptop", json!(["SUSPENDED", "GRACE_EXPIRED", "HEARTBEAT_OVERDUE"])),
    ] {
        let answer = look_up(&world.server, text).await;
        let verdict = &answer["matches"][0]["verdict"];
        assert_eq!((&verdict["valid"], &verdict["reasons"]), (&json!(false), &reasons));
        assert!(!rule(verdict, "not_suspended").0);
    }
    // Asking for somebody is no refusal of his.
    let path = format!("/license-keys/{}/refusals", world.license());
    assert_eq!(world.server.admin_get(&path).await.expect(200)["items"], json!([]));
}

async fn unknown_texts_find_nothing(backend: Backend) {
    let world = World::new(backend).await;
    let long = "x".repeat(600);
    for text in [
        "nobody",
        "a-key-of-nobody",
        "nobody@example.com",
        "lic_01h455vb4pex5vsknk084sn02q",
        "act_01h455vb4pex5vsknk084sn02q",
        "aud_01h455vb4pex5vsknk084sn02q",
        "key_01h455vb4pex5vsknk084sn02q",
        "%",
        "_",
        "' OR 1=1 --",
        "Ada",
        "a.b.c",
        "two\nlines",
        "nul\0",
        "\u{fffd}…",
        &long,
    ] {
        let answer = look_up(&world.server, text).await;
        assert_eq!(answer, json!({"matches": [], "truncated": false}), "{text}");
    }
}

async fn at_most_twenty_of_a_kind_are_told(backend: Backend) {
    let world = World::new(backend).await;
    let issued = world.shop.issue(&world.server, json!({"maxActivations": null})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    for number in 0..20 {
        let more = json!({"hostname": "build-agent"});
        try_activate(&world.server, key, &format!("agent-{number}"), more).await.expect(201);
    }
    let all = look_up(&world.server, "build-agent").await;
    assert_eq!((found(&all).len(), &all["truncated"]), (20, &json!(false)));
    try_activate(&world.server, key, "agent-20", json!({"hostname": "Build-Agent"})).await.expect(201);
    let some = look_up(&world.server, "build-agent").await;
    assert_eq!((found(&some).len(), &some["truncated"]), (20, &json!(true)));
}

/// What was written down of look-ups.
async fn made(server: &TestServer) -> Vec<audit_event::Model> {
    let made = audit_event::Entity::find().filter(audit_event::Column::Action.eq("lookup.made"));
    made.all(&server.context.db).await.unwrap()
}

async fn it_is_written_down_what_was_found_not_what_was_pasted(backend: Backend) {
    let world = World::new(backend).await;
    let texts = [
        world.key(),
        &world.machine.token,
        "board-serial-1",
        "ada-laptop",
        "ada@example.com",
        "order-0815",
        "nobody-at-all",
    ];
    for text in texts {
        look_up(&world.server, text).await;
    }
    let rows = made(&world.server).await;
    assert_eq!(rows.len(), texts.len());
    for row in &rows {
        let written = format!("{row:?}").to_lowercase();
        for text in texts {
            assert!(!written.contains(&text.to_lowercase()), "{written}");
        }
    }
    let license: LicenseId = world.license().parse().unwrap();
    let by_key =
        rows.iter().find(|row| row.detail == json!({"found": [{"kind": "license", "id": world.license()}]}));
    assert_eq!(by_key.unwrap().license_id, Some(license));
    assert!(rows.iter().any(|row| row.detail == json!({"found": []}) && row.license_id.is_none()));
    assert!(rows.iter().all(|row| row.actor_kind == "api_key"));
}

async fn a_look_up_is_by_permission_and_not_limited(backend: Backend) {
    let settings = [("LIMITS__ENABLED", "true"), ("LIMITS__FAILED_KEY_LOOKUPS_BURST", "1")];
    let server = TestServer::start_with(backend, &settings).await;
    for _ in 0..5 {
        look_up(&server, "a-key-of-nobody").await;
    }
    let reply = server.post("/lookup", json!({"text": "a-key-of-nobody"})).await;
    reply.expect_problem(401, "UNAUTHENTICATED");
    let key = key_with(&server, &[Permission::Customers, Permission::Audit]).await;
    let request = server.request(Method::POST, "/api/v1/lookup").bearer_auth(key);
    Reply::of(request.json(&json!({"text": "x"}))).await.expect_problem(403, "PERMISSION_DENIED");
}

async fn texts_have_a_length(backend: Backend) {
    let server = TestServer::start(backend).await;
    for text in [json!(""), json!(" \n"), json!("x".repeat(16_385)), json!(null), json!(7)] {
        let reply = server.admin_post("/lookup", json!({"text": text})).await;
        let problem = reply.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/text");
    }
    look_up(&server, &"x".repeat(16_384)).await;
}
