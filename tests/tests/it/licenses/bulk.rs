//! Many licences at once: all of them, or none.

use futures_util::future::join;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use serde_json::{Value, json};

use super::{events, issued_count, key, told};

on_both![
    many_licences_are_issued_in_their_order,
    a_thousand_licences_take_few_statements,
    one_that_cannot_be_issued_stops_all,
    doubled_keys_and_orders_are_pointed_at,
    a_bulk_has_one_to_a_thousand_objects,
    the_same_customers_at_once_are_made_once,
    the_same_customers_in_opposite_orders_are_made_once,
    a_customer_that_is_described_twice_is_the_first_one,
    bodies_of_two_megabytes_are_for_bulk_only,
];

fn entry(shop: &Shop, more: &Value) -> Value {
    let mut entry = json!({"productId": shop.product, "tierId": shop.pro});
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

async fn bulk(server: &TestServer, licenses: Vec<Value>) -> Reply {
    server.admin_post("/license-keys/bulk", json!({"licenses": licenses})).await
}

async fn many_licences_are_issued_in_their_order(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, other) = (Shop::open(&server).await, Shop::named(&server, "other").await);
    let ada = server.admin_post("/customers", json!({"name": "Ada"})).await.expect(201);
    let asked = vec![
        entry(&shop, &json!({"notes": "0", "validDays": 30})),
        entry(&other, &json!({"notes": "1", "customer": {"externalId": "eve"}})),
        entry(
            &shop,
            &json!({"notes": "2", "customer": {"externalId": "eve"}, "trial": true, "validDays": 5}),
        ),
        entry(
            &shop,
            &json!({"notes": "3", "customerId": ada["id"], "key": "a-key-that-somebody-chose-4711"}),
        ),
        entry(&shop, &json!({"notes": "4", "tierId": shop.basic, "billingPeriod": "monthly"})),
    ];
    let issued = bulk(&server, asked).await.expect(201);
    let licenses = issued["licenses"].as_array().unwrap();
    assert_eq!(licenses.len(), 5);
    for (place, license) in licenses.iter().enumerate() {
        assert_eq!(license["notes"], place.to_string());
        assert_eq!(told(&server, license).await, ["license.issued"]);
        Machine::activate(&server, key(license), "fp-1").await;
    }
    assert_eq!(licenses[1]["customerId"], licenses[2]["customerId"]);
    assert_eq!(
        (&licenses[3]["customerId"], key(&licenses[3])),
        (&ada["id"], "a-key-that-somebody-chose-4711")
    );
    assert_eq!(licenses[4]["term"], json!({"months": 1}));
    assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 2);
    assert_eq!(events(&server, "license.issued").await.len(), 5);
}

async fn a_thousand_licences_take_few_statements(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let before = server.context.db.statements();
    let issued = bulk(&server, vec![entry(&shop, &json!({"validDays": 365})); 1_000]).await.expect(201);
    assert_eq!(issued["licenses"].as_array().unwrap().len(), 1_000);
    assert!(server.context.db.statements() - before < 30);
    assert_eq!(issued_count(&server).await, 1_000);
}

async fn one_that_cannot_be_issued_stops_all(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let archived = Shop::named(&server, "old").await;
    server.admin_delete(&format!("/products/{}", archived.product)).await.expect(204);
    for (last, status, code, pointer) in [
        (json!({"tierId": "tier_01h455vb4pex5vsknk084sn02q"}), 422, "VALIDATION_FAILED", "/tierId"),
        (json!({"customerId": "cus_01h455vb4pex5vsknk084sn02q"}), 422, "VALIDATION_FAILED", "/customerId"),
        (json!({"customer": {"notes": "who?"}}), 422, "VALIDATION_FAILED", "/customer/name"),
        (json!({"validDays": 0}), 422, "VALIDATION_FAILED", "/validDays"),
        (json!({"features": {"add": ["nothing"]}}), 422, "VALIDATION_FAILED", "/features/add"),
        (json!({"trial": true}), 422, "VALIDATION_FAILED", "/expiresAt"),
        (json!({"key": "password"}), 422, "LICENSE_KEY_WEAK", "/key"),
        (json!({"isAdmin": true}), 422, "VALIDATION_FAILED", "/isAdmin"),
        (json!({"document": "yes"}), 422, "VALIDATION_FAILED", "/document"),
        (json!({"productId": archived.product}), 409, "PRODUCT_ARCHIVED", ""),
    ] {
        let mut asked = vec![entry(&shop, &json!({"customer": {"externalId": "made-on-the-way"}})); 17];
        asked.push(entry(&shop, &last));
        let problem = bulk(&server, asked).await.expect_problem(status, code);
        assert_eq!(problem["errors"][0]["pointer"], format!("/licenses/17{pointer}"), "{problem}");
    }
    assert_eq!(issued_count(&server).await, 0);
    assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 0);
    assert!(events(&server, "license.issued").await.is_empty());
}

async fn doubled_keys_and_orders_are_pointed_at(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let chosen = json!({"key": "a-key-that-somebody-chose-for-himself"});
    let order = json!({"source": "shop", "sourceOrderId": "4711"});
    let none = json!({});
    for (one, pointer) in [(&chosen, "key"), (&order, "sourceOrderId")] {
        let asked = vec![entry(&shop, &none), entry(&shop, one), entry(&shop, &none), entry(&shop, one)];
        let problem = bulk(&server, asked).await.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(problem["errors"][0]["pointer"], format!("/licenses/3/{pointer}"));
        shop.issue(&server, one.clone()).await;
        let asked = vec![entry(&shop, &none), entry(&shop, &none), entry(&shop, one)];
        let problem = bulk(&server, asked).await.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(problem["errors"][0]["pointer"], format!("/licenses/2/{pointer}"));
    }
    assert_eq!(issued_count(&server).await, 2);
}

async fn a_bulk_has_one_to_a_thousand_objects(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for (body, pointer) in [
        (json!({"licenses": []}), "/licenses"),
        (json!({"licenses": vec![entry(&shop, &json!({})); 1_001]}), "/licenses"),
        (json!({"licenses": {}}), "/licenses"),
        (json!({"licenses": [entry(&shop, &json!({})), []]}), "/licenses/1"),
        (json!({"licenses": [null]}), "/licenses/0"),
        (json!({"licenses": [{"tierId": shop.pro}]}), "/licenses/0/productId"),
        (json!({}), "/licenses"),
    ] {
        let problem =
            server.admin_post("/license-keys/bulk", body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    assert_eq!(issued_count(&server).await, 0);
}

async fn the_same_customers_at_once_are_made_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let asked = || {
        (0..5)
            .map(|number| entry(&shop, &json!({"customer": {"externalId": format!("crm-{number}")}})))
            .collect()
    };
    let (one, other) = join(bulk(&server, asked()), bulk(&server, asked())).await;
    assert_eq!((one.status, other.status), (201, 201), "{} {}", one.text, other.text);
    assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 5);
    assert_eq!(issued_count(&server).await, 10);
}

async fn the_same_customers_in_opposite_orders_are_made_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let second = match backend {
        Backend::Postgres => Some(server.another().await),
        Backend::Sqlite => None,
    };
    let other = second.as_ref().unwrap_or(&server);
    let shop = Shop::open(&server).await;
    let unclaimed = shop.issue(&server, json!({})).await;
    for round in 1..=4 {
        let customer = |number: u32| json!({"customer": {"externalId": format!("crm-{round}-{number:03}")}});
        let asked: Vec<Value> = (0..150).map(|number| entry(&shop, &customer(number))).collect();
        let reversed = asked.iter().rev().cloned().collect();
        // And somebody in their midst who makes one of them by himself.
        let (one, opposite, transfer) = tokio::join!(
            bulk(&server, asked),
            bulk(other, reversed),
            super::act(other, &unclaimed, "transfer", customer(75)),
        );
        let (one, opposite) = (one.expect(201), opposite.expect(201));
        let owners = |issued: &Value| -> Vec<Value> {
            issued["licenses"]
                .as_array()
                .unwrap()
                .iter()
                .map(|license| license["customerId"].clone())
                .collect()
        };
        let mut mirrored = owners(&opposite);
        mirrored.reverse();
        assert_eq!(owners(&one), mirrored);
        assert_eq!(transfer.expect(200)["customerId"], mirrored[75]);
        assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 150 * round);
        assert_eq!(events(&server, "customer.created").await.len(), 150 * round);
    }
}

async fn a_customer_that_is_described_twice_is_the_first_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let named = |name: &str| entry(&shop, &json!({"customer": {"externalId": "crm-1", "name": name}}));
    let issued = bulk(&server, vec![named("Ada"), named("Eve")]).await.expect(201);
    let owner = issued["licenses"][0]["customerId"].clone();
    assert_eq!(issued["licenses"][1]["customerId"], owner);
    bulk(&server, vec![named("Eve")]).await.expect(201);
    let path = format!("/customers/{}", owner.as_str().unwrap());
    let customer = server.admin_get(&path).await.expect(200);
    assert_eq!((&customer["name"], &customer["version"]), (&json!("Ada"), &json!(1)));
    assert_eq!(events(&server, "customer.created").await.len(), 1);
}

async fn bodies_of_two_megabytes_are_for_bulk_only(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let long = json!({"notes": "n".repeat(1_900)});
    bulk(&server, vec![entry(&shop, &long); 900]).await.expect(201);
    let metadata: serde_json::Map<String, Value> =
        (0..50).map(|number| (format!("member-{number}"), json!("v".repeat(100)))).collect();
    let asked = vec![entry(&shop, &json!({"metadata": metadata})); 900];
    bulk(&server, asked).await.expect_problem(413, "BODY_TOO_LARGE");
    assert_eq!(issued_count(&server).await, 900);
}
