//! Lists, a page at a time.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use serde_json::{Value, json};

use crate::activation_claims::Guarded;

on_both![
    a_page_has_one_to_two_hundred_entries,
    a_walk_shows_every_entry_once_while_others_come,
    both_directions_mirror_each_other,
    a_search_takes_its_text_literally,
    a_search_goes_on_from_page_to_page,
    every_list_is_paged,
];

async fn add(server: &TestServer, names: &[&str]) {
    for name in names {
        // Ids sort by the time of their making.
        server.clock.advance(1);
        server.admin_post("/customers", json!({"name": name})).await.expect(201);
    }
}

async fn page(server: &TestServer, query: &str) -> Value {
    server.admin_get(&format!("/customers?{query}")).await.expect(200)
}

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

async fn a_page_has_one_to_two_hundred_entries(backend: Backend) {
    let server = TestServer::start(backend).await;
    for limit in ["0", "201", "18446744073709551615"] {
        let reply = server.admin_get(&format!("/customers?limit={limit}")).await;
        reply.expect_problem(400, "PARAMETER_INVALID");
    }
    add(&server, &["only"]).await;
    for limit in ["1", "200"] {
        let page = page(&server, &format!("limit={limit}")).await;
        assert_eq!(names(&page), ["only"]);
        assert!(page.get("nextCursor").is_none());
    }
}

async fn a_walk_shows_every_entry_once_while_others_come(backend: Backend) {
    let server = TestServer::start(backend).await;
    let first = ["a", "b", "c", "d", "e"];
    add(&server, &first).await;
    for (sort, expected) in [
        ("-createdAt", vec!["e", "d", "c", "b", "a"]),
        ("createdAt", vec!["a", "b", "c", "d", "e", "late", "late", "late", "late"]),
    ] {
        let mut seen = Vec::new();
        let mut query = format!("limit=2&sort={sort}");
        let mut pages = 0;
        loop {
            let page = page(&server, &query).await;
            assert_eq!(page.get("total").is_some(), pages == 0);
            seen.extend(names(&page));
            pages += 1;
            assert!(pages < 10);
            let Some(cursor) = page["nextCursor"].as_str() else {
                break;
            };
            query = format!("limit=2&sort={sort}&cursor={cursor}");
            if pages < 3 {
                add(&server, &["late"]).await;
            }
        }
        assert_eq!(seen, expected, "{sort}");
    }
}

async fn both_directions_mirror_each_other(backend: Backend) {
    let server = TestServer::start(backend).await;
    add(&server, &["a", "b", "c"]).await;
    let newest_first = names(&page(&server, "").await);
    assert_eq!(newest_first, ["c", "b", "a"]);
    assert_eq!(names(&page(&server, "sort=-createdAt").await), newest_first);
    assert_eq!(names(&page(&server, "sort=createdAt").await), ["a", "b", "c"]);
}

async fn a_search_takes_its_text_literally(backend: Backend) {
    let server = TestServer::start(backend).await;
    add(&server, &["100% sure", "100 percent", "snake_case", "snakeXcase", "back\\slash", "O'Brien"]).await;
    for (q, expected) in [
        ("100%25", vec!["100% sure"]),
        ("%25", vec!["100% sure"]),
        ("snake_c", vec!["snake_case"]),
        ("_", vec!["snake_case"]),
        ("k%5Cs", vec!["back\\slash"]),
        ("%5C", vec!["back\\slash"]),
        ("o'b", vec!["O'Brien"]),
        ("'%20OR%201=1%20--", vec![]),
    ] {
        assert_eq!(names(&page(&server, &format!("q={q}")).await), expected, "{q}");
    }
}

async fn a_search_goes_on_from_page_to_page(backend: Backend) {
    let server = TestServer::start(backend).await;
    add(&server, &["cat 1", "dog", "cat 2", "cat 3"]).await;
    let first = page(&server, "q=cat&limit=2").await;
    assert_eq!((names(&first), &first["total"]), (vec!["cat 3".to_owned(), "cat 2".to_owned()], &json!(3)));
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = page(&server, &format!("q=cat&limit=2&cursor={cursor}")).await;
    assert_eq!(names(&second), ["cat 1"]);
    assert!(second.get("nextCursor").is_none() && second.get("total").is_none());
}

async fn every_list_is_paged(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    Shop::named(&server, "other").await;
    for customer in ["a", "b"] {
        let issued = shop.issue(&server, json!({"customer": {"name": customer}})).await;
        Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), customer).await;
    }
    let guarded = Guarded::of_shop(&server, "guarded").await;
    for machine in ["a", "b"] {
        guarded.ask(&server, machine).await;
    }
    for (list, total) in [
        ("/products", 3),
        ("/pricing-tiers", 9),
        ("/product-features", 15),
        ("/customers", 2),
        ("/license-keys", 3),
        ("/license-activations", 2),
        ("/activation-claims", 2),
    ] {
        let first = server.admin_get(&format!("{list}?limit=1")).await.expect(200);
        assert_eq!(first["total"], total, "{list}");
        let cursor = first["nextCursor"].as_str().unwrap();
        let next = server.admin_get(&format!("{list}?limit=1&cursor={cursor}")).await.expect(200);
        assert_ne!(next["items"][0]["id"], first["items"][0]["id"], "{list}");
        let none = server.admin_get(&format!("{list}?q=nothing-like-this")).await.expect(200);
        assert_eq!((&none["items"], &none["total"]), (&json!([]), &json!(0)), "{list}");
    }
    for list in ["/pricing-tiers", "/product-features"] {
        let of_product = server.admin_get(&format!("{list}?productId={}", shop.product)).await.expect(200);
        let items = of_product["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["productId"] == shop.product.as_str()));
    }
}
