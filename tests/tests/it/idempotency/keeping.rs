//! How an outcome lies in the database, and for how long.

use licentia_domain::database::Lane;
use licentia_entity::kept_outcome;
use licentia_tests::{Backend, Shop, TestServer, on_both};
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use serde_json::{Value, json};

use super::{DAY, is_replayed, kept, keyed, total};

on_both![
    a_key_stands_for_its_request_for_a_day,
    what_is_over_is_purged,
    nothing_of_a_request_or_its_outcome_is_kept_in_clear,
    an_outcome_is_good_in_its_own_row_only,
];

async fn a_key_stands_for_its_request_for_a_day(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (ada, bob) = (json!({"name": "Ada"}), json!({"name": "Bob"}));
    let first = keyed(&server, "k", "/customers", ada.clone()).await.expect(201);
    server.clock.advance(DAY - 1);
    assert_eq!(keyed(&server, "k", "/customers", ada).await.expect(201), first);
    keyed(&server, "k", "/customers", bob.clone()).await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    // Being asked again made it no younger, and nothing has purged it.
    server.clock.advance(1);
    let second = keyed(&server, "k", "/customers", bob.clone()).await;
    assert!(!is_replayed(&second));
    let second = second.expect(201);
    assert_eq!(keyed(&server, "k", "/customers", bob).await.expect(201), second);
    assert_eq!(total(&server, "/customers").await, 2);
    assert_eq!(kept(&server).await.len(), 1);
}

async fn what_is_over_is_purged(backend: Backend) {
    let server = TestServer::start(backend).await;
    keyed(&server, "old", "/customers", json!({"name": "Ada"})).await.expect(201);
    server.clock.advance(DAY / 2);
    keyed(&server, "young", "/customers", json!({"name": "Bob"})).await.expect(201);
    server.clock.advance(DAY / 2 - 1);
    server.run_jobs().await;
    assert_eq!(kept(&server).await.len(), 2);
    // The job comes once an hour.
    server.clock.advance(3_602);
    server.run_jobs().await;
    assert_eq!(kept(&server).await.len(), 1);
    let young = keyed(&server, "young", "/customers", json!({"name": "Bob"})).await;
    assert!(is_replayed(&young));
    server.clock.advance(DAY);
    server.run_jobs().await;
    assert_eq!(kept(&server).await.len(), 0);
}

async fn nothing_of_a_request_or_its_outcome_is_kept_in_clear(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let license = json!({"productId": shop.product, "tierId": shop.pro, "notes": "canary-note"});
    let license = keyed(&server, "canary-key", "/license-keys", license).await.expect(201);
    let access = json!({"name": "canary-name", "permissions": ["customers"]});
    let access = keyed(&server, "canary-key", "/api-keys", access).await.expect(201);
    let secrets: [&Value; 4] = [&license["licenseKey"], &license["id"], &access["secret"], &access["id"]];
    let kept = kept(&server).await;
    assert_eq!(kept.len(), 2);
    for row in kept {
        assert_eq!((row.name.len(), row.request.len()), (32, 32));
        let bytes = [row.name, row.request, row.outcome].concat();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds("canary") && !holds("license"));
        assert!(!secrets.iter().any(|secret| holds(secret.as_str().unwrap())));
    }
}

async fn an_outcome_is_good_in_its_own_row_only(backend: Backend) {
    let server = TestServer::start(backend).await;
    for name in ["Ada", "Bob"] {
        keyed(&server, name, "/customers", json!({"name": name})).await.expect(201);
    }
    let bobs = kept(&server).await.pop().unwrap().outcome;
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    let swap = kept_outcome::Entity::update_many()
        .col_expr(kept_outcome::Column::Outcome, Expr::value(bobs.clone()));
    swap.exec(&tx).await.unwrap();
    tx.commit().await.unwrap();
    let mut answers = Vec::new();
    for name in ["Ada", "Bob"] {
        answers.push(keyed(&server, name, "/customers", json!({"name": name})).await.status);
    }
    answers.sort_unstable();
    // Of two rows with the same bytes, one has its own.
    assert_eq!(answers, [201, 500]);
    assert_eq!(total(&server, "/customers").await, 2);
}
