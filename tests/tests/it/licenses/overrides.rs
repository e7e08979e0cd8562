//! How a licence differs from its tier.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use serde_json::{Value, json};

use super::{claims, edit, issued_count, key, read, refused};

on_both![
    features_are_added_removed_or_frozen,
    a_frozen_set_stays_whatever_becomes_of_the_tier,
    overrides_that_contradict_or_name_what_is_not_there_are_refused,
    limits_of_a_licence_go_before_those_of_its_tier,
    limits_of_a_licence_have_bounds,
    an_edit_keeps_what_it_does_not_name,
];

async fn features_are_added_removed_or_frozen(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for (overrides, features, rooms) in [
        (json!({}), json!(["edit", "export", "rooms"]), json!(10)),
        (json!({"add": ["api"], "remove": ["edit"]}), json!(["api", "export", "rooms"]), json!(10)),
        (json!({"remove": ["rooms"]}), json!(["edit", "export"]), Value::Null),
        (json!({"set": ["api"]}), json!(["api"]), Value::Null),
        (json!({"set": []}), json!([]), Value::Null),
        (json!({"values": {"rooms": 99}}), json!(["edit", "export", "rooms"]), json!(99)),
        (json!({"set": ["rooms"], "values": {"rooms": -1}}), json!(["rooms"]), json!(-1)),
    ] {
        let issued = shop.issue(&server, json!({"features": overrides})).await;
        let claims = claims(&server, &issued).await;
        assert_eq!(claims["features"], features, "{overrides}");
        assert_eq!(claims["feature_values"]["rooms"], rooms, "{overrides}");
        assert_eq!(read(&server, &issued).await["features"], overrides);
    }
}

async fn a_frozen_set_stays_whatever_becomes_of_the_tier(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let frozen = shop.issue(&server, json!({"features": {"set": ["edit", "export"]}})).await;
    let following = shop.issue(&server, json!({"features": {"remove": ["edit"]}})).await;
    let path = format!("/pricing-tiers/{}", shop.pro);
    server.admin_put(&path, json!({"features": ["api"]})).await.expect(200);
    assert_eq!(claims(&server, &frozen).await["features"], json!(["edit", "export"]));
    assert_eq!(claims(&server, &following).await["features"], json!(["api", "rooms"]));
}

async fn overrides_that_contradict_or_name_what_is_not_there_are_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let kept = shop.issue(&server, json!({"features": {"add": ["api"]}})).await;
    for (overrides, pointer) in [
        (json!({"set": ["edit"], "add": ["api"]}), "/features/set"),
        (json!({"set": [], "remove": ["api"]}), "/features/set"),
        (json!({"add": ["nothing"]}), "/features/add"),
        (json!({"add": ["care"]}), "/features/add"),
        (json!({"remove": ["nothing"]}), "/features/remove"),
        (json!({"set": ["nothing"]}), "/features/set"),
        (json!({"add": ["*"]}), "/features/add"),
        (json!({"values": {"nothing": 1}}), "/features/values"),
        (json!({"values": {"rooms": "x"}}), "/features/values/rooms"),
        (json!({"values": {"edit": 1}}), "/features/values/edit"),
        (json!({"values": {"rooms": 1.5}}), "/features/values"),
        (json!(["edit"]), "/features"),
    ] {
        let more = json!({"features": overrides});
        let found = refused(&server, &shop, more.clone()).await;
        assert!(found.starts_with(pointer), "{overrides}: {found}");
        edit(&server, &kept, more).await.expect_problem(422, "VALIDATION_FAILED");
    }
    assert_eq!(issued_count(&server).await, 1);
    let unchanged = read(&server, &kept).await;
    assert_eq!((&unchanged["features"], &unchanged["version"]), (&json!({"add": ["api"]}), &json!(1)));
}

async fn limits_of_a_licence_go_before_those_of_its_tier(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let own = json!({"maxActivations": 5, "maxUsers": 7});
    let issued = shop.issue(&server, own).await;
    assert_eq!(issued["seats"], json!({"used": 0, "limit": 5}));
    let said = claims(&server, &issued).await;
    assert_eq!((&said["max_activations"], &said["max_users"]), (&json!(5), &json!(7)));
    assert!(said.get("max_tenants").is_none());
    let unlimited = edit(&server, &issued, json!({"maxActivations": null})).await.expect(200);
    assert_eq!(
        (&unlimited["seats"]["limit"], unlimited.get("maxActivations")),
        (&Value::Null, Some(&Value::Null))
    );
    let back = edit(&server, &issued, json!({"maxActivations": "inherit"})).await.expect(200);
    assert_eq!((&back["seats"]["limit"], back.get("maxActivations")), (&json!(2), None));
}

async fn limits_of_a_licence_have_bounds(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    for member in ["maxActivations", "maxUsers", "maxTenants"] {
        for value in
            [json!(0), json!(-5), json!(10_000_001), json!(u64::MAX), json!(1.5), json!("many"), json!(true)]
        {
            let more = json!({member: value});
            assert_eq!(refused(&server, &shop, more.clone()).await, format!("/{member}"));
            edit(&server, &issued, more).await.expect_problem(422, "VALIDATION_FAILED");
        }
        shop.issue(&server, json!({member: 10_000_000})).await;
    }
}

async fn an_edit_keeps_what_it_does_not_name(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let everything = json!({"validDays": 30, "features": {"add": ["api"]}, "maxUsers": 4, "maxTenants": null,
                            "notes": "kept", "metadata": {"region": "uk"}, "source": "shop", "sourceOrderId": "1"});
    let issued = shop.issue(&server, everything).await;
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    let before = read(&server, &issued).await;
    server.clock.advance(60);
    let mut after = edit(&server, &issued, json!({"notes": "new"})).await.expect(200);
    assert_eq!((&after["notes"], &after["version"]), (&json!("new"), &json!(2)));
    assert_ne!(after["updatedAt"], before["updatedAt"]);
    for member in ["notes", "version", "updatedAt"] {
        after[member] = before[member].clone();
    }
    assert_eq!(after, before);
    let edited = json!({"features": {}, "maxUsers": 9});
    edit(&server, &issued, edited).await.expect(200);
    machine.beat(&server).await;
    let claims = machine.claims();
    assert_eq!((&claims["features"], &claims["max_users"]), (&json!(["edit", "export", "rooms"]), &json!(9)));
}
