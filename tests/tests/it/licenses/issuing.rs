//! To whom, for how long, and from where.

use futures_util::future::join_all;
use licentia_tests::{Backend, Shop, TestServer, on_both};
use licentia_types::time::Timestamp;
use serde_json::{Value, json};

use super::{claims, edit, events, id, issued_count, no_customer, read, refused};

on_both![
    a_licence_goes_to_a_customer_that_is_there,
    a_described_customer_is_made_on_the_way_and_found_again,
    an_unclaimed_licence_is_claimed_once,
    a_licence_ends_in_one_of_three_ways_or_never,
    an_expiry_is_said_once_and_lies_ahead,
    an_order_of_a_source_has_one_licence,
    the_same_customer_at_once_is_made_once,
    an_issue_is_in_the_audit_log_without_the_key,
    the_answer_names_the_licence_and_its_version,
];

async fn a_licence_goes_to_a_customer_that_is_there(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let ada = server.admin_post("/customers", json!({"name": "Ada"})).await.expect(201);
    let issued = shop.issue(&server, json!({"customerId": ada["id"]})).await;
    assert_eq!(issued["customerId"], ada["id"]);
    let claims = claims(&server, &issued).await;
    assert_eq!((&claims["sub"], &claims["license_id"]), (&ada["id"], &issued["id"]));
    assert_eq!(refused(&server, &shop, no_customer()).await, "/customerId");
    let twice = json!({"customerId": ada["id"], "customer": {"name": "Eve"}});
    assert_eq!(refused(&server, &shop, twice).await, "/customer");
    let customers = server.admin_get("/customers").await.expect(200);
    assert_eq!(customers["total"], 1);
}

async fn a_described_customer_is_made_on_the_way_and_found_again(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let described = json!({"customer": {"externalId": "crm-1", "name": "Ada", "email": "ada@example.com"}});
    let first = shop.issue(&server, described).await;
    let again = json!({"customer": {"externalId": "crm-1", "name": "Another name"}});
    let second = shop.issue(&server, again).await;
    assert_eq!(first["customerId"], second["customerId"]);
    let path = format!("/customers/{}", first["customerId"].as_str().unwrap());
    let customer = server.admin_get(&path).await.expect(200);
    assert_eq!((&customer["name"], &customer["email"]), (&json!("Ada"), &json!("ada@example.com")));
    // Without an external id there is nothing to find it by.
    let third = shop.issue(&server, json!({"customer": {"name": "Ada"}})).await;
    assert_ne!(third["customerId"], first["customerId"]);
    let nameless = json!({"customer": {"notes": "who?"}});
    assert_eq!(refused(&server, &shop, nameless).await, "/customer/name");
    let bad = json!({"customer": {"email": "no address"}});
    assert_eq!(refused(&server, &shop, bad).await, "/customer/email");
    // An issue that fails makes no customer either.
    let failing = json!({"customer": {"externalId": "crm-2"}, "features": {"add": ["nothing"]}});
    refused(&server, &shop, failing).await;
    assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 2);
}

async fn an_unclaimed_licence_is_claimed_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let mut people = Vec::new();
    for name in ["Ada", "Eve"] {
        let person = server.admin_post("/customers", json!({"name": name})).await;
        people.push(person.expect(201)["id"].clone());
    }
    let issued = shop.issue(&server, json!({})).await;
    assert_eq!(issued["customerId"], Value::Null);
    assert_eq!(claims(&server, &issued).await["sub"], issued["id"]);
    edit(&server, &issued, no_customer()).await.expect_problem(422, "VALIDATION_FAILED");
    for _ in 0..2 {
        let claimed = edit(&server, &issued, json!({"customerId": people[0]})).await;
        assert_eq!(claimed.expect(200)["customerId"], people[0]);
    }
    edit(&server, &issued, json!({"customerId": people[1]})).await.expect_problem(409, "STATE_CONFLICT");
    assert_eq!(read(&server, &issued).await["customerId"], people[0]);
    assert_eq!(claims(&server, &issued).await["sub"], people[0]);
}

async fn a_licence_ends_in_one_of_three_ways_or_never(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let now = server.context.moment().now;
    let date = |at: Timestamp| json!(at.to_string());
    let at_basic = |more: Value| {
        let mut body = more;
        body["tierId"] = json!(shop.basic);
        body
    };
    for (more, expected) in [
        (json!({}), Value::Null),
        (json!({"expiresAt": "2090-01-31T00:00:00Z"}), json!("2090-01-31T00:00:00Z")),
        (json!({"expiresAt": "2090-01-31T01:00:00+01:00"}), json!("2090-01-31T00:00:00Z")),
        (json!({"validDays": 30}), date(now.plus_days(30))),
        (json!({"validDays": 36_500}), date(now.plus_days(36_500))),
        (at_basic(json!({"billingPeriod": "monthly"})), date(now.plus_months(1))),
    ] {
        let issued = shop.issue(&server, more).await;
        assert_eq!((&issued["expiresAt"], &issued["startsAt"]), (&expected, &date(now)));
    }
    let issued = shop.issue(&server, json!({"validDays": 30})).await;
    let claims = claims(&server, &issued).await;
    assert_eq!(claims["license_exp"], now.plus_days(30).seconds());
}

async fn an_expiry_is_said_once_and_lies_ahead(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let now = server.context.moment().now.to_string();
    let later = json!("2090-01-01T00:00:00Z");
    for (more, pointer) in [
        (json!({"expiresAt": later, "validDays": 1}), "/expiresAt"),
        (json!({"expiresAt": later, "billingPeriod": "monthly"}), "/expiresAt"),
        (json!({"validDays": 1, "billingPeriod": "monthly"}), "/expiresAt"),
        (json!({"expiresAt": now}), "/expiresAt"),
        (json!({"expiresAt": "2020-01-01T00:00:00Z"}), "/expiresAt"),
        (json!({"expiresAt": "2090-01-01"}), "/expiresAt"),
        (json!({"expiresAt": "-0001-01-01T00:00:00Z"}), "/expiresAt"),
        (json!({"expiresAt": 4_000_000_000_u64}), "/expiresAt"),
        (json!({"validDays": 0}), "/validDays"),
        (json!({"validDays": -1}), "/validDays"),
        (json!({"validDays": 36_501}), "/validDays"),
        (json!({"billingPeriod": "annual", "tierId": shop.basic}), "/billingPeriod"),
        (json!({"billingPeriod": "monthly", "tierId": shop.pro}), "/billingPeriod"),
        (json!({"billingPeriod": "weekly"}), "/billingPeriod"),
    ] {
        assert_eq!(refused(&server, &shop, more.clone()).await, pointer, "{more}");
    }
    assert_eq!(issued_count(&server).await, 0);
    let issued = shop.issue(&server, json!({"validDays": 1})).await;
    edit(&server, &issued, json!({"expiresAt": now})).await.expect_problem(422, "VALIDATION_FAILED");
    let perpetual = edit(&server, &issued, json!({"expiresAt": null})).await;
    assert_eq!(perpetual.expect(200)["expiresAt"], Value::Null);
}

async fn an_order_of_a_source_has_one_licence(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let order = |source: &str, order: &str| json!({"source": source, "sourceOrderId": order});
    shop.issue(&server, order("shop", "4711")).await;
    let problem = shop.try_issue(&server, order("shop", "4711")).await.expect_problem(409, "ALREADY_EXISTS");
    assert_eq!(problem["errors"][0]["pointer"], "/sourceOrderId");
    shop.issue(&server, order("other-shop", "4711")).await;
    for _ in 0..2 {
        shop.issue(&server, json!({"source": "shop"})).await;
    }
    let alone = json!({"sourceOrderId": "4712"});
    assert_eq!(refused(&server, &shop, alone).await, "/source");
    assert_eq!(issued_count(&server).await, 4);
}

async fn the_same_customer_at_once_is_made_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let described = json!({"customer": {"externalId": "crm-1"}});
    let attempts = (0..12).map(|_| shop.try_issue(&server, described.clone()));
    let issued: Vec<Value> = join_all(attempts).await.into_iter().map(|reply| reply.expect(201)).collect();
    assert!(issued.iter().all(|license| license["customerId"] == issued[0]["customerId"]));
    assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 1);
    assert_eq!(issued_count(&server).await, 12);
}

async fn an_issue_is_in_the_audit_log_without_the_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"customer": {"name": "Ada"}})).await;
    let [event] = events(&server, "license.issued").await.try_into().unwrap();
    assert_eq!((event.subject.as_str(), event.actor_kind.as_str()), (id(&issued), "api_key"));
    assert_eq!(event.license_id.unwrap().to_string(), id(&issued));
    assert_eq!((event.ip.as_deref(), event.at), (Some("127.0.0.1"), server.context.moment().now));
    assert!(event.actor_id.is_some() && event.request_id.is_some());
    assert!(!event.detail.to_string().contains(super::key(&issued)));
}

async fn the_answer_names_the_licence_and_its_version(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let reply =
        shop.try_issue(&server, json!({"notes": "two\nlines", "metadata": {"seats": 3, "vip": true}})).await;
    let (place, tag) = (reply.header("location").to_owned(), reply.header("etag").to_owned());
    assert_eq!(reply.header("cache-control"), "no-store");
    let issued = reply.expect(201);
    assert_eq!(place, format!("{}/api/v1/license-keys/{}", server.issuer, id(&issued)));
    assert_eq!((tag.as_str(), &issued["version"]), ("\"1\"", &json!(1)));
    assert_eq!(
        (&issued["notes"], &issued["metadata"]),
        (&json!("two\nlines"), &json!({"seats": 3, "vip": true}))
    );
    let edited = edit(&server, &issued, json!({"notes": null, "metadata": {}})).await.expect(200);
    assert_eq!(
        (&edited["notes"], &edited["metadata"], &edited["version"]),
        (&Value::Null, &json!({}), &json!(2))
    );
}
