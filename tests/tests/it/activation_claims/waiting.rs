//! Asking: who has to wait, and who waits beside whom.

use licentia_tests::{Backend, on_both};

use super::*;

on_both![
    the_first_machine_waits_and_takes_nothing,
    only_the_first_machine_of_a_licence_waits,
    nobody_waits_for_what_is_worth_nothing,
    five_machines_wait_side_by_side_and_the_sixth_does_not,
    what_has_expired_leaves_its_place,
    a_lost_answer_takes_no_second_place,
    whoever_says_that_he_is_the_machine_waits_beside_it,
    a_machine_that_asks_on_and_on_is_refused,
    a_checkout_by_the_vendor_waits_for_nobody,
];

async fn the_first_machine_waits_and_takes_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let more = json!({"validDays": 30, "startsAt": "first_activation", "trial": true});
    let guarded = Guarded::of(&server, more).await;
    let reply = try_activate(&server, &guarded.key, "fp-1", json!({"hostname": "press"})).await;
    assert_eq!(reply.header("retry-after"), "5");
    let body = reply.expect(202);
    let claim = &body["claim"];
    assert_eq!((&claim["kind"], &claim["status"]), (&json!("first_activation"), &json!("pending")));
    assert_eq!((&claim["pollAfterSeconds"], body.get("token")), (&json!(5), None));
    assert!(claim["id"].as_str().unwrap().starts_with("acl_"));
    assert!(claim["secret"].as_str().unwrap().len() >= 52);

    assert_eq!(guarded.counted(&server).await, (0, 0, 0));
    let license = server.admin_get(&format!("/license-keys/{}", guarded.id)).await.expect(200);
    assert_eq!((&license["startsAt"], &license["expiresAt"]), (&Value::Null, &Value::Null));
    assert_eq!(told(&server, "activation_claim.requested").await, (1, 1));
    assert_eq!(told(&server, "activation.created").await, (0, 0));
}

async fn only_the_first_machine_of_a_licence_waits(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({"maxActivations": 3})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    claim.decide(&server, "approve").await;
    claim.poll(&server).await.expect(201);
    Machine::activate(&server, &guarded.key, "fp-2").await;
    // One that gave its seat back is no first one either.
    let all = server.admin_get("/license-activations").await.expect(200);
    for machine in all["items"].as_array().unwrap() {
        let path = format!("/license-activations/{}/deactivate", machine["id"].as_str().unwrap());
        server.admin_post(&path, json!({})).await.expect(200);
    }
    Machine::activate(&server, &guarded.key, "fp-3").await;
    // A product may say so from its beginning, and take it back; and is open unless it says so.
    let body = json!({"slug": "guarded", "name": "Guarded", "firstActivation": "owner_approval"});
    let product = server.admin_post("/products", body).await.expect(201);
    assert_eq!(product["firstActivation"], "owner_approval");
    let path = format!("/products/{}", product["id"].as_str().unwrap());
    for (sent, shown) in
        [(json!({"name": "New"}), "owner_approval"), (json!({"firstActivation": "open"}), "open")]
    {
        assert_eq!(server.admin_put(&path, sent).await.expect(200)["firstActivation"], shown);
    }
    let unknown = server.admin_put(&path, json!({"firstActivation": "approval"})).await;
    unknown.expect_problem(422, "VALIDATION_FAILED");
    let open = Shop::named(&server, "open").await;
    let product = server.admin_get(&format!("/products/{}", open.product)).await.expect(200);
    assert_eq!(product["firstActivation"], "open");
    let issued = Guarded::issue(&server, &open, json!({})).await;
    Machine::activate(&server, &issued.key, "fp-1").await;
}

async fn nobody_waits_for_what_is_worth_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({"validDays": 1})).await;
    let ask = |more: Value| try_activate(&server, &guarded.key, "fp-1", more);
    ask(json!({"instance": "a"})).await.expect_problem(422, "VALIDATION_FAILED");
    ask(json!({"consumerKey": "no key"})).await.expect_problem(422, "CONSUMER_KEY_INVALID");
    server.clock.advance(86_400);
    ask(json!({})).await.expect_problem(403, "LICENSE_EXPIRED");
    assert_eq!(server.admin_get("/activation-claims").await.expect(200)["total"], 0);
}

async fn five_machines_wait_side_by_side_and_the_sixth_does_not(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let mut claims = Vec::new();
    for number in 0..5 {
        claims.push(guarded.ask(&server, &format!("fp-{number}")).await);
    }
    let sixth = || try_activate(&server, &guarded.key, "fp-5", json!({}));
    sixth().await.expect_problem(409, "CLAIM_LIMIT_REACHED");
    let noted = server.admin_get(&format!("/license-keys/{}/refusals", guarded.id)).await.expect(200);
    assert_eq!(noted["items"][0]["code"], "CLAIM_LIMIT_REACHED");
    for claim in &claims {
        assert_eq!(claim.poll(&server).await.expect(202)["claim"]["status"], "pending");
    }
    // One that was rejected waits no more.
    claims[0].decide(&server, "reject").await;
    sixth().await.expect(202);
    sixth().await.expect(202);
    try_activate(&server, &guarded.key, "fp-6", json!({})).await.expect_problem(409, "CLAIM_LIMIT_REACHED");
}

async fn what_has_expired_leaves_its_place(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    for number in 0..5 {
        guarded.ask(&server, &format!("fp-{number}")).await;
    }
    server.clock.advance(LIFE - 1);
    let sixth = || try_activate(&server, &guarded.key, "fp-5", json!({}));
    sixth().await.expect_problem(409, "CLAIM_LIMIT_REACHED");
    server.clock.advance(1);
    sixth().await.expect(202);
    let of_status = async |status: &str| {
        server.admin_get(&format!("/activation-claims?status={status}")).await.expect(200)["total"].clone()
    };
    assert_eq!((of_status("expired").await, of_status("pending").await), (json!(5), json!(1)));
}

async fn a_lost_answer_takes_no_second_place(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let lost = guarded.ask(&server, "fp-1").await;
    server.clock.advance(10);
    let claim = guarded.ask(&server, "fp-1").await;
    assert_eq!(claim.id, lost.id);
    assert_ne!(claim.secret, lost.secret);
    let shown = server.admin_get("/activation-claims").await.expect(200);
    assert_eq!((&shown["total"], &shown["items"][0]["requests"]), (&json!(1), &json!(2)));
    // Asking again does not make it live for longer.
    assert_eq!(shown["items"][0]["expiresAt"], claim.poll(&server).await.expect(202)["claim"]["expiresAt"]);
    for number in 2..6 {
        guarded.ask(&server, &format!("fp-{number}")).await;
    }
    claim.decide(&server, "approve").await;
    claim.poll(&server).await.expect(201);
    // The first answer came after all.
    lost.poll(&server).await.expect(200);
    assert_eq!(guarded.counted(&server).await, (1, 1, 1));
}

async fn whoever_says_that_he_is_the_machine_waits_beside_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let claim = guarded.ask_with(&server, "fp-1", json!({"userRef": "ann"})).await;
    let thief = guarded.ask_with(&server, "fp-1", json!({"userRef": "eve"})).await;
    assert_ne!(claim.id, thief.id);
    poll(&server, &claim.id, &thief.secret).await.expect_problem(404, "NOT_FOUND");
    let users = server.admin_get("/activation-claims?sort=createdAt").await.expect(200);
    let users: Vec<&Value> =
        users["items"].as_array().unwrap().iter().map(|claim| &claim["userRef"]).collect();
    assert_eq!(users.len(), 2);
    assert!(users.contains(&&json!("ann")) && users.contains(&&json!("eve")));
    // Whoever decides picks one of them; the machine's own claim was not touched.
    claim.decide(&server, "approve").await;
    thief.poll(&server).await.expect_problem(403, "CLAIM_REJECTED");
    let body = claim.poll(&server).await.expect(201);
    assert_eq!(body["activation"]["userRef"], "ann");
}

async fn a_machine_that_asks_on_and_on_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let ask = |user: &'static str| try_activate(&server, &guarded.key, "fp-1", json!({"userRef": user}));
    for _ in 0..5 {
        ask("ann").await.expect(202);
    }
    ask("ann").await.expect_problem(409, "CLAIM_LIMIT_REACHED");
    ask("bob").await.expect(202);
    ask("eve").await.expect(202);
    ask("fay").await.expect_problem(409, "CLAIM_LIMIT_REACHED");
    // The others have their places.
    for number in 2..6 {
        guarded.ask(&server, &format!("fp-{number}")).await;
    }
    let rows = licentia_entity::activation_claim::Entity::find().count(&server.context.db).await.unwrap();
    assert_eq!(rows, 7);
}

async fn a_checkout_by_the_vendor_waits_for_nobody(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let path = format!("/license-keys/{}/checkout", guarded.id);
    server.admin_post(&path, json!({"fingerprint": "fp-1"})).await.expect(201);
    Machine::activate(&server, &guarded.key, "fp-2").await;
}
