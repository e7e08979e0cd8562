//! What a program is to do when its token ends: block, degrade to a lower tier, advise.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use serde_json::{Value, json};

use super::{Issued, edit_tier, tier, try_tier};

on_both![
    a_token_says_what_to_do_when_it_ends,
    degrade_and_where_to_go_together,
    nobody_degrades_to_itself_or_upwards,
    a_tier_that_others_degrade_to_stays,
];

async fn claims(server: &TestServer, shop: &Shop, tier: &str) -> Value {
    let issued = Issued::at(server, shop, tier, json!({})).await;
    Machine::activate(server, &issued.key, "fp-1").await.claims()
}

async fn a_token_says_what_to_do_when_it_ends(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let plain = claims(&server, &shop, &shop.max).await;
    assert_eq!((&plain["enforcement"], plain.get("degrade_to_tier")), (&json!("block"), None));

    let free = tier(&server, &shop, "free", json!({})).await;
    let degrade = json!({"enforcement": "degrade", "degradeToTierId": free});
    edit_tier(&server, &shop.basic, degrade).await.expect(200);
    let inherited = claims(&server, &shop, &shop.max).await;
    assert_eq!(
        (&inherited["enforcement"], &inherited["degrade_to_tier"]),
        (&json!("degrade"), &json!("free"))
    );

    // The nearest tier wins, and takes both with it.
    edit_tier(&server, &shop.pro, json!({"enforcement": "advise"})).await.expect(200);
    let nearer = claims(&server, &shop, &shop.max).await;
    assert_eq!((&nearer["enforcement"], nearer.get("degrade_to_tier")), (&json!("advise"), None));
    let resolved = server.admin_get(&format!("/pricing-tiers/{}/features", shop.basic)).await.expect(200);
    assert_eq!((&resolved["enforcement"], &resolved["degradeToTier"]), (&json!("degrade"), &json!("free")));
    let written = server.admin_get(&format!("/pricing-tiers/{}", shop.max)).await.expect(200);
    assert_eq!((&written["enforcement"], &written["degradeToTierId"]), (&Value::Null, &Value::Null));
}

async fn degrade_and_where_to_go_together(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let other = Shop::named(&server, "other").await;
    let old = tier(&server, &shop, "old", json!({})).await;
    server.admin_delete(&format!("/pricing-tiers/{old}")).await.expect(204);
    for (wrong, code) in [
        (json!({"enforcement": "degrade"}), "REQUIRED"),
        (json!({"degradeToTierId": shop.basic}), "INVALID"),
        (json!({"enforcement": "block", "degradeToTierId": shop.basic}), "INVALID"),
        (json!({"enforcement": "degrade", "degradeToTierId": other.basic}), "UNKNOWN"),
        (json!({"enforcement": "degrade", "degradeToTierId": "tier_01h455vb4pex5vsknk084sn02q"}), "UNKNOWN"),
        (json!({"enforcement": "degrade", "degradeToTierId": old}), "ARCHIVED"),
    ] {
        for reply in
            [try_tier(&server, &shop, "new", wrong.clone()).await, edit_tier(&server, &shop.max, wrong).await]
        {
            let problem = reply.expect_problem(422, "VALIDATION_FAILED");
            let error = &problem["errors"][0];
            assert_eq!((&error["pointer"], &error["code"]), (&json!("/degradeToTierId"), &json!(code)));
        }
    }
    for wrong in [json!({"enforcement": "warn"}), json!({"activationModel": "roaming"}), json!({"lease": -1})]
    {
        try_tier(&server, &shop, "new", wrong).await.expect_problem(422, "VALIDATION_FAILED");
    }
    let degrade = json!({"enforcement": "degrade", "degradeToTierId": shop.basic});
    edit_tier(&server, &shop.max, degrade).await.expect(200);
    edit_tier(&server, &shop.max, json!({"enforcement": "block"}))
        .await
        .expect_problem(422, "VALIDATION_FAILED");
    let block = json!({"enforcement": null, "degradeToTierId": null});
    edit_tier(&server, &shop.max, block).await.expect(200);
}

async fn nobody_degrades_to_itself_or_upwards(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for (of, target) in
        [(&shop.pro, &shop.pro), (&shop.basic, &shop.max), (&shop.pro, &shop.max), (&shop.basic, &shop.pro)]
    {
        let edit = json!({"enforcement": "degrade", "degradeToTierId": target});
        let problem = edit_tier(&server, of, edit).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/degradeToTierId");
    }
    // Neither by an edit of what a tier includes.
    let side = tier(&server, &shop, "side", json!({})).await;
    let degrade = json!({"enforcement": "degrade", "degradeToTierId": side});
    edit_tier(&server, &shop.basic, degrade).await.expect(200);
    let above = json!({"includesTierId": shop.basic});
    edit_tier(&server, &side, above).await.expect_problem(422, "VALIDATION_FAILED");
    let down = json!({"enforcement": "degrade", "degradeToTierId": shop.basic});
    edit_tier(&server, &shop.pro, down).await.expect(200);
}

async fn a_tier_that_others_degrade_to_stays(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let free = tier(&server, &shop, "free", json!({})).await;
    let path = format!("/pricing-tiers/{free}");
    let degrade = json!({"enforcement": "degrade", "degradeToTierId": free});
    edit_tier(&server, &shop.max, degrade).await.expect(200);
    server.admin_delete(&path).await.expect_problem(409, "IN_USE");
    server.admin_delete(&format!("/pricing-tiers/{}", shop.max)).await.expect(204);
    server.admin_delete(&path).await.expect(204);
}
