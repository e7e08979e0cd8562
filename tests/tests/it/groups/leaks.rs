//! Whatever somebody within one group lists, exports, sums or looks up holds nothing of another.

use licentia_tests::{Backend, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Market, Realm, call, get, id};
use crate::access::bounds::{ids_in, path_of};
use crate::openapi::operations;

on_both![
    no_answer_holds_anything_of_another_group,
    what_is_outside_counts_in_no_total,
    nothing_of_another_group_is_found_by_looking_it_up,
    a_token_of_another_group_belongs_to_nothing,
    what_an_operator_finds_of_several_groups_is_told_in_none,
];

struct World {
    server: TestServer,
    market: Market,
    north: Realm,
    south: Realm,
}

async fn world(backend: Backend) -> World {
    let server = TestServer::start(backend).await;
    let market = Market::open(&server).await;
    let (north, south) =
        (Realm::of(&server, &market, "north").await, Realm::of(&server, &market, "south").await);
    World { server, market, north, south }
}

/// Everything that can be read, within the realm: each route as it is, and each list by all that names `other`.
fn readable(market: &Market, own: &Realm, other: &Realm) -> Vec<String> {
    let mut paths = Vec::new();
    for (name, operation) in operations() {
        let Some(path) = name.strip_prefix("GET /api/v1") else { continue };
        if let Some(path) = path_of(path, &ids_in(market, own)) {
            let filters: Vec<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            paths.push(path.clone());
            for filter in filters {
                paths
                    .extend(asked(filter, other).into_iter().map(|value| format!("{path}?{filter}={value}")));
            }
        }
    }
    paths
}

/// What of another realm a filter may name.
fn asked(filter: &str, other: &Realm) -> Vec<String> {
    match filter {
        "q" => vec!["south".to_owned(), "north".to_owned()],
        "licenseId" => vec![other.license.clone(), other.unclaimed.clone()],
        "customerId" => vec![other.customer.clone()],
        "groupId" => vec![other.group.clone()],
        "subject" => {
            vec![other.license.clone(), other.customer.clone(), other.import.clone(), other.api_key.clone()]
        }
        "adminId" => vec![other.admin.clone()],
        "actorId" => vec![other.api_key.clone(), other.license.clone()],
        "groupBy" => vec!["license".to_owned(), "day,license,action,outcome,productVersion".to_owned()],
        "format" => vec!["csv".to_owned()],
        "keys" => vec!["true".to_owned()],
        "assemblyName" => vec![format!("{}.Core", other.marks[2])],
        _ => Vec::new(),
    }
}

async fn no_answer_holds_anything_of_another_group(backend: Backend) {
    let World { server, market, north, south } = world(backend).await;
    let mut shown = String::new();
    for (own, other) in [(&north, &south), (&south, &north)] {
        for path in readable(&market, own, other) {
            let reply = get(&server, &own.secret, &path).await;
            assert!(matches!(reply.status, 200 | 400 | 403 | 404), "{path}: {}", reply.text);
            for mark in &other.marks {
                // What was asked for is repeated where it is refused.
                let told = reply.text.replace(&path, "");
                assert!(!told.contains(mark.as_str()), "{path} holds {mark}: {}", reply.text);
            }
            shown.push_str(&reply.text);
        }
    }
    // Each sees all of its own, so that there was something to be seen.
    for realm in [&north, &south] {
        for mark in &realm.marks {
            assert!(shown.contains(mark.as_str()), "nobody was shown {mark}");
        }
    }
}

async fn what_is_outside_counts_in_no_total(backend: Backend) {
    let World { server, north, south, .. } = world(backend).await;
    let count = async |key: &str, path: &str, member: &str| {
        get(&server, key, path).await.expect(200)[member].as_u64().unwrap_or_else(|| panic!("{path}"))
    };
    for (path, member) in [
        ("/customers", "total"),
        ("/license-keys", "total"),
        ("/license-keys?status=active", "total"),
        ("/license-activations", "total"),
        ("/activation-claims", "total"),
        ("/assembly-whitelist", "total"),
        ("/imports", "total"),
        ("/groups", "total"),
        ("/usage", "count"),
        ("/usage?groupBy=license", "total"),
    ] {
        let (ours, theirs) =
            (count(&north.secret, path, member).await, count(&south.secret, path, member).await);
        let all = count(&server.admin_key, path, member).await;
        assert!(ours > 0, "{path}");
        // Both hold the same, and there is nothing else.
        assert_eq!((ours, all), (theirs, 2 * ours), "{path}");
    }
    assert_eq!(count(&north.secret, "/api-keys", "total").await, 1);
    let ours = count(&north.secret, "/audit-events", "total").await;
    assert!(ours > 10 && 2 * ours < count(&server.admin_key, "/audit-events", "total").await);
}

async fn nothing_of_another_group_is_found_by_looking_it_up(backend: Backend) {
    let World { server, north, south, .. } = world(backend).await;
    let look_up = async |key: &str, text: &str| {
        call(&server, key, Method::POST, "/lookup", json!({"text": text})).await.expect(200)
    };
    let known = |realm: &Realm| -> Vec<String> {
        let mut known = vec![
            realm.customer.clone(),
            realm.license.clone(),
            realm.license_key.clone(),
            realm.machine.activation.clone(),
        ];
        known.extend(["crm", "order", "fp", "host"].map(|kind| format!("{}-{kind}", realm.marks[2])));
        known.push(format!("{}@example.com", realm.marks[2]));
        known.push(realm.machine.token.clone());
        known
    };
    let entry = server.admin_get(&format!("/audit-events?subject={}", south.customer)).await.expect(200);
    let entry = entry["items"][0].clone();
    let entries = ["id", "requestId"].map(|member| entry[member].as_str().unwrap().to_owned());
    for text in known(&south).into_iter().chain(entries) {
        assert_ne!(look_up(&south.secret, &text).await["matches"], json!([]), "{text}");
        assert_eq!(look_up(&north.secret, &text).await["matches"], json!([]), "{text}");
    }
    assert_ne!(look_up(&north.secret, &known(&north)[0]).await["matches"], json!([]));
}

async fn a_token_of_another_group_belongs_to_nothing(backend: Backend) {
    let World { server, north, south, .. } = world(backend).await;
    let inspect = async |key: &str| {
        let body = json!({"token": south.machine.token});
        call(&server, key, Method::POST, "/tokens/inspect", body).await.expect(200)
    };
    assert_eq!(inspect(&south.secret).await["machine"]["activationId"], south.machine.activation.as_str());
    assert_eq!(inspect(&north.secret).await["machine"], Value::Null);
}

async fn what_an_operator_finds_of_several_groups_is_told_in_none(backend: Backend) {
    let World { server, market, north, south } = world(backend).await;
    let stranger = json!({"externalId": "twice", "groupId": south.group});
    let stranger = id(&server.admin_post("/customers", stranger).await.expect(201));
    let order = json!({"groupId": north.group, "source": "till", "sourceOrderId": "twice"});
    let license = id(&market.shop.issue(&server, order).await);
    let look_up = async |text: &str| {
        let found = server.admin_post("/lookup", json!({"text": text})).await.expect(200);
        found["matches"].as_array().unwrap().len()
    };
    assert_eq!(look_up("twice").await, 2);
    let log = format!("/audit-events?licenseId={license}&action=lookup.made");
    assert_eq!(server.admin_get(&log).await.expect(200)["total"], 0);
    let seen = get(&server, &north.secret, "/audit-events?limit=200").await;
    assert!(!seen.text.contains(&stranger), "{}", seen.text);
    // What is the licence's alone is on its record.
    assert_eq!(look_up(&license).await, 1);
    assert_eq!(get(&server, &north.secret, &log).await.expect(200)["total"], 1);
}
