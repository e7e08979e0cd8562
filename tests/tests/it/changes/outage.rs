//! The database is gone: what is known is believed for a minute, and no longer.

use super::*;

on_both![a_good_token_is_good_for_a_minute_without_a_database];

async fn a_good_token_is_good_for_a_minute_without_a_database(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = settled(&server).await;
    let twin = Machine::activate(&server, &machine.key, "fp-2").await;
    let path = format!("/license-activations/{}/revoke", twin.activation);
    server.admin_post(&path, json!({"graceHours": 0})).await.expect(200);
    assert_eq!(word(&server, &twin).await.0, "REVOKED");
    let list = server.get("/api/v1/revocation/list").await.text;

    server.context.db.clone().close().await.unwrap();
    for seconds in [0, 1, 58] {
        server.clock.advance(seconds);
        assert_eq!(verdict(&server, &machine).await["code"], "VALID");
        // Nothing is made up of what was changed.
        let reply = server.post("/license-keys/validate", json!({"token": twin.token})).await;
        reply.expect_problem(503, "UNAVAILABLE");
        assert_eq!(server.get("/api/v1/revocation/list").await.text, list);
    }
    server.clock.advance(1);
    let reply = server.post("/license-keys/validate", json!({"token": machine.token})).await;
    reply.expect_problem(503, "UNAVAILABLE");
}
