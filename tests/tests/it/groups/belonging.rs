//! A customer is in one group or in none, and its licences are where it is.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{call, get, id, key_within, make_group};

on_both![
    what_is_made_within_one_group_is_in_it,
    whoever_has_several_groups_says_which,
    a_group_that_is_not_theirs_is_not_there,
    a_license_is_where_its_customer_is,
    a_license_without_customer_has_a_group_of_its_own,
    customers_of_other_groups_are_not_there,
    an_external_id_elsewhere_is_taken_and_nothing_more_is_told,
    what_was_done_elsewhere_is_not_told_here,
    machines_do_not_know_of_groups,
];

struct Two {
    server: TestServer,
    shop: Shop,
    north: String,
    south: String,
    /// Within `north`.
    key: String,
}

async fn two(backend: Backend) -> Two {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (north, south) = (make_group(&server, "North").await, make_group(&server, "South").await);
    let key = key_within(&server, &[&north]).await;
    Two { server, shop, north, south, key }
}

impl Two {
    async fn post(&self, path: &str, body: Value) -> licentia_tests::Reply {
        call(&self.server, &self.key, Method::POST, path, body).await
    }

    async fn put(&self, path: &str, body: Value) -> licentia_tests::Reply {
        call(&self.server, &self.key, Method::PUT, path, body).await
    }

    fn license(&self, mut more: Value) -> Value {
        more["productId"] = json!(self.shop.product);
        more["tierId"] = json!(self.shop.pro);
        more
    }

    async fn customer_in(&self, group: &str, external_id: &str) -> String {
        let body = json!({"externalId": external_id, "groupId": group});
        id(&self.server.admin_post("/customers", body).await.expect(201))
    }

    async fn group_of(&self, license: &str) -> Value {
        self.server.admin_get(&format!("/license-keys/{license}")).await.expect(200)["groupId"].clone()
    }
}

async fn what_is_made_within_one_group_is_in_it(backend: Backend) {
    let two = two(backend).await;
    let customer = two.post("/customers", json!({"name": "Ann"})).await.expect(201);
    let unclaimed = two.post("/license-keys", two.license(json!({}))).await.expect(201);
    let on_the_way = two.license(json!({"customer": {"externalId": "crm-1"}}));
    let bulk = json!({"licenses": [on_the_way, two.license(json!({"customer": {"name": "Bob"}}))]});
    let bulk = two.post("/license-keys/bulk", bulk).await.expect(201);
    for made in [&customer, &unclaimed, &bulk["licenses"][0], &bulk["licenses"][1]] {
        assert_eq!(made["groupId"], two.north.as_str(), "{made}");
    }
    let inside = format!("/customers?groupId={}", two.north);
    assert_eq!(two.server.admin_get(&inside).await.expect(200)["total"], 3);
    let inside = format!("/license-keys?groupId={}", two.north);
    assert_eq!(two.server.admin_get(&inside).await.expect(200)["total"], 3);
    // Somebody without groups puts what he makes into none, unless he says so.
    let made = two.server.admin_post("/customers", json!({"name": "Cid"})).await.expect(201);
    assert!(made["groupId"].is_null());
    get(&two.server, &two.key, &format!("/customers/{}", id(&made))).await.expect_problem(404, "NOT_FOUND");
}

async fn whoever_has_several_groups_says_which(backend: Backend) {
    let two = two(backend).await;
    let both = key_within(&two.server, &[&two.north, &two.south]).await;
    for (path, body) in [("/customers", json!({"name": "Ann"})), ("/license-keys", two.license(json!({})))] {
        let unsaid = call(&two.server, &both, Method::POST, path, body.clone()).await;
        let problem = unsaid.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!("/groupId"), &json!("REQUIRED"))
        );
        let mut said = body;
        said["groupId"] = json!(two.south);
        let made = call(&two.server, &both, Method::POST, path, said).await.expect(201);
        assert_eq!(made["groupId"], two.south.as_str());
    }
}

async fn a_group_that_is_not_theirs_is_not_there(backend: Backend) {
    let two = two(backend).await;
    let mine = id(&two.post("/customers", json!({"name": "Ann"})).await.expect(201));
    let unclaimed = id(&two.post("/license-keys", two.license(json!({}))).await.expect(201));
    let nowhere = "grp_01h455vb4pex5vsknk084sn02q";
    for group in [two.south.as_str(), nowhere] {
        let named = json!({"groupId": group});
        let asked = [
            two.post("/customers", json!({"name": "Bob", "groupId": group})).await,
            two.post("/license-keys", two.license(named.clone())).await,
            two.put(&format!("/customers/{mine}"), named.clone()).await,
            two.put(&format!("/license-keys/{unclaimed}"), named).await,
        ];
        for reply in asked {
            let problem = reply.expect_problem(422, "VALIDATION_FAILED");
            assert_eq!(
                (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
                (&json!("/groupId"), &json!("UNKNOWN"))
            );
            assert_eq!(problem["detail"], "there is no such group");
        }
    }
    // For somebody without groups, one that is not there is not there either.
    let unknown = two.server.admin_post("/customers", json!({"name": "Bob", "groupId": nowhere})).await;
    unknown.expect_problem(422, "VALIDATION_FAILED");
    // Nobody puts what is his where he could not see it any more.
    for path in [format!("/customers/{mine}"), format!("/license-keys/{unclaimed}")] {
        two.put(&path, json!({"groupId": null})).await.expect_problem(422, "VALIDATION_FAILED");
    }
}

async fn a_license_is_where_its_customer_is(backend: Backend) {
    let two = two(backend).await;
    let ann = two.customer_in(&two.north, "ann").await;
    let bob = two.customer_in(&two.south, "bob").await;
    let issued = two.shop.issue(&two.server, json!({"customerId": ann})).await;
    let license = id(&issued);
    assert_eq!(issued["groupId"], two.north.as_str());
    let elsewhere = two.license(json!({"customerId": ann, "groupId": two.south}));
    let problem =
        two.server.admin_post("/license-keys", elsewhere).await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/groupId");
    let apart =
        two.server.admin_put(&format!("/license-keys/{license}"), json!({"groupId": two.south})).await;
    apart.expect_problem(422, "VALIDATION_FAILED");

    let path = format!("/license-keys/{license}/transfer");
    let moved = two.server.admin_post(&path, json!({"customerId": bob})).await.expect(200);
    assert_eq!(moved["groupId"], two.south.as_str());
    get(&two.server, &two.key, &format!("/license-keys/{license}")).await.expect_problem(404, "NOT_FOUND");
    // A customer who moves takes them along; the licence itself was not edited.
    let before = two.server.admin_get(&format!("/license-keys/{license}")).await.expect(200);
    two.server.admin_put(&format!("/customers/{bob}"), json!({"groupId": two.north})).await.expect(200);
    let after = two.server.admin_get(&format!("/license-keys/{license}")).await.expect(200);
    assert_eq!((&after["groupId"], &after["version"]), (&json!(two.north), &before["version"]));
    two.server.admin_put(&format!("/customers/{bob}"), json!({"groupId": null})).await.expect(200);
    assert_eq!(two.group_of(&license).await, json!(null));
}

async fn a_license_without_customer_has_a_group_of_its_own(backend: Backend) {
    let two = two(backend).await;
    let license = id(&two.shop.issue(&two.server, json!({"groupId": two.north})).await);
    let path = format!("/license-keys/{license}");
    two.server.admin_put(&path, json!({"groupId": two.south})).await.expect(200);
    assert_eq!(two.group_of(&license).await, two.south.as_str());
    two.server.admin_put(&path, json!({"groupId": null})).await.expect(200);
    assert_eq!(two.group_of(&license).await, json!(null));
    // Given to a customer, it goes where that one is.
    let ann = two.customer_in(&two.north, "ann").await;
    let claimed = two.server.admin_put(&path, json!({"customerId": ann})).await.expect(200);
    assert_eq!(claimed["groupId"], two.north.as_str());
}

async fn customers_of_other_groups_are_not_there(backend: Backend) {
    let two = two(backend).await;
    let bob = two.customer_in(&two.south, "bob").await;
    let license = id(&two.post("/license-keys", two.license(json!({}))).await.expect(201));
    let nobody = "cus_01h455vb4pex5vsknk084sn02q";
    let mut answers = Vec::new();
    for customer in [bob.as_str(), nobody] {
        let named = json!({"customerId": customer});
        let mut told = Vec::new();
        for reply in [
            two.post("/license-keys", two.license(named.clone())).await,
            two.post(&format!("/license-keys/{license}/transfer"), named.clone()).await,
            two.put(&format!("/license-keys/{license}"), named).await,
        ] {
            let problem = reply.expect_problem(422, "VALIDATION_FAILED");
            told.push((problem["detail"].clone(), problem["errors"].clone()));
        }
        answers.push(told);
    }
    assert_eq!(answers[0], answers[1]);
}

async fn an_external_id_elsewhere_is_taken_and_nothing_more_is_told(backend: Backend) {
    let two = two(backend).await;
    let bob = two.customer_in(&two.south, "bob").await;
    let described = json!({"customer": {"externalId": "bob", "name": "Bobby"}});
    for (reply, pointer) in [
        (two.post("/customers", json!({"externalId": "bob"})).await, "/externalId"),
        (two.post("/license-keys", two.license(described.clone())).await, "/customer/externalId"),
        (
            two.post(
                "/license-keys/bulk",
                json!({"licenses": [two.license(json!({})), two.license(described)]}),
            )
            .await,
            "/licenses/1/customer/externalId",
        ),
    ] {
        assert!(!reply.text.contains(&bob), "{}", reply.text);
        let problem = reply.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    assert_eq!(two.server.admin_get("/license-keys").await.expect(200)["total"], 0);
}

async fn what_was_done_elsewhere_is_not_told_here(backend: Backend) {
    let two = two(backend).await;
    let ann = two.customer_in(&two.north, "ann").await;
    let bob = two.customer_in(&two.south, "bob").await;
    let license = id(&two.shop.issue(&two.server, json!({"customerId": bob})).await);
    two.server.clock.advance(1);
    let path = format!("/license-keys/{license}/transfer");
    two.server.admin_post(&path, json!({"customerId": ann})).await.expect(200);
    let log = format!("/audit-events?licenseId={license}");
    // Neither the time before nor the move, which names both customers.
    assert_eq!(get(&two.server, &two.key, &log).await.expect(200)["total"], 0);
    assert_eq!(two.server.admin_get(&log).await.expect(200)["total"], 2);
    two.server.clock.advance(1);
    two.post(&format!("/license-keys/{license}/suspend"), json!({})).await.expect(200);
    let told = get(&two.server, &two.key, &log).await.expect(200);
    assert_eq!((&told["total"], &told["items"][0]["action"]), (&json!(1), &json!("license.suspended")));

    two.server.admin_put(&format!("/customers/{bob}"), json!({"groupId": two.north})).await.expect(200);
    let log = format!("/audit-events?subject={bob}");
    assert_eq!(get(&two.server, &two.key, &log).await.expect(200)["total"], 0);
    two.put(&format!("/customers/{bob}"), json!({"notes": "moved"})).await.expect(200);
    let told = get(&two.server, &two.key, &log).await.expect(200);
    assert_eq!((&told["total"], &told["items"][0]["action"]), (&json!(1), &json!("customer.updated")));
    // The log is as whole as it was.
    assert_eq!(two.server.admin_get("/audit-events/verify").await.expect(200)["whole"], true);
}

async fn machines_do_not_know_of_groups(backend: Backend) {
    let two = two(backend).await;
    let bob = two.customer_in(&two.south, "bob").await;
    let issued = two.shop.issue(&two.server, json!({"customerId": bob})).await;
    let mut machine = Machine::activate(&two.server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    two.server.admin_put(&format!("/customers/{bob}"), json!({"groupId": two.north})).await.expect(200);
    assert_eq!(machine.beat(&two.server).await["status"], "active");
    let seen =
        get(&two.server, &two.key, &format!("/license-activations/{}", machine.activation)).await.expect(200);
    assert_eq!(seen["id"], machine.activation.as_str());
}
